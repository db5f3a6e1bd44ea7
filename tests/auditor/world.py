"""A small, consistent set of facts, made by hand, for the auditor's own tests to tamper with."""
from __future__ import annotations

import datetime
import json
import uuid

from .commands import partition_of
from .facts import Facts, Record, outcome_of
from .log_checks import OUTCOME_SPACE

HOME, OTHER = "home", "other"
LANES = 2
START = 1_700_000_000_000
TENANT = "11111111-1111-4111-8111-111111111111"


def identifier(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def iso(ms: int) -> str:
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc).isoformat().replace("+00:00", "Z")


class World:
    def __init__(self) -> None:
        self.commands = {(HOME, p): [] for p in range(LANES)} | {(OTHER, 0): []}
        self.outcomes = {p: [] for p in range(LANES)}
        self.letters: list[Record] = []
        self.ledger: list[dict] = []
        self.numbered: list[dict] = []
        self.keys: list[dict] = []
        self.first: dict[str, tuple] = {}
        self.clock = START

    def record(self, topic: str, partition: int, key, value, headers) -> Record:
        self.clock += 1000
        offset = len(self.commands[(topic, partition)])
        made = Record(topic, partition, offset, self.clock, key.encode(), value, headers)
        self.commands[(topic, partition)].append(made)
        return made

    def send(self, short: str, data: dict, key: str, topic: str = HOME) -> Record:
        headers = [(f"ce_{name}", text.encode()) for name, text in (
            ("id", f"{key}-{self.clock}"), ("source", "/test"), ("specversion", "1.0"),
            ("type", f"ticketing.{short}.v1"), ("tenantid", TENANT), ("idempotencykey", key))]
        value = json.dumps(data).encode()
        event = data["eventId"]
        if topic == HOME:
            return self.record(HOME, partition_of(event, LANES), event, value, headers)
        original = self.record(OTHER, 0, event, value, headers)
        self.verdict(original, "forwarded")
        headers = headers + [("admitone-origin", original.position.encode()), ("admitone-origin-signature", b"00")]
        return self.record(HOME, partition_of(event, LANES), event, value, headers)

    def verdict(self, record: Record, verdict: str, outcome=None) -> None:
        self.ledger.append({"topic": record.topic, "partition": record.partition, "offset": record.offset,
                            "verdict": verdict, "tenant_id": TENANT, "outcome_id": outcome, "epoch": 1,
                            "decided_at": None})

    def answer(self, record: Record, verdict: str, kind: str, status: str, code: str, result=None,
               replay_of=None) -> str:
        origin = record.header("admitone-origin") or record.position
        event = record.key.decode()
        given = {name: record.header(f"ce_{name}") for name in ("id", "source", "type", "idempotencykey")}
        lane = partition_of(event, LANES)
        seq = len(self.outcomes[lane]) + 1
        if replay_of:
            oid, kind, value, time = self.first[replay_of]
        else:
            subject = result["reservationId"] if "released" in kind and given["type"].endswith("cancel.v1") else event
            oid, time = str(uuid.uuid5(OUTCOME_SPACE, f"{origin}\n{kind}\n{subject}")), iso(self.clock)
            value = json.dumps({"command": {"id": given["id"], "source": given["source"], "type": given["type"],
                                            "idempotencyKey": given["idempotencykey"]},
                                "status": status, "code": code, "result": result}).encode()
            self.first[origin] = (oid, kind, value, time)
        headers = [(name, text.encode()) for name, text in (
            ("ce_id", oid), ("ce_source", "/admitone"), ("ce_specversion", "1.0"), ("ce_type", kind),
            ("ce_time", time), ("ce_subject", event), ("ce_tenantid", TENANT), ("ce_causationid", given["id"]),
            ("ce_correlationid", given["id"]), ("ce_idempotencykey", given["idempotencykey"]),
            ("admitone-origin", origin), ("admitone-seq", f"{lane}:{seq}"))]
        if replay_of:
            headers.append(("ce_idempotencyreplayed", b"true"))
        made = outcome_of(lane, len(self.outcomes[lane]) * 2, event.encode(), value, headers)
        self.outcomes[lane].append(made)
        self.numbered.append({"partition": lane, "seq": seq, "outcome_id": oid, "replayed": bool(replay_of),
                              "tenant_id": TENANT, "type": kind, "code": made.code, "event_id": event,
                              "created_at": None, "published": True})
        if verdict:
            self.verdict(record, verdict, oid)
        if verdict == "applied":
            self.keys.append({"topic": record.topic, "partition": record.partition, "offset": record.offset,
                              "idempotency_key": record.header("ce_idempotencykey"), "status": status,
                              "outcome_id": oid, "outcome_type": kind, "outcome_code": code})
        return origin

    def applied(self, record: Record, what: str, code: str, result: dict) -> str:
        return self.answer(record, "applied", f"ticketing.{what}.v1", "completed", code, result)

    def rejected(self, record: Record, code: str, verdict: str = "applied") -> str:
        return self.answer(record, verdict, "ticketing.command.rejected.v1", "rejected", code)


