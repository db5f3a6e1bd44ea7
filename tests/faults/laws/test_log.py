"""Laws L6–L8: the outcome log stays 1, 2, 3 … whoever dies, freezes or is late."""
from __future__ import annotations

import pytest

from auditor.audit import audit, collect
from lab import until

PUBLISH_POINTS = ["publish.begin", "publish.produced", "publish.delivered", "publish.offsets_sent",
                  "publish.before_commit", "publish.committed"]
TAKE_OVER_POINTS = ["takeover.epoch_raised", "takeover.closed", "takeover.reloaded"]


# ---------------------------------------------------------------- L6

def cancelled_while_busy(lab, failpoints):
    """An event with many reservations is cancelled; commands for it keep coming while they are drained."""
    event, other = lab.event_id(1), lab.event_id(1)
    holds = [f"h{n}" for n in range(1600)]
    lab.send([lab.event(event), lab.event(other)] + [lab.hold(event, name) for name in holds] +
             [lab.confirm(event, name) for name in holds[:300]] +
             [("event.cancel", "cancel", {"eventId": event, "reason": "rain"})] +
             [command for n in range(200) for command in (
                 lab.hold(event, f"late{n}"), lab.confirm(event, f"h{n + 300}"), lab.hold(other, f"o{n}"))] +
             [("event.cancel", "cancel", {"eventId": event, "reason": "rain"}),
              ("event.cancel", "cancel-again", {"eventId": event, "reason": "rain"})])
    lab.worker(failpoints)
    lab.drain()


def test_l6_parked_commands_are_decided_in_order(lab):
    cancelled_while_busy(lab, "")
    lab.prove()
    assert lab.verdicts().get("parked", 0) > 100
    statuses = dict(lab.installation.view("select status, count(*) from {s}.reservation_log group by status"))
    assert statuses == {"released": 1300, "cancelled": 300, "held": 200}


def test_l6_an_owner_that_dies_while_draining_is_succeeded(lab):
    cancel_deaths = ["unit.before_commit=kill@3", "unit.after_commit=kill@4", "unit.committed=kill@5",
                     "publish.offsets_sent=kill@3"]
    for failpoints in cancel_deaths:
        lab.worker(failpoints, wait=False)
    cancelled_while_busy(lab, "")
    lab.prove()


def test_l6_unordered_release_is_caught(lab):
    cancelled_while_busy(lab, "mutant:parked_unordered")
    lab.refute("event_order")


# ---------------------------------------------------------------- L7

def test_l7_failing_units_leave_no_gap(lab):
    lab.traffic(20, 300)
    for point in ("unit.open=fail@3", "unit.before_fence=fail@4", "unit.before_commit=fail@3",
                  "unit.after_commit=fail@3"):
        worker = lab.worker(point)
        lab.traffic(21 + len(point), 60)
        lab.drain()
        worker.end()
    lab.prove()


def test_l7_an_identity_column_as_sequence_is_caught(lab):
    lab.traffic(22, 200)
    # The second unit that gives numbers fails.
    lab.worker("unit.numbered=fail@2;mutant:identity_sequence", ADMITONE_WORKER_BATCH_RECORDS="10")
    lab.settle()
    lab.refute("dense_sequence")


# ---------------------------------------------------------------- L8

@pytest.mark.parametrize("point", PUBLISH_POINTS + TAKE_OVER_POINTS)
def test_l8_a_publisher_killed_between_any_two_steps(lab, point):
    lab.traffic(30, 150)
    at = 1 if point in TAKE_OVER_POINTS else 2
    victim = lab.worker(f"{point}=kill@{at}", wait=False)
    lab.traffic(31, 50, pace=200)
    lab.until_dead(victim)
    lab.worker()
    lab.drain()
    lab.prove()


@pytest.mark.parametrize("point", PUBLISH_POINTS[:-1])
def test_l8_a_publisher_frozen_between_any_two_steps(lab, point):
    lab.traffic(32, 150)
    victim = lab.worker(f"{point}=stop@2", wait=False)
    lab.traffic(33, 50, pace=200)
    lab.until_stopped(victim)
    lab.worker()
    lab.drain()
    victim.thaw()
    lab.traffic(34, 100, pace=200)
    lab.drain()
    lab.prove()


@pytest.mark.parametrize("late, mutant", [
    ("AddPartitionsToTxn", ""), ("AddPartitionsToTxn", "mutant:offsets_without_group_metadata"),
    ("EndTxn", ""), ("EndTxn", "mutant:tail_before_closed;mutant:tail_before_stable")])
