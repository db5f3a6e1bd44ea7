"""What the proxy does to which message: the rules, and the loop thread they live on.

Actions:
  hold       keeps the message (and what follows on its connection) until `release`; then it goes on, also when its
             sender has gone away meanwhile: a packet that was late in the network
  drop       the message vanishes, the connection lives
  cut        the connection is closed on both sides instead of passing the message on
  pass_cut   the message is passed on, then the sender's side is closed: a lost answer
  delay      the message waits `seconds`
  damage     the first byte of what `match` found arrives as another one
"""
from __future__ import annotations

import asyncio
import dataclasses
import itertools
import threading

ACTIONS = ("hold", "drop", "cut", "pass_cut", "delay", "damage")


@dataclasses.dataclass
class Rule:
    side: str  # request | response
    kind: str  # Kafka: name of the API; PostgreSQL: commit
    action: str
    nth: int = 1  # which matching message; 0: every one
    match: bytes = b""  # only messages (PostgreSQL: units of work) that contain this
    seconds: float = 0.0
    id: int = 0
    seen: int = 0
    done: int = 0

    def __post_init__(self) -> None:
        if self.action not in ACTIONS or self.side not in ("request", "response"):
            raise ValueError(f"no such rule: {self.side} {self.kind} {self.action}")
        if self.action == "damage" and not self.match:
            raise ValueError("damage needs a match")
        self.hit = threading.Event()
        self.finished = threading.Event()  # hold: what was held has been passed on
        self.open = asyncio.Event()

    def wait_hit(self, seconds: float = 60.0) -> None:
        if not self.hit.wait(seconds):
            raise TimeoutError(f"no {self.side} {self.kind} came within {seconds} s")


class Rules:
    """The list of one proxy. Changed from any thread, read on the loop."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.rules: dict[int, Rule] = {}
        self.numbers = itertools.count(1)

    def add(self, rule: Rule) -> Rule:
        with self.lock:
            rule.id = next(self.numbers)
            self.rules[rule.id] = rule
        return rule

    def remove(self, number: int) -> None:
        with self.lock:
            self.rules.pop(number, None)

    def find(self, side: str, kind: str, content: bytes) -> Rule | None:
        """The rule that acts on this message; counts it for every rule that it matches."""
        acting = None
        with self.lock:
            for rule in self.rules.values():
                if rule.side != side or rule.kind != kind or (rule.match and rule.match not in content):
                    continue
                rule.seen += 1
                if acting is None and rule.nth in (0, rule.seen):
                    acting = rule
            if acting is not None:
                acting.done += 1
                acting.hit.set()
        return acting

    def wants_content(self, side: str) -> bool:
        return any(rule.side == side and rule.match for rule in list(self.rules.values()))


class Loop:
    """An event loop on a thread of its own; the proxies of a test share one."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="proxy", daemon=True)
        self.thread.start()

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    def call(self, function, *arguments) -> None:
        self.loop.call_soon_threadsafe(function, *arguments)

    def close(self) -> None:
        async def cancel_all():
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
        self.run(cancel_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)


class Proxy:
    """Listening, connecting and the acts that are common to both protocols."""

    def __init__(self, loop: Loop, listen: tuple[str, int], upstream: tuple[str, int]) -> None:
        self.loop, self.upstream, self.rules = loop, upstream, Rules()
        self.connections: set = set()
        self.refusing = False
        self.flowing = asyncio.Event()  # cleared: the server hangs
        self.flowing.set()
        self.server = loop.run(asyncio.start_server(self._accept, *listen))
        self.address = self.server.sockets[0].getsockname()[:2]

    def rule(self, side: str, kind: str, action: str, **rest) -> Rule:
        return self.rules.add(Rule(side, kind, action, **rest))

    def release(self, rule: Rule) -> None:
        """Lets what is held go on; the rule does nothing more."""
        self.rules.remove(rule.id)
        self.loop.call(rule.open.set)

    def refuse(self, yes: bool) -> None:
        """Nobody gets in any more, and who is in is thrown out: the server is gone as far as clients can tell."""
        self.refusing = yes
        if yes:
            self.loop.call(lambda: [connection.close() for connection in list(self.connections)])

    def freeze(self, yes: bool) -> None:
        """Whoever comes gets in, and nobody gets an answer: the server hangs. No message is lost."""
        self.loop.call(self.flowing.clear if yes else self.flowing.set)

    def close(self) -> None:
        self.freeze(False)
        for rule in list(self.rules.rules.values()):
            self.release(rule)

        async def shut():
            self.server.close()
            for connection in list(self.connections):
                connection.close()
        self.loop.run(shut())

    async def _accept(self, reader, writer) -> None:
        if self.refusing:
            writer.close()
            return
        try:
            up_reader, up_writer = await asyncio.open_connection(*self.upstream)
        except OSError:
            writer.close()
            return
        connection = self.connection(reader, writer, up_reader, up_writer)
        self.connections.add(connection)
        try:
            await connection.serve()
        finally:
            self.connections.discard(connection)
            connection.close()

    def connection(self, *streams):
        raise NotImplementedError


class Connection:
    def __init__(self, proxy: Proxy, reader, writer, up_reader, up_writer) -> None:
        self.proxy = proxy
        self.reader, self.writer, self.up_reader, self.up_writer = reader, writer, up_reader, up_writer

    def close(self) -> None:
        for writer in (self.writer, self.up_writer):
            if writer.transport is not None:
                writer.transport.abort()

    async def serve(self) -> None:
        """Both directions until both have ended; a message that is held keeps its direction alive."""
        await asyncio.gather(self._guard(self.requests()), self._guard(self.responses()))

    async def _guard(self, direction) -> None:
        try:
            await direction
        except (asyncio.IncompleteReadError, ConnectionError, OSError):
            pass
        except asyncio.CancelledError:
            raise

    async def act(self, rule: Rule | None, data: bytes, to, sender) -> bool:
        """Passes one message on, or does what the rule says. False: the connection is over."""
        await self.proxy.flowing.wait()
        if rule is None:
            to.write(data)
            await to.drain()
            return True
        if rule.action == "drop":
            return True
        if rule.action == "cut":
            self.close()
            return False
        if rule.action == "delay":
            await asyncio.sleep(rule.seconds)
        if rule.action == "hold":
            await rule.open.wait()
        if rule.action == "damage":
            at = data.index(rule.match)
            data = data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1:]
        try:
            to.write(data)
            await to.drain()
        finally:
            rule.finished.set()
        if rule.action == "pass_cut":
            sender.transport.abort()
        return True
