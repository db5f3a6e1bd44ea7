"""Facts joined once, for all checks: commands understood, ledger rows by position, outcomes by origin."""
from __future__ import annotations

import collections

from .commands import Command, partition_of, understand
from .facts import Facts, Outcome, Record

FORWARD_HEADER = "admitone-origin"


class Index:
    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.records: dict[str, Record] = {}
        self.understood: dict[str, Command] = {}
        self.origin: dict[str, str] = {}  # position → position that its outcome names
        self.forwards: dict[str, list[Record]] = collections.defaultdict(list)  # origin → home records
        self.again: dict[str, list[Record]] = collections.defaultdict(list)  # decided record → copies a replay has sent
        self.home_of: dict[str, Record] = {}  # origin → home record that is decided for it
        self.ledger: dict[str, list[dict]] = collections.defaultdict(list)
        for row in facts.record_ledger:
            self.ledger[f"{row['topic']}/{row['partition']}/{row['offset']}"].append(row)
        self.letters = {letter.position: letter for letter in facts.dead_letters}
        for (topic, _), records in sorted(facts.commands.items()):
            for record in records:
                position = record.position
                self.records[position] = record
                claim = record.header(FORWARD_HEADER) if topic == facts.home else None
                self.origin[position] = claim or position
                if claim:
                    (self.again if self.is_decided_at_home(claim) else self.forwards)[claim].append(record)
        for position, record in self.records.items():
            if position not in self.forwards:
                if record.topic == facts.home and not self.gives_again(record):
                    self.home_of[position] = record
            else:
                self.home_of[position] = self.forwards[position][0]
        for origin in self.forwards.keys() & self.letters.keys():
            self.home_of[origin] = self.forwards[origin][0]
        self.by_origin: dict[str, list[Outcome]] = collections.defaultdict(list)
        for partition in sorted(facts.outcomes):
            for outcome in facts.outcomes[partition]:
                self.by_origin[outcome.origin].append(outcome)

    def command(self, position: str) -> Command | None:
        """What the record at `position` says; None when there is no such record."""
        found = self.understood.get(position)
        if found is None:
            record = self.records.get(position)
            if record is None:
                return None
            found = self.understood[position] = understand(record)
        return found

    def verdict(self, position: str) -> str | None:
        rows = self.ledger.get(position)
        return rows[0]["verdict"] if rows else None

    def is_repeat(self, record: Record) -> bool:
        """What was sent again under one origin: the first one is the one that counts."""
        claim = record.header(FORWARD_HEADER)
        if not claim or record.topic != self.facts.home:
            return False
        return (self.again.get(claim) or self.forwards[claim])[0] is not record

    def is_decided_at_home(self, position: str) -> bool:
        """A record of the home topic that was not forwarded: who claims it as origin is sent by a replay."""
        return position.startswith(self.facts.home + "/") and self.verdict(position) not in (None, "forwarded")

    def gives_again(self, record: Record) -> bool:
        claim = record.header(FORWARD_HEADER)
        return bool(claim) and record.topic == self.facts.home and claim in self.again

    def lane_of(self, event: str) -> int:
        return partition_of(event, self.facts.home_partitions)

    def belongs_elsewhere(self, record: Record, command: Command) -> bool:
        """Its event lives in another partition than the one it arrived in."""
        if command.event is None or record.header(FORWARD_HEADER):
            return False
        if record.topic != self.facts.home:
            return True
        return self.facts.partitioner == "murmur2" and self.lane_of(command.event) != record.partition

    def is_cancel(self, origin: str) -> bool:
        command = self.command(origin)
        return command is not None and command.kind == "ok" and command.short == "event.cancel"

    def waits_for_outside(self, origin: str) -> bool:
        """It may be decided long after what came behind it in its lane, but not what came behind it for its event."""
        command = self.command(origin)
        return (self.facts.outside and command is not None and command.kind == "ok"
                and command.short.startswith("event."))
