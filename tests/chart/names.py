"""Metrics that alerts, dashboard and docs name, against those of the program. Python's standard library only.

    names.py            every admitone_… that is named is a metric of src/telemetry/metrics.cpp, with such labels, and
                        docs/metrics.md is what that table says; what an alert names of a counter is there from the start; every law of
                        docs/laws.md has a metric, or says why it has none
    names.py --write    writes docs/metrics.md

The description of a metric there says its labels, `topic/partition` as two; a histogram has _bucket, _sum and _count.
"""

import glob
import os
import re
import sys

SOURCE = "src/telemetry/metrics.cpp"
PAGE = "docs/metrics.md"
LAWS = "docs/laws.md"
ALERTS = "helm/admitone/files/alerts.yaml"
QUERIES = [ALERTS, "helm/admitone/files/dashboard.json", "tests/chart/alerts/*.yaml"]
PAGES = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/*.md", "docs/*/*.md", "helm/admitone/README.md",
         "helm/admitone/values.yaml"]
# What begins the same and is something else: roles of the database, functions and a setting of the build.
NO_METRICS = {"admitone_reader", "admitone_worker", "admitone_owner", "admitone_room", "admitone_test",
              "admitone_script_test", "admitone_url"}
# Labels that Prometheus gives to what it scrapes, and the bucket's.
SCRAPED = {"job", "pod", "namespace", "instance", "le"}

TABLE = re.compile(r"constexpr std::array k(Counters|Gauges|Histograms)\{(.*?)\n\};", re.DOTALL)
ENTRY = re.compile(r'Description\{\s*"(admitone_\w+)",((?:\s*"[^"]*")+|\s*k\w+),\s*("[^"]*"|kTopicPartition)'
                   r'(?:,\s*((?:"[^"]*"\s*)+))?')
TEXT = re.compile(r'constexpr const char\* (k\w+) =\s*((?:"[^"]*"\s*)+);')
NAME = re.compile(r"\badmitone_[a-z0-9_]+\b")
SELECTED = re.compile(r"\b(admitone_[a-z0-9_]+)\{([^{}]*)\}")
MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)')
VALUE = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
# by (a, b) (… the next metric: the labels are those of that metric.
GROUPED = re.compile(r"by \(([\w, ]+)\) \([^()]*?(?:\(\s*(?:[\d.]+ - )?)?(admitone_[a-z0-9_]+)")


HEAD = """# Metrics

All that a worker shows at `/metrics`, in Prometheus' text format. This page is made of the table in `src/telemetry/metrics.cpp` by
`tests/chart/names.py --write`, and a test holds it to that. Base units; counters end in `_total`. Histograms have `_bucket`, `_sum` and `_count`.
A label's values are those that are there from the start, so that nothing is not the same as not measured; more may come with what happens.
At most 2,000 label values are kept of each metric, and further ones are counted under `other`.

What to do about them is in the [runbooks](runbooks/README.md) of the alerts (`helm/admitone/files/alerts.yaml`); how they belong together shows the
dashboard (`helm/admitone/files/dashboard.json`).
"""


def joined(literals):
    return "".join(re.findall(r'"([^"]*)"', literals))


def labels_of(label):
    text = "topic/partition" if label == "kTopicPartition" else label.strip('"')
    return [each for each in text.split("/") if each]


def values_of(label, literals):
    """Of each label the values that are there from the start, each with each of the others."""
    groups = joined(literals).split("/")
    return {each: group.split() for each, group in zip(labels_of(label), groups)}


def page(source):
    """docs/metrics.md."""
    texts = {name: joined(literals) for name, literals in TEXT.findall(source)}
    rows = {"Counters": {}, "Gauges": {}, "Histograms": {}}
    for kind, body in TABLE.findall(source):
        for name, text, label, values in ENTRY.findall(body):
            labels = labels_of(label)
            row = rows[kind].setdefault(name, (labels, texts.get(text.strip()) or joined(text), {each: [] for each in labels}))
            for each, known in values_of(label, values).items():
                row[2][each].extend(known)
    rows["Gauges"]["admitone_build_info"] = (["version"], "Constant 1, labelled with the version", {"version": []})
    lines = [HEAD]
    for kind, found in rows.items():
        lines += [f"## {kind}\n", "| metric | labels | what |", "|---|---|---|"]
        for name, (labels, text, values) in found.items():
            told = [f"`{label}`" + (": " + ", ".join(f"`{value}`" for value in values[label]) if values[label] else "")
                    for label in labels]
            shown = ("; " if any(values.values()) else ", ").join(told)
            lines.append(f"| `{name}` | {shown} | {text} |")
        lines.append("")
    return "\n".join(lines)


