"""Chart and pages against the program: its settings, its verbs, and what is generated from them."""

import glob
import json
import os
import re
import subprocess
import sys

import kit
import policy
import pytest
from matrix import MATRIX

PROGRAM = os.environ["ADMITONE_PROGRAM"]


def test_settings_in_the_schema_and_the_table_of_values_are_fresh():
    script = os.path.join(kit.ROOT, "scripts/lib/chart.py")
    done = subprocess.run([sys.executable, script, "--check", "--program", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_runbooks_name_only_verbs_and_options_that_exist():
    said = {}
    for path in glob.glob(os.path.join(kit.ROOT, "docs/runbooks/*.md")):
        with open(path, encoding="utf-8") as file:
            for call in re.findall(r"`admitone ([^`]+)`", file.read()):
                said[call] = os.path.basename(path)
    assert said
    for call, page in said.items():
        words = call.split()
        verb = [word for word in words[:2] if re.fullmatch(r"[a-z][a-z-]+", word)]
        done = subprocess.run([PROGRAM, "help", *verb], capture_output=True, text=True)
        assert done.returncode == 0, f"{page}: admitone {call}"
        assert f"Usage: admitone {' '.join(verb)}" in done.stdout, f"{page}: admitone {call}"
        for option in re.findall(r"--[a-z-]+", call):
            assert re.search(rf"(^|\s){option}\b", done.stdout), f"{page}: admitone {call}: {option}"


# --- what a container is given, in front of the program ------------------------------------------------------------


def settings_in(container, things, folder):
    """Effective settings, and where each comes from, of the program with the container's variables and files. What is mounted
    in /etc/admitone lies in `folder` here."""
    def here(text):
        return text.replace("/etc/admitone", str(folder)).replace("/run/wallet", str(folder))
    environment = {}
    for variable in container["env"]:
        environment[variable["name"]] = here(variable.get("value", "pod-0"))
    for thing in things:
        if thing["kind"] == "ConfigMap" and "admitone.yaml" in thing["data"]:
            os.makedirs(folder / "config", exist_ok=True)
            (folder / "config/admitone.yaml").write_text(here(thing["data"]["admitone.yaml"]), encoding="utf-8")
    for name, value in environment.items():
        if name.endswith("_FILE"):
            os.makedirs(os.path.dirname(value), exist_ok=True)
            with open(value, "w", encoding="utf-8") as file:
                file.write(f"what {name} holds")
    done = subprocess.run([PROGRAM, "config", "print", "-o", "json"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {row["setting"]: row for row in json.loads(done.stdout)}


@pytest.mark.parametrize("name", MATRIX)
def test_the_program_knows_every_setting_that_a_worker_is_given(name, tmp_path):
    things = kit.objects(MATRIX[name])
    pods = [policy.pod_of(thing) for thing in things]
    for pod in filter(None, pods):
        for container in policy.containers(pod):
            if container["name"] == "wallet":
                continue
            settings = settings_in(container, things, tmp_path / container["name"])
            if container["name"] == "migrate":
                assert settings["database.owner_url"]["origin"] != "default"
                continue
            assert settings["http.listen"]["value"] == "0.0.0.0:8080"
            assert settings["kafka.bootstrap_servers"]["value"] == "kafka:9092"
            assert settings["database.url"]["origin"] != "default"
            assert settings["database.owner_url"]["origin"] == "default"
            is_static = "group.instance.id=pod-0" in settings["kafka.options"]["value"].replace(": ", "=")
            assert is_static == (name == "static members")
