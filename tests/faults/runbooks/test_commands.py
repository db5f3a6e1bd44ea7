"""Commands that should not have come, or whose time has come and who are not sent: what is looked at, and what ends it."""
from __future__ import annotations

import pytest
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from page import TENANT, Page, until


def set_topic(lab, topic, name, value):
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[
        ConfigEntry(name, str(value), incremental_operation=AlterConfigOpType.SET)])
    lab.installation.admin.incremental_alter_configs([resource], request_timeout=15)[resource].result(30)


@pytest.mark.page("mismatches")
def test_a_key_that_is_used_again_is_found_with_both_commands(lab, page):
    event, home = lab.event_id(0), lab.installation.home
    short, key, data = lab.hold(event, "a")
    worker = lab.worker()
    lab.send([lab.event(event), (short, key, data), (short, key, {**data, "customerId": "another"})])
    lab.drain()
    query = page.says("select * from record_ledger where verdict = 'mismatch' order by decided_at desc limit 20")
    (row,) = page.psql("READER_", f'set search_path to "{lab.installation.schema}"; {query}')[1:]
    assert row.startswith(f"{home}|0|2|mismatch|"), row
    told = page.run("admitone inspect TOPIC/PARTITION/OFFSET", swaps={"TOPIC/PARTITION/OFFSET": f"{home}/0/2"}).stdout
    assert page.says("IDEMPOTENCY_KEY_REUSED") in told, told
    assert "RESERVATION_HELD" in lab.installation.run("inspect", key).stdout, "the first answer stays"
    # The refused one, with a key of its own.
    lab.send([(short, "its-own", {**data, "customerId": "another", "reservationId": lab.event_id(1)})])
    lab.drain()
    assert lab.verdicts() == {"applied": 3, "mismatch": 1} and worker.alive
    page.over()


@pytest.mark.page("duplicate-anomaly")
def test_duplicates_are_told_by_their_layer_and_their_sender(lab, page):
    event = lab.event_id(0)
    worker = lab.worker()
    lab.send([lab.event(event)] + 20 * [lab.hold(event, "again")] + [lab.hold(event, "once")])
    lab.drain()
    assert page.metric(worker, "admitone_idempotency_duplicates_total", layer=page.says("explicit")) == 19
    assert page.metric(worker, 'admitone_records_total', verdict="redelivered") == 0
    types = [row["command_type"] for row in page.ask("admitone keys list --limit 100")]
    assert sorted(types) == ["ticketing.event.create.v1"] + 2 * ["ticketing.reservation.create.v1"]
    assert lab.installation.view("select held from {s}.section_capacity") == [(2,)], "they change nothing"
    before = page.metric(worker, "admitone_idempotency_duplicates_total")
    lab.send([lab.hold(event, f"h{n}") for n in range(10)])
    lab.drain()
    assert page.metric(worker, "admitone_idempotency_duplicates_total") == before, "the share is back"
    page.over()


@pytest.mark.page("dead-letters")
def test_dead_letters_are_shown_and_sent_again_by_the_pages_own_commands(lab, page):
    """All results of a redrive: tests/integration/app/dead_letters_stacktest.py."""
    event, home = lab.event_id(3), lab.installation.home
    narrow = lab.worker(ADMITONE_LIMITS_MAX_HEADER_BYTES="1024")
    lab.send([lab.event(event), ("", event, b"{ not json")])
    lab.send([lab.hold(event, "large0"), lab.hold(event, "large1")], [("x-filler", "x" * 2000)])
    lab.drain()
    found = {row["reason"]: row["letters"] for row in page.ask("admitone dead-letters list")}
    assert found == {page.says("undecodable"): 1, page.says("limit"): 2}, found
    (bad,) = page.ask("admitone dead-letters list --reason undecodable")
    shown = page.ask("admitone dead-letters show TOPIC/PARTITION/OFFSET",
                     swaps={"TOPIC/PARTITION/OFFSET": bad["position"]})
    assert shown["dead_letter"], shown
    narrow.end()
    # The cause is mended: this one takes more.
    lab.worker()
    both = {"ticketing.commands/3/120": f"{home}/3/2", "ticketing.commands/3/121": f"{home}/3/3"}
    command = "admitone dead-letters redrive ticketing.commands/3/120 ticketing.commands/3/121"
    planned = page.ask(command, swaps=both)
    assert [row["result"] for row in planned] == 2 * [page.says("would be sent")]
    page.says("with `--yes --reason TEXT`")
    sent = page.ask(command, "--yes", "--reason", "the limit was too narrow", "--wait", swaps=both)
    assert [row["result"] for row in sent] == 2 * [page.says("redriven")]
    assert page.ask("admitone dead-letters redrive --reason-code processing_failed", code=4) == []
    of_tenant = page.ask("admitone dead-letters redrive --tenant 4c6f7cbf-58db-457f-9dbe-69e0ae9bb859 --limit 100",
                         swaps={"4c6f7cbf-58db-457f-9dbe-69e0ae9bb859": TENANT})
    assert [row["result"] for row in of_tenant] == 2 * ["redriven"]
    assert lab.installation.view("select count(*) from {s}.reservation_log where status = 'held'") == [(2,)]
    assert lab.installation.view("select state, result from {s}.operator_log") == [("applied", "2 of 2 sent")]
    page.over()