def metrics(source):
    """Name to its labels."""
    found = {"admitone_build_info": {"version"}}
    for kind, body in TABLE.findall(source):
        for name, _, label, _ in ENTRY.findall(body):
            labels = set(labels_of(label))
            endings = ("_bucket", "_sum", "_count") if kind == "Histograms" else ("",)
            for ending in endings:
                found[name + ending] = labels
    return found


def query_faults(where, text, known):
    text = text.replace('\\"', '"')
    for name in sorted(set(NAME.findall(text)) - NO_METRICS):
        if name not in known:
            yield where, f"names {name}, which is no series of the program"
    uses = [(name, MATCHER.findall(inside)) for name, inside in SELECTED.findall(text)]
    uses += [(name, re.findall(r"\w+", labels)) for labels, name in GROUPED.findall(text)]
    for name, labels in uses:
        for label in labels:
            if name in known and label not in known[name] | SCRAPED:
                yield where, f"asks {name} for the label {label}, which it does not have"


def page_faults(where, text, known):
    bases = {re.sub(r"_(bucket|sum|count)$", "", name) for name in known} | set(known)
    for name in sorted(set(NAME.findall(text)) - NO_METRICS):
        if name not in bases:
            yield where, f"names {name}, which is no metric of the program"
    for name, inside in SELECTED.findall(text):
        labels = next((known[each] for each in (name, name + "_bucket") if each in known), None)
        for label in re.findall(r"(\w+)\s*(?:=\"[^\"]*\")?(?:,|$)", inside):
            if labels is not None and label not in labels | SCRAPED:
                yield where, f"says that {name} has the label {label}, which it does not have"


def born(source):
    """Counters to the values of their labels that are there from the start."""
    counters = dict(TABLE.findall(source)).get("Counters", "")
    return {name: values_of(label, values) for name, _, label, values in ENTRY.findall(counters)}


def late_faults(where, text, known):
    """What alerts wait for. Prometheus takes the first sample of a series for no increase."""
    for name, inside in SELECTED.findall(text.replace('\\"', '"')):
        for label, kind, wanted in VALUE.findall(inside):
            if name not in known or label in SCRAPED or kind not in ("=", "=~"):
                continue
            for value in wanted.split("|"):
                if value not in known[name].get(label, ()):
                    yield where, f'waits for {name}{{{label}="{value}"}}, which is not there from the start'


def law_faults(text, known):
    """Every law has its row of metrics, or of why there is none."""
    heading = "## Metrics of the laws"
    proven, _, rest = text.partition(heading)
    table = rest.partition("\n## ")[0]
    laws = re.findall(r"^\| (L\d+) \|", proven, re.MULTILINE)
    rows = re.findall(r"^\| (L\d+) \| ([^|]*) \|", table, re.MULTILINE)
    bases = {re.sub(r"_(bucket|sum|count)$", "", name) for name in known}
    if not laws or [law for law, _ in rows] != laws:
        yield LAWS, f"wants one row for each law, in their order, under '{heading}'"
    for law, cell in rows:
        if not cell.startswith("none, because ") and not set(NAME.findall(cell)) & bases:
            yield LAWS, f"{law} names no metric of the program; where there can be none: none, because ..."


def faults(root):
    with open(os.path.join(root, SOURCE), encoding="utf-8") as file:
        source = file.read()
    known = metrics(source)
    written = os.path.join(root, PAGE)
    if not os.path.isfile(written) or open(written, encoding="utf-8").read() != page(source):
        yield PAGE, f"is not what {SOURCE} says; run: tests/chart/names.py --write"
    with open(os.path.join(root, ALERTS), encoding="utf-8") as file:
        yield from late_faults(ALERTS, file.read(), born(source))
    with open(os.path.join(root, LAWS), encoding="utf-8") as file:
        yield from law_faults(file.read(), known)
    for patterns, check in ((QUERIES, query_faults), (PAGES, page_faults)):
        for pattern in patterns:
            for path in sorted(glob.glob(os.path.join(root, pattern))):
                with open(path, encoding="utf-8") as file:
                    yield from check(os.path.relpath(path, root), file.read(), known)


def main():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if sys.argv[1:] == ["--write"]:
        with open(os.path.join(root, SOURCE), encoding="utf-8") as source, open(os.path.join(root, PAGE), "w", encoding="utf-8") as file:
            file.write(page(source.read()))
        return 0
    found = sorted({f"{where}: {message}" for where, message in faults(root)})
    print("\n".join(found) or "metrics: nothing to say")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
