"""Servers and services around a worker that are away, refuse or are wrong, and how each page says that it ends."""
from __future__ import annotations

import subprocess
import sys
import urllib.request
from urllib.parse import urlsplit

import pytest

from page import ROOT, Lab, Page, until

sys.path.insert(0, str(ROOT / "tests/support"))

import redis_server  # noqa: E402
from kit import port_of  # noqa: E402

IMPATIENT = {"ADMITONE_VENUE_CALL_TIMEOUT": "1s", "ADMITONE_SOLANA_CALL_TIMEOUT": "1s",
             "ADMITONE_SAGA_ATTEMPT_TIMEOUT": "1s", "ADMITONE_SAGA_ARRIVAL_MARGIN": "100ms", "ADMITONE_SAGA_LANDING": "1s",
             "ADMITONE_SAGA_QUICK_TO": "500ms", "ADMITONE_SAGA_SLEEP_FROM": "500ms", "ADMITONE_SAGA_SLEEP_TO": "1s"}
AWAY = {"match": {"operation": "venue.find"}, "action": {"type": "status", "status": 503}}


def answer(worker, path, token=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"http://{port_of(worker.process.pid)}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as said:
        return said.status, said.read().decode()


@pytest.mark.page("redis-unavailable")
def test_redis_is_missed_by_nobody_and_fills_by_itself(lab, page):
    if not redis_server.installed():
        pytest.skip("redis-server is not installed: scripts/setup does that")
    server = redis_server.RedisServer()
    try:
        with_redis = {"ADMITONE_REDIS_URL": server.url}
        event = lab.event_id(0)
        holds = [lab.hold(event, f"h{n}") for n in range(10)]
        worker = lab.worker(**with_redis)
        lab.send([lab.event(event), *holds])
        lab.drain()
        server.kill()
        lab.send(holds)
        until("it is told", lambda: page.metric(worker, "admitone_redis_up") == 0, 60)
        until("it is left alone",
              lambda: page.metric(worker, "admitone_breaker_state", service="redis") == 2 or lab.send(holds[:1]), 60)
        lab.drain()
        assert answer(worker, "/readyz")[0] == 200
        server.start()
        until("it is asked again", lambda: page.metric(worker, "admitone_redis_up") == 1, 60)
        later = []

        def fills() -> bool:
            later.append(lab.hold(event, f"later{len(later)}"))
            lab.send(later[-1:])
            return len(server.ask("--scan")) >= 20
        until("it fills", fills, 60)
        worker.end()
        worker = lab.worker(**with_redis)  # remembers nothing
        # One at a time: an answer of Redis that comes late is not waited for.
        left = iter(later)
        until("it says where keys are", lambda: page.metric(worker, "admitone_idempotency_redis_hits_total") > 0
              or lab.send([next(left)]), 60)
        page.over()
    finally:
        server.kill()


@pytest.fixture
def apart(stack):
    """In a database of its own, whose limits are nobody else's."""
    name = "runbook_database"
    stack.sql(f"drop database if exists {name} with (force)")
    stack.sql(f"create database {name} owner admitone_owner")
    urls = {f"ADMITONE_DATABASE_{role}URL": urlsplit(stack.env[f"ADMITONE_DATABASE_{role}URL"])._replace(path="/" + name).geturl()
            for role in ("", "OWNER_", "READER_")}
    lab = Lab(stack, ADMITONE_HTTP_LISTEN="127.0.0.1:0", **urls)
    yield lab, name
    lab.close()
    stack.sql(f"drop database if exists {name} with (force)")


@pytest.mark.page("database-troubles")
def test_a_database_that_refuses_or_goes_is_waited_for(apart):
    lab, name = apart
    page, event = Page(lab, "database-troubles"), lab.event_id(0)
    worker = lab.worker()
    lab.send([lab.event(event)])
    lab.drain()
    # Sessions are ended as a server ends them that shuts down; who comes again finds no connection left.
    lab.stack.sql(f"alter database {name} connection limit 0")
    lab.stack.sql("select pg_terminate_backend(pid) from pg_stat_activity "
                  "where datname = %s and usename = 'admitone_worker'", name)
    lab.send([lab.hold(event, f"h{n}") for n in range(10)])
    page.log_says(worker, "too many connections")
    until("it is counted",
          lambda: page.metric(worker, "admitone_database_retries_total", **{"class": page.says("connection")}) > 0, 60)
    page.run("admitone doctor", code=None)
    lab.stack.sql(f"alter database {name} connection limit -1")
    lab.drain()
    counted = page.metric(worker, "admitone_database_retries_total")
    lab.send([lab.hold(event, "later")])
    lab.drain()
    assert page.metric(worker, "admitone_database_retries_total") == counted, "the rate is 0"
    page.over()


@pytest.mark.page("clock-drift")
def test_a_worker_whose_clock_is_off_decides_by_the_databases(lab, page, tmp_path):
    library, token = tmp_path / "shifted_clock.so", tmp_path / "token"
    source = ROOT / "tests/support/shifted_clock.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source], check=True, timeout=60)
    token.write_text("let-me-in-if-you-please\n")
    event = lab.event_id(0)
    off = lab.worker(LD_PRELOAD=library, SHIFTED_CLOCK="-600", ADMITONE_HTTP_ADMIN_TOKEN_FILE=token)
    until("it is off", lambda: abs(page.metric(off, "admitone_clock_drift_seconds") + 600) < 5, 60)
    _, told = answer(off, page.says("/readyz?verbose"), "let-me-in-if-you-please")
    assert "database: degraded: answered in" in told and "our clock differs from its by -" in told, told
    lab.send([lab.event(event), lab.hold(event, "short", holdSeconds=2)])
    until("the hold ends by the database's clock",
          lambda: lab.installation.view("select status from {s}.reservation_log") == [("expired",)], 60)
    off.end()
    other = lab.worker()
    until("another one takes over", lambda: abs(page.metric(other, "admitone_clock_drift_seconds")) < 5, 60)
    page.over()


def created(lab, event):
    short, key, data = lab.event(event)
    return short, key, {**data, "venueId": f"hall-{event}"}


def states(lab) -> dict[str, int]:
    return dict(lab.installation.view("select status, count(*) from {s}.event_log group by status"))


@pytest.mark.page("breaker-open")
def test_a_service_that_fails_is_left_alone_and_its_sagas_go_on_after_that(lab, page):
    """Also what docs/runbooks/saga-stuck.md says of such sagas."""
    stuck = Page(lab, "saga-stuck")
    outside = lab.outside(**IMPATIENT, ADMITONE_SAGA_STEP_OBJECTIVE="1s")
    worker = lab.worker()
    on_sale, waiting = lab.event_id(0), [lab.event_id(n % 4) for n in range(6)]
    lab.send([created(lab, on_sale)])
    until("it is on sale", lambda: states(lab) == {"on_sale": 1}, 60)
    outside.venue.faults(AWAY)
    lab.send([created(lab, event) for event in waiting])
    until("the breaker opens", lambda: page.metric(worker, "admitone_breaker_state", service="venue") > 0, 60)
    assert page.metric(worker, "admitone_external_calls_total", service="venue", result="retry") > 0
    assert page.metric(worker, "admitone_venue_cache_total", result="miss") > 0
    until("they are stuck", lambda: len(stuck.ask("admitone sagas list --stuck")) == 6, 60)
    assert {row["step"] for row in stuck.ask("admitone sagas list --stuck")} == {"venue.validate"}
    until("it is shown for how long", lambda: stuck.metric(worker, "admitone_saga_age_seconds", step="venue.validate") > 1, 60)
    lab.send([lab.hold(on_sale, "a"), lab.confirm(on_sale, "a")])
    until("what is on sale is sold",
          lambda: lab.installation.view("select status from {s}.reservation_log") == [("confirmed",)], 60)
    outside.venue.faults()
    until("it closes by itself", lambda: page.metric(worker, "admitone_breaker_state", service="venue") == 0, 90)
    until("no saga is stuck", lambda: stuck.ask("admitone sagas list --stuck") == [], 60)
    until("all are on sale", lambda: states(lab) == {"on_sale": 7}, 60)
    page.over()


@pytest.mark.page("saga-needs-operator")
def test_a_saga_that_nobody_can_decide_goes_on_when_an_operator_says_so(lab, page):
    outside = lab.outside(**IMPATIENT, ADMITONE_SAGA_DEADLINE="12s")
    event, other = lab.event_id(0), lab.event_id(1)
    outside.venue.faults({"match": {"operation": "venue.hold"}, "action": {"type": "apply_then_lose"}},
                         {"match": {"operation": "venue.holds"}, "action": {"type": "refuse", "status": 404}})
    lab.worker()
    lab.send([created(lab, event), created(lab, other)])
    until("they need an operator", lambda: len(page.ask("admitone sagas list --status needs_operator")) == 2, 120)
    row, unwanted = sorted(page.ask("admitone sagas list --status needs_operator"), key=lambda one: one["event_id"] == other)
    shown = page.ask("admitone sagas show ID", swaps={"ID": row["saga_id"]})
    assert any(step["step"] == "venue.hold" and step["last_error"] for step in shown["steps"])
    assert event in page.run("admitone inspect ID", swaps={"ID": row["saga_id"]}).stdout
    outside.venue.faults()
    page.run("admitone sagas retry ID --reason '…' --yes", swaps={"ID": row["saga_id"], "…": "the venue is back"})
    page.run("admitone sagas compensate ID --reason '…' --yes", swaps={"ID": unwanted["saga_id"], "…": "it is not wanted"})
    until("both end", lambda: states(lab) == {"withdrawn": 2}, 60)
    assert page.ask("admitone sagas list --status needs_operator") == []
    assert [hold["released"] for hold in outside.venue.records()["holds"]] == [True, True]
    lab.drain()
    assert len(lab.installation.view("select 1 from {s}.outcome_log where published")) == 2
    page.over()


@pytest.mark.page("saga-needs-operator")
def test_what_an_operator_decides_about_a_saga_is_done(lab, page):
    """One is not wanted any more; of another the node has lost what it knew; a third can only go forward."""
    outside = lab.outside(**IMPATIENT, ADMITONE_SAGA_DEADLINE="12s")
    unwanted, seen = lab.event_id(0), lab.event_id(1)
    outside.venue.faults(
        {"match": {"operation": "venue.hold", "event": unwanted}, "action": {"type": "apply_then_lose"}},
        {"match": {"operation": "venue.holds", "event": unwanted}, "action": {"type": "refuse", "status": 404}})
    outside.chain.faults({"match": {"operation": "getSignatureStatuses"},
                          "action": {"type": "not_found_for", "seconds": 3600}})
    lab.worker()
    lab.send([created(lab, unwanted), created(lab, seen)])

    def waiting() -> dict[str, str]:
        return {row["event_id"]: row["saga_id"] for row in page.ask("admitone sagas list --status needs_operator")}

    until("both need an operator", lambda: len(waiting()) == 2, 120)
    sagas = waiting()
    outside.venue.faults()
    compensate = "admitone sagas compensate ID --reason '…' --yes"
    page.run(compensate, swaps={"ID": sagas[unwanted], "…": "the artist is ill"})
    until("it is undone", lambda: states(lab) == {"withdrawn": 1, "pending": 1}, 60)
    assert {hold["eventId"]: hold["released"] for hold in outside.venue.records()["holds"]} == {unwanted: True, seen: False}
    (landed,) = [one["signature"] for one in outside.chain.records()["transactions"] if one["state"] == "landed"]
    page.run("admitone sagas resolve ID --as done --result … --reason '…' --yes",
             swaps={"ID": sagas[seen], "--result …": f"--result {landed}", "…": "seen in the explorer"})
    until("it is done", lambda: states(lab) == {"withdrawn": 1, "on_sale": 1}, 60)
    assert ("on_sale", landed) in lab.installation.view("select status, chain_signature from {s}.event_log")

    outside.venue.faults({"match": {"operation": "venue.release"}, "action": {"type": "status", "status": 400}})
    lab.send([("event.cancel", f"cancel-{seen}", {"eventId": seen, "reason": "rain"})])
    until("it needs one again", waiting, 60)
    page.says("Past its pivot it cannot go back, and says so")
    told = page.run(compensate, code=5, swaps={"ID": waiting()[seen], "…": "we play after all"})
    assert "only goes forward" in told.stdout + told.stderr, told
    outside.venue.faults()
    outside.chain.faults()
    page.run("admitone sagas retry ID --reason '…' --yes", swaps={"ID": waiting()[seen], "…": "the venue is back"})
    until("it ends", lambda: states(lab) == {"withdrawn": 1, "cancelled": 1}, 60)
    assert page.ask("admitone sagas list --status needs_operator") == []
    page.over()


@pytest.mark.page("error-rate")
def test_what_failed_is_found_and_may_be_sent_again(lab, page):
    """A release that cannot decide some command, and a service that is away; the release before, and the service again."""
    lab.installation.env["ADMITONE_DEAD_LETTER_MAX_ATTEMPTS"] = "2"
    outside = lab.outside(**IMPATIENT)
    event, waiting = lab.event_id(0), lab.event_id(1)
    worker = lab.worker("decide.crash=throw@0", ADMITONE_SAGA_DEADLINE="12s")
    lab.send([created(lab, event)])
    until("it is on sale", lambda: states(lab) == {"on_sale": 1}, 60)
    outside.venue.faults(AWAY)
    worse = ("reservation.create", "crash-me-1", lab.hold(event, "crash")[2])
    lab.send([worse, created(lab, waiting)])
    for code in ("PROCESSING_FAILED", "VENUE_UNAVAILABLE"):
        until(f"{code} is counted",
              lambda: page.metric(worker, "admitone_outcomes_total", code=page.says(code)) == 1, 60)
    lab.drain()
    (failed,) = page.ask("admitone keys list --status failed --limit 20")
    assert failed["key"] == f"create-{waiting}"
    (dead,) = page.ask("admitone dead-letters list --reason processing_failed")
    for one, code in ((failed["key"], "VENUE_UNAVAILABLE"), (dead["position"], "PROCESSING_FAILED")):
        assert code in page.run("admitone inspect", one).stdout
    worker.end()
    outside.venue.faults()
    lab.worker()
    lab.send([worse, created(lab, waiting)])
    until("both are done", lambda: states(lab) == {"on_sale": 2} and lab.installation.view(
        "select status from {s}.reservation_log") == [("held",)], 60)
    assert page.ask("admitone keys list --status failed --limit 20") == []
    page.over()
