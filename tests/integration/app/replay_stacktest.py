"""A range of commands once more: what would happen, the group's position, stored outcomes given again (law L12)."""

import json
import os
import pathlib
import signal
import subprocess
import tempfile
import uuid

from kit import Case, event_create, hold, run_tests

HOLDS = 40
ALL = HOLDS + 1
AUDIT = "select verb, reason, state, result from operator_log order by lane"
STATE = ("select md5(string_agg(fact, '' order by fact)) from (select event_id || status || version as fact "
         "from event_log union all select reservation_id || status || version || expires_at from reservation_log "
         "union all select idempotency_key || status || attempts from command_log) as facts")
ANSWERS = "select count(*) filter (where not replayed), count(*) filter (where replayed) from outcome_log"


class Replay(Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.lines = pathlib.Path(folder.name, "commands.jsonl")
        self.here = self.installation()
        self.home = self.here.settings["ADMITONE_KAFKA_COMMAND_TOPICS"]
        self.tenant, self.event = str(uuid.uuid4()), str(uuid.uuid4())

    def produce(self, commands, *arguments):
        self.lines.write_text("".join(json.dumps(one) + "\n" for one in commands))
        done = self.here.run("produce", str(self.lines), *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)

    def traffic(self):
        """Decided, published, and its worker still running."""
        worker = self.ready_worker(self.here)
        self.produce([event_create(self.event, self.tenant, 1000)] +
                     [hold(self.event, self.tenant, f"hold-{i}", holdSeconds=3000) for i in range(HOLDS)], "--wait")
        return worker

    def replay(self, *arguments, code=0, **more):
        done = self.here.run("replay", *arguments, "-o", "json", **more)
        self.assertEqual(done.returncode, code, done.stderr)
        found = {}
        for row in json.loads(done.stdout or "[]"):
            found[row["result"]] = found.get(row["result"], 0) + row["records"]
        return found, done.stderr

    def ends(self):
        return {row["lane"]: row["end"] for row in self.here.ask("lanes")}

    def in_doubt(self, *arguments, code, says, **more):
        """Refused, with a line that says it; nothing is written down."""
        _, err = self.replay(*arguments, "--yes", "--reason", "r", code=code, **more)
        self.assertIn(says, err)
        self.assertEqual(self.here.sql("select count(*) from operator_log"), "0")

    def test_a_plan_tells_verdicts_and_does_nothing(self):
        worker = self.traffic()
        ends, answers = self.ends(), self.here.sql(ANSWERS)
        self.assertEqual(self.replay()[0], {"redelivered": ALL})
        self.assertEqual(self.replay("--mode", "re-emit")[0], {"given again": ALL})
        self.assertEqual(self.replay("--since", "2099-01-01T00:00:00Z")[0], {})
        self.assertEqual(self.replay("--until", "2020-01-01T00:00:00Z")[0], {})
        self.assertEqual(self.replay("--since", "2020-01-01T00:00:00Z", "--until", "2099-01-01T00:00:00Z")[0],
                         {"redelivered": ALL})
        worker.end()
        # What no lane has seen: new, a copy of a known one, and one that is not a command.
        self.produce([hold(self.event, self.tenant, "new"), hold(self.event, self.tenant, "new"),
                      hold(self.event, self.tenant, "hold-1", holdSeconds=3000), {"id": "x"}], "--no-validate")
        self.assertEqual(self.replay()[0], {"redelivered": ALL, "never seen": 1, "duplicate": 2, "dead": 1})
        self.assertEqual(self.replay("--mode", "re-emit")[0], {"given again": ALL, "pending": 4})
        self.assertEqual(sum(self.ends().values()), sum(ends.values()) + 4)
        self.assertEqual(self.here.sql(ANSWERS), answers)

    def test_what_is_unsafe_is_refused_with_its_numbers(self):
        worker = self.traffic()
        move = ("--move-group",)
        self.in_doubt(*move, code=5, says="1 workers of the group")
        self.in_doubt("--mode", "re-emit", code=3, says="cleanup.policy=compact",
                      ADMITONE_KAFKA_OUTCOME_TOPIC="__consumer_offsets")
        worker.end()
        lane = max(self.ends(), key=lambda name: self.ends()[name])
        partition, end = lane.rpartition("/")[2], self.ends()[lane]
        self.produce([hold(self.event, self.tenant, f"later-{i}") for i in range(5)])
        self.in_doubt(*move, "--partition", partition, "--from", str(end + 3), code=3,
                      says=f"decides {end} next, and a group that stands at {end + 3} would leave out 3 records")
        self.in_doubt(*move, "--partition", partition, "--from", str(end + 99), code=2, says=f"{lane} ends before")
        self.in_doubt("--mode", "dedupe", code=2, says="--move-group")
        self.in_doubt("--mode", "re-emit", *move, code=2, says="re-emit moves no position")
        self.in_doubt("--mode", "re-emit", "--from", "3", code=2, says="--partition")
        self.in_doubt("--mode", "re-emit", "--since", "yesterday", code=2, says="2026-")
        self.in_doubt("--mode", "re-emit", "--topic", "nowhere", code=2, says="is no command topic")

    def test_a_group_that_is_moved_back_changes_nothing_and_emits_nothing(self):
        worker = self.traffic()
        worker.end()
        state, answers = self.here.sql(STATE), self.here.sql(ANSWERS)
        for _ in range(2):
            found, err = self.replay("--move-group", "--since", "2020-01-01T00:00:00Z", "--yes", "--reason", "a drill")
            self.assertEqual(found, {"redelivered": ALL})
            self.assertIn("2 partitions", err)
            self.assertEqual({row["acknowledged"] for row in self.here.ask("lanes")}, {0})
            worker = self.ready_worker(self.here)
            self.until(lambda: all(row["acknowledged"] == row["end"] for row in self.here.ask("lanes")), "all is read")
            worker.end()
            self.assertEqual((self.here.sql(STATE), self.here.sql(ANSWERS)), (state, answers))
        written = ["replay dedupe|a drill|applied|the group stands at 0"] * 4
        self.assertEqual(self.here.sql(AUDIT).splitlines(), written)
        self.assertEqual(self.here.sql_of_a_reader(AUDIT).splitlines(), written, "nobody's records, and everybody's log")
        self.proves(self.here)

    def test_stored_outcomes_are_given_again_once_beside_live_traffic(self):
        worker = self.traffic()
        state, ends = self.here.sql(STATE), self.ends()
        lane = max(ends, key=ends.get)
        end = ends[lane]
        doing = ("--mode", "re-emit", "--yes", "--reason", "a consumer lost them", "--rate", "200")
        found, err = self.replay(*doing)
        self.assertEqual(found, {"given again": ALL})
        self.assertIn(f"{ALL} records sent", err)
        self.until(lambda: self.here.sql(ANSWERS) == f"{ALL}|{ALL}", lambda: self.here.sql(ANSWERS))
        self.assertEqual(self.here.sql(STATE), state, "nothing was executed")
        self.assertEqual(self.here.sql("select count(distinct outcome_id) from outcome_log"), str(ALL))
        # What the copies are is told by their origin: neither they nor the records are given a second time.
        found, err = self.replay(*doing)
        self.assertEqual(found, {"given already": ALL, "copy": ALL})
        self.assertIn("nothing to give again", err)
        # Unless it is asked for: by the range in which the copies stand.
        found, err = self.replay(*doing, "--partition", lane.rpartition("/")[2], "--from", str(end))
        self.assertEqual(found, {"given again": ALL})
        self.until(lambda: self.here.sql(ANSWERS) == f"{ALL}|{2 * ALL}", lambda: self.here.sql(ANSWERS))
        worker.end()
        self.proves(self.here)

    def killed(self, also=""):
        done = self.here.run("replay", "--mode", "re-emit", "--until", self.until_now, "--rate", str(ALL), "--yes",
                             "--reason", "r", ADMITONE_FAILPOINTS="resend.delivered=kill@2" + also)
        self.assertEqual(done.returncode, -signal.SIGKILL, done.stderr)
        return 2 * (ALL // 5)

    def test_one_that_is_killed_goes_on_where_it_was(self):
        worker = self.traffic()
        worker.end()
        self.until_now = self.here.sql("select to_char(now() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')")
        sent = self.killed()
        found, _ = self.replay("--mode", "re-emit", "--until", self.until_now, "--yes", "--reason", "r")
        self.assertEqual(found, {"given already": sent, "given again": ALL - sent})
        worker = self.ready_worker(self.here)
        self.until(lambda: self.here.sql(ANSWERS) == f"{ALL}|{ALL}", lambda: self.here.sql(ANSWERS))
        worker.end()
        self.proves(self.here)

    def test_beside_live_traffic_one_that_is_killed_goes_on_without_giving_twice(self):
        """Its copies have their answers by then, and stand in the range of the next run."""
        worker = self.traffic()
        self.until_now = "2099-01-01T00:00:00Z"
        sent = self.killed()
        self.until(lambda: self.here.sql(ANSWERS) == f"{ALL}|{sent}", lambda: self.here.sql(ANSWERS))
        doing = ("--mode", "re-emit", "--yes", "--reason", "r")
        found, _ = self.replay(*doing)
        self.assertEqual(found, {"given already": sent, "copy": sent, "given again": ALL - sent})
        self.until(lambda: self.here.sql(ANSWERS) == f"{ALL}|{ALL}", lambda: self.here.sql(ANSWERS))
        ends = self.ends()
        found, _ = self.replay(*doing)
        self.assertEqual(found, {"given already": ALL, "copy": ALL})
        self.assertEqual(self.ends(), ends, "nothing more is sent")
        worker.end()
        self.proves(self.here)

    def test_what_is_decided_while_it_runs_has_its_audit_row_as_well(self):
        worker = self.traffic()
        worker.end()
        other = str(uuid.uuid4())
        self.produce([event_create(str(uuid.uuid4()), other, 10)])
        arguments = [os.environ["ADMITONE_PROGRAM"], "replay", "--mode", "re-emit", "--yes", "--reason", "r"]
        replay = subprocess.Popen(arguments, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE,
                                  env=self.here.environment({"ADMITONE_FAILPOINTS": "resend.planned=stop"}))
        self.addCleanup(lambda: replay.poll() is not None or replay.kill())
        # The plan is made and written down, nothing is read for it yet.
        self.until(lambda: pathlib.Path(f"/proc/{replay.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T",
                   "it stands still")
        worker = self.ready_worker(self.here)
        self.until(lambda: self.here.sql(f"select count(*) from outcome_log where tenant_id = '{other}'") == "1",
                   "the other one's is decided")
        replay.send_signal(signal.SIGCONT)
        _, err = replay.communicate(timeout=60)
        self.assertEqual(replay.returncode, 0, err)
        self.assertIn(f"{ALL + 1} records sent", err)
        rows = self.here.sql("select tenant_id, state, result, target from operator_log").splitlines()
        self.assertEqual(sorted(line.split("|")[:3] for line in rows),
                         sorted([[self.tenant, "applied", f"{ALL} of {ALL} sent"],
                                 [other, "applied", "1 of 1 sent"]]))
        self.assertIn("decided since the plan was made", next(line for line in rows if line.startswith(other)))
        worker.end()
        self.proves(self.here)

    def test_without_an_origin_one_that_is_killed_would_give_twice(self):
        """The mutant: nothing durable says what was given."""
        worker = self.traffic()
        worker.end()
        self.until_now = self.here.sql("select to_char(now() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')")
        self.killed(";mutant:sent_again_without_origin")
        found, _ = self.replay("--mode", "re-emit", "--until", self.until_now)
        self.assertEqual(found, {"given again": ALL})


if __name__ == "__main__":
    run_tests()
