"""Dead letters sent again by operators: what would happen, each once, after a kill too (audit of part 5)."""

import json
import os
import pathlib
import signal
import subprocess
import tempfile
import uuid

from kit import SLOW, Case, command, event_create, hold, run_tests

EACH = 2_000 if os.environ.get("ADMITONE_TEST_LONG") else 12  # letters of each of five reasons
PATIENCE = 600 if os.environ.get("ADMITONE_TEST_LONG") else SLOW
STORY = ("select count(*), count(distinct origin), count(*) filter (where verdict = 'applied') "
         "from record_ledger where origin like '%.dead-letters/%'")


class DeadLetters(Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.lines = pathlib.Path(folder.name, "commands.jsonl")
        self.here = self.installation()
        self.home = self.here.settings["ADMITONE_KAFKA_COMMAND_TOPICS"]
        self.tenant, self.stranger, self.event = (str(uuid.uuid4()) for _ in range(3))
        # Whoever is not let in, and what is too large, is a dead letter; later it is not.
        self.narrow = {"ADMITONE_KAFKA_TOPIC_TENANTS": f"{{{self.home}: [{self.tenant}]}}",
                       "ADMITONE_LIMITS_MAX_VALUE_BYTES": "2000", "ADMITONE_LIMITS_MAX_STRING_BYTES": "1000"}

    def produce(self, lines):
        self.lines.write_text("".join(line + "\n" for line in lines))
        done = self.here.run("produce", str(self.lines), "--no-validate")
        self.assertEqual(done.returncode, 0, done.stderr)

    def letters(self):
        return {row["reason"]: row["letters"] for row in self.here.ask("dead-letters", "list")}

    def ends(self):
        return {row["lane"]: row["end"] for row in self.here.ask("lanes")}

    def redrive(self, *arguments, code=0, **more):
        done = self.here.run("dead-letters", "redrive", *arguments, "-o", "json", **more)
        self.assertEqual(done.returncode, code, done.stderr)
        return json.loads(done.stdout)

    @staticmethod
    def results(rows):
        found = {}
        for row in rows:
            found[row["result"]] = found.get(row["result"], 0) + 1
        return found

    def of_five_reasons(self):
        """Two letters of each."""
        worker = self.ready_worker(self.here, **self.narrow)
        theirs = str(uuid.uuid4())
        lines = [json.dumps(event_create(self.event, self.tenant, 100))]
        for i in range(2):
            large = json.dumps(hold(self.event, self.tenant, f"large-{i}"))
            nobody = hold(self.event, self.tenant, f"nobody-{i}")
            del nobody["tenantid"]
            lines += [f"{{{{ not json {i}", large.replace("{", "{" + " " * 3000, 1), json.dumps(nobody),
                      json.dumps(command("event.unheard-of", self.event, f"what-{i}", self.tenant)),
                      json.dumps(event_create(theirs, self.stranger, 10, f"theirs-{i}"))]
        self.produce(lines)
        self.until(lambda: sum(self.letters().values()) == 10, self.letters)
        worker.end()
        self.assertEqual(self.letters(), {"undecodable": 2, "limit": 2, "no_identity": 2, "unknown_type": 2,
                                          "tenant_forbidden": 2})

    def test_a_plan_says_of_each_letter_what_would_happen_and_does_nothing(self):
        self.of_five_reasons()
        ends = self.ends()
        wanted = ("--reason-code", "INVALID_COMMAND")
        self.assertEqual(self.results(self.redrive(*wanted, **self.narrow)), {"still undecodable": 8})
        self.assertEqual(self.results(self.redrive(*wanted)), {"would be sent": 2, "still undecodable": 6})
        forbidden = ("--reason-code", "tenant_forbidden")
        self.assertEqual(self.results(self.redrive(*forbidden, **self.narrow)), {"tenant is forbidden": 2})
        self.assertEqual(self.results(self.redrive("--tenant", self.stranger)), {"would be sent": 2})
        self.assertEqual(self.results(self.redrive("--tenant", self.stranger, "--limit", "1")), {"would be sent": 1})
        old = {"ADMITONE_DEAD_LETTER_MAX_AGE": "1ms"}
        self.assertEqual(self.results(self.redrive(*forbidden, **old)), {"REPLAY_TOO_OLD": 2})
        self.redrive_refuses()
        self.assertEqual(self.here.sql("select count(*) from operator_log"), "0")
        self.assertEqual(self.ends(), ends, "nothing was sent")

    def redrive_refuses(self):
        for arguments, code in (((), 2), (("--tenant", self.stranger, "--yes"), 2), (("nowhere",), 2),
                                (("--tenant", "nobody"), 2),
                                ((f"{self.home}/0/99999",), 4)):
            self.assertEqual(self.here.run("dead-letters", "redrive", *arguments).returncode, code, arguments)

    def test_letters_are_sent_again_once_and_what_cannot_be_says_so(self):
        self.of_five_reasons()
        worker = self.ready_worker(self.here)
        doing = ("--reason-code", "INVALID_COMMAND", "--yes", "--reason", "limits were too narrow", "--wait")
        first = self.redrive(*doing, code=6)
        self.assertEqual(self.results(first), {"redriven": 2, "still undecodable": 6})
        self.assertEqual(self.redrive(*doing, code=6), first, "nothing is sent twice")
        self.assertEqual(self.here.sql("select count(*) from reservation_log where status = 'held'"), "2")
        # One of them by the position of its letter, the other with all of its tenant: one event, made once.
        (one, other) = self.redrive("--tenant", self.stranger)
        rows = self.redrive(one["dead_letter"], "--yes", "--reason", "let in", "--wait")
        self.assertEqual(self.results(rows), {"redriven": 1})
        rows = self.redrive("--tenant", self.stranger, "--yes", "--reason", "let in", "--wait")
        self.assertEqual(self.results(rows), {"redriven": 2})
        self.assertEqual({row["position"] for row in rows}, {one["position"], other["position"]})
        self.assertEqual(self.here.sql(STORY), "4|4|4")
        audited = self.here.sql("select target, reason, state, result from operator_log order by requested_at, target")
        self.assertEqual([line.split("|")[1:] for line in audited.splitlines()],
                         [["limits were too narrow", "applied", "2 of 2 sent"],
                          ["let in", "applied", "1 of 1 sent"], ["let in", "applied", "1 of 1 sent"]])
        worker.end()
        self.proves(self.here)

    def forbidden_holds(self, count, padding=0):
        """Commands of a tenant that is not let in, about three events."""
        worker = self.ready_worker(self.here, **self.narrow)
        events = [str(uuid.uuid4()) for _ in range(3)]
        commands = [event_create(event, self.stranger, count, f"create-{i}") for i, event in enumerate(events)]
        commands += [hold(events[i % 3], self.stranger, f"h-{i}") for i in range(count - 3)]
        self.produce([json.dumps(one).replace("{", "{" + " " * padding, 1) for one in commands])
        self.until(lambda: self.letters() == {"tenant_forbidden": count}, self.letters)
        worker.end()

    def killed_in_the_middle(self, tenant, count, also=""):
        """How many of them are delivered by then: two batches."""
        done = self.here.run("dead-letters", "redrive", "--tenant", tenant, "--rate", str(count), "--yes",
                             "--reason", "let in", ADMITONE_FAILPOINTS="resend.delivered=kill@2" + also)
        self.assertEqual(done.returncode, -signal.SIGKILL, done.stderr)
        return 2 * min(count // 5, 500)

    def mendable(self, each):
        """So many letters of each of five reasons, all of which can be mended: holds of three events of each tenant.
        Commands of four reasons are mixed in each event, and numbered in the order in which they are sent."""
        ours, theirs = ([str(uuid.uuid4()) for _ in range(3)] for _ in range(2))
        known = [event_create(event, self.tenant, 4 * each, f"create-{i}") for i, event in enumerate(ours)]
        forbidden = [event_create(event, self.stranger, each, f"create-{i}") for i, event in enumerate(theirs)]
        forbidden += [hold(theirs[i % 3], self.stranger, f"theirs-{i}") for i in range(each - 3)]
        names = ("large", "crash-me", "of-a-later-release")
        mixed = [json.dumps(hold(ours[n // 3 % 3], self.tenant, f"{names[n % 3]}-{n}")) for n in range(3 * each)]
        mixed = [line.replace("{", "{" + " " * 3000, 1) if n % 3 == 0 else line for n, line in enumerate(mixed)]
        forged = [hold(ours[n % 3], self.tenant, f"forged-{n}") for n in range(3 * each, 4 * each)]
        # An older release, with a defect, narrow limits and a tenant that is not let in.
        worker = self.ready_worker(self.here, **self.narrow, ADMITONE_DEAD_LETTER_MAX_ATTEMPTS="1",
                                   ADMITONE_FAILPOINTS="decide.crash=throw@0;decode.older=fail@0")
        self.produce([json.dumps(line) for line in known + forbidden] + mixed)
        self.produce_forged(forged)
        wanted = {reason: each for reason in
                  ("limit", "processing_failed", "unknown_type", "bad_origin", "tenant_forbidden")}
        self.until(lambda: self.letters() == wanted, self.letters, PATIENCE)
        worker.end()
        return wanted

    def produce_forged(self, commands):
        """With a header that only AdmitOne may set, on the home topic."""
        lines = "".join(f"{one['data']['eventId']}\t{json.dumps(one)}\n" for one in commands)
        subprocess.run(["kcat", "-P", "-b", os.environ["ADMITONE_KAFKA_BOOTSTRAP_SERVERS"], "-t", self.home, "-K", "\t",
                        "-X", "partitioner=murmur2_random", "-H", "content-type=application/cloudevents+json",
                        "-H", f"admitone-origin={self.home}/0/0", "-H", "admitone-origin-signature=00"],
                       input=lines, text=True, check=True, timeout=SLOW)

    def test_a_redrive_that_is_killed_goes_on_where_it_was(self):
        """Letters of five reasons, once each."""
        reasons = self.mendable(EACH)
        all_letters, ours = 5 * EACH, 4 * EACH
        sent = self.killed_in_the_middle(self.tenant, ours)
        # No worker has seen them: what stands on the home topic tells.
        self.assertEqual(self.results(self.redrive("--tenant", self.tenant)),
                         {"on its way": sent, "would be sent": ours - sent})
        doing = ("--yes", "--reason", "mended", "--rate", "100000")
        rows = self.redrive("--tenant", self.tenant, *doing)
        self.assertEqual(self.results(rows), {"on its way": sent, "sent": ours - sent})
        rows = self.redrive("--reason-code", "tenant_forbidden", *doing)
        self.assertEqual(self.results(rows), {"sent": EACH})
        worker = self.ready_worker(self.here)
        decided = f"{all_letters}|{all_letters}|{all_letters}"
        self.until(lambda: self.here.sql(STORY) == decided, lambda: self.here.sql(STORY), PATIENCE)
        # By now the ledger tells.
        for reason in reasons:
            rows = self.redrive("--reason-code", reason, *doing, "--wait")
            self.assertEqual(self.results(rows), {"redriven": EACH}, reason)
        self.assertEqual(self.here.sql(STORY), decided)
        self.assertEqual(self.here.sql("select count(*), count(distinct reservation_id) from reservation_log"),
                         f"{all_letters - 3}|{all_letters - 3}")
        self.assertEqual(self.letters(), reasons, "none of them died again")
        # In each event's order, as they were sent first, whatever they had died of.
        number = "(substring(idempotency_key from '[0-9]+$'))::int"
        self.assertEqual(self.here.sql(
            f"select count(*), count(*) filter (where n < before) from (select {number} as n, lag({number}) over "
            "(partition by event_id order by \"offset\") as before from command_log where "
            "command_type = 'ticketing.reservation.create.v1') as holds"), f"{all_letters - 3}|0")
        worker.end()
        self.proves(self.here)

    def test_without_an_origin_a_killed_redrive_would_send_twice(self):
        """The mutant: nothing durable says what was sent."""
        self.forbidden_holds(20)
        self.killed_in_the_middle(self.stranger, 20, ";mutant:sent_again_without_origin")
        self.assertEqual(self.results(self.redrive("--tenant", self.stranger)), {"would be sent": 20})

    def test_its_lane_has_the_last_word_about_who_is_let_in(self):
        """The one who redrives has bound no topic."""
        self.of_five_reasons()
        worker = self.ready_worker(self.here, **self.narrow)
        doing = ("--tenant", self.stranger, "--yes", "--reason", "r", "--wait")
        rows = self.redrive(*doing)
        self.assertEqual(self.results(rows), {"redriven": 2})
        self.assertTrue(all(row["detail"].endswith(" is dead") for row in rows), rows)
        self.until(lambda: self.letters()["tenant_forbidden"] == 4, self.letters)
        self.assertEqual(self.here.sql("select count(*) from event_log"), "1")
        self.assertEqual(self.results(self.redrive(*doing, code=6, **self.narrow)),
                         {"redriven": 2, "tenant is forbidden": 2})
        worker.end()
        self.proves(self.here)

    def test_audit_rows_tell_what_was_sent_however_it_ends(self):
        self.forbidden_holds(20)
        doing = ("dead-letters", "redrive", "--tenant", self.stranger, "--rate", "10", "--yes", "--reason", "r")
        done = self.here.run(*doing, ADMITONE_FAILPOINTS="resend.taken=fail@5")
        self.assertEqual(done.returncode, 1, done.stderr)
        ended = self.here.sql("select state, result from operator_log").splitlines()
        self.assertNotIn("pending", "".join(ended))
        self.assertEqual(sum(int(line.split("|")[1].split()[0]) for line in ended), 4, ended)
        self.assertEqual({line.split("|")[0] for line in ended if "|0 of" not in line}, {"applied"})
        # Two are delivered, and the verb does not know it: nor does the row say that they are not.
        done = self.here.run(*doing, ADMITONE_FAILPOINTS="resend.delivered=fail")
        self.assertEqual(done.returncode, 6, done.stderr)
        self.assertIn("stays pending in operator_log: 0 were sent, of ", done.stderr)
        in_doubt = self.here.sql("select count(*) from operator_log where state = 'pending'")
        self.assertIn(in_doubt, ("1", "2"), "of the lanes that the batch was for")
        rows = self.redrive("--tenant", self.stranger, "--yes", "--reason", "r")
        self.assertEqual(self.results(rows), {"on its way": 6, "sent": 14})
        worker = self.ready_worker(self.here)
        self.until(lambda: self.here.sql(STORY) == "20|20|20", lambda: self.here.sql(STORY))
        worker.end()
        self.proves(self.here)

    def test_a_letter_of_what_was_redriven_can_be_redriven(self):
        self.forbidden_holds(6, padding=1200)
        rows = self.redrive("--tenant", self.stranger, "--limit", "3", "--yes", "--reason", "let in",
                            code=6)
        self.assertEqual(self.results(rows), {"sent": 3})
        first = rows[0]
        died = self.here.ask("dead-letters", "show", first["dead_letter"])["dead_letter"]["timestamp"]
        # A release that takes less sets them aside once more.
        worker = self.ready_worker(self.here, ADMITONE_LIMITS_MAX_VALUE_BYTES="1024",
                                   ADMITONE_LIMITS_MAX_STRING_BYTES="1000")
        self.until(lambda: self.letters().get("limit") == 3, self.letters)
        worker.end()
        rows = self.redrive("--reason-code", "limit")
        self.assertEqual(self.results(rows), {"would be sent": 3})
        self.assertTrue(all(".dead-letters/" in row["position"] for row in rows), rows)
        # It tells where and when the record died that was the first.
        second = next(row for row in rows if row["position"] == first["dead_letter"])
        headers = self.here.ask("dead-letters", "show", second["dead_letter"])["headers"]
        self.assertEqual((headers["admitone-redrive-of"], headers["admitone-redrive-time"]),
                         (first["position"], died))
        # Who names the first letter means no further attempt.
        self.assertEqual(self.results(self.redrive(first["dead_letter"])), {"redriven": 1})
        worker = self.ready_worker(self.here)
        rows = self.redrive("--reason-code", "limit", "--yes", "--reason", "read again", "--wait")
        self.assertEqual(self.results(rows), {"redriven": 3})
        worker.end()
        self.proves(self.here)


if __name__ == "__main__":
    run_tests()
