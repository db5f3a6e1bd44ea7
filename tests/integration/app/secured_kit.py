"""A broker that wants to know who comes, a worker on it, and how each logs in, for the stack tests beside this file."""

import json
import os
import pathlib
import sys
import tempfile
import uuid

from kit import Case, event_create, hold

sys.path.insert(0, str(pathlib.Path(os.environ["ADMITONE_SOURCE_DIR"]) / "tests/support"))

from secured_servers import SecuredKafka  # noqa: E402

TENANT = "4c6f7cbf-58db-457f-9dbe-69e0ae9bb859"


class SecuredCase(Case):
    JARS = os.environ.get("ADMITONE_TEST_KAFKA_JARS")

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.kafka = SecuredKafka(cls.folder, cls.JARS)
        cls.addClassCleanup(cls.kafka.end)

    def file(self, text):
        path = self.folder / uuid.uuid4().hex
        path.write_text(text + "\n")
        return str(path)

    def login(self, mechanism, password=None, **more):
        return {"ADMITONE_KAFKA_BOOTSTRAP_SERVERS": self.kafka.sasl, "ADMITONE_KAFKA_SECURITY_PROTOCOL": "sasl_ssl",
                "ADMITONE_KAFKA_SASL_MECHANISM": mechanism, "ADMITONE_KAFKA_SASL_USERNAME": "worker",
                "ADMITONE_KAFKA_SASL_PASSWORD_FILE": self.file(password or self.kafka.password),
                "ADMITONE_KAFKA_CA_FILE": str(self.kafka.authority.certificate), **more}

    def made(self, settings):
        here = self.installation(1, made=False)
        here.settings |= settings
        self.addCleanup(here.drop)
        return here.make()

    def produce(self, here, *commands):
        """What each of them was answered: its code, and whether it is a stored answer."""
        lines = self.file("\n".join(json.dumps(one) for one in commands))
        done = here.run("produce", lines, "--wait", "--timeout", "50s", "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return [(row["code"], row["replayed"]) for row in json.loads(done.stdout)]

    def applies(self, settings):
        """Consumer, producers, administration, reader, probe and tail: topics are made, a worker applies commands,
        their outcomes are read, the audit reads both logs."""
        here = self.made(settings)
        worker = self.ready_worker(here)
        event = str(uuid.uuid4())
        again = hold(event, TENANT, "a")
        answers = self.produce(here, event_create(event, TENANT, 10), again, again)
        self.assertEqual(answers, [("EVENT_CREATED", False), ("RESERVATION_HELD", False), ("RESERVATION_HELD", True)])
        self.proves(here)
        _, _, said = worker.end()
        self.assertEqual(worker.process.returncode, 0, said)
        self.assertNotIn(self.kafka.password, said)
