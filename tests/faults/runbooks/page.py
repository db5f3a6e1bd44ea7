"""A page of the runbooks as its test uses it: what is run comes from the page, so that neither drifts from the other."""
from __future__ import annotations

import json
import math
import pathlib
import re
import shlex
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve()
ROOT = HERE.parents[3]
sys.path[:0] = [str(HERE.parents[1] / "laws"), str(ROOT / "tests/integration/app")]

from kit import metrics_of  # noqa: E402
from lab import TENANT, Lab, Worker, until  # noqa: E402, F401

FENCED = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)


def sampled(worker: Worker, name: str, **labels: str) -> float:
    """The samples of a metric, added up; not a number while the worker does not listen yet."""
    assert worker.alive, worker.last_words()
    wanted = {f'{label}="{value}"' for label, value in labels.items()}
    try:
        samples = SAMPLE.findall(metrics_of(worker))
    except (AssertionError, OSError):
        return math.nan
    return sum(float(value) for found, text, value in samples if found == name and wanted <= set(text.split(",")))


class Page:
    def __init__(self, lab: Lab, name: str) -> None:
        self.lab = lab
        self.name = name
        self.text = (ROOT / "docs/runbooks" / f"{name}.md").read_text()
        self.words = " ".join(self.text.split())

    def says(self, text: str) -> str:
        """It has this text, whatever lines it is broken into."""
        assert text in self.words, f"{self.name} does not say: {text}"
        return text

    def swapped(self, text: str, swaps: dict[str, str]) -> str:
        """The page's examples give way to what there is."""
        for old in swaps:
            assert old in text, f"{self.name} has no {old} in: {text}"
        # All at once: what one is replaced by may hold another.
        olds = sorted(map(re.escape, swaps), key=len, reverse=True)
        return re.sub("|".join(olds), lambda found: str(swaps[found.group()]), text) if swaps else text

    # ------------------------------------------------------------ its commands

    def run(self, command: str, *more: str, code: int | None = 0, swaps: dict[str, str] = {}, **env):
        """A command of the page, as it stands there; it ends with the code, None is any."""
        self.says(command)
        words = shlex.split(self.swapped(command, swaps))
        assert words[0] == "admitone"
        done = self.lab.installation.run(*words[1:], *more, **env)
        assert code in (None, done.returncode), f"{command}: {done.returncode} {done.stdout} {done.stderr}"
        return done

    def ask(self, command: str, *more: str, code: int = 0, swaps: dict[str, str] = {}, **env):
        """The same, and what it prints as JSON."""
        return json.loads(self.run(command, *more, "-o", "json", code=code, swaps=swaps, **env).stdout or "[]")

    def lanes(self) -> dict[str, dict]:
        """`admitone lanes`, of the home topic: partition to its row."""
        home = self.lab.installation.home + "/"
        return {row["lane"].removeprefix(home): row for row in self.ask("admitone lanes") if row["lane"].startswith(home)}

    def block(self, language: str, swaps: dict[str, str] = {}, number: int = 0) -> str:
        found = [text for kind, text in FENCED.findall(self.text) if kind == language]
        return self.swapped(found[number], swaps)

    def sql(self, role: str, swaps: dict[str, str] = {}, number: int = 0, language: str = "sql") -> list[str]:
        """A block of SQL, by psql as an operator runs it: the lines it answers."""
        schema = {"search_path to admitone;": f'search_path to "{self.lab.installation.schema}";'}
        return self.psql(role, self.block(language, {**schema, **swaps}, number))

    def psql(self, role: str, text: str) -> list[str]:
        url = self.lab.installation.env[f"ADMITONE_DATABASE_{role}URL"]
        done = subprocess.run(["psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url], input=text, text=True,
                              capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def kafka(self, line: str, swaps: dict[str, str] = {}, code: int | None = 0) -> str:
        """A line of the page that begins with one of Kafka's scripts, which here are classes. What it prints."""
        self.says(line)
        script, *words = shlex.split(self.swapped(line, swaps))
        tool = TOOLS[script]
        jars = self.lab.stack.env["ADMITONE_TEST_KAFKA_JARS"]
        java = ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{jars}/*"]
        done = subprocess.run([*java, tool, *words], text=True, capture_output=True, timeout=120)
        assert code in (None, done.returncode), f"{line}: {done.stdout} {done.stderr}"
        return done.stdout

    # ------------------------------------------------------------ what it looks at

    def metric(self, worker: Worker, name: str, **labels: str) -> float:
        """Of a metric that the page names."""
        return sampled(worker, self.says(name), **labels)

    def log_says(self, worker: Worker, *texts: str, seconds: float = 60) -> None:
        """The worker's log has them in one line; each is on the page, where … stands for what differs."""
        pattern = ".*".join(".*".join(map(re.escape, self.says(text).split("…"))) for text in texts)
        until(f"{worker.name} says {texts}",
              lambda: re.search(pattern, worker.log.read_text("utf-8", "replace")), seconds)

    def stopped(self, worker: Worker, lanes: int = 1) -> None:
        until("its lanes are stopped", lambda: self.metric(worker, "admitone_lanes_stopped") == lanes, 60)

    def none_is_stopped(self, worker: Worker) -> None:
        until("no lane is stopped", lambda: self.metric(worker, "admitone_lanes_stopped") == 0, 60)

    def proves(self) -> None:
        """`admitone audit` ends with 0, as the page promises."""
        self.run("admitone audit")

    def over(self) -> None:
        """Whatever the page is about: all is decided and published, and both of the program's own checks hold."""
        self.lab.drain()
        self.lab.rest()
        for verb in (("audit",), ("doctor", "--invariants")):
            done = self.lab.installation.run(*verb)
            assert done.returncode == 0, done.stdout + done.stderr


TOOLS = {
    "kafka-configs.sh": "kafka.admin.ConfigCommand",
    "kafka-delete-records.sh": "org.apache.kafka.tools.DeleteRecordsCommand",
    "kafka-dump-log.sh": "org.apache.kafka.tools.DumpLogSegments",
    "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
    "kafka-transactions.sh": "org.apache.kafka.tools.TransactionsCommand",
}
