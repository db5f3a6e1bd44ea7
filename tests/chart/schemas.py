"""schemas.py OUT SWAGGER CRD…: JSON Schemas for kubeconform, one per kind, from what Kubernetes and the operators publish.

SWAGGER is api/openapi-spec/swagger.json of k8s.io/kubernetes, a CRD a YAML file of a CustomResourceDefinition. They are
made strict: a field that does not exist is an error. Names are KIND-GROUP-VERSION.json, as kubeconform's
{{.ResourceKind}}{{.KindSuffix}} asks for them.
"""

import json
import os
import sys

import yaml

REF = "#/definitions/"


def strict(schema):
    """A copy in which objects with known fields have no others, and int-or-string is either."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") == "int-or-string" or schema.get("x-kubernetes-int-or-string"):
        return {"type": ["string", "integer"]}
    out = {key: strict(value) for key, value in schema.items() if not key.startswith("x-kubernetes-")}
    open_ended = "additionalProperties" in schema or schema.get("x-kubernetes-preserve-unknown-fields")
    if isinstance(schema.get("properties"), dict) and not open_ended:
        out["additionalProperties"] = False
    return out


def references(schema):
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].removeprefix(REF)
        for value in schema.values():
            yield from references(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from references(item)


def with_definitions(name, definitions):
    needed, queue = {}, [name]
    while queue:
        for other in references(definitions[queue.pop()]):
            if other not in needed:
                needed[other] = definitions[other]
                queue.append(other)
    return {"$schema": "http://json-schema.org/draft-07/schema#", **definitions[name], "definitions": needed}


def file_name(kind, group, version):
    return "-".join(filter(None, (kind, group.split(".")[0], version))).lower() + ".json"


def of_swagger(swagger):
    definitions = {}
    for name, schema in swagger["definitions"].items():
        definitions[name] = strict(schema)
    # A quantity is written as a number, too.
    definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"] = {"type": ["string", "number"]}
    for name, schema in swagger["definitions"].items():
        properties = schema.get("properties", {})
        for kind in schema.get("x-kubernetes-group-version-kind", []):
            if "apiVersion" in properties and "metadata" in properties and not kind["kind"].endswith("List"):
                yield file_name(kind["kind"], kind["group"], kind["version"]), with_definitions(name, definitions)


def of_crd(crd):
    spec = crd["spec"]
    for version in spec["versions"]:
        schema = strict(version["schema"]["openAPIV3Schema"])
        schema["properties"]["metadata"] = {"type": "object"}
        yield file_name(spec["names"]["kind"], spec["group"], version["name"]), schema


def main(out, swagger, *crds):
    os.makedirs(out, exist_ok=True)
    with open(swagger, encoding="utf-8") as file:
        made = dict(of_swagger(json.load(file)))
    for path in crds:
        with open(path, encoding="utf-8") as file:
            for crd in yaml.safe_load_all(file):
                if crd and crd.get("kind") == "CustomResourceDefinition":
                    made.update(of_crd(crd))
    for name, schema in made.items():
        with open(os.path.join(out, name), "w", encoding="utf-8") as file:
            json.dump(schema, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
