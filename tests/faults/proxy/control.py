#!/usr/bin/env python3
"""The proxy as a program with a line protocol on a loopback port.

  control.py --kafka LISTEN_PORT:UPSTREAM_PORT | --postgres LISTEN_PORT:UPSTREAM_PORT … --control PORT

  add kafka|postgres request|response KIND ACTION [nth=N] [match=TEXT] [seconds=S]   → ok ID
  release ID · remove ID · wait ID SECONDS · list · refuse kafka|postgres on|off       → ok … or error …
"""
from __future__ import annotations

import argparse
import pathlib
import signal
import socketserver
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from proxy.kafka import KafkaProxy  # noqa: E402
from proxy.postgres import PostgresProxy  # noqa: E402
from proxy.rules import Loop, Proxy, Rule  # noqa: E402


class Control:
    def __init__(self, proxies: dict[str, Proxy]) -> None:
        self.proxies = proxies
        self.rules: dict[str, tuple[Proxy, Rule]] = {}

    def answer(self, line: str) -> str:
        words = line.split()
        try:
            return "ok " + str(getattr(self, f"do_{words[0]}")(*words[1:]))
        except (AttributeError, IndexError, KeyError, TypeError, ValueError, TimeoutError) as error:
            return f"error {type(error).__name__}: {error}"

    def do_add(self, where, side, kind, action, *options):
        given = dict(option.split("=", 1) for option in options)
        proxy = self.proxies[where]
        rule = proxy.rule(side, kind, action, nth=int(given.pop("nth", 1)),
                          match=given.pop("match", "").encode(), seconds=float(given.pop("seconds", 0)))
        if given:
            raise ValueError(f"unknown {sorted(given)}")
        number = f"{where[0]}{rule.id}"
        self.rules[number] = (proxy, rule)
        return number

    def do_release(self, number):
        proxy, rule = self.rules[number]
        proxy.release(rule)
        return number

    def do_remove(self, number):
        proxy, rule = self.rules[number]
        proxy.rules.remove(rule.id)
        return number

    def do_wait(self, number, seconds):
        self.rules[number][1].wait_hit(float(seconds))
        return number

    def do_list(self):
        return "; ".join(f"{number} {rule.side} {rule.kind} {rule.action} seen={rule.seen} done={rule.done}"
                         for number, (_, rule) in self.rules.items())

    def do_refuse(self, where, state):
        self.proxies[where].refuse({"on": True, "off": False}[state])
        return where


def serve_control(control: Control, port: int) -> socketserver.ThreadingTCPServer:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            for line in self.rfile:
                if line.strip():
                    self.wfile.write((control.answer(line.decode().strip()) + "\n").encode())

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True
    server = Server(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, name="control", daemon=True).start()
    return server


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--kafka", metavar="LISTEN:UPSTREAM")
    arguments.add_argument("--postgres", metavar="LISTEN:UPSTREAM")
    arguments.add_argument("--control", type=int, required=True)
    options = arguments.parse_args()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})  # before there are threads
    loop, proxies = Loop(), {}
    for name, kind in (("kafka", KafkaProxy), ("postgres", PostgresProxy)):
        if getattr(options, name):
            listen, upstream = (int(port) for port in getattr(options, name).split(":"))
            proxies[name] = kind(loop, ("127.0.0.1", listen), ("127.0.0.1", upstream))
    server = serve_control(Control(proxies), options.control)
    print("ready", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    server.shutdown()
    for proxy in proxies.values():
        proxy.close()
    loop.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
