"""The auditor's own reading of a command record, written from the contract and nothing else."""
from __future__ import annotations

import dataclasses
import hashlib
import json
import re

from .facts import Record

PREFIX = "ticketing."
TYPES = {f"{PREFIX}{name}.v1" for name in (
    "event.create", "event.update", "event.cancel", "reservation.create", "reservation.confirm",
    "reservation.extend", "reservation.release", "reservation.cancel", "reservation.expire")}
# What an operator changes about a saga: a record of the worker's own, signed with a secret that nobody else has.
CHANGE = "admitone.saga.change.v1"
ATTRIBUTES = ("id", "source", "specversion", "type", "time", "subject", "tenantid", "idempotencykey",
              "actorid", "correlationid", "causationid", "traceparent", "tracestate", "expirytime")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
KEY = re.compile(r"[\x21-\x7e]{1,255}")
TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
LIMIT = 2 ** 53 - 1
MAX_VALUE, MAX_DEPTH = 256 * 1024, 32  # the defaults of limits.max_value_bytes and limits.max_depth

# type → ({required: kind}, {optional: kind})
FIELDS = {
    "event.create": ({"venueId": "s", "name": "s", "startsAt": "t", "endsAt": "t", "timezone": "s",
                      "sections": "sections"},
                     {"eventId": "u", "slug": "s", "description": "s", "externalId": "s", "salesStartAt": "t",
                      "salesEndAt": "t", "maxPerReservation": "i", "metadata": "o", "royalties": "o"}),
    "event.update": ({"eventId": "u", "expectedVersion": "i"},
                     {"name": "s", "description": "s", "startsAt": "t", "endsAt": "t", "metadata": "o",
                      "sections": "sections"}),
    "event.cancel": ({"eventId": "u", "reason": "s"}, {"expectedVersion": "i"}),
    "reservation.create": ({"eventId": "u", "customerId": "s", "items": "items"},
                           {"reservationId": "u", "holdSeconds": "i"}),
    "reservation.confirm": ({"eventId": "u", "reservationId": "u", "paymentReference": "s"}, {}),
    "reservation.extend": ({"eventId": "u", "reservationId": "u", "holdSeconds": "i"}, {}),
    "reservation.release": ({"eventId": "u", "reservationId": "u"}, {"reason": "s"}),
    "reservation.cancel": ({"eventId": "u", "reservationId": "u"}, {"refundReference": "s", "reason": "s"}),
    "reservation.expire": ({"eventId": "u", "reservationId": "u", "holdVersion": "i"}, {}),
}


