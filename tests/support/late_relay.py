"""A way to a server on which each answer takes a while: bytes go there at once and come back late, in order."""

import random
import socket
import threading
import time


class LateRelay:
    """On a free loopback port, for as long as the test says. `late`: answers that came back so far."""

    def __init__(self, port, least, most):
        self.port, self.least, self.most = port, least, most
        self.late = 0
        self.dice = random.Random(1)
        self.open = []
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "redis://127.0.0.1:%d/0" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def end(self):
        self.listener.close()
        with self.lock:
            for one in self.open:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # it has gone before

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.port))
            except OSError:
                return
            with self.lock:
                self.open += [client, server]
            threading.Thread(target=self._carry, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._carry, args=(server, client, True), daemon=True).start()

    def _carry(self, source, target, late):
        try:
            while data := source.recv(65536):
                if late:
                    time.sleep(self.dice.uniform(self.least, self.most))  # this is what it is for
                    self.late += 1
                target.sendall(data)
        except OSError:
            pass
        for one in (source, target):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # closed from the other side
