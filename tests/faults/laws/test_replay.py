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


def outcomes(lab):
    return replay.outcome_ids(lab.installation)


def objects(lab):
    """What commands are about: a replay adds rows of the ledger, and nothing else."""
    return [lab.installation.view(f"select * from {{s}}.{view} order by 1, 2, 3")
            for view in ("event_log", "section_capacity", "reservation_log")]


def test_l12_a_replay_in_place_changes_nothing_twice(lab):
    busy(lab)
    for _ in range(2):
        found = replay.in_place(lab.installation, 1)
        assert not found.differences, "\n".join(found.differences)
        assert found.hashes[0] == found.hashes[1] and found.outcomes_added == 0
    lab.prove()


def test_l12_the_verb_replays_in_place_and_nothing_changes(lab):
    busy(lab)
    found = replay.in_place(lab.installation, 1, rewind=replay.through_the_verb)
    assert not found.differences, "\n".join(found.differences)
    assert found.hashes[0] == found.hashes[1] and found.outcomes_added == 0
    lab.prove()


@pytest.mark.parametrize("mutant", ["", "mutant:sent_again_without_origin"])
def test_l12_what_is_asked_for_is_emitted_once_and_nothing_is_executed(lab, mutant):
    busy(lab)
    before, until = outcomes(lab), lab.installation.view("select to_char(clock_timestamp() at time zone 'utc', "
                                                         "'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')")[0][0]
    state_before = objects(lab)
    lab.worker()
    added = []
    # The last one has no upper end: what the first has sent stands in its range.
    for range_ in (("--until", until), ("--until", until), ()):
        log = len(outcomes(lab))
        done = lab.installation.run("replay", "--mode", "re-emit", *range_, "--yes", "--reason", "law L12",
                                    "-o", "json", ADMITONE_FAILPOINTS=mutant)
        assert done.returncode == 0, done.stderr
        lab.drain(ahead=900)
        added.append(len(outcomes(lab)) - log)
    assert added[0] > 0 and set(outcomes(lab)) == set(before), "only outcomes that were there"
    assert objects(lab) == state_before, "nothing is executed"
    if mutant:
        assert added[1] == added[0], "a second run cannot tell what the first has sent"
        assert added[2] > added[0], "nor what is a copy"
        return
    assert added[1:] == [0, 0]
    lab.prove()
    audit = lab.installation.run("audit")
    assert audit.returncode == 0, audit.stdout + audit.stderr


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
