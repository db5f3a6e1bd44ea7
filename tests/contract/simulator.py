"""A simulator of the program, on a free port, for as long as a test wants it."""

import json
import os
import subprocess
import urllib.error
import urllib.request

from conftest import ROOT

PROGRAM = os.environ.get("ADMITONE_PROGRAM", str(ROOT / "build" / "dev" / "admitone"))


class Simulator:
    def __init__(self, world, folder, *options):
        own = ["--listen", "127.0.0.1:0", "--state", str(folder / f"{world}.jsonl")]
        self.process = subprocess.Popen(
            [PROGRAM, "simulate", world, *own, *options], stdout=subprocess.PIPE, text=True
        )
        self.url = self.process.stdout.readline().split()[1]

    def pointer_of_fault(self, script):
        """Puts a fault script: None, or where it is wrong."""
        request = urllib.request.Request(
            self.url + "/control/faults", data=json.dumps(script).encode(), method="PUT"
        )
        try:
            urllib.request.urlopen(request, timeout=5).close()
            return None
        except urllib.error.HTTPError as error:
            return json.loads(error.read())["error"]["pointer"]

    def stop(self):
        """Its exit code after SIGTERM."""
        self.process.terminate()
        return self.process.wait(timeout=5)
