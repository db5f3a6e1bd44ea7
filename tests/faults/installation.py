"""Real servers, one AdmitOne installation of its own on them, and its worker processes."""
from __future__ import annotations

import os
import pathlib
import shlex
import signal
import subprocess
import sys
import time
import uuid

import psycopg
from confluent_kafka import (Consumer, ConsumerGroupTopicPartitions, IsolationLevel, KafkaException,
                             TopicPartition)
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))
DAY = 86_400_000


def program() -> str:
    found = os.environ.get("ADMITONE_PROGRAM") or str(ROOT / "build/dev/admitone")
    if not os.access(found, os.X_OK):
        raise FileNotFoundError(f"{found} is not built; run scripts/build dev")
    return found


def until(what: str, condition, seconds: float, pause: float = 0.2):
    """Asks again and again until the condition holds; what it returned."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        time.sleep(pause)


class Stack:
    """The servers of scripts/stack: those the environment names, else a stack of our own."""

    def __init__(self, name: str = "", kafka_version: str = "") -> None:
        self.own = not (os.environ.get("ADMITONE_STACK_NAME") and os.environ.get("ADMITONE_DATABASE_URL"))
        self.name = name or f"faults-{os.getpid()}" if self.own else os.environ["ADMITONE_STACK_NAME"]
        # Being told to stop is an end like any other: what was started is ended.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        if self.own:
            more = ["--kafka-version", kafka_version] if kafka_version else []
            self.script("up", "--name", self.name, *more)
        self.env = {}
        for line in self.script("env", "--name", self.name).splitlines():
            name, _, value = line.removeprefix("export ").partition("=")
            self.env[name] = shlex.split(value)[0] if value else ""
        self.kafka = self.env["ADMITONE_KAFKA_BOOTSTRAP_SERVERS"]
        self.superuser = self.env["ADMITONE_TEST_PG_SUPERUSER_URL"]

    def script(self, *arguments: str) -> str:
        done = subprocess.run([ROOT / "scripts/stack", *arguments], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=200)
        if done.returncode != 0:
            raise RuntimeError(f"scripts/stack {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def kill(self, server: str) -> None:
        self.script("kill", server, "--name", self.name)

    def start(self, server: str) -> None:
        self.script("start", server, "--name", self.name)

    def sql(self, text: str, *values):
        with psycopg.connect(self.superuser, autocommit=True) as connection:
            cursor = connection.execute(text, values)
            return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        if self.own:
            self.script("down", "--name", self.name)


class Installation:
    """Topics, a group and a schema with a prefix of their own. `clone` shares the command topics only."""

    def __init__(self, stack: Stack, prefix: str = "", partitions: int = 12, second_partitions: int = 6,
                 commands_of: "Installation | None" = None, **settings) -> None:
        self.stack = stack
        self.prefix = f"{prefix or 'f'}-{uuid.uuid4().hex[:8]}"
        self.home = commands_of.home if commands_of else f"{self.prefix}.commands"
        self.second = commands_of.second if commands_of else f"{self.prefix}.partner-commands"
        self.outcomes, self.letters = f"{self.prefix}.outcomes", f"{self.prefix}.dead-letters"
        self.schema = self.prefix.replace("-", "_")
        self.partitions, self.second_partitions = partitions, second_partitions
        self.owns_commands = commands_of is None
        self.logs = ROOT / "build/fault-logs" / self.prefix
        self.logs.mkdir(parents=True, exist_ok=True)
        self.admin = self.new_admin()
        self.env = {
            **{name: value for name, value in stack.env.items() if name.startswith("ADMITONE_")},
            "ADMITONE_KAFKA_GROUP_ID": self.prefix,
            "ADMITONE_KAFKA_COMMAND_TOPICS": f"{self.home},{self.second}",
            "ADMITONE_KAFKA_OUTCOME_TOPIC": self.outcomes, "ADMITONE_KAFKA_DEAD_LETTER_TOPIC": self.letters,
            "ADMITONE_DATABASE_SCHEMA": self.schema, "ADMITONE_KAFKA_PARTITIONS": str(partitions),
            "ADMITONE_KAFKA_SESSION_TIMEOUT": "6s", "ADMITONE_KAFKA_HEARTBEAT_INTERVAL": "1s",
            "ADMITONE_KAFKA_MAX_POLL_INTERVAL": "20s", "ADMITONE_LOG_FORMAT": "json",
            # A database that was stopped hard on a busy machine may need more than a minute to recover.
            "ADMITONE_WORKER_START_PATIENCE": "4m",
            "ADMITONE_HTTP_LISTEN": "", **settings}
        self.make()

    def new_admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.stack.kafka, "log_level": 0})

    of_commands = {"retention.ms": str(3 * DAY), "message.timestamp.type": "LogAppendTime",
                   "max.message.bytes": "2000000"}

    def create_second(self) -> None:
        topic = NewTopic(self.second, self.second_partitions, 1, config=self.of_commands)
        self.admin.create_topics([topic], request_timeout=30)[self.second].result(60)

    def make(self) -> None:
        long = {"retention.ms": str(14 * DAY), "max.message.bytes": "2000000"}
        topics = [NewTopic(self.outcomes, self.partitions, 1, config=long),
                  NewTopic(self.letters, 3, 1, config={**long, "max.message.bytes": "2200000"})]
        if self.owns_commands:
            topics.append(NewTopic(self.home, self.partitions, 1, config=self.of_commands))
            self.create_second()
        for future in self.admin.create_topics(topics, request_timeout=30).values():
            future.result(60)
        # The controller has them; the broker that workers ask may learn of them a moment later.
        until("the topics are known", self.has_topics, 30)
        done = self.run("migrate", "up")
        if done.returncode != 0:
            raise RuntimeError(f"migrate up: {done.stderr.strip() or done.stdout.strip()}")

    def has_topics(self) -> bool:
        known = self.admin.list_topics(timeout=15).topics
        return all(name in known and len(known[name].partitions) == count and
                   all(partition.leader >= 0 for partition in known[name].partitions.values())
                   for name, count in ((self.home, self.partitions), (self.second, self.second_partitions),
                                       (self.outcomes, self.partitions), (self.letters, 3)))

    def has_coordinator(self) -> bool:
        """Asked by a consumer: the admin client's way ends in a segmentation fault while the coordinator is loading."""
        group = Consumer({"bootstrap.servers": self.stack.kafka, "group.id": self.prefix, "log_level": 0,
                          "enable.auto.commit": False})
        try:
            group.committed([TopicPartition(self.home, 0)], timeout=10)
        except KafkaException:
            return False
        finally:
            group.close()
        return True

    def run(self, *arguments: str, seconds: float = 120, **more) -> subprocess.CompletedProcess:
        return subprocess.run([program(), *arguments], env={**os.environ, **self.env, **more}, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds)

    def worker(self, name: str, failpoints: str = "", **more) -> "Worker":
        return Worker(self, name, failpoints, more)

    # ------------------------------------------------------------ marks to wait for

    def ends(self) -> dict[tuple[str, int], int]:
        asked = {}
        for topic, count in ((self.home, self.partitions), (self.second, self.second_partitions)):
            asked.update({TopicPartition(topic, p): OffsetSpec.latest() for p in range(count)})
        answer = self.admin.list_offsets(asked, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=15)
        return {(tp.topic, tp.partition): f.result().offset for tp, f in answer.items()}

    def positions(self) -> dict[tuple[str, int], int]:
        asked = self.admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(self.prefix)],
                                                       require_stable=False, request_timeout=15)
        return {(tp.topic, tp.partition): tp.offset
                for tp in asked[self.prefix].result().topic_partitions if tp.offset >= 0}

    def lag(self) -> int:
        at = self.positions()
        return sum(end - at.get(where, 0) for where, end in self.ends().items())

    def view(self, query: str, *values) -> list[tuple]:
        """A query over the public views, by the reader's role; `{s}` stands for the schema."""
        with psycopg.connect(self.env["ADMITONE_DATABASE_READER_URL"], autocommit=True) as connection:
            return connection.execute(query.replace("{s}", f'"{self.schema}"'), values).fetchall()

    def unfinished(self, ahead: int = 0) -> str:
        """What is still to be done; empty when all is consumed, decided, published and due holds are over.

        `ahead`: holds that end within so many seconds count as due, so that nothing moves during a replay.
        """
        try:
            lag = self.lag()
            if lag:
                return f"lag {lag}"
            for what, query in (
                    ("unpublished", "select count(*) from {s}.outcome_log where not published"),
                    ("in progress", "select count(*) from {s}.command_log where status = 'in_progress'"),
                    ("due holds", "select count(*) from {s}.reservation_log where status = 'held' "
                                  f"and expires_at < now() + interval '{ahead} seconds'")):
                count = self.view(query)[0][0]
                if count:
                    return f"{what} {count}"
            rows = self.view("select count(*) from {s}.record_ledger")[0][0]
            records = sum(self.ends().values())
            return "" if rows >= records else f"verdicts {rows} of {records}"
        except Exception as error:  # a server that is down is a reason to ask again
            # By a client of its own: one that saw the broker die can keep the old leader epoch for as long as it lives
            # (FENCED_LEADER_EPOCH on every list_offsets, seen for four minutes).
            self.admin = self.new_admin()
            return f"{type(error).__name__}: {error}"

    def drain(self, seconds: float = 180, ahead: int = 0) -> None:
        last = [""]

        def quiet() -> bool:
            last[0] = self.unfinished(ahead)
            return not last[0]
        try:
            until("everything consumed and published", quiet, seconds)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; left: {last[0]}") from None

    def rewind(self) -> None:
        """The group's positions back to the beginning. No worker may be running."""
        back = [TopicPartition(topic, p, 0) for topic, p in self.ends()]
        until("the group is empty", lambda: self._alter(back), 60, 1.0)

    def _alter(self, back) -> bool:
        try:
            self.admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(self.prefix, back)],
                                                    request_timeout=15)[self.prefix].result()
            return True
        except Exception:
            return False

    def clean(self) -> None:
        names = [self.outcomes, self.letters] + ([self.home, self.second] if self.owns_commands else [])
        for future in self.admin.delete_topics(names, request_timeout=30).values():
            future.result(60)
        self.stack.sql(f'drop schema if exists "{self.schema}" cascade')


