"""A small installation for one law: a few lanes, workers that can be led through proxies, sends, the auditor."""
from __future__ import annotations

import json
import pathlib
import socket
import struct
import sys
import uuid
from urllib.parse import urlsplit

FAULTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(FAULTS), str(FAULTS.parent)]

from confluent_kafka import Producer  # noqa: E402

from auditor.audit import audit, collect  # noqa: E402
from auditor.commands import partition_of  # noqa: E402
from auditor.findings import Findings  # noqa: E402
from installation import Installation, Stack, Worker, until  # noqa: E402
from outside import Outside  # noqa: E402
from proxy.kafka import KafkaProxy  # noqa: E402
from proxy.postgres import PostgresProxy  # noqa: E402
from proxy.rules import Loop  # noqa: E402
from traffic import Sender, Traffic  # noqa: E402

TENANT = "22222222-2222-4222-8222-222222222222"
QUICK = {"ADMITONE_KAFKA_SESSION_TIMEOUT": "4s", "ADMITONE_KAFKA_HEARTBEAT_INTERVAL": "500ms",
         # Only the short holds of the traffic end during a test.
         "ADMITONE_RESERVATIONS_DEFAULT_HOLD": "50m"}


class Lab:
    def __init__(self, stack: Stack, partitions: int = 4, **settings) -> None:
        self.stack = stack
        self.installation = Installation(stack, "law", partitions, 2, **{**QUICK, **settings})
        self.partitions = partitions
        self.workers: list[Worker] = []
        self.closing: list = []
        self.loop = None
        self.names = 0

    # ------------------------------------------------------------ workers and the ways to them

    def worker(self, failpoints: str = "", wait: bool = True, kafka=None, postgres=None, **settings) -> Worker:
        self.names += 1
        if kafka is not None:
            settings["ADMITONE_KAFKA_BOOTSTRAP_SERVERS"] = "%s:%d" % kafka.address
        if postgres is not None:
            settings["ADMITONE_DATABASE_URL"] = postgres.url
        made = self.installation.worker(f"w{self.names}", failpoints, **settings)
        self.workers.append(made)
        return made.wait_ready(60) if wait else made

    def _loop(self) -> Loop:
        if self.loop is None:
            self.loop = Loop()
        return self.loop

    def kafka_proxy(self) -> KafkaProxy:
        host, port = self.stack.kafka.split(":")
        proxy = KafkaProxy(self._loop(), ("127.0.0.1", 0), (host, int(port)))
        self.closing.append(proxy)
        return proxy

    def postgres_proxy(self) -> PostgresProxy:
        url = self.stack.env["ADMITONE_DATABASE_URL"]
        parts = urlsplit(url)
        proxy = PostgresProxy(self._loop(), ("127.0.0.1", 0), (parts.hostname, parts.port))
        proxy.url = url.replace(f"{parts.hostname}:{parts.port}", "%s:%d" % proxy.address)
        self.closing.append(proxy)
        return proxy

    def outside(self, rich: bool = True, **settings) -> Outside:
        """A venue service and a chain, to which the workers that are started after this are led. A wallet that is not
        rich is refused by the chain."""
        made = Outside(self.installation.logs / "outside", rich)
        self.closing.append(made)
        self.installation.env.update({**made.settings, **settings})
        return made

    def until_dead(self, worker: Worker, seconds: float = 60) -> None:
        until(f"{worker.name} has died at {worker.failpoints}", lambda: not worker.alive, seconds)

    def until_stopped(self, worker: Worker, seconds: float = 60) -> None:
        """It has met a failpoint that stops it."""
        def stopped() -> bool:
            status = pathlib.Path(f"/proc/{worker.process.pid}/stat").read_text()
            return status.rpartition(")")[2].split()[0] == "T"
        until(f"{worker.name} stands still at {worker.failpoints}", stopped, seconds)

    # ------------------------------------------------------------ commands

    def event_id(self, lane: int) -> str:
        while True:
            found = str(uuid.uuid4())
            if partition_of(found, self.partitions) == lane:
                return found

    def send(self, commands, more_headers=()) -> None:
        """(type, key, data) each, in order, to the home topic as the Java client would. Data that are bytes go as they
        are and without headers, under the key."""
        failed = []
        producer = Producer({"bootstrap.servers": self.stack.kafka, "partitioner": "murmur2_random",
                             "enable.idempotence": True, "linger.ms": 2})
        for number, (short, key, data) in enumerate(commands):
            if isinstance(data, bytes):
                producer.produce(self.installation.home, data, key,
                                 on_delivery=lambda error, _: failed.append(error) if error else None)
                continue
            headers = [("ce_id", f"{key}-{number}"), ("ce_source", "/lab"), ("ce_specversion", "1.0"),
                       ("ce_type", f"ticketing.{short}.v1"), ("ce_tenantid", TENANT), ("ce_idempotencykey", key),
                       ("content-type", "application/json"), *more_headers]
            producer.produce(self.installation.home, json.dumps(data), data["eventId"], headers=headers,
                             on_delivery=lambda error, _: failed.append(error) if error else None)
            producer.poll(0)
        assert producer.flush(60) == 0 and not failed, failed

    def event(self, event: str, seats: int = 100_000):
        return ("event.create", f"create-{event}", {
            "eventId": event, "venueId": "v", "name": f"Event {event}", "startsAt": "2031-05-01T19:00:00Z",
            "endsAt": "2031-05-01T23:00:00Z", "timezone": "Europe/Vienna",
            "sections": [{"sectionId": "A", "name": "A", "capacity": seats, "priceMinor": 1, "currency": "EUR"}]})

    def hold(self, event: str, name: str, seats: int = 1, **more):
        return ("reservation.create", f"hold-{name}", {
            "eventId": event, "reservationId": str(uuid.uuid5(uuid.NAMESPACE_OID, event + name)), "customerId": "c",
            "items": [{"sectionId": "A", "quantity": seats}], "holdSeconds": 3000, **more})

    def confirm(self, event: str, name: str):
        return ("reservation.confirm", f"confirm-{name}", {
            "eventId": event, "reservationId": str(uuid.uuid5(uuid.NAMESPACE_OID, event + name)),
            "paymentReference": f"p-{name}"})

    def traffic(self, seed: int, commands: int, pace: float = 100_000) -> None:
        sender = Sender(self.stack.kafka, self.installation.home, self.installation.second, pace)
        sender.run(Traffic(seed, commands).sends())
        assert not sender.failed, sender.failed

    def expel_members(self) -> None:
        """Everybody leaves the group, by a request that is not the members' own: they learn it with their next one."""
        group = self.installation.prefix
        described = self.installation.admin.describe_consumer_groups([group], request_timeout=15)[group].result()
        host, port = self.stack.kafka.split(":")
        assert described.members
        for member in described.members:
            with socket.create_connection((host, int(port)), timeout=15) as connection:
                body = struct.pack(">hhih", 13, 2, 1, -1)  # LeaveGroup version 2, no client id
                for text in (group, member.member_id):
                    body += struct.pack(">h", len(text)) + text.encode()
                connection.sendall(struct.pack(">i", len(body)) + body)
                answer = connection.recv(100)
                # size, correlation, throttle time, error
                assert struct.unpack(">h", answer[12:14]) == (0,), answer

    def make_second_topic_again(self) -> None:
        """Deleted and created with the same name: empty, and its offsets begin again."""
        name, admin = self.installation.second, self.installation.admin
        admin.delete_topics([name], request_timeout=30)[name].result(60)
        until("the topic is gone", lambda: name not in admin.list_topics(timeout=10).topics, 30)
        self.installation.create_second()

    def undecided(self) -> int:
        """Records without a verdict."""
        return sum(self.installation.ends().values()) - \
            self.installation.view("select count(*) from {s}.record_ledger")[0][0]

    # ------------------------------------------------------------ the proof

    def drain(self, seconds: float = 120, ahead: int = 0) -> None:
        self.installation.drain(seconds, ahead)

    def settle(self, seconds: float = 20) -> None:
        """For a mutant, which may never come to an end: as far as it gets."""
        try:
            self.installation.drain(seconds)
        except TimeoutError:
            pass

    def audit(self, drained: bool = True) -> Findings:
        return audit(collect(self.installation.env, drained))

    def rest(self) -> None:
        """The workers end, so that nothing moves while the auditor looks."""
        awake = [worker for worker in self.workers if worker.alive]
        for worker in awake:
            worker.end()

    def prove(self) -> None:
        self.rest()
        findings = self.audit()
        assert findings.ok, "\n" + findings.as_table()

    def refute(self, *checks: str, drained: bool = False) -> None:
        """The auditor must notice the defect, in one of the checks named."""
        findings = self.audit(drained)
        assert findings.refuted() & set(checks), "\n" + findings.as_table()

    def verdicts(self) -> dict[str, int]:
        return dict(self.installation.view("select verdict, count(*) from {s}.record_ledger group by verdict"))

    def close(self) -> None:
        for worker in self.workers:
            if worker.alive:
                worker.thaw()
                worker.kill()
        for each in self.closing:
            each.close()
        if self.loop is not None:
            self.loop.close()
        self.installation.clean()
