"""Topics that refuse, hang, are lost, made anew or made wider."""
from __future__ import annotations

import dataclasses
import itertools
import json
import re
import subprocess
import uuid

import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import NewTopic

from auditor.commands import partition_of
from auditor.kafka_reader import KafkaReader
from page import TENANT, until
from test_commands import set_topic

STRANGER = "33333333-3333-4333-8333-333333333333"


def outcomes_of(lab) -> dict[int, list]:
    """What the outcome topic holds: lane to its outcomes, wherever they stand."""
    found = KafkaReader(lab.stack.kafka).outcomes(lab.installation.outcomes)
    return {lane: [dataclasses.replace(one, offset=0) for one in outcomes] for lane, outcomes in found.items() if outcomes}


def sequences(lab) -> dict[int, list[int]]:
    return {lane: [outcome.seq for outcome in outcomes] for lane, outcomes in outcomes_of(lab).items()}


def make_again(lab, name, partitions, **config) -> None:
    """The topic is lost, and a new one has its name."""
    admin = lab.installation.admin
    admin.delete_topics([name], request_timeout=30)[name].result(60)
    until("it is gone", lambda: name not in admin.list_topics(timeout=10).topics, 30)

    def made() -> bool:
        try:
            admin.create_topics([NewTopic(name, partitions, 1, config=config)], request_timeout=30)[name].result(60)
        except KafkaException:
            return False  # its deletion is not over yet
        return True
    until("it is made anew", made, 30)
    until("it is known", lab.installation.has_topics, 30)


@pytest.mark.page("outcomes-unpublished")
def test_outcomes_that_brokers_do_not_take_wait_and_are_published_once(lab, page):
    proxy, event = lab.kafka_proxy(), lab.event_id(0)
    worker = lab.worker(kafka=proxy)
    lab.send([lab.event(event)])
    lab.drain()
    rule = proxy.rule("request", "EndTxn", "cut", nth=0)
    lab.send([lab.hold(event, f"h{n}") for n in range(10)])
    until("they are decided", lambda: lab.undecided() == 0, 60)
    assert page.lanes()["0"]["unpublished"] == 10
    until("their age grows", lambda: page.metric(worker, "admitone_unpublished_outcomes_age_seconds") > 2, 60)
    page.run("admitone topics check")
    proxy.release(rule)
    lab.drain()
    until("its age is over", lambda: page.metric(worker, "admitone_unpublished_outcomes_age_seconds") < 1, 60)
    assert sequences(lab) == {0: list(range(1, 12))}
    lab.rest()
    page.proves()


@pytest.mark.page("lane-stopped")
def test_a_lane_is_stopped_for_what_a_person_has_to_mend_and_goes_on_after_that(lab, page):
    event, other, outcomes = lab.event_id(0), lab.event_id(1), lab.installation.outcomes
    worker = lab.worker()
    lab.send([lab.event(event)])
    lab.drain()
    set_topic(lab, outcomes, "max.message.bytes", 100)
    names = itertools.count()
    # (The broker may learn of it a moment later.)
    until("its lane is stopped", lambda: page.metric(worker, "admitone_lanes_stopped") == 1 or lab.send(
        [lab.hold(event, f"large{next(names)}")]), 60)
    page.log_says(worker, "an outcome of … bytes is larger than the outcome topic takes")
    assert page.lanes()["0"]["unpublished"] > 0
    assert "max.message.bytes=100" in page.run("admitone topics check", code=3).stdout
    lab.rest()
    set_topic(lab, outcomes, "max.message.bytes", 2_000_000)
    worker = lab.worker()
    lab.drain()
    page.none_is_stopped(worker)
    lab.rest()
    # Led to another schema by mistake.
    elsewhere = {"ADMITONE_DATABASE_SCHEMA": lab.installation.schema + "_other"}
    lab.installation.run("migrate", "up", **elsewhere)
    try:
        worker = lab.worker(**elsewhere)
        page.stopped(worker)
        page.log_says(worker, "the group's position is … but the database has never seen this partition")
        lab.rest()
    finally:
        lab.stack.sql(f'drop schema "{elsewhere["ADMITONE_DATABASE_SCHEMA"]}" cascade')
    worker = lab.worker()
    lab.send([lab.hold(event, "b"), lab.event(other)])
    lab.drain()
    page.none_is_stopped(worker)
    found = sequences(lab)
    assert found == {0: list(range(1, next(names) + 3)), 1: [1]}, found
    page.over()


