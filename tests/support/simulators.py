"""The program's stand-ins for a venue service and a chain, started by a test, and a wallet for them."""
from __future__ import annotations

import json
import pathlib
import subprocess
import urllib.request

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
    """`kind`: venue or solana. What it keeps and says is in the folder; it never outlives the test."""

    def __init__(self, program: str, kind: str, folder: pathlib.Path, *arguments: str) -> None:
        with open(folder / f"{kind}.log", "ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", program, "simulate", kind, "--listen", "127.0.0.1:0",
                 "--state", str(folder / f"{kind}.jsonl"), *arguments],
                text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        self.urls = self.process.stdout.readline().split()[1:]  # of a chain: one for each node
        self.url = self.urls[0]

    def control(self, method: str, path: str, body=None):
        request = urllib.request.Request(f"{self.url}/control/{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def records(self) -> dict:
        return self.control("GET", "records")

    def faults(self, *rules: dict, seed: int = 1) -> None:
        self.control("PUT", "faults", {"seed": seed, "rules": list(rules)})

    def faults_made(self) -> dict:
        return self.control("GET", "faults")

    def fund(self, lamports: int) -> None:
        """Of a chain: money for the wallet."""
        self.control("POST", "airdrop", {"address": base58(WALLET[32:]), "lamports": lamports})

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate(timeout=60)


def write_wallet(file: pathlib.Path) -> pathlib.Path:
    file.write_text(json.dumps(list(WALLET)))
    file.chmod(0o600)
    return file


def settings(venue: Simulator, chain: Simulator, secret: pathlib.Path, wallet: pathlib.Path) -> dict[str, str]:
    """Lead a worker to both."""
    return {"ADMITONE_VENUE_ENABLED": "true", "ADMITONE_VENUE_URL": venue.url,
            "ADMITONE_VENUE_ALLOW_INSECURE": "true", "ADMITONE_VENUE_TOKEN_KEY_FILE": str(secret),
            "ADMITONE_CHAIN_ENABLED": "true", "ADMITONE_SOLANA_RPC_URL": ",".join(chain.urls),
            "ADMITONE_SOLANA_ALLOW_INSECURE": "true", "ADMITONE_SOLANA_WALLET_FILE": str(wallet)}
