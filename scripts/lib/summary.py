"""summary.py RESULTS: counts test cases and prints `N passed, N failed, N skipped`.

RESULTS/ctest.junit is what ctest wrote, one entry per program; RESULTS/<program>.xml, where it exists, is what the
program wrote, one entry per case. Exit code 1 when anything failed (under CI=true, or was skipped).
"""

import os
import sys
import xml.etree.ElementTree as ElementTree


def cases_of(path):
    """(name, outcome) of each case in a JUnit file as GoogleTest, pytest and ctest write it."""
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = ".".join(filter(None, (case.get("classname"), case.get("name"))))
        if case.find("failure") is not None or case.find("error") is not None:
            yield name, "failed"
        elif (
            case.find("skipped") is not None
            or case.get("result") in ("skipped", "suppressed")
            or case.get("status") in ("notrun", "disabled")
        ):
            yield name, "skipped"
        else:
            yield name, "passed"


def outcomes(results):
    try:
        programs = list(cases_of(os.path.join(results, "ctest.junit")))
    except (FileNotFoundError, ElementTree.ParseError):
        yield "ctest did not run any test", "failed"
        return
    for program, outcome in programs:
        # ctest repeats a program's name as its class name.
        program = program.partition(".")[0]
        own = os.path.join(results, program + ".xml")
        try:
            cases = [(f"{program}: {name}", result) for name, result in cases_of(own)]
        except (FileNotFoundError, ElementTree.ParseError):
            cases = []
        yield from cases
        if not cases or (outcome == "failed" and all(result != "failed" for _, result in cases)):
            # No cases of its own, or it failed outside of them: a crash, a leak, a time-out.
            yield program, outcome


def main():
    results = sys.argv[1]
    strict = os.environ.get("CI") == "true"
    count = {"passed": 0, "failed": 0, "skipped": 0}
    for name, outcome in outcomes(results):
        if outcome == "skipped" and strict:
            print(f"skipped, which counts as failed here: {name}", file=sys.stderr)
            outcome = "failed"
        elif outcome != "passed":
            print(f"{outcome}: {name}", file=sys.stderr)
        count[outcome] += 1
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**count))
    return 1 if count["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