@pytest.mark.page("hanging-transaction")
def test_an_open_transaction_in_the_outcome_partition_is_ended_by_an_abort(lab, page):
    """That of a stranger, who stays silent: of a real one (KAFKA-20734) the coordinator would know nothing."""
    event, outcomes = lab.event_id(1), lab.installation.outcomes
    stranger = Producer({"bootstrap.servers": lab.stack.kafka, "transactional.id": f"stranger-{uuid.uuid4()}",
                         "transaction.timeout.ms": 900_000})
    stranger.init_transactions(30)
    stranger.begin_transaction()
    stranger.produce(outcomes, b"never", partition=1)
    assert stranger.flush(30) == 0
    worker = lab.worker(wait=False)  # it is ready after a minute
    lab.send([lab.event(event), lab.hold(event, "a"), lab.event(lab.event_id(0))])
    page.log_says(worker, "not open for publishing yet, waiting for an open Kafka transaction in the outcome partition to end")
    until("all is decided", lambda: lab.undecided() == 0, 60)
    until("the other lane publishes", lambda: sequences(lab).get(0) == [1], 60)
    until("it has waited", lambda: page.metric(worker, "admitone_unpublished_outcomes_age_seconds", lane="1") > 1, 60)
    here = {"HOST:PORT": lab.stack.kafka, "OUTCOME_TOPIC": outcomes, "N": "1"}
    prefix = "kafka-transactions.sh --bootstrap-server HOST:PORT "
    hanging = page.kafka(prefix + "find-hanging --topic OUTCOME_TOPIC --partition N --max-transaction-timeout 1", here)
    assert outcomes not in hanging, "the coordinator knows it"
    open_ones = page.kafka(prefix + "describe-producers --topic OUTCOME_TOPIC --partition N", here)
    rows = [line.split() for line in open_ones.splitlines() if line.strip()]
    column = rows[0].index(page.says("CurrentTransactionStartOffset"))
    (start,) = {row[column] for row in rows[1:]} - {"None"}
    page.kafka(prefix + "abort --topic OUTCOME_TOPIC --partition N --start-offset OFFSET", {**here, "OFFSET": start})
    page.says("the worker says `open for publishing`")
    until("it says so", lambda: re.search("(?<!not )open for publishing", worker.log.read_text()), 60)
    until("it is published", lambda: sequences(lab).get(1) == [1, 2], 60)
    lab.drain()
    until("its age is over", lambda: page.metric(worker, "admitone_unpublished_outcomes_age_seconds", lane="1") < 1, 60)
    page.over()


def lose_the_outcomes(lab, page) -> None:
    """The topic is gone; the page's own command makes it anew."""
    outcomes, admin = lab.installation.outcomes, lab.installation.admin
    admin.delete_topics([outcomes], request_timeout=30)[outcomes].result(60)
    until("it is gone", lambda: outcomes not in admin.list_topics(timeout=10).topics, 30)
    until("it can be made", lambda: page.run("admitone topics create", code=None).returncode == 0, 30)


@pytest.mark.page("lost-outcome-topic")
def test_a_lost_outcome_topic_is_filled_again_from_the_ledger(lab, page):
    events = [lab.event_id(0), lab.event_id(1)]
    lab.worker()
    # Copies have their answers from other rows of the ledger.
    lab.send([lab.event(event) for event in events] +
             [command for n in range(50) for event in events for command in 2 * [lab.hold(event, f"{event}-{n}")]])
    lab.drain()
    lab.rest()
    before = sequences(lab)
    lose_the_outcomes(lab, page)
    worker = lab.worker()
    page.stopped(worker, lanes=2)
    page.log_says(worker, "the outcome log ends at offset …")
    lab.rest()
    page.run("admitone topics check", code=None)
    assert page.sql("OWNER_")[-2:] == ["UPDATE 4", "COMMIT"]
    worker = lab.worker()
    lab.send([lab.hold(events[0], "after")])
    lab.drain()
    page.none_is_stopped(worker)
    assert sequences(lab) == {**before, 0: [*before[0], before[0][-1] + 1]}
    lab.rest()
    assert all(row["out_seq"] == row["published"] for row in page.lanes().values()), page.lanes()
    page.proves()
    lab.prove()


