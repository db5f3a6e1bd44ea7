"""The image that scripts/image has built: what is in it, and its program at work as a cluster starts it.

Of the variables ADMITONE_TEST_IMAGE_…, CONFIG is what buildah tells of it, WHOLE its tree, BASE that of its base, and BARE a
tree without any program but ours, in which ADMITONE_PROGRAM runs.
"""

import errno
import json
import os
import pathlib
import re
import signal
import stat
import subprocess
import sys
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration/app"))
from kit import SLOW, Case, Installation, event_create, hold, metrics_of, run_tests  # noqa: E402

BARE, WHOLE, BASE = (pathlib.Path(os.environ[f"ADMITONE_TEST_IMAGE_{tree}"]) for tree in ("BARE", "WHOLE", "BASE"))
USER = 65532
MIB = 1 << 20


def config():
    return json.loads(pathlib.Path(os.environ["ADMITONE_TEST_IMAGE_CONFIG"]).read_text())["OCIv1"]["config"]


def tree(root):
    """What lies in it, by path."""
    return {os.path.relpath(os.path.join(place, name), root): os.lstat(os.path.join(place, name))
            for place, folders, files in os.walk(root) for name in folders + files}


def packages(root):
    return set(re.findall(r"^Package: (.+)$", (root / "var/lib/dpkg/status").read_text(), re.MULTILINE))


def size(files):
    return sum(file.st_size for file in files.values() if stat.S_ISREG(file.st_mode))


