"""Redrives and replays over HTTP: each letter and each outcome once, whoever repeats a call and whoever dies in it."""

import json
import os
import pathlib
import subprocess
import tempfile
import uuid

from api_kit import READER, Api, until_answered, with_tokens
from kit import SLOW, Case, event_create, hold, run_tests

REDRIVE, REPLAY = "/api/v1/dead-letters/redrive", "/api/v1/replay"
STORY = ("select count(*), count(distinct origin), count(*) filter (where verdict = 'applied') "
         "from record_ledger where origin like '%.dead-letters/%'")
HOLDS = 40
ALL = HOLDS + 1
ANSWERS = "select count(*) filter (where not replayed), count(*) filter (where replayed) from outcome_log"


class CallCase(Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.here = self.installation()
        self.here.settings["ADMITONE_HTTP_LISTEN"] = "127.0.0.1:0"
        with_tokens(self.here, self.folder)
        self.tenant, self.event = str(uuid.uuid4()), str(uuid.uuid4())

    def write(self, commands, name="commands.jsonl"):
        path = self.folder / name
        path.write_text("".join(json.dumps(one) + "\n" for one in commands))
        return str(path)

    def produce(self, commands, *arguments):
        done = self.here.run("produce", self.write(commands), *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)

    def until_told(self, statement, wanted):
        self.until(lambda: self.here.sql(statement) == wanted, lambda: self.here.sql(statement))

    def done(self, answer, status=200):
        self.assertIsNotNone(answer)
        self.assertEqual(answer[0], status, answer[2])
        return answer[2]

    def died_in(self, path, key, body):
        """A worker dies behind the second batch that this call has delivered."""
        worker = self.ready_worker(self.here, ADMITONE_FAILPOINTS="resend.delivered=kill@2")
        self.assertIsNone(Api(worker).post(path, key, **body), "it has died")
        worker.process.wait(SLOW)


class Redrives(CallCase):
    def letters(self, count):
        """Commands of a tenant that is not let in, about three events."""
        narrow = {"ADMITONE_KAFKA_TOPIC_TENANTS":
                  f"{{{self.here.settings['ADMITONE_KAFKA_COMMAND_TOPICS']}: [{uuid.uuid4()}]}}"}
        worker = self.ready_worker(self.here, **narrow)
        events = [str(uuid.uuid4()) for _ in range(3)]
        self.produce([event_create(event, self.tenant, 100, f"create-{i}") for i, event in enumerate(events)] +
                     [hold(events[i % 3], self.tenant, f"h-{i}") for i in range(count - 3)])
        listed = [{"reason": "tenant_forbidden", "letters": count}]
        shown = lambda: [{name: row[name] for name in listed[0]} for row in self.here.ask("dead-letters", "list")]
        self.until(lambda: shown() == listed, shown)
        worker.end()

    def test_letters_are_sent_once_however_often_it_is_asked_for(self):
        self.letters(6)
        worker = self.ready_worker(self.here)
        api, body = Api(worker), {"tenant": self.tenant, "reason": "let in"}
        plan = self.done(api.post(REDRIVE, "plan", plan=True, **body))
        self.assertEqual((plan["results"], plan["more"]), ({"would be sent": 6}, False))
        self.assertEqual(self.here.sql("select count(*) from operator_log"), "0", "only a plan")

        status, headers, first = api.post(REDRIVE, "first", limit=2, **body)
        self.assertEqual((status, first["results"], first["more"], first["left"]), (200, {"sent": 2}, True, 4), first)
        self.assertEqual(headers["Idempotency-Stored"], "true")
        self.assertEqual(self.here.sql("select distinct actor from operator_log"),
                         "admin token, request " + headers["X-Request-Id"])
        self.until_told(STORY, "2|2|2")
        status, headers, again = api.post(REDRIVE, "first", limit=2, **body)
        self.assertEqual((status, headers["Idempotency-Replayed"], again), (200, "true", first))
        self.assertEqual(self.done(api.post(REDRIVE, "first", limit=3, **body), 422)["code"], "IDEMPOTENCY_KEY_REUSED")
        self.assertEqual(self.here.sql(STORY), "2|2|2")

        rest = self.done(api.post(REDRIVE, "rest", **body))
        self.assertEqual((rest["results"], rest["more"]), ({"sent": 4, "redriven": 2}, False))
        self.until_told(STORY, "6|6|6")
        letter = rest["letters"][0]["dead_letter"]
        self.assertEqual(self.done(api.post(REDRIVE, "one", positions=[letter], reason="again"))["results"],
                         {"redriven": 1})
        self.assertEqual(self.here.sql(STORY), "6|6|6")
        sent = self.here.sql("select verb, state, result from operator_log").splitlines()
        self.assertEqual({line.split("|")[:2] == ["dead-letters redrive", "applied"] for line in sent}, {True}, sent)
        self.assertEqual(sum(int(line.split("|")[2].split()[0]) for line in sent), 6, sent)
        worker.end()
        self.proves(self.here)

    def test_what_cannot_be_is_refused_and_nothing_is_sent(self):
        self.letters(3)
        worker = self.ready_worker(self.here)
        api = Api(worker)
        status, _, problem = api.ask("POST", REDRIVE, READER, {"tenant": self.tenant, "reason": "r"}, Idempotency_Key="k")
        self.assertEqual((status, problem["code"]), (403, "FORBIDDEN"))
        for body, status, code in (({}, 400, "INVALID_REQUEST"), ({"tenant": "nobody"}, 400, "INVALID_REQUEST"),
                                   ({"positions": ["nowhere"]}, 400, "INVALID_REQUEST"),
                                   ({"positions": ["nowhere/0/7"]}, 404, "NOT_FOUND"),
                                   ({"tenant": str(uuid.uuid4())}, 404, "NOT_FOUND")):
            problem = self.done(api.post(REDRIVE, uuid.uuid4().hex, reason="r", **body), status)
            self.assertEqual(problem["code"], code, body)
        self.assertEqual(self.here.sql("select count(*) from operator_log"), "0")

    BODY = {"limit": 6, "rate": 10, "reason": "let in"}

    def taken_up(self, **more):
        """A call for six of ten letters, whose worker dies when four are delivered, is asked for again."""
        self.letters(10)
        body = {"tenant": self.tenant, **self.BODY}
        self.died_in(REDRIVE, "k", body)
        worker = self.ready_worker(self.here, **more)
        api = Api(worker)
        return worker, api, body, self.done(until_answered(self, api, REDRIVE, "k", body))

    def test_a_call_whose_worker_died_sends_the_rest_of_its_letters_and_no_others(self):
        worker, api, body, done = self.taken_up()
        self.assertEqual((done["results"]["sent"], done["more"], done["left"]), (2, True, 4), done)
        self.until_told(STORY, "6|6|6")
        status, headers, again = api.post(REDRIVE, "k", **body)
        self.assertEqual((status, headers["Idempotency-Replayed"], again), (200, "true", done))
        rest = self.done(api.post(REDRIVE, "rest", **body))
        self.assertEqual((rest["results"], rest["more"]), ({"sent": 4, "redriven": 6}, False))
        self.until_told(STORY, "10|10|10")
        worker.end()
        self.proves(self.here)

    def test_calls_whose_time_is_always_over_come_to_an_end(self):
        self.letters(3)
        worker = self.ready_worker(self.here, ADMITONE_FAILPOINTS="call.over=fail@0")
        api, body = Api(worker), {"tenant": self.tenant, "reason": "let in"}
        for status in (202, 202, 200):
            self.assertEqual(self.done(api.post(REDRIVE, "k", **body), status)["results"]["sent"], 1)
        self.until_told(STORY, "3|3|3")
        self.assertEqual(self.here.sql("select state, count(*) from operator_log group by 1"), "applied|3")
        worker.end()
        self.proves(self.here)

    def test_a_call_that_chooses_anew_would_be_seen(self):
        _, _, _, done = self.taken_up(ADMITONE_FAILPOINTS="mutant:redrive_chosen_anew")
        self.assertEqual((done["results"]["sent"], done["left"]), (6, 0), done)


class Replays(CallCase):
    def traffic(self):
        """Decided and published."""
        worker = self.ready_worker(self.here)
        self.produce([event_create(self.event, self.tenant, 1000)] +
                     [hold(self.event, self.tenant, f"hold-{i}", holdSeconds=3000) for i in range(HOLDS)], "--wait")
        return worker

    @staticmethod
    def results(document):
        found = {}
        for row in document["verdicts"]:
            found[row["result"]] = found.get(row["result"], 0) + row["records"]
        return found

    def test_a_plan_tells_verdicts_and_does_nothing(self):
        worker = self.traffic()
        api = Api(worker)
        ends = {row["lane"]: row["end"] for row in api.get("/api/v1/lanes")}
        body = {"reason": "a drill", "plan": True}
        plan = self.done(api.post(REPLAY, "p1", mode="re-emit", **body))
        self.assertEqual((self.results(plan), plan["more"], plan["next"], plan["sent"], plan["against"]),
                         ({"given again": ALL}, False, None, 0, []))
        self.assertEqual(self.results(self.done(api.post(REPLAY, "p2", mode="dedupe", **body))), {"redelivered": ALL})
        home = self.here.settings["ADMITONE_KAFKA_COMMAND_TOPICS"]
        lane = max(ends, key=ends.get)
        partition, end = int(lane.rpartition("/")[2]), ends[lane]
        offsets = {"mode": "dedupe", "partition": partition, "from": 1, "to": 3, **body}
        self.assertEqual(self.results(self.done(api.post(REPLAY, "p3", **offsets))), {"redelivered": 2})
        self.assertEqual(self.results(self.done(api.post(REPLAY, "p4", mode="dedupe", since="2099-01-01T00:00:00Z", **body))),
                         {})
        for more, status, code in (({"partition": 99}, 400, "INVALID_REQUEST"), ({"from": 3}, 400, "INVALID_REQUEST"),
                                   ({"partition": partition, "from": end + 9}, 400, "INVALID_REQUEST"),
                                   ({"topic": "nowhere"}, 400, "INVALID_REQUEST"), ({"next": "x"}, 400, "INVALID_REQUEST"),
                                   ({"next": home + ";99:0/0/1"}, 409, "CONFLICT"), ({"plan": False}, 409, "CONFLICT")):
            problem = self.done(api.post(REPLAY, uuid.uuid4().hex, **{"mode": "dedupe", **body, **more}), status)
            self.assertEqual(problem["code"], code, more)
        self.assertEqual({row["lane"]: row["end"] for row in api.get("/api/v1/lanes")}, ends, "nothing was sent")
        self.assertEqual(self.here.sql("select count(*) from operator_log"), "0")

    def test_outcomes_are_given_again_once_in_slices_beside_live_traffic(self):
        worker = self.traffic()
        api = Api(worker)
        live = self.write([hold(self.event, self.tenant, f"live-{i}", holdSeconds=3000) for i in range(30)], "live.jsonl")
        program = [os.environ["ADMITONE_PROGRAM"], "produce", live, "--wait"]
        body = {"mode": "re-emit", "reason": "a consumer lost them", "until": self.now()}
        with subprocess.Popen(program, env=self.here.environment({}), stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as producer:
            first = self.done(api.post(REPLAY, "s0", limit=15, **body))
            self.assertEqual((first["sent"], first["more"]), (15, True))
            self.assertEqual(self.done(api.post(REPLAY, "s0", limit=15, **body)), first)
            sent, told, calls = first["sent"], first, 1
            del body["until"]
            while told["more"]:
                told = self.done(api.post(REPLAY, f"s{calls}", limit=15, next=told["next"], **body))
                sent, calls = sent + told["sent"], calls + 1
            _, err = producer.communicate(timeout=SLOW)
            self.assertEqual(producer.returncode, 0, err)
        self.assertEqual((sent, calls, told["next"]), (ALL, 3, None))
        self.until_told(ANSWERS, f"{ALL + 30}|{ALL}")
        self.assertEqual(self.here.sql("select count(distinct outcome_id) from outcome_log"), str(ALL + 30))
        # What was live is given by a replay of all, and nothing of the rest for a second time.
        told = self.done(api.post(REPLAY, "all", **body))
        self.assertEqual((self.results(told), told["sent"], told["more"]),
                         ({"given already": ALL, "copy": ALL, "given again": 30}, 30, False))
        self.until_told(ANSWERS, f"{ALL + 30}|{ALL + 30}")
        self.assertEqual(self.here.sql("select distinct verb, state from operator_log"), "replay re-emit|applied")
        worker.end()
        self.proves(self.here)

    def now(self):
        return self.here.sql("select to_char(now() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')")

    BODY = {"mode": "re-emit", "reason": "r", "limit": 15, "rate": 25}

    def taken_up(self, **more):
        """A slice of 15, whose worker dies when ten are delivered, is asked for again."""
        worker = self.traffic()
        worker.end()
        self.died_in(REPLAY, "k", self.BODY)
        worker = self.ready_worker(self.here, **more)
        api = Api(worker)
        return worker, api, self.done(until_answered(self, api, REPLAY, "k", self.BODY))

    def test_a_call_whose_worker_died_gives_the_rest_of_its_slice_and_no_more(self):
        worker, api, done = self.taken_up()
        self.assertEqual((done["sent"], done["more"]), (5, True), done)
        self.until_told(ANSWERS, f"{ALL}|15")
        self.assertEqual(self.done(api.post(REPLAY, "k", **self.BODY)), done)
        calls = 0
        while done["more"]:
            calls += 1
            done = self.done(api.post(REPLAY, f"k{calls}", next=done["next"], **self.BODY))
        self.until_told(ANSWERS, f"{ALL}|{ALL}")
        worker.end()
        self.proves(self.here)

    def test_calls_that_have_time_for_one_piece_and_one_record_come_to_an_end(self):
        """A slice of both partitions, whose worker dies when ten are delivered: its repeats are slower than it was."""
        events = 16
        worker = self.ready_worker(self.here)
        self.produce([event_create(str(uuid.uuid4()), self.tenant, 9, f"create-{i}") for i in range(events)], "--wait")
        worker.end()
        self.assertEqual(self.here.sql("select count(distinct partition) from record_ledger"), "2")
        body = {**self.BODY, "limit": events}
        self.died_in(REPLAY, "k", body)
        worker = self.ready_worker(self.here, ADMITONE_FAILPOINTS="call.half_over=fail@0;call.over=fail@0")
        api = Api(worker)
        done = self.done(until_answered(self, api, REPLAY, "k", body))
        self.assertEqual((done["more"], done["next"]), (False, None), done)
        self.until_told(ANSWERS, f"{events}|{events}")
        worker.end()
        self.proves(self.here)

    def test_a_slice_that_is_settled_anew_would_be_seen(self):
        _, _, done = self.taken_up(ADMITONE_FAILPOINTS="mutant:slice_settled_anew")
        self.assertEqual(done["sent"], 15, done)


if __name__ == "__main__":
    run_tests()
