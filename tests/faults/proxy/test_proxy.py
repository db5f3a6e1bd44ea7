"""The proxy does to real servers what its rules say, and nothing to the other messages."""
from __future__ import annotations

import os
import pathlib
import socket
import subprocess
import sys
import threading
import time
import uuid

import psycopg
import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from proxy.kafka import KafkaProxy  # noqa: E402
from proxy.postgres import PostgresProxy  # noqa: E402
from proxy.rules import Loop, Rule  # noqa: E402

SERVERS = os.environ.get("ADMITONE_KAFKA_BOOTSTRAP_SERVERS")
DATABASE = os.environ.get("ADMITONE_TEST_PG_SUPERUSER_URL")
needs_kafka = pytest.mark.skipif(not SERVERS, reason="no broker: ADMITONE_KAFKA_BOOTSTRAP_SERVERS is not set")
needs_postgres = pytest.mark.skipif(not DATABASE, reason="no database: ADMITONE_TEST_PG_SUPERUSER_URL is not set")


@pytest.fixture
def loop():
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def kafka(loop):
    host, port = SERVERS.split(":")
    proxy = KafkaProxy(loop, ("127.0.0.1", 0), (host, int(port)))
    yield proxy
    proxy.close()


@pytest.fixture
def topic():
    admin = AdminClient({"bootstrap.servers": SERVERS})
    name = f"proxy-{uuid.uuid4()}"
    admin.create_topics([NewTopic(name, 1, 1)])[name].result(30)
    yield name
    admin.delete_topics([name])[name].result(30)


def producer(proxy, **more):
    made = Producer({"bootstrap.servers": "%s:%d" % proxy.address, "transactional.id": f"t-{uuid.uuid4()}",
                     "socket.timeout.ms": 2000, "transaction.timeout.ms": 10000, "linger.ms": 0, **more})
    made.init_transactions(30)
    return made


