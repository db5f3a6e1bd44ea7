"""Law L9: what cannot be decoded, stored or survived ends in the dead-letter topic; its neighbours flow on."""
from __future__ import annotations

import pytest

from lab import until

MAX_ATTEMPTS = 3


def crash_course(lab, failpoints, restarts):
    """Good holds around one command whose content kills the process each time it is decided."""
    lab.installation.env["ADMITONE_DEAD_LETTER_MAX_ATTEMPTS"] = str(MAX_ATTEMPTS)
    event = lab.event_id(0)
    crash = ("reservation.create", "crash-me-1", lab.hold(event, "crash")[2])
    lab.send([lab.event(event)] + [lab.hold(event, f"before{n}") for n in range(50)] + [crash] +
             [lab.hold(event, f"after{n}") for n in range(50)])
    died = 0
    for _ in range(restarts):
        worker = lab.worker(failpoints, wait=False)
        until("it died, or all is done", lambda: not worker.alive or not lab.installation.unfinished(), 60)
        if worker.alive:
            return died
        died += 1
    return died


def test_l9_a_command_that_kills_the_process_is_set_aside(lab):
    died = crash_course(lab, "decide.crash=kill@0", 12)
    # Twice in company, then alone.
    assert MAX_ATTEMPTS <= died <= MAX_ATTEMPTS + 3
    lab.drain()
    lab.prove()
    assert lab.verdicts()["dead"] == 1 and lab.verdicts()["applied"] == 101
    assert lab.installation.view("select code from {s}.outcome_log where code = 'PROCESSING_FAILED'")


def test_l9_retrying_for_ever_is_caught(lab):
    assert crash_course(lab, "decide.crash=kill@0;mutant:retry_for_ever", 12) == 12
    lab.refute("one_verdict", drained=True)


def test_l9_a_command_that_throws_is_set_aside_without_a_death(lab):
    assert crash_course(lab, "decide.crash=throw@0", 1) == 0
    lab.drain()
    lab.prove()
    assert lab.verdicts()["dead"] == 1


@pytest.mark.parametrize("lab", [{"partitions": 2}], indirect=True)
def test_l9_poison_is_set_aside_word_for_word(lab):
    lab.traffic(60, 1500)
    lab.worker()
    lab.drain()
    lab.prove()
    verdicts = lab.verdicts()
    assert verdicts["dead"] > 5 and verdicts["invalid"] > 20


def test_l9_workers_that_start_together_suspect_nothing(lab):
    """Each that joins takes lanes from owners that live, mostly before they have decided anything."""
    lab.traffic(60, 3000)
    workers = [lab.worker(wait=False) for _ in range(3)]
    lab.drain()
    lab.prove()
    said = [line for worker in workers for line in worker.log.read_text().splitlines() if "taken at epoch" in line]
    assert said and not [line for line in said if "try 1" not in line], said
