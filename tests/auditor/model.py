"""A second implementation of the rules, played over the outcome log in its order.

Each first outcome is one decision. The model knows the command (from the command topics), its own state and the
decision time; it says which refusals the rules allow then. No refusal allowed: it must be a success. The order in
which an implementation looks at several reasons is left free.
"""
from __future__ import annotations

import dataclasses
import datetime

from .facts import Outcome
from .index import Index

MAX_HOLD = 3_600  # above it a setting may refuse
# What a service outside may make of an event command; the log does not show whether it had to.
OUTSIDE = {"?VENUE_NOT_FOUND", "?VENUE_FORBIDDEN", "?VENUE_UNAVAILABLE", "?VENUE_REFUSED", "?CHAIN_REFUSED",
           "?CHAIN_UNAVAILABLE"}


def millis(value) -> int | None:
    """RFC 3339 text or a datetime as milliseconds."""
    if value is None:
        return None
    if isinstance(value, str):
        value = datetime.datetime.fromisoformat(value.replace("Z", "+00:00").replace("z", "+00:00"))
    return round(value.timestamp() * 1000)


@dataclasses.dataclass
class Event:
    status: str
    version: int
    name: str
    venue: str
    dates: tuple[int, int]  # from, until
    slug: str | None
    external: str | None
    sales: tuple[int | None, int | None]
    limit: int | None
    fingerprint: bytes
    sections: dict[str, list[int]]  # capacity, held, sold
    prices: dict[str, tuple[int, str]]  # minor units, currency


@dataclasses.dataclass
class Reservation:
    event: str
    status: str
    version: int
    hold_version: int
    items: list[tuple[str, int]]
    expires: int
    fingerprint: bytes
    customer: str
    prices: list[tuple[int, str]]  # of each item, when it was held
    payment: str | None = None
    refund: str | None = None


    @property
    def total(self) -> int:
        return sum(price * quantity for (price, _), (_, quantity) in zip(self.prices, self.items))

    def shown(self) -> dict:
        """What an outcome says of it."""
        return {"eventId": self.event, "customerId": self.customer, "totalMinor": self.total,
                "currency": self.prices[0][1] if self.prices else None,
                "items": [{"sectionId": section, "quantity": quantity, "priceMinor": price}
                          for (section, quantity), (price, _) in zip(self.items, self.prices)]}


