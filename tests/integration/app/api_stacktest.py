"""The HTTP API of a real worker: what the verbs tell and do, with keys that are used once."""

import json
import pathlib
import tempfile
import urllib.request
import uuid

from api_kit import ADMIN, READER, Api, until_answered, with_tokens
from kit import SLOW, Case, InstallationApart, run_tests, sql
from sagas_kit import QUICK, TENANT, SagaCase, creation


class Changes(SagaCase):
    def setUp(self):
        super().setUp()
        with_tokens(self.here, self.folder)
        self.log = f'"{self.here.name}".operator_log'

    def stuck(self, **more):
        """A worker, and a command whose saga waits for a venue that is closed."""
        self.fund()
        self.venue.faults({"match": {"operation": "venue.find"}, "action": {"type": "refuse", "status": 503}})
        worker = self.ready_worker(**more)
        command = creation()
        self.send(command, wait=False)
        self.until(lambda: [row["step"] for row in self.ask("sagas", "list")] == ["venue.validate"], "it is stuck")
        return worker, command

    # Contract, HTTP: the same JSON.
    def test_what_is_read_is_what_the_verbs_print(self):
        worker, command = self.stuck()
        api = Api(worker)
        (saga,) = api.get("/api/v1/sagas")
        for path, verb in (("/api/v1/keys?status=in_progress", ("keys", "list", "--status", "in_progress")),
                           ("/api/v1/sagas/" + saga["saga_id"], ("sagas", "show", saga["saga_id"])),
                           ("/api/v1/inspect?id=" + command["idempotencykey"], ("inspect", command["idempotencykey"])),
                           ("/api/v1/dead-letters", ("dead-letters", "list"))):
            # The saga tries again now and then, and its row says so.
            self.until(lambda: api.get(path) == self.ask(*verb), lambda: (api.get(path), self.ask(*verb)))
        self.assertEqual({row["lane"] for row in api.get("/api/v1/lanes")}, {row["lane"] for row in self.ask("lanes")})
        self.assertEqual(set(api.get("/api/v1/timers")), {"holds", "jobs", "ledger_parts"})
        self.assertEqual(api.get("/api/v1/openapi.json")["openapi"], "3.1.0")
        status, _, problem = api.ask("GET", f"/api/v1/sagas/{uuid.uuid4()}", READER)
        self.assertEqual((status, problem["code"]), (404, "NOT_FOUND"))
        for token in ("", "nobody's"):
            status, _, problem = api.ask("GET", "/api/v1/keys", token)
            self.assertEqual((status, problem["code"]), (401, "UNAUTHENTICATED"))

    # Audit RL2, HR2, D8.
    def test_a_stuck_key_is_released_once_however_often_it_is_asked_for(self):
        worker, command = self.stuck()
        api, key = Api(worker), command["idempotencykey"]
        body = {"key": key, "reason": "the venue is closed"}
        status, _, problem = api.ask("POST", "/api/v1/keys/release", body=body)
        self.assertEqual((status, problem["code"]), (400, "IDEMPOTENCY_KEY_MISSING"))
        status, _, plan = api.post("/api/v1/keys/release", "plan", plan=True, **body)
        self.assertEqual((status, plan["status"]), (200, "in_progress"), plan)
        self.assertEqual(sql(f"select count(*) from {self.log}"), "0", "only a plan")

        status, headers, done = api.post("/api/v1/keys/release", "release-1", **body)
        self.assertEqual((status, done["verdict"]), (200, "applied"), done)
        self.assertEqual(headers["Idempotency-Stored"], "true")
        self.assertEqual(sql(f"select verb, reason, state from {self.log}"),
                         "keys release|the venue is closed|applied")
        self.assertEqual(sql(f"select actor from {self.log}"), "admin token, request " + headers["X-Request-Id"])
        self.until(lambda: [row["status"] for row in api.get("/api/v1/keys")] == ["failed"], "the attempt has failed")
        status, headers, again = api.post("/api/v1/keys/release", "release-1", **body)
        self.assertEqual((status, headers["Idempotency-Replayed"], again), (200, "true", done))
        status, _, problem = api.post("/api/v1/keys/release", "release-1", **{**body, "reason": "another"})
        self.assertEqual((status, problem["code"]), (422, "IDEMPOTENCY_KEY_REUSED"))
        status, headers, problem = api.post("/api/v1/keys/release", "release-2", **body)
        self.assertEqual((status, problem["code"]), (409, "CONFLICT"), problem)
        self.assertEqual(headers["Idempotency-Stored"], "true")
        self.assertEqual(sql(f"select count(*) from {self.log}"), "1")
        self.assertEqual(sql(f'select count(*) from "{self.here.name}".admin_answers where id like \'%release-1%\''),
                         "0", "keys are kept as hashes")

        self.venue.faults()
        self.assertEqual(self.send(command)[0]["code"], "EVENT_CREATED")
        self.proves()
        _, _, err = worker.end()
        self.assertNotIn(ADMIN, err)
        self.assertIn("POST /api/v1/keys/release answered 200", err)

    # Law L23: a text that PostgreSQL would end at its NUL is another one than the lane is sent.
    def test_what_cannot_be_read_by_all_changes_nothing(self):
        worker, command = self.stuck()
        api, key = Api(worker), command["idempotencykey"]
        for reason in ("a\0b", "\ud800", "", 7):
            status, _, problem = api.post("/api/v1/keys/release", uuid.uuid4().hex, key=key, reason=reason)
            self.assertEqual((status, problem["code"]), (400, "INVALID_REQUEST"), problem)
        for text in ("%ff", "a%00b"):
            for path in (f"/api/v1/inspect?id={text}", f"/api/v1/keys?type={text}", f"/api/v1/sagas/{text}"):
                status, _, problem = api.ask("GET", path, READER)
                self.assertEqual((status, problem["code"]), (400, "INVALID_REQUEST"), problem)
        self.assertEqual(sql(f"select count(*) from {self.log}"), "0")
        self.assertEqual(sql(f'select count(*) from "{self.here.name}".admin_answers'), "0")

    def test_a_token_that_could_be_guessed_ends_the_start(self):
        (self.folder / "ADMIN").write_text("s3cr3t\n")
        ended = self.here.run("worker")
        self.assertEqual(ended.returncode, 1, ended.stderr)
        self.assertIn("http.admin_token_file", ended.stderr)
        self.assertNotIn("s3cr3t", ended.stderr)

    # What a server says names hosts and roles.
    def test_of_a_database_that_refuses_only_the_log_tells_why(self):
        self.here.settings["ADMITONE_DATABASE_READER_URL"] = "postgresql://nobody-7@127.0.0.1:1/nowhere-7"
        worker = self.ready_worker()
        status, headers, problem = Api(worker).ask("GET", "/api/v1/keys", READER)
        self.assertEqual((status, problem["code"]), (503, "UNAVAILABLE"), problem)
        self.assertNotIn("127.0.0.1", json.dumps(problem))
        _, _, err = worker.end()
        line = next(json.loads(line) for line in err.splitlines() if "127.0.0.1" in line and "port 1 " in line)
        self.assertEqual(line["http.request.id"], headers["X-Request-Id"])

    def retried_after_a_death(self, failpoint, **more):
        """The worker dies at the failpoint of a retry; another one is asked again with the same key. The other one's API,
        the call, its answer and the command."""
        worker, command, row = self.parked(ADMITONE_FAILPOINTS=failpoint)
        self.venue.faults()
        path = f"/api/v1/sagas/{row['saga_id']}/retry"
        body = {"reason": "the desk answers again"}
        self.assertIsNone(Api(worker).post(path, "retry-1", **body), "it has died")
        worker.process.wait(SLOW)
        states = sql(f"select state from {self.log}")
        self.assertEqual(states.count("\n"), 0, states)

        other = Api(self.ready_worker(**QUICK, **more))
        status, headers, done = until_answered(self, other, path, "retry-1", body)
        self.assertEqual((status, done["verdict"]), (200, "applied"), done)
        self.assertEqual(headers["Idempotency-Stored"], "true")
        return other, (path, body), done, command

    def is_made_once(self, other, call, done, command):
        path, body = call
        self.assertEqual(sql(f"select action_id, verb, state, result from {self.log}"),
                         f"{done['action_id']}|sagas retry|applied|{done['position']}", "one action, done once")
        self.until(lambda: self.ask("sagas", "list") == [], "it ends")
        self.assertEqual(self.ask("inspect", command["data"]["eventId"])["event"]["status"], "withdrawn")
        status, headers, again = other.post(path, "retry-1", **body)
        self.assertEqual((status, headers["Idempotency-Replayed"], again), (200, "true", done))
        self.assertEqual(sql(f"select count(*) from {self.log}"), "1")
        self.proves()

    def test_a_retry_whose_worker_died_behind_its_audit_row_is_made_once(self):
        self.is_made_once(*self.retried_after_a_death("operate.begun=kill"))

    def test_a_retry_that_is_begun_anew_would_be_seen(self):
        self.retried_after_a_death("operate.begun=kill", ADMITONE_FAILPOINTS="mutant:change_begun_anew")
        self.assertEqual(sql(f"select state from {self.log} order by state"), "applied\npending", "not one action")

    def test_a_retry_whose_worker_died_before_it_knew_the_verdict_is_made_once(self):
        self.is_made_once(*self.retried_after_a_death("operate.sent=kill"))

    def test_a_saga_is_resolved_and_the_reader_changes_nothing(self):
        worker, _, row = self.parked()
        api, path = Api(worker), f"/api/v1/sagas/{row['saga_id']}/resolve"
        body = {"as": "undone", "reason": "released by phone"}
        status, _, problem = api.ask("POST", path, READER, body, Idempotency_Key="r")
        self.assertEqual((status, problem["code"]), (403, "FORBIDDEN"))
        status, _, done = api.post(path, "r", **body)
        self.assertEqual((status, done["verdict"]), (200, "applied"), done)
        self.until(lambda: self.ask("sagas", "list") == [], "it ends")
        self.proves()

    def test_due_timers_run_and_caches_are_flushed_or_said_not_to_be_there(self):
        worker = self.ready_worker()
        api = Api(worker)
        status, _, plan = api.post("/api/v1/timers/run", "t-1", reason="after the outage")
        self.assertEqual((status, plan["due"], plan["released"]), (200, 0, 0), plan)
        status, _, ran = api.post("/api/v1/timers/run", "t-2", reason="after the outage", execute=True)
        self.assertEqual((status, ran["due"]), (200, 0), ran)
        self.assertTrue(ran["ledger"])
        status, _, problem = api.post("/api/v1/cache/flush", "f-1", tenant=TENANT, reason="venue closed")
        self.assertEqual((status, problem["code"]), (409, "NOT_CONFIGURED"), problem)


