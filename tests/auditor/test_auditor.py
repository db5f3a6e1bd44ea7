"""The auditor proves a consistent world and notices every tampering with it."""
from __future__ import annotations

import copy
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from auditor.audit import audit  # noqa: E402
from auditor.commands import partition_of, understand  # noqa: E402
from auditor.facts import Record  # noqa: E402
from auditor.world import HOME, OTHER, TENANT, identifier, small_world  # noqa: E402


@pytest.fixture
def facts():
    return small_world()


A = partition_of(identifier("event-a"), 2)  # the lane of event A
B = 1 - A


def renumber(facts, lane):
    """A forger who keeps the sequence dense, in the log and in the database."""
    for seq, outcome in enumerate(facts.outcomes[lane], 1):
        outcome.seq = seq


def forge(outcome, **change):
    document = json.loads(outcome.value)
    document.update(change)
    outcome.value, outcome.data_ = json.dumps(document).encode(), None


def find(facts, **wanted):
    return next(o for some in facts.outcomes.values() for o in some
                if all(getattr(o, name) == value for name, value in wanted.items()))


def test_a_consistent_world_is_proven(facts):
    findings = audit(facts)
    assert findings.ok, findings.as_table()
    assert all(check.examined for check in findings.checks), findings.as_table()
    assert json.loads(findings.as_json())["ok"] is True


def test_a_running_world_may_be_behind(facts):
    facts.drained = False
    facts.outcomes[A].pop()
    for row in facts.record_ledger[-1:]:
        facts.record_ledger.remove(row)
        facts.committed[(row["topic"], row["partition"])] = row["offset"]
    facts.dead_letters.clear()
    assert not audit(facts).refuted() - {"versions"}


def remove_outcome(f):
    del f.outcomes[A][2]


def remove_last_outcome(f):
    f.outcomes[A].pop()


def remove_outcome_and_renumber(f):
    del f.outcomes[A][2]
    renumber(f, A)


def repeat_outcome(f):
    f.outcomes[A].insert(3, copy.copy(f.outcomes[A][2]))


def publish_twice_with_new_number(f):
    f.outcomes[A].append(copy.copy(f.outcomes[A][-1]))
    renumber(f, A)


def swap_outcomes(f):
    o = f.outcomes[A]
    o[1], o[4] = o[4], o[1]
    renumber(f, A)


def other_lane(f):
    f.outcomes[A].append(f.outcomes[B].pop())
    renumber(f, A)


def random_id(f):
    find(f, code="CAPACITY_EXHAUSTED").id = identifier("another")


def shared_id(f):
    find(f, code="CAPACITY_EXHAUSTED").id = f.outcomes[A][0].id


def replay_without_flag(f):
    find(f, replayed=True).replayed = False


def replay_other_words(f):
    forge(find(f, replayed=True), code="RESERVATION_RELEASED")


def lost_verdict(f):
    f.record_ledger.remove(next(row for row in f.record_ledger if row["verdict"] == "duplicate"))


def second_verdict(f):
    f.record_ledger.append(dict(f.record_ledger[0]))


def verdict_from_nowhere(f):
    f.record_ledger.append({**f.record_ledger[0], "offset": 999})


def second_application(f):
    next(row for row in f.record_ledger if row["verdict"] == "duplicate")["verdict"] = "applied"


def duplicate_instead_of_mismatch(f):
    next(row for row in f.record_ledger if row["verdict"] == "mismatch")["verdict"] = "duplicate"


def acknowledged_too_far(f):
    f.committed[(HOME, A)] += 1


def forward_lost(f):
    row = next(row for row in f.record_ledger if row["verdict"] == "forwarded")
    f.record_ledger = [r for r in f.record_ledger if r is row or (r["topic"], r["partition"]) != (HOME, A)]
    f.commands[(HOME, A)] = [r for r in f.commands[(HOME, A)] if not r.header("admitone-origin")]


