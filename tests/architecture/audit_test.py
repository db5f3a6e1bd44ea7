"""Shows that audit.py can fail, and what it lets pass."""

import os
import tempfile
import unittest

import audit

CPP = """TEST(Suite, Plain) {}
TEST_F(Suite, WithFixture) {
TEST_P(Suite, OfMany) {
RC_GTEST_PROP(Suite, Property, (unsigned seed)) {
// TEST(Suite, OnlyInAComment)
"""
PYTHON = """def test_function(lab):
    def test_method(self):
        self.judge("all agree", True)
"""
HEAD = "| id | check | answer | shown by |\n|---|---|---|---|\n"
GOOD = "[`Suite.Plain`](../tests/unit/a_test.cpp)"


def row(shown, name="A1"):
    return f"| {name} | check | answer | {shown} |\n"


class Audit(unittest.TestCase):
    def found(self, page, ids=("A1",)):
        with tempfile.TemporaryDirectory() as root:
            files = {"docs/audit.md": HEAD + page, "tests/unit/a_test.cpp": CPP, "tests/b.py": PYTHON, "README.md": ""}
            for path, text in files.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                    file.write(text)
            return [message for _, message in audit.faults(root, list(ids))]

    def refused(self, page, words, ids=("A1",)):
        messages = self.found(page, ids)
        self.assertEqual(len(messages), 1, messages)
        self.assertIn(words, messages[0])

    def test_a_row_with_tests_of_every_sort_is_fine(self):
        links = [f"[`Suite.{case}`](../tests/unit/a_test.cpp)" for case in ("Plain", "WithFixture", "OfMany", "Property")]
        links += [f"[`{name}`](../tests/b.py)" for name in ("test_function", "test_method", "all agree")]
        self.assertEqual(self.found(row(", ".join(links))), [])
        self.assertEqual(self.found(row(GOOD) + "\nMore: [the first page](../README.md).\n"), [])

    def test_a_link_to_a_file_that_is_not_there_is_refused(self):
        self.refused(row(GOOD + ", [`Suite.Plain`](../tests/unit/gone_test.cpp)"), "gone_test.cpp, which is no file")
        self.refused(row(GOOD) + "[page](gone.md)\n", "gone.md, which is no file")
        self.refused(row(GOOD + ", [`x`](https://example.com/a_test.cpp)"), "which is no file")

    def test_a_test_that_the_file_does_not_have_is_refused(self):
        for name in ("Suite.Gone", "Other.Plain", "Suite.Plai", "Suite.OnlyInAComment", "Plain", "Suite."):
            self.refused(row(f"{GOOD}, [`{name}`](../tests/unit/a_test.cpp)"), f"'{name}', which is no test")
        for name in ("test_gone", "test_func", "agree"):
            self.refused(row(f"{GOOD}, [`{name}`](../tests/b.py)"), f"'{name}', which is no test")
        self.refused(row(f"{GOOD}, [a test](../tests/b.py)"), "'a test', which is no test")

    def test_a_missing_a_second_and_an_unknown_row_are_refused(self):
        self.refused(row(GOOD), "A2 has no row", ("A1", "A2"))
        self.refused(row(GOOD) + row(GOOD), "has a row already")
        self.refused(row(GOOD) + row(GOOD, "A3"), "is no id")

    def test_a_row_without_a_test_is_open_and_says_why(self):
        self.refused(row("surely"), "names no test")
        self.refused(row("[the page](../README.md)"), "names no test")
        self.refused(row("**open**"), "does not say what is missing")
        self.refused(row(f"**open**: {GOOD}"), "does not say what is missing")
        self.assertEqual(self.found(row("**open**: there is no client of Redis yet")), [])
        self.assertEqual(self.found(row(f"**open**: there is no client of Redis yet; {GOOD}")), [])

    def test_a_row_has_four_cells(self):
        self.refused(f"| A1 | check | {GOOD} |\n", "four cells")
        self.refused(f"| A1 | check | | {GOOD} |\n", "four cells")

    def test_every_check_is_in_the_list_once(self):
        self.assertEqual(len(audit.IDS), 86)
        self.assertEqual(len(set(audit.IDS)), 86)


if __name__ == "__main__":
    unittest.main()
