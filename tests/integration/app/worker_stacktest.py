"""The program as an operator meets it: what keeps a worker from starting, and how it ends."""

import json
import os
import pathlib
import re
import select
import signal
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request
import uuid

NEEDED = ("ADMITONE_PROGRAM", "ADMITONE_KAFKA_BOOTSTRAP_SERVERS", "ADMITONE_DATABASE_URL",
          "ADMITONE_DATABASE_OWNER_URL", "ADMITONE_TEST_PG_SUPERUSER_URL", "ADMITONE_SOURCE_DIR")
SLOW = 60  # seconds; a loaded machine, never a measure
NOWHERE = "127.0.0.1:9"  # discard port, nobody listens


def sql(statement):
    url = os.environ["ADMITONE_TEST_PG_SUPERUSER_URL"]
    subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statement], check=True,
                   capture_output=True, timeout=SLOW)


class Installation:
    """Topics and a schema of its own."""

    def __init__(self, partitions=2):
        self.name = "app" + uuid.uuid4().hex[:10]
        self.settings = {
            "ADMITONE_KAFKA_GROUP_ID": self.name,
            "ADMITONE_KAFKA_COMMAND_TOPICS": self.name + ".commands",
            "ADMITONE_KAFKA_OUTCOME_TOPIC": self.name + ".outcomes",
            "ADMITONE_KAFKA_DEAD_LETTER_TOPIC": self.name + ".dead-letters",
            "ADMITONE_KAFKA_PARTITIONS": str(partitions),
            "ADMITONE_DATABASE_SCHEMA": self.name,
            "ADMITONE_SHUTDOWN_GRACE": "15s",
        }

    def environment(self, more):
        return {**os.environ, **self.settings, **{k: v for k, v in more.items() if v is not None}}

    def run(self, *arguments, **more):
        return subprocess.run([os.environ["ADMITONE_PROGRAM"], *arguments], env=self.environment(more), text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=SLOW)

    def make(self):
        for verb in (("topics", "create"), ("migrate", "up")):
            done = self.run(*verb)
            if done.returncode != 0:
                raise AssertionError(f"{verb}: {done.stderr}")
        return self

    def drop(self):
        sql(f'drop schema if exists "{self.name}" cascade')


class Worker:
    def __init__(self, installation, *arguments, **more):
        self.process = subprocess.Popen([os.environ["ADMITONE_PROGRAM"], "worker", *arguments],
                                        env=installation.environment(more), text=True, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def first_line(self):
        readable, _, _ = select.select([self.process.stdout], [], [], SLOW)
        return self.process.stdout.readline() if readable else ""

    def end(self, number=signal.SIGTERM):
        began = time.monotonic()
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=SLOW)
        return time.monotonic() - began, out, err

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


class Case(unittest.TestCase):
    def installation(self, partitions=2, made=True):
        installation = Installation(partitions)
        if made:
            self.addCleanup(installation.drop)
            installation.make()
        return installation

    def worker(self, installation, *arguments, **more):
        worker = Worker(installation, *arguments, **more)
        self.addCleanup(worker.kill)
        return worker

    def refused(self, installation, *texts, **more):
        """The worker ends with 1 and one line that has all the texts; never with a stack of other errors."""
        done = installation.run("worker", ADMITONE_LOG_LEVEL="error", **more)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertNotIn("ready", done.stdout)
        lines = [line for line in done.stderr.splitlines() if line.startswith("admitone: ")]
        found = [line for line in lines if all(text in line for text in texts)]
        self.assertEqual(len(found), 1, done.stderr)
        return found[0]


