"""Logins by SCRAM, and a password that changes. Kafka from 4.0 on refuses what librdkafka before 2.6.1 says last
(librdkafka #4895); with such a library this is tested on Kafka 3.9."""

import os
import pathlib
import sys
import time
import urllib.request
import uuid

from kit import SLOW, event_create, hold, metrics_of, port_of, run_tests, sample
from secured_kit import TENANT, SecuredCase
from secured_servers import installed, scram_is_sound


class Scram(SecuredCase):
    JARS = os.environ.get("ADMITONE_TEST_KAFKA_JARS" if scram_is_sound() else "ADMITONE_TEST_OLDER_KAFKA_JARS")

    def test_a_worker_logs_in_by_scram_sha_256(self):
        self.applies(self.login("scram_sha_256"))

    def test_a_worker_logs_in_by_scram_sha_512(self):
        self.applies(self.login("scram_sha_512"))

    def test_a_new_password_needs_no_new_worker(self):
        login = self.login("scram_sha_256")
        token = "reader" + uuid.uuid4().hex
        here = self.made({**login, "ADMITONE_HTTP_LISTEN": "127.0.0.1:0",
                          "ADMITONE_HTTP_READER_TOKEN_FILE": self.file(token)})
        worker = self.ready_worker(here)
        event = str(uuid.uuid4())
        self.produce(here, event_create(event, TENANT, 10))
        fresh = "fresh" + uuid.uuid4().hex
        self.kafka.set_password(fresh)
        self.addCleanup(self.kafka.set_password, self.kafka.password)
        pathlib.Path(login["ADMITONE_KAFKA_SASL_PASSWORD_FILE"]).write_text(fresh + "\n")
        # Twice the life of a connection: none that knew the old password is left.
        begun = time.monotonic()
        self.until(lambda: time.monotonic() - begun > 8, "time passes")
        self.assertEqual(self.produce(here, hold(event, TENANT, "b")), [("RESERVATION_HELD", False)])
        self.assertEqual(sample(metrics_of(worker), "admitone_lanes_owned"), 1)
        # Asks brokers by a client that is made for the call.
        lanes = urllib.request.Request(f"http://{port_of(worker.process.pid)}/api/v1/lanes",
                                       headers={"Authorization": "Bearer " + token})
        with urllib.request.urlopen(lanes, timeout=SLOW) as answer:
            self.assertEqual(answer.status, 200)
        _, _, said = worker.end()
        self.assertIn("has changed", said)
        self.assertNotIn(fresh, said)


if __name__ == "__main__":
    if not installed() or Scram.JARS is None:
        print("Kafka's jars are missing (scripts/setup --kafka-version 3.9), or PostgreSQL 15 - run it through scripts/test",
              file=sys.stderr)
        sys.exit(77)
    run_tests()
