"""Law L12 from outside: a replay in place changes nothing, a replay into an empty database makes the same again."""
from __future__ import annotations

import dataclasses
import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent.parent)]

from auditor.kafka_reader import KafkaReader  # noqa: E402
from installation import Installation  # noqa: E402
import state  # noqa: E402


@dataclasses.dataclass
class Replay:
    hashes: tuple[str, str]
    differences: list[str]
    outcomes_added: int = 0
    only_before: int = 0
    only_after: int = 0
    installation: Installation | None = None


def outcome_ids(installation: Installation) -> list[str]:
    found = KafkaReader(installation.stack.kafka).outcomes(installation.outcomes)
    return [outcome.id for outcomes in found.values() for outcome in outcomes]


def run_to_the_end(installation: Installation, name: str, count: int, seconds: float, failpoints: str = "") -> None:
    workers = [installation.worker(f"{name}{n}", failpoints) for n in range(count)]
    try:
        installation.drain(seconds)
        for worker in workers:
            worker.end()
    finally:
        for worker in workers:
            worker.kill()


def through_the_verb(installation: Installation) -> None:
    """As an operator puts the group's positions back."""
    for topic in (installation.home, installation.second):
        done = installation.run("replay", "--topic", topic, "--since", "2020-01-01T00:00:00Z", "--move-group", "--yes",
                                "--reason", "law L12")
        if done.returncode != 0:
            raise RuntimeError(f"replay: {done.stderr.strip()}")


def in_place(installation: Installation, count: int = 2, seconds: float = 300, failpoints: str = "",
             rewind=Installation.rewind) -> Replay:
    """The group's offsets back to the beginning. No worker may be running."""
    before, log = state.full(state.views(installation.env)), len(outcome_ids(installation))
    rewind(installation)
    if not installation.lag():
        raise RuntimeError("there is nothing to replay")
    run_to_the_end(installation, "again", count, seconds, failpoints)
    after = state.full(state.views(installation.env))
    return Replay((state.digest(before), state.digest(after)), state.differences(before, after),
                  outcomes_added=len(outcome_ids(installation)) - log)


def into_nothing(installation: Installation, count: int = 2, seconds: float = 600, failpoints: str = "",
                 **settings) -> Replay:
    """The same command topics, an empty database, a group and an outcome topic of its own."""
    empty = Installation(installation.stack, "rebuilt", installation.partitions, installation.second_partitions,
                         commands_of=installation, **settings)
    # Forwards in the log are signed with the deployment's secret, which a restored deployment keeps.
    installation.stack.sql(f'update "{empty.schema}".deployment set forward_secret = '
                           f'(select forward_secret from "{installation.schema}".deployment)')
    run_to_the_end(empty, "rebuild", count, seconds, failpoints)
    before, after = (state.rebuilt(state.views(i.env)) for i in (installation, empty))
    ids = [set(outcome_ids(i)) for i in (installation, empty)]
    return Replay((state.digest(before), state.digest(after)), state.differences(before, after),
                  only_before=len(ids[0] - ids[1]), only_after=len(ids[1] - ids[0]), installation=empty)