class Contents(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.whole, cls.base = tree(WHOLE), tree(BASE)
        cls.added = {path: file for path, file in cls.whole.items() if path not in cls.base}

    def test_it_says_who_runs_what(self):
        told = config()
        self.assertEqual((told["User"], told["Entrypoint"], told["Cmd"]),
                         (f"{USER}:{USER}", ["/usr/bin/admitone"], ["worker"]))
        self.assertEqual(list(told["ExposedPorts"]), ["8080/tcp"])

    def test_it_adds_libraries_and_authorities(self):
        others = packages(WHOLE) - packages(BASE) - {"ca-certificates", "openssl"}
        self.assertTrue(others)
        self.assertEqual({name for name in others if not name.startswith("lib") or name.endswith("-dev")}, set())
        self.assertGreater(self.added["etc/ssl/certs/ca-certificates.crt"].st_size, 0)

    def test_it_has_nothing_that_was_there_to_build_it(self):
        endings = (".cpp", ".hpp", ".h", ".o", ".a", ".la", ".cmake", ".pc", ".deb")
        self.assertEqual([path for path in self.added if path.endswith(endings)], [])
        self.assertNotIn("source", self.added)
        self.assertEqual(list((WHOLE / "var/lib/apt/lists").iterdir()), [])
        sections = subprocess.run(["readelf", "--section-headers", "--wide", WHOLE / "usr/bin/admitone"], check=True,
                                  capture_output=True, text=True).stdout
        self.assertIn(".dynsym", sections)
        self.assertNotIn(".symtab", sections)
        self.assertNotIn(".debug_info", sections)

    def test_nothing_in_it_is_its_users_and_nothing_that_is_added_gains_rights(self):
        self.assertEqual([path for path, file in self.whole.items() if USER in (file.st_uid, file.st_gid)], [])
        rights = stat.S_ISUID | stat.S_ISGID | stat.S_IWOTH
        self.assertEqual([path for path, file in self.added.items()
                          if not stat.S_ISLNK(file.st_mode) and (file.st_mode & rights or file.st_uid)], [])

    def test_it_is_small(self):
        print(f"base {size(self.base) / MIB:.1f} MiB, added {size(self.added) / MIB:.1f} MiB, of which the program "
              f"{self.added['usr/bin/admitone'].st_size / MIB:.1f} MiB", file=sys.stderr)
        self.assertLess(size(self.added), 40 * MIB)


class Program(Case):
    def run_alone(self, *arguments, **environment):
        """Without any setting of this machine's."""
        environment["ADMITONE_TEST_IMAGE_BARE"] = str(BARE)
        return subprocess.run([os.environ["ADMITONE_PROGRAM"], *arguments], env={"PATH": os.environ["PATH"], **environment},
                              text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=SLOW)

    def test_there_is_no_other_program(self):
        found = [path for path, file in tree(BARE).items() if re.match(r"(usr/(local/)?)?s?bin/", path)]
        self.assertEqual(found, ["usr/bin/admitone"])

    def test_every_library_is_there(self):
        program = "/usr/bin/admitone"
        headers = subprocess.run(["readelf", "--program-headers", f"{BARE}{program}"], check=True, capture_output=True, text=True)
        loader = re.search(r"interpreter: ([^]]+)]", headers.stdout).group(1)
        # What `ldd -r` asks it for.
        told = subprocess.run(["chroot", BARE, loader, "--list", program], env={**os.environ, "LD_BIND_NOW": "1", "LD_WARN": "1"},
                              capture_output=True, text=True, timeout=SLOW)
        self.assertEqual((told.returncode, told.stderr), (0, ""))
        self.assertIn("librdkafka.so.1 => ", told.stdout)
        self.assertNotIn("not found", told.stdout)

    def test_it_is_the_version_that_the_image_says_and_has_no_failpoints(self):
        told = self.run_alone("version", "-o", "json")
        self.assertEqual(told.returncode, 0, told.stderr)
        said = json.loads(told.stdout)
        self.assertEqual(said["version"], config()["Labels"]["org.opencontainers.image.version"])
        self.assertIs(said["failpoints"], False)

    def test_it_tells_its_settings(self):
        told = self.run_alone("config", "schema")
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertIn("kafka", json.loads(told.stdout)["properties"])

    def test_a_worker_with_wrong_settings_says_which(self):
        bare = self.run_alone("worker")
        self.assertEqual((bare.returncode, bare.stdout), (1, ""))
        self.assertRegex(bare.stderr, r"(?m)^admitone: .*database\.url: is not set.*ADMITONE_DATABASE_URL")
        self.refused(Installation(), "unknown setting 'kafka.grup_id'", "ADMITONE_KAFKA_GROUP_ID", ADMITONE_KAFKA_GRUP_ID="x")

    def confined(self, pid):
        """The process is nobody, can become nobody else, and can write nothing."""
        told = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
        for ids in ("Uid", "Gid"):
            self.assertEqual(told[ids].split(), [str(USER)] * 4)
        self.assertEqual((told["Groups"].split(), int(told["CapEff"], 16), told["NoNewPrivs"].strip()), ([], 0, "1"))
        for path in ("tmp", "var/tmp", "etc"):
            with self.assertRaises(OSError) as refused:
                pathlib.Path(f"/proc/{pid}/root", path, "new").touch()  # even by root
            self.assertEqual(refused.exception.errno, errno.EROFS, path)

    def test_it_works_on_real_servers(self):
        here = self.installation()
        worker = self.ready_worker(here, ADMITONE_HTTP_LISTEN="127.0.0.1:0")
        self.confined(worker.process.pid)
        tenant, event = str(uuid.uuid4()), str(uuid.uuid4())
        lines = [event_create(event, tenant, 10), *(hold(event, tenant, f"hold-{i % 3}") for i in range(6))]
        done = subprocess.run([os.environ["ADMITONE_PROGRAM"], "produce", "--wait", "-"], env=here.environment({}), text=True,
                              input="".join(json.dumps(line) + "\n" for line in lines), capture_output=True, timeout=SLOW)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(here.sql("select sum(held) from section_capacity"), "3")
        self.assertIn("admitone_build_info", metrics_of(worker))
        self.proves(here)
        _, _, err = worker.end(signal.SIGTERM)
        self.assertEqual(worker.process.returncode, 0, err)


if __name__ == "__main__":
    run_tests()
