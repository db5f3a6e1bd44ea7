"""The judges, and the program that tells what our decoder makes of a record."""

import base64
import json
import os
import pathlib
import subprocess

import jsonschema
import pytest
import referencing

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "schemas"
JUDGE = pathlib.Path(__file__).resolve().parent / "judges" / "judge.mjs"
PROBE = os.environ.get("ADMITONE_CONTRACT_PROBE", "")

COMMANDS = [
    "ticketing." + name + ".v1"
    for name in (
        "event.create",
        "event.update",
        "event.cancel",
        "reservation.create",
        "reservation.confirm",
        "reservation.extend",
        "reservation.release",
        "reservation.cancel",
        "reservation.expire",
    )
]
OUTCOMES = [
    "ticketing." + name + ".v1"
    for name in (
        "event.created",
        "event.updated",
        "event.cancelled",
        "reservation.held",
        "reservation.extended",
        "reservation.confirmed",
        "reservation.released",
        "reservation.expired",
        "reservation.cancelled",
        "command.rejected",
        "command.failed",
    )
]


def schema(name):
    return json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))


def example(type_name):
    return json.loads((SCHEMAS / "examples" / f"{type_name}.json").read_text(encoding="utf-8"))


def run_lines(arguments, lines, one_each=True):
    """One JSON answer for each line, from a program that reads lines and answers them in order."""
    text = "".join(line + "\n" for line in lines)
    done = subprocess.run(
        arguments, input=text.encode("utf-8"), capture_output=True, check=False, timeout=200
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    answers = [json.loads(line) for line in done.stdout.decode("utf-8").split("\n")[:-1]]
    assert not one_each or len(answers) == len(lines)
    return answers


def ask(question, lines):
    """npm's packages: see judges/judge.mjs for the questions."""
    packages = str(ROOT / ".cache" / "judges")
    return run_lines(["node", str(JUDGE), question, packages, str(SCHEMAS)], lines)


def probe(lines):
    """What our decoder makes of records; a line is a structured CloudEvent or a `record`."""
    assert os.path.exists(PROBE), "build the target admitone_contract_probe first"
    return run_lines([PROBE], lines)


def outcomes_of(commands):
    """The outcomes of a worker with an empty world, as {"headers", "value"}."""
    program = os.path.join(os.path.dirname(PROBE), "admitone_outcome_probe")
    return run_lines([program], [text_of(command) for command in commands], one_each=False)


def record(headers, value, key=None):
    return json.dumps(
        {"headers": headers, "key": key, "value_base64": base64.b64encode(value).decode()}
    )


def text_of(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


_FORMATS = jsonschema.FormatChecker(formats=())


@_FORMATS.checks("date-time")
def _is_a_date_that_exists(value):
    import datetime

    if not isinstance(value, str):
        return True
    try:
        datetime.date.fromisoformat(value[:10])
    except ValueError:
        return False
    return True


def pypi_validator(name):
    registry = referencing.Registry().with_resources(
        (body["$id"], referencing.Resource.from_contents(body))
        for body in (json.loads(p.read_text(encoding="utf-8")) for p in SCHEMAS.glob("*.schema.json"))
    )
    return jsonschema.Draft7Validator(schema(name), registry=registry, format_checker=_FORMATS)


def pytest_terminal_summary(terminalreporter):
    count = {name: len(terminalreporter.stats.get(name, ())) for name in ("passed", "failed", "error", "skipped")}
    failed = count["failed"] + count["error"]
    terminalreporter.write_line(f"{count['passed']} passed, {failed} failed, {count['skipped']} skipped")


@pytest.fixture(scope="session")
def validators():
    return {name: pypi_validator(name) for name in [*COMMANDS, *OUTCOMES, "command.envelope", "outcome.envelope"]}
