"""A worker with both simulators outside, for the stack tests about sagas."""

import json
import os
import pathlib
import sys
import tempfile
import urllib.request
import uuid

from kit import SLOW, Case, port_of

sys.path.insert(0, str(pathlib.Path(os.environ["ADMITONE_SOURCE_DIR"]) / "tests/support"))

from simulators import SECRET, Simulator, settings, write_wallet  # noqa: E402

# A saga gives up within seconds.
QUICK = {"ADMITONE_SAGA_DEADLINE": "6s", "ADMITONE_SAGA_ATTEMPT_TIMEOUT": "1s", "ADMITONE_SAGA_LANDING": "1s",
         "ADMITONE_SAGA_ARRIVAL_MARGIN": "100ms", "ADMITONE_SAGA_QUICK_TO": "500ms", "ADMITONE_SAGA_SLEEP_FROM": "500ms",
         "ADMITONE_SAGA_SLEEP_TO": "1s", "ADMITONE_VENUE_CALL_TIMEOUT": "1s", "ADMITONE_SOLANA_CALL_TIMEOUT": "1s"}
TENANT = "4c6f7cbf-58db-457f-9dbe-69e0ae9bb859"


def creation(name="Evening", **data):
    event = str(uuid.uuid4())
    return {"specversion": "1.0", "id": "create-" + event, "source": "/test", "type": "ticketing.event.create.v1",
            "tenantid": TENANT, "idempotencykey": "key-" + event,
            "data": {"eventId": event, "venueId": "hall-" + event, "name": name, "startsAt": "2035-06-01T19:00:00Z",
                     "endsAt": "2035-06-01T22:00:00Z", "timezone": "Europe/Berlin",
                     "sections": [{"sectionId": "floor", "name": "Floor", "capacity": 10, "priceMinor": 100,
                                   "currency": "EUR"}], **data}}


class SagaCase(Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        secret = self.folder / "secret"
        secret.write_text(SECRET + "\n")
        self.wallet = write_wallet(self.folder / "wallet.json")
        self.venue = self.simulator("venue", "--any-venue", "--capacity", "1000", "--token-secret-file", str(secret))
        self.chain = self.simulator("solana", "--slot-time", "20ms")
        self.here = self.installation()
        self.here.settings |= {"ADMITONE_HTTP_LISTEN": "127.0.0.1:0",
                               **settings(self.venue, self.chain, secret, self.wallet)}

    def simulator(self, kind, *arguments):
        simulator = Simulator(os.environ["ADMITONE_PROGRAM"], kind, self.folder, *arguments)
        self.addCleanup(simulator.end)
        return simulator

    def fund(self):
        self.chain.fund(1_000_000_000)

    def ready_worker(self, **more):
        return super().ready_worker(self.here, **more)

    def send(self, *commands, wait=True):
        lines = self.folder / "commands.jsonl"
        lines.write_text("".join(json.dumps(command) + "\n" for command in commands))
        arguments = ("--wait", "--timeout", f"{SLOW}s") if wait else ()
        done = self.here.run("produce", str(lines), *arguments, "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def ask(self, *arguments):
        done = self.here.run(*arguments, "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def metrics(self, worker):
        address = "http://" + port_of(worker.process.pid) + "/metrics"
        return urllib.request.urlopen(address, timeout=10).read().decode()

    def proves(self):
        super().proves(self.here)

    def parked(self, **more):
        """A saga whose hold stands, and nobody can find out: its worker, its command and its row in the list."""
        self.fund()
        self.venue.faults({"match": {"operation": "venue.hold"}, "action": {"type": "apply_then_lose"}},
                          {"match": {"operation": "venue.holds"}, "action": {"type": "refuse", "status": 404}})
        worker = self.ready_worker(**{**QUICK, "ADMITONE_SAGA_DEADLINE": "10s", **more})
        command = creation()
        self.send(command, wait=False)
        self.until(lambda: [row["status"] for row in self.ask("sagas", "list")] == ["needs_operator"],
                   "nobody can tell, so somebody has to")
        (row,) = self.ask("sagas", "list", "--stuck")
        self.assertEqual((row["step"], row["stuck"]), ("venue.hold", True))
        self.until(lambda: 'admitone_sagas{kind="event.create",status="needs_operator"} 1' in self.metrics(worker),
                   "it is counted")
        return worker, command, row
