"""Records, verdicts, keys, dead letters: laws L1, L2, L3, L9, L10."""
from __future__ import annotations

import collections

from .facts import Facts
from .findings import Findings
from .index import Index

VERDICTS = {"applied", "duplicate", "mismatch", "invalid", "expired", "parked", "forwarded", "dead"}


def check(index: Index, findings: Findings) -> None:
    one_verdict(index, findings)
    group_position(index, findings)
    forwards(index, findings)
    keys(index, findings)
    refusals(index, findings)
    dead_letters(index, findings)
    for row in findings_rows(index.facts):
        findings.checks.append(row)


def consumed_until(index: Index) -> dict[tuple[str, int], int]:
    """The database's position of each partition, as far as the public views show it."""
    seen: dict[tuple[str, int], int] = collections.defaultdict(int)
    for row in index.facts.record_ledger:
        at = (row["topic"], row["partition"])
        seen[at] = max(seen[at], row["offset"] + 1)
    return seen


def one_verdict(index: Index, findings: Findings) -> None:
    check = findings.check("one_verdict", "L10", "every consumed record has exactly one verdict, nothing else has one")
    database = consumed_until(index)
    for at, records in index.facts.commands.items():
        end = max(database.get(at, 0), index.facts.committed.get(at, 0))
        if index.facts.drained:
            end = max(end, index.facts.ends.get(at, 0))
        for record in records:
            if record.offset >= end:
                continue
            check.examined += 1
            rows = index.ledger.get(record.position, [])
            if len(rows) != 1:
                check.refute("record without a verdict" if not rows else "record with several verdicts",
                             position=record.position, verdicts=[row["verdict"] for row in rows])
    for position, rows in index.ledger.items():
        if position not in index.records:
            check.refute("verdict of a record that does not exist", position=position)
        if rows[0]["verdict"] not in VERDICTS:
            check.refute("unknown verdict", position=position, verdict=rows[0]["verdict"])


def group_position(index: Index, findings: Findings) -> None:
    check = findings.check("acknowledged_last", "L3", "the group's position is never beyond the database's")
    database = consumed_until(index)
    for at, position in index.facts.committed.items():
        check.examined += 1
        if position > database.get(at, 0):
            check.refute("acknowledged beyond the database", partition=f"{at[0]}/{at[1]}", group=position,
                         database=database.get(at, 0))


def forwards(index: Index, findings: Findings) -> None:
    check = findings.check("forwards", "L1 L10", "what belongs to another lane is forwarded there, and nothing else is")
    for position, rows in index.ledger.items():
        if rows[0]["verdict"] != "forwarded" or position not in index.records:
            continue
        check.examined += 1
        copies = index.forwards.get(position, [])
        if not copies:
            check.refute("forwarded record is not in the home topic", position=position)
        original = index.records[position]
        for copy in copies:
            if copy.value != original.value:
                check.refute("forwarded with another value", position=position, copy=copy.position)
            command = index.command(position)
            if command.event and index.facts.partitioner == "murmur2" and \
                    copy.partition != index.lane_of(command.event):
                check.refute("forwarded to the wrong partition", position=position, copy=copy.position)
        if original.header("admitone-origin") and original.topic == index.facts.home:
            check.refute("forwarded twice over", position=position)
    for position, record in index.records.items():
        verdict = index.verdict(position)
        if verdict in (None, "forwarded", "dead"):
            continue
        command = index.command(position)
        if command.kind == "ok" and index.belongs_elsewhere(record, command):
            check.refute("decided outside its lane", position=position, verdict=verdict)
    for origin, copies in index.forwards.items():
        if origin in index.records and index.verdict(origin) == "dead":
            check.refute("dead and forwarded", position=origin, copy=copies[0].position)
        if origin not in index.records and origin not in index.letters:
            check.refute("decided for nothing", origin=origin, copy=copies[0].position)
        letter = index.letters.get(origin)
        if letter is not None and (copies[0].key, copies[0].value) != (letter.key, letter.value):
            check.refute("redriven with another key or value", letter=origin, copy=copies[0].position)


