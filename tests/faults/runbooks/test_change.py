"""An older database, another release, and what is kept of a person."""
from __future__ import annotations

import subprocess
import threading

import pytest
from confluent_kafka import TopicPartition

from auditor.kafka_reader import KafkaReader
from page import TENANT, sampled, until

KEEPING = ["pg_dump", "--format=custom"]


def backup(lab, file) -> None:
    """By a role that sees all rows, as docs/operators.md says of dumps."""
    subprocess.run([*KEEPING, "-n", lab.installation.schema, "-f", file, lab.stack.superuser], check=True, timeout=60)


def restore(lab, file) -> None:
    lab.stack.sql(f'drop schema "{lab.installation.schema}" cascade')
    subprocess.run(["pg_restore", "--exit-on-error", "-d", lab.stack.superuser, file], check=True, timeout=60)


@pytest.mark.page("replay")
def test_lanes_stop_at_an_older_database_and_go_on_with_the_newest(lab, page, tmp_path):
    event = lab.event_id(0)
    lab.worker()
    lab.send([lab.event(event)] + [lab.hold(event, f"h{n}") for n in range(10)])
    lab.drain()
    lab.rest()
    backup(lab, tmp_path / "older")
    lab.worker()
    lab.send([lab.hold(event, f"later{n}") for n in range(10)])
    lab.drain()
    lab.rest()
    backup(lab, tmp_path / "newest")
    restore(lab, tmp_path / "older")
    worker = lab.worker()
    until("the lane is stopped", lambda: sampled(worker, "admitone_lanes_stopped") == 1, 60)
    page.log_says(worker, "the group's position … is beyond the database's …")
    page.says("Stop all workers, and do not start them again to see whether it helps")
    lab.rest()
    page.says("Restore a newer database: with its write-ahead log up to the end it is as new as the log, and lanes go on")
    restore(lab, tmp_path / "newest")
    worker = lab.worker()
    lab.send([lab.hold(event, f"after{n}") for n in range(10)])
    lab.drain()
    assert sampled(worker, "admitone_lanes_stopped") == 0
    assert {row["lag"] for row in page.lanes().values()} == {0}
    lab.rest()
    page.proves()
    lab.prove()


def in_background(work) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


@pytest.mark.page("../upgrades")
def test_workers_of_the_release_before_run_on_the_next_schema_and_are_replaced_one_by_one(lab, page):
    """This program stands for the release before: the next one's migration is an addition made up here."""
    first = [lab.worker(), lab.worker()]
    sending = in_background(lambda: lab.traffic(90, 600, pace=120))
    until("they are at work", lambda: lab.verdicts(), 60)
    schema = lab.installation.schema
    page.psql("OWNER_", f"""set search_path to "{schema}"; alter table events add column of_next_release text;
        insert into schema_migrations (version, name, checksum)
          select max(version) + 1, 'of_next_release', '' from schema_migrations;""")
    for worker in first:
        lab.worker()
        assert worker.end() == 0
    sending.join(120)
    assert not sending.is_alive()
    lab.drain()
    # Before one goes back: nothing that only one of them knows.
    query = page.says("select count(*) from parked_log where copy")
    assert page.psql("READER_", f'set search_path to "{schema}"; {query}')[1:] == ["0"]
    assert {row["lag"] for row in page.ask("admitone lanes")} == {0}
    lab.prove()
    # A schema that says that it is too new for it is another matter.
    page.psql("OWNER_", f"""set search_path to "{schema}";
        update deployment set compatible_from = (select max(version) from schema_migrations);""")
    worker = lab.worker(wait=False)
    lab.until_dead(worker)
    assert "the schema is too new" in worker.last_words()


@pytest.mark.page("personal-data")
def test_what_names_a_person_is_found_and_taken_out(lab, page):
    event, over, outcomes = lab.event_id(3), lab.event_id(3), lab.installation.outcomes
    name, schema = "jane.doe", lab.installation.schema
    lab.worker()
    named = [(short, key, {**data, "metadata": {"host": name}, "description": f"by {name}"})
             for short, key, data in (lab.event(event), lab.event(over))]
    lab.send([*named, lab.hold(event, "hers", customerId=name), lab.hold(event, "another"), lab.hold(over, "ends"),
              lab.confirm(event, "another"), ("event.cancel", "over", {"eventId": over, "reason": f"{name} is ill"})])
    lab.drain()
    done = lab.installation.run("replay", "--mode", "re-emit", "--partition", "3", "--yes", "--reason", f"asked for by {name}")
    assert done.returncode == 0, done.stderr
    lab.drain()
    found = [row.split("|") for row in page.sql("READER_", {"c-4711": name})[1:]]
    hers, ended = ([row for row in found if row[2] == at] for at in (event, over))
    assert [row[4] for row in hers] == [name] and [row[7] for row in ended] == [f"{name} is ill"], found
    ((_, action, _, _, _, reason),) = [row for row in found if row[2] == "applied"]
    assert reason == f"asked for by {name}"
    look = {"'%c-4711%'": f"'%{name}%'"}
    rows = [row.split("|")[:3] for row in page.sql("OWNER_", look, number=1)[2:]]
    assert sorted(rows) == sorted([[TENANT, event, "on_sale"], [TENANT, over, "cancelled"]]), rows
    # The words of an event that is on sale are their producer's to change.
    page.says("ticketing.event.update.v1")
    lab.send([("event.update", "forget", {"eventId": event, "expectedVersion": 1, "metadata": {}, "description": "by a friend"})])
    lab.drain()
    lab.rest()
    said = page.sql("OWNER_", {
        "c-4711": name, "4c6f7cbf-58db-457f-9dbe-69e0ae9bb859": TENANT, "00000000-0000-4000-8000-000000000001": ended[0][1],
        "00000000-0000-4000-8000-000000000002": over, "00000000-0000-4000-8000-000000000003": action}, number=2)
    assert said[-5:] == 4 * ["UPDATE 1"] + ["COMMIT"], said
    assert page.sql("READER_", {"c-4711": name})[1:] == []
    assert page.sql("OWNER_", look, number=1)[2:] == []
    assert lab.stack.sql(f"""select cancel_reason from "{schema}".events where status = 5""") == [("removed is ill",)]
    # What the ledger tells of it names nobody any more.
    assert name not in page.run("admitone inspect", over).stdout
    # The reservations themselves are as they were.
    lab.worker()
    lab.send([lab.confirm(event, "hers")])
    lab.drain()
    statuses = "select status, count(*) from {s}.reservation_log group by status"
    assert dict(lab.installation.view(statuses)) == {"confirmed": 2, "released": 1}
    page.over()
    # What the topics still have goes with their retention.
    page.says("kafka.command_retention")
    ends = lab.installation.ends()
    asked = [TopicPartition(topic, partition, end) for (topic, partition), end in ends.items() if end]
    for done in lab.installation.admin.delete_records(asked, request_timeout=15).values():
        done.result(30)
    assert KafkaReader(lab.stack.kafka).outcomes(outcomes)[3], "outcomes go later"
