#!/usr/bin/env python3
"""Proves or refutes, from outside, that AdmitOne did what it promises.

Reads only Kafka at read_committed (command topics, outcome topic, dead letters, the group's positions) and the public
SQL views. Shares no code with the engine. Exit code 0: everything proven; 3: refuted, with the evidence; 1: could not
look.

  tests/auditor/audit.py [-o table|json] [--running] [--save FILE]

Where to look comes from the environment, as `scripts/stack env` prints it: ADMITONE_KAFKA_BOOTSTRAP_SERVERS,
ADMITONE_KAFKA_GROUP_ID, ADMITONE_KAFKA_COMMAND_TOPICS, ADMITONE_KAFKA_OUTCOME_TOPIC,
ADMITONE_KAFKA_DEAD_LETTER_TOPIC, ADMITONE_DATABASE_READER_URL, ADMITONE_DATABASE_SCHEMA.
"""
from __future__ import annotations

import argparse
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from auditor import ledger_checks, log_checks, state_checks  # noqa: E402
from auditor.facts import Facts  # noqa: E402
from auditor.findings import Findings  # noqa: E402
from auditor.index import Index  # noqa: E402

DEFAULTS = {
    "ADMITONE_KAFKA_GROUP_ID": "admitone", "ADMITONE_KAFKA_COMMAND_TOPICS": "ticketing.commands",
    "ADMITONE_KAFKA_OUTCOME_TOPIC": "ticketing.outcomes", "ADMITONE_KAFKA_DEAD_LETTER_TOPIC":
    "ticketing.dead-letters", "ADMITONE_DATABASE_SCHEMA": "admitone"}


def collect(env: dict[str, str], drained: bool = True, partitioner: str = "murmur2") -> Facts:
    from auditor.kafka_reader import KafkaReader
    from auditor.view_reader import ViewReader
    env = {**DEFAULTS, **env}
    kafka = KafkaReader(env["ADMITONE_KAFKA_BOOTSTRAP_SERVERS"])
    topics = [topic.strip() for topic in env["ADMITONE_KAFKA_COMMAND_TOPICS"].split(",")]
    # Each later look sees at least what an earlier one implies: the log before the database, positions first.
    if drained:
        for topic in (env["ADMITONE_KAFKA_OUTCOME_TOPIC"], env["ADMITONE_KAFKA_DEAD_LETTER_TOPIC"]):
            kafka.wait_until_closed(topic)
    committed = kafka.group_positions(env["ADMITONE_KAFKA_GROUP_ID"])
    outcomes = kafka.outcomes(env["ADMITONE_KAFKA_OUTCOME_TOPIC"])
    letters, _ = kafka.records(env["ADMITONE_KAFKA_DEAD_LETTER_TOPIC"])
    views = ViewReader(env["ADMITONE_DATABASE_READER_URL"], env["ADMITONE_DATABASE_SCHEMA"])
    try:
        rows = views.all()
    finally:
        views.close()
    commands, ends = {}, {}
    for topic in topics:
        found, end = kafka.records(topic)
        commands.update({(topic, p): records for p, records in found.items()})
        ends.update({(topic, p): offset for p, offset in end.items()})
    return Facts(home=topics[0], commands=commands, ends=ends, outcomes=outcomes,
                 dead_letters=[record for p in sorted(letters) for record in letters[p]],
                 committed={at: o for at, o in committed.items() if at[0] in topics}, drained=drained,
                 partitioner=partitioner,
                 outside="true" in (env.get("ADMITONE_VENUE_ENABLED"), env.get("ADMITONE_CHAIN_ENABLED")),
                 default_hold=seconds_of(env.get("ADMITONE_RESERVATIONS_DEFAULT_HOLD", "10m")),
                 max_attempts=int(env.get("ADMITONE_DEAD_LETTER_MAX_ATTEMPTS", "5")), **rows)


def seconds_of(text: str) -> int:
    return int(text[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[text[-1]]


def audit(facts: Facts) -> Findings:
    findings = Findings()
    index = Index(facts)
    findings.counts.update(
        records=len(index.records), outcomes=sum(map(len, facts.outcomes.values())),
        first_outcomes=sum(not o.replayed for some in facts.outcomes.values() for o in some),
        lanes=facts.home_partitions, keys=len(facts.command_log), events=len(facts.event_log),
        sections=len(facts.section_capacity), reservations=len(facts.reservation_log))
    for verdict in sorted({row["verdict"] for row in facts.record_ledger}):
        findings.counts[verdict] = sum(row["verdict"] == verdict for row in facts.record_ledger)
    for room in (ledger_checks, log_checks, state_checks):
        room.check(index, findings)
    return findings


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("-o", "--output", choices=("table", "json"), default="table")
    arguments.add_argument("--running", action="store_true", help="work is going on: what is not yet done is no fault")
    arguments.add_argument("--partitioner", choices=("murmur2", "none"), default="murmur2")
    arguments.add_argument("--save", metavar="FILE", help="also keep the JSON report there")
    options = arguments.parse_args()
    try:
        findings = audit(collect(dict(os.environ), not options.running, options.partitioner))
    except Exception as error:  # one clear line for whoever runs it
        print(f"audit: could not look: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    if options.save:
        pathlib.Path(options.save).write_text(findings.as_json(), encoding="utf-8")
    print(findings.as_json() if options.output == "json" else findings.as_table())
    return 0 if findings.ok else 3


if __name__ == "__main__":
    sys.exit(main())
