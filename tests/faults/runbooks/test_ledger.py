"""A part of the ledger that does not go when it should: what keeps it, and that it goes when that is mended."""
from __future__ import annotations

import itertools
import re

import pytest
from confluent_kafka import TopicPartition

from page import Page, until
from test_commands import set_topic
from test_services import AWAY, IMPATIENT, created, states

# As short as settings may be. Not so the parts: each takes a minute to go when the one before is gone.
SHORT = {"ADMITONE_KAFKA_COMMAND_RETENTION": "1m", "ADMITONE_DEAD_LETTER_MAX_AGE": "0s", "ADMITONE_REPLAY_WINDOW": "0s",
         "ADMITONE_IDEMPOTENCY_COMPLETED_TTL": "1m", "ADMITONE_IDEMPOTENCY_FAILED_TTL": "1m",
         "ADMITONE_REDIS_KEY_TTL": "1m", "ADMITONE_LEDGER_PART_LENGTH": "1m",
         "ADMITONE_LEDGER_HOUSEKEEPING_INTERVAL": "1s"}
RETENTION = 60_000
# What is waited for takes two minutes at the least; the rest is for a machine that is busy.
LONG = 300


def told(page, check: str = "ledger") -> str:
    """What doctor says of it."""
    page.says(f"the line `{check}`")
    return " ".join(row["what"] for row in page.ask("admitone doctor", code=None) if row["check"] == check)


def parts(page) -> dict[int, dict]:
    """`admitone timers list`: those that are there still."""
    return {row["part"]: row for row in page.ask("admitone timers list")["ledger_parts"]}


@pytest.mark.page("ledger-part-kept")
@pytest.mark.parametrize("lab", [SHORT], indirect=True)
def test_a_part_that_is_kept_goes_when_what_runs_has_ended_and_the_lane_that_was_behind_has_passed_it(lab, page):
    outside, home, overdue = lab.outside(**IMPATIENT), lab.installation.home, "admitone_ledger_part_overdue_seconds"
    for topic in (home, lab.installation.second):
        set_topic(lab, topic, "retention.ms", RETENTION)
    event, other, waiting = lab.event_id(3), lab.event_id(0), lab.event_id(1)
    worker = lab.worker()
    lab.send([created(lab, event), created(lab, other), lab.hold(event, "kept")])
    until("both are on sale", lambda: states(lab) == {"on_sale": 2}, 60)
    lab.drain()
    nothing = "no part of the ledger is kept beyond its time"
    assert told(page) == nothing and page.metric(worker, overdue) == 0

    # Something of the part does not end: the venue of a saga is away.
    outside.venue.faults(AWAY)
    lab.send([created(lab, waiting)])
    until("it runs", lambda: states(lab) == {"on_sale": 2, "pending": 1}, 60)
    assert parts(page)[1]["current"], "all this took longer than a part lasts"
    # And a lane stops, before a copy that was sent while its key in the part was good.
    lab.rest()
    lab.send([lab.hold(event, f"lost{n}") for n in range(3)] + [lab.hold(event, "kept")])
    stands = page.lanes()["3"]
    at, copy = stands["next"], stands["end"] - 1
    first_left = TopicPartition(home, 3, copy)
    lab.installation.admin.delete_records([first_left], request_timeout=15)[first_left].result(30)
    worker = lab.worker()
    names = itertools.count()

    def until_told(pattern: str) -> re.Match:
        """Commands come meanwhile. So Kafka leaves the copy alone: a segment goes when the youngest in it is old."""
        return until(f"doctor says {pattern}", lambda: re.search(pattern, told(page)) or lab.send(
            [lab.hold(event, f"later{next(names)}")]), LONG, 2)

    until_told(page.says("something of it runs, waits or is not published"))
    assert page.metric(worker, overdue) > 0 and parts(page)[1]["last_end"] is None
    running = page.ask("admitone keys list --status in_progress --older-than 7d", swaps={"7d": "1m"})
    assert [row["key"] for row in running] == [f"create-{waiting}"]
    assert [(row["event_id"], row["status"]) for row in page.ask("admitone sagas list")] == [(waiting, "running")]
    page.says("[saga-stuck.md](saga-stuck.md)")
    assert {row["unpublished"] for row in page.lanes().values()} == {0}
    outside.venue.faults()
    until("it ends", lambda: states(lab) == {"on_sale": 3}, 60)

    # Its key is good for a while yet. The others have passed its end when only one is named.
    (named,) = until_told(r"these lanes have not come past \S+: (\S+) \(has come to [^,]*$").groups()
    assert named == f"{home}/3"
    assert page.metric(worker, overdue) > 0 and parts(page)[1]["last_end"] is not None
    stands = page.lanes()["3"]
    assert (stands["next"], stands["lag"]) == (at, stands["end"] - at), "it has lag, as one that is at work has"
    page.stopped(worker)
    decided = dict(lab.installation.view(
        f"select lane, {page.says('decided_until')} from {{s}}.{page.says('timer_log')}"))
    ((last_end, passed_at),) = lab.installation.view(
        f"select last_end, {page.says('passed_at')} from {{s}}.{page.says('ledger_part_log')} where part = 1")
    assert min(decided[lane] for lane in (0, 1, 2)) > last_end and passed_at is None
    assert "ledger-rotation ran" in told(page, "jobs")

    # From page to page.
    page.says("[lane-stopped.md](lane-stopped.md)")
    Page(lab, "lane-stopped").says(
        "`records … were deleted before they were consumed` | [deleted-records.md](deleted-records.md)")
    deleted = Page(lab, "deleted-records")
    deleted.log_says(worker, "were deleted before they were consumed")
    lab.rest()
    said = deleted.sql("OWNER_", {"'ticketing.commands'": f"'{home}'", "5001": str(copy), "4711": str(at)})
    assert said == ["SET", str(at), "UPDATE 1"]
    worker = lab.worker()
    until("it catches up", lambda: page.lanes()["3"]["lag"] == 0, 60)
    page.none_is_stopped(worker)
    answer = "select verdict from {s}.record_ledger where topic = %s and partition = 3 and \"offset\" = %s"
    assert lab.installation.view(answer, home, copy) == [("duplicate",)], "that is what the part was kept for"

    until("the part goes", lambda: 1 not in parts(page), LONG)
    page.says("`doctor` says that no part is kept beyond its time")
    until("it is over", lambda: page.metric(worker, overdue) == 0 and told(page) == nothing, LONG)
    page.says("parts that waited behind it go, too, one after the other")
    until("so does the next", lambda: 2 not in parts(page), LONG)
    # An audit is of what the topics have: by now retention may have taken all that is told of here.
    lab.send([lab.hold(event, "after"), lab.hold(other, "after too")])
    until("nothing waits", lambda: lab.installation.lag() == 0, 60)
    lab.rest()
    for verb in (("audit",), ("doctor", "--invariants")):
        done = lab.installation.run(*verb)
        assert done.returncode == 0, done.stdout + done.stderr
