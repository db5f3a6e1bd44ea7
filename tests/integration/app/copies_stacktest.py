"""Copies of a command that runs: ten of them, through two workers (audit B3)."""

import json
import os
import signal
import subprocess
import uuid

from kit import SLOW, run_tests
from sagas_kit import SagaCase, creation

COPIES = 10
# A call that hangs is waited for.
PATIENT = {"ADMITONE_VENUE_CALL_TIMEOUT": "29s", "ADMITONE_SAGA_ATTEMPT_TIMEOUT": "30s"}


class Copies(SagaCase):
    def start(self, **more):
        """Two workers with a lane each."""
        self.fund()
        workers = [self.ready_worker(**more) for _ in range(2)]
        self.until(lambda: self.here.sql("select count(distinct owner) from lane_log where topic_id = 0") == "2",
                   "both workers have a lane")
        return workers

    def send_copies(self, command, copies=COPIES):
        """At once, half into the lane of each worker, whose one is not the event's: those are forwarded."""
        producers = []
        for partition in range(2):
            lines = [json.dumps({**command, "id": str(uuid.uuid4())}) for _ in range(partition, copies, 2)]
            producers.append(subprocess.Popen(
                ["kcat", "-P", "-b", os.environ["ADMITONE_KAFKA_BOOTSTRAP_SERVERS"], "-t",
                 self.here.settings["ADMITONE_KAFKA_COMMAND_TOPICS"], "-p", str(partition), "-k",
                 command["data"]["eventId"], "-H", "content-type=application/cloudevents+json"],
                stdin=subprocess.PIPE, text=True))
            producers[-1].stdin.write("\n".join(lines) + "\n")
            producers[-1].stdin.close()
        for producer in producers:
            self.assertEqual(producer.wait(SLOW), 0)

    def answers(self, event):
        """(code, given again, outcome's id) of each outcome about the event, in order."""
        rows = self.here.sql("select code, replayed, outcome_id from outcome_log "
                             f"where event_id = '{event}' order by seq").splitlines()
        return [(code, replayed == "t", outcome) for code, replayed, outcome in (row.split("|") for row in rows)]

    def until_answered(self, event, count):
        self.until(lambda: len(self.answers(event)) >= count,
                   lambda: f"{self.answers(event)}, not {count}")
        answers = self.answers(event)
        self.assertEqual(len(answers), count)
        return answers

    def begin(self):
        """A creation whose venue hangs: its saga runs until the venue is let go on."""
        command = creation()
        self.venue.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.venue.process.send_signal, signal.SIGCONT)
        self.send(command, wait=False)
        self.until(lambda: len(self.ask("sagas", "list")) == 1, "its saga runs")
        return command, command["data"]["eventId"]

    def go_on(self):
        self.venue.process.send_signal(signal.SIGCONT)

    def one_effect(self, event):
        self.assertEqual([one["eventId"] for one in self.venue.records()["holds"]], [event])
        self.assertEqual(self.here.sql(f"select count(*) from command_log where event_id = '{event}'"), "1")
        self.proves()

    def test_ten_copies_of_what_runs_get_the_one_answer_when_it_ends(self):
        self.start(**PATIENT)
        command, event = self.begin()
        self.send_copies(command)
        waiting = "select count(*) from parked where copy"
        self.until(lambda: self.here.sql(waiting) == str(COPIES), lambda: f"{self.here.sql(waiting)} copies wait")
        self.assertEqual(self.answers(event), [], "nobody is answered before it ends")
        self.go_on()
        answers = self.until_answered(event, COPIES + 1)
        self.assertEqual([(code, again) for code, again, _ in answers],
                         [("EVENT_CREATED", False)] + [("EVENT_CREATED", True)] * COPIES)
        self.assertEqual(len({outcome for _, _, outcome in answers}), 1, "the same answer")
        self.assertEqual(self.here.sql(waiting), "0")
        self.one_effect(event)

    def test_ten_copies_of_what_runs_are_refused_at_once_where_the_setting_says_so(self):
        self.start(**PATIENT, ADMITONE_IDEMPOTENCY_IN_PROGRESS="reject")
        command, event = self.begin()
        self.send_copies(command)
        answers = self.until_answered(event, COPIES)
        self.assertEqual({(code, again) for code, again, _ in answers}, {("REQUEST_IN_PROGRESS", False)})
        self.assertEqual(len({outcome for _, _, outcome in answers}), COPIES, "each its own")
        self.assertEqual(len(self.ask("sagas", "list")), 1, "while it runs")
        self.go_on()
        last = self.until_answered(event, COPIES + 1)[-1]
        self.assertEqual(last[:2], ("EVENT_CREATED", False))
        self.send_copies(command, copies=2)
        self.assertEqual(self.until_answered(event, COPIES + 3)[-2:], 2 * [("EVENT_CREATED", True, last[2])])
        self.one_effect(event)


if __name__ == "__main__":
    run_tests()
