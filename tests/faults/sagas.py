#!/usr/bin/env python3
"""The saga storm: events are created through a venue and a chain that refuse, fail and lose answers, while workers are
killed; then the database, the venue's own records and the chain's own records must agree one to one (laws L13 to L16).

  tests/faults/sagas.py [--long] [--seed N] [--events N] [--kill-every S] [--keep] [--report FILE] [--result FILE]

Each event is created, a seat of it is held at once (the command waits for the saga), every tenth is cancelled, and
another tenth is moved to other dates. Exit code 0: all agree and the auditor proves the run; 3: refuted.
"""
from __future__ import annotations

import argparse
import json
import pathlib
import random
import sys
import threading
import time
import uuid

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parent.parent)]

from confluent_kafka import Producer  # noqa: E402

from agreement import Agreement, dates_of  # noqa: E402
from auditor.audit import audit, collect  # noqa: E402
from installation import Installation, Stack  # noqa: E402
from outside import Outside  # noqa: E402
from verdicts import Verdicts  # noqa: E402

TENANTS = ["22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333"]
SETTINGS = {"ADMITONE_KAFKA_SESSION_TIMEOUT": "4s", "ADMITONE_KAFKA_HEARTBEAT_INTERVAL": "500ms",
            "ADMITONE_RESERVATIONS_MAX_HOLD": "24h", "ADMITONE_RESERVATIONS_DEFAULT_HOLD": "24h"}
DATES = {"startsAt": "2035-05-01T19:00:00Z", "endsAt": "2035-05-01T23:00:00Z"}
MOVED = {"startsAt": "2035-05-08T18:00:00Z", "endsAt": "2035-05-08T23:30:00Z"}


def rule(name: str, operation: str, probability: float, action: dict) -> dict:
    return {"name": name, "match": {"operation": operation, "probability": probability}, "action": action}


