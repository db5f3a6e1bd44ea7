"""What a storm has found: verdicts as lines, as a report, and as JUnit XML."""
from __future__ import annotations

import json
import pathlib
import sys
import xml.etree.ElementTree as ElementTree


class Verdicts:
    def __init__(self, name: str, **report) -> None:
        self.name = name
        self.failures: list[str] = []
        self.report: dict = report

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def judge(self, what: str, good: bool, detail="") -> None:
        self.say(f"{'ok    ' if good else 'FAILED'} {what} {detail if not good else ''}")
        self.report.setdefault("verdicts", {})[what] = bool(good)
        if not good:
            self.failures.append(what)

    def second_opinion(self, installation) -> None:
        for verb in (("audit",), ("doctor", "--invariants")):
            done = installation.run(*verb, seconds=300)
            self.judge(f"admitone {' '.join(verb)} agrees", done.returncode == 0, (done.stdout + done.stderr)[-600:])

    def write(self, report: str | None, result: str | None) -> None:
        self.report["failures"] = self.failures
        if report:
            pathlib.Path(report).write_text(json.dumps(self.report, indent=1, default=str))
        if result:
            suite = ElementTree.Element("testsuite", name=self.name)
            for what, good in self.report.get("verdicts", {}).items():
                case = ElementTree.SubElement(suite, "testcase", classname=self.name, name=what)
                if not good:
                    ElementTree.SubElement(case, "failure", message=what)
            ElementTree.ElementTree(suite).write(result)
