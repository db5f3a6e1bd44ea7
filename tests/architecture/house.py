"""The house rules that a compiler does not check. Python's standard library only.

    house.py includes MANIFEST    every #include in src/ is of a declared room or vendor
    house.py orphans MANIFEST     every source file on disk is built, and every built one is on disk
    house.py tidy                 words and calls that have no place here, file sizes, namespaces

MANIFEST is <build>/architecture.json, written from the admitone_room declarations. Each rule's message says what to do
instead. An exception is a line in exemptions.json with its reason; one that no longer exempts anything is an error.
"""

import fnmatch
import json
import os
import re
import sys

CODE = (".cpp", ".hpp")

# --- reading -------------------------------------------------------------------------------------------------------


def files(root, folders, endings=CODE):
    """Paths relative to root, sorted."""
    for folder in folders:
        for place, below, names in os.walk(os.path.join(root, folder)):
            below[:] = sorted(d for d in below if d not in ("node_modules", "__pycache__"))
            for name in sorted(names):
                if name.endswith(endings):
                    yield os.path.relpath(os.path.join(place, name), root)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/                          # comments
      |R"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)"   # raw strings
      |"(?:\\.|[^"\\\n])*"                          # strings
      |(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'         # characters, but not the ' in 1'000
    """,
    re.VERBOSE | re.DOTALL,
)


def code_only(text):
    """Comments and literals blanked out, line numbers kept."""
    return TOKEN.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


# --- includes ------------------------------------------------------------------------------------------------------

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
# C headers of the system that a room may need; the C++ ones have no ending.
SYSTEM = re.compile(r"^(sys|netinet|arpa|net|linux)/|^(unistd|fcntl|poll|signal|pthread|sched|netdb|termios|errno|time)\.h$")
# What a room does not touch, whatever it links.
ABSENT = {
    "domain": (
        {"iostream", "fstream", "sstream", "ostream", "istream", "filesystem", "thread", "mutex", "cstdio", "random"},
        "domain does no I/O, reads no clock and starts nothing: pass the value in, return the decision",
    ),
}


# Rooms that use no library at all, not even one that reaches them through another room.
BARE = {"domain"}


def vendors_within_reach(room, rooms):
    reach = set(rooms[room]["vendors"])
    if room not in BARE:
        for dependency in rooms[room]["rooms"]:
            reach.update(rooms[dependency]["public_vendors"])
    return reach


def vendor_of(header, vendors):
    for vendor, prefixes in vendors.items():
        for prefix in prefixes:
            if header == prefix or (prefix.endswith("/") and header.startswith(prefix)):
                return vendor
    return None


def include_faults(root, manifest):
    rooms, vendors = manifest["rooms"], manifest["vendors"]
    for path in files(root, ["src"]):
        room = path.split("/")[1]
        if room not in rooms:
            yield "rooms", path, f"src/{room} is not declared: add it to src/CMakeLists.txt at its layer"
            continue
        text = read(root, path)
        for match in INCLUDE.finditer(text):
            style, header = match.groups()
            where = f"{path}:{line_of(text, match.start())}"
            if style == '"':
                target = header.split("/")[0]
                if "/" not in header or target not in rooms:
                    yield "includes", where, f'"{header}" is not of the form "room/file.hpp"'
                elif target != room and target not in rooms[room]["rooms"]:
                    yield "includes", where, (
                        f'room \'{room}\' includes "{header}" and does not declare room \'{target}\': go through a port, '
                        f"or add it to ROOMS in src/{room}/CMakeLists.txt if the layering allows it"
                    )
                elif not os.path.exists(os.path.join(root, "src", header)):
                    yield "includes", where, f'"{header}" does not exist'
                continue
            vendor = vendor_of(header, vendors)
            if vendor:
                if vendor not in vendors_within_reach(room, rooms):
                    yield "includes", where, (
                        f"room '{room}' includes <{header}> and does not declare the vendor '{vendor}': "
                        f"it belongs to {', '.join(r for r in rooms if vendor in rooms[r]['vendors']) or 'no room yet'}; "
                        f"add it to VENDORS in src/{room}/CMakeLists.txt if it belongs here too"
                    )
            elif room in ABSENT and header in ABSENT[room][0]:
                yield "includes", where, f"<{header}>: {ABSENT[room][1]}"
            elif ("/" in header or header.endswith((".h", ".hpp"))) and not SYSTEM.match(header):
                yield "includes", where, f"<{header}> belongs to no vendor: add the vendor to cmake/AdmitOneVendors.cmake"


# --- orphans -------------------------------------------------------------------------------------------------------


def orphan_faults(root, manifest):
    built = set(manifest["sources"])
    on_disk = set(files(root, ["src", "tests", "bench"], (".cpp",)))
    for path in sorted(on_disk - built):
        yield "orphans", path, "is in no target: list it in its folder's CMakeLists.txt, or delete it"
    for path in sorted(built - on_disk):
        yield "orphans", path, "is listed in CMake but not on disk"
    used = set()
    for path in files(root, ["src", "tests", "bench"]):
        for match in INCLUDE.finditer(read(root, path)):
            used.add(match.group(2))
    for path in files(root, ["src"], (".hpp",)):
        if path[len("src/"):] not in used:
            yield "orphans", path, "is included by nothing: use it, or delete it"


# --- tidy ----------------------------------------------------------------------------------------------------------


class Ban:
    """A pattern that has no place in files under `folders`, unless the path matches one of `but`."""

    def __init__(self, name, pattern, folders, instead, but=(), comments=False):
        self.name = name
        self.pattern = re.compile(pattern)
        self.folders = folders
        self.instead = instead
        self.but = but
        self.comments = comments

    def applies(self, path):
        return path.split("/")[0] in self.folders and not any(fnmatch.fnmatch(path, glob) for glob in self.but)


BANS = [
    Ban("clock", r"\b(?:system|steady|high_resolution)_clock::now\b|\bclock_gettime\b|\bgettimeofday\b|\bstd::time\s*\(",
        ["src"], "ask the clock port (ports/clock.hpp) that was passed in", but=["src/*/system_clock.?pp"]),
    Ban("clock", r"\bsystem_clock::now\b", ["tests"], "give the code under test a clock of the test's own",
        but=["tests/integration/*", "tests/faults/*", "tests/support/*"]),
    Ban("environment", r"\bgetenv\b", ["src"], "take it as a setting; only app reads the environment", but=["src/app/*"]),
    Ban("threads", r"\bstd::(?:jthread|thread)\b(?!::)|\bstd::async\b|\bpthread_create\b", ["src"],
        "app starts threads; offer a function that it can run on one", but=["src/app/*"]),
    Ban("sleep", r"\bsleep_for\b|\bsleep_until\b|\busleep\s*\(|\bnanosleep\s*\(", ["src", "tests", "bench"],
        "wait for the condition itself: a condition variable, a named mark, a poll with a deadline"),
    Ban("endl", r"\bstd::endl\b", ["src", "tests", "bench"], "write '\\n'; flush where it matters"),
    Ban("using-namespace", r"\busing\s+namespace\s+(?!(?:[\w:]+::)?\w*literals\s*;)", ["src", "bench"],
        "name what is used, or alias the namespace; only literals may be imported whole", but=["src/app/main.cpp"]),
    Ban("using-namespace",
        r"\busing\s+namespace\s+(?:std|rc|nlohmann|pqxx|fmt|spdlog)\b(?!(?:::\w+)*::\w*literals\s*;)", ["tests"],
        "name what is used; a test may import literals, the matchers of `testing`, and what is our own"),
    Ban("assert", r"\bassert\s*\(|<cassert>|<assert\.h>", ["src"],
        "ADMITONE_ASSERT (base/assert.hpp) is on in all builds"),
    Ban("unfinished", r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b", ["src", "tests", "bench", "scripts", "cmake", "migrations", "helm"],
        "finish it, or write it down in docs/", comments=True),
]

# Lines: (folder, ending, stop). The page on style says what to aim for.
SIZES = [("src", ".hpp", 300), ("src", ".cpp", 600), ("tests", ".cpp", 500), ("tests", ".hpp", 300), ("tests", ".py", 500)]

TEXT = CODE + (".py", ".sh", ".sql", ".cmake", ".txt", ".yaml", ".tpl")


def ban_faults(root):
    folders = sorted({folder for ban in BANS for folder in ban.folders})
    for path in sorted(set(files(root, folders, TEXT)) | set(scripts_of(root))):
        text = read(root, path)
        code = code_only(text) if path.endswith(CODE) else text
        for ban in BANS:
            if not ban.applies(path) or not (ban.comments or path.endswith(CODE)):
                continue
            searched = text if ban.comments else code
            for match in ban.pattern.finditer(searched):
                found = " ".join(match.group().split())
                yield ban.name, f"{path}:{line_of(searched, match.start())}", f"'{found}': {ban.instead}"


def scripts_of(root):
    folder = os.path.join(root, "scripts")
    if os.path.isdir(folder):
        for name in sorted(os.listdir(folder)):
            if os.path.isfile(os.path.join(folder, name)):
                yield f"scripts/{name}"


def size_faults(root):
    for folder, ending, stop in SIZES:
        for path in files(root, [folder], (ending,)):
            lines = read(root, path).count("\n")
            if lines > stop:
                yield "size", path, f"{lines} lines, more than {stop}: split it by what it is about"


# The folders inside a room: a file per verb of the command line, per operation and per part of the API would drown the
# wiring.
FOLDED = ("src/app/api/", "src/app/operate/", "src/app/verbs/")


def shape_faults(root):
    for path in files(root, ["src"]):
        room, text = path.split("/")[1], read(root, path)
        if len(path.split("/")) != 3 and not path.startswith(FOLDED):
            yield "shape", path, "rooms are flat: one folder, no folders inside"
        if path.endswith(".hpp") and "#pragma once" not in text:
            yield "shape", path, "a header begins with #pragma once"
        for match in re.finditer(r"\bnamespace\s+(admitone(?:::\w+)*)\s*\{", code_only(text)):
            if not (match.group(1) + "::").startswith(f"admitone::{room}::"):
                yield "shape", path, f"opens namespace {match.group(1)}, but a room is its namespace: admitone::{room}"


# --- exemptions and the report -------------------------------------------------------------------------------------


def report(faults, exemptions, rules):
    """Lines to print. `rules` are the rule names this run can raise: only their exemptions can be stale."""
    lines, used = [], set()
    for rule, where, message in faults:
        key = (rule, where.partition(":")[0])
        if key in exemptions:
            used.add(key)
        else:
            lines.append(f"{where}: [{rule}] {message}")
    for (rule, path), reason in exemptions.items():
        if len(reason) < 15:
            lines.append(f"exemptions.json: {rule} for {path} needs a reason")
        elif rule in rules and (rule, path) not in used:
            lines.append(f"exemptions.json: {rule} for {path} exempts nothing any more: delete the line")
    return lines


def load_exemptions(path):
    with open(path, encoding="utf-8") as file:
        return {(entry["rule"], entry["file"]): entry["reason"] for entry in json.load(file)}


def main(arguments):
    here = os.path.dirname(os.path.abspath(__file__))
    root = os.path.dirname(os.path.dirname(here))
    exemptions = load_exemptions(os.path.join(here, "exemptions.json"))
    command = arguments[0] if arguments else ""
    if command in ("includes", "orphans") and len(arguments) == 2:
        with open(arguments[1], encoding="utf-8") as file:
            manifest = json.load(file)
        if command == "includes":
            faults, rules = include_faults(root, manifest), {"includes", "rooms"}
        else:
            faults, rules = orphan_faults(root, manifest), {"orphans"}
    elif command == "tidy" and len(arguments) == 1:
        faults = [*ban_faults(root), *size_faults(root), *shape_faults(root)]
        rules = {ban.name for ban in BANS} | {"size", "shape"}
    else:
        sys.exit(__doc__)
    lines = report(faults, exemptions, rules)
    print("\n".join(lines) or f"{command}: nothing to say")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
