"""The alerts: read by Prometheus' own promtool, each with a case in which it fires and one in which it does not."""

import glob
import os
import shutil
import subprocess

import kit
import pytest
import yaml

RULES = os.path.join(kit.CHART, "files/alerts.yaml")
CASES = os.path.join(kit.ROOT, "tests/chart/alerts")


def promtool(*arguments):
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def cases(topic):
    promtool("test", "rules", os.path.join(CASES, topic + ".yaml"))


def alerts():
    with open(RULES, encoding="utf-8") as file:
        return {rule["alert"]: rule for group in yaml.safe_load(file)["groups"] for rule in group["rules"]}


def test_prometheus_takes_the_rules():
    promtool("check", "rules", RULES)


def test_workers_and_their_lanes_are_watched():
    cases("workers")


def test_redis_that_is_away_for_five_minutes_is_told():
    cases("redis")


def test_what_becomes_of_commands_is_watched():
    cases("commands")


def test_late_holds_and_timers_without_a_success_are_told():
    cases("timers")


def test_sagas_and_services_outside_are_watched():
    cases("sagas")


def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not():
    fires, silent = set(), set()
    for path in glob.glob(os.path.join(CASES, "*.yaml")):
        with open(path, encoding="utf-8") as file:
            for case in yaml.safe_load(file)["tests"]:
                for expected in case["alert_rule_test"]:
                    (fires if expected["exp_alerts"] else silent).add(expected["alertname"])
    assert fires == silent == set(alerts())
    topics = {os.path.basename(path) for path in glob.glob(os.path.join(CASES, "*.yaml"))}
    assert topics == {f"{topic}.yaml" for topic in ("workers", "redis", "commands", "timers", "sagas")}


# A rule, and what it is changed to: no case would notice if that passed.
CHANGES = [
    ("redis", "for: 5m\n        labels: {severity: warning}\n        annotations:\n          summary: Workers of {{ $labels.job }} have not",
     "for: 4m\n        labels: {severity: warning}\n        annotations:\n          summary: Workers of {{ $labels.job }} have not"),
    ("redis", "min by (job) (admitone_redis_up", "max by (job) (admitone_redis_up"),
    ("timers", 'result="stuck"', 'result="failed"'),
    ("timers", "histogram_quantile(0.99", "histogram_quantile(0.4"),
    ("timers", 'max by (job) (admitone_ledger_part_overdue_seconds', 'sum by (job) (admitone_ledger_part_overdue_seconds'),
    ("timers", 'admitone_ledger_part_overdue_seconds{job=~".+"}) > 3600', 'admitone_ledger_part_overdue_seconds{job=~".+"}) > 2000'),
    ("sagas", 'status="needs_operator"}) > 0', 'status="running"}) > 0'),
    ("sagas", 'service!="redis"}) > 0', 'service!="redis"}) > 1'),
    ("commands", '[15m])) > 10', '[15m])) > 4'),
    ("commands", "> 3 * sum", "> 0.1 * sum"),
    ("commands", "> 300 * sum", "> 0 * sum"),
    ("commands", 'max by (job) (admitone_lag_seconds{job=~".+"}) > 300', 'max by (job) (admitone_lag_seconds{job=~".+"}) > 200'),
    ("commands", 'max by (job) (admitone_lag_seconds{job=~".+"}) > 300', 'sum by (job) (admitone_lag_seconds{job=~".+"}) > 300'),
    ("commands", 'max by (job) (admitone_lag_seconds{job=~".+"}) > 300', 'min by (job) (admitone_lag_seconds{job=~".+"}) > 300'),
    ("workers", "abs(admitone_clock_drift_seconds{job=~\".+\"})", "admitone_clock_drift_seconds{job=~\".+\"}"),
    ("workers", 'sum by (job) (admitone_lanes_owned{job=~".+"}) == 0', 'min by (job) (admitone_lanes_owned{job=~".+"}) == 0'),
    ("workers", 'sum by (job) (admitone_lanes_owned{job=~".+"}) == 0', 'sum by (job) (admitone_lanes_owned{job=~".+"}) < 0'),
    ("workers", 'sum by (job) (admitone_lanes_waiting{job=~".+"}) > 0', 'sum by (job) (admitone_lanes_waiting{job=~".+"}) > 1'),
    ("workers", "connection|08|53|57", "connection|40"),
    ("workers", "[10m:30s]) > 10", "[10m:30s]) > 8"),
    ("workers", "[10m:30s]", "[6m:30s]"),
    ("commands", "[10m:30s]) > 10", "[10m:30s]) > 15"),
    ("commands", "[10m:30s]", "[6m:30s]"),
    ("commands", "== max by (job, lane) (admitone_published_sequence", "<= max by (job, lane) (admitone_outcome_sequence"),
    ("commands", 'max by (job, lane) (admitone_unpublished_outcomes{job=~".+"}) > 0', 'max by (job, lane) (admitone_unpublished_outcomes{job=~".+"}) > 2'),
    ("commands", "== max by (job, lane) (admitone_published_sequence", ">= max by (job, lane) (admitone_published_sequence"),
    ("workers", "(admitone_lanes_stopped{job=~\".+\"}) > 0)[5m:30s]) > 2", "(admitone_lanes_stopped{job=~\".+\"}) > 0)[1m:30s]) > 2"),
]


@pytest.mark.parametrize("topic, right, wrong", CHANGES)
def test_a_rule_that_is_wrong_is_found_by_its_cases(tmp_path, topic, right, wrong):
    with open(RULES, encoding="utf-8") as file:
        text = file.read()
    assert right in text
    (tmp_path / "alerts.yaml").write_text(text.replace(right, wrong), encoding="utf-8")
    with open(os.path.join(CASES, topic + ".yaml"), encoding="utf-8") as file:
        cases_of_topic = file.read().replace("../../../helm/admitone/files/alerts.yaml", "alerts.yaml")
    (tmp_path / "cases.yaml").write_text(cases_of_topic, encoding="utf-8")
    done = subprocess.run([shutil.which("promtool"), "test", "rules", str(tmp_path / "cases.yaml")], capture_output=True, text=True)
    assert done.returncode != 0 and "FAILED" in done.stdout + done.stderr, done.stdout + done.stderr


def test_each_alert_says_how_grave_it_is_and_has_its_page():
    index = open(os.path.join(kit.ROOT, "docs/runbooks/README.md"), encoding="utf-8").read()
    for name, rule in alerts().items():
        assert rule["labels"]["severity"] in ("warning", "critical"), name
        assert rule["annotations"]["summary"], name
        page = rule["annotations"]["runbook_url"]
        with open(os.path.join(kit.ROOT, page), encoding="utf-8") as file:
            text = file.read()
        assert f"Alert `{name}`." in text, page
        for part in ("What it means", "How to look", "What to do", "It is over when"):
            assert f"**{part}" in text, f"{page}: {part}"
        assert f"| `{name}` |" in index and os.path.basename(page) in index, name