@pytest.mark.page("lost-outcome-topic")
def test_a_new_outcome_topic_may_begin_where_the_lost_one_ended(lab, page):
    event, outcomes = lab.event_id(0), lab.installation.outcomes
    lab.worker()
    lab.send([lab.event(event)] + [lab.hold(event, f"h{n}") for n in range(9)])
    lab.drain()
    lab.rest()
    make_again(lab, outcomes, lab.partitions, **{"retention.ms": str(14 * 86_400_000), "max.message.bytes": "2000000"})
    assert page.sql("OWNER_", number=1)[-1] == "UPDATE 4"
    worker = lab.worker()
    lab.send([lab.hold(event, "after")])
    lab.drain()
    page.none_is_stopped(worker)
    assert sequences(lab)[0] == [11]
    lab.rest()
    assert lab.installation.run("doctor", "--invariants").returncode == 0
    audit = page.ask("admitone audit", code=3)
    refuted = [check for check in audit["checks"] if check["violations"]]
    assert {check["check"] for check in refuted} == {"sequences", "outcome log"}, refuted
    assert [found["what"] for found in refuted[0]["evidence"]] == [page.says("gap: … follows 0").replace("…", "11")]
    gone = {found["what"].partition(" is ")[2] for found in refuted[1]["evidence"]}
    assert gone == {page.says("published and not in the topic")}


@pytest.mark.page("recreated-topic")
def test_a_home_topic_that_was_made_again_begins_behind_what_was_decided(lab, page):
    event, home = lab.event_id(3), lab.installation.home
    other = lab.event_id(0)
    lab.worker()
    lab.send([lab.event(event), lab.hold(event, "a"), lab.event(other)])
    lab.drain()
    lab.rest()
    make_again(lab, home, lab.partitions, **lab.installation.of_commands)
    worker = lab.worker(wait=False)
    lab.until_dead(worker)
    assert page.says("the topic was re-created or truncated") in worker.last_words()
    rows = [line.split("|") for line in page.sql("READER_")[1:]]
    positions = {int(lane): int(following) for topic, lane, following in rows if topic == home and following not in ("", "0")}
    assert positions == {0: 1, 3: 2}, rows
    for lane, at in positions.items():
        fill = page.block("sh", {"HOST:PORT": lab.stack.kafka, "ticketing.commands": home, "-p 3": f"-p {lane}", "4711": str(at)})
        subprocess.run(["bash", "-c", fill], check=True, timeout=60)
    asked = json.loads(page.block("json", {"ticketing.commands": home}))
    asked["partitions"] = [{**asked["partitions"][0], "partition": lane, "offset": at} for lane, at in positions.items()]
    file = lab.installation.logs / "positions.json"
    file.write_text(json.dumps(asked))
    page.kafka("kafka-delete-records.sh --bootstrap-server HOST:PORT --offset-json-file positions.json",
               {"HOST:PORT": lab.stack.kafka, "positions.json": file})
    for lane, at in positions.items():
        row = page.lanes()[str(lane)]
        assert (row["next"], row["end"], row["lag"]) == (at, at, 0), row
    worker = lab.worker()
    lab.send([lab.hold(event, "a"), lab.hold(event, "b"), lab.hold(other, "c")])
    until("they are decided", lambda: {row["lag"] for row in page.lanes().values()} == {0}, 60)
    until("and published", lambda: sequences(lab) == {3: [1, 2, 3, 4], 0: [1, 2]}, 60)
    page.none_is_stopped(worker)
    assert lab.verdicts() == {"applied": 5, "duplicate": 1}, "keys are known as before"
    lab.rest()
    page.proves()