class Model:
    def __init__(self, index: Index, check) -> None:
        self.index = index
        self.check = check
        self.events: dict[tuple[str, str], Event] = {}
        self.reservations: dict[tuple[str, str], Reservation] = {}
        self.claims: set[tuple] = set()  # (tenant, venue, name, start), (tenant, venue, slug), (tenant, external id)
        self.cancelled_at = self._cancellations()
        self.withdrawn = {(str(row["tenant_id"]), str(row["event_id"])) for row in index.facts.event_log
                          if row["status"] == "withdrawn"}
        self._all_claims()

    def _cancellations(self) -> dict[tuple[str, str], int]:
        """Home offset of the first successful event.cancel of each event."""
        found: dict[tuple[str, str], int] = {}
        for outcomes in self.index.facts.outcomes.values():
            for o in outcomes:
                home = self.index.home_of.get(o.origin)
                if o.type == "ticketing.event.cancelled.v1" and not o.replayed and home:
                    at = (o.tenant, o.event)
                    found[at] = min(found.get(at, home.offset), home.offset)
        return found

    def _all_claims(self) -> None:
        """Every name any create or update asked for: contests between lanes have no order the log shows."""
        seen = set()
        for position in self.index.records:
            command = self.index.command(position)
            if command.kind == "ok" and command.short in ("event.create", "event.update"):
                tenant, d = command.attributes["tenantid"], command.data
                for claim in ((tenant, d.get("name", "").casefold()), (tenant, "s", d.get("slug")),
                              (tenant, "x", d.get("externalId"))):
                    if claim[-1]:
                        (self.claims if claim in seen else seen).add(claim)

    def play(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.replayed or outcome.broken:
                continue
            command = self.index.command(outcome.origin)
            home = self.index.home_of.get(outcome.origin)
            if command is None or home is None or command.kind != "ok":
                continue
            verdict = self.index.verdict(home.position)
            if verdict not in ("applied", "parked"):
                continue
            self.check.examined += 1
            if command.short == "event.cancel" and outcome.type.startswith("ticketing.reservation."):
                self.drained(outcome)
            else:
                self.decided(outcome, command, home)

    def decided(self, outcome: Outcome, command, home) -> None:
        tenant, data = outcome.tenant, command.data
        event_id = data.get("eventId") or outcome.event
        event = self.events.get((tenant, event_id))
        now = millis(outcome.time)
        cancelled = self.cancelled_at.get((tenant, event_id))
        closing = cancelled is not None and home.offset > cancelled
        kind, verb = command.short.split(".")
        refusals, repeat = getattr(self, f"{kind}_{verb}")(outcome, command, event, event_id, now, closing)
        if outcome.status == "completed":
            must = {r for r in refusals if not r.startswith("?")}
            if must and not repeat:
                self.complain("succeeded against the rules", outcome, should=sorted(must))
            if not repeat:
                getattr(self, f"do_{kind}_{verb}")(outcome, command, event, event_id, now)
            self.compare_result(outcome, kind, event_id)
        elif outcome.code not in {r.lstrip("?") for r in refusals}:
            self.complain("refused without a reason the rules know", outcome, allowed=sorted(refusals))

    def complain(self, what: str, outcome: Outcome, **evidence) -> None:
        self.check.refute(what, at=f"{outcome.partition}:{outcome.seq}", origin=outcome.origin, code=outcome.code,
                          **evidence)

    def compare_result(self, outcome: Outcome, kind: str, event_id: str) -> None:
        result = outcome.result
        if kind == "event":
            mine = self.events.get((outcome.tenant, event_id))
        else:
            mine = self.reservations.get((outcome.tenant, result.get("reservationId") or result.get("id")))
        if mine is None:
            self.complain("shows something the model does not know", outcome)
        elif (result.get("version"), result.get("status")) != (mine.version, mine.status):
            self.complain("shows another state than the model", outcome, model=(mine.version, mine.status),
                          shown=(result.get("version"), result.get("status")))
        else:
            self.compare_words(outcome, kind, mine)

    def compare_words(self, outcome: Outcome, kind: str, mine) -> None:
        result = outcome.result
        if kind == "reservation":
            wanted = mine.shown()
            ends = mine.expires if mine.status == "held" else None
            if millis(result.get("expiresAt")) != ends:
                self.complain("shows another end of the hold", outcome, model=ends, shown=result.get("expiresAt"))
        else:
            wanted = {"venueId": mine.venue, "name": mine.name}
            if mine.slug:
                wanted["slug"] = mine.slug
            if (dates := (millis(result.get("startsAt")), millis(result.get("endsAt")))) != mine.dates:
                self.complain("shows other dates", outcome, model=mine.dates, shown=dates)
            sections = {s["sectionId"]: (s["priceMinor"], s["currency"]) for s in result.get("sections", [])}
            if sections != mine.prices:
                self.complain("shows other prices", outcome, model=mine.prices, shown=sections)
        shown = {name: result.get(name) for name in wanted}
        if shown != wanted:
            self.complain("shows other words than the model", outcome, model=wanted, shown=shown)

    # ------------------------------------------------------------ what the rules allow; "?" = may, need not

    def event_create(self, outcome, command, event, event_id, now, closing):
        refusals = self.contested(command)
        if self.index.facts.outside and event is None:
            refusals |= OUTSIDE
        royalties = command.data.get("royalties") or {}
        if royalties.get("artistBps", 0) + royalties.get("venueBps", 0) > 10_000:
            refusals.add("ROYALTIES_EXCEED_TOTAL")
        if event is not None:
            if event.fingerprint == command.fingerprint:
                return refusals | {"?ID_TAKEN"} if "ROYALTIES_EXCEED_TOTAL" in refusals else set(), True
            refusals.add("ID_TAKEN")
        return refusals, False

    def no_event(self, tenant: str, event_id: str) -> set[str]:
        """One that was made and taken back is there, but not on sale."""
        return {"?EVENT_NOT_ON_SALE" if (tenant, event_id) in self.withdrawn else "EVENT_NOT_FOUND"}

    def contested(self, command) -> set[str]:
        tenant, d, out = command.attributes["tenantid"], command.data, set()
        if d.get("name") and (tenant, d["name"].casefold()) in self.claims:
            out.add("?DUPLICATE_EVENT")
        if (tenant, "x", d.get("externalId")) in self.claims:
            out.add("?DUPLICATE_EVENT")
        if (tenant, "s", d.get("slug")) in self.claims:
            out.add("?SLUG_TAKEN")
        return out

    def event_update(self, outcome, command, event, event_id, now, closing):
        if event is None:
            return self.no_event(outcome.tenant, event_id), False
        refusals = self.contested(command)
        if "startsAt" in command.data or "endsAt" in command.data:
            refusals |= {"?DUPLICATE_EVENT", "?INVALID_COMMAND"}
            if self.index.facts.outside:
                refusals |= OUTSIDE
        if event.status != "on_sale" or closing:
            refusals.add("EVENT_NOT_ON_SALE")
        if command.data["expectedVersion"] != event.version:
            refusals.add("?VERSION_CONFLICT" if closing else "VERSION_CONFLICT")
        for section in command.data.get("sections", []):
            have = event.sections.get(section["sectionId"])
            if have and section["capacity"] < have[1] + have[2]:
                refusals.add("CAPACITY_BELOW_COMMITTED")
        return refusals, False

    def event_cancel(self, outcome, command, event, event_id, now, closing):
        if event is None:
            return self.no_event(outcome.tenant, event_id), False
        if closing:
            return {"?VERSION_CONFLICT", "?EVENT_NOT_ON_SALE"}, True
        expected = command.data.get("expectedVersion")
        return ({"VERSION_CONFLICT"} if expected is not None and expected != event.version else set()), False

    def reservation_create(self, outcome, command, event, event_id, now, closing):
        if event is None:
            return self.no_event(outcome.tenant, event_id), False
        refusals, data = set(), command.data
        known = self.reservations.get((outcome.tenant, data.get("reservationId")))
        if known and known.fingerprint == command.fingerprint:
            return {"?EVENT_NOT_ON_SALE", "?CAPACITY_EXHAUSTED"} if closing else set(), True
        if known:
            refusals.add("ID_TAKEN")
        begin, end = event.sales
        if closing or event.status != "on_sale" or (begin and now < begin) or (end and now >= end):
            refusals.add("EVENT_NOT_ON_SALE")
        wanted: dict[str, int] = {}
        for item in data["items"]:
            wanted[item["sectionId"]] = wanted.get(item["sectionId"], 0) + item["quantity"]
        if event.limit is not None and sum(wanted.values()) > event.limit:
            refusals.add("LIMIT_EXCEEDED")
        if data.get("holdSeconds", 0) > MAX_HOLD:
            refusals.add("?LIMIT_EXCEEDED")
        for section, quantity in wanted.items():
            have = event.sections.get(section)
            if have is None:
                refusals.add("SECTION_NOT_FOUND")
            elif have[0] - have[1] - have[2] < quantity:
                refusals.add("CAPACITY_EXHAUSTED")
        return refusals, False

    def on_reservation(self, outcome, command, event, wanted: str, done: str, same) -> tuple:
        """Common to the commands that name a reservation: its state and what may be said about it."""
        known = self.reservations.get((outcome.tenant, command.data["reservationId"]))
        if event is None:
            return None, {"?EVENT_NOT_FOUND", "?RESERVATION_NOT_FOUND", "!"}, False
        if known is None or known.event != command.data["eventId"]:
            return None, {"RESERVATION_NOT_FOUND"}, False
        if known.status == done and same(known):
            return known, {"?RESERVATION_NOT_ACTIVE"} if done == "held" else set(), True
        if known.status != wanted:
            return known, {"RESERVATION_EXPIRED" if known.status == "expired" else "RESERVATION_NOT_ACTIVE"}, False
        return known, set(), False

    def maybe_closed(self, refusals: set[str], closing: bool, closed: str) -> set[str]:
        if not closing:
            return refusals
        return {f"?{r.lstrip('?')}" for r in refusals} | {closed, "?RESERVATION_NOT_ACTIVE"}

    def reservation_confirm(self, outcome, command, event, event_id, now, closing):
        known, refusals, repeat = self.on_reservation(
            outcome, command, event, "held", "confirmed",
            lambda r: r.payment == command.data["paymentReference"])
        if known and known.status == "held" and now >= known.expires:
            refusals.add("RESERVATION_EXPIRED")
        return (refusals, True) if repeat else (self.maybe_closed(refusals, closing, "EVENT_NOT_ON_SALE"), False)

    def reservation_extend(self, outcome, command, event, event_id, now, closing):
        known, refusals, _ = self.on_reservation(outcome, command, event, "held", "none", lambda r: False)
        if known and known.status == "held" and now >= known.expires:
            refusals.add("RESERVATION_EXPIRED")
        if command.data["holdSeconds"] > MAX_HOLD:
            refusals.add("?LIMIT_EXCEEDED")
        return self.maybe_closed(refusals, closing, "EVENT_NOT_ON_SALE"), False

    def reservation_release(self, outcome, command, event, event_id, now, closing):
        known, refusals, repeat = self.on_reservation(outcome, command, event, "held", "released", lambda r: True)
        if known and known.status == "held" and now >= known.expires:
            refusals.add("RESERVATION_EXPIRED")
        return (refusals, True) if repeat else (self.maybe_closed(refusals, closing, "?EVENT_NOT_ON_SALE"), False)

    def reservation_cancel(self, outcome, command, event, event_id, now, closing):
        known, refusals, repeat = self.on_reservation(
            outcome, command, event, "confirmed", "cancelled", lambda r: True)
        if known and known.status == "held" and now >= known.expires:
            refusals.add("RESERVATION_EXPIRED")
        return (refusals, True) if repeat else (self.maybe_closed(refusals, closing, "?EVENT_NOT_ON_SALE"), False)

    def reservation_expire(self, outcome, command, event, event_id, now, closing):
        known, refusals, _ = self.on_reservation(outcome, command, event, "held", "none", lambda r: False)
        if known and known.status == "held" and (
                now < known.expires or known.hold_version != command.data["holdVersion"]):
            refusals.add("RESERVATION_NOT_ACTIVE")
        return refusals, False

    # ------------------------------------------------------------ effects

    def do_event_create(self, outcome, command, event, event_id, now):
        d = command.data
        self.events[(outcome.tenant, event_id)] = Event(
            status="on_sale", version=1, name=d["name"], venue=d["venueId"],
            dates=(millis(d["startsAt"]), millis(d["endsAt"])), slug=d.get("slug"), external=d.get("externalId"),
            sales=(millis(d.get("salesStartAt")), millis(d.get("salesEndAt"))), limit=d.get("maxPerReservation"),
            fingerprint=command.fingerprint,
            sections={s["sectionId"]: [s["capacity"], 0, 0] for s in d["sections"]},
            prices={s["sectionId"]: (s["priceMinor"], s["currency"]) for s in d["sections"]})

    def do_event_update(self, outcome, command, event, event_id, now):
        if event is None:
            return
        event.version += 1
        event.name = command.data.get("name", event.name)
        event.dates = tuple(millis(command.data.get(n)) or old for n, old in zip(("startsAt", "endsAt"), event.dates))
        for section in command.data.get("sections", []):
            event.sections.setdefault(section["sectionId"], [0, 0, 0])[0] = section["capacity"]
            event.prices[section["sectionId"]] = (section["priceMinor"], section["currency"])

    def do_event_cancel(self, outcome, command, event, event_id, now):
        if event is None:
            return
        event.version = outcome.result.get("version", event.version + 1)
        event.status = "cancelled"
        for (tenant, _), known in self.reservations.items():
            if tenant == outcome.tenant and known.event == event_id and known.status in ("held", "confirmed"):
                self.complain("event cancelled with a live reservation", outcome)

    def move(self, tenant: str, known: Reservation, held: int, sold: int) -> None:
        event = self.events.get((tenant, known.event))
        if event is None:
            return  # its creation is missing in the log: that was complained of
        sections = event.sections
        for section, quantity in known.items:
            numbers = sections.setdefault(section, [0, 0, 0])
            numbers[1] += held * quantity
            numbers[2] += sold * quantity
            if numbers[1] + numbers[2] > numbers[0] or min(numbers) < 0:
                self.check.refute("oversold", event=known.event, section=section, numbers=list(numbers))

    def do_reservation_create(self, outcome, command, event, event_id, now):
        result, d = outcome.result, command.data
        rid = result.get("reservationId") or result.get("id")
        if d.get("reservationId") not in (None, rid):
            self.complain("holds another reservation than asked", outcome, shown=rid)
        known = Reservation(event=event_id, status="held", version=1, hold_version=1,
                            items=[(i["sectionId"], i["quantity"]) for i in d["items"]],
                            expires=now + 1000 * d.get("holdSeconds", self.index.facts.default_hold),
                            fingerprint=command.fingerprint, customer=d["customerId"],
                            prices=[event.prices.get(i["sectionId"], (0, "")) for i in d["items"]] if event else [])
        self.reservations[(outcome.tenant, rid)] = known
        if event is not None:
            self.move(outcome.tenant, known, +1, 0)

    def change(self, outcome, command, status: str, held: int, sold: int):
        known = self.reservations.get((outcome.tenant, command.data["reservationId"]))
        if known is None:
            return None
        known.version += 1
        known.status = status
        if held or sold:
            self.move(outcome.tenant, known, held, sold)
        return known

    def do_reservation_confirm(self, outcome, command, event, event_id, now):
        known = self.change(outcome, command, "confirmed", -1, +1)
        if known:
            known.payment = command.data["paymentReference"]

    def do_reservation_extend(self, outcome, command, event, event_id, now):
        known = self.change(outcome, command, "held", 0, 0)
        if known:
            known.hold_version = known.version
            known.expires = now + 1000 * command.data["holdSeconds"]

    def do_reservation_release(self, outcome, command, event, event_id, now):
        self.change(outcome, command, "released", -1, 0)

    def do_reservation_cancel(self, outcome, command, event, event_id, now):
        self.change(outcome, command, "cancelled", 0, -1)

    def do_reservation_expire(self, outcome, command, event, event_id, now):
        self.change(outcome, command, "expired", -1, 0)

    def drained(self, outcome: Outcome) -> None:
        """A reservation ended by the cancellation of its event."""
        rid = outcome.result.get("reservationId") or outcome.result.get("id")
        known = self.reservations.get((outcome.tenant, rid))
        end = {"held": ("released", -1, 0), "confirmed": ("cancelled", 0, -1)}.get(known.status if known else "")
        if end is None:
            self.complain("drained a reservation that was not live", outcome, reservation=rid)
            return
        known.status = end[0]
        known.version += 1
        self.move(outcome.tenant, known, end[1], end[2])
        self.compare_result(outcome, "reservation", known.event)
