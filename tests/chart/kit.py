"""The chart as the tests see it: rendered by the real Helm with some values, as objects."""

import functools
import json
import os
import subprocess

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CHART = os.path.join(ROOT, "helm/admitone")
TOOLS = os.path.join(ROOT, ".cache/chart")

with open(os.path.join(ROOT, "tests/chart/tools.txt"), encoding="utf-8") as pins:
    # A Helm that was built by `go install` takes an old one for granted.
    KUBERNETES = next(line.split()[1] for line in pins if line.startswith("k8s.io/kubernetes "))

# What an installation cannot do without.
LEAST = {
    "config": {"kafka": {"bootstrap_servers": "kafka:9092"}},
    "secrets": {"database": {"existingSecret": "worker"}, "owner": {"existingSecret": "owner"}},
}


def merged(*layers):
    out = {}
    for layer in layers:
        for key, value in layer.items():
            both = isinstance(value, dict) and isinstance(out.get(key), dict)
            out[key] = merged(out[key], value) if both else value
    return out


def tool(name, *arguments, stdin=None):
    return subprocess.run([os.path.join(TOOLS, "bin", name), *arguments], input=stdin, capture_output=True, text=True)


def helm(verb, values, *arguments):
    """`helm VERB` with values on top of the chart's own; the result as it is."""
    head = [verb, "one", CHART] if verb == "template" else [verb, CHART]
    return tool("helm", *head, "--kube-version", KUBERNETES, "--values", "-", *arguments, stdin=yaml.safe_dump(values))


def rendered(values=None):
    """The text that Helm makes of the least values and these; the same values are rendered once."""
    return rendered_once(json.dumps(merged(LEAST, values or {}), sort_keys=True))


@functools.lru_cache(maxsize=None)
def rendered_once(values):
    done = helm("template", json.loads(values), "--namespace", "tickets")
    assert done.returncode == 0, done.stderr
    return done.stdout


def objects(values=None):
    return [thing for thing in yaml.safe_load_all(rendered(values)) if thing]


def refusal(values):
    """What Helm says when it refuses these values on top of the least ones."""
    done = helm("template", merged(LEAST, values))
    assert done.returncode != 0, f"not refused: {values}"
    return done.stderr


def one(things, kind, ending=""):
    found = [thing for thing in things if thing["kind"] == kind and thing["metadata"]["name"].endswith(ending)]
    assert len(found) == 1, f"{len(found)} of {kind} …{ending}"
    return found[0]


def has(things, kind):
    return any(thing["kind"] == kind for thing in things)
