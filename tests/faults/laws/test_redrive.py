"""Dead letters sent again, and positions moved, where somebody or something works against it: laws L1, L12, L17."""
from __future__ import annotations

import json
import uuid

import pytest
from confluent_kafka import Producer, TopicPartition

from lab import TENANT, until

OTHER = "33333333-3333-4333-8333-333333333333"
NARROW = {"ADMITONE_LIMITS_MAX_VALUE_BYTES": "2000", "ADMITONE_LIMITS_MAX_STRING_BYTES": "1000"}
DOING = ("--yes", "--reason", "a law")


def put(lab, topic, command, headers=(), tenant=TENANT, padding=0, partition=None):
    """A record as no well-behaved producer writes it. Its position."""
    short, key, data = command
    at = []

    def delivered(error, message):
        assert error is None, error
        at.append(f"{topic}/{message.partition()}/{message.offset()}")
    producer = Producer({"bootstrap.servers": lab.stack.kafka, "partitioner": "murmur2_random"})
    where = {} if partition is None else {"partition": partition}
    producer.produce(topic, " " * padding + json.dumps(data), data["eventId"], on_delivery=delivered, **where, headers=[
        ("ce_id", str(uuid.uuid4())), ("ce_source", "/lab"), ("ce_specversion", "1.0"),
        ("ce_type", f"ticketing.{short}.v1"), ("ce_tenantid", tenant), ("ce_idempotencykey", key),
        ("content-type", "application/json"), *headers])
    assert producer.flush(60) == 0
    return at[0]


def claims(**facts):
    """A producer's own headers of a dead letter, in AdmitOne's name."""
    return [(f"admitone-dlq-{name}", value.encode()) for name, value in facts.items()]


def letters(lab):
    done = lab.installation.run("dead-letters", "list", "-o", "json")
    assert done.returncode == 0, done.stderr
    return {row["code"]: row["letters"] for row in json.loads(done.stdout)}


def redrive(lab, *arguments, code=0, **more):
    """Position to what is told of it."""
    done = lab.installation.run("dead-letters", "redrive", *arguments, "-o", "json", **more)
    assert done.returncode == code, done.stderr
    return {row["position"]: row for row in json.loads(done.stdout or "[]")}


def prove(lab):
    """By the program's own audit: the second auditor does not know who may come in where, nor which limits there are."""
    lab.drain()
    lab.rest()
    done = lab.installation.run("audit")
    assert done.returncode == 0, done.stdout + done.stderr


def events(lab, tenant=TENANT):
    return lab.installation.view("select count(*) from {s}.event_log where tenant_id = %s", tenant)[0][0]


def test_l17_a_redrive_lets_in_whom_the_topic_lets_in(lab):
    """Whatever the record's producer says, and whatever the operator's configuration says."""
    home, second = lab.installation.home, lab.installation.second
    binds = {"ADMITONE_KAFKA_TOPIC_TENANTS": f"{{{second}: [{OTHER}]}}"}
    event = lab.event_id(0)
    position = put(lab, second, lab.event(event), claims(topic=home, partition="0", offset="0",
                                                         code="PROCESSING_FAILED", reason="processing_failed"))
    lab.worker(**binds)
    until("it is dead", lambda: letters(lab) == {"TENANT_FORBIDDEN": 1}, 60)
    redrive(lab, "--reason-code", "PROCESSING_FAILED", *DOING, code=4, **binds)
    told = redrive(lab, "--tenant", TENANT, *DOING, code=6, **binds)
    assert [(at, row["result"]) for at, row in told.items()] == [(position, "tenant is forbidden")]
    # From a place whose configuration binds nothing it goes, and its lane has the last word.
    told = redrive(lab, "--tenant", TENANT, *DOING, "--wait")
    assert told[position]["result"] == "redriven" and told[position]["detail"].endswith(" is dead"), told
    until("it is dead again", lambda: letters(lab) == {"TENANT_FORBIDDEN": 2}, 60)
    assert events(lab) == 0
    told = redrive(lab, "--reason-code", "TENANT_FORBIDDEN", *DOING, code=6, **binds)
    assert sorted(row["result"] for row in told.values()) == ["redriven", "tenant is forbidden"], told
    prove(lab)


