"""Laws L13–L16, and what L6 and L21 say of sagas: a venue and a chain that misbehave, workers that die."""
from __future__ import annotations

import time

import pytest

from agreement import Agreement
from lab import TENANT, Lab, until
from outside import Outside

# Whoever does not answer is given up early, so that a test sees more than the first attempt.
IMPATIENT = {"ADMITONE_VENUE_CALL_TIMEOUT": "1s", "ADMITONE_SOLANA_CALL_TIMEOUT": "2s",
             "ADMITONE_SAGA_ATTEMPT_TIMEOUT": "2s", "ADMITONE_SAGA_ARRIVAL_MARGIN": "1s",
             "ADMITONE_SAGA_LANDING": "2s", "ADMITONE_SAGA_QUICK_TO": "500ms", "ADMITONE_SAGA_SLEEP_FROM": "500ms",
             "ADMITONE_SAGA_SLEEP_TO": "1s"}
LOSE = {"type": "apply_then_lose"}


class Scene:
    """Some creations, each with a hold that waits for it."""

    def __init__(self, lab: Lab, events: int = 6, rich: bool = True) -> None:
        self.lab = lab
        self.outside: Outside = lab.outside(rich, **IMPATIENT)
        self.events = [lab.event_id(number % lab.partitions) for number in range(events)]

    def create(self) -> None:
        lab = self.lab
        lab.send([command for event in self.events for command in (created(lab, event), lab.hold(event, "waits"))])

    def left(self) -> str:
        sagas = self.lab.installation.view(
            "select kind, status, step, step_status, attempts, last_error from {s}.saga_log where ended_at is null")
        return str(sagas) if sagas else self.lab.installation.unfinished()

    def end(self, seconds: float = 90) -> dict[str, int]:
        try:
            until("all sagas are over", lambda: not self.left(), seconds)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; left: {self.left()}") from None
        return self.agreement().states()

    def settle(self) -> dict[str, int]:
        """For a mutant, which may never come to an end: as far as it gets."""
        try:
            return self.end(40)
        except TimeoutError:
            return self.agreement().states()

    def agreement(self) -> Agreement:
        return Agreement(self.lab.installation, self.outside, {event: TENANT for event in self.events})

    def disagreements(self) -> list:
        return [claim for claim in self.agreement().claims() if not claim.holds]

    def prove(self) -> None:
        assert self.disagreements() == []
        self.lab.prove()

    def unknown_to_the_journal(self) -> set[str]:
        """Request keys the venue has seen and signatures the chain has seen, that no journal has."""
        seen = {hold["key"] for hold in self.outside.venue.records()["holds"]}
        seen |= {one["signature"] for one in self.outside.chain.records()["transactions"]}
        view = self.lab.installation.view
        return seen - {key for key, in view("select request_key from {s}.saga_step_log")} \
            - {signature for signature, in view("select signature from {s}.saga_transaction_log")}


def created(lab: Lab, event: str, seats: int = 500):
    short, key, data = lab.event(event, seats)
    return short, key, {**data, "venueId": f"hall-{event}"}


def fault(operation: str, action: dict, **match) -> dict:
    return {"match": {"operation": operation, **match}, "action": action}


# ---------------------------------------------------------------- L13

@pytest.mark.parametrize("point", ["unit.before_commit=kill@2", "unit.before_commit=kill@4", "unit.after_commit=kill@3",
                                   "saga.began=kill@1", "saga.written=kill@2", "saga.written=kill@4",
                                   "saga.decided=kill@1", "publish.before_commit=kill@2"])
def test_l13_whoever_dies_the_journal_knows_what_was_asked_outside(lab, point):
    scene = Scene(lab)
    victim = lab.worker(point, wait=False)
    scene.create()
    lab.until_dead(victim)
    assert scene.unknown_to_the_journal() == set()
    lab.worker()
    assert scene.end() == {"on_sale": len(scene.events)}
    scene.prove()


