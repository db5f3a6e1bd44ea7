"""What AdmitOne emits, by the published schemas, the CloudEvents SDK and the AsyncAPI document."""

import json

import jsonschema
import pytest

from conftest import OUTCOMES, SCHEMAS, ask, example, outcomes_of, text_of

EVENT = example("ticketing.event.create.v1")["data"]["eventId"]
OTHER = "3a8a1f0e-5d0c-4f57-9a9b-64a1f2f3c002"


def command(about, time, /, **changes):
    """The example of a type, at a time, with members of its data changed; None takes one away."""
    event = example(f"ticketing.{about}.v1")
    event.pop("expirytime", None)
    data = {key: value for key, value in (event["data"] | changes).items() if value is not None}
    return event | {"time": f"2026-05-{time}Z", "data": data}


def reservation(n):
    return f"b1e0c9d8-7f6a-4b5c-8d3e-2f1a0b9c8d{n:02d}"


def hold(time, n, /, **changes):
    return command("reservation.create", time, reservationId=reservation(n), **changes)


STORY = [
    (command("event.create", "01T09:00:00"), ["EVENT_CREATED"]),
    (command("event.create", "01T09:00:01", description="other"), ["ID_TAKEN"]),
    (command("event.create", "01T09:00:02", eventId=OTHER), ["DUPLICATE_EVENT"]),
    (command("event.create", "01T09:00:03", eventId=OTHER, name="x", externalId=None, slug="fr-hlings-gala"), ["SLUG_TAKEN"]),
    (
        command(
            "event.create", "01T09:00:04", eventId=OTHER, name="y", externalId=None,
            royalties=example("ticketing.event.create.v1")["data"]["royalties"] | {"artistBps": 9_999},
        ),
        ["ROYALTIES_EXCEED_TOTAL"],
    ),
    (command("event.update", "01T09:05:00"), ["EVENT_UPDATED"]),
    (command("event.update", "01T09:06:00"), ["VERSION_CONFLICT"]),
    (command("event.update", "01T09:07:00", expectedVersion=2, endsAt="2026-05-01T00:00:00Z"), ["INVALID_COMMAND"]),
    (hold("01T09:10:00", 1), ["RESERVATION_HELD"]),
    (hold("01T09:10:01", 1), ["RESERVATION_HELD"]),
    (hold("01T09:10:02", 1, customerId="else"), ["ID_TAKEN"]),
    (command("event.update", "01T09:11:00", expectedVersion=2, sections=[
        {"sectionId": "floor", "name": "Parkett", "capacity": 1, "priceMinor": 1, "currency": "EUR"}
    ]), ["CAPACITY_BELOW_COMMITTED"]),
    (hold("01T09:12:00", 2, items=[{"sectionId": "floor", "quantity": 9}]), ["LIMIT_EXCEEDED"]),
    (hold("01T09:12:01", 2, items=[{"sectionId": "roof", "quantity": 1}]), ["SECTION_NOT_FOUND"]),
    (hold("01T09:12:02", 2, items=[]), ["INVALID_COMMAND"]),
    (hold("01T09:12:03", 2, eventId=OTHER), ["EVENT_NOT_FOUND"]),
    (command("reservation.extend", "01T09:20:00", reservationId=reservation(1)), ["RESERVATION_EXTENDED"]),
    (command("reservation.confirm", "01T09:22:00", reservationId=reservation(1)), ["RESERVATION_CONFIRMED"]),
    (command("reservation.release", "01T09:23:00", reservationId=reservation(1)), ["RESERVATION_NOT_ACTIVE"]),
    (command("reservation.release", "01T09:23:01", reservationId=reservation(9)), ["RESERVATION_NOT_FOUND"]),
    (command("event.update", "01T09:23:02", expectedVersion=2, name=None, sections=[
        {"sectionId": "box", "name": "Loge", "capacity": 0, "priceMinor": 1, "currency": "EUR"}
    ]), ["EVENT_UPDATED"]),
    (hold("01T09:23:03", 3, items=[{"sectionId": "box", "quantity": 1}]), ["CAPACITY_EXHAUSTED"]),
    (hold("01T09:24:00", 3, holdSeconds=60), ["RESERVATION_HELD"]),
    (command("reservation.confirm", "01T09:25:00", reservationId=reservation(3)), ["RESERVATION_EXPIRED"]),
    (command("reservation.expire", "01T09:25:00", reservationId=reservation(3)), ["RESERVATION_EXPIRED"]),
    (command("reservation.expire", "01T09:25:01", reservationId=reservation(3)), []),
    (hold("01T09:26:00", 4), ["RESERVATION_HELD"]),
    (command("reservation.release", "01T09:27:00", reservationId=reservation(4)), ["RESERVATION_RELEASED"]),
    (command("reservation.cancel", "03T08:00:00", reservationId=reservation(1)), ["RESERVATION_CANCELLED"]),
    (hold("04T07:59:00", 5), ["RESERVATION_HELD"]),
    (command("event.cancel", "04T08:00:00", expectedVersion=3), ["RESERVATION_RELEASED", "EVENT_CANCELLED"]),
    (hold("04T08:01:00", 6), ["EVENT_NOT_ON_SALE"]),
]  # fmt: skip


@pytest.fixture(scope="module")
def outcomes():
    return outcomes_of([command for command, _ in STORY])


def test_each_command_of_the_story_gets_its_outcomes(outcomes):
    codes = [json.loads(outcome["value"])["code"] for outcome in outcomes]
    assert codes == [code for _, expected in STORY for code in expected]
    told = {outcome["headers"]["ce_type"] for outcome in outcomes}
    # A rule never gives up: only the engine does.
    assert told == set(OUTCOMES) - {"ticketing.command.failed.v1"}


def test_every_outcome_is_what_its_schema_says(outcomes, validators):
    types = [outcome["headers"]["ce_type"] for outcome in outcomes]
    answers = ask(
        "verdict",
        [json.dumps({"schema": name, "text": outcome["value"]}) for name, outcome in zip(types, outcomes)],
    )
    for name, outcome, answer in zip(types, outcomes, answers):
        assert answer == {"valid": True, "pointers": []}, outcome
        assert list(validators[name].iter_errors(json.loads(outcome["value"]))) == []


def test_every_outcome_is_a_cloudevent_to_the_sdk(outcomes, validators):
    for outcome, event in zip(outcomes, ask("event", [text_of(outcome) for outcome in outcomes])):
        headers = outcome["headers"]
        data = json.loads(event["data"]) if isinstance(event["data"], str) else event["data"]
        replayed = {"idempotencyreplayed": True} if "ce_idempotencyreplayed" in headers else {}
        assert list(validators["outcome.envelope"].iter_errors(event | replayed | {"data": data})) == []
        for name in ("id", "source", "type", "subject", "tenantid", "correlationid", "causationid"):
            assert event[name] == headers["ce_" + name]


def test_the_headers_of_every_outcome_are_those_of_the_asyncapi_document(outcomes):
    (document,) = ask("asyncapi", [json.dumps({"file": str(SCHEMAS / "asyncapi.yaml")})])
    for outcome in outcomes:
        headers = outcome["headers"]
        schema = document["headers"][headers["ce_type"]]
        assert list(jsonschema.Draft7Validator(schema).iter_errors(headers)) == []
        assert set(headers) <= set(schema["properties"]), "a header that nobody described"
