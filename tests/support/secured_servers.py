"""Real servers that want to know who comes, for a test: a broker with logins and certificates, a PostgreSQL with TLS.
They write below the folder they are given and go with the test."""

import base64
import ctypes
import glob
import json
import os
import pathlib
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time

from certificates import Authority

SLOW = 120  # seconds; a loaded machine, never a measure
POSTGRES = pathlib.Path("/usr/lib/postgresql/15/bin")


def installed():
    return "ADMITONE_TEST_KAFKA_JARS" in os.environ and (POSTGRES / "initdb").exists()


def scram_is_sound():
    """Before 2.6.1 librdkafka says its nonce twice, which Kafka from 4.0 on refuses (librdkafka #4895)."""
    return ctypes.CDLL("librdkafka.so.1").rd_kafka_version() >= 0x020601FF


def free_ports(count):
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _end_with_the_test():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _until(condition, what, process):
    deadline = time.monotonic() + SLOW
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(what())
        time.sleep(0.1)


class SecuredKafka:
    """`sasl` knows the user `worker` by PLAIN, both SCRAMs and unsigned tokens; `mtls` wants certificates of the
    authority; `named` has the certificate of another host, `expired` one that is over. Each is a HOST:PORT."""

    LISTENERS = ("internal", "controller", "sasl", "mtls", "named", "expired")

    def __init__(self, folder, jars=None):
        self.jars = jars or os.environ["ADMITONE_TEST_KAFKA_JARS"]
        self.folder = pathlib.Path(folder) / "kafka"
        self.folder.mkdir()
        self.password = "kafka" + secrets.token_hex(12)
        self.authority = Authority(self.folder, "authority")
        self.stranger = Authority(self.folder, "stranger")
        self.ports = dict(zip(self.LISTENERS, free_ports(len(self.LISTENERS))))
        for name in ("internal", "sasl", "mtls", "named", "expired"):
            setattr(self, name, f"127.0.0.1:{self.ports[name]}")
        self._write()
        scram = [word for size in (256, 512) for word in
                 ("--add-scram", f"SCRAM-SHA-{size}=[name=worker,password={self.password}]")]
        cluster = "A" + base64.urlsafe_b64encode(secrets.token_bytes(16)).decode()[1:22]
        properties = str(self.folder / "server.properties")
        self.tool("kafka.tools.StorageTool", "format", "-t", cluster, "-c", properties, *scram)
        self.log = self.folder / "log"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self._java("-Xmx512m", "kafka.Kafka", properties), stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, preexec_fn=_end_with_the_test)
        _until(lambda: b"Kafka Server started" in self.log.read_bytes(),
               lambda: "the broker does not start: " + self.log.read_text()[-3000:], self.process)

    def _java(self, memory, *words):
        java = (glob.glob("/usr/lib/jvm/java-17-openjdk-*/bin/java") or ["java"])[0]
        return [java, memory, "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Djava.awt.headless=true",
                f"-Djava.io.tmpdir={self.folder}", "-Dlog4j2.level=INFO",
                f"-Dlog4j.configuration=file:{self.folder / 'log4j.properties'}", "-cp",
                self.jars + "/*", *words]

    def tool(self, *words):
        done = subprocess.run(self._java("-Xmx256m", *words), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=SLOW)
        if done.returncode != 0:
            raise AssertionError(f"{words[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def _keystore(self, listener, names, days=30):
        certificate, key = self.authority.sign(listener, "broker", names, days)
        store = self.folder / f"{listener}-store.pem"
        store.write_text(key.read_text() + certificate.read_text())
        return "".join(f"listener.name.{listener}.ssl.{end}\n" for end in (
            "keystore.type=PEM", f"keystore.location={store}", "truststore.type=PEM",
            f"truststore.location={self.authority.certificate}"))

    def _write(self):
        (self.folder / "log4j.properties").write_text(  # of releases before 4
            "log4j.rootLogger=INFO, stdout\nlog4j.appender.stdout=org.apache.log4j.ConsoleAppender\n"
            "log4j.appender.stdout.layout=org.apache.log4j.PatternLayout\n"
            "log4j.appender.stdout.layout.ConversionPattern=%p %m (%c)%n\n")
        here = "DNS:localhost,IP:127.0.0.1"
        at = [f"{name.upper()}://127.0.0.1:{port}" for name, port in self.ports.items()]
        module = "org.apache.kafka.common.security"
        security = dict.fromkeys(self.LISTENERS, "SSL")
        security |= {"internal": "PLAINTEXT", "controller": "PLAINTEXT", "sasl": "SASL_SSL"}
        (self.folder / "server.properties").write_text(f"""
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{self.ports["controller"]}
controller.listener.names=CONTROLLER
listeners={",".join(at)}
advertised.listeners={",".join(one for one in at if not one.startswith("CONTROLLER"))}
listener.security.protocol.map={",".join(f"{name.upper()}:{kind}" for name, kind in security.items())}
inter.broker.listener.name=INTERNAL
log.dirs={self.folder / "data"}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
num.network.threads=1
num.io.threads=2
log.cleaner.dedupe.buffer.size=16777216
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER
listener.name.sasl.plain.sasl.jaas.config={module}.plain.PlainLoginModule required user_worker="{self.password}";
listener.name.sasl.scram-sha-256.sasl.jaas.config={module}.scram.ScramLoginModule required;
listener.name.sasl.scram-sha-512.sasl.jaas.config={module}.scram.ScramLoginModule required;
listener.name.sasl.oauthbearer.sasl.jaas.config={module}.oauthbearer.OAuthBearerLoginModule required;
# A connection is closed after that, and made again with what the client then knows.
listener.name.sasl.scram-sha-256.connections.max.reauth.ms=4000
listener.name.sasl.oauthbearer.connections.max.reauth.ms=4000
listener.name.mtls.ssl.client.auth=required
{self._keystore("sasl", here)}
{self._keystore("mtls", here)}
{self._keystore("named", "DNS:broker.example")}
{self._keystore("expired", here, days=-1)}
""")

    def set_password(self, password):
        """Of the user, by SCRAM-SHA-256."""
        self.tool("kafka.admin.ConfigCommand", "--bootstrap-server", self.internal, "--alter", "--entity-type", "users",
                  "--entity-name", "worker", "--add-config", f"SCRAM-SHA-256=[password={password}]")

    def token(self, seconds=600):
        """Unsigned, as the broker's default takes it for tests."""
        now = int(time.time())
        parts = ({"alg": "none"}, {"sub": "worker", "iat": now, "exp": now + seconds})
        return "".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") + "." for part in parts)

    def end(self):
        self.process.kill()
        self.process.wait()


class SecuredPostgres:
    """Takes the three roles over TLS only. In the database `by_certificate` they need certificates, no passwords."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder) / "postgres"
        self.folder.mkdir()
        for above in (self.folder, self.folder.parent):
            above.chmod(0o711)  # another user has to come through
        self.password = "postgres" + secrets.token_hex(12)
        self.port = free_ports(1)[0]
        self.authority = Authority(self.folder, "authority")
        self.stranger = Authority(self.folder, "stranger")
        self.account = None
        if os.getuid() == 0:  # it refuses to run as root
            self.account = pwd.getpwnam("postgres")
        self.data = self.folder / "data"
        self.data.mkdir()
        self._own(self.data)
        self._as_postgres([POSTGRES / "initdb", "-D", self.data, "-U", "postgres", "-N", "--auth=trust",
                           "--locale=C.UTF-8", "--encoding=UTF8"])
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write(f"listen_addresses = '127.0.0.1'\nport = {self.port}\nunix_socket_directories = ''\nssl = on\n"
                       f"ssl_ca_file = '{self.data / 'ca.crt'}'\nmax_connections = 60\nshared_buffers = 32MB\n")
        (self.data / "pg_hba.conf").write_text(
            "host all postgres 127.0.0.1/32 trust\n"
            "hostssl by_certificate all 127.0.0.1/32 cert\n"
            "hostssl admitone all 127.0.0.1/32 scram-sha-256\n")
        self._put(self.authority.certificate, "ca.crt")
        self.show("IP:127.0.0.1")
        self.log = self.folder / "log"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self._words([POSTGRES / "postgres", "-D", self.data]), cwd="/",
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        _until(self._answers, lambda: "PostgreSQL does not start: " + self.log.read_text()[-3000:], self.process)
        for role, may in (("owner", "createrole"), ("worker", ""), ("reader", "")):
            self.sql(f"create role admitone_{role} login nosuperuser nobypassrls {may} password '{self.password}'")
        for database in ("admitone", "by_certificate"):
            self.sql(f"create database {database} owner admitone_owner")

    def _words(self, words):
        words = [str(word) for word in words]
        if self.account is None:
            return ["setpriv", "--pdeathsig", "KILL", *words]
        return ["setpriv", f"--reuid={self.account.pw_uid}", f"--regid={self.account.pw_gid}", "--clear-groups",
                "--pdeathsig", "KILL", *words]

    def _as_postgres(self, words):
        subprocess.run(self._words(words), cwd="/", check=True, stdin=subprocess.DEVNULL, capture_output=True,
                       timeout=SLOW)

    def _own(self, path):
        if self.account is not None:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def _put(self, source, name):
        target = self.data / name
        shutil.copyfile(source, target)
        target.chmod(0o600)
        self._own(target)

    def _answers(self):
        try:
            self.sql("select 1")
            return True
        except subprocess.CalledProcessError:
            return False

    def show(self, names, days=30):
        """From now on, this certificate to who connects."""
        certificate, key = self.authority.sign("server", "server", names, days)
        self._put(certificate, "server.crt")
        self._put(key, "server.key")
        if hasattr(self, "process"):
            loaded = self.sql("select pg_conf_load_time()")
            self.sql("select pg_reload_conf()")
            _until(lambda: self.sql("select pg_conf_load_time()") != loaded, lambda: "PostgreSQL does not reload",
                   self.process)

    def sql(self, statement, database="postgres"):
        url = f"postgresql://postgres@127.0.0.1:{self.port}/{database}?sslmode=disable&connect_timeout=5"
        done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statement],
                              check=True, capture_output=True, text=True, timeout=SLOW)
        return done.stdout.strip()

    def url(self, role, password=None, host="127.0.0.1", root=None, mode="verify-full"):
        return (f"postgresql://admitone_{role}:{password or self.password}@{host}:{self.port}/admitone"
                f"?sslmode={mode}&sslrootcert={root or self.authority.certificate}")

    def url_by_certificate(self, role, certificate, key):
        return (f"postgresql://admitone_{role}@127.0.0.1:{self.port}/by_certificate?sslmode=verify-full"
                f"&sslrootcert={self.authority.certificate}&sslcert={certificate}&sslkey={key}")

    def end(self):
        self.process.send_signal(signal.SIGQUIT)  # "immediate": nothing of it is needed again
        self.process.wait()
