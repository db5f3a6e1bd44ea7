"""The program as an operator meets it: what keeps a worker from starting, and how it ends."""

import json
import os
import pathlib
import re
import signal
import time
import urllib.error
import urllib.request
import uuid

from kit import NOWHERE, SLOW, Case, Installation, port_of, run_tests, sql


class Starting(Case):
    def test_a_wrong_setting_is_named_before_anything_is_asked(self):
        here = Installation()
        self.refused(here, "venue.url: is not set", "ADMITONE_VENUE_URL", ADMITONE_VENUE_ENABLED="true")
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
        secret.write_text("let-me-in-as-an-admin\n")
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
        status, text = get("/readyz?verbose", "let-me-in-as-an-admin")
        self.assertEqual(status, 200)
        for name in ("schema", "group", "database"):
            self.assertIn(f"[+] {name}: ", text)
        while "admitone_lanes_owned 2" not in get("/metrics")[1]:
            self.assertLess(time.monotonic(), deadline, "the gauge does not show both lanes")
            time.sleep(0.1)
        self.assertEqual(worker.end()[0] < 15, True)

    def test_every_declared_metric_has_a_sample_after_a_short_run(self):
        here = self.installation()
        # Named, and away: that keeps nothing from being ready.
        worker = self.worker(here, ADMITONE_HTTP_LISTEN="127.0.0.1:0", ADMITONE_VENUE_URL="http://" + NOWHERE,
                             ADMITONE_VENUE_ALLOW_INSECURE="true", ADMITONE_REDIS_URL="redis://" + NOWHERE)
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
    run_tests()
