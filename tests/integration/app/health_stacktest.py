"""What a worker says about itself while the services around it are dead, or hang (audit C12), and its metrics."""

import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

SOURCE = pathlib.Path(os.environ.get("ADMITONE_SOURCE_DIR", "."))
sys.path.insert(0, str(SOURCE / "tests/support"))
sys.path.insert(0, str(SOURCE / "tests/faults"))

import redis_server  # noqa: E402
from kit import port_of, run_tests  # noqa: E402
from proxy.kafka import KafkaProxy  # noqa: E402
from proxy.postgres import PostgresProxy  # noqa: E402
from proxy.rules import Loop  # noqa: E402
from sagas_kit import SagaCase, creation  # noqa: E402

TOKEN = "let-me-in-if-you-please"
LIMIT = 0.1  # of an answer about liveness; of the median, as the machine may be busy
PROBE = 2 + 5  # a probe's own limit, and the time between two


class Health(SagaCase):
    """Every server behind a proxy, or its own process: it can be taken away, and given back."""

    def setUp(self):
        super().setUp()
        loop = Loop()
        self.addCleanup(loop.close)
        kafka = os.environ["ADMITONE_KAFKA_BOOTSTRAP_SERVERS"].split(":")
        database = urllib.parse.urlsplit(os.environ["ADMITONE_DATABASE_URL"])
        self.kafka = KafkaProxy(loop, ("127.0.0.1", 0), (kafka[0], int(kafka[1])))
        self.addCleanup(self.kafka.close)
        self.database = PostgresProxy(loop, ("127.0.0.1", 0), (database.hostname, database.port))
        self.addCleanup(self.database.close)
        self.redis = redis_server.RedisServer()
        self.addCleanup(self.redis.kill)
        token = self.folder / "token"
        token.write_text(TOKEN + "\n")
        user = database.netloc.rpartition("@")[0]
        self.behind_proxies = {
            "ADMITONE_KAFKA_BOOTSTRAP_SERVERS": "%s:%d" % self.kafka.address,
            "ADMITONE_DATABASE_URL": database._replace(netloc="%s@%s:%d" % (user, *self.database.address)).geturl(),
            "ADMITONE_DATABASE_STATEMENT_TIMEOUT": "1s",
            "ADMITONE_DATABASE_LOCK_TIMEOUT": "1s",
            "ADMITONE_REDIS_URL": self.redis.url,
            "ADMITONE_HTTP_ADMIN_TOKEN_FILE": str(token),
            "ADMITONE_LOG_FORMAT": "json",
        }
        self.fund()
        self.started = self.ready_worker(**self.behind_proxies)
        self.base = "http://" + port_of(self.started.process.pid)
        self.until(lambda: self.get("/readyz")[0] == 200, "it is ready")

    def get(self, path):
        request = urllib.request.Request(self.base + path, headers={"Authorization": "Bearer " + TOKEN})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def lives(self, seconds):
        """Asked again and again it says so, and at once."""
        took, until = [], time.monotonic() + seconds
        while time.monotonic() < until:
            begun = time.monotonic()
            status, text = self.get("/livez?verbose")
            took.append(time.monotonic() - begun)
            self.assertEqual(status, 200, text)
            time.sleep(0.05)
        self.assertLess(statistics.median(took), LIMIT)

    def readiness(self, wanted, text, limit):
        self.until(lambda: (answer := self.get("/readyz?verbose"))[0] == wanted and text in answer[1],
                   lambda: f"{wanted} {text}: {self.get('/readyz?verbose')}", limit)

    def answered(self, command):
        """By a worker that has everything again."""
        self.assertEqual([outcome["code"] for outcome in self.send(command)], ["EVENT_CREATED"])

    def test_with_everything_there_it_says_how_its_services_are(self):
        self.until(lambda: "[+] redis: up" in self.get("/readyz?verbose")[1], "Redis was asked")
        status, text = self.get("/readyz?verbose")
        self.assertEqual(status, 200, text)
        self.assertRegex(text, r"\[\+\] database: answered in \d+ ms, our clock differs from its by -?\d+\.\d{3} s\n")
        for name in ("chain", "group", "redis", "schema", "venue"):
            self.assertIn(f"[+] {name}: ", text)
        self.until(lambda: "\nadmitone_clock_drift_seconds " in self.metrics(self.started), "the drift is a metric")
        self.lives(1)

    def test_it_lives_while_everything_hangs(self):
        first = creation("First")
        self.answered(first)
        for proxy in (self.kafka, self.database):
            proxy.freeze(True)
        self.redis.freeze()
        self.venue.process.send_signal(signal.SIGSTOP)
        # (No answer yet, or none in time from a connection that was begun anew.)
        self.readiness(503, "[-] database: ", PROBE + 5)
        # Longer than a connection is waited for (twice the statement's limit, and 5 s).
        self.lives(12)
        self.assertEqual(self.get("/startupz")[0], 200)
        for proxy in (self.kafka, self.database):
            proxy.freeze(False)
        self.redis.thaw()
        self.venue.process.send_signal(signal.SIGCONT)
        self.readiness(200, "[+] database: answered", 60)
        self.answered(creation("Second"))
        self.proves()
        _, _, log = self.started.end()
        self.assertIn("PostgreSQL has not answered for 7000 ms", log)

    def test_it_lives_while_everything_is_dead(self):
        for proxy in (self.kafka, self.database):
            proxy.refuse(True)
        self.redis.kill()
        self.venue.end()
        self.readiness(503, "[-] database: ", PROBE + 5)
        self.readiness(503, "[+] redis: degraded: down", 30)
        self.lives(8)
        for proxy in (self.kafka, self.database):
            proxy.refuse(False)
        # Redis and the venue service keep nobody from being ready.
        self.readiness(200, "[+] database: answered", 60)

    def test_the_venue_service_and_redis_decide_nothing(self):
        self.redis.kill()
        self.venue.end()
        self.readiness(200, "[+] redis: degraded: down", 30)
        self.send(*[creation() for _ in range(8)], wait=False)  # as many failures as open a breaker
        self.readiness(200, "[+] venue: degraded: ", 60)
        self.lives(1)

    def test_prometheus_has_nothing_to_say_about_its_metrics(self):
        promtool = shutil.which("promtool")
        if promtool is None:
            self.skipTest("promtool is not here; scripts/setup --chart fetches it")
        self.answered(creation())
        self.until(lambda: 'admitone_lag_seconds{' in self.metrics(self.started), "lanes are shown")
        done = subprocess.run([promtool, "check", "metrics"], input=self.metrics(self.started), text=True,
                              capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))
        # It would say something.
        wrong = subprocess.run([promtool, "check", "metrics"], input="# TYPE a_total gauge\na_total 1\n", text=True,
                               capture_output=True, timeout=60)
        self.assertNotEqual(wrong.returncode, 0)


if __name__ == "__main__":
    if not redis_server.installed():
        print("redis-server is not installed: scripts/setup does that", file=sys.stderr)
        sys.exit(77)
    run_tests()
