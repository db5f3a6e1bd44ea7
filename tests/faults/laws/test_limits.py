"""Laws L17–L20 as an operator meets them: isolation, retention, shutdown, bounds."""
from __future__ import annotations

import pathlib
import signal
import time

import psycopg
import pytest
from confluent_kafka import TopicPartition

from lab import until


# ---------------------------------------------------------------- L17

def test_l17_the_workers_role_sees_nothing_without_a_tenant(lab):
    lab.traffic(70, 150)
    lab.worker()
    lab.drain()
    schema = lab.installation.schema
    owned = [name for name, in lab.stack.sql(
        "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a "
        "on a.attrelid = c.oid where n.nspname = %s and c.relkind in ('r', 'p') and not c.relispartition "
        "and a.attname = 'tenant_id' and not a.attisdropped", schema)]
    assert len(owned) >= 4
    # Its rows have no tenant, but texts of tenants; one is there for who names its request.
    owned.append("admin_answers")
    lab.stack.sql(f'insert into "{schema}".admin_answers (id, request, route, request_id, begun) '
                  "values ('0af1', 'f', '/', 'r', '{}')")
    with psycopg.connect(lab.stack.env["ADMITONE_DATABASE_URL"], autocommit=True) as worker:
        for name in owned:
            assert worker.execute(f'select count(*) from "{schema}"."{name}"').fetchone() == (0,), name
        worker.execute("set admitone.request = '0af1'")
        assert worker.execute(f'select count(*) from "{schema}".admin_answers').fetchone() == (1,)
        flags = worker.execute("select rolbypassrls, rolsuper from pg_roles where rolname = current_user").fetchone()
        assert flags == (False, False)
    forced = lab.stack.sql(
        "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = %s and "
        "c.relname = any(%s) and not (c.relrowsecurity and c.relforcerowsecurity)", schema, owned)
    assert forced == []


def test_l17_the_reader_reads_only_public_views(lab):
    schema = lab.installation.schema
    tables = [name for name, in lab.stack.sql(
        "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = %s "
        "and c.relkind in ('r', 'p') and c.relname <> 'schema_migrations'", schema)]
    assert tables
    with psycopg.connect(lab.stack.env["ADMITONE_DATABASE_READER_URL"], autocommit=True) as reader:
        for name in tables:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(f'select 1 from "{schema}"."{name}" limit 1')
        assert reader.execute(f'select count(*) from "{schema}".invariant_violations').fetchone() == (0,)


# ---------------------------------------------------------------- L18

@pytest.mark.parametrize("mutant", ["", "mutant:retention_unchecked"])
def test_l18_a_horizon_shorter_than_what_may_come_back_is_refused(lab, mutant):
    worker = lab.worker(mutant, wait=False, ADMITONE_IDEMPOTENCY_COMPLETED_TTL="2d")
    if mutant:
        worker.wait_ready(30)
        return
    until("the worker refuses", lambda: not worker.alive, 30)
    assert worker.process.returncode not in (0, None) and worker.process.returncode > 0
    said = worker.log.read_text()
    assert "2d" in said and "completed_ttl" in said, said


def test_l18_a_command_topic_that_was_made_again_is_refused(lab):
    lab.traffic(74, 60)
    lab.worker()
    lab.drain()
    lab.rest()
    lab.make_second_topic_again()
    worker = lab.worker(wait=False)
    until("the worker refuses", lambda: not worker.alive, 30)
    said = worker.log.read_text()
    assert worker.process.returncode > 0 and "re-created" in said and lab.installation.second in said, said


def test_l18_a_lane_whose_records_were_deleted_stops_until_they_are_given_up(lab):
    """As docs/runbooks/deleted-records.md says."""
    event = lab.event_id(2)
    lab.send([lab.event(event), lab.hold(event, "a")])
    lab.worker()
    lab.drain()
    lab.rest()
    lab.send([lab.hold(event, f"lost{n}") for n in range(5)] + [lab.hold(event, "kept")])
    home = lab.installation.home
    asked = TopicPartition(home, 2, 7)
    lab.installation.admin.delete_records([asked], request_timeout=15)[asked].result(30)
    worker = lab.worker(wait=False)
    until("it says which", lambda: "records 2 to 6 were deleted" in worker.log.read_text(), 30)
    other = lab.event_id(1)
    lab.send([lab.event(other)])
    until("the other lanes go on", lambda: lab.installation.view(
        "select count(*) from {s}.outcome_log where partition = 1 and published") == [(1,)], 30)
    assert lab.installation.view("select next_offset from {s}.lane_log where partition = 2 and topic = %s",
                                 home) == [(2,)]
    lab.rest()
    with psycopg.connect(lab.stack.env["ADMITONE_DATABASE_OWNER_URL"], autocommit=True) as owner:
        owner.execute(f'update "{lab.installation.schema}".partition_progress set next_offset = 7 where topic = '
                      f'(select id from "{lab.installation.schema}".topics where name = %s) and partition = 2', [home])
    lab.worker()
    until("the rest is decided", lambda: lab.installation.view(
        "select count(*) from {s}.outcome_log where partition = 2 and published") == [(3,)], 30)
    lab.rest()
    done = lab.installation.run("audit")  # the independent auditor needs every record
    assert done.returncode == 0, done.stdout + done.stderr