class SagaStorm(Verdicts):
    def __init__(self, options, stack: Stack) -> None:
        super().__init__("sagas", seed=options.seed, events=options.events, kills=0)
        self.options, self.stack = options, stack
        self.random = random.Random(options.seed)
        self.installation = Installation(stack, "sagas", **SETTINGS)
        self.outside = Outside(self.installation.logs / "outside", nodes=("--pool", "3", "--lag", "0,0,40"))
        self.installation.env.update(self.outside.settings)
        self.workers = []
        self.number = 0
        self.tenant_of: dict[str, str] = {}
        self.cancelled: set[str] = set()

    def run(self) -> int:
        try:
            self.misbehave()
            self.workers = [self.start() for _ in range(2)]
            for worker in self.workers:
                worker.wait_ready(90)
            sender = threading.Thread(target=self.send, name="sender", daemon=True)
            sender.start()
            self.rage(sender)
            self.compare()
            self.prove()
        except Exception as error:
            self.judge(f"the storm ended early: {type(error).__name__}: {error}", False)
            raise
        finally:
            for worker in self.workers:
                if worker.alive:
                    worker.kill()
            self.outside.close()
            self.write(self.options.report, self.options.result)
        if not self.failures and not self.options.keep:
            self.installation.clean()
        return 3 if self.failures else 0

    def misbehave(self) -> None:
        lose = {"type": "apply_then_lose"}
        self.outside.venue.faults(
            rule("refusals", "venue.hold", 0.05, {"type": "refuse"}),
            rule("lost holds", "venue.hold", 0.02, lose), rule("lost releases", "venue.release", 0.02, lose),
            rule("overload", "venue.*", 0.01, {"type": "status", "status": 503}),
            rule("slow words", "venue.*", 0.01, {"type": "drip", "bytes": 16, "seconds": 0.02}),
            rule("half a body", "venue.*", 0.01, {"type": "wrong_body"}),
            rule("no JSON", "venue.*", 0.01, {"type": "wrong_type"}), seed=self.options.seed)
        self.outside.chain.faults(
            rule("failures", "sendTransaction", 0.05, {"type": "land_with_error"}),
            rule("lost sends", "sendTransaction", 0.02, lose), rule("dropped", "sendTransaction", 0.02, {"type": "drop"}),
            rule("landing late", "sendTransaction", 0.01, {"type": "land_late", "slots": 40}),
            rule("too old", "sendTransaction", 0.01, {"type": "expire_blockhash"}),
            rule("not seen yet", "getSignatureStatuses", 0.01, {"type": "not_found_for", "seconds": 2}),
            rule("far behind", "get*", 0.005, {"type": "lag", "slots": 60}),
            rule("nonsense", "*", 0.005, {"type": "nonsense"}),
            rule("slow words", "*", 0.005, {"type": "drip", "bytes": 64, "seconds": 0.02}),
            rule("half a body", "*", 0.005, {"type": "wrong_body"}),
            rule("no JSON", "*", 0.005, {"type": "wrong_type"}), seed=self.options.seed)

    def start(self, armed: bool = False):
        self.number += 1
        points = ("saga.began", "saga.decided", "unit.committed", "unit.before_commit", "publish.before_commit")
        failpoints = ""
        if armed and self.random.random() < 0.5:
            failpoints = f"{self.random.choice(points)}=kill@{self.random.choice((1, 2, 5, 20))}"
        return self.installation.worker(f"w{self.number:03d}", failpoints)

    def send(self) -> None:
        producer = Producer({"bootstrap.servers": self.stack.kafka, "partitioner": "murmur2_random",
                             "enable.idempotence": True, "linger.ms": 2})
        failed: list = []

        def command(tenant: str, short: str, key: str, data: dict) -> None:
            headers = [("ce_id", key), ("ce_source", "/storm"), ("ce_specversion", "1.0"),
                       ("ce_type", f"ticketing.{short}.v1"), ("ce_tenantid", tenant), ("ce_idempotencykey", key),
                       ("content-type", "application/json")]
            producer.produce(self.installation.home, json.dumps(data), data["eventId"], headers=headers,
                             on_delivery=lambda error, _: failed.append(error) if error else None)
            producer.poll(0)

        began = time.monotonic()
        for number in range(self.options.events):
            time.sleep(max(0.0, began + number / self.options.pace - time.monotonic()))  # until it is due
            event = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
            tenant = self.tenant_of[event] = TENANTS[number % len(TENANTS)]
            command(tenant, "event.create", f"create-{event}", {
                "eventId": event, "venueId": f"hall-{event}", "name": f"Evening {number}", "timezone": "Europe/Vienna",
                **DATES,
                "sections": [{"sectionId": "A", "name": "A", "capacity": 100, "priceMinor": 1, "currency": "EUR"}]})
            command(tenant, "reservation.create", f"hold-{event}", {
                "eventId": event, "reservationId": str(uuid.uuid5(uuid.NAMESPACE_OID, event)), "customerId": "c",
                "items": [{"sectionId": "A", "quantity": 1}]})
            if number % 10 == 0:
                self.cancelled.add(event)
                command(tenant, "event.cancel", f"cancel-{event}", {"eventId": event, "reason": "rain"})
            if number % 10 == 5:
                command(tenant, "event.update", f"move-{event}", {"eventId": event, "expectedVersion": 1, **MOVED})
        self.judge("every command was sent", producer.flush(60) == 0 and not failed, failed[:3])

    def left(self) -> str:
        sagas = self.installation.view("select count(*) from {s}.saga_log where ended_at is null")[0][0]
        return f"{sagas} sagas" if sagas else self.installation.unfinished()

    def rage(self, sender: threading.Thread) -> None:
        """Goes on killing as long as there is something to be killed in."""
        began = time.monotonic()
        told = 0.0
        while True:
            # Between two acts; nothing is concluded from it.
            time.sleep(self.random.uniform(0.5, 1.5) * self.options.kill_every)
            for at, worker in enumerate(self.workers):
                if not worker.alive:
                    self.report["kills"] += 1
                    self.workers[at] = self.start(armed=True)
            left = "commands to be sent" if sender.is_alive() else self.left()
            if not left:
                break
            if time.monotonic() - told > 10:
                told = time.monotonic()
                self.say(f"{told - began:7.1f}s  left: {left}, {self.report['kills']} kills")
            if time.monotonic() - began > self.options.seconds:
                raise TimeoutError(f"not over after {self.options.seconds} s: {left}")
            victim = self.random.choice(self.workers)
            # One may have the time to end what takes long; without a pause nothing ever would.
            if victim.alive and self.random.random() < 0.8:
                victim.kill()
                self.report["kills"] += 1
                self.workers[self.workers.index(victim)] = self.start(armed=True)
        self.report["seconds"] = round(time.monotonic() - began, 1)
        for worker in self.workers:
            if worker.alive:
                worker.end()
        self.judge("workers were killed meanwhile", self.report["kills"] >= self.options.events / self.options.pace / self.options.kill_every / 3, self.report["kills"])

    def compare(self) -> None:
        """Whose records say what: the database's views, the venue's, the chain's."""
        agreement = Agreement(self.installation, self.outside, self.tenant_of)
        states = agreement.states()
        codes = dict(self.installation.view("select code, count(*) from {s}.outcome_log group by code"))
        self.report.update(
            states=states, codes=codes, holds=len(agreement.holds), transactions=len(agreement.transactions),
            faults={side: [(one.get("name"), one.get("acted")) for one in made.faults_made()["counts"]]
                    for side, made in (("venue", self.outside.venue), ("chain", self.outside.chain))})
        self.say(json.dumps(self.report, default=str))
        for claim in agreement.claims():
            self.judge(claim.text, claim.holds, claim.details)
        for side, counts in self.report["faults"].items():
            unmet = [name for name, acted in counts if not acted]
            self.judge(f"each fault of the {side} was met", not unmet, unmet)
        moved = sum(dates == dates_of(MOVED) for dates in agreement.dates.values())
        self.judge("what was said to have moved has, and nothing else", moved == codes.get("EVENT_UPDATED", 0) > 0,
                   (moved, codes))
        withdrawn = states.get("withdrawn", 0) / max(1, len(agreement.events))
        self.judge("some were refused, and most were not", 0.02 < withdrawn < 0.25, withdrawn)
        cancelled = agreement.having("cancelled")
        wanted = self.cancelled & (agreement.having("on_sale") | cancelled)
        self.judge("what was to be cancelled is", cancelled == wanted, (len(cancelled), len(wanted)))

    def prove(self) -> None:
        findings = audit(collect(self.installation.env))
        self.say(findings.as_table())
        self.report["audit"] = json.loads(findings.as_json())
        self.judge("the auditor proves the storm", findings.ok)
        self.second_opinion(self.installation)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--long", action="store_true", help="10,000 events")
    arguments.add_argument("--seed", type=int, default=20_26)
    arguments.add_argument("--events", type=int)
    arguments.add_argument("--kill-every", type=float, default=3.0, help="seconds, about")
    arguments.add_argument("--pace", type=float, help="events in a second")
    arguments.add_argument("--seconds", type=int, help="how long it may take")
    arguments.add_argument("--keep", action="store_true", help="leave topics and schema")
    arguments.add_argument("--report", metavar="FILE")
    arguments.add_argument("--result", metavar="FILE", help="the verdicts as JUnit XML")
    arguments.add_argument("--stack", default="", help="name of a stack of scripts/stack")
    options = arguments.parse_args()
    for name, value in zip(("events", "pace", "seconds"), (10_000, 40, 3_000) if options.long else (500, 12, 420)):
        if getattr(options, name) is None:
            setattr(options, name, value)
    stack = Stack(options.stack)
    try:
        storm = SagaStorm(options, stack)
        code = storm.run()
        print(f"saga storm seed {options.seed}: {options.events} events, {storm.report['kills']} kills, "
              f"{storm.report.get('seconds')} s, {storm.report.get('states')}: {'PROVEN' if code == 0 else 'REFUTED'}")
        return code
    finally:
        if not options.keep:
            stack.close()


if __name__ == "__main__":
    sys.exit(main())
