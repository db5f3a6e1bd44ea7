"""A worker without connections, and what one leaves behind (audit C6, C9)."""

import json
import os
import pathlib
import tempfile
import uuid

from kit import SLOW, Case, InstallationApart, event_create, hold, metrics_of, run_tests, sample, sql

COMMANDS = 600
ROOM = 50


class Connections(Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.lines = pathlib.Path(folder.name, "commands.jsonl")
        self.here = InstallationApart()
        self.addCleanup(self.here.drop)
        self.here.make()
        self.tenant, self.event = str(uuid.uuid4()), str(uuid.uuid4())

    def send(self, commands, *arguments):
        self.lines.write_text("".join(json.dumps(one) + "\n" for one in commands))
        done = self.here.run("produce", str(self.lines), *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)

    def create_event(self):
        self.send([event_create(self.event, self.tenant, 10 * COMMANDS)], "--wait")

    def connections(self, most):
        """So many more may connect to this database; what is connected is ended first, as by a restart of the server."""
        sql(f"alter database {self.here.name} connection limit {most}")
        if most == 0:
            sql(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{self.here.name}'")

    # Audit C6. (The limit is the database's and not the server's: the SQLSTATE is the same, and nobody else notices.)
    def test_without_connections_commands_wait_consumption_pauses_and_none_fails(self):
        worker = self.ready_worker(self.here, ADMITONE_HTTP_LISTEN="127.0.0.1:0",
                                   ADMITONE_WORKER_LANE_QUEUE_RECORDS=str(ROOM), ADMITONE_WORKER_BATCH_RECORDS="20")
        self.create_event()
        decided = "select count(*) from record_ledger where command_type = 'ticketing.reservation.create.v1'"
        self.connections(0)
        self.send(hold(self.event, self.tenant, f"hold-{i}") for i in range(COMMANDS))
        refused = 'admitone_database_retries_total{class="connection"}'
        self.until(lambda: sample(metrics_of(worker), refused) >= 5, "it is refused again and again")

        def queued():
            return sum(float(line.rpartition(" ")[2]) for line in metrics_of(worker).splitlines()
                       if line.startswith("admitone_queue_records{"))

        self.until(lambda: queued() >= ROOM, "commands wait")
        # What was read before the pause took hold may be a little more than fits.
        for _ in range(20):
            self.assertLess(queued(), COMMANDS / 2, "and the others stay in Kafka")
        self.assertIsNone(worker.process.poll(), "it goes on trying")
        self.assertEqual(self.here.sql(decided), "0")
        self.connections(-1)
        self.until(lambda: self.here.sql(decided) == str(COMMANDS), "all are decided when there are some again")
        self.assertEqual(self.here.sql("select distinct verdict, status from record_ledger"), "applied|completed")
        self.assertEqual(self.here.sql("select count(*) from reservation_log"), str(COMMANDS))
        self.until(lambda: self.here.sql("select sum(unpublished) from lane_log") == "0", "and published")
        self.proves(self.here)
        took, _, err = worker.end()
        self.assertLess(took, 15)
        self.assertIn("too many connections for database", err)

    def facts(self, worker):
        """Descriptors, kilobytes of memory."""
        process = pathlib.Path(f"/proc/{worker.process.pid}")
        status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        return len(os.listdir(process / "fd")), int(status["VmRSS"].split()[0])

    # Audit C9.
    def test_connections_and_descriptors_do_not_grow_while_lanes_come_and_go(self):
        worker = self.ready_worker(self.here)
        self.create_event()
        owners = "select count(distinct owner) from lane_log where topic_id = 0"
        seen = []
        for cycle in range(6):
            other = self.ready_worker(self.here)
            self.until(lambda: self.here.sql(owners) == "2", "each has a lane")
            took, _, err = other.end()
            self.assertEqual(other.process.returncode, 0, err)
            self.assertLess(took, 15)
            self.until(lambda: self.here.sql(owners) == "1", "one has them all again")
            self.send((hold(self.event, self.tenant, f"{cycle}-{i}") for i in range(20)), "--wait")
            seen.append((sum(self.here.sessions().values()), *self.facts(worker)))
        sessions, descriptors, memory = zip(*seen)
        self.assertEqual(len(set(sessions)), 1, seen)
        self.assertLessEqual(max(descriptors[2:]), max(descriptors[:2]) + 2, seen)
        self.assertLessEqual(memory[-1], memory[1] + 32 * 1024, seen)
        took, _, err = worker.end()
        self.assertEqual(worker.process.returncode, 0, err)
        self.until(lambda: self.here.sessions() == {}, "nothing of it is connected any more", SLOW)


if __name__ == "__main__":
    run_tests()
