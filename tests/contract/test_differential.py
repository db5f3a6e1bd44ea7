"""Our decoder against ajv, jsonschema, canonicalize and the CloudEvents SDK, on thousands of commands."""

import collections
import json
import os
import random

import pytest

from conftest import COMMANDS, ask, example, probe, record, text_of
from corpus import MAX, WILD, Maker, beyond_schema, micros

SEED = int(os.environ.get("ADMITONE_TEST_SEED", "20260501"))
GOOD = 60
SPOILT = 400
TENANT = "7d1f4b62-30a5-4c88-9d5e-0b6c1c0f7a11"
HEADERS = {"ce_specversion": "1.0", "ce_id": "1", "ce_source": "/judge", "ce_tenantid": TENANT}


def binary(type_name, text):
    return record(HEADERS | {"ce_type": type_name, "content-type": "application/json"}, text.encode("utf-8"))


def corpus(type_name):
    maker = Maker(f"{SEED}/{type_name}")
    good = [maker.data(type_name) for _ in range(GOOD)]
    return good, [maker.spoil(maker.random.choice(good)) for _ in range(SPOILT)]


@pytest.mark.parametrize("type_name", COMMANDS)
def test_the_decoder_takes_what_both_validators_take_and_nothing_else(type_name, validators):
    good, spoilt = corpus(type_name)
    every = good + spoilt
    texts = [text_of(data) for data in every]
    ajv = ask("verdict", [json.dumps({"schema": type_name, "text": text}) for text in texts])
    ours = probe([binary(type_name, text) for text in texts])
    seen = collections.Counter()
    for data, text, theirs, answer in zip(every, texts, ajv, ours):
        assert theirs["valid"] == validators[type_name].is_valid(data), text
        expected = "command" if theirs["valid"] and beyond_schema(data) else "invalid"
        assert answer["kind"] == expected, (text, answer, theirs)
        seen[expected] += 1
        if not theirs["valid"]:
            # The same place, or one below or above it: a union is reported where it stands.
            pointers = [error["pointer"] for error in answer["errors"]]
            assert any(related(a, b) for a in pointers for b in theirs["pointers"]), (text, pointers, theirs)
    assert seen["command"] >= GOOD
    assert seen["invalid"] >= SPOILT // 4


def related(ours, theirs):
    return ours == theirs or ours.startswith(theirs + "/") or theirs.startswith(ours + "/")


@pytest.mark.parametrize("type_name", COMMANDS)
def test_canonical_json_and_fingerprint_are_those_of_canonicalize(type_name):
    maker = Maker(f"{SEED}/canonical/{type_name}")
    texts = [text_of(maker.data(type_name)) for _ in range(200)]
    # The same values, written differently: escapes, spaces.
    texts += [json.dumps(json.loads(text), indent=1) for text in texts[:50]]
    theirs = ask("canonical", [json.dumps({"type": type_name, "text": text}) for text in texts])
    for text, expected, answer in zip(texts, theirs, probe([binary(type_name, text) for text in texts])):
        assert answer["kind"] == "command", text
        assert answer["canonical"] == expected["canonical"]
        assert answer["fingerprint"] == expected["fingerprint"]


def test_the_order_of_members_and_the_mode_do_not_change_the_fingerprint():
    for name in COMMANDS:
        event = example(name)
        backwards = dict(reversed(event["data"].items()))
        lines = [text_of(event), text_of(event | {"data": backwards}), binary(name, text_of(event["data"]))]
        answers = probe(lines)
        assert [answer["kind"] for answer in answers] == ["command"] * 3
        assert len({answer["fingerprint"] for answer in answers}) == 1


