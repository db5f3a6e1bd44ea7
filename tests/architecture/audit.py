"""docs/audit.md against the tests that it names. Python's standard library only.

    audit.py        every id has its row; every link goes to a file that is there, every named test occurs in it

A row that is not open names at least one test: [`Suite.Name`](../tests/…_test.cpp) as GoogleTest knows it, or
[`name`](../tests/….py), a function or what a storm judges. An open row says what is missing.
"""

import os
import re
import sys

PAGE = "docs/audit.md"


def ids_of(letters, last, first=1):
    return [f"{letters}{number}" for number in range(first, last + 1)]


# Every check there is; a new one comes here and gets its row.
IDS = [*ids_of("RL", 10), *ids_of("SL", 8), *ids_of("DB", 8), *ids_of("BJ", 6), *ids_of("EC", 6), *ids_of("HR", 5),
       *ids_of("B", 8), *ids_of("C", 18), *ids_of("D", 10), *ids_of("E", 7)]

ROW = re.compile(r"^\| *([A-Z]+[0-9]+)\b[^|]*\|")
LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")
OPEN = re.compile(r"\*\*open\*\*:? *(.*)")
SHORTEST_REASON = 20
PYTHON = (".py",)


def rows(text):
    """Line number, id and cells of each row of the tables."""
    for number, line in enumerate(text.split("\n"), 1):
        match = ROW.match(line)
        if match:
            yield number, match.group(1), [cell.strip() for cell in line.strip().strip("|").split("|")]


def occurs(name, text, path):
    if path.endswith(PYTHON):
        return re.search(rf"^ *def {re.escape(name)}\(", text, re.MULTILINE) or f'judge("{name}"' in text or f'Claim("{name}"' in text
    suite, _, case = name.partition(".")
    return case and re.search(rf"^(?:TEST|TEST_F|TEST_P|RC_GTEST_PROP)\(\s*{re.escape(suite)},\s*{re.escape(case)}\s*[,)]",
                              text, re.MULTILINE)


def link_faults(root, where, label, target):
    path = os.path.normpath(os.path.join(os.path.dirname(PAGE), target.partition("#")[0]))
    if "://" in target or path.startswith("..") or not os.path.isfile(os.path.join(root, path)):
        yield where, f"links to {target}, which is no file of this project"
        return
    if not path.startswith("tests/"):
        return
    with open(os.path.join(root, path), encoding="utf-8") as file:
        text = file.read()
    name = label.strip("`")
    if not label.startswith("`") or not occurs(name, text, path):
        yield where, f"names '{name}', which is no test in {path}"


def row_faults(where, cells):
    if len(cells) != 4 or not all(cells[:3]):
        yield where, "a row has four cells: id, check, answer, what shows it"
        return
    shown = cells[3]
    reason = OPEN.search(shown)
    if reason and len(LINK.sub("", reason.group(1)).strip()) < SHORTEST_REASON:
        yield where, "is open and does not say what is missing"
    if not reason and not any(target.startswith("../tests/") for _, target in LINK.findall(shown)):
        yield where, "names no test: link one, or mark the row **open** with what is missing"


def faults(root, ids=None):
    ids = IDS if ids is None else ids
    with open(os.path.join(root, PAGE), encoding="utf-8") as file:
        text = file.read()
    seen = {}
    for number, name, cells in rows(text):
        where = f"{PAGE}:{number}: {name}"
        if name not in ids:
            yield where, "is no id of the audit: add it to the list in tests/architecture/audit.py, or correct it"
        if name in seen:
            yield where, f"has a row already, in line {seen[name]}"
        seen[name] = number
        yield from row_faults(where, cells)
    for number, line in enumerate(text.split("\n"), 1):
        for label, target in LINK.findall(line):
            yield from link_faults(root, f"{PAGE}:{number}", label, target)
    for name in ids:
        if name not in seen:
            yield PAGE, f"{name} has no row"


def main():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    found = [f"{where}: {message}" for where, message in faults(root)]
    print("\n".join(found) or f"{PAGE}: {len(IDS)} checks, nothing to say")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
