"""The pages against what they name. Python's standard library only.

    pages.py links            every link goes to a file that is there, and to a heading that it has
    pages.py settings         every setting that is named is in docs/configuration.md
    pages.py version          the program, the chart and the image have one version, and the changelog can be read
    pages.py runbooks         every page of docs/runbooks has a test that runs its commands, and names it
    pages.py verbs PROGRAM    every `admitone …` is a verb of the program, with options that it has
"""

import os
import re
import subprocess
import sys

import audit

LEFT_OUT = {"build", "node_modules", "__pycache__"}
FENCE = re.compile(r"^ *(`{3,}|~{3,})")
CODE = re.compile(r"(`+)(.+?)\1")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.*?) *#*$")


def pages(root):
    """Paths relative to root, sorted."""
    for place, below, names in os.walk(root):
        below[:] = sorted(d for d in below if d not in LEFT_OUT and not d.startswith("."))
        for name in sorted(names):
            if name.endswith(".md"):
                yield os.path.relpath(os.path.join(place, name), root)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def lines_of(text):
    """Number, line, and whether it is in a block of code."""
    fence = None
    for number, line in enumerate(text.split("\n"), 1):
        mark = FENCE.match(line)
        if mark and (fence is None or mark.group(1).startswith(fence)):
            fence = mark.group(1) if fence is None else None
            continue
        yield number, line, fence is not None


# --- links ---------------------------------------------------------------------------------------------------------


def anchor_of(heading):
    """As GitHub makes it."""
    text = LINK.sub(lambda match: match.group().partition("]")[0][1:], heading).replace("`", "").lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def anchors(text):
    return {anchor_of(match.group(1)) for _, line, code in lines_of(text) if not code and (match := HEADING.match(line))}


def link_faults(root):
    known = {}
    for page in pages(root):
        for number, line, code in lines_of(read(root, page)):
            for target in [] if code else LINK.findall(CODE.sub("", line)):
                if "://" in target:
                    continue
                name, _, anchor = target.partition("#")
                path = os.path.normpath(os.path.join(os.path.dirname(page), name)) if name else page
                if path.startswith("..") or not os.path.exists(os.path.join(root, path)):
                    yield f"{page}:{number}: links to {target}, which is not there"
                elif anchor and path.endswith(".md"):
                    if path not in known:
                        known[path] = anchors(read(root, path))
                    if anchor not in known[path]:
                        yield f"{page}:{number}: links to {target}, but {path} has no such heading"


# --- settings ------------------------------------------------------------------------------------------------------

SETTINGS = "docs/configuration.md"
ROW = re.compile(r"^\| `([a-z_]+\.[a-z_]+)` \|", re.MULTILINE)
NAMED = re.compile(r"^([a-z_]+)\.([a-z_]+)(?:[:=].*)?$")
# Of the same form, and something else: steps of sagas, and marks of the walk.
OTHERS = {"venue.validate", "venue.hold", "venue.release", "venue.release_old", "chain.register", "chain.cancel", "saga.began",
          "saga.written", "saga.decided"}
# Values of the chart are not settings; decisions tell of their time.
OF_OTHERS = ("helm/", "docs/decisions/")


def setting_faults(root):
    known = set(ROW.findall(read(root, SETTINGS)))
    groups = {name.partition(".")[0] for name in known}
    for page in pages(root):
        if page.startswith(OF_OTHERS):
            continue
        for number, line, code in lines_of(read(root, page)):
            for _, text in [] if code else CODE.findall(line):
                match = NAMED.match(text)
                if not match or match.group(1) not in groups:
                    continue
                name = f"{match.group(1)}.{match.group(2)}"
                if name not in known | OTHERS and name.removesuffix("_file") not in known:
                    yield f"{page}:{number}: names the setting {name}, which {SETTINGS} does not have"


# --- version -------------------------------------------------------------------------------------------------------

VERSIONS = [
    ("CMakeLists.txt", r"^project\(admitone VERSION (\S+)"),
    ("helm/admitone/Chart.yaml", r"^version: (\S+)$"),
    ("helm/admitone/Chart.yaml", r'^appVersion: "(\S+)"$'),
    ("Dockerfile", r"^ARG VERSION=(\S+)$"),
]
RELEASE = re.compile(r"^## (.*)$", re.MULTILINE)
DATED = re.compile(r"^\[?(\d+)\.(\d+)\.(\d+)\]? - \d{4}-\d\d-\d\d$")


def version_faults(root):
    found = {}
    for path, pattern in VERSIONS:
        match = re.search(pattern, read(root, path), re.MULTILINE)
        if match:
            found.setdefault(match.group(1), []).append(path)
        else:
            yield f"{path}: says no version as {pattern}"
    if len(found) > 1:
        yield "the version differs: " + ", ".join(f"{number} in {' and '.join(paths)}" for number, paths in sorted(found.items()))
    heads = RELEASE.findall(read(root, "CHANGELOG.md"))
    releases = [DATED.match(head) for head in heads if head.strip("[]") != "Unreleased"]
    if not heads or heads[0].strip("[]") != "Unreleased":
        yield "CHANGELOG.md: begins with what is unreleased"
    if None in releases:
        yield "CHANGELOG.md: a release is headed by its number and date, 1.2.3 - 2026-01-31"
        return
    numbers = [tuple(map(int, release.groups())) for release in releases]
    if numbers != sorted(set(numbers), reverse=True):
        yield "CHANGELOG.md: the latest release comes first"
    if numbers and ".".join(map(str, numbers[0])) not in found:
        yield f"CHANGELOG.md: the latest release is {'.'.join(map(str, numbers[0]))}, and the program has another version"


