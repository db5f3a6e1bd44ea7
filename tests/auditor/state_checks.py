"""The state: capacity equations, versions, and the auditor's own model of every effect. Laws L6, L11."""
from __future__ import annotations

import collections

from .findings import Findings
from .index import Index
from .model import Model, millis


def check(index: Index, findings: Findings) -> None:
    capacity(index, findings)
    versions(index, findings)
    modelled(index, findings)


def items_of(row) -> list[tuple[str, int]]:
    import json
    items = json.loads(row["items"]) if isinstance(row["items"], (str, bytes)) else row["items"]
    return [(item["sectionId"], item["quantity"]) for item in items or []]


def capacity(index: Index, findings: Findings) -> None:
    check = findings.check("capacity", "L11", "held + sold + available = capacity, and the reservations add up to it")
    held, sold = collections.Counter(), collections.Counter()
    for row in index.facts.reservation_log:
        into = {"held": held, "confirmed": sold}.get(row["status"])
        if into is not None:
            for section, quantity in items_of(row):
                into[(str(row["tenant_id"]), str(row["event_id"]), section)] += quantity
    known = set()
    for row in index.facts.section_capacity:
        check.examined += 1
        at = (str(row["tenant_id"]), str(row["event_id"]), row["section_id"])
        known.add(at)
        numbers = {name: row[name] for name in ("capacity", "held", "sold", "available")}
        if row["held"] + row["sold"] + row["available"] != row["capacity"] or min(numbers.values()) < 0:
            check.refute("capacity equation broken", section=at, **numbers)
        if row["held"] != held[at] or row["sold"] != sold[at]:
            check.refute("reservations do not add up", section=at, reservations_held=held[at],
                         reservations_sold=sold[at], **numbers)
    for at in (held.keys() | sold.keys()) - known:
        if held[at] or sold[at]:
            check.refute("reservation of an unknown section", section=at)


def versions(index: Index, findings: Findings) -> None:
    check = findings.check("versions", "L6", "versions of an event and of a reservation never go back and leave no gap")
    last: dict[tuple, int] = {}
    for outcomes in index.facts.outcomes.values():
        for outcome in outcomes:
            if outcome.replayed or outcome.status != "completed":
                continue
            check.examined += 1
            result = outcome.result
            kind = "event" if outcome.type.startswith("ticketing.event.") else "reservation"
            thing = (outcome.tenant, kind, subject_id(kind, result))
            version = result.get("version")
            if type(version) is not int or thing[2] is None:
                check.refute("success without id and version", at=f"{outcome.partition}:{outcome.seq}")
                continue
            before = last.get(thing, 0)
            allowed = (before, before + 1) if before else (1,)
            # A cancelling event has taken its version before its reservations end.
            if version not in allowed:
                check.refute("version jumps", thing=thing, version=version, after=before,
                             at=f"{outcome.partition}:{outcome.seq}")
            last[thing] = max(version, before)
    tables = (("event", "event_id", index.facts.event_log), ("reservation", "reservation_id",
                                                            index.facts.reservation_log))
    for kind, column, rows in tables:
        for row in rows:
            thing = (str(row["tenant_id"]), kind, str(row[column]))
            shown = last.pop(thing, None)
            if shown is None:
                # What was made and taken back was never announced.
                if row["status"] != "withdrawn":
                    check.refute("nobody announced it", thing=thing)
            elif index.facts.drained and shown != row["version"]:
                check.refute("last announced version differs", thing=thing, announced=shown, view=row["version"])
    for thing in last:
        check.refute("announced, but not in the database", thing=thing)


def subject_id(kind: str, result: dict):
    return result.get(f"{kind}Id") or result.get("id")


def modelled(index: Index, findings: Findings) -> None:
    codes = findings.check("codes", "L1 L6", "every answer is one that the rules allow in the state it was given in")
    model = Model(index, codes)
    for partition in sorted(index.facts.outcomes):
        model.play(index.facts.outcomes[partition])
    states = findings.check("state", "L1 L11", "the database holds exactly what the auditor's own model holds")
    if index.facts.drained:
        compare(index, model, states)


def compare(index: Index, model: Model, check) -> None:
    events, reservations = dict(model.events), dict(model.reservations)
    withdrawn = set()
    for row in index.facts.event_log:
        check.examined += 1
        at = (str(row["tenant_id"]), str(row["event_id"]))
        mine = events.pop(at, None)
        if row["status"] == "withdrawn" and mine is None:
            withdrawn.add(at)
            continue
        view = (row["status"], row["version"], row["name"], row["venue_id"],
                (millis(row["starts_at"]), millis(row["ends_at"])))
        model_of = mine and (mine.status, mine.version, mine.name, mine.venue, mine.dates)
        if model_of != view or (mine.slug and mine.slug != row["slug"]):
            check.refute("event differs from the model", event=row["event_id"], view=(*view, row["slug"]),
                         model=mine and (*model_of, mine.slug))
    for row in index.facts.section_capacity:
        check.examined += 1
        if (str(row["tenant_id"]), str(row["event_id"])) in withdrawn:
            continue
        event = model.events.get((str(row["tenant_id"]), str(row["event_id"])))
        mine = event and event.sections.get(row["section_id"])
        view = [row["capacity"], row["held"], row["sold"]]
        price = event and event.prices.get(row["section_id"])
        if price != (row["price_minor"], row["currency"]):
            check.refute("section has another price than the model's", event=row["event_id"],
                         section=row["section_id"], view=(row["price_minor"], row["currency"]), model=price)
        if mine != view:
            check.refute("section differs from the model", event=row["event_id"], section=row["section_id"],
                         view=view, model=mine)
    for row in index.facts.reservation_log:
        check.examined += 1
        mine = reservations.pop((str(row["tenant_id"]), str(row["reservation_id"])), None)
        view = (row["status"], row["version"], str(row["event_id"]), sorted(items_of(row)), row["customer_id"],
                row["total_minor"])
        if mine is None or (mine.status, mine.version, mine.event, sorted(mine.items), mine.customer,
                            mine.total) != view:
            check.refute("reservation differs from the model", reservation=row["reservation_id"], view=view,
                         model=mine and (mine.status, mine.version))
        elif millis(row["expires_at"]) != mine.expires:
            check.refute("hold ends at another time than the model's", reservation=row["reservation_id"],
                         view=millis(row["expires_at"]), model=mine.expires)
    for kind, rest in (("event", events), ("reservation", reservations)):
        for at in rest:
            check.refute(f"{kind} is missing in the database", at=at)