class Worker:
    """One `admitone worker` process."""

    def __init__(self, installation: Installation, name: str, failpoints: str, more: dict) -> None:
        self.name, self.installation, self.failpoints = name, installation, failpoints
        self.log = installation.logs / f"{name}.log"
        self.out = installation.logs / f"{name}.out"
        env = {**os.environ, **installation.env, **{k: str(v) for k, v in more.items()}}
        if failpoints:
            env["ADMITONE_FAILPOINTS"] = failpoints
        self.out.write_bytes(b"")
        with open(self.log, "ab") as log, open(self.out, "ab") as out:
            # It never outlives the test, whatever way that ends.
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", program(), "worker"], env=env,
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=log, start_new_session=True)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def ready(self) -> bool:
        if not self.alive:
            raise RuntimeError(f"worker {self.name} ended with {self.process.returncode}: {self.last_words()}")
        return b"ready" in self.out.read_bytes()

    def wait_ready(self, seconds: float = 60) -> "Worker":
        until(f"worker {self.name} is ready", self.ready, seconds, 0.1)
        return self

    def last_words(self) -> str:
        return self.log.read_text("utf-8", "replace")[-600:]

    def signal(self, number: int) -> None:
        if self.alive:
            self.process.send_signal(number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.process.wait(20)

    def freeze(self) -> None:
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)

    def end(self, seconds: float = 40) -> int:
        """SIGTERM, and its exit code."""
        self.signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise TimeoutError(f"worker {self.name} did not end within {seconds} s of SIGTERM") from None

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.process.pid)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, from /proc."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
