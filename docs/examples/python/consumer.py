"""Takes each outcome once, and proves that none is missing.

    python consumer.py DATABASE

What it has done and how far it has read are in one SQLite file and change in one transaction: so it may be killed at
any moment, and may run twice. BROKERS, TOPIC and GROUP are variables of the environment. Needs confluent-kafka.
"""

import json
import os
import signal
import sqlite3
import sys

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

BROKERS = os.environ.get("BROKERS", "localhost:9092")
TOPIC = os.environ.get("TOPIC", "ticketing.outcomes")
GROUP = os.environ.get("GROUP", "mailer")

TABLES = """
create table if not exists lanes (lane integer primary key, seq integer not null, next_offset integer not null);
create table if not exists outcomes (id text primary key, type text not null, code text not null, event text,
                                     result text not null);
"""


def effect(db, headers, outcome):
    """What this consumer is for. Its id says whether it was there before: a stored outcome may be given again."""
    db.execute("insert into outcomes values (?, ?, ?, ?, ?) on conflict (id) do nothing",
               (headers["ce_id"], headers["ce_type"], outcome["code"], headers.get("ce_subject"),
                json.dumps(outcome["result"])))


def take(db, record):
    headers = {name: value.decode() for name, value in record.headers()}
    lane, seq = map(int, headers["admitone-seq"].split(":"))
    known = db.execute("select seq from lanes where lane = ?", (lane,)).fetchone()
    if known and seq <= known[0]:
        return  # taken before: by a twin, or published twice in mode at_least_once
    if known and seq > known[0] + 1:
        sys.exit(f"lane {lane}: outcomes {known[0] + 1} to {seq - 1} are missing before offset {record.offset()}")
    effect(db, headers, json.loads(record.value()))
    db.execute("insert into lanes values (?, ?, ?) on conflict (lane) do update set seq = excluded.seq, "
               "next_offset = excluded.next_offset", (lane, seq, record.offset() + 1))


def main(path):
    db = sqlite3.connect(path, isolation_level=None, timeout=30)
    db.executescript(TABLES)

    def go_on(consumer, partitions):
        """Where the database stands, not where the group does."""
        stand = dict(db.execute("select lane, next_offset from lanes"))
        consumer.assign([TopicPartition(TOPIC, one.partition, stand.get(one.partition, OFFSET_BEGINNING))
                         for one in partitions])

    consumer = Consumer({
        "bootstrap.servers": BROKERS,
        "group.id": GROUP,
        "isolation.level": "read_committed",  # librdkafka's default; Java's is read_uncommitted
        "enable.auto.commit": False,
        "auto.offset.reset": "error",  # what retention has taken is missing, too
    })
    stopping = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.append(True))
    consumer.subscribe([TOPIC], on_assign=go_on)
    while not stopping:
        records = consumer.consume(500, timeout=1.0)
        for record in records:
            if record.error() and not record.error().retriable():
                sys.exit(f"{TOPIC}: {record.error()}")
        db.execute("begin immediate")  # a twin that has the lane meanwhile waits here, and finds it moved
        for record in records:
            if not record.error():
                take(db, record)
        db.execute("commit")
    consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