@pytest.mark.parametrize("mutant", ["", "mutant:saga_told_too_early"])
def test_l13_nothing_is_asked_before_its_intent_is_durable(lab, mutant):
    scene = Scene(lab, events=1)
    proxy = lab.postgres_proxy()
    worker = lab.worker(mutant, postgres=proxy)
    lab.drain()
    intent = proxy.rule("request", "commit", "hold", nth=0, match=b"hold venue hall-")
    scene.create()
    intent.wait_hit()
    if mutant:
        until("the venue was asked for what no journal knows", scene.unknown_to_the_journal, 20)
        worker.kill()
        return
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        assert scene.unknown_to_the_journal() == set()
    worker.kill()
    proxy.release(intent)
    lab.worker()
    assert scene.end() == {"on_sale": 1}
    scene.prove()


@pytest.mark.parametrize("mutant", ["", "mutant:saga_key_per_attempt"])
def test_l13_all_attempts_have_one_key(lab, mutant):
    """The first is given up, looked up and made again; then it arrives after all."""
    scene = Scene(lab, events=1)
    scene.outside.venue.faults(fault("venue.hold", {"type": "delay_then_apply", "seconds": 6}, nth=1))
    lab.worker(mutant)
    scene.create()
    scene.settle() if mutant else scene.end()
    until("the first has arrived", lambda: sum(hold["asked"] for hold in scene.outside.venue.records()["holds"]) == 2, 30)
    if mutant:
        assert scene.disagreements()
        return
    scene.prove()


# ---------------------------------------------------------------- L14

@pytest.mark.parametrize("mutant", ["", "mutant:saga_timeout_is_failure"])
def test_l14_what_is_unknown_is_looked_up(lab, mutant):
    scene = Scene(lab)
    scene.outside.venue.faults(fault("venue.hold", LOSE, nth=[1, 2, 4]))
    scene.outside.chain.faults(fault("sendTransaction", LOSE, nth=[1, 3]))
    lab.worker(mutant)
    scene.create()
    if mutant:
        assert scene.settle() != {"on_sale": len(scene.events)}
        return
    assert scene.end() == {"on_sale": len(scene.events)}
    scene.prove()


# ---------------------------------------------------------------- L15

# The venue says that it has released, and has not; then it is away; then its answer is lost.
UNRELIABLE = [fault("venue.release", {"type": "status", "status": 204}, nth=[1, 2]),
              fault("venue.release", {"type": "status", "status": 503}, nth=[3]),
              fault("venue.release", LOSE, nth=[4])]


def test_l15_an_undo_is_proven(lab):
    scene = Scene(lab, rich=False)
    scene.outside.venue.faults(*UNRELIABLE)
    lab.worker()
    scene.create()
    assert scene.end() == {"withdrawn": len(scene.events)}
    scene.prove()


@pytest.mark.parametrize("mutant", ["", "mutant:saga_release_is_believed"])
def test_l15_a_release_is_proven(lab, mutant):
    scene = Scene(lab)
    scene.outside.venue.faults(*UNRELIABLE)
    lab.worker(mutant)
    scene.create()
    assert scene.end() == {"on_sale": len(scene.events)}
    lab.send([("event.cancel", f"cancel-{event}", {"eventId": event, "reason": "rain"}) for event in scene.events])
    if mutant:
        scene.settle()
        assert scene.disagreements()
        return
    assert scene.end() == {"cancelled": len(scene.events)}
    scene.prove()


@pytest.mark.parametrize("mutant", ["", "mutant:saga_undo_failure_ends"])
def test_l15_what_cannot_be_undone_is_held_and_shown(lab, mutant):
    scene = Scene(lab, events=1, rich=False)
    # (No failure for a circuit breaker, which would be open longer than this test.)
    scene.outside.venue.faults(fault("venue.release", {"type": "status", "status": 400}))
    lab.worker(mutant, ADMITONE_SAGA_DEADLINE="8s")
    scene.create()
    view = lab.installation.view
    if mutant:
        scene.settle()
        assert "pending" not in scene.agreement().states()
        assert scene.disagreements()
        return
    until("it needs an operator",
          lambda: view("select status from {s}.saga_log") == [("needs_operator",)], 60)
    assert view("select status from {s}.event_log") == [("pending",)], "what it holds stays held"
    assert not view("select 1 from {s}.outcome_log"), "and nothing is announced"
    (saga,), = view("select saga_id from {s}.saga_log")
    scene.outside.venue.faults()
    done = lab.installation.run("sagas", "retry", str(saga), "--reason", "the venue answers again", "--yes")
    assert done.returncode == 0, done.stderr
    assert scene.end() == {"withdrawn": 1}
    scene.prove()