def keys(index: Index, findings: Findings) -> None:
    """The auditor's own model of who is first: by offset within a lane."""
    check = findings.check("keys", "L1 L2", "first of a key applied, same payload duplicate, other payload mismatch")
    by_key: dict[tuple, list] = collections.defaultdict(list)
    for position, record in index.records.items():
        if record.topic != index.facts.home or index.is_repeat(record):
            continue
        command, verdict = index.command(position), index.verdict(position)
        if verdict in (None, "forwarded", "dead", "invalid", "expired") or command.kind != "ok":
            continue
        by_key[command.key].append((record, command, verdict))
    windows = content_windows(index)
    for key, uses in by_key.items():
        check.examined += 1
        uses.sort(key=lambda use: (use[0].partition, use[0].offset))
        owners = [use for use in uses if use[2] in ("applied", "parked") and not gave_up(index, use[0])]
        aliased = not uses[0][1].keyed and uses[0][2] == "duplicate" and windows(uses[0])
        if len(owners) > 1 and uses[0][1].short != "reservation.expire":
            check.refute("key applied more than once", key=key, positions=[o[0].position for o in owners])
        if not owners and not aliased:
            check.refute("key without an effect", key=key, positions=[u[0].position for u in uses[:5]],
                         verdicts=[u[2] for u in uses[:5]])
        if len({use[0].partition for use in uses}) == 1:
            first_wins(check, key, uses, aliased)


def gave_up(index: Index, record) -> bool:
    """The command failed, so that the same key may be applied again."""
    return any(o.status == "failed" for o in index.by_origin.get(index.origin[record.position], []))


def first_wins(check, key, uses, aliased) -> None:
    first = uses[0]
    if first[2] not in ("applied", "parked") and not aliased:
        check.refute("first of a key is not applied", key=key, position=first[0].position, verdict=first[2])
        return
    if first[1].short == "reservation.expire":
        return  # an early one takes no key: the next may be applied
    for record, command, verdict in uses[1:]:
        expected = "duplicate" if command.fingerprint == first[1].fingerprint else "mismatch"
        if verdict != expected and verdict not in ("parked", "applied"):
            check.refute("wrong verdict for a used key", key=key, position=record.position, verdict=verdict,
                         expected=expected, first=first[0].position)


def content_windows(index: Index):
    """Tells whether a key-less record repeats the content of an earlier one within the window."""
    seen: dict[tuple, list] = collections.defaultdict(list)
    for position, record in index.records.items():
        if record.topic == index.facts.home:
            command = index.command(position)
            if command.kind == "ok" and not command.keyed:
                seen[(record.partition, command.content)].append(record)

    def within(use) -> bool:
        record, command, _ = use
        return any(other.offset < record.offset and
                   record.timestamp - other.timestamp <= index.facts.content_window
                   for other in seen[(record.partition, command.content)])
    return within


def refusals(index: Index, findings: Findings) -> None:
    check = findings.check("refusals", "L9 L23", "good commands are decided, bad ones refused, by the auditor's reading")
    given_up = technical_ends(index)
    findings.counts["given_up"] = len(given_up)
    for position, record in index.records.items():
        verdict, command = index.verdict(position), index.command(position)
        if verdict in (None, "forwarded") or index.is_repeat(record):
            continue
        check.examined += 1
        if command.kind == "ok" and verdict == "invalid":
            check.refute("a good command refused as invalid", position=position, outcome=problem_of(index, position))
        if command.kind == "ok" and verdict == "dead" and \
                given_up.isdisjoint((position, index.origin[position])):
            check.refute("a good command dead-lettered", position=position, outcome=problem_of(index, position))
        # (Where the signature is not the deployment's it is of no known type.)
        if command.kind == "change" and verdict not in ("applied", "invalid", "dead"):
            check.refute("an operator's change with another verdict", position=position, verdict=verdict)
        if command.kind == "invalid" and verdict not in ("invalid", "dead"):
            check.refute("a bad command decided", position=position, verdict=verdict, why=command.why)
        if command.kind == "dead" and verdict != "dead":
            check.refute("an undecodable record is not dead-lettered", position=position, verdict=verdict,
                         why=command.why)
        if verdict == "expired" and "expirytime" not in (command.attributes or {}):
            check.refute("expired without an expirytime", position=position)


