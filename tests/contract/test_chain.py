"""Addresses, messages and signatures against @solana/kit and @coral-xyz/anchor; what comes of them, by litesvm."""

import hashlib
import json
import os
import pathlib
import random
import subprocess
import uuid

import pytest

from conftest import PROBE, ROOT, run_lines

SEED = int(os.environ.get("ADMITONE_TEST_SEED", "20260501"))
JUDGE = pathlib.Path(__file__).resolve().parent / "judges" / "chain.mjs"
IDL = ROOT / "schemas" / "solana" / "ticketing_idl.json"
SYSTEM = "1" * 32
MEMO = "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr"
FEE = 5000
ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def ours(questions):
    return run_lines([os.path.join(os.path.dirname(PROBE), "admitone_chain_probe")], map(json.dumps, questions), False)


def judge(question, lines):
    packages = str(ROOT / ".cache" / "judges")
    return run_lines(["node", str(JUDGE), question, packages], map(json.dumps, lines), False)


def compare(questions):
    """Both answer the same; returns the answers."""
    answers, theirs = ours(questions), judge("answers", questions)
    assert len(answers) == len(theirs) == len(questions)
    for question, answer, expected in zip(questions, answers, theirs):
        assert answer == expected, question
    return answers


class Maker:
    def __init__(self, name):
        self.random = random.Random(f"{SEED}/{name}")

    def key(self):
        """Base58 of 32 bytes, some with zeros in front; by Python's integers."""
        raw = bytes(self.random.choice([0, 0, 0, 1, 2])) + self.random.randbytes(32)
        return base58(raw[:32])

    def record(self, action, wallet, blockhash, rent=890880):
        some = self.random
        royalties = {
            "artistBps": some.randint(0, 9000), "venueBps": some.randint(0, 1000),
            "artistWallet": self.key(), "venueWallet": self.key(),
        }
        return {
            "do": "transaction", "action": action, "wallet": wallet, "blockhash": blockhash, "rent": rent,
            "tenant": str(uuid.UUID(bytes=some.randbytes(16))), "event": str(uuid.UUID(bytes=some.randbytes(16))),
            "venue": "".join(some.choices("abcXYZ019._:-", k=some.choice([1, 20, 36, 128]))),
            "hash": some.randbytes(32).hex(), "royalties": some.choice([royalties, None]),
        }


