"""Outcomes that are gone from their topic, or from the ledger: what comes again, as it was, and what does not."""
from __future__ import annotations

import re

import pytest
from confluent_kafka import OFFSET_END, TopicPartition

from auditor.kafka_reader import KafkaReader
from page import until
from test_services import AWAY, IMPATIENT, created, states
from test_topics import lose_the_outcomes, outcomes_of, sequences


@pytest.mark.page("lost-outcome-topic")
def test_what_failed_for_a_copy_too_comes_again_as_it_was_though_the_key_has_had_another_attempt(lab, page):
    """The second attempt has the key, so the copy's answer is not where the copy says."""
    outside, event = lab.outside(**IMPATIENT), lab.event_id(0)
    outside.venue.faults(AWAY)
    lab.worker(ADMITONE_SAGA_DEADLINE="3s")
    lab.send(2 * [created(lab, event)])
    failed = "select count(*) from {s}.outcome_log where type = 'ticketing.command.failed.v1' and published"
    until("it has failed, for both", lambda: lab.installation.view(failed) == [(2,)], 60)
    lab.rest()
    outside.venue.faults()
    lab.worker()
    lab.send([created(lab, event)])
    until("it goes well", lambda: states(lab) == {"on_sale": 1}, 60)
    lab.drain()
    lab.rest()
    before = outcomes_of(lab)
    lose_the_outcomes(lab, page)
    assert "0|0" in page.sql("OWNER_"), "the lane begins again with its first"
    worker = lab.worker()
    lab.drain()
    until("all have come again", lambda: sequences(lab) == {0: [1, 2, 3]}, 60)
    page.none_is_stopped(worker)
    assert outcomes_of(lab) == before
    assert [(one.type, one.replayed) for one in before[0]] == [
        ("ticketing.command.failed.v1", False), ("ticketing.command.failed.v1", True), ("ticketing.event.created.v1", False)]
    lab.rest()
    page.proves()
    lab.prove()


@pytest.mark.page("lost-outcome-topic")
def test_a_lane_begins_again_behind_a_copy_whose_original_is_gone(lab, page):
    event, other = lab.event_id(0), lab.event_id(1)
    lab.worker()
    lab.send([lab.event(event), lab.hold(event, "a"), lab.event(other)])
    lab.drain()
    lab.rest()
    lab.stack.sql(f'set search_path to "{lab.installation.schema}"; select switch_ledger_part()')
    lab.worker()
    lab.send([lab.hold(event, "b"), lab.hold(event, "a"), lab.hold(event, "c"), lab.hold(other, "d")])
    lab.drain()
    lab.rest()
    before = outcomes_of(lab)
    # As when the part was dropped, which takes longer than its keys are kept.
    lab.stack.sql(f"""set search_path to "{lab.installation.schema}";
        insert into detached_numbers select lane, max(out_seq) from ledger where part = 1 and out_seq is not null group by lane;
        delete from ledger where part = 1; delete from origins where part = 1; delete from content_keys where part = 1;""")
    lose_the_outcomes(lab, page)
    said = page.sql("OWNER_")
    assert {"0|4", "1|1"} <= set(said), said
    worker = lab.worker()
    until("the rest has come again", lambda: sequences(lab) == {0: [5], 1: [2]}, 60)
    page.none_is_stopped(worker)
    assert outcomes_of(lab) == {0: before[0][4:], 1: before[1][1:]}


@pytest.mark.page("lost-outcome-topic")
def test_a_log_that_begins_behind_what_is_unpublished_goes_on_without_giving_anything_else_again(lab, page):
    event, other, outcomes = lab.event_id(0), lab.event_id(1), lab.installation.outcomes
    lab.worker()
    lab.send([lab.event(event), lab.hold(event, "a"), lab.event(other), lab.hold(other, "a")])
    lab.drain()
    lab.rest()
    reader = KafkaReader(lab.stack.kafka)
    untouched = reader.outcomes(outcomes)[1]
    lab.send([lab.hold(event, "b")])

    def dies_untold() -> bool:
        """Its first transaction is its last deed; that may be one of positions alone."""
        lab.until_dead(lab.worker("publish.committed=kill@1", wait=False))
        reader.wait_until_closed(outcomes)
        return sequences(lab)[0] == [1, 2, 3]
    until("the third is in the log, and the database does not know it", dies_untold, 120)
    asked = TopicPartition(outcomes, 0, OFFSET_END)
    lab.installation.admin.delete_records([asked], request_timeout=15)[asked].result(30)
    worker = lab.worker()
    page.stopped(worker)
    page.log_says(worker, "the outcome log begins at offset …")
    begins = re.search(r"the outcome log begins at offset (\d+)", worker.log.read_text()).group(1)
    lab.rest()
    said = page.sql("OWNER_", {"4711": begins, "partition = 3": "partition = 0"}, number=2)
    assert said[-2:] == ["2|3", page.says("UPDATE 1")], said
    worker = lab.worker()
    lab.send([lab.hold(event, "c"), lab.hold(other, "b")])
    lab.drain()
    page.none_is_stopped(worker)
    assert sequences(lab) == {0: [3, 4], 1: [1, 2, 3]}
    assert reader.outcomes(outcomes)[1][:2] == untouched
    page.over()
