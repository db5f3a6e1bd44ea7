"""The world outside of an installation: a venue service and a chain, simulated, and what they say of themselves."""
from __future__ import annotations

import pathlib
import sys

from installation import program

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

from simulators import SECRET, Simulator, settings, write_wallet  # noqa: E402


class Outside:
    """Both of them, and the settings that lead a worker to them. `nodes`: more arguments of the chain."""

    def __init__(self, folder: pathlib.Path, rich: bool = True, nodes: tuple[str, ...] = ()) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        secret, wallet = folder / "secret", write_wallet(folder / "wallet.json")
        secret.write_text(SECRET)
        self.venue = Simulator(program(), "venue", folder, "--any-venue", "--capacity", "100000",
                               "--token-secret-file", str(secret), "--latency", "5ms")
        self.chain = Simulator(program(), "solana", folder, "--slot-time", "50ms", *nodes)
        if rich:
            self.chain.fund(1_000_000_000_000)
        self.settings = {
            **settings(self.venue, self.chain, secret, wallet),
            # On loopback an attempt that was given up arrives at once or never.
            "ADMITONE_SAGA_ARRIVAL_MARGIN": "2s", "ADMITONE_SAGA_ATTEMPT_TIMEOUT": "5s",
            "ADMITONE_VENUE_CALL_TIMEOUT": "2s", "ADMITONE_SOLANA_CALL_TIMEOUT": "4s",
            "ADMITONE_SAGA_SLEEP_FROM": "2s", "ADMITONE_SAGA_SLEEP_TO": "5s"}

    def close(self) -> None:
        self.venue.end()
        self.chain.end()
