"""Law L9: what cannot be decoded, stored or survived ends in the dead-letter topic; its neighbours flow on."""
from __future__ import annotations

import psycopg
import pytest

from lab import until

MAX_ATTEMPTS = 3


def crash_course(lab, failpoints, restarts, poison=None):
    """Good holds around one command whose content kills the process each time it is decided, or `poison`. Where the
    lane stood after each death."""
    lab.installation.env["ADMITONE_DEAD_LETTER_MAX_ATTEMPTS"] = str(MAX_ATTEMPTS)
    event = lab.event_id(0)
    crash = ("", event, poison) if poison else ("reservation.create", "crash-me-1", lab.hold(event, "crash")[2])
    lab.send([lab.event(event)] + [lab.hold(event, f"before{n}") for n in range(50)] + [crash] +
             [lab.hold(event, f"after{n}") for n in range(50)])
    until("the group has a coordinator", lab.installation.has_coordinator, 60)
    places = []
    for _ in range(restarts):
        worker = lab.worker(failpoints, wait=False)
        until("it died, or all is done", lambda: not worker.alive or not lab.installation.unfinished(), 60)
        if worker.alive:
            break
        places.append(lab.installation.view("select next_offset from {s}.lane_log where topic = %s and partition = 0",
                                            lab.installation.home)[0][0])
    return places


def in_vain(places) -> int:
    """So many deaths left the lane where the one before had left it. Others came when the good holds before the killer
    arrived in pieces. But after a death in vain the next life goes record by record, right up to the killer: where it
    would come to stand elsewhere, it met the killer in company again."""
    vain = [here == before for here, before in zip(places, [None, *places])]
    assert all(place == places[-1] for place, after in zip(places[1:], vain) if after), places
    return sum(vain)


def test_l9_a_command_that_kills_the_process_is_set_aside(lab):
    places = crash_course(lab, "decide.crash=kill@0", 12)
    # Twice in company, then alone.
    assert MAX_ATTEMPTS <= len(places) and in_vain(places) <= MAX_ATTEMPTS + 2, places
    lab.drain()
    lab.prove()
    assert lab.verdicts()["dead"] == 1 and lab.verdicts()["applied"] == 101
    assert lab.installation.view("select code from {s}.outcome_log where code = 'PROCESSING_FAILED'")


UNREADABLE = b"crash-the-decoder"


def test_l9_bytes_that_kill_the_decoder_are_set_aside(lab):
    places = crash_course(lab, "decode.crash=kill@0", 12, UNREADABLE)
    # Twice in company, then alone: each time counted before it is read.
    assert MAX_ATTEMPTS <= len(places) and in_vain(places) <= MAX_ATTEMPTS + 2, places
    lab.drain()
    lab.prove()
    assert lab.verdicts()["dead"] == 1 and lab.verdicts()["applied"] == 101
    assert not lab.installation.view("select code from {s}.outcome_log where code = 'PROCESSING_FAILED'")


def test_l9_bytes_that_the_decoder_throws_on_are_set_aside_without_a_death(lab):
    assert crash_course(lab, "decode.crash=throw@0", 1, UNREADABLE) == []
    lab.drain()
    lab.prove()
    assert lab.verdicts()["dead"] == 1 and lab.verdicts()["applied"] == 101


def test_l9_retrying_for_ever_is_caught(lab):
    places = crash_course(lab, "decide.crash=kill@0;mutant:retry_for_ever", 12)
    assert in_vain(places) > MAX_ATTEMPTS + 2, places
    lab.refute("one_verdict", drained=True)


BESIDE = {"partitions": 2, "ADMITONE_WORKER_PIPELINES": "2", "ADMITONE_DATABASE_LOCK_TIMEOUT": "8s"}


def beside_a_killer(lab, more=""):
    """A command that kills the process in one pipeline, and a backlog of good holds in the other. Each time it is begun
    when a good one waits for its seats, and before that has them, if it is begun at all then. How often it killed."""
    lab.installation.env["ADMITONE_DEAD_LETTER_MAX_ATTEMPTS"] = str(MAX_ATTEMPTS)
    killing, good = lab.event_id(0), lab.event_id(1)
    lab.send([lab.event(killing), lab.event(good)])
    lab.worker()
    lab.drain()
    lab.rest()
    lab.send([("reservation.create", "crash-me-1", lab.hold(killing, "crash")[2])] +
             [lab.hold(good, f"good{n}") for n in range(30)])
    schema, superuser = lab.installation.schema, lab.stack.superuser
    waiting = "from pg_stat_activity where %s = any(pg_blocking_pids(pid))"
    for died in range(12):
        with psycopg.connect(superuser) as lane, psycopg.connect(superuser) as seats:
            lane.execute(f'select from "{schema}".partition_progress where partition = 0 for update')
            seats.execute(f'select from "{schema}".sections where event_id = %s for update', (good,))
            worker = lab.worker("decide.crash=kill@0" + more, wait=False)
            until("a good one waits for its seats, or all have them",
                  lambda: lab.stack.sql("select pid " + waiting, seats.info.backend_pid) or lab.undecided() == 1, 30)
            lane.rollback()
            try:
                until("it died", lambda: not worker.alive, 3)
            except TimeoutError:
                pass  # the good one is tried alone
            if not worker.alive:
                lab.stack.sql("select pg_terminate_backend(pid) " + waiting, seats.info.backend_pid)
        until("it died, or all is done", lambda: not worker.alive or not lab.installation.unfinished(), 60)
        if worker.alive:
            return died
    return 12


@pytest.mark.parametrize("lab", [BESIDE], indirect=True)
def test_l9_what_another_pipeline_tries_is_not_blamed_for_a_killer(lab):
    died = beside_a_killer(lab)
    assert MAX_ATTEMPTS <= died <= MAX_ATTEMPTS + 3
    lab.drain()
    lab.prove()
    assert lab.verdicts() == {"dead": 1, "applied": 32}


@pytest.mark.parametrize("lab", [BESIDE], indirect=True)
def test_l9_trying_something_alone_in_each_pipeline_is_caught(lab):
    beside_a_killer(lab, ";mutant:alone_in_each_pipeline")
    lab.drain()
    assert lab.verdicts()["dead"] > 1


def test_l9_a_command_that_throws_is_set_aside_without_a_death(lab):
    assert crash_course(lab, "decide.crash=throw@0", 1) == []
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
