"""Events that need the venue service and the chain: a real worker, both simulators, and what operators see of it."""

import json
import re
import signal
import time
import urllib.request
import uuid

from kit import NOWHERE, port_of, run_tests, sql
from sagas_kit import TENANT, SagaCase, creation
from simulators import SECRET, WALLET, base58


class Sagas(SagaCase):
    def test_an_event_is_held_at_the_venue_and_registered_on_the_chain(self):
        self.fund()
        worker = self.ready_worker()
        command = creation()
        event = command["data"]["eventId"]
        self.assertEqual([row["code"] for row in self.send(command)], ["EVENT_CREATED"])
        holds = self.venue.records()["holds"]
        self.assertEqual([(hold["eventId"], hold["released"], hold["asked"]) for hold in holds], [(event, False, 1)])
        seen = self.ask("inspect", event)
        self.assertEqual(seen["event"]["status"], "on_sale")
        signature = seen["event"]["chain_signature"]
        landed = [one for one in self.chain.records()["transactions"] if one["signature"] == signature]
        self.assertEqual(len(landed), 1, "what the event names is on the chain")

        (row,) = self.ask("sagas", "list", "--status", "all")
        self.assertEqual((row["kind"], row["event_id"], row["status"], row["stuck"]),
                         ("event.create", event, "completed", False))
        shown = self.ask("sagas", "show", row["saga_id"])
        self.assertEqual([step["step"] for step in shown["steps"]],
                         ["db.reserve", "venue.validate", "venue.hold", "chain.register", "db.publish"])
        self.assertEqual({step["status"] for step in shown["steps"]}, {"done"})
        self.assertEqual([one["signature"] for one in shown["transactions"]], [signature])
        self.assertEqual(self.ask("inspect", signature)["saga"]["saga_id"], row["saga_id"])
        story = self.ask("inspect", row["saga_id"])
        self.assertEqual(story["saga"]["event_id"], event)
        for told in (seen, story):  # one time line, whichever way one comes
            whats = [moment["what"] for moment in told["timeline"]]
            self.assertIn("step chain.register done", whats)
            self.assertIn("outcome EVENT_CREATED", whats)
            self.assertEqual([moment["time"] for moment in told["timeline"]],
                             sorted(moment["time"] for moment in told["timeline"]))
        self.assertEqual(self.here.run("sagas", "show", str(uuid.uuid4())).returncode, 4)

        called = 'admitone_external_calls_total{operation="hold",result="done",service="venue"} 1'
        self.until(lambda: called in self.metrics(worker), "the call is counted")
        text = self.metrics(worker)
        for service in ("venue", "chain"):
            self.assertRegex(text, rf'admitone_external_call_duration_seconds_count{{service="{service}"}} [1-9]')
            self.assertRegex(text, rf'admitone_breaker_state{{endpoint="http://[^"]*",service="{service}"}} 0')
        # Audit C15.
        for operation, service in (("hold", "venue"), ("sendTransaction", "chain")):
            self.assertRegex(text, rf'admitone_external_calls_total{{operation="{operation}",result="done",'
                                   rf'service="{service}"}} [1-9]')
            self.assertRegex(text, rf'admitone_external_call_seconds_total{{operation="{operation}",'
                                   rf'service="{service}"}} [0-9.e-]*[1-9]')
        self.assertIn('admitone_venue_cache_total{result="hit"} 0', text)
        self.assertIn('admitone_sagas{kind="event.create",status="running"} 0', text)
        self.assertEqual(self.send(command)[0]["replayed"], True)
        self.assertEqual(len(self.venue.records()["holds"]), 1)
        self.proves()
        took, _, err = worker.end()
        self.assertEqual(worker.process.returncode, 0, err)
        for secret in (SECRET, base58(WALLET), json.dumps(list(WALLET))):
            self.assertNotIn(secret, err)

    def test_what_the_chain_refuses_is_undone_at_the_venue(self):
        worker = self.ready_worker()  # a wallet without money
        command = creation()
        (row,) = self.send(command)
        self.assertEqual((row["status"], row["code"]), ("rejected", "CHAIN_REFUSED"), row)
        (hold,) = self.venue.records()["holds"]
        self.assertEqual((hold["eventId"], hold["released"]), (command["data"]["eventId"], True))
        self.assertEqual(self.ask("inspect", command["data"]["eventId"])["event"]["status"], "withdrawn")
        self.assertEqual(self.ask("sagas", "list"), [])
        self.assertEqual([row["status"] for row in self.ask("sagas", "list", "--status", "rejected")], ["rejected"])
        self.proves()
        worker.end()

    def test_an_answer_that_was_lost_is_looked_up(self):
        self.fund()
        lose = {"type": "apply_then_lose"}
        self.venue.faults({"match": {"operation": "venue.hold", "nth": 1}, "action": lose})
        self.chain.faults({"match": {"operation": "sendTransaction", "nth": 1}, "action": lose})
        self.ready_worker()
        self.assertEqual(self.send(creation())[0]["code"], "EVENT_CREATED")
        self.assertEqual(len(self.venue.records()["holds"]), 1)
        self.proves()

    def test_a_saga_goes_on_under_the_next_worker(self):
        self.fund()
        self.venue.faults({"match": {"operation": "venue.hold", "nth": 1}, "action": {"type": "hang", "seconds": 30}})
        worker = self.ready_worker()
        command = creation()
        self.send(command, wait=False)
        self.until(lambda: [row["step_status"] for row in self.ask("sagas", "list")
                            if row["step"] == "venue.hold"] == ["running"], "the hold is under way")
        took, _, err = worker.end(signal.SIGTERM)
        self.assertEqual(worker.process.returncode, 0, err)
        self.assertLess(took, 15)
        self.ready_worker()
        self.until(lambda: self.ask("sagas", "list") == [], "the next worker ends it")
        self.assertEqual(self.ask("inspect", command["data"]["eventId"])["event"]["status"], "on_sale")
        self.assertEqual([hold["released"] for hold in self.venue.records()["holds"]], [False])
        self.proves()

    # Audit B5, D4.
    def test_what_a_killed_worker_was_doing_is_taken_over_within_30_seconds(self):
        self.fund()
        self.venue.faults({"match": {"operation": "venue.hold", "nth": 1}, "action": {"type": "hang", "seconds": 30}})
        worker = self.ready_worker()
        command = creation()
        self.send(command, wait=False)
        self.until(lambda: [row["step_status"] for row in self.ask("sagas", "list")
                            if row["step"] == "venue.hold"] == ["running"], "the hold is under way")
        worker.kill()
        killed = time.monotonic()
        self.ready_worker()
        self.until(lambda: self.ask("sagas", "list") == [], "the next worker ends it")
        self.assertLess(time.monotonic() - killed, 30)
        self.assertEqual(self.ask("inspect", command["data"]["eventId"])["event"]["status"], "on_sale")
        self.assertEqual([hold["released"] for hold in self.venue.records()["holds"]], [False])
        self.proves()

    def test_services_that_are_away_keep_no_worker_from_starting(self):
        worker = self.ready_worker(ADMITONE_SOLANA_RPC_URL="http://" + NOWHERE, ADMITONE_VENUE_URL="http://" + NOWHERE)
        self.send(*(creation() for _ in range(8)), wait=False)
        opened = 'admitone_breaker_state{endpoint="http://127.0.0.1:9",service="venue"}'
        self.until(lambda: opened in self.metrics(worker), "the breaker is shown")
        # Its transitions, the errors of an operation, and a cache that has nothing to give (audit C15).
        counted = ('admitone_breaker_transitions_total{endpoint="http://127.0.0.1:9",service="venue",state="open"}',
                   'admitone_external_calls_total{operation="find",result="retry",service="venue"}',
                   'admitone_venue_cache_total{result="miss"}')
        for sample in counted:
            self.until(lambda: re.search(re.escape(sample) + " [1-9]", self.metrics(worker)), sample)
        self.until(lambda: [row["step"] for row in self.ask("sagas", "list")] == 8 * ["venue.validate"], "they wait")
        address = "http://" + port_of(worker.process.pid) + "/readyz"
        self.assertEqual(urllib.request.urlopen(address, timeout=10).status, 200)
        self.assertEqual(worker.end()[0] < 15, True)

    def test_an_operator_lets_a_saga_try_again(self):
        worker, command, row = self.parked()
        saga = row["saga_id"]
        plan = self.ask("sagas", "retry", saga, "--reason", "the desk answers again")
        self.assertEqual((plan["action"], plan["status"]), ("retry", "needs_operator"))
        self.assertEqual([one["status"] for one in self.ask("sagas", "list")], ["needs_operator"], "only a plan")
        self.venue.faults()
        done = self.ask("sagas", "retry", saga, "--reason", "the desk answers again", "--yes")
        self.assertEqual(done["verdict"], "applied", done)
        self.until(lambda: self.ask("sagas", "list") == [], "it ends")
        self.assertEqual(self.ask("inspect", command["data"]["eventId"])["event"]["status"], "withdrawn")
        self.assertEqual([hold["released"] for hold in self.venue.records()["holds"]], [True])
        log = f'"{self.here.name}".operator_log'
        self.assertEqual(sql(f"select verb, target, reason, state, result from {log}"),
                         f"sagas retry|saga {saga}|the desk answers again|applied|{done['position']}")
        again = self.here.run("sagas", "retry", saga, "--reason", "once more", "--yes")
        self.assertEqual(again.returncode, 5, again.stderr)
        self.assertEqual(self.here.run("sagas", "retry", str(uuid.uuid4()), "--reason", "x").returncode, 4)
        self.proves()
        worker.end()

    def test_an_operator_resolves_a_doubt(self):
        worker, command, row = self.parked()
        saga = row["saga_id"]
        refused = self.here.run("sagas", "resolve", saga, "--as", "done", "--result", "hold-1", "--reason", "x", "--yes")
        self.assertEqual(refused.returncode, 5, refused.stderr)
        self.assertIn("is being undone", refused.stderr)
        done = self.ask("sagas", "resolve", saga, "--as", "undone", "--reason", "released by phone", "--yes")
        self.assertEqual(done["verdict"], "applied", done)
        self.until(lambda: self.ask("sagas", "list") == [], "it ends")
        steps = self.ask("sagas", "show", saga)["steps"]
        held = next(step for step in steps if step["step"] == "venue.hold")
        self.assertEqual(held["last_error"], "resolved by an operator: released by phone")
        self.assertEqual(sql(f'select state from "{self.here.name}".operator_log order by requested_at'),
                         "applied")
        self.proves()
        worker.end()

    def refuses_to_release(self, key, *texts, code=5):
        done = self.here.run("keys", "release", key, "--reason", "it is stuck", "--yes")
        self.assertEqual(done.returncode, code, done.stderr)
        for text in texts:
            self.assertIn(text, done.stderr)

    # Audit D8.
    def test_a_stuck_key_is_released_and_may_be_sent_again(self):
        self.fund()
        self.venue.faults({"match": {"operation": "venue.find"}, "action": {"type": "refuse", "status": 503}})
        self.ready_worker()
        command = creation()
        key, event = command["idempotencykey"], command["data"]["eventId"]
        self.send(command, wait=False)
        self.until(lambda: [row["step"] for row in self.ask("sagas", "list")] == ["venue.validate"], "it is stuck")
        hold = {**command, "id": "hold", "type": "ticketing.reservation.create.v1", "idempotencykey": "hold-" + event,
                "data": {"eventId": event, "customerId": "c", "items": [{"sectionId": "floor", "quantity": 1}]}}
        self.send(hold, wait=False)
        self.until(lambda: len(self.ask("keys", "list", "--status", "in_progress")) == 2, "the hold is parked")
        (saga,) = self.ask("sagas", "list")
        self.refuses_to_release(hold["idempotencykey"], "is parked and nothing of it has been done", saga["saga_id"])
        self.refuses_to_release("nobody's", "no key is 'nobody's'", code=4)

        plan = self.ask("keys", "release", key, "--reason", "the venue is closed")
        self.assertEqual((plan["action"], plan["saga_id"], plan["status"]), ("release", saga["saga_id"], "in_progress"))
        self.assertIn("undo what was done, and end as failed", plan["would"])
        log = f'"{self.here.name}".operator_log'
        self.assertEqual(sql(f"select count(*) from {log}"), "0", "only a plan")
        done = self.ask("keys", "release", key, "--tenant", TENANT, "--type", command["type"], "--reason",
                        "the venue is closed", "--yes")
        self.assertEqual(done["verdict"], "applied", done)
        self.until(lambda: [row["status"] for row in self.ask("keys", "list", "--type", command["type"])] == ["failed"],
                   "the attempt ends as failed")
        self.assertEqual(sql(f"select verb, target, reason, state from {log}"),
                         f"keys release|saga {saga['saga_id']}|the venue is closed|applied")
        self.refuses_to_release(key, "has failed (PROCESSING_FAILED)", "may be sent again")

        self.venue.faults()
        self.assertEqual(self.send(command)[0]["code"], "EVENT_CREATED")
        self.assertEqual([(one["eventId"], one["released"]) for one in self.venue.records()["holds"]],
                         [(event, False)], "one effect")
        self.refuses_to_release(key, "is completed (EVENT_CREATED)", "its answer is given again")
        self.assertEqual(sql(f"select count(*) from {log}"), "1", "what is refused at once is not begun")
        self.proves()

    def test_a_key_is_not_released_while_its_attempt_is_in_doubt(self):
        self.fund()
        self.venue.faults({"match": {"operation": "venue.hold"}, "action": {"type": "apply_then_lose"}},
                          {"match": {"operation": "venue.holds"}, "action": {"type": "refuse", "status": 503}})
        self.ready_worker(ADMITONE_SAGA_ATTEMPT_TIMEOUT="1s", ADMITONE_VENUE_CALL_TIMEOUT="1s",
                          ADMITONE_SOLANA_CALL_TIMEOUT="1s", ADMITONE_SAGA_SLEEP_FROM="500ms",
                          ADMITONE_SAGA_SLEEP_TO="1s")
        command = creation()
        self.send(command, wait=False)
        self.until(lambda: [(row["step"], row["step_status"]) for row in self.ask("sagas", "list")] ==
                   [("venue.hold", "unknown")], "nobody knows whether its hold stands")
        (row,) = self.ask("sagas", "list")
        self.refuses_to_release(command["idempotencykey"], "it is not known what became of venue.hold",
                                "admitone sagas compensate " + row["saga_id"])
        self.assertEqual(sql(f'select count(*) from "{self.here.name}".operator_log'), "0", "nothing was done")
        self.venue.faults()
        self.until(lambda: self.ask("sagas", "list") == [], "it ends")
        self.assertEqual(self.ask("inspect", command["data"]["eventId"])["event"]["status"], "on_sale")
        self.proves()

    def test_a_key_is_not_released_while_its_attempt_is_being_undone(self):
        worker, command, row = self.parked()
        self.refuses_to_release(command["idempotencykey"], row["saga_id"], "is being undone already")
        self.assertEqual([one["status"] for one in self.ask("sagas", "list")], ["needs_operator"], "nothing was done")
        worker.end()

    # Audit C16.
    def test_a_wallet_that_others_can_read_is_refused(self):
        self.wallet.chmod(0o640)
        self.refused(self.here, "solana.wallet_file", "has mode 0640", "emptyDir")
        self.wallet.unlink()
        self.refused(self.here, "solana.wallet_file", "cannot be opened")
        self.wallet.write_text("[1]")
        self.wallet.chmod(0o600)
        self.refused(self.here, "solana.wallet_file", "not a JSON array of 64 numbers")


if __name__ == "__main__":
    run_tests()
