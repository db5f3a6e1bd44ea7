"""The world outside of an installation: a venue service and a chain, simulated, and what they say of themselves."""
from __future__ import annotations

import json
import pathlib
import subprocess
import urllib.request

from installation import program

# The first key of RFC 8032, section 7.1: seed, then public key.
WALLET = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
                       "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
SECRET = "s" * 32


def base58(data: bytes) -> str:
    alphabet, number, text = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", int.from_bytes(data), ""
    while number:
        number, digit = divmod(number, 58)
        text = alphabet[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


class Simulator:
    def __init__(self, kind: str, folder: pathlib.Path, *arguments: str) -> None:
        log = open(folder / f"{kind}.log", "ab")
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", program(), "simulate", kind, "--listen", "127.0.0.1:0",
             "--state", str(folder / f"{kind}.jsonl"), *arguments],
            text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        self.url = self.process.stdout.readline().split()[1]

    def control(self, method: str, path: str, body=None):
        request = urllib.request.Request(f"{self.url}/control/{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def records(self) -> dict:
        return self.control("GET", "records")

    def faults(self, seed: int, *rules: dict) -> None:
        self.control("PUT", "faults", {"seed": seed, "rules": list(rules)})

    def faults_made(self) -> dict:
        return self.control("GET", "faults")

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(30)


class Outside:
    """Both of them, and the settings that lead a worker to them."""

    def __init__(self, folder: pathlib.Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        secret, wallet = folder / "secret", folder / "wallet.json"
        secret.write_text(SECRET)
        wallet.write_text(json.dumps(list(WALLET)))
        wallet.chmod(0o600)
        self.venue = Simulator("venue", folder, "--any-venue", "--capacity", "1000", "--token-secret-file", str(secret),
                               "--latency", "5ms")
        self.chain = Simulator("solana", folder, "--slot-time", "50ms")
        self.chain.control("POST", "airdrop", {"address": base58(WALLET[32:]), "lamports": 1_000_000_000_000})
        self.settings = {
            "ADMITONE_VENUE_ENABLED": "true", "ADMITONE_VENUE_URL": self.venue.url,
            "ADMITONE_VENUE_ALLOW_INSECURE": "true", "ADMITONE_VENUE_TOKEN_KEY_FILE": str(secret),
            "ADMITONE_CHAIN_ENABLED": "true", "ADMITONE_SOLANA_RPC_URL": self.chain.url,
            "ADMITONE_SOLANA_ALLOW_INSECURE": "true", "ADMITONE_SOLANA_WALLET_FILE": str(wallet),
            # On loopback an attempt that was given up arrives at once or never.
            "ADMITONE_SAGA_ARRIVAL_MARGIN": "2s", "ADMITONE_SAGA_ATTEMPT_TIMEOUT": "5s",
            "ADMITONE_VENUE_CALL_TIMEOUT": "2s", "ADMITONE_SOLANA_CALL_TIMEOUT": "4s",
            "ADMITONE_SAGA_SLEEP_FROM": "2s", "ADMITONE_SAGA_SLEEP_TO": "5s"}

    def end(self) -> None:
        self.venue.end()
        self.chain.end()
