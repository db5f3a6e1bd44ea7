"""Seeded traffic: commands of every type, each sent one to five times by three producers, good and bad ones mixed.

The same seed makes the same sends in the same order; which partition and when is Kafka's affair.
"""
from __future__ import annotations

import copy
import dataclasses
import json
import random
import threading
import time
import uuid

from confluent_kafka import Producer

ROUTES = ("home", "stranger", "second")  # home topic as Java places keys; as librdkafka does; the second topic
SPACE = uuid.UUID("6f0ad0b6-3b5c-4c0e-9b52-0d6ad0ad0ad0")


@dataclasses.dataclass(slots=True)
class Send:
    route: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class Traffic:
    def __init__(self, seed: int, commands: int, tenants: int = 3, holds_per_event: int = 120,
                 hold: int = 3000) -> None:
        self.random = random.Random(seed)
        self.seed, self.commands = seed, commands
        self.tenants = [self.uuid() for _ in range(tenants)]
        self.events: list[dict] = []
        self.live: list[dict] = []  # reservations that follow-ups may name
        self.held: list[tuple] = []  # tenant and data of holds that may come again under another key
        self.event_count = max(12, commands // holds_per_event)
        self.numbers = 0
        self.long_hold = hold  # seconds; longer than the run, so that only the short ones end by themselves

    def uuid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    # ------------------------------------------------------------ what is sent

    def sends(self):
        """All sends, copies scattered behind their original."""
        later: list[tuple[int, int, Send]] = []
        for n in range(self.commands):
            for send in self.command(n):
                yield send
            while later and later[0][0] <= n:
                yield later.pop(0)[2]
            for due, copy in self.copies:
                later.append((n + due, len(later), copy))
            later.sort(key=lambda entry: entry[:2])
        for _, _, send in later:
            yield send

    def command(self, n: int) -> list[Send]:
        """The next command's first send; its copies are left in `copies`."""
        self.copies: list[tuple[int, Send]] = []
        dice = self.random.random()
        if len(self.events) < self.event_count and (n < 12 or dice < 2.0 * self.event_count / self.commands):
            return self.wrap("event.create", *self.new_event())
        if dice > 0.985:
            return [self.poison()]
        if dice > 0.965:
            return self.wrap(*self.invalid(), damaged=True)
        kind = self.random.choices(
            ("hold", "confirm", "extend", "release", "cancel", "update", "cancel_event", "stray"),
            (62, 18, 4, 6, 4, 1.5, 0.25, 1.5))[0]
        return self.wrap(*getattr(self, kind)())

    def new_event(self):
        tenant = self.random.choice(self.tenants)
        number = len(self.events)
        hot = number % 6 == 0
        event = {"tenant": tenant, "id": self.uuid(), "version": 1, "sections": ["A", "B", "C"][:1 + number % 3]}
        data = {
            "venueId": f"venue-{self.random.randrange(5)}", "name": f"Concert {self.seed} {number}",
            "startsAt": "2031-05-01T19:00:00Z", "endsAt": "2031-05-01T23:00:00Z", "timezone": "Europe/Vienna",
            "sections": [{"sectionId": s, "name": f"Section {s}", "capacity": 40 if hot else 5000,
                          "priceMinor": 2500, "currency": "EUR"} for s in event["sections"]]}
        if number % 9:
            data["eventId"] = event["id"]
        else:
            event["sections"] = []  # its id is derived: nobody here knows it
        if number % 4 == 1:
            data["maxPerReservation"] = 6
        self.events.append(event)
        return tenant, data

    def event(self) -> dict:
        known = [e for e in self.events if e["sections"]]
        # A few events take most of the traffic.
        return known[min(int(self.random.paretovariate(0.9)) - 1, len(known) - 1)] if self.random.random() < 0.5 \
            else self.random.choice(known)

    def hold(self):
        if self.held and self.random.random() < 0.03:
            # A client that has forgotten its key sends the reservation again, mostly as it was.
            tenant, data = self.random.choice(self.held)
            if self.random.random() < 0.3:
                data = {**data, "customerId": f"customer-{self.random.randrange(1000)}"}
            return "reservation.create", tenant, copy.deepcopy(data)
        event = self.event()
        reservation = {"tenant": event["tenant"], "event": event["id"], "id": self.uuid()}
        picked = self.random.sample(event["sections"], self.random.randint(1, len(event["sections"])))
        data = {"eventId": event["id"], "reservationId": reservation["id"],
                "customerId": f"customer-{self.random.randrange(1000)}",
                "items": [{"sectionId": s, "quantity": self.random.randint(1, 4)} for s in picked]}
        dice = self.random.random()
        if dice < 0.95:
            data["holdSeconds"] = self.random.randint(2, 20) if dice < 0.15 else self.long_hold
        if self.random.random() < 0.03:
            del data["reservationId"]
        else:
            self.live.append(reservation)
            self.held.append((event["tenant"], copy.deepcopy(data)))
        return "reservation.create", event["tenant"], data

    def named(self):
        if not self.live:
            return None
        # Mostly a fresh one; sometimes any, whatever has become of it.
        at = len(self.live) - 1 - int(self.random.expovariate(1 / 40)) if self.random.random() < 0.9 \
            else self.random.randrange(len(self.live))
        return self.live[max(at, 0)]

    def follow_up(self, short: str, **more):
        target = self.named()
        if target is None:
            return self.hold()
        return short, target["tenant"], {"eventId": target["event"], "reservationId": target["id"], **more}

    def confirm(self):
        return self.follow_up("reservation.confirm", paymentReference=f"pay-{self.random.randrange(10 ** 9)}")

    def extend(self):
        return self.follow_up("reservation.extend", holdSeconds=self.random.choice((5, 20, self.long_hold)))

    def release(self):
        return self.follow_up("reservation.release", reason="changed my mind")

    def cancel(self):
        return self.follow_up("reservation.cancel", refundReference=f"ref-{self.random.randrange(10 ** 9)}")

    def update(self):
        event = self.event()
        data = {"eventId": event["id"], "expectedVersion": self.random.choice((event["version"],) * 4 + (99,)),
                "description": f"text {self.random.randrange(10 ** 6)} Größe ✓"}
        if self.random.random() < 0.5:
            data["sections"] = [{"sectionId": event["sections"][0], "name": "S", "capacity":
                                 self.random.choice((30, 5000, 6000)), "priceMinor": 2500, "currency": "EUR"}]
        event["version"] += 1
        return "event.update", event["tenant"], data

    def cancel_event(self):
        event = self.random.choice([e for e in self.events if e["sections"]])
        return "event.cancel", event["tenant"], {"eventId": event["id"], "reason": "storm"}

    def stray(self):
        """An event or a tenant that does not exist, a section nobody has."""
        event, data = self.event(), None
        data = {"eventId": event["id"], "customerId": "c", "items": [{"sectionId": "Z", "quantity": 1}]}
        tenant = event["tenant"]
        if self.random.random() < 0.5:
            data["eventId"] = self.uuid()
        elif self.random.random() < 0.5:
            tenant = self.random.choice(self.tenants)
        return "reservation.create", tenant, data

    def invalid(self):
        short, tenant, data = self.hold()
        self.live[:] = [r for r in self.live if r["id"] != data.get("reservationId")]
        damage = self.random.randrange(5)
        if damage == 0:
            data["items"] = []
        elif damage == 1:
            data.pop("customerId")
        elif damage == 2:
            data["items"][0]["quantity"] = "two"
        elif damage == 3:
            data["eventId"] = data["eventId"].upper() + "x"
        else:
            data["items"][0]["quantity"] = 0
        return short, tenant, data

    # ------------------------------------------------------------ how it is sent

    def wrap(self, short, tenant, data, damaged=False) -> list[Send]:
        self.numbers += 1
        keyed = self.random.random() < 0.85
        attributes = {"id": f"cmd-{self.seed}-{self.numbers}", "source": f"/shop/{self.numbers % 3}",
                      "specversion": "1.0", "type": f"ticketing.{short}.v1", "tenantid": tenant}
        if keyed:
            attributes["idempotencykey"] = f"key-{self.seed}-{self.numbers}"
        if self.random.random() < 0.2:
            attributes["actorid"] = f"actor-{self.numbers % 7}"
        if self.random.random() < 0.1:
            attributes["traceparent"] = f"00-{self.random.getrandbits(128):032x}-{self.random.getrandbits(64):016x}-01"
        if not damaged and self.random.random() < 0.01:
            attributes["expirytime"] = self.random.choice(("2020-01-01T00:00:00Z", "2090-01-01T00:00:00Z"))
        mode = self.random.choices(("binary", "structured", "prefixed"), (80, 14, 6))[0]
        first = self.encode(mode, attributes, data)
        copies = self.random.choices((0, 1, 2, 3, 4), (45, 25, 15, 10, 5))[0]
        for _ in range(copies):
            again = dict(attributes)
            if keyed and self.random.random() < 0.5:
                again["id"] += f"-again-{self.random.randrange(10 ** 6)}"
            self.copies.append((int(self.random.expovariate(1 / 60)), self.encode(mode, again, data)))
        if keyed and not damaged and self.random.random() < 0.03:
            self.copies.append((self.random.randrange(200), self.encode(mode, attributes, self.other(data))))
        if not keyed and not damaged and self.random.random() < 0.2:
            twin = dict(attributes, id=attributes["id"] + "-twin")  # double submission: fresh id, same content
            return [first, dataclasses.replace(self.encode(mode, twin, data), route=first.route)]
        return [first]

    def other(self, data: dict) -> dict:
        changed = json.loads(json.dumps(data))
        for name in ("customerId", "paymentReference", "reason", "refundReference", "description", "name"):
            if name in changed:
                changed[name] += "-changed"
                return changed
        changed["holdSeconds"] = 77
        return changed

    def encode(self, mode: str, attributes: dict, data) -> Send:
        route = self.random.choices(ROUTES, (70, 15, 15))[0]
        key = str(data.get("eventId") or f"any-{self.random.randrange(1000)}").encode()
        # Members in random order: the payload is the same.
        names = list(data)
        self.random.shuffle(names)
        body = {name: data[name] for name in names}
        if mode == "structured":
            value = json.dumps({**attributes, "data": body}).encode()
            return Send(route, key, value, [("content-type", b"application/cloudevents+json; charset=utf-8")])
        value = json.dumps(body, ensure_ascii=self.random.random() < 0.5).encode()
        headers = [(f"ce_{name}", text.encode()) for name, text in attributes.items()]
        headers.append(("content-type", b"application/json"))
        return Send(route, key, (b"\0\0\0\0\7" if mode == "prefixed" else b"") + value, headers)

    def poison(self) -> Send:
        kind = self.random.randrange(7)
        good = self.wrap(*self.hold())[0]
        self.copies.clear()
        self.live.pop() if self.live else None
        headers = [h for h in good.headers if self.random.random() < 0.5] if kind < 2 else good.headers
        value = good.value
        if kind == 0:
            value = self.random.randbytes(self.random.randrange(1, 200)) + b"\xff"
        elif kind == 1:
            value = None
        elif kind == 2:
            value = value[:len(value) // 2]
        elif kind == 3:
            value = b"[" * 3000
        elif kind == 4:
            value = value.replace(b'"customerId"', b'"eventId"')
        elif kind == 5:
            headers = [(n, b"ticketing.seat.paint.v1" if n == "ce_type" else v) for n, v in headers]
            if good.headers[0][0] == "content-type":
                value = value.replace(b"ticketing.reservation.create.v1", b"ticketing.seat.paint.v1")
        else:
            value = b'{"pad":"' + b"x" * 300_000 + b'"}' if self.random.random() < 0.1 else b"null"
        return Send(good.route, good.key, value, headers)


class Sender:
    """The three producers. `pace` sends a second at most; `run` in a thread of its own, beside the faults."""

    def __init__(self, servers: str, home: str, second: str, pace: float) -> None:
        common = {"bootstrap.servers": servers, "linger.ms": 5, "compression.type": "lz4", "acks": "all",
                  "enable.idempotence": True, "message.timeout.ms": 300_000, "reconnect.backoff.max.ms": 500,
                  "message.max.bytes": 2_000_000, "queue.buffering.max.messages": 500_000,
                  "log_level": 0}
        self.pace = pace
        self.out = {"home": (Producer({**common, "partitioner": "murmur2_random"}), home),
                    "stranger": (Producer({**common, "partitioner": "consistent_random"}), home),
                    "second": (Producer({**common, "partitioner": "murmur2_random"}), second)}
        self.sent, self.failed = 0, []
        self.done = threading.Event()

    def _delivered(self, error, message) -> None:
        if error is not None:
            self.failed.append(str(error))

    def run(self, sends) -> None:
        began = time.monotonic()
        try:
            for send in sends:
                producer, topic = self.out[send.route]
                while True:
                    try:
                        producer.produce(topic, send.value, send.key, headers=send.headers,
                                         on_delivery=self._delivered)
                        break
                    except BufferError:
                        producer.poll(0.1)
                producer.poll(0)
                self.sent += 1
                ahead = self.sent / self.pace - (time.monotonic() - began)
                if ahead > 0.05:
                    producer.poll(ahead)
            for producer, _ in self.out.values():
                if producer.flush(300):
                    self.failed.append("not everything was delivered")
        finally:
            self.done.set()
