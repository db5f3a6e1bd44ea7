"""scripts/stack and scripts/lib/run.sh: servers that answer, restart with their data, and never outlive their script."""

import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]


def stack(verb, *arguments, check=True):
    return subprocess.run(
        [ROOT / "scripts/stack", verb, *arguments], check=check, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


def environment(name):
    return dict(re.findall(r"^export (\w+)=(.*)$", stack("env", "--name", name).stdout, re.MULTILINE))


def sql(url, statement):
    run = subprocess.run(["psql", "-X", "-At", "-d", url, "-c", statement], capture_output=True, text=True, timeout=20)
    return run.stdout.strip()


def alive(pid):
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def wait_for(what, condition, seconds):
    """Polls; there is nothing to be notified by when another process ends."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.05)


def servers_of(name):
    pids = []
    for server in ("kafka", "postgres"):
        pids.append(int((ROOT / f".stack/{name}/{server}/pid").read_text().split()[0]))
    return pids


class Stack(unittest.TestCase):
    def setUp(self):
        self.name = f"house-{os.getpid()}-{self._testMethodName[-12:].strip('_')}"
        self.addCleanup(stack, "down", "--name", self.name)

    def test_servers_answer_and_keep_their_data_over_an_immediate_stop(self):
        stack("up", "--name", self.name)
        env = environment(self.name)
        for variable, role in [
            ("ADMITONE_DATABASE_URL", "admitone_worker"),
            ("ADMITONE_DATABASE_OWNER_URL", "admitone_owner"),
            ("ADMITONE_DATABASE_READER_URL", "admitone_reader"),
        ]:
            asked = "select current_user || ' ' || (rolsuper or rolbypassrls) from pg_roles where rolname = current_user"
            self.assertEqual(sql(env[variable], asked), f"{role} false")
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            self.assertEqual(sql(env["ADMITONE_DATABASE_URL"], f"show {setting}"), "on")
        sql(env["ADMITONE_DATABASE_OWNER_URL"], "create schema s create table kept(i int); insert into s.kept values (7)")

        stack("kill", "postgres", "--name", self.name)
        self.assertEqual(stack("status", "--name", self.name, check=False).returncode, 3)
        stack("start", "postgres", "--name", self.name)
        self.assertEqual(environment(self.name), env)
        self.assertEqual(sql(env["ADMITONE_DATABASE_OWNER_URL"], "select i from s.kept"), "7")

        pids = servers_of(self.name)
        stack("up", "--name", self.name)
        self.assertEqual(servers_of(self.name), pids, "a second `up` starts nothing")
        stack("down", "--name", self.name)
        self.assertEqual([pid for pid in pids if alive(pid)], [])
        self.assertFalse((ROOT / ".stack" / self.name).exists())
        stack("down", "--name", self.name)

    def test_a_redis_comes_with_it_when_it_is_asked_for(self):
        self.assertEqual(stack("up", "--name", self.name, "--with", "nothing", check=False).returncode, 1)
        stack("up", "--name", self.name, "--with", "redis")
        url = environment(self.name)["ADMITONE_REDIS_URL"]
        self.assertRegex(url, r"^redis://127\.0\.0\.1:\d+/0$")

        def ask(*words):
            run = subprocess.run(["redis-cli", "-u", url, *words], capture_output=True, text=True, timeout=20)
            return run.stdout.strip()

        self.assertEqual(ask("set", "a", "1"), "OK")
        self.assertRegex(stack("status", "--name", self.name).stdout, r"redis +127\.0\.0\.1:\d+ +ready +pid \d+")
        stack("kill", "redis", "--name", self.name)
        self.assertEqual(stack("status", "--name", self.name, check=False).returncode, 3)
        stack("up", "--name", self.name, "--with", "redis")
        self.assertEqual(environment(self.name)["ADMITONE_REDIS_URL"], url)
        self.assertEqual(ask("get", "a"), "", "it keeps nothing")
        pid = int((ROOT / f".stack/{self.name}/redis/pid").read_text().split()[0])
        self.assertTrue(alive(pid))
        stack("down", "--name", self.name)
        self.assertFalse(alive(pid))

    def script_with_a_stack(self):
        """A running script as scripts/test is one: a stack, and a child that has left for a session of its own."""
        marks = tempfile.TemporaryDirectory()
        self.addCleanup(marks.cleanup)
        child = pathlib.Path(marks.name, "child")
        script = pathlib.Path(marks.name, "script")
        script.write_text(
            f'. "{ROOT}/scripts/lib/common.sh"; . "{ROOT}/scripts/lib/run.sh"\n'
            f"run_begin {self.name}\n"
            f'run_unmarked "$root/scripts/stack" up --name {self.name}\n'
            f"run setsid -f bash -c 'echo $$ >{child}.new; mv {child}.new {child}; exec tail -f /dev/null'\n"
            "run tail -f /dev/null\n"
        )
        process = subprocess.Popen(["bash", script], stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait_for("the script's child", child.exists, 90)
        return process, [*servers_of(self.name), int(child.read_text())]

    def nothing_is_left_after(self, number, status):
        process, pids = self.script_with_a_stack()
        self.assertTrue(all(alive(pid) for pid in pids))
        process.send_signal(number)
        self.assertEqual(process.wait(30), status)
        wait_for("the end of what it started", lambda: not any(alive(pid) for pid in pids), 30)
        wait_for("the end of its data", lambda: not (ROOT / ".stack" / self.name).exists(), 30)

    def test_nothing_is_left_after_sigterm(self):
        self.nothing_is_left_after(signal.SIGTERM, 143)

    def test_nothing_is_left_after_sigint(self):
        self.nothing_is_left_after(signal.SIGINT, 130)

    def test_nothing_is_left_after_sigkill(self):
        self.nothing_is_left_after(signal.SIGKILL, -signal.SIGKILL)


if __name__ == "__main__":
    unittest.main()