class Starting(Case):
    def test_a_wrong_setting_is_named_before_anything_is_asked(self):
        here = Installation()
        self.refused(here, "venue.enabled", "saga", ADMITONE_VENUE_ENABLED="true")
        self.refused(here, "database.url: is not set", "ADMITONE_DATABASE_URL", ADMITONE_DATABASE_URL="")
        self.refused(here, "unknown setting 'kafka.grup_id'", "ADMITONE_KAFKA_GROUP_ID", ADMITONE_KAFKA_GRUP_ID="x")
        self.refused(here, "isolation.level", "must not be set",
                     ADMITONE_KAFKA_OPTIONS__ISOLATION_LEVEL="read_uncommitted")

    def test_an_unreachable_broker_is_asked_again_for_as_long_as_it_is_told(self):
        here = self.installation()
        begun = time.monotonic()
        self.refused(here, NOWHERE, ADMITONE_KAFKA_BOOTSTRAP_SERVERS=NOWHERE, ADMITONE_KAFKA_REQUEST_TIMEOUT="1s",
                     ADMITONE_WORKER_START_PATIENCE="8s")
        self.assertGreater(time.monotonic() - begun, 1 + 2)

    def test_a_missing_schema_asks_for_migrations(self):
        self.refused(Installation(), "migrate up")

    def test_a_schema_that_is_too_old_or_too_new_says_which(self):
        here = self.installation()
        sql(f'delete from "{here.name}".schema_migrations where version = (select max(version) from '
            f'"{here.name}".schema_migrations)')
        self.refused(here, "migrate up")

    def test_missing_topics_are_named(self):
        here = self.installation()
        self.refused(here, "does not exist", "topics create",
                     ADMITONE_KAFKA_OUTCOME_TOPIC=here.name + ".nowhere")

    def test_an_outcome_topic_with_other_partitions_is_refused(self):
        here, other = self.installation(2), self.installation(3)
        self.refused(here, "3 partitions, the home topic has 2",
                     ADMITONE_KAFKA_OUTCOME_TOPIC=other.settings["ADMITONE_KAFKA_OUTCOME_TOPIC"])

    def test_a_home_topic_with_producers_timestamps_is_refused(self):
        here = self.installation()
        self.refused(here, "message.timestamp.type=CreateTime", "LogAppendTime",
                     ADMITONE_KAFKA_COMMAND_TOPICS=here.settings["ADMITONE_KAFKA_OUTCOME_TOPIC"],
                     ADMITONE_KAFKA_OUTCOME_TOPIC=here.settings["ADMITONE_KAFKA_DEAD_LETTER_TOPIC"],
                     ADMITONE_KAFKA_DEAD_LETTER_TOPIC=here.settings["ADMITONE_KAFKA_COMMAND_TOPICS"])

    def test_a_topic_that_keeps_commands_beyond_the_horizon_is_refused(self):
        here = Installation()
        self.addCleanup(here.drop)
        self.assertEqual(here.run("migrate", "up").returncode, 0)
        made = here.run("topics", "create", ADMITONE_KAFKA_COMMAND_RETENTION="9d",
                        ADMITONE_IDEMPOTENCY_COMPLETED_TTL="13d")
        self.assertEqual(made.returncode, 0, made.stderr)
        # The settings agree with each other; the topic does not with them.
        self.refused(here, "retention 216 h", "dedupe horizon 168 h")

    def test_pods_that_disagree_about_the_partitioner_do_not_start(self):
        here = self.installation()
        worker = self.worker(here)
        self.assertEqual(worker.first_line(), "ready\n")
        self.refused(here, "partitioner", "consistent", ADMITONE_KAFKA_PARTITIONER="consistent")

    def test_an_unreachable_database_is_asked_again_for_as_long_as_it_is_told(self):
        here = Installation()
        begun = time.monotonic()
        self.refused(here, NOWHERE.split(":")[1], ADMITONE_DATABASE_URL=f"postgresql://x@{NOWHERE}/x",
                     ADMITONE_WORKER_START_PATIENCE="8s")
        self.assertGreater(time.monotonic() - begun, 1 + 2 + 4)

    def test_a_taken_port_is_named(self):
        here = self.installation()
        worker = self.worker(here, ADMITONE_HTTP_LISTEN="127.0.0.1:0")
        self.assertEqual(worker.first_line(), "ready\n")
        self.refused(here, "http.listen", ADMITONE_HTTP_LISTEN=port_of(worker.process.pid))


def port_of(pid):
    """HOST:PORT the process listens on."""
    sockets = set()
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        target = os.readlink(entry)
        if target.startswith("socket:["):
            sockets.add(target[8:-1])
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and fields[9] in sockets:
            return "127.0.0.1:%d" % int(fields[1].split(":")[1], 16)
    raise AssertionError("the worker listens nowhere")