def forward_decided_there(f):
    next(row for row in f.record_ledger if row["verdict"] == "forwarded")["verdict"] = "applied"


def oversold_view(f):
    f.section_capacity[0]["sold"] += 1


def sold_quietly(f):
    f.section_capacity[0].update(held=2, sold=2, available=1)


def more_capacity(f):
    f.section_capacity[0].update(capacity=6, available=1)


def lost_reservation(f):
    f.reservation_log.pop(0)


def invented_reservation(f):
    f.reservation_log.append({**f.reservation_log[2], "reservation_id": identifier("invented")})


def reservation_elsewhere(f):
    f.reservation_log[0]["status"] = "held"
    f.section_capacity[0].update(held=5, sold=0)


def longer_hold(f):
    f.reservation_log[1]["expires_at"] = "2031-01-01T00:00:00Z"


def version_skipped(f):
    forge(find(f, code="RESERVATION_CONFIRMED"), result={
        "reservationId": identifier("reservation-0"), "version": 3, "status": "confirmed"})


def sold_beyond_capacity(f):
    o = find(f, code="CAPACITY_EXHAUSTED")
    o.type = "ticketing.reservation.held.v1"
    forge(o, code="RESERVATION_HELD", status="completed", result={
        "reservationId": identifier("reservation-1"), "version": 1, "status": "held"})


def refused_for_nothing(f):
    forge(find(f, code="RESERVATION_CONFIRMED"), code="RESERVATION_EXPIRED", status="rejected", result=None)


def sold_after_cancel(f):
    o = find(f, code="EVENT_NOT_ON_SALE")
    forge(o, code="RESERVATION_HELD", status="completed", result={
        "reservationId": identifier("late"), "version": 1, "status": "held"})


def live_reservation_at_cancel(f):
    f.outcomes[B] = [o for o in f.outcomes[B] if o.code != "RESERVATION_RELEASED"]
    renumber(f, B)


def lost_letter(f):
    f.dead_letters.clear()


def letter_changed(f):
    f.dead_letters[0].value += b"!"


def letter_without_header(f):
    f.dead_letters[0].headers.pop(0)


def letter_of_a_good_one(f):
    letter = copy.deepcopy(f.dead_letters[0])
    letter.headers = [(n, b"1" if n == "admitone-dlq-partition" else v) for n, v in letter.headers]
    f.dead_letters.append(letter)


def good_refused(f):
    next(row for row in f.record_ledger if row["verdict"] == "applied")["verdict"] = "invalid"


def poison_applied(f):
    next(row for row in f.record_ledger if row["verdict"] == "dead")["verdict"] = "applied"


def invariant(f):
    f.invariant_violations.append({"name": "seats", "detail": "x"})


def two_completed(f):
    f.duplicate_keys.append({"idempotency_key": "h0", "rows": 2})


def number_lost(f):
    del f.outcome_log[3]


def number_twice(f):
    f.outcome_log.append(dict(f.outcome_log[3]))


def other_code_in_view(f):
    f.outcome_log[2]["code"] = "RESERVATION_RELEASED"


def key_in_progress(f):
    f.command_log[2]["status"] = "in_progress"


def key_with_other_outcome(f):
    f.command_log[2]["outcome_id"] = identifier("another")


def event_renamed(f):
    f.event_log[0]["name"] = "Z"


def id_of_nothing(f):
    """A forger who writes the same id into the database."""
    o, other = find(f, code="CAPACITY_EXHAUSTED"), identifier("another")
    for row in f.outcome_log + f.command_log + f.record_ledger:
        if row["outcome_id"] == o.id:
            row["outcome_id"] = other
    o.id = other


def another_tenant(f):
    next(row for row in f.record_ledger if row["verdict"] == "applied")["tenant_id"] = identifier("tenant")


def another_tenant_numbered(f):
    f.outcome_log[0]["tenant_id"] = identifier("tenant")


