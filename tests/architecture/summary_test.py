"""scripts/lib/summary.py counts what the runners wrote, and never loses a failure."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SUMMARY = pathlib.Path(__file__).resolve().parents[2] / "scripts/lib/summary.py"

GTEST = """<testsuites><testsuite name="S">
  <testcase name="Good" status="run" result="completed" classname="S"/>
  <testcase name="Bad" status="run" result="completed" classname="S"><failure message="no"/></testcase>
  <testcase name="Left" status="run" result="skipped" classname="S"><skipped message="no broker"/></testcase>
  <testcase name="DISABLED_Off" status="notrun" result="suppressed" classname="S"/>
</testsuite></testsuites>"""
PYTEST = """<testsuites><testsuite name="pytest">
  <testcase classname="a" name="good"/><testcase classname="a" name="bad"><error message="no"/></testcase>
</testsuite></testsuites>"""
ALL_GOOD = '<testsuites><testsuite><testcase name="Good" status="run" result="completed"/></testsuite></testsuites>'


def ctest(*programs):
    cases = "".join(f'<testcase name="{name}" classname="{name}" status="{status}">{inner}</testcase>'
                    for name, status, inner in programs)
    return f"<testsuite>{cases}</testsuite>"


class Summary(unittest.TestCase):
    def counted(self, files, ci="false"):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                pathlib.Path(folder, name).write_text(text, encoding="utf-8")
            run = subprocess.run([sys.executable, SUMMARY, folder], capture_output=True, text=True, env={**os.environ, "CI": ci})
        return run.stdout.strip(), run.returncode

    def test_cases_are_counted_where_a_program_names_them(self):
        files = {"ctest.junit": ctest(("a", "fail", "<failure/>"), ("b", "fail", "<failure/>"), ("c", "run", "")),
                 "a.xml": GTEST, "b.xml": PYTEST}
        self.assertEqual(self.counted(files), ("3 passed, 2 failed, 2 skipped", 1))

    def test_a_program_that_fails_outside_its_cases_is_a_failure(self):
        files = {"ctest.junit": ctest(("a", "fail", "<failure/>")), "a.xml": ALL_GOOD}
        self.assertEqual(self.counted(files), ("1 passed, 1 failed, 0 skipped", 1))
        files["a.xml"] = ALL_GOOD[:40]
        self.assertEqual(self.counted(files), ("0 passed, 1 failed, 0 skipped", 1))

    def test_skipped_is_failed_in_ci(self):
        files = {"ctest.junit": ctest(("a", "notrun", '<skipped message="77"/>'), ("b", "run", ""))}
        self.assertEqual(self.counted(files), ("1 passed, 0 failed, 1 skipped", 0))
        self.assertEqual(self.counted(files, ci="true"), ("1 passed, 1 failed, 0 skipped", 1))

    def test_no_results_are_a_failure(self):
        self.assertEqual(self.counted({}), ("0 passed, 1 failed, 0 skipped", 1))


if __name__ == "__main__":
    unittest.main()