def test_l8_a_zombie_publishes_nothing(lab, late, mutant):
    """The group has moved on, the owner does not know yet, and the beginning or the end of its Kafka transaction
    reaches the broker after its successor has published."""
    proxy = lab.kafka_proxy()
    # A transaction whose end is late must outlive all that comes before it: one that timed out tells nothing.
    patience = {"ADMITONE_KAFKA_TRANSACTION_TIMEOUT": "60s"} if late == "EndTxn" else {}
    # (Its next heartbeat would tell it: that must come after all this.)
    zombie = lab.worker(mutant, kafka=proxy, ADMITONE_KAFKA_SESSION_TIMEOUT="180s",
                        ADMITONE_KAFKA_HEARTBEAT_INTERVAL="60s", ADMITONE_KAFKA_MAX_POLL_INTERVAL="200s", **patience)
    lab.traffic(35, 30)
    lab.drain()
    event = lab.event_id(1)
    rule = proxy.rule("request", late, "hold", nth=0)
    lab.send([lab.event(event)] + [lab.hold(event, f"h{n}") for n in range(20)])
    rule.wait_hit()
    until("everything is decided", lambda: lab.undecided() <= 0, 30)
    lab.expel_members()
    successor = lab.worker(mutant)
    lab.drain()
    proxy.release(rule)

    def doubled() -> bool:
        return "dense_sequence" in lab.audit(drained=False).refuted()
    if mutant:
        until("the zombie's outcomes are in the log", doubled, 30, 1.0)
        return
    until("the zombie is refused",
          lambda: any(word in zombie.log.read_bytes() for word in (b"was refused", b"made anew")), 30)
    lab.drain()
    assert successor.alive
    lab.prove()


def held_request(lab, api, failpoints=""):
    """The `api` request of one Kafka transaction is late in the network and arrives in a later one."""
    proxy = lab.kafka_proxy()
    lab.worker(failpoints, kafka=proxy, ADMITONE_KAFKA_REQUEST_TIMEOUT="2s",
               ADMITONE_KAFKA_DELIVERY_TIMEOUT="6s", ADMITONE_KAFKA_TRANSACTION_TIMEOUT="8s")
    lab.traffic(36, 50)
    lab.drain()
    rule = proxy.rule("request", api, "hold")
    lab.traffic(37, 400, pace=400)
    rule.wait_hit()
    lab.traffic(38, 1200, pace=500)
    proxy.release(rule)
    assert rule.finished.wait(30)
    lab.traffic(39, 200, pace=500)
    lab.drain()


def test_l8_a_late_end_txn_commits_nothing_it_should_not(lab):
    held_request(lab, "EndTxn")
    lab.prove()


def test_l8_a_late_offset_commit_only_causes_redeliveries(lab):
    held_request(lab, "TxnOffsetCommit")
    lab.prove()


@pytest.mark.parametrize("api", ["EndTxn", "TxnOffsetCommit", "AddOffsetsToTxn", "AddPartitionsToTxn", "Produce",
                                 "InitProducerId"])
@pytest.mark.parametrize("side, action", [("request", "cut"), ("response", "cut"), ("response", "drop")])
def test_l8_lost_requests_and_answers_are_survived(lab, api, side, action):
    proxy = lab.kafka_proxy()
    rule = proxy.rule(side, api, action, nth=1 if api == "InitProducerId" else 3)
    lab.worker(kafka=proxy, ADMITONE_KAFKA_REQUEST_TIMEOUT="2s")
    lab.traffic(40, 300, pace=400)
    rule.wait_hit()
    lab.traffic(41, 200, pace=400)
    lab.drain()
    lab.prove()


# ---------------------------------------------------------------- publish.mode: at_least_once

PLAIN = {"ADMITONE_PUBLISH_MODE": "at_least_once"}


def test_without_kafka_transactions_a_healthy_log_is_the_same(lab):
    lab.traffic(36, 300)
    lab.worker(**PLAIN)
    lab.drain()
    lab.prove()


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_without_kafka_transactions_outcomes_may_repeat_but_nothing_else(lab, end):
    lab.traffic(37, 150)
    victim = lab.worker(f"publish.delivered={end}@2", wait=False, **PLAIN)
    lab.traffic(38, 50, pace=200)
    lab.until_dead(victim) if end == "kill" else lab.until_stopped(victim)
    lab.worker(**PLAIN)
    lab.drain()
    if end == "stop":
        victim.thaw()
        lab.traffic(39, 100, pace=200)
        lab.drain()
    lab.rest()
    facts = collect(lab.installation.env)
    repeated = 0
    for lane, outcomes in facts.outcomes.items():
        first = {}
        for outcome in outcomes:
            same = first.setdefault(outcome.seq, outcome)
            assert (same.id, same.value) == (outcome.id, outcome.value)
        repeated += len(outcomes) - len(first)
        facts.outcomes[lane] = list(first.values())
    findings = audit(facts)
    assert findings.ok, f"{repeated} repeated\n" + findings.as_table()
