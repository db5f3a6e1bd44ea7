"""A shop with events on sale, for the stack tests of docs/examples."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import uuid

from kit import SLOW, Case, event_create

EVENTS = 6
LANES = 12
SEATS = 2  # of each hold that an example sends
SEAT_MAP = 40


def source(path):
    return pathlib.Path(os.environ["ADMITONE_SOURCE_DIR"], path)


def skip(what):
    """Exit code 77 is "skipped"."""
    print(what, file=sys.stderr)
    sys.exit(77)


class Shop(Case):
    """What a worker that runs makes of what the examples send."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.here = self.installation(LANES)
        self.tenant = str(uuid.uuid4())
        self.events = [str(uuid.uuid4()) for _ in range(EVENTS)]
        self.ready_worker(self.here)
        self.produce(event_create(event, self.tenant, SEAT_MAP, "create-" + event) for event in self.events)

    def produce(self, commands):
        """With the program's own verb; answered when it returns."""
        lines = self.folder / "commands.jsonl"
        lines.write_text("".join(json.dumps(one) + "\n" for one in commands))
        done = self.here.run("produce", str(lines), "--wait")
        self.assertEqual(done.returncode, 0, done.stderr)

    def environment(self, topic, **more):
        return {**os.environ, "BROKERS": os.environ["ADMITONE_KAFKA_BOOTSTRAP_SERVERS"],
                "TOPIC": self.here.settings[f"ADMITONE_KAFKA_{topic}"], **more}

    def send(self, program, event, cart):
        """The position that the example prints."""
        done = subprocess.run([*program, self.tenant, event, cart], env=self.environment("COMMAND_TOPICS"), text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=SLOW)
        self.assertEqual(done.returncode, 0, done.stderr)
        position = done.stdout.strip()
        self.assertRegex(position, rf"^{self.here.settings['ADMITONE_KAFKA_COMMAND_TOPICS']}/\d+/\d+$")
        return position

    def answer(self, position):
        """What was published for the record there: code, and whether it was given again."""
        return self.until(lambda: self.here.sql("select code || case when replayed then ' again' else '' end "
                                                f"from outcome_log where origin = '{position}' and published"),
                          f"{position} is answered")

    def forwarded(self):
        return int(self.here.sql("select count(*) from record_ledger where verdict = 'forwarded'"))

    def check_producer(self, program):
        """One hold under each key, whatever is sent twice; all of it decided where it was put."""
        for event in self.events:
            self.assertEqual(self.answer(self.send(program, event, "cart-" + event)), "RESERVATION_HELD")
        again = self.send(program, self.events[0], "cart-" + self.events[0])
        self.assertEqual(self.answer(again), "RESERVATION_HELD again")
        reused = self.send(program, self.events[1], "cart-" + self.events[0])
        self.assertEqual(self.answer(reused), "IDEMPOTENCY_KEY_REUSED")
        self.assertEqual(self.here.sql("select sum(held) from section_capacity"), str(EVENTS * SEATS))
        self.assertEqual(self.forwarded(), 0, "the example places keys as the workers do")
        self.proves(self.here)
