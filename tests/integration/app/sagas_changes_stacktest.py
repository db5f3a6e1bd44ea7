"""Events that move to other dates, and what operators say about sagas: a real worker and both simulators."""

import datetime

from kit import run_tests
from sagas_kit import QUICK, TENANT, SagaCase, creation

OLD = ("2035-06-01T19:00:00Z", "2035-06-01T22:00:00Z")
NEW = ("2035-06-09T18:30:00Z", "2035-06-09T23:00:00Z")
LOSE = {"type": "apply_then_lose"}


def moved(event, key="move", version=1):
    return {"specversion": "1.0", "id": f"{key}-{event}", "source": "/test", "type": "ticketing.event.update.v1",
            "tenantid": TENANT, "idempotencykey": f"{key}-{event}",
            "data": {"eventId": event, "expectedVersion": version, "startsAt": NEW[0], "endsAt": NEW[1]}}


def cancellation(event):
    return {"specversion": "1.0", "id": "cancel-" + event, "source": "/test", "type": "ticketing.event.cancel.v1",
            "tenantid": TENANT, "idempotencykey": "cancel-" + event, "data": {"eventId": event, "reason": "rain"}}


class Changes(SagaCase):
    def on_sale(self):
        """A worker, and an event that is on sale for the old dates."""
        self.fund()
        # A venue that stalls for a moment must not change how it goes.
        worker = self.ready_worker(**{**QUICK, "ADMITONE_SAGA_DEADLINE": "1m", "ADMITONE_SAGA_ATTEMPT_TIMEOUT": "5s",
                                      "ADMITONE_VENUE_CALL_TIMEOUT": "5s", "ADMITONE_SOLANA_CALL_TIMEOUT": "5s"})
        command = creation()
        self.assertEqual([row["code"] for row in self.send(command)], ["EVENT_CREATED"])
        return worker, command["data"]["eventId"]

    def holds(self):
        """Dates, whether it is released, and how often it was asked for: of each hold there ever was, in order."""
        return [((hold["startsAt"], hold["endsAt"]), hold["released"], hold["asked"])
                for hold in self.venue.records()["holds"]]

    def is_shown(self, event, dates, version):
        shown = self.ask("inspect", event)["event"]
        instant = datetime.datetime.fromisoformat
        self.assertEqual((shown["status"], shown["version"]), ("on_sale", version))
        self.assertEqual([instant(shown["starts_at"]), instant(shown["ends_at"])], [instant(one) for one in dates])

    def of_the_move(self):
        (row,) = [row for row in self.ask("sagas", "list", "--status", "all") if row["kind"] == "event.update"]
        return row, {step["step"]: step for step in self.ask("sagas", "show", row["saga_id"])["steps"]}


class Moves(Changes):
    def test_an_event_that_moves_has_its_new_date_before_it_gives_up_the_old_one(self):
        _, event = self.on_sale()
        (row,) = self.send(moved(event))
        self.assertEqual((row["status"], row["code"]), ("completed", "EVENT_UPDATED"), row)
        self.assertEqual(self.holds(), [(OLD, True, 1), (NEW, False, 1)])
        self.is_shown(event, NEW, 2)
        saga, steps = self.of_the_move()
        self.assertEqual(saga["status"], "completed")
        self.assertEqual([(name, step["status"]) for name, step in steps.items()],
                         [(name, "done") for name in ("db.mark_changing", "venue.hold", "db.publish_change",
                                                      "venue.release_old")])
        held, released = (self.venue.records()["holds"][at][name] for at, name in ((1, "madeAt"), (0, "releasedAt")))
        self.assertLess(held, released)
        self.assertEqual(self.send(moved(event))[0]["replayed"], True)
        self.assertEqual(len(self.holds()), 2)
        self.proves()

    def test_an_event_that_may_not_move_keeps_its_date(self):
        _, event = self.on_sale()
        self.venue.faults({"match": {"operation": "venue.hold"}, "action": {"type": "refuse"}})
        (row,) = self.send(moved(event))
        self.assertEqual((row["status"], row["code"]), ("rejected", "VENUE_REFUSED"), row)
        self.assertEqual(self.holds(), [(OLD, False, 1)])
        self.is_shown(event, OLD, 1)
        self.assertEqual(self.of_the_move()[0]["status"], "rejected")
        # It may be asked for again.
        self.venue.faults()
        self.assertEqual(self.send(moved(event, "again"))[0]["code"], "EVENT_UPDATED")
        self.assertEqual(self.holds(), [(OLD, True, 1), (NEW, False, 1)])
        self.proves()

    def test_a_new_date_whose_answer_was_lost_is_looked_up(self):
        _, event = self.on_sale()
        self.venue.faults({"match": {"operation": "venue.hold", "nth": 1}, "action": LOSE})
        self.assertEqual(self.send(moved(event))[0]["code"], "EVENT_UPDATED")
        self.assertEqual(self.holds(), [(OLD, True, 1), (NEW, False, 1)], "it was found, and not made again")
        self.assertEqual(self.venue.faults_made()["counts"][0]["acted"], 1)
        self.is_shown(event, NEW, 2)
        self.proves()