@pytest.mark.page("recreated-topic")
def test_another_command_topic_that_was_made_again_comes_back_under_another_name(lab, page):
    event, second = lab.event_id(0), lab.installation.second
    lab.worker()
    lab.traffic(74, 60)
    lab.drain()
    lab.rest()
    lab.make_second_topic_again()
    worker = lab.worker(wait=False)
    lab.until_dead(worker)
    assert page.says("the topic was re-created or truncated") in worker.last_words()
    renamed = second + ".again"
    admin = lab.installation.admin
    admin.create_topics([NewTopic(renamed, 2, 1, config=lab.installation.of_commands)], request_timeout=30)[renamed].result(60)
    until("it is known", lambda: renamed in admin.list_topics(timeout=10).topics, 30)
    lab.installation.second = renamed
    environment = lab.installation.env
    environment["ADMITONE_KAFKA_COMMAND_TOPICS"] = f"{lab.installation.home},{renamed}"
    environment["ADMITONE_KAFKA_TOPIC_TENANTS"] = f"{{{second}: [{TENANT}]}}"
    worker = lab.worker(wait=False)
    lab.until_dead(worker)
    assert page.says("is no command topic") in worker.last_words()
    environment["ADMITONE_KAFKA_TOPIC_TENANTS"] = f"{{{renamed}: [{TENANT}]}}"
    lab.worker()
    producer = Producer({"bootstrap.servers": lab.stack.kafka})
    stranger = lab.event_id(0)
    for tenant, (short, key, data) in ((STRANGER, lab.event(stranger)), (TENANT, lab.event(event))):
        producer.produce(renamed, json.dumps(data), data["eventId"], headers=[
            ("ce_id", key), ("ce_source", "/lab"), ("ce_specversion", "1.0"), ("ce_type", f"ticketing.{short}.v1"),
            ("ce_tenantid", tenant), ("ce_idempotencykey", key), ("content-type", "application/json")])
    assert producer.flush(30) == 0
    until("what comes by it is decided", lambda: lab.installation.view(
        "select count(*) from {s}.event_log where event_id = %s", event) == [(1,)], 60)
    until("and published", lambda: lab.installation.lag() == 0, 60)
    assert lab.installation.view("select count(*) from {s}.event_log where event_id = %s", stranger) == [(0,)]
    assert lab.installation.view("select code from {s}.outcome_log where tenant_id = %s", STRANGER) == [("TENANT_FORBIDDEN",)]
    lab.rest()
    admin.delete_topics([second], request_timeout=30)[second].result(60)
    page.proves()


@pytest.mark.page("more-partitions")
def test_events_go_on_in_their_new_lanes(lab, page):
    events = [lab.event_id(n % 4) for n in range(12)]
    worker = lab.worker()
    lab.send([lab.event(event, 10) for event in events] + [lab.hold(event, f"{event}-a") for event in events] +
             [lab.hold(event, f"{event}-b", holdSeconds=15) for event in events])
    lab.drain()
    assert page.metric(worker, "admitone_parked_commands") == 0
    assert page.ask("admitone sagas list") == []
    assert {row["lag"] for row in page.lanes().values()} == {0}
    lab.rest()
    assert page.psql("READER_", f'set search_path to "{lab.installation.schema}"; ' + page.says(
        "select count(*) from command_log where status = 'in_progress'"))[1:] == ["0"]
    for topic in (lab.installation.home, lab.installation.outcomes):
        page.kafka("kafka-topics.sh --bootstrap-server HOST:PORT --alter --topic ticketing.commands --partitions 24",
                   {"--partitions 24": "--partitions 7", "ticketing.commands": topic, "HOST:PORT": lab.stack.kafka})
    lab.installation.partitions = lab.partitions = 7
    lab.installation.env["ADMITONE_KAFKA_PARTITIONS"] = "7"
    until("they are known", lab.installation.has_topics, 30)
    worker = lab.worker(wait=False)
    lab.until_dead(worker)
    assert page.says("home topic's partition count is") in worker.last_words()
    said = page.sql("OWNER_", {"event_id, 24)": "event_id, 7)", "count = 24": "count = 7"})
    assert said[-2:] == ["UPDATE 1", "COMMIT"], said
    lanes = dict(lab.installation.view("select event_id::text, lane from {s}.event_log"))
    assert lanes == {event: partition_of(event, 7) for event in events}
    worker = lab.worker()
    until("all lanes are taken", lambda: page.metric(worker, "admitone_lanes_owned") == 7 + 2, 60)
    moved = {event for event in events if partition_of(event, 7) != partition_of(event, 4)}
    planned = page.ask("admitone replay --mode re-emit")
    assert moved and sum(row["records"] for row in planned if row["result"] == page.says("misplaced")) >= 3 * len(moved), planned
    # Known keys, what was held before, and holds that run out in the lane where they are now.
    lab.send([lab.hold(event, f"{event}-a") for event in events] + [lab.confirm(event, f"{event}-a") for event in events] +
             [lab.hold(event, f"{event}-c") for event in events] +
             [("event.cancel", f"cancel-{event}", {"eventId": event, "reason": "rain"}) for event in events[:3]])
    lab.drain()
    short = "select count(*) from {s}.reservation_log where status = 'held' and expires_at < now() + interval '1 minute'"
    until("short holds are over", lambda: lab.installation.view(short) == [(0,)], 60)
    lab.drain()
    statuses = dict(lab.installation.view("select status, count(*) from {s}.reservation_log group by status"))
    assert statuses["confirmed"] == 9 and statuses["cancelled"] == 3 and statuses["held"] == 9, statuses
    assert lab.verdicts()["duplicate"] == 12
    page.none_is_stopped(worker)
    page.over()
