#!/usr/bin/env python3
"""A first figure: unique holds from a preloaded topic, end to end at read_committed, and the CPU of each process.

  tests/faults/first_figure.py [--holds 500000] [--workers 1] [--events 240] [-o table|json] [--stack NAME]

The program is build/release/admitone unless ADMITONE_PROGRAM names another. The clock runs from the start of the
workers' process to the moment a read_committed reader has seen the last outcome; `drain` leaves out the start-up until
the first outcome.
"""
from __future__ import annotations

import argparse
import json
import os
import pathlib
import random
import sys
import time
import uuid

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parent.parent)]

from confluent_kafka import Consumer, Producer, TopicPartition  # noqa: E402

from auditor.audit import audit, collect  # noqa: E402
from installation import Installation, ROOT, Stack, cpu_seconds  # noqa: E402

TENANT = "11111111-1111-4111-8111-111111111111"


def preload(installation: Installation, commands) -> int:
    producer = Producer({"bootstrap.servers": installation.stack.kafka, "partitioner": "murmur2_random",
                         "linger.ms": 20, "compression.type": "lz4", "acks": "all",
                         "queue.buffering.max.messages": 200_000})
    failed, sent = [], 0
    for number, (short, data) in enumerate(commands):
        headers = [("ce_id", f"{installation.prefix}-{short}-{number}"), ("ce_source", "/figure"),
                   ("ce_specversion", "1.0"), ("ce_type", f"ticketing.{short}.v1"), ("ce_tenantid", TENANT),
                   ("ce_idempotencykey", f"{short}-{number}"), ("content-type", "application/json")]
        while True:
            try:
                producer.produce(installation.home, json.dumps(data), data["eventId"], headers=headers,
                                 on_delivery=lambda error, _: failed.append(error) if error else None)
                break
            except BufferError:
                producer.poll(0.05)
        producer.poll(0)
        sent += 1
    if producer.flush(120) or failed:
        raise RuntimeError(f"preloading failed: {failed[:1]}")
    return sent


def events(ids):
    for number, event in enumerate(ids):
        yield "event.create", {
            "eventId": event, "venueId": "v", "name": f"Figure {number}", "startsAt": "2031-05-01T19:00:00Z",
            "endsAt": "2031-05-01T23:00:00Z", "timezone": "Europe/Vienna",
            "sections": [{"sectionId": s, "name": s, "capacity": 10_000_000, "priceMinor": 100, "currency": "EUR"}
                         for s in ("A", "B")]}


def holds(ids, count: int):
    dice = random.Random(1)
    for number in range(count):
        yield "reservation.create", {
            "eventId": ids[dice.randrange(len(ids))], "reservationId": str(uuid.UUID(int=dice.getrandbits(128), version=4)),
            "customerId": f"customer-{number % 1000}", "items": [{"sectionId": "AB"[number & 1], "quantity": 1}],
            "holdSeconds": 3600}


class Cpu:
    """CPU so far of workers, broker, all of PostgreSQL, and this reader."""

    def __init__(self, stack: Stack) -> None:
        folder = pathlib.Path(stack.env["ADMITONE_STACK_DIR"])
        self.broker = int((folder / "kafka/pid").read_text().split()[0])
        self.postmaster = int((folder / "postgres/pid").read_text().split()[0])

    def now(self, workers) -> dict[str, float]:
        found = {f"worker {w.name}": w.cpu_seconds() for w in workers if w.alive}
        found["broker"] = cpu_seconds(self.broker)
        found["postgres"] = self.postgres()
        found["reader (this script)"] = time.process_time()
        return found

    def postgres(self) -> float:
        fields = pathlib.Path(f"/proc/{self.postmaster}/stat").read_text().rpartition(")")[2].split()
        total = sum(int(fields[i]) for i in (11, 12, 13, 14)) / os.sysconf("SC_CLK_TCK")  # ended children included
        for child in pathlib.Path(f"/proc/{self.postmaster}/task/{self.postmaster}/children").read_text().split():
            try:
                total += cpu_seconds(int(child))
            except FileNotFoundError:
                continue
        return total


