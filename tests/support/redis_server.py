"""A real redis-server for a test, on a free loopback port: it writes nothing to disk and goes with the test."""

import ctypes
import os
import signal
import socket
import subprocess
import time

PROGRAM = "/usr/bin/redis-server"
SLOW = 20


def installed():
    return os.access(PROGRAM, os.X_OK)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _end_with_the_test():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class RedisServer:
    def __init__(self):
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen([PROGRAM, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                                         "--appendonly", "no"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, preexec_fn=_end_with_the_test)
        deadline = time.monotonic() + SLOW
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("redis-server does not start")
            time.sleep(0.01)

    def ask(self, *words, data=None):
        """What it says, one line for each element; `data` becomes the last word."""
        last = ("-x",) if data is not None else ()
        done = subprocess.run(["redis-cli", "-p", str(self.port), "--raw", *last, *words], input=data,
                              capture_output=True, check=True, timeout=SLOW)
        return done.stdout.decode(errors="replace").rstrip("\n").splitlines()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)