def technical_ends(index: Index) -> set[str]:
    """Commands that brought the process down, or failed technically, as often as is allowed."""
    return {"/".join(str(letter.header(f"admitone-dlq-{part}")) for part in ("topic", "partition", "offset"))
            for letter in index.facts.dead_letters
            if letter.header("admitone-dlq-code") == "PROCESSING_FAILED"
            and int(letter.header("admitone-dlq-attempts") or 0) >= index.facts.max_attempts}


def problem_of(index: Index, position: str):
    outcomes = index.by_origin.get(index.origin[position], [])
    return [o.data.get("problem") for o in outcomes][:1]


def dead_letters(index: Index, findings: Findings) -> None:
    check = findings.check("dead_letters", "L9", "each dead record is in the dead-letter topic, byte for byte")
    found = collections.defaultdict(list)
    for letter in index.facts.dead_letters:
        place = (letter.header("admitone-dlq-topic"), letter.header("admitone-dlq-partition"),
                 letter.header("admitone-dlq-offset"))
        found["/".join(str(part) for part in place)].append(letter)
    wanted = set()
    for position, rows in index.ledger.items():
        if rows[0]["verdict"] != "dead" or position not in index.records:
            continue
        check.examined += 1
        if index.is_repeat(index.records[position]):
            continue
        names = {position, index.origin[position]}
        wanted |= names
        letters = [letter for name in sorted(names) for letter in found.get(name, [])]
        if not letters:
            if index.facts.drained:
                check.refute("dead record without a dead letter", position=position)
            continue
        for letter in letters:
            compare_letter(check, index, position, letter)
    for name in found.keys() - wanted:
        check.refute("dead letter of a record that is not dead", position=name, verdict=index.verdict(name))
    findings.counts["dead_letters"] = len(index.facts.dead_letters)
    findings.counts["dead_letters_repeated"] = sum(len(letters) - 1 for letters in found.values())


def compare_letter(check, index: Index, position: str, letter) -> None:
    original = index.records.get(index.origin[position], index.records[position])
    # A redriven record is told without what carries its origin.
    headers = [header for header in original.headers
               if index.origin[position] not in index.letters or not header[0].startswith("admitone-origin")]
    if letter.key != original.key or letter.value != original.value:
        check.refute("dead letter differs in key or value", position=position, letter=letter.position)
    mine = letter.headers[:len(headers)]
    extra = letter.headers[len(headers):]
    if mine != headers or any(
            not name.startswith(("admitone-", "kafka_dlt-original-")) for name, _ in extra):
        check.refute("dead letter differs in its headers", position=position, letter=letter.position)
    why = [letter.header(f"admitone-dlq-{part}") for part in ("reason", "code", "detail")]
    if not why[0] or why[1] not in ("INVALID_COMMAND", "TENANT_FORBIDDEN", "PROCESSING_FAILED") or why[2] is None:
        check.refute("dead letter does not say why", position=position, letter=letter.position, why=why)
    answers = [o.code for o in index.by_origin.get(index.origin[position], []) if not o.replayed]
    if answers and why[1] not in answers:
        check.refute("dead letter has another code than the answer", position=position, letter=why[1], log=answers)
    place = letter.header("admitone-dlq-offset")
    spring = dict(extra).get("kafka_dlt-original-offset")
    if spring is None or int.from_bytes(spring, "big") != int(place):
        check.refute("kafka_dlt-original-offset is missing or wrong", position=position, letter=letter.position)


def findings_rows(facts: Facts):
    from .findings import Check
    empty = Check("invariant_violations", "L10", "the database finds no invariant broken",
                  sum(len(rows) for rows in (facts.command_log, facts.record_ledger, facts.outcome_log,
                                             facts.section_capacity, facts.reservation_log, facts.event_log)))
    for row in facts.invariant_violations:
        empty.refute("invariant broken", **row)
    twice = Check("duplicate_keys", "L1 B7", "no key has two completed rows", len(facts.command_log))
    for row in facts.duplicate_keys:
        twice.refute("key completed twice", **row)
    return empty, twice