class Running(Case):
    def test_it_prints_ready_once_and_drains_on_sigterm(self):
        worker = self.worker(self.installation())
        self.assertEqual(worker.first_line(), "ready\n")
        took, out, err = worker.end()
        self.assertEqual((worker.process.returncode, out), (0, ""), err)
        self.assertLess(took, 15)

    def test_a_second_signal_ends_it_at_once(self):
        worker = self.worker(self.installation())
        self.assertEqual(worker.first_line(), "ready\n")
        worker.process.send_signal(signal.SIGSTOP)
        # Both signals are pending when it goes on; which comes first is the kernel's choice.
        worker.process.send_signal(signal.SIGTERM)
        worker.process.send_signal(signal.SIGINT)
        took, _, _ = worker.end(signal.SIGCONT)
        self.assertIn(worker.process.returncode, (128 + signal.SIGTERM, 128 + signal.SIGINT))
        self.assertLess(took, 5)

    def test_health_and_metrics_are_served(self):
        secret = pathlib.Path(f"/tmp/{uuid.uuid4().hex}.token")
        secret.write_text("let-me-in\n")
        self.addCleanup(secret.unlink)
        worker = self.worker(self.installation(), ADMITONE_HTTP_LISTEN="127.0.0.1:0",
                             ADMITONE_HTTP_ADMIN_TOKEN_FILE=str(secret))
        self.assertEqual(worker.first_line(), "ready\n")
        base = "http://" + port_of(worker.process.pid)

        def get(path, token=None):
            request = urllib.request.Request(base + path)
            if token:
                request.add_header("Authorization", "Bearer " + token)
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as error:
                return error.code, error.read().decode()

        for path in ("/livez", "/startupz"):
            self.assertEqual(get(path), (200, "ok\n"))
        deadline = time.monotonic() + SLOW
        while get("/readyz")[0] != 200 and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual(get("/readyz")[0], 200)
        self.assertEqual(get("/readyz?verbose")[0], 401)
        status, text = get("/readyz?verbose", "let-me-in")
        self.assertEqual(status, 200)
        for name in ("schema", "group", "database"):
            self.assertIn(f"[+] {name}: ", text)
        while "admitone_lanes_owned 2" not in get("/metrics")[1]:
            self.assertLess(time.monotonic(), deadline, "the gauge does not show both lanes")
            time.sleep(0.1)
        self.assertEqual(worker.end()[0] < 15, True)

    def test_every_declared_metric_has_a_sample_after_a_short_run(self):
        here = self.installation()
        worker = self.worker(here, ADMITONE_HTTP_LISTEN="127.0.0.1:0")
        self.assertEqual(worker.first_line(), "ready\n")
        lines = pathlib.Path(f"/tmp/{uuid.uuid4().hex}.jsonl")
        lines.write_text(json.dumps({
            "specversion": "1.0", "id": "c-1", "source": "/test", "type": "ticketing.event.cancel.v1",
            "tenantid": str(uuid.uuid4()), "idempotencykey": "k-1", "datacontenttype": "application/json",
            "data": {"eventId": str(uuid.uuid4()), "reason": "storm"}}) + "\n")
        self.addCleanup(lines.unlink)
        sent = here.run("produce", str(lines))
        self.assertEqual(sent.returncode, 0, sent.stderr)
        source = pathlib.Path(os.environ["ADMITONE_SOURCE_DIR"], "src/telemetry/metrics.cpp").read_text()
        declared = set(re.findall(r'"(admitone_[a-z_]+)"', source))
        self.assertIn("admitone_published_sequence", declared)
        address = "http://" + port_of(worker.process.pid) + "/metrics"
        deadline = time.monotonic() + SLOW
        while True:
            text = urllib.request.urlopen(address, timeout=10).read().decode()
            silent = {name for name in declared if not re.search(rf"^{name}(_count)?[{{ ]", text, re.MULTILINE)}
            if not silent:
                break
            self.assertLess(time.monotonic(), deadline, silent)
            time.sleep(0.1)

    def test_no_secret_is_in_logs_arguments_or_metrics(self):
        worker = self.worker(self.installation(), ADMITONE_LOG_LEVEL="trace", ADMITONE_HTTP_LISTEN="127.0.0.1:0")
        self.assertEqual(worker.first_line(), "ready\n")
        metrics = urllib.request.urlopen("http://" + port_of(worker.process.pid) + "/metrics", timeout=10).read()
        arguments = pathlib.Path(f"/proc/{worker.process.pid}/cmdline").read_bytes()
        limits = pathlib.Path(f"/proc/{worker.process.pid}/limits").read_text()
        _, _, err = worker.end()
        secret = os.environ["ADMITONE_DATABASE_URL"].split("://")[1].split("@")[0].partition(":")[2]
        self.assertTrue(secret, "the stack's database has a password")
        self.assertNotIn(secret, err)
        self.assertNotIn(secret.encode(), metrics + arguments)
        core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
        self.assertEqual(core.split()[4:6], ["0", "0"])

    def test_log_lines_are_json_when_stderr_is_no_terminal(self):
        worker = self.worker(self.installation())
        self.assertEqual(worker.first_line(), "ready\n")
        _, _, err = worker.end()
        messages = [json.loads(line)["message"] for line in err.splitlines()]
        self.assertIn("ready", messages)


if __name__ == "__main__":
    if missing := [name for name in NEEDED if not os.environ.get(name)]:
        print("not set:", ", ".join(missing), "- run it through scripts/test", file=sys.stderr)
        sys.exit(77)
    unittest.main(verbosity=2)
