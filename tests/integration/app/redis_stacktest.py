"""Redis beside PostgreSQL: up, down, killed, hanging, late, wrong. Two workers; each command comes ten times, through
both."""

import json
import os
import pathlib
import re
import subprocess
import sys
import time
import urllib.request
import uuid

from kit import NOWHERE, SLOW, Case, port_of, run_tests, sql

sys.path.insert(0, str(pathlib.Path(os.environ["ADMITONE_SOURCE_DIR"]) / "tests/support"))

import redis_server  # noqa: E402
from late_relay import LateRelay  # noqa: E402

TENANT = "4c6f7cbf-58db-457f-9dbe-69e0ae9bb859"
COPIES = 10


def command(kind, event, key, data):
    return {"specversion": "1.0", "source": "/test", "type": f"ticketing.{kind}.v1", "tenantid": TENANT,
            "idempotencykey": key, "data": {"eventId": event, **data}}


def creation(event):
    return command("event.create", event, "create-" + event, {
        "venueId": "hall-" + event, "name": "Evening", "startsAt": "2035-06-01T19:00:00Z",
        "endsAt": "2035-06-01T22:00:00Z", "timezone": "Europe/Berlin", "sections": [
            {"sectionId": "floor", "name": "Floor", "capacity": 100, "priceMinor": 100, "currency": "EUR"}]})


def hold(event, number):
    return command("reservation.create", event, f"hold-{number}-{event}",
                   {"customerId": "c", "items": [{"sectionId": "floor", "quantity": 1}]})


