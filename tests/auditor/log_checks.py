"""The outcome log: dense sequences, ids, one first outcome per command, order. Laws L6, L7, L8."""
from __future__ import annotations

import collections
import uuid

from .commands import partition_of
from .findings import Findings
from .index import Index

OWED_ONE = {"applied", "parked", "mismatch", "expired"}
# schemas/README.md, "Ids that anybody can make"
OUTCOME_SPACE = uuid.UUID("5c1e0f4a-932d-4b6e-8a41-0d7c6e2f9b13")


def check(index: Index, findings: Findings) -> None:
    dense(index, findings)
    ids(index, findings)
    derived(index, findings)
    of_the_command(index, findings)
    view_agrees(index, findings)
    one_outcome(index, findings)
    replays(index, findings)
    order(index, findings)
    command_log(index, findings)


def dense(index: Index, findings: Findings) -> None:
    check = findings.check("dense_sequence", "L7 L8", "each lane's outcomes are 1, 2, 3 … without gap or repeat")
    for partition, outcomes in sorted(index.facts.outcomes.items()):
        last = 0
        for outcome in outcomes:
            check.examined += 1
            place = f"{partition}@{outcome.offset}"
            if outcome.broken:
                check.refute(f"unreadable outcome: {outcome.broken}", at=place)
                continue
            if outcome.seq_lane != partition:
                check.refute("outcome of another lane", at=place, lane=outcome.seq_lane)
            if outcome.seq != last + 1:
                check.refute("gap" if outcome.seq > last + 1 else "repeat or reorder", at=place, seq=outcome.seq,
                             after=last)
            last = outcome.seq
            if outcome.event and index.facts.partitioner == "murmur2" and \
                    partition_of(outcome.event, index.facts.home_partitions) != partition:
                check.refute("outcome outside its event's lane", at=place, event=outcome.event)
            if outcome.event and outcome.key != outcome.event:
                check.refute("outcome's key is not its event", at=place, key=outcome.key, event=outcome.event)


def ids(index: Index, findings: Findings) -> None:
    check = findings.check("outcome_ids", "L7", "first outcomes have ids of their own; replays repeat an earlier one")
    first: dict[str, tuple[int, int]] = {}
    for partition, outcomes in index.facts.outcomes.items():
        for outcome in outcomes:
            check.examined += 1
            if not outcome.replayed:
                if outcome.id in first:
                    check.refute("id used twice", id=outcome.id, at=f"{partition}:{outcome.seq}",
                                 first="%s:%s" % first[outcome.id])
                first[outcome.id] = (partition, outcome.seq)
    for partition, outcomes in index.facts.outcomes.items():
        for outcome in outcomes:
            if outcome.replayed and first.get(outcome.id, (partition, 1 << 62)) > (partition, outcome.seq) and \
                    first.get(outcome.id, (partition, 0))[0] == partition:
                check.refute("replay before or without its first", id=outcome.id, at=f"{partition}:{outcome.seq}")
            elif outcome.replayed and outcome.id not in first:
                check.refute("replay without its first", id=outcome.id, at=f"{partition}:{outcome.seq}")


def derived(index: Index, findings: Findings) -> None:
    check = findings.check("derived_ids", "L7 L12", "a first outcome's id follows from its origin, type and subject")
    for partition, outcomes in index.facts.outcomes.items():
        for outcome in outcomes:
            if outcome.replayed or outcome.broken:
                continue
            check.examined += 1
            subject = outcome.event or ""
            if outcome.type.startswith("ticketing.reservation.") and index.is_cancel(outcome.origin):
                subject = outcome.result.get("reservationId", "")
            wanted = str(uuid.uuid5(OUTCOME_SPACE, f"{outcome.origin}\n{outcome.type}\n{subject}"))
            if outcome.id != wanted:
                check.refute("id follows from nothing", at=f"{partition}:{outcome.seq}", id=outcome.id, derived=wanted)


def of_the_command(index: Index, findings: Findings) -> None:
    check = findings.check("of_the_command", "L2 L17", "an outcome and its verdict are those of the command they answer")
    for partition, outcomes in index.facts.outcomes.items():
        for outcome in outcomes:
            command = index.command(outcome.origin)
            if command is None or not command.identity or outcome.broken:
                continue
            check.examined += 1
            for what, mine, theirs in differences(outcome, command):
                if mine != theirs:
                    check.refute(f"{what} is not the command's", at=f"{partition}:{outcome.seq}", outcome=mine,
                                 command=theirs)
    for position, rows in index.ledger.items():
        command = index.command(position)
        if command is None or not command.identity:
            continue
        check.examined += 1
        nobody = rows[0]["verdict"] == "dead" and not rows[0]["outcome_id"]
        if not nobody and str(rows[0]["tenant_id"]) != command.attributes["tenantid"]:
            check.refute("verdict of another tenant", position=position, view=rows[0]["tenant_id"],
                         command=command.attributes["tenantid"])


