"""The dashboard: Prometheus takes every query, and Grafana finds every panel in its place."""

import itertools
import json
import os
import subprocess

import kit
import yaml

with open(os.path.join(kit.CHART, "files/dashboard.json"), encoding="utf-8") as opened:
    BOARD = json.load(opened)
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]


def queries():
    return [target["expr"] for panel in PANELS for target in panel["targets"]]


def promtool_takes(expressions, folder):
    rules = [{"record": f"query:{number}", "expr": text.replace("$__rate_interval", "5m").replace("$job", ".+")}
             for number, text in enumerate(expressions)]
    path = folder / "queries.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}), encoding="utf-8")
    return subprocess.run(["promtool", "check", "rules", str(path)], capture_output=True, text=True)


def test_prometheus_takes_every_query(tmp_path):
    done = promtool_takes(queries(), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert promtool_takes([*queries(), "sum by (job (x)"], tmp_path).returncode != 0


def test_every_query_looks_at_the_installation_that_is_chosen():
    assert [text for text in queries() if 'job=~"$job"' not in text] == []
    assert {variable["name"] for variable in BOARD["templating"]["list"]} == {"datasource", "job"}


def test_no_panel_lies_over_another_or_beside_the_board():
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(ids) == len(set(ids))
    for panel in BOARD["panels"]:
        assert 0 <= panel["gridPos"]["x"] and panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24, panel["title"]
    for one, other in itertools.combinations(BOARD["panels"], 2):
        a, b = one["gridPos"], other["gridPos"]
        apart = (a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"] or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"])
        assert apart, (one["title"], other["title"])
