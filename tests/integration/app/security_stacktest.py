"""Who is who at the brokers: logins, certificates, and what an operator is told when they do not fit."""

import json
import os
import pathlib
import sys
import time
import uuid

from kit import event_create, run_tests
from secured_kit import TENANT, SecuredCase
from secured_servers import installed, scram_is_sound

QUICK = {"ADMITONE_KAFKA_REQUEST_TIMEOUT": "3s", "ADMITONE_WORKER_START_PATIENCE": "1s"}


class Brokers(SecuredCase):
    def tokens(self, token):
        login = self.login("oauthbearer", ADMITONE_KAFKA_OAUTH_TOKEN_FILE=self.file(token))
        return {name: value for name, value in login.items() if "_USERNAME" not in name and "_PASSWORD" not in name}

    def tls(self, address, **more):
        return {"ADMITONE_KAFKA_BOOTSTRAP_SERVERS": address, "ADMITONE_KAFKA_SECURITY_PROTOCOL": "ssl",
                "ADMITONE_KAFKA_CA_FILE": str(self.kafka.authority.certificate), **more}

    # ------------------------------------------------------------ who is let in

    def test_a_worker_logs_in_by_plain(self):
        self.applies(self.login("plain"))

    def test_a_worker_logs_in_by_a_token_from_a_file(self):
        self.applies(self.tokens(self.kafka.token()))

    def test_a_token_is_read_anew_before_it_ends(self):
        settings = self.tokens(self.kafka.token())
        here = self.made(settings)
        file = pathlib.Path(settings["ADMITONE_KAFKA_OAUTH_TOKEN_FILE"])
        life = 20  # connections live for four seconds
        begun = time.monotonic()
        file.write_text(self.kafka.token(seconds=life) + "\n")
        worker = self.ready_worker(here)
        file.write_text(self.kafka.token() + "\n")
        self.until(lambda: time.monotonic() - begun > life + 5, "time passes")
        event = str(uuid.uuid4())
        self.assertEqual(self.produce(here, event_create(event, TENANT, 10)), [("EVENT_CREATED", False)])
        _, _, said = worker.end()
        self.assertEqual(worker.process.returncode, 0, said)

    def test_a_token_that_was_read_half_written_is_not_kept(self):
        settings = self.tokens(self.kafka.token())
        here = self.made(settings)
        file = pathlib.Path(settings["ADMITONE_KAFKA_OAUTH_TOKEN_FILE"])
        life = 20  # of which four fifths pass before a new one is asked for; connections live for four seconds
        begun = time.monotonic()
        file.write_text(self.kafka.token(seconds=life) + "\n")
        worker = self.ready_worker(here)
        # One without a signature that has one is refused, and has its end where a whole one has it.
        file.write_text(self.kafka.token() + "dG9ybg\n")
        self.until(lambda: time.monotonic() - begun > life, "time passes")
        file.write_text(self.kafka.token() + "\n")
        event = str(uuid.uuid4())
        self.assertEqual(self.produce(here, event_create(event, TENANT, 10)), [("EVENT_CREATED", False)])
        _, _, said = worker.end()
        self.assertEqual(worker.process.returncode, 0, said)

    def test_a_worker_shows_a_certificate(self):
        certificate, key = self.kafka.authority.sign("client", "worker", password="key-password")
        self.applies(self.tls(self.kafka.mtls, ADMITONE_KAFKA_CLIENT_CERTIFICATE_FILE=str(certificate),
                              ADMITONE_KAFKA_CLIENT_KEY_FILE=str(key),
                              ADMITONE_KAFKA_CLIENT_KEY_PASSWORD="key-password"))

    def test_librdkafkas_own_names_do_the_same(self):
        login = {"ADMITONE_KAFKA_BOOTSTRAP_SERVERS": self.kafka.sasl,
                 "ADMITONE_KAFKA_OPTIONS": "security.protocol=sasl_ssl,sasl.mechanisms=PLAIN,"
                 f"sasl.username=worker,ssl.ca.location={self.kafka.authority.certificate}",
                 "ADMITONE_KAFKA_OPTION_FILES": "sasl.password=" + self.file(self.kafka.password)}
        self.applies(login)

    # ------------------------------------------------------------ who is not, and what is said

    def migrated(self):
        here = self.installation(1, made=False)
        self.addCleanup(here.drop)
        done = here.run("migrate", "up")
        self.assertEqual(done.returncode, 0, done.stderr)
        return here

    def says(self, settings, *texts, secrets=()):
        """The worker waits for as long as it is told, then refuses with one line that says what to do."""
        here = self.migrated()
        line = self.refused(here, settings["ADMITONE_KAFKA_BOOTSTRAP_SERVERS"], *texts, **QUICK, **settings)
        doctor = here.run("doctor", "-o", "json", **QUICK, **settings)
        self.assertEqual(doctor.returncode, 3, doctor.stdout)
        for text in texts:
            self.assertIn(text, doctor.stdout)
        for secret in (self.kafka.password, *secrets):
            self.assertNotIn(secret, line + doctor.stdout + doctor.stderr)

    def test_a_wrong_password_is_told_without_it(self):
        for mechanism in ("plain", "scram_sha_512"):
            self.says(self.login(mechanism, "hush-hush-hush"), "authentication", "kafka.sasl_password_file",
                      secrets=["hush-hush-hush"])

    def test_scram_of_a_library_that_the_broker_refuses_is_told(self):
        if scram_is_sound() or "/kafka-3." in os.environ["ADMITONE_TEST_KAFKA_JARS"]:
            self.skipTest("this library and this broker understand each other: scram_stacktest.py")
        self.says(self.login("scram_sha_512"), "a librdkafka from 2.6.1 on")

    def test_a_token_that_is_over_is_told_without_it(self):
        token = self.kafka.token(seconds=-60)
        self.says(self.tokens(token), "oauth_token_file", secrets=[token])

    def test_an_unknown_authority_is_told(self):
        stranger = {"ADMITONE_KAFKA_CA_FILE": str(self.kafka.stranger.certificate)}
        self.says(self.login("scram_sha_512") | stranger, "kafka.ca_file")
        self.says(self.tls(self.kafka.mtls) | stranger, "kafka.ca_file")

    def test_a_certificate_of_another_host_is_told(self):
        self.says(self.tls(self.kafka.named), "mismatch", "names other hosts")

    def test_a_certificate_that_is_over_is_told(self):
        self.says(self.tls(self.kafka.expired), "expired", "renew the broker's certificate")

    def test_a_broker_that_wants_a_certificate_is_told(self):
        self.says(self.tls(self.kafka.mtls), "kafka.client_certificate_file")

    def test_a_certificate_of_a_stranger_is_told(self):
        certificate, key = self.kafka.stranger.sign("unknown", "worker")
        self.says(self.tls(self.kafka.mtls, ADMITONE_KAFKA_CLIENT_CERTIFICATE_FILE=str(certificate),
                           ADMITONE_KAFKA_CLIENT_KEY_FILE=str(key)), "kafka.client_certificate_file")

    def test_a_listener_with_tls_that_is_met_without_is_told(self):
        self.says({"ADMITONE_KAFKA_BOOTSTRAP_SERVERS": self.kafka.mtls}, "kafka.security_protocol")

    def test_a_key_that_cannot_be_opened_is_told_without_its_password(self):
        certificate, key = self.kafka.authority.sign("locked", "worker", password="key-password")
        line = self.refused(self.migrated(), "ssl.key.location", "kafka.client_key_password", **self.tls(
            self.kafka.mtls, ADMITONE_KAFKA_CLIENT_CERTIFICATE_FILE=str(certificate),
            ADMITONE_KAFKA_CLIENT_KEY_FILE=str(key), ADMITONE_KAFKA_CLIENT_KEY_PASSWORD="hush-hush-hush"))
        self.assertNotIn("hush-hush-hush", line)

    def test_host_names_are_not_looked_at_only_when_it_is_said_so(self):
        here = self.installation(1, made=False)
        done = here.run("topics", "create", ADMITONE_KAFKA_VERIFY_HOST_NAME="false", **QUICK,
                        **self.tls(self.kafka.named))
        self.assertEqual(done.returncode, 0, done.stderr)

    # ------------------------------------------------------------ what others could read

    def test_doctor_tells_of_connections_that_others_can_read(self):
        here = self.installation(1, made=False)
        told = here.run("doctor", "-o", "json", **QUICK, ADMITONE_KAFKA_BOOTSTRAP_SERVERS="kafka.invalid:9092",
                        ADMITONE_DATABASE_URL="postgresql://admitone_worker@database.invalid/x?sslmode=require")
        rows = [row for row in json.loads(told.stdout) if row["check"] == "security"]
        self.assertEqual([row["level"] for row in rows], ["warn", "warn"], told.stdout)
        self.assertIn("kafka.security_protocol", rows[0]["what"])
        self.assertIn("sslmode is require to database.invalid", rows[1]["what"])
        here_only = here.run("doctor", "-o", "json")
        self.assertEqual([row["level"] for row in json.loads(here_only.stdout) if row["check"] == "security"], ["ok"])


if __name__ == "__main__":
    if not installed():
        print("Kafka's jars or PostgreSQL 15 are missing - run it through scripts/test", file=sys.stderr)
        sys.exit(77)
    run_tests()