# ---------------------------------------------------------------- L16

@pytest.mark.parametrize("mutant", ["", "mutant:saga_first_503_compensates"])
def test_l16_a_service_that_is_away_is_no_refusal(lab, mutant):
    scene = Scene(lab)
    scene.outside.venue.faults(fault("venue.hold", {"type": "status", "status": 503}, nth=[1, 2, 3]),
                               fault("venue.find", {"type": "hang", "seconds": 3}, nth=[2]))
    scene.outside.chain.faults(fault("sendTransaction", {"type": "status", "status": 429}, nth=[1, 2]))
    lab.worker(mutant)
    scene.create()
    states = scene.settle() if mutant else scene.end()
    assert ("withdrawn" in states) == bool(mutant), states
    if not mutant:
        scene.prove()


# ---------------------------------------------------------------- L6, L21

PARKED = 50_000
PER_UNIT = 500  # of the worker's: commands of one event that are decided in one unit of work, at the most


@pytest.mark.parametrize("lab", [{"partitions": 2}], indirect=True)
def test_l21_a_long_queue_behind_a_saga_is_decided_in_order_while_others_flow(lab):
    scene = Scene(lab, events=0)
    waiting, other = lab.event_id(0), lab.event_id(0)
    scene.events = [waiting, other]
    scene.outside.venue.faults(fault("venue.hold", {"type": "status", "status": 503}, event=waiting))
    lab.worker()
    view = lab.installation.view

    def answered(event: str) -> int:
        return view("select count(*) from {s}.outcome_log where event_id = %s", event)[0][0]

    lab.send([created(lab, other)])
    until("the other event is on sale", lambda: answered(other) == 1, 60)
    lab.send([created(lab, waiting, 60_000)] + [lab.hold(waiting, f"h{n}") for n in range(PARKED)] +
             [lab.hold(other, f"o{n}") for n in range(100)])
    until("the other event's commands pass the queue", lambda: answered(other) == 101, 120)
    assert answered(waiting) == 0
    assert view("select count(*) from {s}.parked_log where event_id = %s", waiting)[0][0] == PARKED + 1

    def units() -> int:
        return view("select unit from {s}.lane_log where topic = %s and partition = 0", lab.installation.home)[0][0]

    before = units()
    scene.outside.venue.faults()
    until("the queue moves", lambda: answered(waiting) > 1, 60, 0.05)
    lab.send([lab.hold(other, f"meanwhile{n}") for n in range(100)])
    until("all are answered", lambda: answered(waiting) == PARKED + 1, 300)
    rows = view("select event_id, split_part(origin, '/', 3)::bigint from {s}.outcome_log where partition = 0 order by seq")
    order = [offset for event, offset in rows if str(event) == waiting]
    assert order == sorted(order)
    last = max(at for at, (event, _) in enumerate(rows) if str(event) == waiting)
    behind = [offset for event, offset in rows[last:] if str(event) == other]
    assert not behind, "nobody else waited for the end of the queue"
    assert units() - before >= PARKED / PER_UNIT
    # No unit is larger than others on average only: what one has decided, its transaction has written.
    schema = lab.installation.schema
    (largest, written), = lab.stack.sql(
        f'select max(rows), sum(rows) from (select count(*) as rows from "{schema}".ledger '
        "where event_id = %s group by xmin::text) as units", waiting)
    assert written == PARKED + 1 and largest <= PER_UNIT, (largest, written)
    assert scene.end() == {"on_sale": 2}
    scene.prove()
