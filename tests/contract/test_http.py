"""The description of the HTTP API, by a validator that is not ours."""

import json
import re

import jsonschema
import pytest
import referencing
from openapi_spec_validator import OpenAPIV31SpecValidator

from conftest import SCHEMAS

PATH = SCHEMAS / "http" / "openapi.json"


def document():
    return json.loads(PATH.read_text(encoding="utf-8"))


def operations():
    return [(path, method, operation) for path, item in document()["paths"].items() for method, operation in item.items()]


def resolved(node):
    while "$ref" in node:
        target = document()
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def test_it_is_openapi_3_1():
    assert document()["openapi"] == "3.1.0"
    assert [error.message for error in OpenAPIV31SpecValidator(document()).iter_errors()] == []


@pytest.mark.parametrize("damage", ["a reference to nothing", "a parameter in no place", "an unknown response", "one id twice"])
def test_the_validator_would_find_what_is_wrong(damage):
    broken = document()
    read = broken["paths"]["/api/v1/keys"]["get"]
    if damage == "a reference to nothing":
        read["responses"]["400"] = {"$ref": "#/components/responses/Nothing"}
    elif damage == "a parameter in no place":
        read["parameters"][0]["in"] = "nowhere"
    elif damage == "an unknown response":
        read["responses"]["often"] = {"description": "x"}
    else:
        read["operationId"] = "listSagas"
    try:
        found = list(OpenAPIV31SpecValidator(broken).iter_errors())
    except referencing.exceptions.Unresolvable:
        found = [damage == "a reference to nothing"]
    assert any(found)


def test_each_path_names_its_parameters_and_each_answer_its_request_id():
    for path, method, operation in operations():
        named = {resolved(one)["name"] for one in operation.get("parameters", []) if resolved(one)["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path)), path
        for status, answer in operation["responses"].items():
            answer = resolved(answer)
            assert {"X-Request-Id", "Cache-Control"} <= set(answer["headers"]), (path, method, status)
            kind = "application/problem+json" if status >= "400" else "application/json"
            assert list(answer["content"]) == [kind], (path, method, status)


def test_each_schema_is_one():
    for path, method, operation in operations():
        schemas = [resolved(one)["schema"] for one in operation.get("parameters", [])]
        schemas += [one["schema"] for one in operation.get("requestBody", {}).get("content", {}).values()]
        for schema in schemas:
            jsonschema.Draft202012Validator.check_schema(schema)


def test_a_problem_is_as_described():
    problem = jsonschema.Draft202012Validator(resolved({"$ref": "#/components/schemas/Problem"}))
    good = {"type": "urn:admitone:problem:NOT_FOUND", "title": "There is no such thing", "status": 404, "detail": "no key",
            "code": "NOT_FOUND", "requestId": "r-1", "errors": [{"parameter": "limit", "detail": "is given twice"}]}
    problem.validate(good)
    assert not problem.is_valid({**good, "code": "SOMETHING"})
    assert not problem.is_valid({name: value for name, value in good.items() if name != "requestId"})
