"""Ten producers send the same commands at once, through two workers: one effect and ten answers each (audit B1-B7, D10,
E4: the case with PostgreSQL alone)."""

import json
import os
import pathlib
import subprocess
import tempfile
import uuid

from kit import SLOW, Case, event_create, hold, run_tests

COPIES = 10
HOLDS = 40
EVENTS = 4

# Audit B7, as it is written there.
TWICE = """select count(*) from (
  select 1 from command_log where status = 'completed' and expires_at > now()
  group by tenant_id, actor_id, command_type, idempotency_key having count(*) > 1) as twice"""


class Duplicates(Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.lines = pathlib.Path(folder.name, "commands.jsonl")
        self.here = self.installation(4, made=False)
        self.addCleanup(self.here.drop)
        self.home = self.here.settings["ADMITONE_KAFKA_COMMAND_TOPICS"]
        self.partner = self.here.name + ".partner"
        self.here.settings["ADMITONE_KAFKA_COMMAND_TOPICS"] = f"{self.home},{self.partner}"
        self.here.make()
        self.tenant = str(uuid.uuid4())
        self.events = [str(uuid.uuid4()) for _ in range(EVENTS)]

    def write(self, commands):
        self.lines.write_text("".join(json.dumps(one) + "\n" for one in commands))

    def producer(self, number):
        """Half of them send to the home topic; the others to another one, and as another library places records: most of
        theirs are forwarded, many by the other worker."""
        more = {} if number % 2 else {"ADMITONE_KAFKA_COMMAND_TOPICS": self.partner,
                                      "ADMITONE_KAFKA_PARTITIONER": "consistent"}
        return subprocess.Popen(
            [os.environ["ADMITONE_PROGRAM"], "produce", str(self.lines), "--wait", "--timeout", f"{2 * SLOW}s", "-o",
             "json"], env=self.here.environment(more), text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)

    def begin(self):
        """Two workers, each with lanes of its own, and events on sale."""
        workers = [self.ready_worker(self.here) for _ in range(2)]
        self.until(lambda: self.here.sql("select count(distinct owner) from lane_log where topic_id = 0") == "2",
                   "both workers have lanes")
        self.write(event_create(event, self.tenant, 1000, "create-" + event) for event in self.events)
        done = self.here.run("produce", str(self.lines), "--wait", "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual({row["code"] for row in json.loads(done.stdout)}, {"EVENT_CREATED"})
        return workers

    def send_at_once(self, meanwhile=lambda: None):
        """What each producer was answered, row by row."""
        self.write(hold(self.events[i % EVENTS], self.tenant, f"hold-{i}") for i in range(HOLDS))
        producers = [self.producer(number) for number in range(COPIES)]
        meanwhile()
        answers = []
        for producer in producers:
            out, err = producer.communicate(timeout=3 * SLOW)
            self.assertEqual(producer.returncode, 0, err)
            answers.append(json.loads(out))
        return answers

    def check(self, answers):
        for copies in zip(*answers):
            self.assertEqual({row["code"] for row in copies}, {"RESERVATION_HELD"})
            self.assertEqual(len({row["outcome_id"] for row in copies}), 1, "the same answer")
            self.assertEqual(sorted(row["replayed"] for row in copies), [False] + [True] * (COPIES - 1))
        self.assertEqual(self.here.sql("select count(*) from reservation_log"), str(HOLDS))
        self.assertEqual(self.here.sql("select sum(held) from section_capacity"), str(HOLDS))
        # A forward that a killed worker had sent and not written down is sent again: its second copy is decided to be a
        # duplicate without an answer, because its origin has one. The auditor counts answers for each origin.
        verdicts = dict(row.split("|") for row in self.here.sql(
            "select verdict, count(*) from record_ledger where command_type = 'ticketing.reservation.create.v1' "
            "and verdict <> 'forwarded' and outcome_id is not null group by 1").splitlines())
        self.assertEqual(verdicts, {"applied": str(HOLDS), "duplicate": str(HOLDS * (COPIES - 1))})
        self.assertEqual(self.here.sql(TWICE), "0")
        self.assertEqual(self.here.sql("select count(*) from command_log where status = 'completed'"),
                         str(HOLDS + EVENTS), "and there was something to look at")
        self.proves(self.here)

    def test_ten_at_once_are_one_effect_and_ten_answers(self):
        self.begin()
        answers = self.send_at_once()
        self.check(answers)
        self.assertNotEqual(self.here.sql("select count(*) from record_ledger where verdict = 'forwarded'"), "0",
                            "copies came in by the other topic")

    def test_ten_at_once_are_one_effect_though_a_worker_is_killed_on_the_way(self):
        workers = self.begin()

        def kill_one():
            self.until(lambda: self.here.sql("select count(*) from reservation_log") != "0", "they are being decided")
            workers[0].kill()

        self.check(self.send_at_once(kill_one))

    def test_the_duplicate_check_would_find_a_key_with_two_executions(self):
        self.ready_worker(self.here)
        self.write([event_create(self.events[0], self.tenant, 10)])
        self.assertEqual(self.here.run("produce", str(self.lines), "--wait").returncode, 0)
        self.assertEqual(self.here.sql(TWICE), "0")
        self.here.sql("set admitone.maintenance = 'on'; insert into ledger select (jsonb_populate_record(l, jsonb_build_object("
                      "'key_hash', gen_random_uuid(), 'out_seq', null))).* from ledger l where owns_key")
        self.assertEqual(self.here.sql(TWICE), "1")


if __name__ == "__main__":
    run_tests()