def small_world(also=None) -> Facts:
    """Two events, holds, a duplicate, a mismatch, a sold-out section, a forward with its repeat, poison; `also`: more
    that happens to this World at the end."""
    w = World()
    a, b = identifier("event-a"), next(
        e for e in map(identifier, map(str, range(99))) if partition_of(e, LANES) != partition_of(identifier("event-a"), LANES))
    r = [identifier(f"reservation-{i}") for i in range(4)]

    def event(eid, name, seats):
        return {"eventId": eid, "venueId": "v", "name": name, "startsAt": "2030-01-01T19:00:00Z", "endsAt":
                "2030-01-01T22:00:00Z", "timezone": "Europe/Berlin", "sections": [
                    {"sectionId": "s", "name": "S", "capacity": seats, "priceMinor": 100, "currency": "EUR"}]}

    def hold(eid, rid, seats):
        return {"eventId": eid, "reservationId": rid, "customerId": "c", "items": [{"sectionId": "s", "quantity": seats}]}

    def shown(rid, version, status, eid=a, seats=2):
        return {"reservationId": rid, "eventId": eid, "version": version, "status": status, "customerId": "c",
                "currency": "EUR", "totalMinor": 100 * seats,
                "items": [{"sectionId": "s", "quantity": seats, "priceMinor": 100}],
                "expiresAt": iso(w.clock + 600_000) if status == "held" else None}

    def stated(eid, name, seats, version, status):
        return {**event(eid, name, seats), "version": version, "status": status, "slug": name.lower()}

    for eid, name, seats in ((a, "A", 5), (b, "B", 3)):
        w.applied(w.send("event.create", event(eid, name, seats), f"create-{name}"), "event.created", "EVENT_CREATED",
                  stated(eid, name, seats, 1, "on_sale"))
    first = w.applied(w.send("reservation.create", hold(a, r[0], 2), "h0"), "reservation.held", "RESERVATION_HELD",
                      shown(r[0], 1, "held"))
    ends = {r[0]: w.clock + 600_000}
    w.answer(w.send("reservation.create", hold(a, r[0], 2), "h0"), "duplicate", "", "", "", replay_of=first)
    w.rejected(w.send("reservation.create", hold(a, r[0], 1), "h0"), "IDEMPOTENCY_KEY_REUSED", "mismatch")
    w.rejected(w.send("reservation.create", hold(a, r[1], 4), "h1"), "CAPACITY_EXHAUSTED")
    forwarded = w.send("reservation.create", hold(a, r[2], 3), "h2", topic=OTHER)
    w.applied(forwarded, "reservation.held", "RESERVATION_HELD", shown(r[2], 1, "held", seats=3))
    ends[r[2]] = w.clock + 600_000
    repeat = w.record(HOME, forwarded.partition, a, forwarded.value, forwarded.headers)
    w.verdict(repeat, "duplicate")
    w.applied(w.send("reservation.confirm", {"eventId": a, "reservationId": r[0], "paymentReference": "p"}, "c0"),
              "reservation.confirmed", "RESERVATION_CONFIRMED", shown(r[0], 2, "confirmed"))
    w.applied(w.send("reservation.create", hold(b, r[3], 1), "h3"), "reservation.held", "RESERVATION_HELD",
              shown(r[3], 1, "held", b, 1))
    ends[r[3]] = w.clock + 600_000
    cancel = w.send("event.cancel", {"eventId": b, "reason": "rain"}, "x")
    w.answer(cancel, None, "ticketing.reservation.released.v1", "completed", "RESERVATION_RELEASED",
             shown(r[3], 2, "released", b, 1))
    w.applied(cancel, "event.cancelled", "EVENT_CANCELLED", stated(b, "B", 3, 2, "cancelled"))
    w.rejected(w.send("reservation.create", hold(b, identifier("late"), 1), "h4"), "EVENT_NOT_ON_SALE")
    poison = w.record(HOME, 0, "k", b"\xff\x00not json", [("note", b"x")])
    w.verdict(poison, "dead")
    w.letters.append(Record("dlq", 0, 0, w.clock, poison.key, poison.value, poison.headers + [
        ("admitone-dlq-reason", b"undecodable"), ("admitone-dlq-code", b"INVALID_COMMAND"),
        ("admitone-dlq-detail", b"no JSON"), ("admitone-dlq-topic", HOME.encode()),
        ("admitone-dlq-partition", b"0"), ("admitone-dlq-offset", str(poison.offset).encode()),
        ("kafka_dlt-original-offset", poison.offset.to_bytes(8, "big"))]))
    if also:
        also(w)
    return facts_of(w, a, b, r, ends)


def facts_of(w: World, a, b, r, ends) -> Facts:
    def reservation(eid, rid, status, version, seats):
        return {"tenant_id": TENANT, "reservation_id": rid, "event_id": eid, "status": status, "version": version,
                "items": [{"sectionId": "s", "quantity": seats}], "expires_at": iso(ends[rid]), "customer_id": "c",
                "total_minor": 100 * seats, "currency": "EUR"}

    def section(eid, capacity, held, sold):
        return {"tenant_id": TENANT, "event_id": eid, "section_id": "s", "capacity": capacity, "held": held,
                "sold": sold, "available": capacity - held - sold, "price_minor": 100, "currency": "EUR"}

    def event(eid, name, status, version):
        return {"tenant_id": TENANT, "event_id": eid, "venue_id": "v", "name": name, "slug": name.lower(),
                "status": status, "version": version, "starts_at": "2030-01-01T19:00:00Z",
                "ends_at": "2030-01-01T22:00:00Z"}

    lengths = {at: len(records) for at, records in w.commands.items()}
    return Facts(
        home=HOME, commands=w.commands, ends=lengths, outcomes=w.outcomes, dead_letters=w.letters,
        committed=dict(lengths), command_log=w.keys, record_ledger=w.ledger, outcome_log=w.numbered,
        section_capacity=[section(a, 5, 3, 2), section(b, 3, 0, 0)],
        reservation_log=[reservation(a, r[0], "confirmed", 2, 2), reservation(a, r[2], "held", 1, 3),
                         reservation(b, r[3], "released", 2, 1)],
        event_log=[event(a, "A", "on_sale", 1), event(b, "B", "cancelled", 2)],
        invariant_violations=[], duplicate_keys=[])
