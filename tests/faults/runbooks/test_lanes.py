"""Lanes that nobody works on, each with its fault, and the end that its page promises."""
from __future__ import annotations

import pathlib
import re
import struct

import pytest
from confluent_kafka import TopicPartition

from page import Page, sampled, until

ALL_LANES = 4 + 2  # of the home topic and of the second one


def own_all(*workers) -> bool:
    return sum(sampled(worker, "admitone_lanes_owned") for worker in workers) == ALL_LANES


@pytest.mark.page("no-workers")
def test_a_worker_that_may_not_start_says_why_and_starts_after_that(lab, page):
    lab.stack.sql(f'drop schema "{lab.installation.schema}" cascade')
    worker = lab.worker(wait=False)
    lab.until_dead(worker)
    assert page.says("admitone migrate up") in worker.last_words()
    assert "migrate up" in page.run("admitone doctor", code=3).stdout
    page.run("admitone migrate up")
    assert "migrate up" not in lab.installation.run("doctor").stdout
    short = {"ADMITONE_IDEMPOTENCY_COMPLETED_TTL": "2d"}
    worker = lab.worker(wait=False, **short)
    lab.until_dead(worker)
    said = page.run("admitone config check", code=3, **short)
    assert "idempotency.completed_ttl" in said.stdout + said.stderr
    assert "idempotency.completed_ttl" in worker.last_words()
    worker = lab.worker()
    assert page.metric(worker, "admitone_build_info") == 1
    until("it has all lanes", lambda: own_all(worker), 60)


@pytest.mark.page("deleted-records")
def test_records_that_were_deleted_are_given_up_by_the_pages_own_statement(lab, page):
    event, home = lab.event_id(3), lab.installation.home
    lab.send([lab.event(event), lab.hold(event, "a")])
    lab.worker()
    lab.drain()
    lab.rest()
    lab.send([lab.hold(event, f"lost{n}") for n in range(5)] + [lab.hold(event, "kept")])
    asked = TopicPartition(home, 3, 7)
    lab.installation.admin.delete_records([asked], request_timeout=15)[asked].result(30)
    worker = lab.worker()
    page.stopped(worker)
    page.log_says(worker, "were deleted before they were consumed")
    assert "records 2 to 6 were deleted" in worker.log.read_text()
    stands = page.lanes()["3"]
    assert (stands["next"], stands["end"]) == (2, 8)
    page.run("admitone topics check", code=None)
    # The page that leads there.
    stopped = Page(lab, "lane-stopped")
    assert stopped.lanes()["3"] == stands
    stopped.says("`records … were deleted before they were consumed` | [deleted-records.md](deleted-records.md)")
    lab.rest()
    swaps = {"'ticketing.commands'": f"'{home}'", "5001": "7", "4711": "2"}
    assert page.sql("OWNER_", swaps) == ["SET", "2", page.says("UPDATE 1")]
    assert page.sql("OWNER_", swaps) == ["SET", "7", page.says("UPDATE 0")]
    worker = lab.worker()
    until("the rest is decided", lambda: page.lanes()["3"]["lag"] == 0, 60)
    page.none_is_stopped(worker)
    lab.rest()
    page.proves()


def batches(segment: pathlib.Path) -> list[tuple[int, int, int, int]]:
    """First and last offset of each batch in a segment of Kafka's log, and where it begins and ends in the file."""
    data, at, found = segment.read_bytes(), 0, []
    while at + 61 <= len(data):
        first, length = struct.unpack_from(">qi", data, at)
        if length <= 0:
            break
        last = first + struct.unpack_from(">i", data, at + 23)[0]
        found.append((first, last, at, at + 12 + length))
        at += 12 + length
    return found


@pytest.mark.page("damaged-log")
def test_what_stands_behind_a_damaged_batch_is_decided_in_the_end(lab, page):
    event, other, home = lab.event_id(3), lab.event_id(1), lab.installation.home
    data = pathlib.Path(lab.stack.env["ADMITONE_STACK_DIR"], "kafka/data")
    if not data.is_dir():
        pytest.skip("the broker is not ours to damage")
    lab.send([lab.event(event), lab.hold(event, "a")])
    lab.worker()
    lab.drain()
    lab.rest()
    lab.send([lab.hold(event, f"lost{n}") for n in range(3)])
    segment = data / f"{home}-3/{0:020}.log"
    first, last, _, end = batches(segment)[-1]
    lab.send([lab.hold(event, f"kept{n}") for n in range(3)])
    with open(segment, "r+b") as file:
        file.seek(end - 1)
        byte = file.read(1)[0]
        file.seek(end - 1)
        file.write(bytes([byte ^ 0xFF]))
    worker = lab.worker()
    page.log_says(worker, "the log cannot be read at offset", "failed CRC32C check (…) (_BAD_MSG)")
    lab.send([lab.event(other)])

    def other_lanes_go_on() -> bool:
        if not lab.workers[-1].alive:
            lab.worker(wait=False)  # the successor of one that had to start again
        return lab.installation.view("select count(*) from {s}.outcome_log where partition = 1 and published") == [(1,)]
    until("the other lanes go on", other_lanes_go_on, 60)
    told = page.kafka("kafka-dump-log.sh --deep-iteration --files SEGMENT", {"SEGMENT": segment}, code=None)
    damaged = re.search(r"baseOffset: (\d+) lastOffset: (\d+) .*" + page.says("isvalid: false"), told)
    assert damaged, told
    assert (int(damaged.group(1)), int(damaged.group(2))) == (first, last)
    lab.rest()
    stands = page.lanes()["3"]["next"]
    swaps = {"'ticketing.commands'": f"'{home}'", "4720": str(last + 1), "4711": str(stands)}
    assert page.sql("OWNER_", swaps) == ["SET", str(stands), page.says("UPDATE 1")]
    page.run("admitone replay --move-group --partition 3 --yes --reason 'damaged batch'")
    worker = lab.worker()
    until("the lag falls", lambda: page.lanes()["3"]["lag"] == 0, 60)
    assert "cannot be read at offset" not in worker.log.read_text()
    kept = lab.installation.view("select count(*) from {s}.command_log where idempotency_key like 'hold-kept%%'")
    assert kept == [(3,)]


