"""The Java program of docs/examples: compiled, and what it sends is decided once. Needs a Java compiler."""

import glob
import shutil
import subprocess

from examples_kit import Shop, skip, source
from kit import SLOW, run_tests

PROGRAM = "docs/examples/java/HoldSeats.java"


def tool(name):
    """Of the Java that runs the broker, else what is in PATH."""
    return next(iter(sorted(glob.glob(f"/usr/lib/jvm/java-17-openjdk-*/bin/{name}"))), None) or shutil.which(name)


def jars():
    """The broker's own: kafka-clients is among them."""
    line = '. scripts/lib/common.sh && printf "%s/jars" "$(kafka_dir "$(kafka_release 4.3)")"'
    return subprocess.run(["bash", "-c", line], cwd=source("."), check=True, capture_output=True, text=True).stdout


class JavaExample(Shop):
    def test_what_it_sends_is_done_once_in_the_lane_of_its_event(self):
        done = subprocess.run([tool("javac"), "-cp", f"{jars()}/*", "-d", self.folder, source(PROGRAM)], capture_output=True,
                              text=True, stdin=subprocess.DEVNULL, timeout=SLOW)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check_producer([tool("java"), "-cp", f"{self.folder}:{jars()}/*", "HoldSeats"])


if __name__ == "__main__":
    if not tool("javac"):
        skip("there is no javac; scripts/setup --examples installs one")
    run_tests()
