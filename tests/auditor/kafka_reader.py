"""Reads whole topics at read_committed, and a group's positions. Never joins a group, never writes."""
from __future__ import annotations

import time

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, IsolationLevel, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from .facts import Outcome, Record, outcome_of

STALL = 60.0  # seconds without a record before the reader gives up


class KafkaReader:
    def __init__(self, servers: str, options: dict | None = None) -> None:
        self.settings = {"bootstrap.servers": servers, "log_level": 0, **(options or {})}
        self.admin = AdminClient(dict(self.settings))

    def partitions(self, topic: str) -> list[int]:
        found = self.admin.list_topics(topic, timeout=30).topics[topic]
        if found.error is not None:
            raise RuntimeError(f"topic {topic}: {found.error}")
        return sorted(found.partitions)

    def bounds(self, topic: str, stable: bool) -> dict[int, tuple[int, int]]:
        """Begin and end per partition; `stable`: the end is the last stable offset."""
        level = IsolationLevel.READ_COMMITTED if stable else IsolationLevel.READ_UNCOMMITTED
        parts = [TopicPartition(topic, p) for p in self.partitions(topic)]
        found = []
        for spec in (OffsetSpec.earliest(), OffsetSpec.latest()):
            asked = self.admin.list_offsets({tp: spec for tp in parts}, isolation_level=level, request_timeout=30)
            found.append({tp.partition: future.result().offset for tp, future in asked.items()})
        return {p: (found[0][p], found[1][p]) for p in found[0]}

    def wait_until_closed(self, topic: str, seconds: float = 30.0) -> None:
        """Until no transaction is open. A broker says that one is committed before its markers are written, and until
        then readers do not see it; what is still open after all that time is the audit's to tell."""
        deadline = time.monotonic() + seconds
        while self.bounds(topic, stable=True) != self.bounds(topic, stable=False) and time.monotonic() < deadline:
            time.sleep(0.1)

    def read(self, topic: str, take) -> dict[int, int]:
        """Gives every committed record of the topic to `take(message)`; returns the end of each partition."""
        bounds = self.bounds(topic, stable=True)
        left = {p: end for p, (begin, end) in bounds.items() if end > begin}
        consumer = Consumer({**self.settings, "group.id": f"auditor-{time.time_ns()}", "enable.auto.commit": False,
                             "isolation.level": "read_committed", "auto.offset.reset": "error",
                             "enable.partition.eof": True, "queued.max.messages.kbytes": 65536,
                             "fetch.wait.max.ms": 10})
        try:
            consumer.assign([TopicPartition(topic, p, bounds[p][0]) for p in left])
            last = time.monotonic()
            while left:
                for message in consumer.consume(2000, 1.0):
                    error = message.error()
                    if error is not None and error.code() != KafkaError._PARTITION_EOF:
                        if error.fatal() or time.monotonic() - last > STALL:
                            raise RuntimeError(f"reading {topic}: {error}")
                        continue
                    last = time.monotonic()
                    if error is None and message.offset() < bounds[message.partition()][1]:
                        take(message)
                    if message.offset() >= left.get(message.partition(), 1 << 62) - (error is None):
                        left.pop(message.partition(), None)
                if time.monotonic() - last > STALL:
                    raise RuntimeError(f"reading {topic} stalled; still open: {left}")
        finally:
            consumer.close()
        return {p: end for p, (_, end) in bounds.items()}

    def records(self, topic: str) -> tuple[dict[int, list[Record]], dict[int, int]]:
        found: dict[int, list[Record]] = {p: [] for p in self.partitions(topic)}

        def take(m):
            found[m.partition()].append(Record(topic, m.partition(), m.offset(), m.timestamp()[1], m.key(), m.value(),
                                               m.headers() or []))
        return found, self.read(topic, take)

    def outcomes(self, topic: str) -> dict[int, list[Outcome]]:
        found: dict[int, list[Outcome]] = {p: [] for p in self.partitions(topic)}

        def take(m):
            found[m.partition()].append(outcome_of(m.partition(), m.offset(), m.key(), m.value(), m.headers() or []))
        self.read(topic, take)
        return found

    def group_positions(self, group: str) -> dict[tuple[str, int], int]:
        asked = self.admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)], require_stable=True,
                                                       request_timeout=30)
        answer = asked[group].result()
        return {(tp.topic, tp.partition): tp.offset for tp in answer.topic_partitions if tp.offset >= 0}
