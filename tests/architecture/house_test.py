"""Shows that each rule of house.py can fail, and what it lets pass."""

import os
import subprocess
import tempfile
import unittest

import house

MANIFEST = {
    "rooms": {
        "base": {"rooms": [], "vendors": ["fmt"], "public_vendors": ["fmt"]},
        "domain": {"rooms": ["base"], "vendors": [], "public_vendors": []},
        "kafka": {"rooms": ["base"], "vendors": ["rdkafka"], "public_vendors": []},
        "app": {"rooms": ["base", "kafka"], "vendors": [], "public_vendors": []},
    },
    "vendors": {"fmt": ["fmt/"], "rdkafka": ["librdkafka/"], "sodium": ["sodium.h", "sodium/"]},
    "sources": [],
}


class Tree(unittest.TestCase):
    """A tree of made-up files."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name

    def write(self, path, text=""):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)


class Includes(Tree):
    def faults(self, path, text):
        self.write("src/base/ids.hpp")
        self.write("src/kafka/consumer.hpp")
        self.write(path, text)
        return [message for _, where, message in house.include_faults(self.root, MANIFEST) if where.startswith(path)]

    def refused(self, path, text, saying):
        found = self.faults(path, text)
        self.assertEqual(len(found), 1, found)
        self.assertIn(saying, found[0])

    def allowed(self, path, text):
        self.assertEqual(self.faults(path, text), [])

    def test_a_room_that_is_not_declared_is_refused(self):
        self.refused("src/domain/a.cpp", '#include "kafka/consumer.hpp"\n', "does not declare room 'kafka'")

    def test_a_declared_room_and_the_room_itself_are_allowed(self):
        self.allowed("src/app/a.cpp", '#include "base/ids.hpp"\n#include "kafka/consumer.hpp"\n')
        self.allowed("src/base/a.cpp", '#include "base/ids.hpp"\n')

    def test_a_vendor_of_another_room_is_refused(self):
        self.refused("src/app/a.cpp", "  #  include <librdkafka/rdkafka.h>\n", "it belongs to kafka")
        self.refused("src/app/a.cpp", "#include <sodium.h>\n", "no room yet")

    def test_a_public_vendor_of_a_dependency_is_allowed_but_not_in_domain(self):
        self.allowed("src/app/a.cpp", "#include <fmt/format.h>\n")
        self.refused("src/domain/a.cpp", "#include <fmt/format.h>\n", "'fmt'")

    def test_an_unknown_vendor_is_refused(self):
        self.refused("src/app/a.cpp", "#include <boost/asio.hpp>\n", "belongs to no vendor")
        self.refused("src/app/a.cpp", "#include <zlib.h>\n", "belongs to no vendor")

    def test_standard_and_system_headers_are_allowed(self):
        self.allowed("src/app/a.cpp", "#include <vector>\n#include <sys/socket.h>\n#include <unistd.h>\n")

    def test_relative_and_missing_headers_are_refused(self):
        self.refused("src/app/a.cpp", '#include "../base/ids.hpp"\n', "not of the form")
        self.refused("src/app/a.cpp", '#include "consumer.hpp"\n', "not of the form")
        self.refused("src/app/a.cpp", '#include "base/nothing.hpp"\n', "does not exist")

    def test_domain_does_no_io(self):
        self.refused("src/domain/a.cpp", "#include <fstream>\n", "no I/O")

    def test_an_undeclared_room_is_refused(self):
        self.refused("src/util/a.cpp", "", "not declared")


class Orphans(Tree):
    def faults(self, *built):
        return [(path, message) for _, path, message in house.orphan_faults(self.root, dict(MANIFEST, sources=built))]

    def test_a_file_in_no_target_is_found(self):
        self.write("tests/unit/a_test.cpp")
        self.assertEqual(len(self.faults()), 1)
        self.assertEqual(self.faults("tests/unit/a_test.cpp"), [])

    def test_a_listed_file_that_is_gone_is_found(self):
        self.assertIn("not on disk", self.faults("src/base/gone.cpp")[0][1])

    def test_a_header_nobody_includes_is_found(self):
        self.write("src/base/ids.hpp")
        self.assertIn("included by nothing", self.faults()[0][1])
        self.write("tests/unit/a_test.cpp", '#include "base/ids.hpp"\n')
        self.assertEqual(self.faults("tests/unit/a_test.cpp"), [])


class Tidy(Tree):
    def rules(self, path, text):
        self.write(path, text)
        return [rule for rule, where, _ in house.ban_faults(self.root) if where.startswith(path)]

    def test_each_ban_fires(self):
        for rule, path, text in [
            ("clock", "src/kafka/a.cpp", "auto t = std::chrono::system_clock::now();"),
            ("clock", "src/kafka/a.cpp", "auto t = std::chrono::steady_clock::now();"),
            ("clock", "tests/unit/a.cpp", "auto t = std::chrono::system_clock::now();"),
            ("environment", "src/kafka/a.cpp", 'std::getenv("HOME");'),
            ("threads", "src/kafka/a.cpp", "std::thread worker(run);"),
            ("threads", "src/kafka/a.hpp", "std::jthread worker_;"),
            ("sleep", "tests/unit/a.cpp", "std::this_thread::sleep_for(1s);"),
            ("endl", "tests/unit/a.cpp", "out << std::endl;"),
            ("using-namespace", "src/app/a.cpp", "using namespace std;"),
            ("using-namespace", "src/app/a.cpp", "using namespace std::chrono;"),
            ("using-namespace", "tests/unit/a.cpp", "using namespace nlohmann;"),
            ("using-namespace", "tests/unit/a.cpp", "using namespace std::chrono;"),
            ("assert", "src/app/a.cpp", "assert(a == b);"),
            ("unfinished", "src/app/a.cpp", "// TO" "DO later"),
            ("unfinished", "scripts/thing", "# FIX" "ME"),
        ]:
            with self.subTest(text):
                self.assertEqual(self.rules(path, text), [rule])

    def test_what_is_allowed_stays_silent(self):
        for path, text in [
            ("src/app/system_clock.cpp", "std::chrono::system_clock::now();"),
            ("src/app/settings.cpp", 'std::getenv("A");'),
            ("src/app/run.cpp", "std::jthread t(run);"),
            ("src/kafka/a.cpp", "std::this_thread::get_id(); std::thread::id owner;"),
            ("src/kafka/a.cpp", "using namespace std::chrono_literals;\nusing namespace std::string_view_literals;"),
            ("tests/unit/a.cpp", "using namespace fixture; using namespace testing; using namespace std::chrono_literals;"),
            ("tests/unit/a.cpp", "using namespace std::literals::chrono_literals; using namespace admitone::domain;"),
            ("src/kafka/a.cpp", "static_assert(sizeof(int) == 4);\nADMITONE_ASSERT(a);"),
            ("src/kafka/a.cpp", "// std::endl is banned\n/* std::thread\n */ auto s = \"std::endl\";"),
            ("src/kafka/a.cpp", "auto n = 1'000; auto c = 'x'; auto r = R\"x(std::endl)x\";"),
            ("tests/unit/a.cpp", "auto deadline = std::chrono::steady_clock::now() + 5s;"),
        ]:
            with self.subTest(text):
                self.assertEqual(self.rules(path, text), [])

    def test_blanking_keeps_line_numbers_and_code_between_separators(self):
        self.write("src/kafka/a.cpp", "/* one\ntwo */\nauto n = 1'000; out << std::endl; m = 2'000;\n")
        self.assertEqual([where for _, where, _ in house.ban_faults(self.root)], ["src/kafka/a.cpp:3"])

    def test_long_files_are_found(self):
        for path, stop in [("src/app/a.hpp", 300), ("src/app/a.cpp", 600), ("tests/unit/a_test.cpp", 500)]:
            self.write(path, "\n" * stop)
            self.assertEqual(list(house.size_faults(self.root)), [])
            self.write(path, "\n" * (stop + 1))
            self.assertEqual(len(list(house.size_faults(self.root))), 1)
            os.remove(os.path.join(self.root, path))

    def test_shape(self):
        for path, text in [
            ("src/app/a.hpp", "namespace admitone::app {}\n"),
            ("src/app/a.cpp", "namespace admitone::application {}\n"),
            ("src/app/inner/a.cpp", ""),
        ]:
            with self.subTest(path):
                self.write(path, text)
                self.assertEqual(len(list(house.shape_faults(self.root))), 1)
                os.remove(os.path.join(self.root, path))
        self.write("src/app/a.hpp", "#pragma once\nnamespace admitone::app::detail {}\n")
        self.assertEqual(list(house.shape_faults(self.root)), [])


class Exemptions(unittest.TestCase):
    FAULT = [("size", "src/app/a.cpp", "700 lines")]

    def test_a_reason_silences_one_rule_in_one_file(self):
        reason = "a table that reads best in one piece"
        self.assertEqual(house.report(self.FAULT, {("size", "src/app/a.cpp"): reason}, {"size"}), [])
        self.assertTrue(house.report(self.FAULT, {("endl", "src/app/a.cpp"): reason}, {"size"}))

    def test_no_reason_or_no_use_is_a_fault(self):
        self.assertIn("needs a reason", house.report(self.FAULT, {("size", "src/app/a.cpp"): "because"}, {"size"})[0])
        stale = {("size", "src/app/b.cpp"): "it was long, once upon a time"}
        self.assertIn("exempts nothing", house.report([], stale, {"size"})[0])


class Rooms(Tree):
    """admitone_room refuses what the layering forbids, when CMake configures."""

    def configure(self, declarations):
        cmake = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "cmake")
        self.write("CMakeLists.txt", "\n".join([
            "cmake_minimum_required(VERSION 3.25)",
            "project(house NONE)",
            "set(ADMITONE_PCH OFF)",
            f'include("{cmake}/AdmitOneRoom.cmake")',
            declarations,
            "admitone_write_manifest()",
        ]))
        return subprocess.run(["cmake", "-G", "Ninja", "-S", self.root, "-B", self.root + "/build"], capture_output=True, text=True)

    def test_a_dependency_must_stand_above(self):
        run = self.configure("admitone_room(NAME base)\nadmitone_room(NAME domain ROOMS base)\n")
        self.assertEqual(run.returncode, 0, run.stderr)
        run = self.configure("admitone_room(NAME domain ROOMS pipeline)\nadmitone_room(NAME pipeline)\n")
        self.assertNotEqual(run.returncode, 0)
        error = " ".join(run.stderr.split())
        self.assertIn("room 'domain' depends on room 'pipeline'", error)

    def test_an_unknown_argument_is_refused(self):
        run = self.configure("admitone_room(NAME base SOURCE a.cpp)\n")
        self.assertNotEqual(run.returncode, 0)


if __name__ == "__main__":
    unittest.main()
