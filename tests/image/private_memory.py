#!/usr/bin/env python3
"""Law L22, of a release program: nobody but root reads its memory or environment, and no core file is left.

    tests/image/private_memory.py PROGRAM

PROGRAM runs without servers, as a user without rights where this runs as root; what is tried on it is tried by that user, and on
a program that does not mind as well: where that cannot be read, or leaves no core, nothing would be shown. Exit code 1 with what
was found; 77 where that is so.
"""

import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

NOBODY = 65534
LIMIT = 30  # seconds; a loaded machine
FILES = ("environ", "maps", "mem")


class Victim:
    """A process where core files are allowed to be as large as may be here."""

    def __init__(self, command, folder):
        def allow_cores():
            hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
            resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

        who = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
        self.process = subprocess.Popen(command, cwd=folder, env={"PATH": os.environ["PATH"]}, text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        preexec_fn=allow_cores, **who)
        # Its first line: main() has begun, and what it does to be private is done.
        self.said = self.process.stdout.readline().strip()

    def readable(self):
        """What its own user reads of it, in a process of that user's."""
        reader = os.fork()
        if reader == 0:
            found = 0
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            for bit, name in enumerate(FILES):
                try:
                    with open(f"/proc/{self.process.pid}/{name}", "rb") as file:
                        found |= (name == "mem" or bool(file.read(1))) << bit
                except OSError:
                    pass
            os._exit(found)
        found = os.waitstatus_to_exitcode(os.waitpid(reader, 0)[1])
        return {name for bit, name in enumerate(FILES) if found >> bit & 1}

    def abort(self):
        """Whether the kernel says that it has left a core."""
        os.kill(self.process.pid, signal.SIGABRT)
        deadline = time.monotonic() + LIMIT
        while not (ended := os.waitpid(self.process.pid, os.WNOHANG))[0]:
            if time.monotonic() > deadline:
                self.process.kill()
                break
            time.sleep(0.02)
        else:
            self.process.returncode = os.waitstatus_to_exitcode(ended[1])
            if self.process.returncode != -signal.SIGABRT:
                raise AssertionError(f"it has not lived until then, and said: {self.said}")
            return os.WCOREDUMP(ended[1])
        raise TimeoutError("it does not end by SIGABRT")


def tried_on(command):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        victim = Victim(command, folder)
        try:
            read, core = victim.readable(), victim.abort()
        finally:
            victim.process.kill()
            victim.process.wait()
        return victim.said, read, core, sorted(path.name for path in pathlib.Path(folder).iterdir())


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        # Where that user may run it.
        program = shutil.copy(sys.argv[1], folder)
        return judged([program, "simulate", "venue", "--any-venue", "--listen", "127.0.0.1:0", "--state",
                       folder + "/state"])


def judged(command):
    said, read, core, left = tried_on(["/bin/sh", "-c", "echo ready; exec sleep 600"])
    if read != set(FILES):
        print(f"private_memory: of a program that does not mind only {sorted(read)} can be read here", file=sys.stderr)
        return 77
    shows_cores = core
    said, read, core, left = tried_on(command)
    faults = []
    if not said:
        faults.append("it did not run")
    if read:
        faults.append(f"its user reads /proc/PID/{', /proc/PID/'.join(sorted(read))}")
    if core or left:
        faults.append(f"SIGABRT leaves a core: {left}")
    for fault in faults:
        print(f"private_memory: {sys.argv[1]}: {fault}", file=sys.stderr)
    if not faults:
        print("private_memory: nobody reads its memory" + (", and it leaves no core" if shows_cores else
                                                            "; whether it leaves a core cannot be shown here"))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