def test_l1_a_letter_that_names_anothers_place_takes_nothing_from_it(lab):
    """It was there first, and names the victim's record as its own."""
    home = lab.installation.home
    lane = 0
    hostile, victim = (lab.event(lab.event_id(lane)) for _ in range(2))
    stranger = put(lab, home, hostile, claims(topic=home, partition=str(lane), offset="1"), tenant=OTHER, padding=3000)
    position = put(lab, home, victim, padding=3000)
    assert position == f"{home}/{lane}/1"
    worker = lab.worker(**NARROW)
    until("both are dead", lambda: letters(lab) == {"INVALID_COMMAND": 2}, 60)
    worker.end()
    lab.worker()
    told = redrive(lab, position, *DOING, "--wait")
    assert [(at, row["result"]) for at, row in told.items()] == [(position, "redriven")], told
    assert (events(lab), events(lab, OTHER)) == (1, 0), "nobody else's goes with it"
    told = redrive(lab, "--reason-code", "limit", *DOING, "--wait")
    assert {at: row["result"] for at, row in told.items()} == {position: "redriven", stranger: "redriven"}
    assert (events(lab), events(lab, OTHER)) == (1, 1)
    prove(lab)


def test_l12_a_forged_origin_keeps_no_letter_from_being_sent(lab):
    home = lab.installation.home
    event = lab.event(lab.event_id(2))
    position = put(lab, home, event, padding=3000)
    worker = lab.worker(**NARROW)
    until("it is dead", lambda: letters(lab) == {"INVALID_COMMAND": 1}, 60)
    worker.end()
    letter = redrive(lab, position)[position]["dead_letter"]
    # No worker runs: nobody has refused it yet.
    put(lab, home, event, [("admitone-origin", letter.encode()), ("admitone-origin-signature", b"00" * 32)])
    told = redrive(lab, position)[position]
    assert told["result"] == "on its way" and "signature" in told["detail"], told
    assert redrive(lab, position, *DOING)[position]["result"] == "sent"
    # What was sent is signed, and counts.
    assert redrive(lab, position, *DOING)[position]["result"] == "on its way"
    lab.worker()
    until("it is decided", lambda: events(lab) == 1, 60)
    assert redrive(lab, position, *DOING)[position]["result"] == "redriven"
    prove(lab)


@pytest.mark.parametrize("taken", [False, True], ids=["never taken", "taken and nothing decided"])
def test_l10_a_group_is_put_where_a_lane_that_has_decided_nothing_begins(lab, taken):
    """The log begins behind offset 0. A lane that the database has never seen begins there: a position above leaves records
    out. One that stood at offset 0 has lost what was cut off, and no position helps."""
    home, event = lab.installation.home, lab.event_id(1)
    stands_at = ("select next_offset from {s}.lane_log where topic = %s and partition = 1", home)
    if taken:
        worker = lab.worker()
        until("it stands at the beginning", lambda: lab.installation.view(*stands_at) == [(0,)], 60)
        worker.end()
    lab.send([lab.event(event)] + [lab.hold(event, f"h{n}") for n in range(9)])
    lab.installation.admin.delete_records([TopicPartition(home, 1, 4)])[TopicPartition(home, 1)].result()
    one = ("replay", "--move-group", "--partition", "1")
    done = lab.installation.run(*one, "--from", "7", *DOING)
    assert done.returncode == 3, done.stderr
    if taken:
        assert "records 0 to 3 were deleted" in done.stderr and "deleted-records" in done.stderr, done.stderr
        return
    assert "--from 4" in done.stderr, done.stderr
    done = lab.installation.run(*one, *DOING)
    assert done.returncode == 0, done.stderr
    lab.worker()
    until("what is left is decided", lambda: lab.installation.view(*stands_at) == [(10,)], 60)
    assert lab.installation.view("select count(*) from {s}.record_ledger") == [(6,)]
