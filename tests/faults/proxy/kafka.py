"""The Kafka side: a frame is four bytes of length and a body; a request's ApiKey is the body's first two bytes.

Brokers name their own address in Metadata and FindCoordinator answers. The proxy writes its own port over it (same
length, so that no other byte changes), unless the broker's listener already advertises the proxy.
"""
from __future__ import annotations

import asyncio
import struct

from .rules import Connection, Proxy

API = {"Produce": 0, "Fetch": 1, "ListOffsets": 2, "Metadata": 3, "OffsetCommit": 8, "OffsetFetch": 9,
       "FindCoordinator": 10, "JoinGroup": 11, "Heartbeat": 12, "LeaveGroup": 13, "SyncGroup": 14,
       "ApiVersions": 18, "InitProducerId": 22, "AddPartitionsToTxn": 24, "AddOffsetsToTxn": 25, "EndTxn": 26,
       "TxnOffsetCommit": 28}
NAME = {number: name for name, number in API.items()}
REWRITTEN = {API["Metadata"], API["FindCoordinator"]}


class KafkaProxy(Proxy):
    def connection(self, *streams):
        return KafkaConnection(self, *streams)

    def rewrite(self, body: bytes) -> bytes:
        host, port = self.upstream
        return body.replace(host.encode() + struct.pack(">i", port),
                            host.encode() + struct.pack(">i", self.address[1]))


class KafkaConnection(Connection):
    def __init__(self, *rest) -> None:
        super().__init__(*rest)
        self.asked: dict[int, int] = {}  # correlation id → ApiKey
        self.answered = asyncio.Event()

    async def frame(self, reader) -> bytes:
        head = await reader.readexactly(4)
        return head + await reader.readexactly(struct.unpack(">i", head)[0])

    async def requests(self) -> None:
        try:
            while True:
                data = await self.frame(self.reader)
                api, _, correlation = struct.unpack(">hhi", data[4:12])
                self.asked[correlation] = api
                rule = self.proxy.rules.find("request", NAME.get(api, str(api)), data)
                if rule is not None and rule.action == "drop":
                    self.asked.pop(correlation)
                if not await self.act(rule, data, self.up_writer, self.writer):
                    return
                if rule is not None and rule.action == "hold":
                    await self.wait_for_answer(correlation)
        finally:
            if self.up_writer.can_write_eof():
                self.up_writer.write_eof()

    async def wait_for_answer(self, correlation: int) -> None:
        """A released request must have been worked on before a sender that has left takes the connection down."""
        deadline = asyncio.get_running_loop().time() + 3
        while correlation in self.asked and asyncio.get_running_loop().time() < deadline:
            self.answered.clear()
            try:
                await asyncio.wait_for(self.answered.wait(), 0.2)
            except asyncio.TimeoutError:
                pass

    async def responses(self) -> None:
        try:
            while True:
                data = await self.frame(self.up_reader)
                api = self.asked.pop(struct.unpack(">i", data[4:8])[0], -1)
                self.answered.set()
                if api in REWRITTEN:
                    data = self.proxy.rewrite(data)
                rule = self.proxy.rules.find("response", NAME.get(api, str(api)), data)
                try:
                    if not await self.act(rule, data, self.writer, self.up_writer):
                        return
                except (ConnectionError, OSError):
                    continue  # the client has left; what it had sent is still being worked on
        finally:
            self.writer.close()
