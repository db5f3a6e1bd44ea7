"""What is done to three workers and their servers while commands flow. Seeded; each act is written down."""
from __future__ import annotations

import collections
import pathlib
import random
import re
import signal
import time

from installation import ROOT, Installation, Worker

# Not durable points of the engine: what they do is the matter of a law test, or of api_stacktest (nobody changes anything by
# hand in a storm).
SPECIAL = {"decide.crash", "decode.older", "inspect.by_name", "consumer.fatal", "unit.between_transactions", "operate.begun",
           "operate.sent"}
TERMINATE = ("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'admitone_worker' "
             "and datname = current_database()")
HURRIED = 128 + signal.SIGTERM  # how a worker ends that is told twice


def durable_points() -> list[str]:
    """Every failpoint the engine's sources name."""
    names = set()
    for source in pathlib.Path(ROOT / "src").rglob("*.cpp"):
        names |= set(re.findall(r'\b(?:hit|stop)\("([a-z_]+\.[a-z_]+)"\)', source.read_text("utf-8")))
    return sorted(names - SPECIAL)


class Chaos:
    def __init__(self, installation: Installation, seed: int, workers: int = 3, say=print) -> None:
        self.installation, self.random, self.say = installation, random.Random(seed), say
        self.began = time.monotonic()
        self.acts: collections.Counter = collections.Counter()
        self.points_hit: collections.Counter = collections.Counter()
        self.unexpected: list[str] = []
        self.points = durable_points()
        self.random.shuffle(self.points)
        self.queue = collections.deque(self.points)
        self.number = 0
        self.slots: list[Worker] = [self.start(armed=False) for _ in range(workers)]
        self.frozen: dict[Worker, float] = {}
        self.told: collections.Counter = collections.Counter()  # so often to leave; twice means at once
        self.guests: dict[Worker, float] = {}

    @property
    def kills(self) -> int:
        return self.acts["kill"] + self.acts["kill at a durable point"]

    def note(self, what: str, detail: str = "") -> None:
        self.acts[what] += 1
        self.say(f"{time.monotonic() - self.began:7.1f}s  {what} {detail}")

    def start(self, armed: bool = True) -> Worker:
        self.number += 1
        failpoints = ""
        if armed and self.queue and self.random.random() < 0.7:
            name = self.queue.popleft()
            failpoints = f"{name}=kill@{self.random.choice((1, 1, 2, 3, 7, 15))}"
        return self.installation.worker(f"w{self.number:03d}", failpoints)

    # ------------------------------------------------------------ the acts

    def tend(self) -> None:
        """Thaws, sends guests home, restarts the dead, and learns what they died of."""
        now = time.monotonic()
        for worker, until in list(self.frozen.items()):
            if now >= until:
                worker.thaw()
                del self.frozen[worker]
        for worker, until in list(self.guests.items()):
            if now >= until or not worker.alive:
                worker.signal(signal.SIGTERM)
                del self.guests[worker]
        for at, worker in enumerate(self.slots):
            if not worker.alive:
                self.buried(worker)
                self.slots[at] = self.start()

    def buried(self, worker: Worker) -> None:
        self.frozen.pop(worker, None)
        code = worker.process.returncode
        if worker.failpoints and code == -signal.SIGKILL and "failpoint" in worker.log.read_text("utf-8", "replace"):
            name = worker.failpoints.partition("=")[0]
            self.points_hit[name] += 1
            self.note("kill at a durable point", worker.failpoints)
            self.queue.append(name)
        else:
            if worker.failpoints:
                self.queue.append(worker.failpoints.partition("=")[0])
            if code == HURRIED and self.told[worker] > 1:
                return
            # Told while the program was still being loaded: it had not said a word and could not listen yet.
            if code == -signal.SIGTERM and self.told[worker] and worker.log.stat().st_size == 0:
                return
            # Told while no broker was there for longer than its grace: what it leaves is the next owner's.
            if code == 1 and self.told[worker] and "next owner" in worker.last_words():
                return
            if code not in (-signal.SIGKILL, 0, None):
                self.unexpected.append(f"{worker.name} ended with {code}: {worker.last_words()[-300:]}")
                self.note("ended by itself", f"{worker.name} {code}")

    def act(self) -> None:
        self.random.choices((self.kill, self.freeze, self.leave, self.visit, self.terminate), (55, 12, 10, 10, 13))[0]()

    def victim(self) -> Worker | None:
        awake = [w for w in self.slots if w.alive and w not in self.frozen]
        return self.random.choice(awake) if awake else None

    def kill(self) -> None:
        worker = self.victim()
        if worker is not None:
            worker.kill()
            self.note("kill", worker.name)

    def freeze(self) -> None:
        worker = self.victim()
        if worker is not None and not self.frozen:
            worker.freeze()
            self.frozen[worker] = time.monotonic() + self.random.uniform(5.5, 9)
            self.note("freeze past the session", worker.name)

    def leave(self) -> None:
        worker = self.victim()
        if worker is not None:
            worker.signal(signal.SIGTERM)
            self.told[worker] += 1
            self.note("drain and rebalance" if self.told[worker] == 1 else "end at once", worker.name)

    def visit(self) -> None:
        if not self.guests:
            guest = self.start(armed=False)
            self.guests[guest] = time.monotonic() + self.random.uniform(3, 8)
            self.note("a fourth worker joins for a while", guest.name)

    def terminate(self) -> None:
        try:
            count = len(self.installation.stack.sql(TERMINATE))
            self.note("database sessions terminated", str(count))
        except Exception as error:
            self.say(f"no sessions terminated: {type(error).__name__}")

    def stop_postgres(self) -> None:
        self.note("PostgreSQL stopped hard")
        self.installation.stack.kill("postgres")
        self.pause(self.random.uniform(0.5, 3))
        self.installation.stack.start("postgres")

    def stop_broker(self) -> None:
        self.note("broker killed hard")
        self.installation.stack.kill("kafka")
        self.pause(self.random.uniform(0.5, 2))
        self.installation.stack.start("kafka")

    def pause(self, seconds: float) -> None:
        """Between two acts; the dead are seen to meanwhile."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.tend()
            time.sleep(0.1)

    def calm(self) -> None:
        """The storm is over: everybody thawed, unarmed, alive."""
        for worker in list(self.frozen):
            worker.thaw()
        self.frozen.clear()
        for guest in list(self.guests):
            guest.end()
        self.guests.clear()
        for at, worker in enumerate(self.slots):
            if worker.alive and worker.failpoints:
                worker.kill()
                self.note("kill", f"{worker.name}, armed to the end")
            if not worker.alive:
                self.buried(worker)
                self.slots[at] = self.start(armed=False)
        for worker in self.slots:
            worker.wait_ready(90)

    def end(self) -> None:
        for worker in self.slots:
            worker.signal(signal.SIGTERM)
        for worker in self.slots:
            worker.end()

    def kill_all(self) -> None:
        for worker in [*self.slots, *self.guests]:
            if worker.alive:
                worker.thaw()
                worker.kill()
