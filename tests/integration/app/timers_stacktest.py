"""Expiry timers as operators see them (audit BJ1, BJ4, BJ6)."""

import json
import pathlib
import tempfile
import uuid

from kit import Case, event_create, hold, metrics_of, run_tests, sample

HOLDS = 60


class Timers(Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.lines = pathlib.Path(folder.name, "commands.jsonl")
        self.here = self.installation()
        self.tenant, self.event = str(uuid.uuid4()), str(uuid.uuid4())

    def hold_seats(self):
        """Seats whose holds run out after one to three seconds."""
        commands = [event_create(self.event, self.tenant, 1000)]
        commands += [hold(self.event, self.tenant, f"hold-{i}", holdSeconds=1 + i % 3) for i in range(HOLDS)]
        self.lines.write_text("".join(json.dumps(one) + "\n" for one in commands))
        done = self.here.run("produce", str(self.lines), "--wait", "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)

    def released(self):
        return int(self.here.sql("select count(*) from reservation_log where status = 'expired'"))

    def test_holds_run_out_in_time_and_what_timers_do_is_told(self):
        worker = self.ready_worker(self.here, ADMITONE_HTTP_LISTEN="127.0.0.1:0")
        self.hold_seats()
        self.until(lambda: self.released() == HOLDS, "all holds run out")
        counted = 'admitone_timers_total{result="released"}'
        self.until(lambda: sample(metrics_of(worker), counted) == HOLDS, "rows are counted")
        text = metrics_of(worker)
        late = "admitone_timer_lateness_seconds"
        self.assertEqual(sample(text, f"{late}_count"), HOLDS)
        self.assertGreaterEqual(sample(text, late + '_bucket{le="5"}'), HOLDS * 0.99, "p99 is within five seconds")
        self.assertEqual(sample(text, 'admitone_timers_total{result="stuck"}'), 0)
        self.until(lambda: self.here.sql("select sum(released) from timer_log") == str(HOLDS), "it is written down")
        jobs = {row["name"]: row for row in self.here.ask("timers", "list")["jobs"]}
        self.assertEqual(set(jobs), {"expiry-timer/0", "expiry-timer/1", "ledger-rotation"})
        for name in ("expiry-timer/0", "expiry-timer/1"):
            self.assertEqual(jobs[name]["failures"], 0)
            self.assertLess(jobs[name]["last_run_at"], jobs[name]["next_run_at"])
        found = self.here.run("doctor").stdout
        self.assertIn(f"expiry timers of 2 lanes ran within", found)
        self.assertIn(f"released {HOLDS} holds; next in", found)
        self.assertRegex(found, r"ledger-rotation ran \d+ s ago: made \d+, .*; next in \d+ s")
        self.assertRegex(found, r"ok +ledger +no part of the ledger is kept beyond its time")
        _, _, err = worker.end()
        told = [json.loads(line)["message"] for line in err.splitlines() if "holds released" in line]
        self.assertEqual(sum(int(line.split(", ")[1].split()[0]) for line in told), HOLDS, told)

    def test_an_operator_lets_due_holds_run_out(self):
        worker = self.ready_worker(self.here, ADMITONE_TIMERS_TICK="1h")  # by itself it would not
        self.hold_seats()
        due = lambda: sum(row["due"] for row in self.here.ask("timers", "run")["lanes"])  # noqa: E731
        self.until(lambda: due() == HOLDS, "they are due, and stay so")
        self.assertEqual(self.released(), 0, "a plan does nothing")
        self.assertEqual(self.here.run("timers", "run", "--execute").returncode, 2, "it wants a reason")
        self.assertEqual(self.here.sql("select count(*) from operator_log"), "0")
        late = self.here.run("timers", "run", "--execute", "--reason", "too late", "--timeout", "0s")
        self.assertEqual(late.returncode, 6, late.stderr)
        self.assertEqual(self.here.sql("select count(*) from operator_log"), "0", "what is not begun in time is not begun")
        self.assertEqual(due(), HOLDS)
        ran = self.here.ask("timers", "run", "--yes", "--reason", "after the outage")
        self.assertEqual((ran["due"], ran["released"], ran["more"]), (HOLDS, HOLDS, False))
        (row,) = ran["lanes"]
        self.assertEqual((row["due"], row["released"], row["tenant_id"]), (HOLDS, HOLDS, self.tenant))
        self.assertEqual(self.released(), HOLDS)
        self.assertEqual(self.here.sql("select verb, target, reason, state, result from operator_log"),
                         f"timers run|{HOLDS} due holds|after the outage|applied|{HOLDS} of {HOLDS} have run out")
        self.assertEqual(self.here.ask("timers", "run")["lanes"], [])
        worker.end()  # writes its watermarks
        self.proves(self.here)


if __name__ == "__main__":
    run_tests()
