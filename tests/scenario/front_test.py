# Promise: whatever a client does to its connection, it gets the answers it is due, in order and framed, and holds nothing for it.
import json
import pathlib
import resource
import socket
import time
import unittest

from harness import PATIENCE, Scenario, chat, wait_for

POST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"


def post(head=b"", stream=False, version=b"1.1", **fields):
    body = json.dumps(chat(stream=stream, **fields)).encode()
    return (b"POST /v1/chat/completions HTTP/%s\r\nHost: localhost\r\n" % version + head +
            b"Content-Length: %d\r\n\r\n" % len(body) + body)


class Connection:
    """A client that sees every byte."""

    def __init__(self, gateway, data=b""):
        self.socket = socket.create_connection(("127.0.0.1", gateway.port), 10 * PATIENCE)
        self.seen = b""
        self.send(data)

    def send(self, data):
        self.socket.sendall(data)
        return self

    def until(self, *needles, seconds=5):
        """Reads until all of the needles have come, one behind the other."""
        end = time.monotonic() + seconds * PATIENCE
        while True:
            at = 0
            for needle in needles:
                at = self.seen.find(needle, at)
                if at < 0:
                    break
                at += len(needle)
            if at >= 0:
                return self.seen
            self.socket.settimeout(max(end - time.monotonic(), 0.001))
            try:
                piece = self.socket.recv(65536)
            except TimeoutError:
                raise AssertionError(f"{needles} did not come, but {self.seen[-2000:]}") from None
            if not piece:
                raise AssertionError(f"closed before {needles} came: {self.seen[-2000:]}")
            self.seen += piece

    def rest(self, seconds=5):
        """All that comes until the end of the connection."""
        self.socket.settimeout(seconds * PATIENCE)
        pieces = [self.seen]
        try:
            while piece := self.socket.recv(65536):
                pieces.append(piece)
        except TimeoutError:
            raise AssertionError(f"the connection stays open behind {b''.join(pieces)[-500:]}") from None
        self.seen = b"".join(pieces)
        return self.seen

    def close(self):
        self.socket.close()


class Front(Scenario):
    def setUp(self):
        self.upstream = self.backend()
        self.gateway = self.nexus([self.upstream])

    def client(self, data=b"", gateway=None):
        connection = Connection(gateway or self.gateway, data)
        self.addCleanup(connection.close)
        return connection


