"""Shows that commands.py can fail, and what it lets pass."""

import json
import os
import tempfile
import unittest

import commands

PAGE = """# Lag

**How to look.** `admitone lanes`, `admitone inspect ID` and `admitone keys
list --limit 20`; `admitone_lag_records`, `kafka.group_id`.

    admitone replay --yes --reason '…'

and `kafka-topics.sh --describe`.
"""
TESTS = '''
def helper(lab, page):
    page.kafka("kafka-topics.sh --describe", swaps={})

@pytest.mark.page("lag")
def test_it(lab, page):
    one = "admitone keys list"
    page.lanes()
    page.run("admitone inspect ID", "-o", "json")
    until("it is so", lambda: page.ask(one + " --limit 20") == [])
    page.run("admitone replay", "--yes", "--reason", f"so {lab}")
    helper(lab, page)
'''


class Commands(unittest.TestCase):
    def found(self, page=PAGE, tests=TESTS, not_run=()):
        with tempfile.TemporaryDirectory() as root:
            for path, text in {f"{commands.RUNBOOKS}/lag.md": page, f"{commands.RUNBOOKS}/README.md": "`admitone doctor`",
                               "tests/faults/runbooks/test_lag.py": tests,
                               commands.NOT_RUN: json.dumps(list(not_run))}.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                    file.write(text)
            return list(commands.faults(root))

    def refused(self, words, **what):
        faults = self.found(**what)
        self.assertEqual(len(faults), 1, faults)
        self.assertIn(words, faults[0])

    def test_what_is_run_passes(self):
        self.assertEqual(commands.commands(PAGE), ["admitone lanes", "admitone inspect ID", "admitone keys list --limit 20",
                                                   "kafka-topics.sh --describe", "admitone replay --yes --reason '…'"])
        self.assertEqual(self.found(), [])
        opened = TESTS.replace('@pytest.mark.page("lag")\n', "").replace("    page.lanes()", '    page = Page(lab, "lag")\n    page.lanes()')
        self.assertEqual(self.found(tests=opened), [])

    def test_what_no_test_of_the_page_runs_is_refused(self):
        for there, instead, command in (("page.lanes()", "pass", "admitone lanes"),
                                        ('page.run("admitone inspect', 'page.says("admitone inspect', "admitone inspect ID"),
                                        (' + " --limit 20"', "", "admitone keys list --limit 20"),
                                        ('"--reason", ', "", "admitone replay")):
            self.assertIn(there, TESTS)
            self.refused(f"runs `{command}", tests=TESTS.replace(there, instead))
        self.assertEqual(len(self.found(tests=TESTS.replace('page("lag")', 'page("lanes-fenced")'))), 5)
        self.refused("kafka-topics.sh", tests=TESTS.replace("    helper(lab, page)\n", ""))

    def test_what_is_not_run_says_why_and_only_as_long_as_that_is_so(self):
        entry = {"page": "lag", "command": "admitone lanes", "reason": "it is so"}
        without = TESTS.replace("page.lanes()", "pass")
        self.assertEqual(self.found(tests=without, not_run=[entry]), [])
        self.refused("runs `admitone lanes`", tests=without, not_run=[{**entry, "reason": ""}])
        self.refused("needed no more", not_run=[entry])
        self.refused("has no command", not_run=[{**entry, "command": "admitone gone"}])


if __name__ == "__main__":
    unittest.main()
