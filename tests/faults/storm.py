#!/usr/bin/env python3
"""The kill storm: three workers, real servers, everything that can die dies; then the auditor, then two replays.

  tests/faults/storm.py [--long] [--seed N] [--commands N] [--kills N] [--seconds N] [--keep] [--report FILE]

Exit code 0: the auditor proves the run, `admitone audit` agrees, a replay in place changes nothing, a replay into an
empty database makes the same again. 3: refuted. The seed makes the same commands and the same acts; when they meet is
the machine's affair.
"""
from __future__ import annotations

import argparse
import json
import pathlib
import sys
import threading
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parent.parent)]

from auditor.audit import audit, collect  # noqa: E402
from chaos import Chaos  # noqa: E402
from installation import Installation, Stack  # noqa: E402
from traffic import Sender, Traffic  # noqa: E402
from verdicts import Verdicts  # noqa: E402
import replay  # noqa: E402

SETTINGS = {
    "ADMITONE_KAFKA_SESSION_TIMEOUT": "4s", "ADMITONE_KAFKA_HEARTBEAT_INTERVAL": "500ms",
    # Rotation: many ledger parts during one storm.
    "ADMITONE_LEDGER_PART_LENGTH": "30s", "ADMITONE_LEDGER_HOUSEKEEPING_INTERVAL": "2s",
    "ADMITONE_RESERVATIONS_MAX_HOLD": "24h", "ADMITONE_RESERVATIONS_DEFAULT_HOLD": "24h"}


class Storm(Verdicts):
    def __init__(self, options, stack: Stack) -> None:
        super().__init__("storm", seed=options.seed, commands=options.commands)
        self.options, self.stack = options, stack
        self.installation = Installation(stack, "storm", **SETTINGS)

    def run(self) -> int:
        chaos = None
        try:
            chaos = Chaos(self.installation, self.options.seed, say=self.say)
            self.rage(chaos)
            self.settle(chaos)
            self.prove("the storm", self.installation)
            self.second_opinion(self.installation)
            self.replay_in_place()
            self.replay_into_nothing()
        except Exception as error:
            self.say(f"the storm ended early: {type(error).__name__}: {error}")
            self.failures.append(f"{type(error).__name__}: {error}")
            raise
        finally:
            if chaos is not None:
                chaos.kill_all()
            self.write(self.options.report, self.options.result)
        if not self.failures and not self.options.keep:
            self.installation.clean()
        return 3 if self.failures else 0

    def rage(self, chaos: Chaos) -> None:
        options = self.options
        traffic = Traffic(options.seed, options.commands, hold=86_000)
        sender = Sender(self.stack.kafka, self.installation.home, self.installation.second,
                        2.1 * options.commands / options.seconds)
        for worker in chaos.slots:
            worker.wait_ready(90)
        thread = threading.Thread(target=sender.run, args=(traffic.sends(),), name="sender", daemon=True)
        thread.start()
        began = time.monotonic()
        hard = [(options.seconds * part, act) for part, act in
                ((0.3, chaos.stop_postgres), (0.6, chaos.stop_broker), (0.85, chaos.stop_postgres))]
        while not sender.done.is_set() or chaos.kills < options.kills:
            if hard and time.monotonic() - began > hard[0][0]:
                hard.pop(0)[1]()
            chaos.act()
            chaos.pause(chaos.random.expovariate(options.kills * 0.9 / options.seconds))
            if time.monotonic() - began > 4 * options.seconds:
                raise TimeoutError(f"the storm does not end: {sender.sent} sent, {chaos.kills} kills")
        thread.join()
        self.report.update(sent=sender.sent, kills=chaos.kills, acts=dict(chaos.acts),
                           durable_points_killed_at=dict(chaos.points_hit),
                           durable_points_not_reached=sorted(set(chaos.points) - set(chaos.points_hit)),
                           ended_by_themselves=chaos.unexpected)
        self.judge("every command was sent", not sender.failed, str(sender.failed[:3]))
        self.judge(f"at least {options.kills} kills", chaos.kills >= options.kills, str(chaos.kills))
        self.judge("no worker ended by itself", not chaos.unexpected, str(chaos.unexpected[:3]))

    def settle(self, chaos: Chaos) -> None:
        self.say("the storm is over; waiting until everything is consumed and published")
        chaos.calm()
        self.installation.drain(240, ahead=3600)
        chaos.end()
        self.report["ledger_parts"] = self.ledger_parts()
        self.judge("the ledger was rotated", self.report["ledger_parts"] > 1, str(self.report["ledger_parts"]))

    def ledger_parts(self) -> int:
        return self.stack.sql("select count(*) from pg_inherits i join pg_class c on c.oid = i.inhrelid "
                              "join pg_namespace n on n.oid = c.relnamespace where n.nspname = %s "
                              "and c.relkind = 'r'", self.installation.schema)[0][0]

    def prove(self, what: str, installation: Installation) -> None:
        findings = audit(collect(installation.env))
        self.say(findings.as_table())
        self.report.setdefault("audits", {})[what] = json.loads(findings.as_json())
        self.judge(f"the auditor proves {what}", findings.ok)
        self.judge(f"no good command was given up in {what}", findings.counts["given_up"] == 0)

    def replay_in_place(self) -> None:
        """Offsets back to the beginning: the same state, not one outcome more."""
        found = replay.in_place(self.installation)
        self.report["state_hash"] = found.hashes
        self.judge("a replay in place leaves every row as it was", not found.differences,
                   "\n".join(found.differences))
        self.judge("a replay in place adds no outcome", found.outcomes_added == 0, str(found.outcomes_added))

    def replay_into_nothing(self) -> None:
        found = replay.into_nothing(self.installation, **SETTINGS)
        self.report["rebuilt_hash"] = found.hashes
        self.judge("a replay into an empty database makes the same ids, states and outcome ids",
                   not found.differences, "\n".join(found.differences))
        self.judge("and its outcome log holds the same outcomes", not (found.only_before or found.only_after),
                   f"only before {found.only_before}, only after {found.only_after}")
        self.prove("the rebuilt installation", found.installation)
        if not self.failures and not self.options.keep:
            found.installation.clean()


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--long", action="store_true", help="200,000 commands, 200 kills")
    arguments.add_argument("--seed", type=int, default=20_26)
    arguments.add_argument("--commands", type=int)
    arguments.add_argument("--kills", type=int)
    arguments.add_argument("--seconds", type=int, help="how long commands are sent")
    arguments.add_argument("--keep", action="store_true", help="leave topics and schema")
    arguments.add_argument("--report", metavar="FILE")
    arguments.add_argument("--result", metavar="FILE", help="the verdicts as JUnit XML")
    arguments.add_argument("--stack", default="", help="name of a stack of scripts/stack")
    options = arguments.parse_args()
    usual = (200_000, 200, 1500) if options.long else (6_000, 20, 90)
    for name, value in zip(("commands", "kills", "seconds"), usual):
        if getattr(options, name) is None:
            setattr(options, name, value)
    stack = Stack(options.stack)
    try:
        storm = Storm(options, stack)
        code = storm.run()
        summary = storm.report
        print(f"storm seed {options.seed}: {summary.get('sent')} records of {options.commands} commands, "
              f"{summary.get('kills')} kills, {len(summary.get('durable_points_killed_at', {}))} durable points, "
              f"ledger parts {summary.get('ledger_parts')}: {'PROVEN' if code == 0 else 'REFUTED'}")
        return code
    finally:
        if not options.keep:
            stack.close()


if __name__ == "__main__":
    sys.exit(main())
