"""What the public views hold, as comparable values: for replays in place and into an empty database."""
from __future__ import annotations

import hashlib
import json
import os
import sys
import pathlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from auditor.view_reader import ViewReader  # noqa: E402

# Told by the lane's watermark, which may only follow: not state.
MOVING = {"published"}
# What an empty database cannot know again: when it was done, and by which owner.
OF_THE_DAY = {"created_at", "first_seen_at", "completed_at", "decided_at", "epoch", "expires_at"}


def views(env: dict[str, str]) -> dict[str, list[dict]]:
    reader = ViewReader(env["ADMITONE_DATABASE_READER_URL"], env["ADMITONE_DATABASE_SCHEMA"])
    try:
        return reader.all()
    finally:
        reader.close()


def text(row: dict, without=frozenset()) -> str:
    return json.dumps({name: value for name, value in row.items() if name not in without}, sort_keys=True, default=str)


def full(found: dict[str, list[dict]]) -> dict[str, list[str]]:
    """Every row of every view."""
    return {view: sorted(text(row, MOVING) for row in rows) for view, rows in found.items()}


def digest(parts: dict[str, list[str]]) -> str:
    sha = hashlib.sha256()
    for view in sorted(parts):
        for row in parts[view]:
            sha.update(f"{view} {row}\n".encode())
    return sha.hexdigest()


def rebuilt(found: dict[str, list[dict]]) -> dict[str, list[str]]:
    """What a replay into an empty database must make again (law L12): ids, states, keys, outcome ids."""
    outcomes = {(row["partition"], str(row["outcome_id"]), row["type"], row["code"], str(row["event_id"]))
                for row in found["outcome_log"] if not row["replayed"]}
    return {
        "event_log": sorted(text(row, OF_THE_DAY) for row in found["event_log"]),
        "section_capacity": sorted(text(row) for row in found["section_capacity"]),
        "reservation_log": sorted(text(row) for row in found["reservation_log"]),
        "command_log": sorted(text(row, OF_THE_DAY | {"attempts", "topic", "partition", "offset"})
                              for row in found["command_log"] if row["outcome_id"]),
        "outcomes": sorted(map(str, outcomes)),
    }


def differences(before: dict[str, list[str]], after: dict[str, list[str]], shown: int = 5) -> list[str]:
    lines = []
    for view in before.keys() | after.keys():
        gone, come = set(before.get(view, ())) - set(after.get(view, ())), \
            set(after.get(view, ())) - set(before.get(view, ()))
        repeats = len(before.get(view, ())) - len(after.get(view, ()))
        if gone or come or repeats:
            lines.append(f"{view}: {len(gone)} rows gone, {len(come)} come, count {-repeats:+d}")
            lines += [f"  - {row[:300]}" for row in sorted(gone)[:shown]] + \
                     [f"  + {row[:300]}" for row in sorted(come)[:shown]]
    return lines


def differing_rows(before: dict[str, list[str]], after: dict[str, list[str]]) -> int:
    return sum(len(set(before[view]) ^ set(after.get(view, ()))) for view in before)


if __name__ == "__main__":
    print(digest(full(views(dict(os.environ)))))