def read_outcomes(installation: Installation, wanted: int, workers, seconds: float) -> tuple[float, float]:
    """Moments of the first and the last of `wanted` outcomes."""
    consumer = Consumer({"bootstrap.servers": installation.stack.kafka, "group.id": "figure", "enable.auto.commit": False,
                         "isolation.level": "read_committed", "auto.offset.reset": "error", "fetch.wait.max.ms": 20})
    ends = [consumer.get_watermark_offsets(TopicPartition(installation.outcomes, p))[1]
            for p in range(installation.partitions)]
    consumer.assign([TopicPartition(installation.outcomes, p, end) for p, end in enumerate(ends)])
    seen, first, deadline = 0, None, time.monotonic() + seconds
    try:
        while seen < wanted:
            batch = [m for m in consumer.consume(10_000, 0.5) if m.error() is None]
            if batch:
                first = first or time.monotonic()
                seen += len(batch)
            if time.monotonic() > deadline or not any(w.alive for w in workers):
                raise TimeoutError(f"{seen} of {wanted} outcomes: {workers[0].last_words()}")
    finally:
        consumer.close()
    return first, time.monotonic()


def measure(options, stack: Stack) -> dict:
    installation = Installation(stack, "figure", ADMITONE_KAFKA_SESSION_TIMEOUT="10s")
    ids = [str(uuid.UUID(int=random.Random(2).getrandbits(128) + n, version=4)) for n in range(options.events)]
    preload(installation, events(ids))
    workers = [installation.worker("warm").wait_ready(90)]
    installation.drain(120)
    workers[0].end()
    began = time.monotonic()
    sent = preload(installation, holds(ids, options.holds))
    print(f"preloaded {sent} holds in {time.monotonic() - began:.1f} s", file=sys.stderr)
    cpu = Cpu(stack)
    before, began = cpu.now([]), time.monotonic()
    workers = [installation.worker(f"w{n}") for n in range(options.workers)]
    try:
        first, last = read_outcomes(installation, sent, workers, options.limit)
        after = cpu.now(workers)
        installation.drain(60)
        for worker in workers:
            worker.end()
    finally:
        for worker in workers:
            worker.kill()
    result = {"holds": sent, "workers": options.workers, "events": options.events,
              "seconds": round(last - began, 2), "start_up_seconds": round(first - began, 2),
              "per_second": round(sent / (last - began)), "drain_per_second": round(sent / (last - first)),
              "cpu_seconds": {name: round(value - before.get(name, 0), 2) for name, value in after.items()}}
    if options.audit:
        findings = audit(collect(installation.env))
        result["proven"] = findings.ok
        if not findings.ok:
            print(findings.as_table(), file=sys.stderr)
    if not options.keep:
        installation.clean()
    return result


def table(result: dict) -> str:
    lines = [f"{result['holds']} unique holds on {result['events']} events, {result['workers']} worker(s), "
             f"end to end at read_committed",
             f"  from process start  {result['seconds']:>8.2f} s  {result['per_second']:>8} /s",
             f"  from first outcome  {result['seconds'] - result['start_up_seconds']:>8.2f} s  "
             f"{result['drain_per_second']:>8} /s", "  CPU seconds, and per million holds:"]
    lines += [f"    {name:<22} {used:>8.2f} {used / result['holds'] * 1e6:>9.1f}"
              for name, used in result["cpu_seconds"].items()]
    if "proven" in result:
        lines.append(f"  audit: {'PROVEN' if result['proven'] else 'REFUTED'}")
    return "\n".join(lines)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--holds", type=int, default=500_000)
    arguments.add_argument("--workers", type=int, default=1)
    arguments.add_argument("--events", type=int, default=240)
    arguments.add_argument("--limit", type=float, default=900, help="seconds")
    arguments.add_argument("--audit", action="store_true", help="prove the run afterwards")
    arguments.add_argument("--keep", action="store_true")
    arguments.add_argument("-o", "--output", choices=("table", "json"), default="table")
    arguments.add_argument("--stack", default="")
    options = arguments.parse_args()
    os.environ.setdefault("ADMITONE_PROGRAM", str(ROOT / "build/release/admitone"))
    stack = Stack(options.stack)
    try:
        result = measure(options, stack)
    finally:
        if not options.keep:
            stack.close()
    print(json.dumps(result, indent=1) if options.output == "json" else table(result))
    return 0 if result.get("proven", True) else 3


if __name__ == "__main__":
    sys.exit(main())