def differences(outcome, command):
    given = command.attributes
    yield "tenant", outcome.tenant, given["tenantid"]
    yield "causation", outcome.causation, given["id"]
    if command.kind != "ok":
        return  # which of its attributes could be read is left open
    yield "correlation", outcome.correlation, given.get("correlationid") or given["id"]
    yield "idempotency key", outcome.idempotency, given.get("idempotencykey")
    yield "actor", outcome.actor, given.get("actorid")
    if not outcome.replayed:  # a stored answer shows the first command
        yield "command shown", outcome.data.get("command"), {
            "id": given["id"], "source": given["source"], "type": given["type"],
            "idempotencyKey": given.get("idempotencykey")}


def view_agrees(index: Index, findings: Findings) -> None:
    check = findings.check("log_is_ledger", "L7", "the outcome topic holds what the database numbered, nothing else")
    rows = {(row["partition"], row["seq"]): row for row in index.facts.outcome_log}
    if len(rows) != len(index.facts.outcome_log):
        check.refute("a number was given twice", rows=len(index.facts.outcome_log), numbers=len(rows))
    seen = set()
    for partition, outcomes in index.facts.outcomes.items():
        for outcome in outcomes:
            check.examined += 1
            row = rows.get((partition, outcome.seq))
            seen.add((partition, outcome.seq))
            if row is None:
                check.refute("outcome unknown to the database", at=f"{partition}:{outcome.seq}", id=outcome.id)
                continue
            mine = (outcome.id, outcome.type, outcome.code, outcome.replayed, outcome.event, outcome.tenant)
            theirs = (str(row["outcome_id"]), row["type"], row["code"], bool(row["replayed"]),
                      str(row["event_id"]) if row["event_id"] else None, str(row["tenant_id"]))
            if mine != theirs:
                check.refute("log and database differ", at=f"{partition}:{outcome.seq}", log=mine, database=theirs)
    numbers = collections.defaultdict(int)
    for partition, seq in rows:
        numbers[partition] = max(numbers[partition], seq)
    for partition, last in numbers.items():
        count = sum(1 for p, _ in rows if p == partition)
        if count != last:
            check.refute("numbers given are not dense", lane=partition, numbers=count, last=last)
    if index.facts.drained:
        for partition, seq in sorted(rows.keys() - seen):
            check.refute("outcome was never published", at=f"{partition}:{seq}", id=rows[(partition, seq)]["outcome_id"])


def one_outcome(index: Index, findings: Findings) -> None:
    check = findings.check("one_first_outcome", "L1 L7", "one outcome per decided record, none for the others")
    for position, record in index.records.items():
        verdict = index.verdict(position)
        if verdict is None or verdict == "forwarded":
            continue
        check.examined += 1
        command = index.command(position)
        if index.is_repeat(record):
            continue  # answered through the first copy
        outcomes = index.by_origin.get(index.origin[position], [])
        first = [o for o in outcomes if not o.replayed]
        again = [o for o in outcomes if o.replayed]
        if index.gives_again(record):
            if verdict != "duplicate":
                check.refute("what a replay has sent was not answered as a repeat", position=position, verdict=verdict)
            continue  # its answer is counted with the record that it is given for
        given = index.again.get(position, [])[:1]
        if given and index.verdict(given[0].position) == "duplicate":
            # It names this very record, also where that answers one that came in elsewhere.
            named = [o for o in index.by_origin.get(position, []) if o.replayed]
            if not named and index.facts.drained:
                check.refute("not given again", position=position, copy=given[0].position)
            if index.origin[position] == position:
                again = again[:-1]
            elif len(named) > 1:
                check.refute("given again more than once", position=position, copy=given[0].position)
        if command.kind == "ok" and command.short == "event.cancel":
            first = [o for o in first if not o.type.startswith("ticketing.reservation.")]
        silent = command.kind == "ok" and command.short == "reservation.expire"
        if command.kind == "change":
            wrong = bool(outcomes)
        elif verdict == "duplicate":
            wrong = len(first) != 0 or (len(again) != 1 and not (silent and not again))
        elif verdict in OWED_ONE or (verdict == "invalid" and command.identity is None):
            wrong = len(again) != 0 or (len(first) != 1 and not (silent and not first))
        else:
            allowed = (0, 1) if command.identity is None else (int(command.identity),)
            wrong = len(again) != 0 or len(first) not in allowed
        if wrong and (index.facts.drained or len(outcomes) > 1):
            check.refute("wrong number of outcomes", position=position, verdict=verdict,
                         first=[f"{o.partition}:{o.seq} {o.code}" for o in first],
                         replayed=[f"{o.partition}:{o.seq}" for o in again])
        row = index.ledger[position][0]
        for outcome in (first or again)[:1]:
            if row.get("outcome_id") and str(row["outcome_id"]) != outcome.id:
                check.refute("ledger names another outcome", position=position, ledger=row["outcome_id"],
                             log=outcome.id)
    for origin in index.by_origin:
        if origin not in index.records and not (origin in index.letters and origin in index.forwards):
            check.refute("outcome of a record that does not exist", origin=origin)


