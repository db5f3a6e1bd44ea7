"""A worker on topics and a schema of its own, for the stack tests beside this file."""

import fcntl
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import time
import unittest
import urllib.parse
import urllib.request
import uuid

NEEDED = ("ADMITONE_PROGRAM", "ADMITONE_KAFKA_BOOTSTRAP_SERVERS", "ADMITONE_DATABASE_URL",
          "ADMITONE_DATABASE_OWNER_URL", "ADMITONE_TEST_PG_SUPERUSER_URL", "ADMITONE_SOURCE_DIR")
SLOW = 60  # seconds; a loaded machine, never a measure
NOWHERE = "127.0.0.1:9"  # discard port, nobody listens


def in_database(url, database):
    """The same URL with another database."""
    return url if database is None else urllib.parse.urlsplit(url)._replace(path="/" + database).geturl()


def sql(statement, database=None, role="ADMITONE_TEST_PG_SUPERUSER_URL"):
    url = in_database(os.environ[role], database)
    done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statement],
                          check=True, capture_output=True, text=True, timeout=SLOW)
    return done.stdout.strip()


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
        """A setting that is None is not set, whatever the stack says."""
        ours = {**os.environ, **self.settings, **{k: v for k, v in more.items() if v is not None}}
        return {name: value for name, value in ours.items() if value is not None}

    def run(self, *arguments, **more):
        return subprocess.run([os.environ["ADMITONE_PROGRAM"], *arguments], env=self.environment(more), text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=SLOW)

    def ask(self, *arguments, **more):
        """What a verb prints, as JSON."""
        done = self.run(*arguments, "-o", "json", **more)
        if done.returncode != 0:
            raise AssertionError(f"{arguments}: {done.returncode} {done.stderr}")
        return json.loads(done.stdout)

    def make(self):
        for verb in (("topics", "create"), ("migrate", "up")):
            done = self.run(*verb)
            if done.returncode != 0:
                raise AssertionError(f"{verb}: {done.stderr}")
        return self

    def drop(self):
        sql(f'drop schema if exists "{self.name}" cascade')

    def sql(self, statement):
        """In its schema."""
        return sql(f'set search_path to "{self.name}"; {statement}')

    def sql_of_a_reader(self, statement):
        """As a person's role sees it: the public views, of all tenants."""
        return sql(f'set search_path to "{self.name}"; {statement}', role="ADMITONE_DATABASE_READER_URL")


class InstallationApart(Installation):
    """In a database of its own, whose sessions are nobody else's."""

    def __init__(self, partitions=2):
        super().__init__(partitions)
        sql(f"create database {self.name} owner admitone_owner")
        for role in ("", "OWNER_", "READER_"):
            variable = f"ADMITONE_DATABASE_{role}URL"
            self.settings[variable] = in_database(os.environ[variable], self.name)

    def drop(self):
        sql(f"drop database {self.name} with (force)")

    def sql(self, statement):
        return sql(f'set search_path to "{self.name}"; {statement}', self.name)

    def sessions(self):
        """Of AdmitOne, by application name."""
        rows = sql("select application_name, count(*) from pg_stat_activity where usename = 'admitone_worker' "
                   f"and datname = '{self.name}' group by 1").splitlines()
        return {name: int(count) for name, count in (row.split("|") for row in rows)}


class Worker:
    def __init__(self, installation, *arguments, **more):
        self.process = subprocess.Popen([os.environ["ADMITONE_PROGRAM"], "worker", *arguments],
                                        env=installation.environment(more), text=True, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # A failpoint says so each time, and waits until it is heard: nobody reads before the end.
        fcntl.fcntl(self.process.stderr, fcntl.F_SETPIPE_SZ, 1 << 20)

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

    def until(self, condition, what, limit=SLOW):
        deadline = time.monotonic() + limit
        while not (met := condition()):
            self.assertLess(time.monotonic(), deadline, what() if callable(what) else what)
            time.sleep(0.1)
        return met

    def ready_worker(self, installation, **more):
        worker = self.worker(installation, **more)
        line = worker.first_line()
        if line != "ready\n":
            worker.process.kill()
            self.fail(f"the worker says {line!r}, and: " + worker.process.communicate()[1][-2000:])
        return worker

    def proves(self, installation):
        """The installation's own audit and invariants hold."""
        audit = installation.run("audit")
        self.assertEqual(audit.returncode, 0, audit.stdout + audit.stderr)
        broken = installation.run("doctor", "--invariants")
        self.assertEqual(broken.returncode, 0, broken.stdout)

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


def command(type, event, key, tenant, **data):
    """One line for `produce`; without a key its content is its key."""
    line = {"specversion": "1.0", "id": "c-" + uuid.uuid4().hex, "source": "/test", "type": f"ticketing.{type}.v1",
            "tenantid": tenant, "data": {"eventId": event, **data}}
    return line if key is None else {**line, "idempotencykey": key}


def event_create(event, tenant, capacity, key="create"):
    return command("event.create", event, key, tenant, venueId="hall-" + event, name="Evening",
                   startsAt="2035-06-01T19:00:00Z", endsAt="2035-06-01T22:00:00Z", timezone="Europe/Berlin",
                   sections=[{"sectionId": "floor", "name": "Floor", "capacity": capacity, "priceMinor": 100,
                              "currency": "EUR"}])


def hold(event, tenant, key, **data):
    return command("reservation.create", event, key, tenant, customerId="c",
                   items=[{"sectionId": "floor", "quantity": 1}], **data)


def metrics_of(worker):
    address = "http://" + port_of(worker.process.pid) + "/metrics"
    return urllib.request.urlopen(address, timeout=10).read().decode()


def sample(text, name):
    """The value of one sample, by its name and labels as they are written; 0 when there is none."""
    for line in text.splitlines():
        if line.startswith(name + " "):
            return float(line.rpartition(" ")[2])
    return 0.0


def port_of(pid):
    """HOST:PORT the process listens on."""
    sockets = set()
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(entry)
        except FileNotFoundError:  # a connection that has ended meanwhile
            continue
        if target.startswith("socket:["):
            sockets.add(target[8:-1])
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and fields[9] in sockets:
            return "127.0.0.1:%d" % int(fields[1].split(":")[1], 16)
    raise AssertionError("the worker listens nowhere")


def run_tests():
    """Exit code 77 is "skipped"."""
    if missing := [name for name in NEEDED if not os.environ.get(name)]:
        print("not set:", ", ".join(missing), "- run it through scripts/test", file=sys.stderr)
        sys.exit(77)
    unittest.main(verbosity=2)
