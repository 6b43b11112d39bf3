# Promise: a backend behind TLS is a backend like any other, and one whose certificate is not trusted is none.
import json
import shutil
import socket
import ssl
import subprocess
import tempfile
import unittest

from harness import Scenario, chat, wait_for
from relay_test import DONE, FINISH, STREAM_HEAD, Script, chunks, event


WHOLE = b'{"choices":[{"message":{"content":"%s"},"finish_reason":"stop"}]}' % (b"y" * 3000000)
SMALL = b'HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{"choices":[]}'


class TlsScript(Script):
    """A Script behind TLS, which keeps its connections between whole answers."""

    keeps = True

    def __init__(self, certificate, key):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        super().__init__()
        self.url = self.url.replace("http:", "https:")

    def _serve(self, connection):
        try:
            connection = self.context.wrap_socket(connection, server_side=True)
        except (ssl.SSLError, OSError):
            return
        super()._serve(connection)

    def _one(self, connection, lines):
        before = len(self.requests)
        went_on = super()._one(connection, lines)
        return went_on or (len(self.requests) > before and self.keeps)


@unittest.skipUnless(shutil.which("openssl"), "no openssl command to make a certificate with")

class Tls(Scenario):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="nexus-tls-")
        self.addCleanup(directory.cleanup)
        self.certificate, key = f"{directory.name}/certificate.pem", f"{directory.name}/key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", self.certificate,
                        "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
                       check=True, capture_output=True)
        self.script = TlsScript(self.certificate, key)
        self.addCleanup(self.script.close)
        self.gateway = self.nexus([{"name": "b0", "type": "generic", "url": self.script.url, "ca_file": self.certificate}],
                                  health="failure_threshold = 100;")

    def test_whole_answers(self):
        self.script.steps = [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(WHOLE) + WHOLE]
        self.assertEqual(self.gateway.chat().body, WHOLE)
        for _ in range(3):
            self.assertEqual(self.gateway.chat().body, WHOLE)

    def test_large_request(self):
        self.script.steps = [SMALL]
        body = json.dumps(chat(user="z" * 8000000)).encode()
        self.assertEqual(self.gateway.request("POST", "/v1/chat/completions", body).status, 200)
        self.assertEqual(self.script.requests[-1][1], body)

    def test_stream(self):
        piece = event("x" * 100000)
        self.script.steps = [STREAM_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[chunks(piece, last=False)] * 30, chunks(FINISH, DONE)]
        answer = self.gateway.chat(stream=True)
        self.assertEqual((answer.text, answer.events[-1]), ("x" * 3000000, "[DONE]"))

    def test_connections_that_break(self):
        self.script.keeps = False
        for steps in ([0.1], ["reset"], [STREAM_HEAD + b"\r\n" + event("a"), 0.1], [STREAM_HEAD + b"\r\n" + event("a"), 0.1, "reset"]):
            with self.subTest(steps=steps):
                self.script.steps = steps
                self.assertIn(b"upstream_disconnected", self.gateway.chat(stream=True).body)

    def test_clients_that_leave(self):
        self.script.steps = [STREAM_HEAD + b"\r\n", *[event("a"), 0.02] * 200]
        body = json.dumps(chat(stream=True)).encode()
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", self.gateway.port), 10) as client:
                client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                self.assertTrue(client.recv(100))
        wait_for("nothing to be in flight", lambda: self.gateway.backends()["b0"]["pending_requests"] == 0)

    def test_untrusted_certificate(self):
        gateway = self.nexus([{"name": "b0", "type": "generic", "url": self.script.url}], healthy=False)
        gateway.wait_status("b0", "unhealthy")
        self.assertEqual(gateway.chat().status, 503)


if __name__ == "__main__":
    unittest.main()
