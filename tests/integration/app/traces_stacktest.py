"""A command's trace (decision 0075): on the requests to the venue service, in the log, and on the outcome."""

import http.client
import http.server
import json
import os
import subprocess
import threading
import urllib.parse
import uuid

from kit import SLOW, run_tests
from sagas_kit import QUICK, SagaCase, creation

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Relay:
    """Between the worker and the venue service; keeps the headers that are about traces."""

    def __init__(self, upstream):
        where = urllib.parse.urlsplit(upstream)
        self.seen = []  # operation, traceparent, tracestate

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(handler):
                length = int(handler.headers.get("Content-Length") or 0)
                body = handler.rfile.read(length) if length else None
                self.seen.append((handler.command, handler.headers.get("traceparent"), handler.headers.get("tracestate")))
                headers = {k: v for k, v in handler.headers.items() if k.lower() not in ("host", "connection", "content-length")}
                up = http.client.HTTPConnection(where.hostname, where.port, timeout=SLOW)
                up.request(handler.command, handler.path, body, headers)
                answer = up.getresponse()
                text = answer.read()
                handler.send_response(answer.status)
                handler.send_header("Content-Type", answer.getheader("Content-Type") or "application/json")
                handler.send_header("Content-Length", str(len(text)))
                handler.end_headers()
                handler.wfile.write(text)
                up.close()

            do_GET = do_POST = do_DELETE = handle_any

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def traced(**more):
    return {**creation(), "traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=1", **more}


class Traces(SagaCase):
    def setUp(self):
        super().setUp()
        self.relay = Relay(self.venue.url)
        self.addCleanup(self.relay.close)
        self.here.settings |= {"ADMITONE_VENUE_URL": self.relay.url, "ADMITONE_LOG_FORMAT": "json",
                               "ADMITONE_LOG_LEVEL": "debug"}
        self.fund()

    def log_of(self, worker):
        _, _, text = worker.end()
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def outcomes(self):
        """Headers of each outcome in the log."""
        done = subprocess.run(["kcat", "-C", "-q", "-e", "-o", "beginning", "-f", "%h\\n", "-X", "isolation.level=read_committed",
                               "-b", os.environ["ADMITONE_KAFKA_BOOTSTRAP_SERVERS"], "-t",
                               self.here.settings["ADMITONE_KAFKA_OUTCOME_TOPIC"]],
                              capture_output=True, text=True, timeout=SLOW, check=True)
        return [line.split(",") for line in done.stdout.splitlines()]

    def spans(self, log):
        return [line for line in log if line["log.logger"] == "venue" and line["message"].startswith("span ")]

    def test_it_goes_on_to_the_venue_the_log_and_the_outcome(self):
        worker = self.ready_worker()
        command = traced()
        (outcome,) = self.send(command)
        self.assertEqual(outcome["code"], "EVENT_CREATED")
        self.assertEqual([method for method, _, _ in self.relay.seen], ["GET", "POST"])
        parents = [parent.split("-") for _, parent, _ in self.relay.seen]
        self.assertEqual({(version, trace, flags) for version, trace, _, flags in parents}, {("00", TRACE, "01")})
        spans = [span for _, _, span, _ in parents]
        self.assertEqual(len({*spans, PARENT}), 3, "each call has a span of its own")
        self.assertEqual({state for _, _, state in self.relay.seen}, {"vendor=1"})
        logged = self.spans(self.log_of(worker))
        self.assertEqual([line["span.id"] for line in logged], spans)
        for line in logged:
            self.assertEqual((line["trace.id"], line["parent.id"]), (TRACE, PARENT))
            self.assertEqual(line["admitone.command_id"], command["id"])
            self.assertEqual(line["admitone.tenant_id"], command["tenantid"])
            self.assertRegex(line["admitone.position"], rf"^{self.here.name}\.commands/\d+/\d+$")
            self.assertTrue(uuid.UUID(line["admitone.saga_id"]))
        (headers,) = self.outcomes()
        self.assertIn("traceparent=" + command["traceparent"], headers)
        self.assertIn("tracestate=vendor=1", headers)

    def test_it_outlives_the_worker_that_began_it(self):
        self.venue.faults({"match": {"operation": "venue.hold"}, "action": {"type": "status", "status": 503}})
        first = self.ready_worker(**QUICK)
        command = traced()
        self.send(command, wait=False)
        self.until(lambda: len(self.relay.seen) >= 2, "its hold is asked for")
        first.kill()
        before = len(self.relay.seen)
        self.venue.faults()
        second = self.ready_worker(**QUICK)
        self.until(lambda: len(self.relay.seen) > before, "its successor goes on")
        self.until(lambda: self.here.sql("select count(*) from sagas where ended_at is null") == "0", "it ends")
        self.assertEqual({parent.split("-")[1] for _, parent, _ in self.relay.seen}, {TRACE})
        self.assertTrue(all(line["trace.id"] == TRACE for line in self.spans(self.log_of(second))))

    def test_a_trace_that_is_none_is_begun_anew_and_fails_nothing(self):
        worker = self.ready_worker()
        wrong = traced(traceparent="00-" + "0" * 32 + "-" + PARENT + "-01")
        (outcome,) = self.send(wrong)
        self.assertEqual(outcome["code"], "EVENT_CREATED")
        traces = {parent.split("-")[1] for _, parent, _ in self.relay.seen}
        self.assertEqual(len(traces), 1)
        self.assertNotIn("0" * 32, traces)
        self.assertEqual({state for _, _, state in self.relay.seen}, {None})
        self.assertEqual({line["trace.id"] for line in self.spans(self.log_of(worker))}, traces)


if __name__ == "__main__":
    run_tests()
