"""Copies of a command that runs, and keys that have ended: ten copies through two workers (audit B3, B6)."""

import json
import os
import signal
import subprocess
import uuid

from kit import SLOW, hold, run_tests
from sagas_kit import QUICK, TENANT, SagaCase, creation

COPIES = 10
# A call that hangs is waited for.
PATIENT = {"ADMITONE_VENUE_CALL_TIMEOUT": "29s", "ADMITONE_SAGA_ATTEMPT_TIMEOUT": "30s"}
# As short as settings allow: keys are kept for as long as a command may come back.
SHORT = {"ADMITONE_KAFKA_COMMAND_RETENTION": "60s", "ADMITONE_DEAD_LETTER_MAX_AGE": "1s",
         "ADMITONE_REPLAY_WINDOW": "1s", "ADMITONE_IDEMPOTENCY_COMPLETED_TTL": "62s",
         "ADMITONE_IDEMPOTENCY_FAILED_TTL": "60s", "ADMITONE_LEDGER_PART_LENGTH": "20s",
         "ADMITONE_LEDGER_HOUSEKEEPING_INTERVAL": "1s", "ADMITONE_REDIS_KEY_TTL": "60s"}


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

    def answers(self, event, after=0):
        """(code, given again, outcome's id) of each outcome about the event with a later number, in order."""
        rows = self.here.sql("select code, replayed, outcome_id from outcome_log "
                             f"where event_id = '{event}' and seq > {after} order by seq").splitlines()
        return [(code, replayed == "t", outcome) for code, replayed, outcome in (row.split("|") for row in rows)]

    def until_answered(self, event, count, after=0):
        self.until(lambda: len(self.answers(event, after)) >= count,
                   lambda: f"{self.answers(event, after)}, not {count}")
        answers = self.answers(event, after)
        self.assertEqual(len(answers), count)
        return answers

    def last_number(self, event):
        return int(self.here.sql(f"select max(seq) from outcome_log where event_id = '{event}'"))

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

    def test_a_key_that_has_ended_is_met_as_if_it_had_never_been_seen(self):
        """One of a command that was done, and one of a command that failed."""
        outside = {name: value for name, value in self.here.settings.items()
                   if name.startswith(("ADMITONE_VENUE", "ADMITONE_CHAIN", "ADMITONE_SOLANA", "ADMITONE_HTTP"))}
        self.here = self.installation(made=False)
        self.addCleanup(self.here.drop)
        self.here.settings |= outside | SHORT
        self.here.make()
        self.start(**QUICK, ADMITONE_CHAIN_ENABLED="false")
        created, failed = creation(), creation()
        event, without = created["data"]["eventId"], failed["data"]["eventId"]
        self.send(created)
        self.venue.faults({"match": {"operation": "venue.find"}, "action": {"type": "refuse", "status": 503}})
        self.assertEqual([row["code"] for row in self.send(failed)], ["VENUE_UNAVAILABLE"])
        self.venue.faults()
        first = hold(event, TENANT, "the-key", reservationId=str(uuid.uuid4()), holdSeconds=3000)
        later = hold(event, TENANT, "the-key", reservationId=str(uuid.uuid4()), holdSeconds=3000)
        changed = {**failed, "data": {**failed["data"], "name": "Another evening"}}
        self.assertEqual([row["code"] for row in self.send(first)], ["RESERVATION_HELD"])
        for one in (first, later, changed):
            self.send_copies(one, copies=2)
        self.assertEqual(sorted(code for code, _, _ in self.until_answered(event, 6)),
                         ["EVENT_CREATED"] + 2 * ["IDEMPOTENCY_KEY_REUSED"] + 3 * ["RESERVATION_HELD"])
        self.assertEqual([code for code, _, _ in self.until_answered(without, 3)],
                         ["VENUE_UNAVAILABLE"] + 2 * ["IDEMPOTENCY_KEY_REUSED"])
        numbers = self.last_number(event), self.last_number(without)
        kept = "select count(*) from command_log where expires_at is null or expires_at > now()"
        self.assertEqual(self.here.sql(kept), "3")
        self.until(lambda: self.here.sql(kept) == "0", "all keys have ended", 3 * SLOW)

        self.send_copies(later)
        self.send_copies(changed)
        for about, number, code in ((event, numbers[0], "RESERVATION_HELD"), (without, numbers[1], "EVENT_CREATED")):
            answers = self.until_answered(about, COPIES, number)
            self.assertEqual([one[:2] for one in answers], [(code, False)] + [(code, True)] * (COPIES - 1))
            self.assertEqual(len({outcome for _, _, outcome in answers}), 1, "one answer")
        self.assertEqual(self.here.sql(f"select held from section_capacity where event_id = '{event}'"), "2")
        self.assertEqual(self.here.sql("select count(*) from reservation_log"), "2")
        self.proves()


if __name__ == "__main__":
    run_tests()
