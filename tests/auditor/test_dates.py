"""An event that moves: the auditor knows its new dates, and notices others."""
from __future__ import annotations

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from auditor.audit import audit  # noqa: E402
from auditor.world import identifier, small_world  # noqa: E402

OLD = {"startsAt": "2030-01-01T19:00:00Z", "endsAt": "2030-01-01T22:00:00Z"}
NEW = {"startsAt": "2030-01-08T18:00:00Z", "endsAt": "2030-01-08T23:30:00Z"}
EVENT = identifier("event-a")


def moved(shown: dict, stored: dict):
    """An update to the new dates; its outcome shows `shown`, the view `stored`."""
    def also(world):
        sent = world.send("event.update", {"eventId": EVENT, "expectedVersion": 1, **NEW}, "move")
        world.applied(sent, "event.updated", "EVENT_UPDATED", {
            "eventId": EVENT, "venueId": "v", "name": "A", "slug": "a", "version": 2, "status": "on_sale", **shown,
            "sections": [{"sectionId": "s", "name": "S", "capacity": 5, "priceMinor": 100, "currency": "EUR"}]})

    facts = small_world(also)
    row = next(row for row in facts.event_log if row["event_id"] == EVENT)
    row.update(version=2, starts_at=stored["startsAt"], ends_at=stored["endsAt"])
    return audit(facts)


def test_a_move_is_proven():
    findings = moved(NEW, NEW)
    assert findings.ok, findings.as_table()


@pytest.mark.parametrize("name", ["startsAt", "endsAt"])
def test_a_date_that_stays_behind_is_refuted(name):
    assert moved({**NEW, name: OLD[name]}, NEW).refuted() == {"codes"}
    assert moved(NEW, {**NEW, name: OLD[name]}).refuted() == {"state"}