class Operators(Changes):
    def operator_log(self):
        return self.here.sql("select verb, target, reason, state from operator_log order by requested_at").splitlines()

    def needs_operator(self):
        self.until(lambda: [row["status"] for row in self.ask("sagas", "list")] == ["needs_operator"],
                   lambda: self.ask("sagas", "list", "--status", "all"))
        (row,) = self.ask("sagas", "list")
        return row["saga_id"], row["step"]

    def test_what_is_not_wanted_any_more_is_undone(self):
        self.fund()
        self.venue.faults({"match": {"operation": "venue.hold"}, "action": LOSE},
                          {"match": {"operation": "venue.holds"}, "action": {"type": "refuse", "status": 503}})
        self.ready_worker(**{**QUICK, "ADMITONE_SAGA_DEADLINE": "10m"})
        command = creation()
        event = command["data"]["eventId"]
        self.send(command, wait=False)
        self.until(lambda: [(row["step"], row["step_status"]) for row in self.ask("sagas", "list")] ==
                   [("venue.hold", "unknown")], "nobody knows whether its hold stands")
        (row,) = self.ask("sagas", "list")
        change = ("sagas", "compensate", row["saga_id"], "--reason", "the artist is ill")
        plan = self.ask(*change)
        self.assertEqual((plan["action"], plan["status"], plan["step"]), ("compensate", "running", "venue.hold"))
        self.assertIn("find out what became of venue.hold, then undo all that was done", plan["would"])
        self.assertEqual(self.operator_log(), [], "only a plan")
        done = self.ask(*change, "--yes")
        self.assertEqual(done["verdict"], "applied", done)
        self.assertEqual([hold["released"] for hold in self.venue.records()["holds"]], [False], "it is not known yet")
        self.venue.faults()
        self.until(lambda: self.ask("sagas", "list") == [], "it ends")
        self.assertEqual(self.ask("inspect", event)["event"]["status"], "withdrawn")
        self.assertEqual([hold["released"] for hold in self.venue.records()["holds"]], [True])
        self.assertEqual(self.chain.records()["transactions"], [], "and it goes no further")
        self.assertEqual(self.operator_log(), [f"sagas compensate|saga {row['saga_id']}|the artist is ill|applied"])
        (key,) = self.ask("keys", "list", "--type", command["type"])
        self.assertEqual(key["status"], "failed")
        self.proves()

    def test_what_was_seen_on_the_chain_is_taken_for_done(self):
        """The node has lost its history: the record is there, and none of the saga's transactions is known."""
        self.fund()
        self.chain.faults({"match": {"operation": "getSignatureStatuses"},
                           "action": {"type": "not_found_for", "seconds": 3600}})
        self.ready_worker(**{**QUICK, "ADMITONE_SAGA_DEADLINE": "10s"})
        command = creation()
        event = command["data"]["eventId"]
        self.send(command, wait=False)
        saga, step = self.needs_operator()
        self.assertEqual(step, "chain.register")
        (landed,) = [one["signature"] for one in self.chain.records()["transactions"] if one["state"] == "landed"]
        resolve = ("sagas", "resolve", saga, "--as", "done", "--reason", "seen in the explorer", "--yes")
        nameless = self.here.run(*resolve)
        self.assertNotEqual(nameless.returncode, 0, "of what?")
        self.assertEqual(self.needs_operator(), (saga, step))
        done = self.ask(*resolve, "--result", landed)
        self.assertEqual(done["verdict"], "applied", done)
        self.until(lambda: self.ask("sagas", "list") == [], "it ends")
        seen = self.ask("inspect", event)["event"]
        self.assertEqual((seen["status"], seen["chain_signature"]), ("on_sale", landed))
        self.assertEqual([hold["released"] for hold in self.venue.records()["holds"]], [False])
        steps = {one["step"]: one for one in self.ask("sagas", "show", saga)["steps"]}
        self.assertEqual(steps["chain.register"]["last_error"], "resolved by an operator: seen in the explorer")
        self.assertEqual(self.operator_log()[-1], f"sagas resolve --as done --result {landed}|saga {saga}|"
                                                  "seen in the explorer|applied")
        self.assertEqual(self.send(command)[0]["code"], "EVENT_CREATED")
        self.proves()

    def test_what_only_goes_forward_is_not_undone_but_may_be_said_to_be_done(self):
        _, event = self.on_sale()
        self.venue.faults({"match": {"operation": "venue.release"}, "action": {"type": "status", "status": 400}})
        self.send(cancellation(event), wait=False)
        saga, step = self.needs_operator()
        self.assertEqual(step, "venue.release")
        refused = self.here.run("sagas", "compensate", saga, "--reason", "we play after all", "--yes")
        self.assertEqual(refused.returncode, 5, refused.stderr)
        self.assertIn("is past its pivot and only goes forward", refused.stderr)
        done = self.ask("sagas", "resolve", saga, "--as", "done", "--reason", "released by phone", "--yes")
        self.assertEqual(done["verdict"], "applied", done)
        self.until(lambda: self.ask("sagas", "list") == [], "it ends")
        self.assertEqual(self.ask("inspect", event)["event"]["status"], "cancelled")
        self.assertEqual([line.rpartition("|")[2] for line in self.operator_log()], ["applied"], "the other was no action")
        self.proves()


if __name__ == "__main__":
    run_tests()
