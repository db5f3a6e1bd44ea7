"""Law L22: a worker with every secret there is, everything asked of it, everything it wrote searched for them."""

import base64
import json
import os
import pathlib
import secrets
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import uuid

from kit import SLOW, port_of, run_tests
from sagas_kit import TENANT, SagaCase, creation

sys.path.insert(0, str(pathlib.Path(os.environ["ADMITONE_SOURCE_DIR"]) / "tests/support"))

from redis_server import RedisServer  # noqa: E402
from secured_servers import SecuredKafka, installed  # noqa: E402
from simulators import WALLET  # noqa: E402


def spellings(secret):
    """As it is, in a URL, in hexadecimal, and in Base64 wherever it stands among other bytes."""
    raw = secret if isinstance(secret, bytes) else secret.encode()
    found = {raw, raw.hex().encode(), urllib.parse.quote(raw, safe="").encode(), b",".join(b"%d" % one for one in raw)}
    for before in range(3):
        text = base64.b64encode(b"\0" * before + raw)
        # The ends depend on their neighbours, too.
        inner = text[(before * 8 + 5) // 6:len(text) // 4 * 4 - 4]
        found |= {inner, inner.replace(b"+", b"-").replace(b"/", b"_")}
    return found


class Secrets(SagaCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.kafka = SecuredKafka(folder.name)
        cls.addClassCleanup(cls.kafka.end)

    def setUp(self):
        super().setUp()
        redis = RedisServer()
        self.addCleanup(redis.kill)
        fresh = {name: f"{name}{secrets.token_hex(16)}" for name in ("redis", "admin", "reader", "rpc", "key")}
        certificate, key = self.kafka.authority.sign("client", "worker", password=fresh["key"])
        parts = urllib.parse.urlsplit(os.environ["ADMITONE_DATABASE_URL"])
        redis.ask("config", "set", "requirepass", fresh["redis"])
        self.secrets = {**fresh, "kafka": self.kafka.password, "database": parts.password,
                        "owner": urllib.parse.urlsplit(os.environ["ADMITONE_DATABASE_OWNER_URL"]).password,
                        "venue": (self.folder / "secret").read_text().strip(), "wallet": WALLET[:32],
                        # One of its lines, however those are put together; the first says what any such key does.
                        "client key": key.read_text().splitlines()[3]}
        self.here.settings |= {
            "ADMITONE_KAFKA_BOOTSTRAP_SERVERS": self.kafka.sasl, "ADMITONE_KAFKA_SECURITY_PROTOCOL": "sasl_ssl",
            "ADMITONE_KAFKA_SASL_MECHANISM": "plain", "ADMITONE_KAFKA_SASL_USERNAME": "worker",
            "ADMITONE_KAFKA_SASL_PASSWORD": self.kafka.password,
            "ADMITONE_KAFKA_CA_FILE": str(self.kafka.authority.certificate),
            "ADMITONE_KAFKA_CLIENT_CERTIFICATE_FILE": str(certificate),
            "ADMITONE_KAFKA_CLIENT_KEY": key.read_text(), "ADMITONE_KAFKA_CLIENT_KEY_PASSWORD": fresh["key"],
            # Everything that librdkafka can say.
            "ADMITONE_KAFKA_OPTIONS": "debug=all",
            "ADMITONE_REDIS_URL": redis.url, "ADMITONE_REDIS_PASSWORD": fresh["redis"],
            # Providers put the key into the path, or behind a question mark.
            "ADMITONE_SOLANA_RPC_URL": f"{self.chain.url}/v2/{fresh['rpc']}?api-key={fresh['rpc']}",
            "ADMITONE_HTTP_ADMIN_TOKEN_FILE": self.file(fresh["admin"]),
            "ADMITONE_HTTP_READER_TOKEN_FILE": self.file(fresh["reader"])}
        self.written = []
        done = self.here.run("topics", "create")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.keep("topics create", done)

    def file(self, text):
        path = self.folder / uuid.uuid4().hex
        path.write_text(text + "\n")
        return str(path)

    def keep(self, what, done):
        self.written += [(what, done.stdout.encode()), (what, done.stderr.encode())]

    def verb(self, *words, **more):
        done = self.here.run(*words, ADMITONE_LOG_LEVEL="trace", **more)
        self.keep(" ".join(words), done)
        return done

    def page(self, address, token=""):
        request = urllib.request.Request(address, headers={"Authorization": "Bearer " + token} if token else {})
        try:
            with urllib.request.urlopen(request, timeout=SLOW) as answer:
                said, headers = answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            said, headers = error.read(), error.headers
        self.written.append((address, str(headers).encode() + said))
        return said

    def found(self, written=None):
        """(name of the secret, where it stands)."""
        return [(name, what, text[max(0, text.index(one) - 200):text.index(one)])
                for what, text in (self.written if written is None else written)
                for name, secret in self.secrets.items() for one in spellings(secret) if one in text]

    def run_worker(self, format):
        worker = self.ready_worker(ADMITONE_LOG_LEVEL="trace", ADMITONE_LOG_FORMAT=format)
        lines = self.folder / "commands.jsonl"
        lines.write_text(json.dumps(creation()) + "\n")
        done = self.verb("produce", str(lines), "--wait")
        self.assertEqual(done.returncode, 0, done.stderr)
        at = "http://" + port_of(worker.process.pid)
        for path in ("/livez", "/readyz", "/readyz?verbose", "/startupz", "/metrics", "/api/v1/lanes", "/api/v1/keys",
                     "/api/v1/sagas", "/api/v1/nothing"):
            for token in ("", self.secrets["admin"], self.secrets["reader"], self.secrets["admin"][:-1]):
                self.page(at + path, token)
        process = pathlib.Path(f"/proc/{worker.process.pid}")
        self.written.append(("its arguments", (process / "cmdline").read_bytes()))
        limits = [line.split()[4:6] for line in (process / "limits").read_text().splitlines() if "core file" in line]
        self.assertEqual(limits, [["0", "0"]], "a core file would hold all of them")
        children = {file.read_text() for file in process.glob("task/*/children")}
        self.assertLessEqual(children, {""}, "children would have the environment")
        _, out, err = worker.end()
        self.written += [("worker", out.encode()), ("worker's log", err.encode())]
        self.assertIn("sasl", err.lower(), "librdkafka was to say everything")

    def test_l22_nothing_that_is_written_holds_a_secret(self):
        self.fund()
        for format in ("json", "text"):
            self.run_worker(format)
        for words in (("config", "print"), ("config", "print", "-o", "json"), ("config", "check"), ("config", "schema"),
                      ("doctor",), ("doctor", "--invariants"), ("lanes",), ("keys", "list"), ("sagas", "list"),
                      ("audit",), ("inspect", str(uuid.uuid4())), ("migrate", "status"), ("topics", "check"),
                      ("cache", "flush", "--tenant", TENANT, "--reason", "a test"), ("version",)):
            self.verb(*words)
        self.assertEqual(self.found(), [])
        # Enough to find something in.
        self.assertGreater(sum(len(text) for _, text in self.written), 100_000)

    def test_l22_secrets_that_are_wrong_are_not_repeated(self):
        for name, variable, value in (
                ("database", "ADMITONE_DATABASE_URL", "postgresql://admitone_worker:{}@127.0.0.1:9/x"),
                ("database torn", "ADMITONE_DATABASE_URL", "postgresql://admitone_worker:{}@a/b@127.0.0.1:9/x"),
                ("database torn late", "ADMITONE_DATABASE_URL", "postgresql://admitone_worker:x@{}@127.0.0.1:9/x"),
                ("owner torn late", "ADMITONE_DATABASE_OWNER_URL", "postgresql://other:x@{}@127.0.0.1:9/x"),
                ("reader torn late", "ADMITONE_DATABASE_READER_URL", "postgresql://other:x@{}@127.0.0.1:9/x"),
                ("database no url", "ADMITONE_DATABASE_URL", "{}"),
                ("kafka", "ADMITONE_KAFKA_SASL_PASSWORD", "{}"),
                ("kafka key", "ADMITONE_KAFKA_CLIENT_KEY_PASSWORD", "{}"),
                ("kafka pem", "ADMITONE_KAFKA_CLIENT_KEY", "-----BEGIN PRIVATE KEY-----\n{}\n"),
                ("kafka option", "ADMITONE_KAFKA_OPTIONS", "sasl.password={}"),
                ("redis", "ADMITONE_REDIS_URL", "redis://:{}@127.0.0.1:notaport/0"),
                ("venue", "ADMITONE_VENUE_TOKEN_KEY", "{}"),
                ("rpc", "ADMITONE_SOLANA_RPC_URL", "https://127.0.0.1:9/v2/{}"),
                ("rpc torn", "ADMITONE_SOLANA_RPC_URL", "https://u:{}/x@127.0.0.1:9/v2"),
                ("rpc no url", "ADMITONE_SOLANA_RPC_URL", "ftp://u:{}@x")):
            with self.subTest(name):
                wrong = "wrong" + secrets.token_hex(10)
                self.secrets[name] = wrong
                more = {variable: value.format(wrong), "ADMITONE_WORKER_START_PATIENCE": "1s",
                        "ADMITONE_KAFKA_REQUEST_TIMEOUT": "2s"}
                if variable == "ADMITONE_VENUE_TOKEN_KEY":
                    del self.here.settings["ADMITONE_VENUE_TOKEN_KEY_FILE"]
                for words in (("config", "print"), ("config", "check"), ("doctor",)):
                    self.verb(*words, **more)
                # Of an endpoint that is away a worker is none the wiser, and it starts without the other two roles.
                if not name.startswith(("rpc", "owner", "reader")):
                    self.assertEqual(self.verb("worker", **more).returncode, 1)
                self.assertEqual(self.found(), [])

    def test_l22_the_search_finds_what_a_mutant_shows(self):
        shown = self.verb("config", "print", ADMITONE_FAILPOINTS="mutant:secrets_printed")
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertLessEqual({"kafka", "database", "redis", "rpc"}, {name for name, *_ in self.found()})
        self.written.clear()
        self.verb("doctor", ADMITONE_FAILPOINTS="mutant:secrets_logged")
        self.assertLessEqual({"kafka", "key", "client key"}, {name for name, *_ in self.found()})

    def test_l22_the_search_knows_other_spellings(self):
        secret = self.secrets["kafka"]
        for text in (f"Basic {base64.b64encode(b'worker:' + secret.encode()).decode()}=", secret.encode().hex(),
                     base64.urlsafe_b64encode(b"\0worker\0" + secret.encode()).decode()):
            self.assertEqual([name for name, *_ in self.found([("", b"x" + text.encode() + b"x")])], ["kafka"])


if __name__ == "__main__":
    if not installed():
        print("Kafka's jars or PostgreSQL 15 are missing - run it through scripts/test", file=sys.stderr)
        sys.exit(77)
    run_tests()