def committed(topic) -> list[bytes]:
    consumer = Consumer({"bootstrap.servers": SERVERS, "group.id": "x", "isolation.level": "read_committed",
                         "enable.partition.eof": True, "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    found = []
    while True:
        message = consumer.poll(10)
        assert message is not None
        if message.error():
            break
        found.append(message.value())
    consumer.close()
    return found


def until_committed(topic, *wanted: bytes) -> None:
    """The end of a transaction is answered before its markers are written."""
    deadline = time.monotonic() + 10
    while (found := committed(topic)) != list(wanted):
        assert time.monotonic() < deadline, found


@needs_kafka
def test_clients_stay_behind_the_proxy_and_notice_nothing(kafka, topic):
    p = producer(kafka)
    p.begin_transaction()
    p.produce(topic, b"a")
    p.commit_transaction(20)
    until_committed(topic, b"a")
    addresses = {(b.host, b.port) for b in p.list_topics(timeout=10).brokers.values()}
    assert addresses == {kafka.address}


@needs_kafka
def test_a_held_end_txn_arrives_in_the_next_transaction(kafka, topic):
    """The library's silent retry returns OK, the late request commits half of the next transaction."""
    p = producer(kafka)
    rule = kafka.rule("request", "EndTxn", "hold")
    p.begin_transaction()
    p.produce(topic, b"first")
    p.commit_transaction(30)
    assert rule.hit.is_set()
    p.begin_transaction()
    p.produce(topic, b"second, first half")
    p.flush(20)
    kafka.release(rule)
    assert rule.finished.wait(20)
    until_committed(topic, b"first", b"second, first half")


@needs_kafka
def test_a_lost_answer_is_asked_for_again(kafka, topic):
    p = producer(kafka)
    rule = kafka.rule("response", "EndTxn", "drop")
    p.begin_transaction()
    p.produce(topic, b"a")
    began = time.monotonic()
    p.commit_transaction(30)
    assert time.monotonic() - began > 1 and rule.done == 1 and rule.seen >= 2
    until_committed(topic, b"a")


@needs_kafka
@pytest.mark.parametrize("action", ["cut", "pass_cut", "drop", "delay"])
def test_produce_requests_survive(kafka, topic, action):
    p = producer(kafka)
    rule = kafka.rule("request", "Produce", action, seconds=0.5)
    p.begin_transaction()
    p.produce(topic, b"a")
    p.commit_transaction(30)
    assert rule.done == 1
    until_committed(topic, b"a")


@needs_kafka
def test_a_refusing_proxy_is_a_dead_broker(kafka, topic):
    p = producer(kafka)
    kafka.refuse(True)
    p.begin_transaction()
    p.produce(topic, b"a")
    with pytest.raises(KafkaException):
        p.commit_transaction(2)


@pytest.fixture
def postgres(loop):
    from urllib.parse import urlsplit
    parts = urlsplit(DATABASE)
    proxy = PostgresProxy(loop, ("127.0.0.1", 0), (parts.hostname, parts.port))
    proxy.url = DATABASE.replace(f"{parts.hostname}:{parts.port}", "%s:%d" % proxy.address)
    with psycopg.connect(DATABASE, autocommit=True) as direct:
        proxy.table = f"proxy_{uuid.uuid4().hex}"
        direct.execute(f"create table {proxy.table} (n int)")
        proxy.rows = lambda: [n for n, in direct.execute(f"select n from {proxy.table} order by n")]
        yield proxy
        direct.execute(f"drop table {proxy.table}")
    proxy.close()


def insert(proxy, n) -> None:
    with psycopg.connect(proxy.url) as connection:
        connection.execute(f"insert into {proxy.table} values ({n})")


@needs_postgres
def test_a_commit_that_never_arrives_changes_nothing(postgres):
    insert(postgres, 1)
    rule = postgres.rule("request", "commit", "cut", match=b"(2)")
    with pytest.raises(psycopg.OperationalError):
        insert(postgres, 2)
    insert(postgres, 3)
    assert rule.done == 1 and postgres.rows() == [1, 3]


@needs_postgres
@pytest.mark.parametrize("side, action", [("response", "cut"), ("request", "pass_cut")])
def test_a_commit_whose_answer_is_lost_has_happened(postgres, side, action):
    rule = postgres.rule(side, "commit", action)
    with pytest.raises(psycopg.OperationalError):
        insert(postgres, 1)
    deadline = time.monotonic() + 10
    while postgres.rows() != [1]:
        assert time.monotonic() < deadline
    assert rule.done == 1


@needs_postgres
def test_what_is_frozen_comes_late_and_whole(postgres):
    postgres.freeze(True)
    thread = threading.Thread(target=insert, args=(postgres, 8), daemon=True)
    thread.start()
    thread.join(1)
    assert thread.is_alive() and postgres.rows() == []
    postgres.freeze(False)
    thread.join(20)
    assert not thread.is_alive() and postgres.rows() == [8]


@needs_postgres
def test_the_control_port_does_the_same(postgres):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        control_port = probe.getsockname()[1]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        listen = probe.getsockname()[1]
    program = subprocess.Popen([sys.executable, HERE / "control.py", "--postgres",
                                f"{listen}:{postgres.upstream[1]}", "--control", str(control_port)],
                               stdout=subprocess.PIPE, text=True)
    try:
        assert program.stdout.readline() == "ready\n"
        with socket.create_connection(("127.0.0.1", control_port)) as line:
            stream = line.makefile("rw")

            def say(text):
                stream.write(text + "\n")
                stream.flush()
                return stream.readline().strip()
            assert say("add postgres request commit cut match=(7)") == "ok p1"
            url = postgres.url.replace(str(postgres.address[1]), str(listen))
            with pytest.raises(psycopg.OperationalError), psycopg.connect(url) as connection:
                connection.execute(f"insert into {postgres.table} values (7)")
            assert say("wait p1 10") == "ok p1"
            assert say("list").endswith("seen=1 done=1")
            assert say("add postgres request commit explode").startswith("error ValueError")
    finally:
        program.terminate()
        assert program.wait(10) == 0
    assert postgres.rows() == []


def test_a_rule_without_sense_is_refused():
    with pytest.raises(ValueError):
        Rule("sideways", "EndTxn", "hold")