def another_cause(f):
    find(f, code="CAPACITY_EXHAUSTED").causation = "c"


def another_correlation(f):
    find(f, code="CAPACITY_EXHAUSTED").correlation = "c"


def another_actor(f):
    find(f, code="CAPACITY_EXHAUSTED").actor = "somebody"


def another_key_in_header(f):
    find(f, replayed=True).idempotency = "another"


def another_command_shown(f):
    o = find(f, code="CAPACITY_EXHAUSTED")
    forge(o, command={**o.data["command"], "source": "/elsewhere"})


def shows(f, code, **change):
    o = find(f, code=code)
    forge(o, result={**o.result, **change})


def cheaper(f):
    shows(f, "RESERVATION_CONFIRMED", totalMinor=1)


def price_of_an_item(f):
    shows(f, "RESERVATION_HELD", items=[{"sectionId": "s", "quantity": 2, "priceMinor": 1}])


def longer_hold_shown(f):
    shows(f, "RESERVATION_HELD", expiresAt="2031-01-01T00:00:00Z")


def starts_elsewhen_shown(f):
    shows(f, "EVENT_CREATED", startsAt="2031-01-01T00:00:00Z")


def cheaper_section_shown(f):
    o = find(f, code="EVENT_CREATED")
    shows(f, "EVENT_CREATED", sections=[{**o.result["sections"][0], "priceMinor": 1}])


def cheaper_in_the_view(f):
    f.reservation_log[0]["total_minor"] = 1


def another_customer(f):
    f.reservation_log[0]["customer_id"] = "d"


def another_start(f):
    f.event_log[0]["starts_at"] = "2031-01-01T00:00:00Z"


def cheaper_section(f):
    f.section_capacity[0]["price_minor"] = 1


def letter_header(f, name, value):
    letter = f.dead_letters[0]
    letter.headers = [(n, value if n == f"admitone-dlq-{name}" else v) for n, v in letter.headers]


def letter_without_reason(f):
    letter_header(f, "reason", b"")


def letter_with_another_code(f):
    letter_header(f, "code", b"RESERVATION_HELD")


TAMPERINGS = {
    id_of_nothing: "derived_ids", another_tenant: "of_the_command", another_tenant_numbered: "log_is_ledger",
    another_cause: "of_the_command", another_correlation: "of_the_command", another_actor: "of_the_command",
    another_key_in_header: "of_the_command", another_command_shown: "of_the_command", cheaper: "codes",
    price_of_an_item: "codes", longer_hold_shown: "codes", starts_elsewhen_shown: "codes",
    cheaper_section_shown: "codes", cheaper_in_the_view: "state", another_customer: "state", another_start: "state",
    cheaper_section: "state", letter_without_reason: "dead_letters", letter_with_another_code: "dead_letters",
    remove_outcome: "dense_sequence", remove_last_outcome: "log_is_ledger",
    remove_outcome_and_renumber: "one_first_outcome", repeat_outcome: "dense_sequence",
    publish_twice_with_new_number: "outcome_ids", swap_outcomes: "event_order", other_lane: "dense_sequence",
    random_id: "log_is_ledger", shared_id: "outcome_ids", replay_without_flag: "outcome_ids",
    replay_other_words: "stored_answer", lost_verdict: "one_verdict", second_verdict: "one_verdict",
    verdict_from_nowhere: "one_verdict", second_application: "keys", duplicate_instead_of_mismatch: "keys",
    acknowledged_too_far: "acknowledged_last", forward_lost: "forwards", forward_decided_there: "forwards",
    oversold_view: "capacity", sold_quietly: "capacity", more_capacity: "state", lost_reservation: "versions",
    invented_reservation: "versions", reservation_elsewhere: "state", longer_hold: "state",
    version_skipped: "versions", sold_beyond_capacity: "codes", refused_for_nothing: "codes",
    sold_after_cancel: "codes", live_reservation_at_cancel: "codes", lost_letter: "dead_letters",
    letter_changed: "dead_letters", letter_without_header: "dead_letters", letter_of_a_good_one: "dead_letters",
    good_refused: "refusals", poison_applied: "refusals", invariant: "invariant_violations",
    two_completed: "duplicate_keys", number_lost: "log_is_ledger", number_twice: "log_is_ledger",
    other_code_in_view: "log_is_ledger", key_in_progress: "command_log", key_with_other_outcome: "command_log",
    event_renamed: "state",
}


