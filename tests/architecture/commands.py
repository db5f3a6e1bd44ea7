"""Commands of the runbooks that no test runs. Python's standard library only.

    commands.py     each command of admitone's or Kafka's on a page of docs/runbooks stands in a test of that page in
                    tests/faults/runbooks, which runs it from the page, or in not_run.json with the reason why not

A test is of the pages that its mark names, or that it opens as Page(lab, "name"). Where a page leaves something out (…), what
stands before that is compared, and a command with more behind it is the same. An entry of not_run.json that nothing needs any
more is an error.
"""

import ast
import glob
import json
import os
import re
import sys

RUNBOOKS = "docs/runbooks"
TESTS = "tests/faults/runbooks/test_*.py"
NOT_RUN = "tests/architecture/not_run.json"
COMMAND = re.compile(r"(?:admitone|kafka-[a-z-]+\.sh) [^`]+")
INLINE = re.compile(r"`((?:admitone|kafka-[a-z-]+\.sh) [^`]+)`")
RUNS = {"run", "ask", "kafka"}
# What methods of Page run without being told.
ALWAYS = {"lanes": ["admitone lanes"], "proves": ["admitone audit"],
          "over": ["admitone audit", "admitone doctor --invariants"]}


def commands(text):
    """Of a page, in its order, each once."""
    found = [" ".join(command.split()) for command in INLINE.findall(text)]
    found += [line.strip() for line in text.splitlines() if line.startswith("    ") and COMMAND.match(line.strip())]
    return list(dict.fromkeys(found))


def text_of(node, names):
    """Of a text, one that has a name, or several put together; None of what is found out only when it runs."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [text_of(side, names) for side in (node.left, node.right)]
        return None if None in parts else "".join(parts)
    return None


class Function:
    """What one runs by itself, of which pages it is, and which others it calls."""

    def __init__(self, node):
        inside = list(ast.walk(node))
        calls = [each for each in inside if isinstance(each, ast.Call)]
        names = {each.targets[0].id: text_of(each.value, {}) for each in inside
                 if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name)}
        self.called = {getattr(call.func, "id", "") for call in calls}
        self.pages = {text_of(argument, {}) for call in calls for argument in call.args
                      if getattr(call.func, "attr", "") == "page" or getattr(call.func, "id", "") == "Page"} - {None}
        self.lines = set()
        for call in calls:
            name = getattr(call.func, "attr", "")
            self.lines |= set(ALWAYS.get(name, []))
            texts = [text_of(argument, names) for argument in call.args]
            if name in RUNS and texts[:1] not in ([], [None]):
                self.lines.add(" ".join(filter(None, texts)))


def ran(source):
    """(page, command) of a file of tests, what its helpers run with them."""
    functions = {node.name: Function(node) for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    found = set()
    for function in functions.values():
        seen, left = set(), {function}
        while left:
            one = left.pop()
            seen.add(one)
            left |= {functions[name] for name in one.called & functions.keys()} - seen
        found |= {(page, line) for page in function.pages for one in seen for line in one.lines}
    return found


def runs(line, command):
    """Whether the line is the command as far as the page tells it; ID stands for what there is."""
    told, more, _ = command.partition("…")
    told = told.rstrip(" '\"") if more else told
    return line == told or line.startswith(told + " ")


def faults(root):
    found = set()
    for path in glob.glob(os.path.join(root, TESTS)):
        with open(path, encoding="utf-8") as file:
            found |= ran(file.read())
    with open(os.path.join(root, NOT_RUN), encoding="utf-8") as file:
        reasons = {(entry["page"], entry["command"]): entry["reason"] for entry in json.load(file)}
    for path in sorted(glob.glob(os.path.join(root, RUNBOOKS, "*.md"))):
        page = os.path.basename(path).removesuffix(".md")
        if page == "README":
            continue
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for command in commands(text):
            is_run = any(where == page and runs(line, command) for where, line in found)
            reason = reasons.pop((page, command), None)
            if not is_run and not reason:
                yield f"{RUNBOOKS}/{page}.md: no test of the page runs `{command}`; {NOT_RUN} is for what none can, with the reason"
            if is_run and reason:
                yield f"{NOT_RUN}: a test of {page} runs `{command}`: the entry is needed no more"
    for page, command in reasons:
        yield f"{NOT_RUN}: {page} has no command `{command}`"


def main():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    found = list(faults(root))
    print("\n".join(found) or "commands: nothing to say")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