class Away(Case):
    # Audit C6.
    def test_a_database_that_cannot_be_asked_is_503_and_later_it_is_as_before(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        here = InstallationApart()
        self.addCleanup(here.drop)
        here.make()
        here.settings["ADMITONE_HTTP_LISTEN"] = "127.0.0.1:0"
        with_tokens(here, pathlib.Path(folder.name))
        worker = self.ready_worker(here)
        api = Api(worker)
        self.assertEqual(api.get("/api/v1/keys"), [])
        body = {"key": "k", "reason": "r"}
        sql(f"alter database {here.name} connection limit 0")
        status, headers, problem = api.ask("GET", "/api/v1/keys", READER)
        self.assertEqual((status, problem["code"]), (503, "UNAVAILABLE"), problem)
        self.assertGreater(int(headers["Retry-After"]), 0)
        status, headers, problem = api.post("/api/v1/keys/release", "k", **body)
        self.assertEqual((status, problem["code"]), (503, "UNAVAILABLE"), problem)
        self.assertGreater(int(headers["Retry-After"]), 0)
        self.assertEqual(urllib.request.urlopen(api.address + "/livez", timeout=10).status, 200)
        sql(f"alter database {here.name} connection limit -1")
        self.assertEqual(api.get("/api/v1/keys"), [])
        status, headers, problem = api.post("/api/v1/keys/release", "k", **body)
        self.assertEqual((status, problem["code"]), (404, "NOT_FOUND"), "what failed runs again")
        self.assertEqual(headers["Idempotency-Stored"], "true")
        worker.end()

class NewTokens(Case):
    def test_are_taken_and_old_ones_refused_without_a_restart(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        here = self.installation()
        here.settings["ADMITONE_HTTP_LISTEN"] = "127.0.0.1:0"
        with_tokens(here, pathlib.Path(folder.name))
        api = Api(self.ready_worker(here))
        self.assertEqual(api.ask("GET", "/api/v1/lanes")[0], 200)
        for name, old in (("ADMIN", ADMIN), ("READER", READER)):
            fresh = "fresh-" + uuid.uuid4().hex
            pathlib.Path(folder.name, name).write_text(fresh + "\n")
            self.until(lambda: api.ask("GET", "/api/v1/lanes", fresh)[0] == 200, "the new token is taken")
            self.assertEqual(api.ask("GET", "/api/v1/lanes", old)[0], 401)


if __name__ == "__main__":
    run_tests()