@pytest.mark.page("lanes-not-taken")
def test_lanes_are_taken_when_the_right_that_lacked_is_there(lab, page):
    event, schema = lab.event_id(2), lab.installation.schema
    lab.worker()
    lab.send([lab.event(event)])
    lab.drain()
    lab.rest()
    lab.stack.sql(f'revoke update on "{schema}".partition_progress from admitone_worker')
    lab.send([lab.hold(event, f"h{n}") for n in range(10)])
    worker = lab.worker(wait=False)
    until("lanes wait", lambda: page.metric(worker, "admitone_lanes_waiting") > 0, 60)
    page.log_says(worker, "lanes cannot be taken yet: …", "ermission denied")
    assert page.lanes()["2"]["lag"] == 10
    page.run("admitone doctor", code=None)
    page.run("admitone topics check")
    page.psql("OWNER_", page.swapped(page.says("grant select, insert, update on admitone.partition_progress to admitone_worker"),
                                     {"admitone.": f'"{schema}".'}))
    until("all are taken", lambda: page.metric(worker, "admitone_lanes_waiting") == 0 and own_all(worker), 60)
    page.over()


@pytest.mark.page("lanes-fenced")
def test_a_worker_that_was_taken_for_dead_is_fenced_and_nothing_has_to_be_repaired(lab, page):
    # Its transaction has to be there still when it goes on: it is the fence that is looked at.
    victim = lab.worker("unit.before_fence=stop@2", ADMITONE_DATABASE_IDLE_IN_TRANSACTION_TIMEOUT="10m")
    event = lab.event_id(0)
    lab.send([lab.event(event)])
    before = {}

    def next_unit_is_under_way() -> bool:
        lab.send([lab.hold(event, f"h{len(before)}")])
        before[len(before)] = True
        return pathlib.Path(f"/proc/{victim.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    until("it stands still in a unit", next_unit_is_under_way, 60)
    epochs = {lane: row["epoch"] for lane, row in page.lanes().items()}
    successor = lab.worker()
    lab.drain()
    assert page.lanes()["0"]["epoch"] > epochs["0"]
    victim.thaw()
    until("it is refused", lambda: page.metric(victim, "admitone_epoch_fences_total") >= 1, 60)
    until("it has learnt what it lost", lambda: page.metric(victim, "admitone_rebalances_total", kind="lost") >= 1, 60)
    # What is owned is told once a second: the one that took all of them may not have told yet that it gave some back.
    until("the group comes to rest", lambda: own_all(victim, successor) and min(
        sampled(worker, "admitone_lanes_owned") for worker in (victim, successor)) > 0, 60)
    until("nothing moves any more", lambda: len({
        repr((page.lanes(), page.metric(victim, "admitone_epoch_fences_total"))) for _ in range(2)}) == 1, 60)
    page.over()


@pytest.mark.page("lag")
def test_lag_is_seen_where_it_is_and_falls_by_itself_after_an_outage(lab, page):
    proxy, event = lab.postgres_proxy(), lab.event_id(0)
    worker = lab.worker(postgres=proxy)
    lab.send([lab.event(event)])
    lab.drain()
    proxy.freeze(True)
    lab.send([lab.hold(event, f"h{n}") for n in range(50)])
    until("they wait", lambda: page.metric(worker, "admitone_lag_records") == 50, 60)
    assert {lane: row["lag"] for lane, row in page.lanes().items()} == {"0": 50, "1": 0, "2": 0, "3": 0}
    until("for a second already", lambda: page.metric(worker, "admitone_lag_seconds") > 1, 60)
    assert sampled(worker, "admitone_lanes_stopped") == 0
    proxy.freeze(False)
    until("they are decided", lambda: page.metric(worker, "admitone_lag_records") == 0, 60)
    until("and nothing waits", lambda: page.metric(worker, "admitone_lag_seconds") < 1, 60)
    lab.drain()
    lab.rest()
    done = page.run("admitone lanes")
    assert "no worker runs in the group" in done.stderr
    page.over()
