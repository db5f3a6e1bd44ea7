"""A worker on topics and a schema of its own, for the stack tests beside this file."""

import os
import pathlib
import select
import signal
import subprocess
import sys
import time
import unittest
import uuid

NEEDED = ("ADMITONE_PROGRAM", "ADMITONE_KAFKA_BOOTSTRAP_SERVERS", "ADMITONE_DATABASE_URL",
          "ADMITONE_DATABASE_OWNER_URL", "ADMITONE_TEST_PG_SUPERUSER_URL", "ADMITONE_SOURCE_DIR")
SLOW = 60  # seconds; a loaded machine, never a measure
NOWHERE = "127.0.0.1:9"  # discard port, nobody listens


def sql(statement):
    url = os.environ["ADMITONE_TEST_PG_SUPERUSER_URL"]
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


def run_tests():
    """Exit code 77 is "skipped"."""
    if missing := [name for name in NEEDED if not os.environ.get(name)]:
        print("not set:", ", ".join(missing), "- run it through scripts/test", file=sys.stderr)
        sys.exit(77)
    unittest.main(verbosity=2)
