"""The Go program of docs/examples: built from the modules that go.sum names, and what it sends is decided once."""

import os
import shutil
import subprocess

from examples_kit import Shop, skip, source
from kit import run_tests

EXAMPLE = "docs/examples/go"
FETCHED = ".cache/go-example"
BUILD = 400  # seconds; the first build compiles Go's own packages, too


def go():
    """The one that scripts/setup has fetched because the one in PATH is too old, else that one."""
    fetched = source(FETCHED) / "go/bin/go"
    return fetched if fetched.exists() else shutil.which("go")


class GoExample(Shop):
    def run_go(self, *arguments):
        """In the example's folder, with nothing from the network and no line of go.mod or go.sum changed."""
        fetched = source(FETCHED).resolve()
        environment = {**os.environ, "GOMODCACHE": str(fetched / "modules"), "GOCACHE": str(fetched / "build"),
                       "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": "-mod=readonly -buildvcs=false"}
        done = subprocess.run([go(), *arguments], cwd=source(EXAMPLE), env=environment, text=True, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=BUILD)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_what_it_sends_is_done_once_in_the_lane_of_its_event(self):
        program = self.folder / "holdseats"
        self.run_go("build", "-o", program, ".")
        self.run_go("vet", ".")
        self.check_producer([program])


if __name__ == "__main__":
    if not go() or not source(FETCHED).exists():
        skip("there is no Go, or its modules are missing; scripts/setup --examples fetches them")
    run_tests()