class Pipelines(Front):
    """What waits behind an open request is answered as soon as its turn comes."""

    def test_refusal_behind_an_open_request(self):
        self.upstream.set(first_byte_delay=0.3)
        for name, second, status in (
                ("unknown path, with a body", b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello", b"404"),
                ("no HTTP", b"?\r\n\r\n", b"400"),
                ("too large", POST + b"Content-Length: 99999999999\r\n\r\n", b"413"),
                ("bad chunks", POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"400")):
            with self.subTest(second=name):
                client = self.client(post() + second)
                client.until(b"HTTP/1.1 200 ", b"HTTP/1.1 " + status)
                self.assertIn(b"Connection: close\r\n", client.rest())

    def test_continue_behind_an_open_request(self):
        self.upstream.set(first_byte_delay=0.3)
        body = json.dumps(chat()).encode()
        client = self.client(post() + POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
        client.until(b"HTTP/1.1 200 ", b"HTTP/1.1 100 Continue\r\n\r\n")
        client.send(body).until(b"100 Continue\r\n\r\n", b"HTTP/1.1 200 ")

    def test_reader_that_does_not_read_is_not_served_ahead(self):
        # Each answer is large; a client that takes none of them must not make us hold them all.
        self.upstream.set(tokens=1, token_bytes=4 << 20)
        client = self.client(post() * 11 + post(b"Connection: close\r\n"))
        wait_for("the first answers", lambda: self.upstream.inference())
        time.sleep(1)
        self.assertLess(len(self.upstream.inference()), 5)
        self.assertEqual(client.rest().count(b"HTTP/1.1 200 OK"), 12)

    def test_bytes_one_by_one(self):
        client = self.client()
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        body = json.dumps(chat()).encode()
        chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
        for byte in post() + chunked + b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n":
            client.send(bytes([byte]))
        self.assertEqual(client.rest().count(b"HTTP/1.1 200 OK"), 3)

    def test_end_behind_read_ahead_is_a_client_that_left(self):
        self.upstream.set(first_byte_delay=30.0)
        client = self.client(post() + b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000)
        wait_for("the request to arrive", lambda: self.upstream.inference())
        client.socket.shutdown(socket.SHUT_WR)
        wait_for("the abort", lambda: self.upstream.stats()["aborts"])


class OldClients(Front):
    """HTTP/1.0, with and without its keep-alive."""

    def test_whole_answers_keep_the_connection(self):
        client = self.client(post(b"Connection: keep-alive\r\n", version=b"1.0"))
        client.until(b"Connection: keep-alive\r\n", b"}")
        client.send(post(version=b"1.0")).until(b"Connection: close\r\n")
        self.assertEqual(client.rest().count(b"HTTP/1.1 200 OK"), 2)

    def test_a_stream_ends_with_the_connection_even_so(self):
        client = self.client(post(b"Connection: keep-alive\r\n", stream=True, version=b"1.0"))
        out = client.rest()
        self.assertIn(b"Connection: close\r\n", out)
        self.assertTrue(out.endswith(b"data: [DONE]\n\n"))


class Limits(Front):
    """B.1: the answer comes, complete, and then the end."""

    def test_refusals_are_read_by_a_client_that_is_still_sending(self):
        head = POST + b"Content-Length: %d\r\n\r\n" % (40 << 20)
        client = self.client(head)
        try:
            client.socket.sendall(b"x" * (40 << 20))
        except OSError as trouble:
            self.fail(f"cut while sending: {trouble}")
        self.assertTrue(client.until(b"}}").startswith(b"HTTP/1.1 413 "), client.seen)

    def test_chunked_body_over_the_limit(self):
        gateway = self.nexus([self.upstream], server="max_body_bytes = 1024;")
        for size, status in ((1024, b"400"), (1025, b"413")):
            data = b"".join(b"100\r\n%s\r\n" % (b" " * 256) for _ in range(4)) + (b"1\r\n \r\n" if size > 1024 else b"") + b"0\r\n\r\n"
            out = self.client(POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + data, gateway).rest()
            self.assertTrue(out.startswith(b"HTTP/1.1 " + status), out)

    def test_time_out_answers_have_an_id_of_their_own(self):
        gateway = self.nexus([self.upstream], server="header_timeout_seconds = 1;")
        first = self.client(b"POST /v1/chat", gateway)
        second = self.client(b"HEAD /livez HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: mine\r\n\r\nPOST /v1/chat", gateway)
        for client in (first, second):
            answer = client.rest().split(b"HTTP/1.1 408 ")[1]
            self.assertRegex(answer, rb"X-Request-Id: [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\r\n")
            self.assertTrue(answer.endswith(b"}}"), answer)

    def test_refused_expectation_is_not_continued(self):
        out = self.client(b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n").rest()
        self.assertTrue(out.startswith(b"HTTP/1.1 404 "), out)
        self.assertIn(b"Connection: close\r\n", out)


class Changes(Front):
    """Configuration that changes under a request."""

    def test_limits_lowered_while_a_body_is_coming(self):
        body = json.dumps(chat(user="x" * 4000)).encode()
        client = self.client(POST + b"X-Long: %s\r\nContent-Length: %d\r\n\r\n" % (b"y" * 600, len(body)) + body[:100])
        time.sleep(0.2)
        self.gateway.write_conf([self.upstream], server="max_body_bytes = 1024; max_header_bytes = 256; max_headers_bytes = 1024;")
        self.assertEqual(self.gateway.cli("reload").returncode, 0)
        wait_for("the lower limit", lambda: self.gateway.request("POST", "/v1/chat/completions", b" " * 2000).status == 413)
        client.send(body[100:]).until(b"HTTP/1.1 200 OK")
        self.assertNotIn("panic", self.gateway.log())

    def test_answers_during_a_drain_say_close(self):
        self.upstream.set(first_byte_delay=1.5)
        client = self.client(post())
        wait_for("the request to arrive", lambda: self.upstream.inference())
        self.gateway.process.terminate()
        self.assertIn(b"Connection: close\r\n", client.rest())

    def test_a_stop_does_not_wait_for_a_body(self):
        gateway = self.nexus([self.upstream], server="stop_timeout_seconds = 1;")
        self.client(POST + b"Content-Length: 1000\r\n\r\n{", gateway)
        time.sleep(0.2)
        began = time.monotonic()
        gateway.process.terminate()
        gateway.process.wait(15 * PATIENCE)
        self.assertNotRegex(gateway.log(), "signal [0-9]+|SIGKILL|SIGABRT")
        self.assertLess(time.monotonic() - began, 5 * PATIENCE)


class Scarcity(Front):
    def test_accepting_goes_on_when_descriptors_are_there_again(self):
        worker = self.gateway.pids("request")[0]
        limits = resource.prlimit(worker, resource.RLIMIT_NOFILE)
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (3, limits[1]))
        client = self.client(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(0.2)
        resource.prlimit(worker, resource.RLIMIT_NOFILE, limits)
        client.until(b"HTTP/1.1 200 OK")


class Nothing(Front):
    """After mixed traffic nothing is held: no descriptor, no record, no request in flight."""

    def test_nothing_is_left(self):
        worker = self.gateway.pids("request")[0]
        descriptors = pathlib.Path(f"/proc/{worker}/fd")
        self.upstream.set(token_delay=0.01)
        before = len(list(descriptors.iterdir()))
        for _ in range(20):
            clients = [Connection(self.gateway, data) for data in (
                post(), post(stream=True), post() * 3, post(stream=True) * 2, post()[:50], post()[:200], b"?", b"",
                post(model="none"), POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\n", b"GET /health HTTP/1.0\r\n\r\n")]
            for number, client in enumerate(clients):
                if number % 2:
                    client.socket.settimeout(0.01)
                    try:
                        client.socket.recv(100)
                    except OSError:
                        pass
            for client in clients:
                client.close()
        wait_for("nothing to be in flight", lambda: all(b["pending_requests"] == 0 for b in self.gateway.backends().values()))
        # Idle connections to the backend may stay.
        wait_for("descriptors to be closed", lambda: len(list(descriptors.iterdir())) <= before + 30)


if __name__ == "__main__":
    unittest.main()
