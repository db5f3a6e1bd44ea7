"""Law L12: the same log makes the same state."""
from __future__ import annotations

import pytest

import replay
from lab import QUICK


def busy(lab, failpoints=""):
    lab.traffic(50, 500)
    worker = lab.worker(failpoints)
    lab.drain(ahead=900)
    worker.end()


def test_l12_a_replay_in_place_changes_nothing_twice(lab):
    busy(lab)
    for _ in range(2):
        found = replay.in_place(lab.installation, 1)
        assert not found.differences, "\n".join(found.differences)
        assert found.hashes[0] == found.hashes[1] and found.outcomes_added == 0
    lab.prove()


@pytest.mark.parametrize("mutant", ["", "mutant:random_ids", "mutant:wall_clock_decisions"])
def test_l12_a_replay_into_an_empty_database_makes_the_same(lab, mutant):
    busy(lab, mutant)
    found = replay.into_nothing(lab.installation, 1, failpoints=mutant, **QUICK)
    try:
        if mutant:
            assert found.differences and found.hashes[0] != found.hashes[1]
        else:
            assert not found.differences, "\n".join(found.differences)
            assert (found.only_before, found.only_after) == (0, 0)
    finally:
        found.installation.clean()
