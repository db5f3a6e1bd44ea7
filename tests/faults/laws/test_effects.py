"""Laws L1–L5, L10, L11: one effect, fenced, in step with its acknowledgement. Each with the mutant it must catch."""
from __future__ import annotations

import time

import pytest

from lab import until

UNIT_POINTS = ["unit.open", "unit.decided", "unit.before_fence", "unit.before_commit", "unit.after_commit",
               "unit.committed", "unit.forwarded"]


# ---------------------------------------------------------------- L1

def killed_at(lab, points, extra=""):
    """Commands, each sent one to five times, past a worker that dies at each of the points in turn."""
    # So many deaths at one place would make any command suspect.
    lab.installation.env["ADMITONE_DEAD_LETTER_MAX_ATTEMPTS"] = "50"
    for seed, point in enumerate(points):
        worker = lab.worker(f"{point}=kill@2{extra}", wait=False)
        lab.traffic(seed, 80)
        lab.until_dead(worker)


def test_l1_a_key_has_one_effect_wherever_a_worker_is_killed(lab):
    killed_at(lab, UNIT_POINTS)
    lab.worker()
    lab.drain()
    lab.prove()
    assert lab.verdicts()["duplicate"] > 100


def test_l1_a_key_inserted_in_another_transaction_is_caught(lab):
    # The first unit surely has records: what it decided is there, and the rows that say so are not.
    worker = lab.worker("unit.between_transactions=kill@1;mutant:key_in_other_transaction", wait=False)
    lab.traffic(1, 80)
    lab.until_dead(worker)
    lab.worker("mutant:key_in_other_transaction")
    lab.settle()
    lab.refute("one_verdict", "keys", "one_first_outcome", drained=True)


# ---------------------------------------------------------------- L2

@pytest.mark.parametrize("mutant", ["", "mutant:fingerprint_raw_bytes"])
def test_l2_a_key_is_reused_only_when_the_payload_differs(lab, mutant):
    lab.traffic(2, 400)
    lab.worker(mutant)
    lab.drain()
    if mutant:
        lab.refute("keys")
    else:
        lab.prove()
        assert lab.verdicts()["mismatch"] > 3


# ---------------------------------------------------------------- L3

def beyond(lab) -> list:
    """Partitions that are acknowledged further than the database has come."""
    group = lab.installation.positions()
    rows = lab.installation.view('select topic, partition, max("offset") + 1 from {s}.record_ledger group by 1, 2')
    database = {(topic, partition): at for topic, partition, at in rows}
    return [where for where, at in group.items() if at > database.get(where, 0)]


@pytest.mark.parametrize("mutant", ["", "mutant:acknowledge_before_commit"])
def test_l3_a_record_is_acknowledged_after_its_unit_of_work(lab, mutant):
    proxy = lab.postgres_proxy()
    worker = lab.worker(mutant, postgres=proxy)
    lab.traffic(3, 50)
    lab.drain()
    rule = proxy.rule("request", "commit", "hold", nth=0)
    lab.traffic(4, 200)
    rule.wait_hit()
    if mutant:
        until("acknowledged beyond the database", lambda: beyond(lab), 20)
        worker.kill()
        lab.refute("acknowledged_last")
        return
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        assert not beyond(lab)
    worker.kill()
    proxy.release(rule)
    lab.worker()
    lab.drain()
    lab.prove()


# ---------------------------------------------------------------- L4

FREEZES = ["unit.open", "unit.decided", "unit.before_fence", "unit.before_commit"]


@pytest.mark.parametrize("point", FREEZES)
def test_l4_a_thawed_worker_changes_nothing(lab, point):
    # Small units, so that some have committed before it stops, and some are left.
    frozen = lab.worker(f"{point}=stop@12", wait=False, ADMITONE_WORKER_BATCH_RECORDS="10")
    lab.traffic(5, 300)
    lab.until_stopped(frozen)
    lab.worker()
    lab.drain()
    taken = {(topic, lane): epoch for topic, lane, epoch in lab.installation.view(
        "select topic, partition, epoch from {s}.lane_log")}

    def of_the_frozen() -> int:
        rows = lab.installation.view("select topic, partition, epoch, count(*) from {s}.record_ledger group by 1, 2, 3")
        return sum(count for topic, lane, epoch, count in rows if epoch < taken[topic, lane])
    before = of_the_frozen()
    frozen.thaw()
    until("the thawed worker has seen that it is out of the group",
          lambda: any(word in frozen.log.read_bytes() for word in (b"another worker", b"revok")), 60)
    lab.traffic(6, 100)
    lab.drain()
    assert 0 < before == of_the_frozen()
    lab.prove()


@pytest.mark.parametrize("mutant", ["", ";mutant:fence_without_epoch"])
def test_l4_a_thawed_watermark_does_not_set_its_lane_back(lab, mutant):
    """A unit that writes the lane's position and nothing else: no unique row stops it, only the fence."""
    event = lab.event_id(1)
    # The command is decided and published; its lane's next unit writes down that it is.
    frozen = lab.worker(f"unit.watermark=stop@1{mutant}", ADMITONE_DATABASE_IDLE_IN_TRANSACTION_TIMEOUT="120s")
    lab.send([lab.event(event)])
    lab.until_stopped(frozen)
    # The next owner decides and cannot publish: what is published would be one more wall.
    proxy = lab.kafka_proxy()
    lab.worker(mutant.lstrip(";"), kafka=proxy)
    rule = proxy.rule("request", "AddPartitionsToTxn", "hold", nth=0)
    lab.send([lab.hold(event, f"h{n}") for n in range(20)])
    until("the next owner has decided", lambda: lab.verdicts().get("applied", 0) == 21, 30)
    frozen.thaw()
    violated = lambda: lab.installation.view("select 1 from {s}.invariant_violations limit 1")  # noqa: E731
    if mutant:
        until("the lane was set back", violated, 30)
        lab.refute("invariant_violations")
        return
    until("the thawed worker is fenced", lambda: b"fenced" in frozen.log.read_bytes(), 60)
    assert not violated()
    proxy.release(rule)
    lab.drain()
    lab.prove()