def base58(raw):
    number, text = int.from_bytes(raw, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = ALPHABET[digit] + text
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + text


@pytest.fixture(scope="session")
def wallet(tmp_path_factory):
    """A wallet's file as the chain's own tools write it, made by OpenSSL."""
    folder = tmp_path_factory.mktemp("wallet")
    key, file = folder / "key.der", folder / "wallet.json"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-outform", "DER", "-out", key], check=True)
    public = subprocess.run(
        ["openssl", "pkey", "-inform", "DER", "-in", key, "-pubout", "-outform", "DER"], check=True, capture_output=True)
    secret = key.read_bytes()[-32:] + public.stdout[-32:]
    file.touch(mode=0o600)
    file.write_text(json.dumps(list(secret)), encoding="ascii")
    return {"file": str(file), "address": base58(secret[32:])}


@pytest.fixture(scope="session")
def fresh():
    return judge("blockhash", [{}])[0]


def test_base58_is_written_and_read_as_by_others():
    maker = Maker("base58")
    raws = [maker.random.randbytes(n) for n in range(70) for _ in range(4)] + [bytes(n) for n in range(40)]
    for raw, text in zip(raws, compare([{"do": "base58", "bytes": raw.hex()} for raw in raws])):
        assert text == base58(raw)
    texts = [maker.key() for _ in range(200)]
    spoilt = [text[1:] for text in texts] + [text + "1" for text in texts] + [text[:-1] + "0" for text in texts[:20]]
    answers = compare([{"do": "parse", "text": text} for text in texts + spoilt + ["", "l", "z" * 44, "1" * 32, "1" * 33]])
    assert None not in answers[:200] and None in answers[200:]


def test_compact_lengths_are_those_of_kit():
    compare([{"do": "compact", "value": value} for value in [*range(300), 16383, 16384, 65535, *range(1000, 65536, 997)]])


def test_an_address_is_on_the_curve_when_kit_says_so():
    maker = Maker("curve")
    answers = compare([{"do": "curve", "bytes": maker.random.randbytes(32).hex()} for _ in range(600)])
    assert 200 < sum(answers) < 400


def test_addresses_with_a_seed_are_those_of_kit():
    maker = Maker("seeded")
    questions = [
        {"do": "seeded", "base": maker.key(), "owner": maker.key(), "seed": "s" * maker.random.randint(0, 34)}
        for _ in range(300)
    ]
    answers = compare(questions)
    assert all((answer is None) == (len(question["seed"]) > 32) for question, answer in zip(questions, answers))


def test_derived_addresses_and_their_bumps_are_those_of_kit():
    maker = Maker("pda")
    some = maker.random
    questions = [
        {"do": "pda", "program": maker.key(),
         "seeds": [some.randbytes(some.choice([0, 4, 16, 32, 33] if some.random() < 0.1 else [1, 16, 32])).hex()
                   for _ in range(some.choice([0, 1, 2, 4, 15, 16]))]}
        for _ in range(400)
    ]
    answers = compare(questions)
    assert None in answers
    assert len({answer["bump"] for answer in answers if answer}) > 3


def test_discriminators_are_those_of_anchor():
    answers = compare([{"do": "discriminator", "name": name} for name in ("create_event", "cancel_event", "initialize")])
    idl = json.loads(IDL.read_text(encoding="utf-8"))
    assert [bytes(instruction["discriminator"]).hex() for instruction in idl["instructions"]] == answers[:2]
    assert answers[2] == "afaf6d1f0d989bed"  # as every Anchor program has it


def test_messages_are_those_of_kit_byte_for_byte():
    maker = Maker("message")
    some = maker.random

    def message():
        keys = [maker.key() for _ in range(some.randint(2, 9))]
        uses = lambda: [
            {"key": some.choice(keys), "signer": some.random() < 0.3, "writable": some.random() < 0.5}
            for _ in range(some.randint(0, 8))
        ]
        instructions = [
            {"program": maker.key(), "accounts": uses(), "data": some.randbytes(some.choice([0, 1, 127, 128, 200])).hex()}
            for _ in range(some.randint(1, 3))
        ]
        return {"do": "message", "payer": some.choice(keys), "instructions": instructions, "blockhash": maker.key()}

    assert None not in compare([message() for _ in range(400)])


@pytest.mark.parametrize("registry", ["memo", "anchor"])
@pytest.mark.parametrize("action", ["create", "cancel"])
def test_whole_transactions_are_those_of_others_byte_for_byte(registry, action, wallet, fresh):
    maker = Maker(f"transaction/{registry}/{action}")
    questions = [maker.record(action, wallet["file"], fresh["blockhash"]) for _ in range(100)]
    if registry == "anchor":
        questions = [question | {"idl": str(IDL), "program": maker.key()} for question in questions]
    answers = compare(questions)
    assert len({answer["guard"] for answer in answers}) == len(answers)
    assert all(len(answer["bytes"]) <= 2 * 1232 for answer in answers)


def test_the_guard_is_of_tenant_venue_event_and_action_and_of_nothing_else(wallet, fresh):
    one, other = (Maker(f"guard/{n}").record("create", wallet["file"], fresh["blockhash"]) for n in (1, 2))
    guard = ours([one])[0]["guard"]
    for name in ("tenant", "venue", "event"):
        assert ours([one | {name: other[name]}])[0]["guard"] != guard
    assert ours([one | {"action": "cancel"}])[0]["guard"] != guard
    assert ours([one | {"hash": other["hash"], "royalties": None, "rent": 1}])[0]["guard"] == guard
    # What the documentation says, without any library of the chain's.
    preimage = "\0".join(["create", one["tenant"], one["venue"], one["event"]]).encode()
    seed = hashlib.sha256(preimage).hexdigest()[:32]
    derived = {"do": "seeded", "base": wallet["address"], "owner": MEMO, "seed": seed}
    assert judge("answers", [derived]) == [guard]


def execute(wallet, answers, extra=None, lamports=10**9):
    return judge("execute", [{
        "wallet": wallet["address"], "lamports": {wallet["address"]: lamports, **(extra or {})},
        "watch": [answer["guard"] for answer in answers], "transactions": [answer["bytes"] for answer in answers],
    }])[0]


def again(question):
    """The same record once more, as another transaction."""
    return question | {"hash": hashlib.sha256(question["hash"].encode()).hexdigest()}


@pytest.mark.parametrize("action", ["create", "cancel"])
@pytest.mark.parametrize("n", range(5))
def test_the_first_record_lands_and_the_second_is_refused_by_the_chain(action, n, wallet, fresh):
    question = Maker(f"execute/{n}").record(action, wallet["file"], fresh["blockhash"], fresh["rent"])
    first, second = answers = ours([question, again(question)])
    assert first["guard"] == second["guard"] and first["signature"] != second["signature"]
    landed, refused = execute(wallet, answers)
    assert landed["error"] is None
    assert landed["paid"] == FEE + fresh["rent"]
    assert landed["accounts"][0] == {"owner": MEMO, "lamports": fresh["rent"], "space": 0}
    assert refused["error"] == {"instruction": 0, "code": 0}
    assert refused["paid"] == FEE
    assert refused["accounts"] == landed["accounts"]


def memo_of(landed):
    start = "Program log: {"
    return json.loads(next(line for line in landed["logs"] if line.startswith(start))[len(start) - 1:])


def test_the_memo_says_what_it_is_about(wallet, fresh):
    question = Maker("memo").record("create", wallet["file"], fresh["blockhash"], fresh["rent"])
    question["royalties"] = {
        "artistBps": 700, "venueBps": 300, "artistWallet": wallet["address"], "venueWallet": MEMO}
    landed = execute(wallet, ours([question]))[0]
    text = memo_of(landed)
    assert text == {
        "admitone": "create", "hash": question["hash"], **question["royalties"],
        **{name: question[name] for name in ("tenant", "venue", "event")},
    }


def test_the_longest_memo_still_fits_and_runs(wallet, fresh):
    question = Maker("long").record("cancel", wallet["file"], fresh["blockhash"], fresh["rent"])
    question |= {"venue": "v" * 128, "royalties": {
        "artistBps": 9999, "venueBps": 9999, "artistWallet": wallet["address"], "venueWallet": wallet["address"]}}
    landed = execute(wallet, ours([question]))[0]
    assert landed["error"] is None
    # The memo program's documentation: so much can be said within the compute units of one instruction.
    assert len(json.dumps(memo_of(landed), separators=(",", ":"))) <= 566


def test_a_creation_and_a_cancellation_of_one_event_both_land(wallet, fresh):
    question = Maker("both").record("create", wallet["file"], fresh["blockhash"], fresh["rent"])
    created, cancelled = execute(wallet, ours([question, question | {"action": "cancel"}]))
    assert created["error"] is None and cancelled["error"] is None


def test_two_tenants_with_the_same_event_do_not_meet(wallet, fresh):
    question = Maker("tenants").record("create", wallet["file"], fresh["blockhash"], fresh["rent"])
    both = execute(wallet, ours([question, question | {"tenant": str(uuid.UUID(int=7))}]))
    assert [one["error"] for one in both] == [None, None]


def test_lamports_that_somebody_sent_to_the_address_are_told_from_a_guard(wallet, fresh):
    question = Maker("funded").record("create", wallet["file"], fresh["blockhash"], fresh["rent"])
    answers = ours([question])
    refused = execute(wallet, answers, {answers[0]["guard"]: fresh["rent"]})[0]
    assert refused["error"] == {"instruction": 0, "code": 0}
    assert refused["accounts"][0]["owner"] == SYSTEM


def test_a_wallet_with_just_what_is_asked_for_can_pay(wallet, fresh):
    question = Maker("poor").record("create", wallet["file"], fresh["blockhash"], fresh["rent"])
    needed = FEE + 2 * fresh["rent"]
    assert execute(wallet, ours([question]), lamports=needed)[0]["error"] is None
    assert execute(wallet, ours([question]), lamports=needed - 1)[0]["error"] is not None