class Redis(Case):
    def setUp(self):
        self.here = self.installation(2)
        self.here.settings["ADMITONE_HTTP_LISTEN"] = "127.0.0.1:0"
        self.workers = []
        self.event = str(uuid.uuid4())
        self.sent = 0  # records about the event

    def server(self):
        server = redis_server.RedisServer()
        self.addCleanup(server.kill)
        self.here.settings["ADMITONE_REDIS_URL"] = server.url
        return server

    def start(self):
        """Two workers with a lane each, that remember nothing."""
        for worker in self.workers:
            worker.kill()
        self.workers = [self.worker(self.here) for _ in range(2)]
        for worker in self.workers:
            self.assertEqual(worker.first_line(), "ready\n")
        self.until(lambda: [self.metric("lanes_owned", worker) for worker in self.workers] == [1, 1], "one lane each")

    def metric(self, name, worker):
        text = urllib.request.urlopen("http://" + port_of(worker.process.pid) + "/metrics", timeout=10).read().decode()
        return sum(float(value) for value in re.findall(rf"^admitone_{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE))

    def metrics(self, name):
        return sum(self.metric(name, worker) for worker in self.workers)

    def until(self, condition, what):
        deadline = time.monotonic() + SLOW
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.05)

    def send(self, *commands):
        """All of them, and all copies at once: half into the lane of each worker, whose one is not the event's."""
        halves = ([], [])
        for one in commands:
            for copy in range(COPIES):
                halves[copy % 2].append(json.dumps({**one, "id": str(uuid.uuid4())}))
        producers = []
        for partition, lines in enumerate(halves):
            producers.append(subprocess.Popen(
                ["kcat", "-P", "-b", os.environ["ADMITONE_KAFKA_BOOTSTRAP_SERVERS"], "-t",
                 self.here.settings["ADMITONE_KAFKA_COMMAND_TOPICS"], "-p", str(partition), "-k", self.event,
                 "-H", "content-type=application/cloudevents+json"], stdin=subprocess.PIPE, text=True))
            producers[-1].stdin.write("\n".join(lines) + "\n")
            producers[-1].stdin.close()
        for producer in producers:
            self.assertEqual(producer.wait(SLOW), 0)
        self.sent += COPIES * len(commands)

    def answers(self):
        return int(sql(f'select count(*) from "{self.here.name}".ledger where event_id = \'{self.event}\' '
                       "and out_seq is not null"))

    def answered(self):
        self.until(lambda: self.answers() >= self.sent, "every copy is answered")
        self.assertEqual(self.answers(), self.sent)

    def proves(self, holds):
        """One effect for each key, an answer for each copy, and both auditors of the log agree."""
        self.answered()
        where = f"where event_id = '{self.event}'"
        self.assertEqual(sql(f'select held, sold from "{self.here.name}".sections {where}'), f"{holds}|0")
        self.assertEqual(sql(f'select count(*) from "{self.here.name}".reservations {where}'), str(holds))
        firsts = sql(f'select count(*), count(distinct key_hash) from "{self.here.name}".ledger {where} and owns_key')
        self.assertEqual(firsts, f"{holds + 1}|{holds + 1}")
        audit = self.here.run("audit")
        self.assertEqual(audit.returncode, 0, audit.stdout + audit.stderr)
        broken = self.here.run("doctor", "--invariants")
        self.assertEqual(broken.returncode, 0, broken.stdout)

    def holds(self, first, last):
        self.send(*[hold(self.event, number) for number in range(first, last)])

    def test_up_it_says_where_keys_are(self):
        server = self.server()
        self.start()
        self.send(creation(self.event))
        self.holds(0, 5)
        self.answered()
        self.until(lambda: len(server.ask("--scan")) == 6, "all is written")
        self.start()
        self.holds(0, 5)
        self.proves(5)
        self.until(lambda: self.metrics("redis_up") == 2, "both find it up")
        self.assertGreater(self.metrics("idempotency_redis_hits_total"), 0)
        names = server.ask("--scan")
        self.assertEqual(len([name for name in names if name.startswith(f"admitone:{TENANT}:key:")]), 6)
        self.assertEqual(len(names), 6)
        day = 24 * 3600 * 1000
        for name in names:
            left = int(server.ask("PTTL", name)[0])
            self.assertTrue(0 < left <= day, left)
        doctor = self.here.run("doctor")
        self.assertRegex(doctor.stdout, r"ok +redis +up: 127\.0\.0\.1:\d+ answered")

    def test_the_entries_of_one_tenant_are_flushed(self):
        server = self.server()
        self.start()
        self.send(creation(self.event))
        self.answered()
        other = f"admitone:{uuid.uuid4()}:venue:hall"
        server.ask("SET", other, data=b"x")
        self.until(lambda: len(server.ask("--scan")) == 2, "all is written")
        done = self.here.run("cache", "flush", "--tenant", TENANT, "--reason", "a test", "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["entries"], 1)
        self.assertEqual(server.ask("--scan"), [other])
        row = sql(f'select verb, target, reason, state, result from "{self.here.name}".operator_actions')
        self.assertEqual(row, f"cache flush|tenant {TENANT}|a test|applied|1 entries")
        self.send(creation(self.event))
        self.proves(0)
        self.assertEqual(self.here.run("cache", "flush", "--tenant", "all", "--reason", "a test").returncode, 2)
        off = self.here.run("cache", "flush", "--tenant", TENANT, "--reason", "a test", ADMITONE_REDIS_URL="")
        self.assertEqual(off.returncode, 3, off.stderr)

    def test_down_it_is_not_missed(self):
        self.here.settings["ADMITONE_REDIS_URL"] = "redis://:hush@" + NOWHERE
        self.start()
        self.send(creation(self.event))
        self.holds(0, 5)
        self.answered()
        self.start()
        self.holds(0, 5)
        self.proves(5)
        self.until(lambda: self.metrics("idempotency_redis_errors_total") > 0, "it is told")
        self.assertEqual(self.metrics("idempotency_redis_hits_total"), 0)
        self.assertGreater(self.metrics("idempotency_db_hits_total"), 0)
        self.assertEqual(self.metrics("redis_up"), 0)
        for worker in self.workers:
            ready = urllib.request.urlopen("http://" + port_of(worker.process.pid) + "/readyz", timeout=10)
            self.assertEqual(ready.status, 200)
        doctor = self.here.run("doctor")
        self.assertEqual(doctor.returncode, 0, doctor.stdout)
        self.assertRegex(doctor.stdout, r"warn +redis +down: 127\.0\.0\.1:9: ")
        for worker in self.workers:
            _, _, err = worker.end()
            self.assertNotIn("hush", err)

    def test_killed_and_started_again_while_copies_come(self):
        server = self.server()
        self.start()
        self.send(creation(self.event))
        for step, number in enumerate(range(0, 12, 2)):
            self.holds(number, number + 2)
            self.holds(max(0, number - 2), number)
            (server.kill, server.start)[step % 2]()
        self.proves(12)
        self.holds(0, 12)
        self.proves(12)

    def test_hanging_it_costs_nobody_an_answer(self):
        server = self.server()
        self.start()
        self.send(creation(self.event))
        self.holds(0, 3)
        self.answered()
        server.freeze()
        self.holds(0, 6)
        self.proves(6)
        server.thaw()
        self.holds(0, 6)
        self.proves(6)

    def test_late_it_changes_no_decision_and_holds_nothing_up(self):
        """Some answers come within the 20 ms of a batch, most do not; all come within the second of a call."""
        relay = LateRelay(self.server().port, 0.015, 0.050)
        self.addCleanup(relay.end)
        self.here.settings["ADMITONE_REDIS_URL"] = relay.url
        self.start()
        self.send(creation(self.event))
        self.holds(0, 5)
        self.proves(5)
        before = relay.late
        self.start()  # they know no key
        for number in range(0, 20, 2):
            self.holds(number, number + 2)
            began = time.monotonic()
            self.answered()
            self.assertLess(time.monotonic() - began, 20, "answers stall")
        self.proves(20)
        self.assertGreater(relay.late, before + 10, "it was asked, and it answered")
        self.assertGreater(self.metrics("idempotency_redis_errors_total"), 0, "and some answers came too late")
        self.until(lambda: self.metrics("redis_up") == 2, "late is not down")
        other = {**hold(self.event, 0), "data": {**hold(self.event, 0)["data"], "customerId": "other"}}
        self.send(other)
        self.proves(20)
        mismatches = sql(f'select count(*) from "{self.here.name}".ledger where event_id = \'{self.event}\' '
                         "and verdict = 3 and out_seq is not null")
        self.assertEqual(mismatches, str(COPIES))

    def test_wrong_it_changes_no_decision(self):
        server = self.server()
        self.start()
        self.send(creation(self.event))
        self.holds(0, 5)
        self.answered()
        self.until(lambda: len(server.ask("--scan")) == 6, "all is written")
        right = subprocess.run(["redis-cli", "-p", str(server.port), "--raw", "GET", server.ask("--scan")[0]],
                               capture_output=True, check=True, timeout=SLOW).stdout.rstrip(b"\n")
        self.assertEqual((len(right), right[0]), (37, 1))
        form, payload, part = right[:1], right[1:33], right[33:]
        nowhere = (99).to_bytes(4, "big")
        for lie in (b"garbage", b"", form + payload + nowhere, form + bytes(32) + part, bytes(37), b"x" * 100_000):
            for name in server.ask("--scan"):
                server.ask("SET", name, data=lie)
            self.start()
            self.holds(0, 5)
            self.proves(5)
        # What was never heard of, too; and a payload that it never had.
        other = {**hold(self.event, 0), "data": {**hold(self.event, 0)["data"], "customerId": "other"}}
        self.send(other)
        self.proves(5)
        mismatches = sql(f'select count(*) from "{self.here.name}".ledger where event_id = \'{self.event}\' '
                         "and verdict = 3 and out_seq is not null")
        self.assertEqual(mismatches, str(COPIES))


if __name__ == "__main__":
    if not redis_server.installed():
        print("redis-server is not installed: scripts/setup does that", file=sys.stderr)
        sys.exit(77)
    run_tests()
