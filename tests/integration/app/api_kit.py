"""The HTTP API of one worker, for the stack tests beside this file."""

import json
import urllib.error
import urllib.request
import uuid

from kit import SLOW, port_of

ADMIN, READER = "admin-" + uuid.uuid4().hex, "reader-" + uuid.uuid4().hex


class Api:
    """Of one worker."""

    def __init__(self, worker):
        self.worker = worker
        self.address = "http://" + port_of(worker.process.pid)

    def ask(self, method, path, token=ADMIN, body=None, **headers):
        """Status, headers, document; None for a connection that was cut."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            headers["Authorization"] = "Bearer " + token
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self.address + path, data, headers, method=method)
        try:
            answer = urllib.request.urlopen(request, timeout=SLOW)
        except urllib.error.HTTPError as error:
            answer = error
        except (urllib.error.URLError, ConnectionError, OSError):
            return None
        text = answer.read()
        assert answer.headers["Cache-Control"] == "no-store", dict(answer.headers)
        assert answer.headers["X-Request-Id"], dict(answer.headers)
        return answer.status, answer.headers, json.loads(text)

    def get(self, path, token=READER):
        status, _, document = self.ask("GET", path, token)
        assert status == 200, document
        return document

    def post(self, path, key, /, **body):
        return self.ask("POST", path, body=body, Idempotency_Key=key)


def with_tokens(installation, folder):
    for name, token in (("ADMIN", ADMIN), ("READER", READER)):
        path = folder / name
        path.write_text(token + "\n")
        installation.settings[f"ADMITONE_HTTP_{name}_TOKEN_FILE"] = str(path)


def until_answered(case, api, path, key, body):
    """A repeat that comes too early is told to come again."""
    answers = []

    def is_answered():
        answers.append(api.post(path, key, **body))
        if answers[-1] is None or answers[-1][0] in (202, 503):
            return False
        return answers[-1][2].get("code") != "REQUEST_IN_PROGRESS"

    case.until(is_answered, lambda: answers[-1])
    return answers[-1]
