"""Payloads are never logged: commands full of marks, whatever becomes of them, and all that worker and verbs have said."""

import json
import os
import pathlib
import secrets
import subprocess
import tempfile
import threading
import uuid

from kit import SLOW, Case, command, event_create, hold, metrics_of, run_tests


class Payloads(Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.lines = pathlib.Path(folder.name, "commands.jsonl")
        self.here = self.installation(partitions=1)
        self.tenant, self.event, self.reservation = (str(uuid.uuid4()) for _ in range(3))
        self.marks, self.said, self.sent = {}, [], 0

    def mark(self, name):
        """A text that stands nowhere else."""
        found = f"payload{secrets.token_hex(8)}"
        self.marks.setdefault(name, []).append(found)
        return found

    def marked_event(self, event, key, **data):
        made = event_create(event, self.tenant, 10, key)
        made["data"] |= {"name": self.mark("name"), "description": self.mark("description"),
                         "metadata": {self.mark("metadata's key"): {"inner": [self.mark("metadata's value")]}}, **data}
        made["data"]["sections"][0]["name"] = self.mark("section's name")
        return made

    def marked_hold(self, key, event=None, **data):
        made = hold(event or self.event, self.tenant, key)
        made["data"] |= {"customerId": self.mark("customer"), **data}
        return made

    def commands(self):
        """Of each fate that a command can have, by what should become of it."""
        refused = self.marked_event(str(uuid.uuid4()), "refused", name="refuse " + self.mark("a row that is refused"))
        invalid = self.marked_hold("invalid", items=self.mark("items that are none"))
        nowhere = self.marked_hold("nowhere", items=[{"sectionId": self.mark("section"), "quantity": 1}])
        other = self.marked_event(self.event, "create")
        copy = self.marked_hold("held", reservationId=self.reservation)
        doubled = json.dumps(self.marked_hold("doubled"))
        name = self.mark("a name that is there twice")
        doubled = doubled.replace('"data": {', f'"data": {{"{name}": 1, "{name}": 2, ', 1)
        large = json.dumps(self.marked_hold("large")).replace("{", "{" + " " * 300_000, 1)
        applied = [self.marked_event(self.event, "create"), copy, copy,
                   command("reservation.confirm", self.event, "paid", self.tenant, reservationId=self.reservation,
                           paymentReference=self.mark("reference")),
                   command("reservation.cancel", self.event, "back", self.tenant, reservationId=self.reservation,
                           reference=self.mark("reference"))]
        odd = [other, invalid, nowhere, refused, self.marked_hold("elsewhere", str(uuid.uuid4())),
               command("event.unheard-of", self.event, "unheard-of", self.tenant, what=self.mark("unknown command")),
               self.marked_hold("crash-me")]
        poison = [f"{{{{ {self.mark('no JSON')}", f'{{"crash-the-decoder": "{self.mark("a decoder that throws")}"}}',
                  doubled, large]
        return [json.dumps(one) for one in applied + odd] + poison

    def verb(self, *words, **more):
        done = self.here.run(*words, ADMITONE_LOG_LEVEL="trace", ADMITONE_KAFKA_OPTIONS="debug=all", **more)
        self.said.append((" ".join(words), done.stderr))
        return done

    def run_all(self, format, mutant=""):
        """Each command and what is not one, through a worker that says all it can."""
        worker = self.ready_worker(self.here, ADMITONE_LOG_LEVEL="trace", ADMITONE_LOG_FORMAT=format,
                                   ADMITONE_HTTP_LISTEN="127.0.0.1:0",
                                   ADMITONE_KAFKA_OPTIONS="debug=all", ADMITONE_DEAD_LETTER_MAX_ATTEMPTS="2",
                                   ADMITONE_FAILPOINTS="decide.crash=throw@0;decode.crash=throw@0" + mutant)
        # It says more than a pipe holds, and waits for whoever reads it.
        stream, worker.process.stderr = worker.process.stderr, None
        log = []
        reader = threading.Thread(target=lambda: log.append(stream.read()))
        reader.start()
        lines = self.commands()
        self.lines.write_text("".join(line + "\n" for line in lines))
        done = self.verb("produce", str(self.lines), "--no-validate")
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        self.send_with_a_marked_header()
        self.sent += len(lines) + 1
        decided = "select count(*) from record_ledger"
        self.until(lambda: int(self.here.sql(decided)) >= self.sent, lambda: self.here.sql(decided))
        # Of each fate one at least, or this would show nothing.
        verdicts = set(self.here.sql("select distinct verdict from record_ledger").split())
        self.assertLessEqual({"applied", "duplicate", "mismatch", "invalid", "dead"}, verdicts)
        letters = ("dead-letters", "list")
        self.until(lambda: {"undecodable", "unknown_type", "limit", "processing_failed"}
                   <= {row["reason"] for row in self.here.ask(*letters)}, lambda: self.here.ask(*letters))
        self.said.append(("metrics", metrics_of(worker)))
        _, out, _ = worker.end()
        reader.join(SLOW)
        stream.close()
        self.said += [("worker", out), ("worker's log", log[0])]
        for words in (("dead-letters", "redrive", "--reason-code", "limit"), ("doctor",), ("audit",),
                      ("inspect", self.event), ("lanes",)):
            self.verb(*words)

    def send_with_a_marked_header(self):
        """And a marked key."""
        line = f"{self.mark('key of a record')}\t{json.dumps(self.marked_hold('headed'))}\n"
        subprocess.run(["kcat", "-P", "-b", os.environ["ADMITONE_KAFKA_BOOTSTRAP_SERVERS"], "-t",
                        self.here.settings["ADMITONE_KAFKA_COMMAND_TOPICS"], "-K", "\t", "-H",
                        "content-type=application/cloudevents+json", "-H", "x-mark=" + self.mark("header")],
                       input=line, text=True, check=True, timeout=SLOW)

    def found(self):
        """(what was marked, who said it, the end of the line up to there)."""
        return sorted({(name, what, text[:text.index(one)].rpartition("\n")[2][-200:])
                       for what, text in self.said for name, all_of_it in self.marks.items()
                       for one in all_of_it if one in text})

    def test_nothing_that_is_said_holds_a_payload(self):
        self.here.sql("alter table events add check (name not like 'refuse %')")
        for format in ("json", "text"):
            with self.subTest(format):
                self.run_all(format)
                self.assertEqual(self.found(), [])
        self.assertGreater(sum(len(text) for _, text in self.said), 100_000, "there is enough to find something in")

    def test_the_search_finds_what_a_mutant_says(self):
        self.here.sql("alter table events add check (name not like 'refuse %')")
        self.run_all("json", ";mutant:payloads_logged")
        self.assertLessEqual({"name", "metadata's value", "customer", "reference", "unknown command", "no JSON"},
                             {name for name, *_ in self.found()})


if __name__ == "__main__":
    run_tests()
