"""What operators send again: the auditor knows it, and notices when it was more than that."""
from __future__ import annotations

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from auditor.audit import audit  # noqa: E402
from auditor.commands import partition_of  # noqa: E402
from auditor.facts import Record  # noqa: E402
from auditor.world import HOME, LANES, identifier, small_world  # noqa: E402

CANCELLED = next(e for e in map(identifier, map(str, range(99)))
                 if partition_of(e, LANES) != partition_of(identifier("event-a"), LANES))


def again(world, record, origin):
    """The record once more, with a signed origin."""
    headers = [header for header in record.headers if not header[0].startswith("admitone-")]
    return world.record(HOME, record.partition, record.key.decode(), record.value, [
        *headers, ("admitone-origin", origin.encode()), ("admitone-origin-signature", b"00")])


def given(world, verdict="duplicate", answered=True, key="h0"):
    """A hold's stored outcome, given again by a replay."""
    lane = world.commands[(HOME, partition_of(identifier("event-a"), LANES))]
    original = next(record for record in lane if record.header("ce_idempotencykey") == key)
    copy = again(world, original, original.position)
    if answered:
        first = original.header("admitone-origin") or original.position
        world.answer(copy, verdict, "", "", "", replay_of=first)
    else:
        world.verdict(copy, verdict)


def redriven(world, times=1):
    """A command that crashed, redriven; its event is cancelled by now."""
    data = {"eventId": CANCELLED, "reservationId": identifier("crashed"), "customerId": "c",
            "items": [{"sectionId": "s", "quantity": 1}]}
    record = world.send("reservation.create", data, "h9")
    world.answer(record, "dead", "ticketing.command.failed.v1", "failed", "PROCESSING_FAILED")
    letter = Record("dlq", 0, 1, world.clock, record.key, record.value, record.headers + [
        ("admitone-dlq-reason", b"processing_failed"), ("admitone-dlq-code", b"PROCESSING_FAILED"),
        ("admitone-dlq-detail", b"it crashed"), ("admitone-dlq-topic", HOME.encode()),
        ("admitone-dlq-partition", str(record.partition).encode()), ("admitone-dlq-attempts", b"5"),
        ("admitone-dlq-offset", str(record.offset).encode()),
        ("kafka_dlt-original-offset", record.offset.to_bytes(8, "big"))])
    world.letters.append(letter)
    for _ in range(times):
        world.rejected(again(world, record, letter.position), "EVENT_NOT_ON_SALE")


def two_runs(world):
    given(world)
    given(world, answered=False)  # the second copy of one origin is silent


def of_a_forward(world):
    """The home record is the one that is given again, and not the one that came in elsewhere."""
    given(world, key="h2")


@pytest.mark.parametrize("also", [given, two_runs, of_a_forward, redriven])
def test_what_was_sent_again_is_proven(also):
    findings = audit(small_world(also))
    assert findings.ok, findings.as_table()


@pytest.mark.parametrize("also, check", [
    (lambda world: given(world, "applied"), "one_first_outcome"),
    (lambda world: given(world, answered=False), "one_first_outcome"),
    (lambda world: redriven(world, 2), "one_first_outcome"),
    (lambda world: given(world) or given(world), "one_first_outcome"),
    (lambda world: of_a_forward(world) or of_a_forward(world), "one_first_outcome")])
def test_more_than_that_is_refuted(also, check):
    findings = audit(small_world(also))
    assert check in findings.refuted(), findings.as_table()


def test_a_redrive_of_a_letter_that_nobody_wrote_is_refuted():
    facts = small_world(redriven)
    facts.dead_letters = [letter for letter in facts.dead_letters if letter.offset == 0]
    assert "forwards" in audit(facts).refuted()
