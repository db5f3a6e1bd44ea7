"""The published schemas and examples, by ajv, jsonschema, cloudevents and the AsyncAPI parser."""

import copy
import json

import jsonschema
import pytest

from conftest import COMMANDS, OUTCOMES, SCHEMAS, ask, example, schema, text_of

TYPES = COMMANDS + OUTCOMES
PUBLISHED = sorted(path.name.removesuffix(".schema.json") for path in SCHEMAS.glob("*.schema.json"))


def envelope_of(type_name):
    return "command.envelope" if type_name in COMMANDS else "outcome.envelope"


def ajv(pairs):
    """(schema, value) pairs to ajv's answers."""
    return ask("verdict", [json.dumps({"schema": name, "text": text_of(value)}) for name, value in pairs])


def test_every_type_has_a_schema_and_an_example_and_there_are_no_others():
    assert set(PUBLISHED) == {*TYPES, "common", "outcome", "command.envelope", "outcome.envelope"}
    assert {path.stem for path in (SCHEMAS / "examples").iterdir()} == set(TYPES)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_schema_is_draft_7_and_is_named_as_its_file(name):
    body = schema(name)
    assert body["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert body["$id"].endswith(f"/{name}.schema.json")
    jsonschema.Draft7Validator.check_schema(body)


def test_ajv_compiles_every_schema_in_strict_mode():
    # An unknown keyword, format or reference makes ajv throw, and the judge end with an error.
    assert len(ajv([(name, None) for name in PUBLISHED])) == len(PUBLISHED)


def test_every_example_is_what_both_validators_expect(validators):
    pairs = [pair for name in TYPES for pair in ((name, example(name)["data"]), (envelope_of(name), example(name)))]
    assert [example(name)["type"] for name in TYPES] == TYPES
    for (name, value), answer in zip(pairs, ajv(pairs)):
        assert answer == {"valid": True, "pointers": []}, (name, value)
        assert list(validators[name].iter_errors(value)) == []


def required_members(value, path=()):
    """Paths of all members of a document."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        if isinstance(value, dict):
            yield (*path, key)
        yield from required_members(child, (*path, key))


def without(value, path):
    value = copy.deepcopy(value)
    place = value
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return value


def test_an_outcome_that_lacks_a_member_of_its_example_is_refused_by_both(validators):
    short = []
    for name in OUTCOMES:
        data = example(name)["data"]
        short += [(name, without(data, path)) for path in required_members(data)]
    for (name, value), answer in zip(short, ajv(short)):
        assert not answer["valid"], (name, value)
        assert not validators[name].is_valid(value)


def test_a_rejection_says_the_same_in_code_type_and_status(validators):
    data = example("ticketing.command.rejected.v1")["data"]
    wrong = [
        {**data, "code": "LIMIT_EXCEEDED"},
        {**data, "problem": {**data["problem"], "status": 422}},
        {**data, "problem": {**data["problem"], "type": "urn:admitone:problem:LIMIT_EXCEEDED"}},
        {**data, "code": "PROCESSING_FAILED"},
        {**data, "status": "failed"},
        {**data, "result": {}},
    ]
    answers = ajv([("ticketing.command.rejected.v1", value) for value in wrong])
    assert [answer["valid"] for answer in answers] == [False] * len(wrong)
    assert not any(validators["ticketing.command.rejected.v1"].is_valid(value) for value in wrong)


def test_every_example_is_a_cloudevent_to_the_sdk():
    answers = ask("cloudevent", [text_of(example(name)) for name in TYPES])
    for name, answer in zip(TYPES, answers):
        assert answer["binary"]["headers"]["ce_type"] == name
        assert json.loads(answer["binary"]["value"]) == example(name)["data"]


def test_asyncapi_has_every_type_in_its_channel_with_its_schema_as_payload():
    (answer,) = ask("asyncapi", [json.dumps({"file": str(SCHEMAS / "asyncapi.yaml")})])
    assert answer["faults"] == []
    assert answer["channels"] == {
        "ticketing.commands": COMMANDS,
        "ticketing.outcomes": OUTCOMES,
        "ticketing.dead-letters": ["deadLetter"],
    }
    for name in TYPES:
        payload = answer["messages"][name]
        assert payload["$id"] == schema(name)["$id"]
        assert payload["properties"].keys() == schema(name)["properties"].keys()
