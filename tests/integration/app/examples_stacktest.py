"""The Python programs of docs/examples: what one sends is decided once, and the other takes each outcome once."""

import signal
import sqlite3
import subprocess

from examples_kit import EVENTS, Shop, skip, source
from kit import SLOW, hold, run_tests

PYTHON = ".cache/python/bin/python3"
PRODUCER = "docs/examples/python/producer.py"
CONSUMER = "docs/examples/python/consumer.py"
HOLDS = 30


class Consumer:
    def __init__(self, shop, group):
        self.process = subprocess.Popen([source(PYTHON), source(CONSUMER), shop.folder / "outcomes.sqlite"],
                                        env=shop.environment("OUTCOME_TOPIC", GROUP=f"{shop.here.name}-{group}"),
                                        text=True, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        shop.addCleanup(self.end, signal.SIGKILL)

    def end(self, number):
        """Its exit code and its last words."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self):
        if self.process.stderr.closed:
            return self.process.returncode, ""
        _, err = self.process.communicate(timeout=SLOW)
        return self.process.returncode, err


class Examples(Shop):
    def producer(self, text=None):
        if text is None:
            return [source(PYTHON), source(PRODUCER)]
        (self.folder / "producer.py").write_text(text)
        return [source(PYTHON), self.folder / "producer.py"]

    def test_the_producer_sends_what_is_done_once_in_the_lane_of_its_event(self):
        self.check_producer(self.producer())

    def test_a_producer_with_another_partitioner_would_be_noticed(self):
        text = source(PRODUCER).read_text()
        self.assertIn("murmur2_random", text)
        wrong = self.producer(text.replace("murmur2_random", "consistent_random"))
        for event in self.events:
            self.assertEqual(self.answer(self.send(wrong, event, "cart-" + event)), "RESERVATION_HELD")
        self.assertGreater(self.forwarded(), 0)

    def taken(self, statement="select count(*) from outcomes"):
        """What the consumer has kept."""
        with sqlite3.connect(self.folder / "outcomes.sqlite", timeout=SLOW) as kept:
            return kept.execute(statement).fetchall()

    def count(self):
        return self.taken()[0][0] if self.tables() else 0

    def tables(self):
        return self.taken("select 1 from sqlite_master where name = 'lanes'")

    def there(self):
        """Distinct outcomes of the topic, and the last number of each lane."""
        return (int(self.here.sql("select count(distinct outcome_id) from outcome_log")),
                sorted(tuple(map(int, row.split("|"))) for row in self.here.sql(
                    "select partition, max(seq) from outcome_log group by 1").splitlines()))

    def kept(self):
        return self.count(), sorted(self.taken("select lane, seq from lanes"))

    def holds(self, first, last):
        return [hold(self.events[i % EVENTS], self.tenant, f"hold-{i}") for i in range(first, last)]

    def test_the_consumer_takes_each_outcome_once_though_it_is_killed_and_has_a_twin(self):
        self.produce(self.holds(0, HOLDS))
        first = Consumer(self, "first")
        self.until(self.count, "it has taken some")
        first.end(signal.SIGKILL)
        # Copies are answered again, under numbers of their own.
        self.produce(self.holds(0, 2 * HOLDS))
        twins = [Consumer(self, "first"), Consumer(self, "second")]
        self.until(lambda: self.kept() == self.there(), lambda: f"{self.kept()} of {self.there()}")
        self.assertEqual(self.count(), EVENTS + 2 * HOLDS)
        self.assertEqual(int(self.here.sql("select sum(out_seq) from lane_log where topic_id = 0")), EVENTS + 3 * HOLDS)
        for twin in twins:
            code, err = twin.end(signal.SIGTERM)
            self.assertEqual(code, 0, err)
        self.proves(self.here)

    def test_the_consumer_stops_at_a_gap_and_names_it(self):
        self.produce(self.holds(0, HOLDS))
        consumer = Consumer(self, "first")
        self.until(lambda: self.tables() and self.kept() == self.there(), "all is taken")
        self.assertEqual(consumer.end(signal.SIGTERM)[0], 0)
        lane, seq = self.taken("select lane, seq from lanes order by seq desc limit 1")[0]
        with sqlite3.connect(self.folder / "outcomes.sqlite") as kept:
            kept.execute("update lanes set seq = seq - 2 where lane = ?", (lane,))
        before = self.count()
        self.produce(self.holds(0, HOLDS))
        code, err = Consumer(self, "first").wait()
        self.assertEqual(code, 1)
        self.assertIn(f"lane {lane}: outcomes {seq - 1} to {seq} are missing before offset", err)
        self.assertEqual(self.count(), before)


if __name__ == "__main__":
    if not source(PYTHON).exists():
        skip(f"{PYTHON} is missing; run scripts/setup")
    run_tests()
