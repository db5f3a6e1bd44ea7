"""Shows that pages.py can fail, and what it lets pass."""

import os
import tempfile
import unittest

import pages

CONFIGURATION = "# Configuration\n\n| `kafka.group_id` | … |\n| `database.url` | … |\n"
SOUND = {
    "CMakeLists.txt": "project(admitone VERSION 1.2.3 LANGUAGES CXX)\n",
    "helm/admitone/Chart.yaml": 'version: 1.2.3\nappVersion: "1.2.3"\n',
    "Dockerfile": "ARG VERSION=1.2.3\n",
    "CHANGELOG.md": "# Changelog\n\n## Unreleased\n\n## 1.2.3 - 2026-12-01\n\n## 1.0.0 - 2026-11-01\n",
    "docs/configuration.md": CONFIGURATION,
}
HELP = {
    (): "-c,--config TEXT  --set\n",
    ("lanes",): "Usage: admitone lanes\n",
    ("replay",): "Usage: admitone replay\n  --move-group\n  --yes,--execute  Do it\n",
    ("sagas",): "admitone help sagas list shows its options\n",
    ("sagas", "list"): "Usage: admitone sagas list\n  --status TEXT\n",
}


class Stub:
    def help(self, *verb):
        return HELP.get(verb)


class Pages(unittest.TestCase):
    def found(self, check, **files):
        with tempfile.TemporaryDirectory() as root:
            for path, text in {**SOUND, **files}.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                    file.write(text)
            return list(check(root))

    def refused(self, words, check, **files):
        faults = self.found(check, **files)
        self.assertEqual(len(faults), 1, faults)
        self.assertIn(words, faults[0])

    def links(self, text):
        return {"docs/a.md": text, "docs/b.md": "# First page\n\n```\n# no heading\n```\n\n## Why `so`: a, b\n"}

    def test_links_to_files_folders_headings_and_elsewhere_pass(self):
        good = "[a](b.md) [b](b.md#why-so-a-b) [c](../docs/) [d](#here) [e](https://example.com/x)\n\n## Here\n"
        self.assertEqual(self.found(pages.link_faults, **self.links(good)), [])
        code = "`[a](gone.md)`\n\n```\n[a](gone.md)\n```\n"
        self.assertEqual(self.found(pages.link_faults, **self.links(code)), [])

    def test_a_link_to_nothing_is_refused(self):
        for target in ("gone.md", "../../outside.md", "b.md/c"):
            self.refused(f"docs/a.md:1: links to {target}", pages.link_faults, **self.links(f"[a]({target})"))
        for target in ("b.md#why", "b.md#no-heading", "#here"):
            self.refused("no such heading", pages.link_faults, **self.links(f"[a]({target})"))

    def test_settings_are_those_of_the_page(self):
        good = "`kafka.group_id` `database.url_file` `kafka.group_id: x` `venue.hold` `file.cpp` `kafka.a.b`\n"
        self.assertEqual(self.found(pages.setting_faults, **{"README.md": good}), [])
        self.refused("kafka.gruop_id", pages.setting_faults, **{"README.md": "`kafka.gruop_id`"})
        self.refused("database.file", pages.setting_faults, **{"docs/a.md": "`database.file`"})

    def test_one_version_everywhere(self):
        self.assertEqual(self.found(pages.version_faults), [])
        self.refused("differs", pages.version_faults, Dockerfile="ARG VERSION=1.2.4\n")
        self.refused("says no version", pages.version_faults, Dockerfile="FROM debian\n")
        for text, words in (("## 1.2.3 - 2026-12-01\n", "begins with"), ("## Unreleased\n## 1.2.3\n", "its number and date"),
                            ("## Unreleased\n## 1.0.0 - 2026-11-01\n## 1.2.3 - 2026-12-01\n", "comes first"),
                            ("## Unreleased\n## 1.3.0 - 2026-12-02\n", "another version")):
            self.assertIn(words, " ".join(self.found(pages.version_faults, **{"CHANGELOG.md": text})))

    def runbooks(self, row, test="def test_it(): page('lag')\n"):
        readme = f"# Runbooks\n\n## How these pages are tested\n\n| page | test |\n|---|---|\n{row}\n"
        return {"docs/runbooks/README.md": readme, "docs/runbooks/lag.md": "# Commands wait\n", "tests/test_lanes.py": test}

    def test_a_runbook_has_a_test_that_names_it(self):
        row = "| [lag](lag.md) | [`test_it`](../../tests/test_lanes.py) |"
        self.assertEqual(self.found(pages.runbook_faults, **self.runbooks(row)), [])
        self.assertEqual(self.found(pages.runbook_faults, **self.runbooks("| [lag](lag.md) | **open**: no clock |")), [])
        for bad, words in (("", "no row"), (row.replace("test_it", "test_that"), "is no test in"),
                           ("| [lag](lag.md) | it is tested |", "none of its tests names it"),
                           (row + "\n" + row.replace("lag.md", "gone.md"), "is not there")):
            self.refused(words, pages.runbook_faults, **self.runbooks(bad))
        self.refused("none of its tests names it", pages.runbook_faults, **self.runbooks(row, "def test_it(): page('lags')\n"))
        faults = self.found(pages.runbook_faults, **self.runbooks(row.replace("test_lanes", "gone")))
        self.assertIn("which is no file", faults[0])

    def verbs(self, text):
        return self.found(lambda root: pages.verb_faults(root, Stub()), **{"docs/a.md": text})

    def test_verbs_and_options_that_are_there_pass(self):
        for call in ("lanes", "replay --move-group --yes", "replay --execute=x", "sagas list --status all -c f", "sagas", "help",
                     "help lanes", "help VERB", "sagas list|show", "--config f"):
            self.assertEqual(self.verbs(f"`admitone {call}`\n"), [], call)
        self.assertEqual(self.verbs("says admitone gone, in prose; `admitone.yaml`\n"), [])
        self.assertEqual(self.verbs("```\nadmitone lanes && admitone sagas list >x\n```\n"), [])

    def test_help_that_is_not_the_verbs_is_none(self):
        with tempfile.TemporaryDirectory() as root:
            path = os.path.join(root, "program")
            for usage, good in (("admitone lanes [OPTIONS]", True), ("admitone lanes-of", False), ("admitone [OPTIONS]", False)):
                with open(path, "w", encoding="utf-8") as file:
                    file.write(f"#!/bin/sh\necho 'Usage: {usage}'\n")
                os.chmod(path, 0o755)
                self.assertEqual(pages.Program(path).help("lanes") is not None, good, usage)

    def test_a_verb_or_an_option_that_is_not_there_is_refused(self):
        for call in ("gone", "sagas gone", "help gone", "lanes --gone", "sagas list --move-group", "replay --move"):
            self.assertEqual(len(self.verbs(f"`admitone {call}`\n")), 1, call)
        self.assertEqual(len(self.verbs("    x && admitone gone\n\n```\nadmitone lanes --x\n```\n")), 2)


if __name__ == "__main__":
    unittest.main()