@dataclasses.dataclass(slots=True)
class Command:
    """A record as understood: `kind` is ok, invalid (decodable, breaks a rule) or dead."""

    kind: str
    why: str = ""
    attributes: dict | None = None
    data: dict | None = None
    # id, source, type and tenant are readable: an outcome is owed. None: the contract leaves it open.
    identity: bool | None = False

    @property
    def type(self) -> str:
        return self.attributes["type"]

    @property
    def short(self) -> str:
        return self.type[len(PREFIX):-3]

    @property
    def event(self) -> str | None:
        event = (self.data or {}).get("eventId")
        return event if isinstance(event, str) and UUID.fullmatch(event) else None

    @property
    def key(self) -> tuple:
        """Scope and key (schemas/): tenant, actor, type, and the key or the (source, id) pair."""
        a = self.attributes
        if self.keyed:
            return (a["tenantid"], a.get("actorid"), a["type"], "key", a["idempotencykey"])
        return (a["tenantid"], a.get("actorid"), a["type"], "pair", a["source"], a["id"])

    @property
    def keyed(self) -> bool:
        return bool(self.attributes.get("idempotencykey"))

    @property
    def fingerprint(self) -> bytes:
        canonical = json.dumps(self.data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(self.type.encode() + b"\0" + canonical.encode("utf-8", "surrogatepass")).digest()

    @property
    def content(self) -> tuple:
        a = self.attributes
        return (a["tenantid"], a.get("actorid"), self.fingerprint)


class _Bad(Exception):
    pass


def _pairs(pairs):
    out = {}
    for name, value in pairs:
        if name in out:
            raise _Bad("duplicate member")
        out[name] = value
    return out


def _parse(text: bytes):
    try:
        return json.loads(text.decode("utf-8"), object_pairs_hook=_pairs,
                          parse_constant=lambda _: (_ for _ in ()).throw(_Bad("constant")))
    except (ValueError, RecursionError) as bad:
        raise _Bad(str(bad)) from bad


def _headers(record: Record) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in record.headers:
        if name in headers and (name in {f"ce_{a}" for a in ATTRIBUTES} or name == "idempotency-key"):
            raise _Bad("header twice")
        headers[name] = (value or b"").decode("utf-8")
    return headers


def _document(record: Record):
    if record.value is None:
        raise _Bad("no value")
    if len(record.value) > MAX_VALUE:
        raise _Bad("over the limit")
    value = record.value
    if len(value) > 5 and value[0] == 0:
        value = value[5:]
    document = _parse(value)
    if _depth(document) > MAX_DEPTH:
        raise _Bad("nested too deeply")
    return document


def _depth(document) -> int:
    deepest, level = 0, [document]
    while level:
        level = [child for node in level if isinstance(node, (dict, list))
                 for child in (node.values() if isinstance(node, dict) else node)]
        deepest += 1
    return deepest


def _finish(attributes: dict, headers: dict[str, str]) -> dict:
    """Joins the two spellings of the key; empty counts as absent."""
    plain = headers.get("idempotency-key")
    if plain:
        if attributes.get("idempotencykey") not in (None, "", plain):
            attributes["conflict"] = True
        attributes["idempotencykey"] = attributes.get("idempotencykey") or plain
    for name in ("idempotencykey", "actorid"):
        if attributes.get(name) == "":
            del attributes[name]
    return attributes


def _identity(attributes: dict) -> bool:
    return all(isinstance(attributes.get(n), str) and attributes[n] for n in ("id", "source", "type")) \
        and UUID.fullmatch(str(attributes.get("tenantid"))) is not None


def _envelope(record: Record) -> tuple[dict, object] | Command:
    """Attributes and data of both CloudEvents modes, or a dead command when there is no reading it."""
    try:
        headers = _headers(record)
    except (_Bad, UnicodeDecodeError) as bad:
        return Command("dead", str(bad), identity=None)
    structured = headers.get("content-type", "").startswith("application/cloudevents+json")
    named = {name: headers[f"ce_{name}"] for name in ATTRIBUTES if f"ce_{name}" in headers}
    try:
        document = _document(record)
    except _Bad as bad:
        identity = None if "limit" in str(bad) or structured else _identity(named)
        # A member given twice can be pointed at, bytes that are no JSON can not.
        return Command("invalid" if bad.args[0] == "duplicate member" else "dead", str(bad), named, None, identity)
    if not structured:
        return _finish(named, headers), document
    if not isinstance(document, dict):
        return Command("dead", "not an object")
    return _finish({name: document[name] for name in ATTRIBUTES if name in document}, headers), document.get("data")


def _kind_ok(kind: str, value) -> bool:
    if kind == "s":
        return isinstance(value, str) and value != ""
    if kind == "u":
        return isinstance(value, str) and UUID.fullmatch(value) is not None
    if kind == "t":
        return isinstance(value, str) and TIME.fullmatch(value) is not None
    if kind == "i":
        return type(value) is int and abs(value) <= LIMIT
    if kind == "o":
        return isinstance(value, dict)
    if kind == "items":
        return isinstance(value, list) and bool(value) and all(
            isinstance(i, dict) and _kind_ok("s", i.get("sectionId")) and type(i.get("quantity")) is int
            and i["quantity"] > 0 for i in value)
    return isinstance(value, list) and bool(value) and all(
        isinstance(s, dict) and _kind_ok("s", s.get("sectionId")) and type(s.get("capacity")) is int
        and s["capacity"] >= 0 for s in value)


def understand(record: Record) -> Command:
    read = _envelope(record)
    if isinstance(read, Command):
        return read
    attributes, data = read
    identity = _identity(attributes)
    if attributes.get("type") == CHANGE:
        return Command("change", "", attributes, None, identity)
    if attributes.get("type") not in TYPES:
        return Command("dead", "unknown type", attributes, None, identity)
    body = data if isinstance(data, dict) else None
    if not identity or attributes.get("specversion") != "1.0":
        return Command("invalid", "required attribute", attributes, body, identity)
    key = attributes.get("idempotencykey")
    if attributes.get("conflict") or (key is not None and not KEY.fullmatch(key)):
        return Command("invalid", "idempotency key", attributes, body, True)
    if body is None:
        return Command("invalid", "data is not an object", attributes, None, True)
    required, optional = FIELDS[attributes["type"][len(PREFIX):-3]]
    for name, kind in required.items():
        if not _kind_ok(kind, body.get(name)):
            return Command("invalid", f"/{name}", attributes, body, True)
    for name, kind in optional.items():
        if name in body and not _kind_ok(kind, body[name]):
            return Command("invalid", f"/{name}", attributes, body, True)
    return Command("ok", "", attributes, body, True)


def partition_of(key: str, partitions: int) -> int:
    """Where the Java client's murmur2 puts a record key."""
    data = key.encode()
    mask, m, h = 0xFFFFFFFF, 0x5BD1E995, 0x9747B28C ^ len(data)
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i:i + 4], "little") * m & mask
        k = (k ^ (k >> 24)) * m & mask
        h = (h * m & mask) ^ k
    rest = data[whole:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ (h >> 13)) * m & mask
    h ^= h >> 15
    return (h & 0x7FFFFFFF) % partitions