# --- runbooks ------------------------------------------------------------------------------------------------------

RUNBOOKS = "docs/runbooks"
TESTED = re.compile(r"^\| \[[^\]]*\]\(([^)\s]+)\) \| (.*) \|$")
TEST = re.compile(r"\[`([^`]+)`\]\(([^)\s]+)\)")
OPEN = "**open**: "


def runbook_row_faults(root, page, cell):
    """Of what stands in the table about a page."""
    named = False
    for name, target in TEST.findall(cell):
        path = os.path.normpath(os.path.join(RUNBOOKS, target))
        if not os.path.isfile(os.path.join(root, path)):
            yield f"{page}: its test is in {path}, which is no file"
            continue
        text = read(root, path)
        if not audit.occurs(name, text, path):
            yield f"{page}: '{name}' is no test in {path}"
        named = named or re.search(rf"(?<![\w-]){re.escape(page.removesuffix('.md'))}(?![\w-])", text)
    if not named and OPEN not in cell:
        yield f"{page}: none of its tests names it; a page that has none says {OPEN}and why"


def runbook_faults(root):
    rows = {}
    for _, line, code in lines_of(read(root, f"{RUNBOOKS}/README.md").partition("## How these pages are tested")[2]):
        match = not code and TESTED.match(line)
        if match:
            rows[match.group(1)] = match.group(2)
    there = {name for name in os.listdir(os.path.join(root, RUNBOOKS)) if name.endswith(".md") and name != "README.md"}
    for page in sorted(there - rows.keys()):
        yield f"{page}: no row in {RUNBOOKS}/README.md tells which test runs its commands"
    for page, cell in sorted(rows.items()):
        if page in there or page.startswith("../"):
            yield from runbook_row_faults(root, page.rpartition("/")[2], cell)
        else:
            yield f"{page}: has a row in {RUNBOOKS}/README.md, and is not there"


# --- verbs ---------------------------------------------------------------------------------------------------------

# Up to what a shell would make of the rest.
CALL = re.compile(r"(?:^|[\s(])admitone ((?:[^\s|&;<>#()`]+ ?)+)")
WORD = re.compile(r"[a-z][a-z-]+")


def calls(text):
    """Line number and words of each call, in code only."""
    for number, line, block in lines_of(text):
        for piece in [line] if block or line.startswith("    ") else [code for _, code in CODE.findall(line)]:
            for call in CALL.findall(piece):
                yield number, call.split()


class Program:
    def __init__(self, path):
        self.path = path
        self.known = {}

    def help(self, *verb):
        """Its help, or None."""
        if verb not in self.known:
            done = subprocess.run([self.path, *verb, "--help"], capture_output=True, text=True, timeout=60)
            # Of a verb that it does not have it shows its own.
            is_its = done.returncode == 0 and re.search(rf"^Usage: {' '.join(('admitone', *verb))}(?![\w-])", done.stdout, re.MULTILINE)
            self.known[verb] = done.stdout if is_its else None
        return self.known[verb]


def call_fault(words, program):
    first = words[0]
    if first.startswith("-"):
        verb = ()
    elif not WORD.fullmatch(first):
        return None  # a placeholder
    elif first == "help":
        return call_fault(words[1:], program) if len(words) > 1 else None
    else:
        verb = (first,)
        below = program.help(first)
        if below is None:
            return "there is no such verb"
        if f"admitone help {first} " in below:  # one of two words
            if len(words) < 2 or not WORD.fullmatch(words[1]):
                return None
            verb = (first, words[1])
            if program.help(*verb) is None:
                return "there is no such verb"
    text = (program.help(*verb) or "") + program.help()
    for option in (word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)):
        if not re.search(rf"(^|[\s,]){re.escape(option)}(?![\w-])", text):
            return f"there is no option {option}"
    return None


def verb_faults(root, program):
    for page in pages(root):
        for number, words in calls(read(root, page)):
            fault = call_fault(words, program)
            if fault:
                yield f"{page}:{number}: admitone {' '.join(words)}: {fault}"


def main(arguments):
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    checks = {"links": link_faults, "settings": setting_faults, "version": version_faults, "runbooks": runbook_faults}
    command = arguments[0] if arguments else ""
    if command in checks and len(arguments) == 1:
        found = list(checks[command](root))
    elif command == "verbs" and len(arguments) == 2:
        found = list(verb_faults(root, Program(arguments[1])))
    else:
        sys.exit(__doc__)
    print("\n".join(found) or f"{command}: nothing to say")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