# ---------------------------------------------------------------- L19

@pytest.mark.parametrize("dead, mutant", [("kafka", ""), ("postgres", ""), ("both", ""),
                                          ("postgres", "mutant:auto_commit")])
def test_l19_a_worker_ends_within_its_grace_when_servers_are_dead(lab, dead, mutant):
    kafka, postgres = lab.kafka_proxy(), lab.postgres_proxy()
    worker = lab.worker(mutant, kafka=kafka, postgres=postgres, ADMITONE_SHUTDOWN_GRACE="5s")
    lab.traffic(71, 300)
    until("it works", lambda: lab.verdicts(), 30)
    kafka.refuse(dead in ("kafka", "both"))
    postgres.refuse(dead in ("postgres", "both"))
    lab.traffic(72, 300)
    if mutant:
        worker.end(20)
        lab.refute("acknowledged_last")
        return
    began = time.monotonic()
    worker.end(20)
    assert time.monotonic() - began < 6.5
    kafka.refuse(False)
    postgres.refuse(False)
    lab.worker()
    lab.drain()
    lab.prove()


def test_l19_a_second_sigterm_ends_at_once(lab):
    proxy = lab.postgres_proxy()
    worker = lab.worker(postgres=proxy, ADMITONE_SHUTDOWN_GRACE="20s")
    rule = proxy.rule("request", "commit", "hold", nth=0)
    lab.traffic(73, 100)
    rule.wait_hit()
    worker.signal(signal.SIGTERM)
    until("the first is noticed", lambda: b"draining" in worker.log.read_bytes(), 10, 0.05)
    began = time.monotonic()
    worker.signal(signal.SIGTERM)
    code = worker.process.wait(10)
    assert time.monotonic() - began < 2 and code != 0
    proxy.release(rule)


# ---------------------------------------------------------------- L20

def resident_mib(worker) -> float:
    for line in pathlib.Path(f"/proc/{worker.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


@pytest.mark.parametrize("mutant", ["", "mutant:unbounded_queue"])
def test_l20_memory_does_not_grow_with_the_backlog(lab, mutant):
    """The database answers nothing; 240 MB wait in the topic, far more than the queues may hold (the client library keeps
    some tens of MB of its own)."""
    event = lab.event_id(0)
    filler = [("x-filler", "x" * 6000)]
    lab.send([lab.event(event)])
    proxy = lab.postgres_proxy()
    worker = lab.worker(mutant, postgres=proxy, ADMITONE_WORKER_LANE_QUEUE_BYTES=str(2 << 20),
                        ADMITONE_WORKER_LANE_QUEUE_RECORDS="1000", ADMITONE_WORKER_BATCH_RECORDS="500",
                        ADMITONE_WORKER_BATCH_BYTES=str(1 << 20))
    lab.drain()
    rule = proxy.rule("request", "commit", "hold", nth=0)
    lab.send([lab.hold(event, "first")])
    rule.wait_hit()
    before = resident_mib(worker)
    lab.send([lab.hold(event, f"n{n}") for n in range(40_000)], filler)
    until("the lane's queue is full", lambda: lab.installation.lag() >= 40_000, 60)
    deadline, worst = time.monotonic() + 5, 0.0
    while time.monotonic() < deadline:
        worst = max(worst, resident_mib(worker))
    assert (worst - before > 150) == bool(mutant), f"{before:.0f} MiB before, {worst:.0f} MiB at the worst"
    worker.kill()
    if mutant:
        return
    proxy.release(rule)
    lab.worker()
    lab.drain(180)
    lab.prove()
