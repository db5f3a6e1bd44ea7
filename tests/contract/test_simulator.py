"""What `admitone simulate solana` does to transactions, by @solana/kit and LiteSVM."""

import json
import subprocess

import pytest

from conftest import ROOT
from simulator import Simulator

JUDGE = ROOT / "tests" / "contract" / "judges" / "simulator.mjs"


@pytest.fixture(scope="module")
def plays(tmp_path_factory):
    simulator = Simulator("solana", tmp_path_factory.mktemp("simulator"), "--slot-time", "0ms", "--finality", "0")
    try:
        done = subprocess.run(
            ["node", str(JUDGE), str(ROOT / ".cache" / "judges"), simulator.url],
            capture_output=True, text=True, check=False, timeout=100,
        )
    finally:
        code = simulator.stop()
    assert done.returncode == 0, done.stderr
    assert code == 0
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_both_say_the_same_of_every_transaction(plays):
    differences = {p["name"]: p["said"] for p in plays if p["said"]["litesvm"] != p["said"]["simulator"]}
    assert differences == {}


def test_both_have_the_same_balances_after_every_transaction(plays):
    differences = {p["name"]: p["balances"] for p in plays if p["balances"]["litesvm"] != p["balances"]["simulator"]}
    assert differences == {}


def test_a_guard_is_made_once(plays):
    said = [p["said"]["litesvm"] for p in plays]
    assert said[:3] == [None, {"InstructionError": [0, {"Custom": 0}]}, {"InstructionError": [0, {"Custom": 0}]}]
    assert len(plays) > 20 and said.count(None) < len(said) / 2
