"""chart.py [--check] [--program PATH]: writes, or compares, what is generated in helm/admitone; see scripts/chart."""

import argparse
import json
import os
import re
import subprocess
import sys

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CHART = os.path.join(ROOT, "helm/admitone")
BEGIN, END = "<!-- values: written by scripts/chart -->", "<!-- end of values -->"
# What the chart sets itself: http.listen and paths of files.
OWN_SECTIONS = {"http"}
OWN_KEYS = {("kafka", "option_files"), ("solana", "wallet_file")}


def settings_schema(program):
    """Of `config`: every setting but secrets, which come from existing Secrets only, and what the chart sets."""
    printed = subprocess.run([program, "config", "schema"], check=True, capture_output=True, text=True).stdout
    sections = {}
    for section, schema in json.loads(printed)["properties"].items():
        if section in OWN_SECTIONS:
            continue
        settings = schema["properties"]
        secret = {key for key in settings if f"{key}_file" in settings}
        kept = {key: value for key, value in settings.items()
                if key not in secret and key.removesuffix("_file") not in secret and (section, key) not in OWN_KEYS}
        sections[section] = {**schema, "properties": kept}
    return {"type": "object", "additionalProperties": False, "properties": sections}


def with_settings(text, program):
    schema = json.loads(text)
    schema["properties"]["config"] = settings_schema(program)
    return json.dumps(schema, indent=2) + "\n"


KEY = re.compile(r"^( *)([A-Za-z][\w]*):(?: |$)")


def commented(text):
    """Path and comment of each key that has a line of its own, in order."""
    stack, comment = [], []
    for line in text.split("\n"):
        if line.strip().startswith("#"):
            comment.append(line.strip().lstrip("#").strip())
            continue
        match = KEY.match(line)
        if match:
            depth = len(match.group(1))
            stack = [entry for entry in stack if entry[0] < depth] + [(depth, match.group(2))]
            yield tuple(name for _, name in stack), " ".join(comment)
        comment = []


def table(text):
    """A row for each value that has no values of its own below it."""
    values = yaml.safe_load(text)
    known = list(commented(text))
    paths = {path for path, _ in known}
    rows = ["| value | default | meaning |", "|---|---|---|"]
    inherited = {}
    for path, comment in known:
        if any(other[:len(path)] == path and other != path for other in paths):
            inherited[path] = comment
            continue
        here = values
        for name in path:
            here = here[name]
        # A group's only comment is its first value's, too.
        meaning = comment or inherited.pop(path[:-1], "")
        default = json.dumps(here, ensure_ascii=False).replace("|", "\\|")
        if len(default) > 60:
            default = "see values.yaml"
        rows.append(f"| `{'.'.join(path)}` | `{default}` | {meaning} |")
    return "\n".join(rows)


def with_table(readme, values):
    head, _, rest = readme.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{table(values)}\n{END}{tail}"


def read(path):
    with open(os.path.join(CHART, path), encoding="utf-8") as file:
        return file.read()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--program", default=os.path.join(ROOT, "build/dev/admitone"))
    arguments = parser.parse_args()
    fresh = {
        "values.schema.json": with_settings(read("values.schema.json"), arguments.program),
        "README.md": with_table(read("README.md"), read("values.yaml")),
    }
    stale = [path for path, text in fresh.items() if read(path) != text]
    for path in stale:
        if arguments.check:
            print(f"helm/admitone/{path} is stale: run scripts/chart", file=sys.stderr)
            continue
        with open(os.path.join(CHART, path), "w", encoding="utf-8") as file:
            file.write(fresh[path])
    return 1 if arguments.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
