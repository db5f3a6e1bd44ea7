"""The schema of fault scripts, by jsonschema, and what the simulators take, by the schema."""

import copy
import json

import jsonschema
import pytest

from conftest import SCHEMAS
from simulator import Simulator

FOLDER = SCHEMAS / "simulate"
EXAMPLES = {"venue": "venue-storm.json", "solana": "solana-lost-copies.json"}
BROKEN = {
    "/rules": [None, {}, "x"],
    "/seed": [-1, "7", 1.5],
    "/more": [1],
    "/rules/0/name": ["", 3],
    "/rules/0/times": [0, -1, 1.5, "3"],
    "/rules/0/more": [1],
    "/rules/0/action": [None, {}, "drop"],
    "/rules/0/action/type": ["explode", 3, None],
    "/rules/0/action/bytes": [1],
    "/rules/0/match": [None, []],
    "/rules/0/match/operation": ["", 3],
    "/rules/0/match/nth": [0, [], [0], "1"],
    "/rules/0/match/probability": [-0.1, 1.1, "1"],
    "/rules/0/match/more": [1],
}


def example(world):
    return json.loads((FOLDER / "examples" / EXAMPLES[world]).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def validator():
    body = json.loads((FOLDER / "faults.schema.json").read_text(encoding="utf-8"))
    assert body["$id"].endswith("/simulate/faults.schema.json")
    jsonschema.Draft7Validator.check_schema(body)
    return jsonschema.Draft7Validator(body)


@pytest.fixture(scope="module")
def simulators(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    made = {"venue": Simulator("venue", folder, "--any-venue"), "solana": Simulator("solana", folder)}
    yield made
    assert [simulator.stop() for simulator in made.values()] == [0, 0]


@pytest.mark.parametrize("world", EXAMPLES)
def test_the_examples_are_valid_and_taken(world, validator, simulators):
    assert list(validator.iter_errors(example(world))) == []
    assert simulators[world].pointer_of_fault(example(world)) is None


def broken(script, pointer, value):
    script = copy.deepcopy(script)
    place = script
    *path, last = pointer.split("/")[1:]
    for segment in path:
        place = place[int(segment)] if isinstance(place, list) else place[segment]
    place[last] = value
    return script


@pytest.mark.parametrize("world", EXAMPLES)
@pytest.mark.parametrize("pointer", BROKEN)
def test_what_the_schema_refuses_is_refused_with_its_place(world, pointer, validator, simulators):
    for value in BROKEN[pointer]:
        script = broken(example(world), pointer, value)
        assert not validator.is_valid(script), value
        said = simulators[world].pointer_of_fault(script)
        assert said is not None and (said.startswith(pointer) or pointer.startswith(said)), (value, said)


def test_every_action_of_the_schema_is_taken_with_what_it_needs_and_not_without(validator, simulators):
    body = validator.schema
    samples = {"status": 503, "seconds": 0.5, "bytes": 10, "slots": 3}
    for kind in body["definitions"]["action"]["oneOf"]:
        action = {"type": kind["properties"]["type"]["const"]}
        action.update({name: samples[name] for name in kind["required"] if name != "type"})
        script = {"rules": [{"action": action}]}
        assert validator.is_valid(script) and simulators["solana"].pointer_of_fault(script) is None, action
        for name in kind["required"]:
            without = {"rules": [{"action": {n: v for n, v in action.items() if n != name}}]}
            assert not validator.is_valid(without)
            assert simulators["solana"].pointer_of_fault(without) == f"/rules/0/action/{name}"
