"""The database over TLS: who it is, who we are, and what an operator is told when that does not fit."""

import json
import os
import pathlib
import sys
import tempfile
import uuid

from kit import Case, Installation, event_create, hold, run_tests

sys.path.insert(0, str(pathlib.Path(os.environ["ADMITONE_SOURCE_DIR"]) / "tests/support"))

from secured_servers import SecuredPostgres, installed  # noqa: E402

TENANT = "4c6f7cbf-58db-457f-9dbe-69e0ae9bb859"
QUICK = {"ADMITONE_WORKER_START_PATIENCE": "1s"}


class Database(Case):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.server = SecuredPostgres(cls.folder)
        cls.addClassCleanup(cls.server.end)

    def urls(self, **how):
        return {f"ADMITONE_DATABASE_{variable}URL": self.server.url(role, **how)
                for role, variable in (("worker", ""), ("owner", "OWNER_"), ("reader", "READER_"))}

    def made(self, **more):
        here = Installation(1)
        here.settings |= {**self.urls(), **more}
        return here.make()

    def file(self, text):
        path = self.folder / uuid.uuid4().hex
        path.write_text(text + "\n")
        return path

    def produce(self, here, *commands):
        lines = self.file("\n".join(json.dumps(one) for one in commands))
        done = here.run("produce", str(lines), "--wait", "--timeout", "50s", "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return [row["code"] for row in json.loads(done.stdout)]

    def test_a_worker_works_with_a_server_that_has_proven_who_it_is(self):
        here = self.made()
        self.ready_worker(here)
        event = str(uuid.uuid4())
        self.assertEqual(self.produce(here, event_create(event, TENANT, 10), hold(event, TENANT, "a")),
                         ["EVENT_CREATED", "RESERVATION_HELD"])
        self.proves(here)
        used = self.server.sql("select count(*) from pg_stat_ssl join pg_stat_activity using (pid) where ssl and "
                               "usename = 'admitone_worker'")
        self.assertGreater(int(used), 0)

    def test_a_certificate_is_enough_where_the_server_asks_for_one(self):
        certificate, key = self.server.authority.sign("owner", "admitone_owner")
        here = Installation(1)
        url = self.server.url_by_certificate("owner", certificate, key)
        done = here.run("migrate", "up", ADMITONE_DATABASE_OWNER_URL=url)
        self.assertEqual(done.returncode, 0, done.stderr)
        without = url.partition("&sslcert")[0]
        done = here.run("migrate", "up", ADMITONE_DATABASE_OWNER_URL=without)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("set sslcert and sslkey in database.owner_url", done.stderr)

    def says(self, *texts, **how):
        here = Installation(1)
        line = self.refused(here, *texts, **QUICK, **self.urls(**how))
        migrated = here.run("migrate", "up", **self.urls(**how))
        self.assertEqual(migrated.returncode, 1, migrated.stdout)
        for said in (line, migrated.stderr):
            self.assertNotIn(how.get("password", self.server.password), said)
        self.assertIn(texts[-1], migrated.stderr)

    def test_a_wrong_password_is_told_without_it(self):
        self.says("correct user and password in database.", password="hush-hush-hush")

    def test_an_unknown_authority_is_told(self):
        self.says("certificate verify failed", "sslrootcert in database.", root=self.server.stranger.certificate)
        self.says("correct sslrootcert in database.", root=self.folder / "nowhere.pem")

    def test_a_certificate_of_another_host_or_one_that_is_over_is_told(self):
        self.addCleanup(self.server.show, "IP:127.0.0.1")
        self.server.show("DNS:database.example")
        self.says("does not match host name", "write the name that the server's certificate has")
        self.server.show("IP:127.0.0.1", days=-1)
        self.says("certificate verify failed", "see that the certificate has not expired")

    def test_a_server_that_wants_tls_is_told(self):
        self.says("pg_hba.conf", mode="disable")

    def test_a_new_password_needs_no_new_worker(self):
        file = self.file(self.server.url("worker"))
        here = self.made(ADMITONE_DATABASE_URL_FILE=str(file), ADMITONE_DATABASE_URL=None)
        self.ready_worker(here)
        event = str(uuid.uuid4())
        self.produce(here, event_create(event, TENANT, 10))
        fresh = "fresh" + uuid.uuid4().hex
        self.addCleanup(self.server.sql, f"alter role admitone_worker password '{self.server.password}'")
        self.server.sql(f"alter role admitone_worker password '{fresh}'")
        file.write_text(self.server.url("worker", password=fresh) + "\n")
        self.server.sql("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'admitone_worker'")
        self.assertEqual(self.produce(here, hold(event, TENANT, "b")), ["RESERVATION_HELD"])


if __name__ == "__main__":
    if not installed():
        print("Kafka's jars or PostgreSQL 15 are missing - run it through scripts/test", file=sys.stderr)
        sys.exit(77)
    run_tests()