# ---------------------------------------------------------------- L5

# A COMMIT that never arrived is a failure indeed: with that one the mutant does no harm. With the other one the lane is
# lost to a stranger who is ourselves; the other walls (unique rows, the log read again) then still keep the effect one.
@pytest.mark.parametrize("side, mutant", [("request", ""), ("response", ""), ("response", "mutant:in_doubt_is_failure")])
def test_l5_a_commit_in_doubt_converges_to_one_effect(lab, side, mutant):
    proxy = lab.postgres_proxy()
    lab.worker(mutant, postgres=proxy)
    lab.traffic(7, 30)
    lab.drain()

    def epochs() -> int:
        return lab.installation.view("select sum(epoch) from {s}.lane_log")[0][0]
    before = epochs()
    # One after the other: each cut is the second COMMIT after the rule was made.
    for seed in range(5):
        rule = proxy.rule(side, "commit", "cut", nth=2)
        lab.traffic(70 + seed, 60)
        rule.wait_hit()
        lab.drain()
    assert (epochs() > before) == bool(mutant)
    lab.prove()


def test_l5_a_commit_that_is_late_in_the_network_is_waited_for(lab):
    """The worker loses its connection, and the COMMIT arrives after it has asked on a new one."""
    proxy = lab.postgres_proxy()
    lab.worker(postgres=proxy, ADMITONE_DATABASE_STATEMENT_TIMEOUT="2s")
    lab.traffic(8, 30)
    lab.drain()
    rule = proxy.rule("request", "commit", "delay", seconds=4.0)
    lab.traffic(9, 60)
    rule.wait_hit()
    lab.drain()
    lab.prove()


def test_l5_a_database_that_goes_away_while_a_worker_joins_is_asked_again(lab):
    proxy = lab.postgres_proxy()
    rule = proxy.rule("request", "commit", "cut", match=b"admitone.directory")
    lab.worker(postgres=proxy)
    assert rule.done == 1


# ---------------------------------------------------------------- L10

def test_l10_a_missing_verdict_is_caught(lab):
    lab.traffic(10, 200)
    lab.worker("mutant:verdict_row_skipped_for_duplicates")
    lab.settle()
    lab.refute("one_verdict")


def test_l10_a_damaged_batch_is_read_again_and_never_passed(lab):
    """Batches after it are whole and come with the same answer. The process reads the place again, or ends."""
    event = lab.event_id(1)
    for command in (lab.event(event), lab.hold(event, "damaged"), lab.hold(event, "after")):
        lab.send([command])
    proxy = lab.kafka_proxy()
    rule = proxy.rule("response", "Fetch", "damage", nth=0, match=b"hold-damaged")
    worker = lab.worker(kafka=proxy)
    until("it was read some times", lambda: rule.done >= 2, 30)
    assert b"cannot be read at offset 1" in worker.log.read_bytes()
    assert lab.verdicts() == {"applied": 1}, "nothing after the damage"
    proxy.rules.remove(rule.id)
    until("it has read on or ended", lambda: not worker.alive or not lab.installation.unfinished(), 60)
    if not worker.alive:
        lab.worker()
    lab.drain()
    lab.prove()


# ---------------------------------------------------------------- L11

@pytest.mark.parametrize("mutant", ["", "mutant:no_section_version"])
def test_l11_a_stale_section_is_read_again(lab, mutant):
    """Another writer has taken seats since this lane's owner last looked."""
    event = lab.event_id(1)
    lab.worker(mutant)
    lab.send([lab.event(event, seats=10), lab.hold(event, "a", 4)])
    lab.drain()
    schema = lab.installation.schema
    tables = [name for name, in lab.stack.sql(
        "select table_name from information_schema.columns where table_schema = %s and column_name = 'held' "
        "and table_name in (select table_name from information_schema.tables where table_type = 'BASE TABLE')", schema)]
    lab.stack.sql(f'update "{schema}"."{tables[0]}" set held = held + 5, row_version = row_version + 1')
    lab.send([lab.hold(event, "b", 1), lab.hold(event, "c", 3)])
    held = lambda: lab.installation.view("select held from {s}.section_capacity")[0][0]  # noqa: E731
    until("the lane has decided", lambda: lab.installation.lag() == 0, 30)
    codes = [code for code, in lab.installation.view("select code from {s}.outcome_log order by seq")]
    if mutant:
        assert codes[2:] != ["RESERVATION_HELD", "CAPACITY_EXHAUSTED"] or held() != 10
    else:
        assert codes[2:] == ["RESERVATION_HELD", "CAPACITY_EXHAUSTED"] and held() == 10
    lab.refute("capacity")  # the foreign write itself
