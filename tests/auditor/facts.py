"""What the auditor looks at, as plain values: no client, no connection.

A test builds these by hand, tampers with them and shows that the checks notice.
"""
from __future__ import annotations

import dataclasses
import json


@dataclasses.dataclass(slots=True)
class Record:
    """One record of a command topic or of the dead-letter topic."""

    topic: str
    partition: int
    offset: int
    timestamp: int  # milliseconds
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]

    @property
    def position(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"

    def header(self, name: str) -> str | None:
        # What AdmitOne says of a dead letter stands behind what its producer may have said.
        for found, value in reversed(self.headers) if name.startswith("admitone-dlq-") else self.headers:
            if found == name and value is not None:
                return value.decode("utf-8", "replace")
        return None


@dataclasses.dataclass(slots=True)
class Outcome:
    """One record of the outcome topic, as a read_committed reader sees it."""

    partition: int
    offset: int
    key: str | None
    id: str
    type: str
    tenant: str
    event: str | None
    time: str
    causation: str
    origin: str
    seq_lane: int
    seq: int
    replayed: bool
    value: bytes
    broken: str = ""  # why it could not be read
    correlation: str | None = None
    idempotency: str | None = None
    actor: str | None = None
    data_: dict | None = None

    @property
    def data(self) -> dict:
        if self.data_ is None:
            try:
                self.data_ = json.loads(self.value)
            except ValueError:
                self.data_ = {}
        return self.data_

    @property
    def code(self) -> str:
        return self.data.get("code") or ""

    @property
    def status(self) -> str:
        return self.data.get("status") or ""

    @property
    def result(self) -> dict:
        return self.data.get("result") or {}


@dataclasses.dataclass
class Facts:
    """Everything of one installation at one moment."""

    home: str
    commands: dict[tuple[str, int], list[Record]]  # by offset
    ends: dict[tuple[str, int], int]  # end of each command partition
    outcomes: dict[int, list[Outcome]]  # by offset
    dead_letters: list[Record]
    committed: dict[tuple[str, int], int]  # the group's positions
    command_log: list[dict]
    record_ledger: list[dict]
    outcome_log: list[dict]
    section_capacity: list[dict]
    reservation_log: list[dict]
    event_log: list[dict]
    invariant_violations: list[dict]
    duplicate_keys: list[dict]  # answer of the duplicate check query (audit B7)
    drained: bool = True  # everything was to be consumed and published
    partitioner: str = "murmur2"  # or "none": trust the producers
    content_window: int = 100  # milliseconds
    default_hold: int = 600  # seconds
    outside: bool = False  # a venue service or a chain has a say
    max_attempts: int = 5  # after so many a command that crashes may be given up

    @property
    def home_partitions(self) -> int:
        return sum(1 for topic, _ in self.commands if topic == self.home)


def outcome_of(partition: int, offset: int, key: bytes | None, value: bytes | None,
               headers: list[tuple[str, bytes | None]]) -> Outcome:
    """Reads the headers of an outcome record; what is missing or twice makes it `broken`."""
    found: dict[str, str] = {}
    broken = ""
    for name, text in headers or []:
        if name in found:
            broken = f"header {name} twice"
        found[name] = (text or b"").decode("utf-8", "replace")
    for name in ("ce_id", "ce_type", "ce_tenantid", "ce_causationid", "ce_time", "ce_source",
                 "ce_specversion", "admitone-origin", "admitone-seq"):
        if name not in found:
            broken = broken or f"header {name} missing"
    lane, _, seq = found.get("admitone-seq", "").partition(":")
    if not (lane.isdigit() and seq.isdigit()):
        broken = broken or "admitone-seq malformed"
        lane, seq = "-1", "-1"
    return Outcome(
        partition=partition, offset=offset, key=key.decode("utf-8", "replace") if key else None,
        id=found.get("ce_id", ""), type=found.get("ce_type", ""), tenant=found.get("ce_tenantid", ""),
        event=found.get("ce_subject"), time=found.get("ce_time", ""),
        causation=found.get("ce_causationid", ""), origin=found.get("admitone-origin", ""),
        seq_lane=int(lane), seq=int(seq), replayed=found.get("ce_idempotencyreplayed") == "true",
        value=value or b"", broken=broken, correlation=found.get("ce_correlationid"),
        idempotency=found.get("ce_idempotencykey"), actor=found.get("ce_actorid"))
