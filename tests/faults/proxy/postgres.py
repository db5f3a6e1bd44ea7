"""The PostgreSQL side: finds the COMMIT of a unit of work on its way in, and its answer on the way out."""
from __future__ import annotations

import asyncio
import struct

from .rules import Connection, Proxy

SSL_REQUEST, GSS_REQUEST = 80877103, 80877104
REMEMBERED = 1 << 20  # bytes of a unit of work that `match` may look at


class PostgresProxy(Proxy):
    def connection(self, *streams):
        return PostgresConnection(self, *streams)


class PostgresConnection(Connection):
    def __init__(self, *rest) -> None:
        super().__init__(*rest)
        self.unit = bytearray()  # what the client sent since the last COMMIT or ROLLBACK
        self.commit_of = b""
        self.started = asyncio.Event()

    async def start_up(self) -> None:
        while True:
            head = await self.reader.readexactly(4)
            body = await self.reader.readexactly(struct.unpack(">i", head)[0] - 4)
            self.up_writer.write(head + body)
            code = struct.unpack(">i", body[:4])[0]
            if code not in (SSL_REQUEST, GSS_REQUEST):
                return
            answer = await self.up_reader.readexactly(1)
            self.writer.write(answer)
            if answer != b"N":
                raise ConnectionError("the proxy cannot look into an encrypted connection")

    async def message(self, reader) -> bytes:
        head = await reader.readexactly(5)
        return head + await reader.readexactly(struct.unpack(">i", head[1:])[0] - 4)

    async def requests(self) -> None:
        try:
            await self.start_up()
            self.started.set()
            while True:
                data = await self.message(self.reader)
                rule = None
                if self.ends_unit(data, b"COMMIT"):
                    self.commit_of = bytes(self.unit)
                    rule = self.proxy.rules.find("request", "commit", self.commit_of)
                    self.unit.clear()
                elif self.ends_unit(data, b"ROLLBACK"):
                    self.unit.clear()
                elif len(self.unit) < REMEMBERED:
                    self.unit += data
                if not await self.act(rule, data, self.up_writer, self.writer):
                    return
        finally:
            self.started.set()
            self.up_writer.close()

    @staticmethod
    def ends_unit(data: bytes, word: bytes) -> bool:
        """A simple query, or a statement parsed for the extended protocol, that begins with the word."""
        if data[:1] == b"Q":
            return data[5:5 + len(word)].upper() == word
        if data[:1] == b"P":
            return data[5:].partition(b"\0")[2][:len(word)].upper() == word
        return False

    async def responses(self) -> None:
        await self.started.wait()
        try:
            while True:
                data = await self.message(self.up_reader)
                rule = None
                if data[:1] == b"C" and data[5:] == b"COMMIT\0":
                    rule = self.proxy.rules.find("response", "commit", self.commit_of)
                if not await self.act(rule, data, self.writer, self.up_writer):
                    return
        finally:
            self.writer.close()