def replays(index: Index, findings: Findings) -> None:
    check = findings.check("stored_answer", "L1", "a replayed outcome is the first one, word for word")
    first = {o.id: o for outcomes in index.facts.outcomes.values() for o in outcomes if not o.replayed}
    for outcomes in index.facts.outcomes.values():
        for outcome in outcomes:
            if not outcome.replayed or outcome.id not in first:
                continue
            check.examined += 1
            original = first[outcome.id]
            if (outcome.value, outcome.type, outcome.tenant, outcome.time) != (
                    original.value, original.type, original.tenant, original.time):
                check.refute("replay differs from the stored outcome", id=outcome.id,
                             at=f"{outcome.partition}:{outcome.seq}")
            a, b = index.command(outcome.origin), index.command(original.origin)
            if a and b and a.kind == b.kind == "ok" and a.fingerprint != b.fingerprint:
                check.refute("another payload was answered with this outcome", id=outcome.id, origin=outcome.origin)


def order(index: Index, findings: Findings) -> None:
    check = findings.check("event_order", "L6", "effects of an event follow its partition's order")
    for partition, outcomes in index.facts.outcomes.items():
        lane_at = -1
        event_at, parked_at = collections.defaultdict(lambda: -1), collections.defaultdict(lambda: -1)
        for outcome in outcomes:
            home = index.home_of.get(outcome.origin)
            if outcome.replayed or home is None:
                continue
            verdict = index.verdict(home.position)
            if verdict not in ("applied", "parked"):
                continue
            check.examined += 1
            place = f"{partition}:{outcome.seq}"
            if home.partition != partition:
                check.refute("decided in another lane", at=place, home=home.position)
                continue
            cancel = index.is_cancel(outcome.origin)
            waits = cancel or index.waits_for_outside(outcome.origin)
            if outcome.status == "completed":
                last = event_at[outcome.event]
                if home.offset < last or (home.offset == last and not cancel):
                    check.refute("effect out of order for its event", at=place, offset=home.offset, after=last,
                                 event=outcome.event)
                event_at[outcome.event] = max(last, home.offset)
            if verdict == "parked" and not cancel:
                if home.offset <= parked_at[outcome.event]:
                    check.refute("parked command out of order", at=place, offset=home.offset,
                                 after=parked_at[outcome.event], event=outcome.event)
                parked_at[outcome.event] = home.offset
            elif not waits:
                if home.offset <= lane_at:
                    check.refute("decided out of order in its lane", at=place, offset=home.offset, after=lane_at)
                lane_at = home.offset


def command_log(index: Index, findings: Findings) -> None:
    check = findings.check("command_log", "L1", "every accepted key is ended, with the outcome that the log shows")
    known = {o.id: o for outcomes in index.facts.outcomes.values() for o in outcomes if not o.replayed}
    for row in index.facts.command_log:
        check.examined += 1
        place = f"{row['topic']}/{row['partition']}/{row['offset']}"
        if row["status"] == "in_progress":
            if index.facts.drained:
                check.refute("key still in progress", position=place, key=row["idempotency_key"])
            continue
        if not row["outcome_id"]:
            continue  # a late expire has none; one_first_outcome judges the others
        outcome = known.get(str(row["outcome_id"]))
        if outcome is None:
            if index.facts.drained:
                check.refute("key's outcome is not in the log", position=place, outcome=row["outcome_id"])
            continue
        if (row["outcome_type"], row["outcome_code"], row["status"]) != (outcome.type, outcome.code, outcome.status):
            check.refute("key's outcome differs from the log", position=place,
                         view=(row["outcome_type"], row["outcome_code"], row["status"]),
                         log=(outcome.type, outcome.code, outcome.status))