@pytest.mark.parametrize("tamper", TAMPERINGS, ids=lambda f: f.__name__)
def test_a_tampered_world_is_refuted(facts, tamper):
    tamper(facts)
    findings = audit(facts)
    assert TAMPERINGS[tamper] in findings.refuted(), findings.as_table()
    assert any(check.evidence for check in findings.checks if check.name == TAMPERINGS[tamper])


def test_every_check_is_refuted_by_some_tampering(facts):
    assert {check.name for check in audit(facts).checks} == set(TAMPERINGS.values())


def record(value, headers=(), key=b"k"):
    return Record(HOME, 0, 0, 0, key, value, list(headers))


ENVELOPE = [("ce_id", b"1"), ("ce_source", b"/s"), ("ce_specversion", b"1.0"), ("ce_tenantid", TENANT.encode()),
            ("ce_type", b"ticketing.event.cancel.v1")]
BODY = {"eventId": identifier("e"), "reason": "r"}


def test_both_modes_and_the_confluent_prefix_mean_the_same():
    binary = understand(record(json.dumps(BODY).encode(), ENVELOPE))
    prefixed = understand(record(b"\0\0\0\0\7" + json.dumps(BODY).encode(), ENVELOPE))
    structured = understand(record(json.dumps({
        "id": "1", "source": "/s", "specversion": "1.0", "tenantid": TENANT, "type": "ticketing.event.cancel.v1",
        "data": BODY}).encode(), [("content-type", b"application/cloudevents+json")]))
    assert binary.kind == prefixed.kind == structured.kind == "ok"
    assert binary.key == prefixed.key == structured.key
    assert binary.fingerprint == prefixed.fingerprint == structured.fingerprint


@pytest.mark.parametrize("value, headers, kind", [
    (b"\xff", ENVELOPE, "dead"), (None, ENVELOPE, "dead"), (b'{"a":1,"a":2}', ENVELOPE, "invalid"),
    (b"{}", ENVELOPE, "invalid"), (json.dumps(BODY).encode(), ENVELOPE[1:], "invalid"),
    (json.dumps({**BODY, "expectedVersion": 1.5}).encode(), ENVELOPE, "invalid"),
    (json.dumps(BODY).encode(), ENVELOPE[:4] + [("ce_type", b"ticketing.event.cancel.v2")], "dead"),
    (json.dumps(BODY).encode(), ENVELOPE[:4] + [("ce_type", b"admitone.saga.change.v1")], "change"),
    (json.dumps(BODY).encode(), ENVELOPE + [("ce_idempotencykey", b"a b")], "invalid"),
    (json.dumps(BODY).encode(), ENVELOPE + [("ce_idempotencykey", b"")], "ok"),
    (json.dumps({**BODY, "eventId": BODY["eventId"].upper()}).encode(), ENVELOPE, "invalid")])
def test_bad_records_are_told_apart(value, headers, kind):
    assert understand(record(value, headers)).kind == kind


def test_placement_is_the_java_clients():
    # org.apache.kafka.common.utils.UtilsTest: murmur2 of these keys.
    for key, expected in (("21", -973932308), ("foobar", -790332482), ("a-little-bit-long-string", -985981536)):
        assert partition_of(key, 2 ** 31) == expected & 0x7FFFFFFF


def test_the_second_topic_is_part_of_the_proof(facts):
    assert facts.commands[(OTHER, 0)]