@pytest.mark.page("timer-stuck")
def test_holds_that_cannot_be_ended_are_ended_when_the_broker_takes_them(lab, page):
    """Also what docs/runbooks/expiry-late.md says of holds that are overdue."""
    late = Page(lab, "expiry-late")
    event, home = lab.event_id(0), lab.installation.home
    worker = lab.worker()
    lab.send([lab.event(event)])
    lab.drain()
    lab.send([lab.hold(event, f"h{n}", holdSeconds=6) for n in range(10)])
    until("they are held", lambda: lab.installation.view("select held from {s}.section_capacity") == [(10,)], 60)
    set_topic(lab, home, "max.message.bytes", 100)
    until("none can be sent", lambda: late.metric(worker, "admitone_timers_total", result="failed") > 0, 60)
    until("for three intervals", lambda: page.metric(worker, "admitone_timers_total", result="stuck") > 0, 90)
    for one in (page, late):
        assert [row["due"] for row in one.ask("admitone timers list")["holds"]] == 10 * [True]
    told = page.run("admitone topics check", code=3).stdout
    assert "max.message.bytes=100" in told, told
    set_topic(lab, home, "max.message.bytes", 2_000_000)
    late.run("admitone timers run")
    page.run("admitone timers run --yes --reason 'after the outage'", code=None)
    until("all are ended", lambda: page.metric(worker, "admitone_timers_total", result="released") == 10, 60)
    for one in (page, late):
        assert one.ask("admitone timers list")["holds"] == []
    assert lab.installation.view("select held from {s}.section_capacity") == [(0,)]
    page.over()


@pytest.mark.page("replay")
def test_outcomes_are_given_again_by_the_pages_own_commands(lab, page):
    """What a replay refuses and how it goes on: tests/integration/app/replay_stacktest.py; into an empty database:
    tests/faults/laws/test_replay.py."""
    event = lab.event_id(3)
    lab.worker()
    lab.send([lab.event(event)] + [lab.hold(event, f"h{n}") for n in range(9)])
    lab.drain()
    days = {"2026-11-20T10:00:00Z": "2020-01-01T00:00:00Z"}
    whole = {**days, "2026-11-20T12:00:00Z": "2099-01-01T00:00:00Z"}
    found = page.ask("admitone replay --since 2026-11-20T10:00:00Z --until 2026-11-20T12:00:00Z", swaps=whole)
    assert sum(row["records"] for row in found) == 10
    found = page.ask("admitone replay --partition 3 --from 120 --to 480", swaps={"120": "1", "480": "5"})
    assert sum(row["records"] for row in found) in (4, 5), found
    again = "admitone replay --mode re-emit --since 2026-11-20T10:00:00Z --rate 200"
    assert {row["result"] for row in page.ask(again, swaps=days)} == {"given again"}
    page.run(again + " --yes --reason 'lost by the mailer'", swaps=days)
    count = "select count(*), count(distinct outcome_id) from {s}.outcome_log"
    until("they are there again", lambda: lab.installation.view(count) == [(20, 10)], 60)
    page.over()
    # The positions of the group are lost.
    lab.installation.rewind()
    assert "nothing was done" in page.run("admitone replay --move-group").stderr
    page.run("admitone replay --move-group --yes --reason 'positions were lost'")
    lab.worker()
    lab.drain()
    assert {row["lag"] for row in page.lanes().values()} == {0}
    assert lab.installation.view(count) == [(20, 10)]
    lab.rest()
    page.proves()