def test_what_the_cloudevents_sdk_puts_on_kafka_is_the_same_command_in_both_modes():
    for name, message in zip(COMMANDS, ask("cloudevent", [text_of(example(name)) for name in COMMANDS])):
        structured = message["structured"]
        lines = [
            record(message["binary"]["headers"], message["binary"]["value"].encode()),
            record(structured["headers"], structured["value"].encode()),
            record(structured["headers"], b"\0\0\0\0\7" + structured["value"].encode()),
        ]
        answers = probe(lines)
        assert [answer["kind"] for answer in answers] == ["command"] * 3, answers
        assert len({text_of(answer) for answer in answers}) == 1
        assert answers[0]["eventId"] == example(name)["data"]["eventId"]


def spoilt_envelopes():
    chance = random.Random(SEED)
    base = [example(name) for name in COMMANDS]
    texts = [value for value in WILD if isinstance(value, str)] + ["a b", "ü", "k" * 255, "k" * 256, "\u007f", "a\nb"]
    names = [*base[0], "idempotencykey", "actorid", "correlationid", "expirytime", "traceparent", "datacontenttype"]
    for _ in range(1500):
        event = dict(chance.choice(base))
        name = chance.choice(sorted(set(names) - {"data"}))
        if chance.random() < 0.2:
            event.pop(name, None)
        elif chance.random() < 0.3:
            event[name] = chance.choice([None, True, 5, {}, [], MAX])
        else:
            event[name] = chance.choice(texts)
        yield event


def test_the_decoder_takes_the_envelopes_that_the_schema_takes(validators):
    events = list(spoilt_envelopes())
    ajv = ask("verdict", [json.dumps({"schema": "command.envelope", "text": text_of(event)}) for event in events])
    seen = collections.Counter()
    for event, theirs, answer in zip(events, ajv, probe([text_of(event) for event in events])):
        assert theirs["valid"] == validators["command.envelope"].is_valid(event), event
        # A year that an offset moves out of 1 to 9999 is nothing a pattern can see.
        times = [event[name] for name in ("time", "expirytime") if event.get(name) is not None]
        expected = theirs["valid"] and all(micros(time) is not None for time in times)
        assert (answer["kind"] == "command") == expected, (event, answer, theirs)
        seen[answer["kind"]] += 1
    assert min(seen["command"], seen["invalid"], seen["dead"]) >= 50, seen


CONFIRM = '{"eventId":"%s","reservationId":"%s","paymentReference":%%s}' % (TENANT, TENANT)
UPDATE = '{"eventId":"%s","expectedVersion":%%s,"metadata":{}}' % TENANT
BEYOND_JSON_SCHEMA = {
    "a member twice": (CONFIRM % '"a","paymentReference":"a"', "invalid"),
    "a number with a fraction of zero": (UPDATE % "1.0", "invalid"),
    "a number with an exponent": (UPDATE % "1e0", "invalid"),
    "a number with a leading zero": (UPDATE % "01", "dead"),
    "a number with a plus": (UPDATE % "+1", "dead"),
    "a number beyond 64 bits": (UPDATE % "99999999999999999999", "invalid"),
    "not a number": (UPDATE % "NaN", "dead"),
    "an escaped NUL": (CONFIRM % '"a\\u0000"', "invalid"),
    "half a surrogate pair": (CONFIRM % '"\\ud800"', "dead"),
    "a raw control character": (CONFIRM % '"a\nb"', "dead"),
    "a comma too much": (CONFIRM % '"a",', "dead"),
    "something behind it": (CONFIRM % '"a"' + "x", "dead"),
    "nothing": ("", "dead"),
    "a comment": ("/**/" + CONFIRM % '"a"', "dead"),
    "an array": ("[]", "invalid"),
    "null": ("null", "invalid"),
}


@pytest.mark.parametrize("what", BEYOND_JSON_SCHEMA)
def test_bytes_that_validators_never_see_are_refused(what):
    text, expected = BEYOND_JSON_SCHEMA[what]
    type_name = "ticketing.event.update.v1" if "expectedVersion" in text else "ticketing.reservation.confirm.v1"
    (answer,) = probe([binary(type_name, text)])
    assert answer["kind"] == expected, answer
