"""Two auditors that share no code, `admitone audit` and the one in tests/auditor, on one installation: they agree that
all is well, and they agree when the database or the log was tampered with behind their backs."""
from __future__ import annotations

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

DATABASE = {
    "a seat more is held": "update {s}.sections set held = held + 1 where ctid = (select ctid from {s}.sections limit 1)",
    "a reservation is gone": "delete from {s}.reservations where ctid = "
                             "(select ctid from {s}.reservations where status = 1 limit 1)",
    "a verdict is gone": "delete from {s}.ledger where (part, key_hash) in (select part, key_hash from {s}.ledger "
                         "where out_seq is not null and record_topic = 0 order by out_seq limit 1)",
    "an answer names another outcome": "update {s}.ledger set outcome_id = gen_random_uuid() where (part, key_hash) in "
                                       "(select part, key_hash from {s}.ledger where out_seq is not null limit 1)",
    "a verdict is another tenant's": "update {s}.ledger set tenant_id = gen_random_uuid() where (part, key_hash) in "
                                     "(select part, key_hash from {s}.ledger where verdict = 1 and out_seq is not null "
                                     "limit 1)",
    "a forwarded record was never decided": "delete from {s}.ledger where (part, key_hash) in (select part, key_hash "
                                            "from {s}.ledger where origin is not null and record_offset is not null "
                                            "limit 1)",
    "an owed answer is not in the ledger": "update {s}.ledger set out_seq = null, outcome_id = null where "
                                           "(part, key_hash) in (select part, key_hash from {s}.ledger "
                                           "where verdict = 3 limit 1)",
    "a record is called dead": "update {s}.ledger set verdict = 8 where (part, key_hash) in "
                               "(select part, key_hash from {s}.ledger where verdict = 1 and out_seq is not null limit 1)",
    "a number is skipped": "update {s}.ledger set out_seq = out_seq + 1000 where (part, key_hash) in "
                           "(select part, key_hash from {s}.ledger where out_seq is not null "
                           "order by lane, out_seq desc limit 1)",
}


def one_outcome(lab):
    """The last outcome of some partition, as it is in the log."""
    consumer = Consumer({"bootstrap.servers": lab.stack.kafka, "group.id": lab.installation.prefix + "-look",
                         "isolation.level": "read_committed", "auto.offset.reset": "earliest"})
    try:
        consumer.assign([TopicPartition(lab.installation.outcomes, p, 0) for p in range(lab.partitions)])
        found = None
        while found is None:
            found = consumer.poll(30)
            assert found is not None and not found.error()
        return found
    finally:
        consumer.close()


def send_again(lab, change=lambda value: value):
    found = one_outcome(lab)
    producer = Producer({"bootstrap.servers": lab.stack.kafka})
    producer.produce(lab.installation.outcomes, change(found.value()), found.key(), found.partition(),
                     headers=found.headers())
    assert producer.flush(30) == 0


def letter_of(lab, position):
    topic, partition, offset = position.rsplit("/", 2)
    producer = Producer({"bootstrap.servers": lab.stack.kafka})
    headers = {"reason": "undecodable", "code": "INVALID_COMMAND", "detail": "", "topic": topic, "partition": partition,
               "offset": offset}
    producer.produce(lab.installation.letters, b"x", b"k", headers=[
        (f"admitone-dlq-{name}", value.encode()) for name, value in headers.items()])
    assert producer.flush(30) == 0


LOG = {
    "a good record has a dead letter": lambda lab: letter_of(lab, f"{lab.installation.home}/0/0"),
    "an outcome is there twice": send_again,
    "an outcome says something else the second time":
        lambda lab: send_again(lab, lambda value: value.replace(b'"code":"', b'"code":"NOT_')),
}


def worked(lab):
    lab.traffic(80, 250)
    lab.worker()
    lab.drain()
    lab.rest()


def second(lab):
    return lab.installation.run("audit", seconds=120)


def test_both_prove_what_is_well(lab):
    worked(lab)
    done = second(lab)
    assert done.returncode == 0, done.stdout + done.stderr
    lab.prove()


@pytest.mark.parametrize("what", [*DATABASE, *LOG])
def test_both_refute_what_was_tampered_with(lab, what):
    worked(lab)
    if what in DATABASE:
        lab.stack.sql(DATABASE[what].replace("{s}", f'"{lab.installation.schema}"'))
    else:
        LOG[what](lab)
    first = lab.audit()
    assert not first.ok, "\n" + first.as_table()
    done = second(lab)
    assert done.returncode == 3, done.stdout + done.stderr
