# Promise: bytes that two readers could take for different requests are refused and end their connection, however they are cut.
import contextlib
import json
import socket
import unittest

from harness import PATIENCE, Scenario, chat

GET = b"GET /livez HTTP/1.1\r\n"
HOST = b"Host: localhost\r\n"
POST = b"POST /v1/chat/completions HTTP/1.1\r\n" + HOST
BODY = json.dumps(chat()).encode()
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n"
LAST = b"0\r\n\r\n"
# What an attacker would hide behind a request: it must never be answered after a refusal.
HIDDEN = GET + HOST + b"X-Request-Id: hidden\r\n\r\n"


def chunk(data, line=b"%x"):
    return line % len(data) + b"\r\n" + data + b"\r\n"


def post(headers, body=BODY):
    return POST + headers + b"\r\n" + body


def chunks(framed, headers=b""):
    return CHUNKED + headers + b"\r\n" + framed


def line(text):
    return GET + HOST + text + b"\r\n\r\n"


# (status, name, bytes): refused, and the connection is closed.
REFUSED = {
    "two framings": [
        (400, "length and chunked", post(LENGTH + b"Transfer-Encoding: chunked\r\n")),
        (400, "chunked and length", post(b"Transfer-Encoding: chunked\r\n" + LENGTH, chunk(BODY) + LAST)),
        (400, "chunked and length 0", post(b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", chunk(BODY) + LAST)),
    ],
    "Content-Length": [
        (400, "twice the same", post(LENGTH + LENGTH)),
        (400, "twice different", post(b"Content-Length: 0\r\n" + LENGTH)),
        (400, "list", post(b"Content-Length: %d, %d\r\n" % (len(BODY), len(BODY)))),
        (400, "plus", post(b"Content-Length: +%d\r\n" % len(BODY))),
        (400, "minus", post(b"Content-Length: -%d\r\n" % len(BODY))),
        (400, "space inside", post(b"Content-Length: 1 0\r\n")),
        (400, "hexadecimal", post(b"Content-Length: 0x10\r\n")),
        (400, "underscore", post(b"Content-Length: 1_0\r\n")),
        (400, "19 digits", post(b"Content-Length: 1000000000000000000\r\n")),
        (400, "wraps around", post(b"Content-Length: 18446744073709551617\r\n")),
        (400, "empty", post(b"Content-Length:\r\n")),
        (400, "leading zero", post(b"Content-Length: 0%d\r\n" % len(BODY))),
        (400, "a word", post(b"Content-Length: many\r\n")),
        (413, "too large", post(b"Content-Length: 999999999999\r\n", b"")),
    ],
    "Transfer-Encoding": [
        (400, "twice", post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", LAST)),
        (400, "identity beside it", post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", LAST)),
        (400, "list", post(b"Transfer-Encoding: gzip, chunked\r\n", LAST)),
        (400, "chunked not last", post(b"Transfer-Encoding: chunked, identity\r\n", LAST)),
        (400, "parameter", post(b"Transfer-Encoding: chunked;q=1\r\n", LAST)),
        (400, "quoted", post(b'Transfer-Encoding: "chunked"\r\n', LAST)),
        (400, "vertical tab", post(b"Transfer-Encoding: \x0bchunked\r\n", LAST)),
        (400, "empty", post(b"Transfer-Encoding:\r\n", LAST)),
        (501, "unknown", post(b"Transfer-Encoding: xchunked\r\n", LAST)),
        (400, "in HTTP/1.0", b"POST / HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n" + LAST),
        (400, "space before the colon", post(b"Transfer-Encoding : chunked\r\n", LAST)),
        (400, "folded", post(b"Transfer-Encoding:\r\n chunked\r\n", LAST)),
    ],
    "chunks": [
        (400, "17 digits", chunks(b"0" * 17 + b"\r\n\r\n")),
        (400, "no digit", chunks(b"\r\nx\r\n" + LAST)),
        (400, "space before the size", chunks(chunk(BODY, b" %x") + LAST)),
        (400, "space behind the size", chunks(chunk(BODY, b"%x ") + LAST)),
        (400, "0x", chunks(chunk(BODY, b"0x%x") + LAST)),
        (400, "underscore", chunks(b"1_0\r\n" + b"x" * 16 + b"\r\n" + LAST)),
        (400, "plus", chunks(chunk(BODY, b"+%x") + LAST)),
        (400, "minus", chunks(b"-1\r\nx\r\n" + LAST)),
        (400, "LF behind the size", chunks(b"%x\n" % len(BODY) + BODY + b"\r\n" + LAST)),
        (400, "CR behind the size", chunks(b"%x\r" % len(BODY) + BODY + b"\r\n" + LAST)),
        (400, "LF behind the data", chunks(b"%x\r\n" % len(BODY) + BODY + b"\n" + LAST)),
        (400, "longer than its size", chunks(b"%x\r\n" % (len(BODY) - 1) + BODY + b"\r\n" + LAST)),
        (400, "shorter than its size", chunks(b"%x\r\n" % (len(BODY) + 1) + BODY + b"\r\n" + LAST)),
        (400, "LF in the end", chunks(chunk(BODY) + b"0\n\n")),
        (400, "extension without a name", chunks(chunk(BODY, b"%x;") + LAST)),
        (400, "extension with a blank", chunks(chunk(BODY, b"%x; a") + LAST)),
        (400, "extension with LF", chunks(chunk(BODY, b"%x;a\nb") + LAST)),
        (400, "extension of 300 bytes", chunks(chunk(BODY, b"%x;" + b"a" * 300) + LAST)),
        (400, "9 KiB of extensions", chunks(b"".join(chunk(b"%c" % c, b"%x;" + b"a" * 250) for c in BODY[:40]) + LAST)),
        (400, "trailer with Content-Length", chunks(chunk(BODY) + b"0\r\nContent-Length: 5\r\n\r\n")),
        (400, "trailer with Transfer-Encoding", chunks(chunk(BODY) + b"0\r\nTransfer-Encoding: chunked\r\n\r\n")),
        (400, "trailer with Host", chunks(chunk(BODY) + b"0\r\nHost: evil\r\n\r\n")),
        (400, "trailer without a colon", chunks(chunk(BODY) + b"0\r\nX\r\n\r\n")),
        (400, "trailer with LF", chunks(chunk(BODY) + b"0\r\nX: y\n\r\n")),
        (400, "9 KiB of trailers", chunks(chunk(BODY) + b"0\r\n" + b"X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 240 + b"\r\n")),
    ],
    "line ends, names, values": [
        (400, "LF everywhere", b"GET /livez HTTP/1.1\nHost: localhost\n\n"),
        (400, "LF behind the request line", b"GET /livez HTTP/1.1\n" + HOST + b"\r\n"),
        (400, "LF behind a header", GET + b"Host: localhost\n\r\n"),
        (400, "LF as the end", GET + HOST + b"\n"),
        (400, "CR in the request line", b"GET /livez\r HTTP/1.1\r\n" + HOST + b"\r\n"),
        (400, "CR in a value", line(b"X: a\rb")),
        (400, "CR at a line's begin", GET + b"\rX: a\r\n" + HOST + b"\r\n"),
        (400, "folded by a space", line(b"X: a\r\n b")),
        (400, "folded by a tab", line(b"X: a\r\n\tb")),
        (400, "space before the colon", line(b"X : a")),
        (400, "tab before the colon", line(b"X\t: a")),
        (400, "space before the first header", GET + b" " + HOST + b"\r\n"),
        (400, "empty name", line(b": a")),
        (400, "no colon", line(b"X")),
        (400, "no token in the name", line(b"X(Y): a")),
        (400, "space in the name", line(b"X Y: a")),
        (400, "8-bit name", line(b"X\xe9: a")),
        (400, "NUL in the name", line(b"X\0: a")),
        (400, "NUL in a value", line(b"X: a\0b")),
        (400, "control character in a value", line(b"X: a\x1bb")),
        (400, "DEL in a value", line(b"X: a\x7fb")),
        (400, "empty line first", b"\r\n" + GET + HOST + b"\r\n"),
        (400, "TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    ],
    "Host and target": [
        (400, "no Host", GET + b"\r\n"),
        (400, "Host twice", GET + HOST + HOST + b"\r\n"),
        (400, "two Hosts", GET + HOST + b"Host: evil\r\n\r\n"),
        (400, "empty Host", GET + b"Host:\r\n\r\n"),
        (400, "Host with a user", GET + b"Host: a@localhost\r\n\r\n"),
        (400, "Host with a path", GET + b"Host: localhost/a\r\n\r\n"),
        (400, "Host list", GET + b"Host: localhost, evil\r\n\r\n"),
        (400, "Host with a bad port", GET + b"Host: localhost:99999\r\n\r\n"),
        (400, "foreign scheme", b"GET ftp://localhost/livez HTTP/1.1\r\n" + HOST + b"\r\n"),
        (400, "user in the target", b"GET http://a@localhost/livez HTTP/1.1\r\n" + HOST + b"\r\n"),
        (403, "the target's authority wins", b"GET http://evil.example/livez HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\n\r\n{}"),
        (400, "* without OPTIONS", b"GET * HTTP/1.1\r\n" + HOST + b"\r\n"),
        (400, "no path", b"GET livez HTTP/1.1\r\n" + HOST + b"\r\n"),
        (501, "CONNECT", b"CONNECT localhost:443 HTTP/1.1\r\n" + HOST + b"\r\n"),
    ],
    "request line and version": [
        (400, "two spaces", b"GET  /livez HTTP/1.1\r\n" + HOST + b"\r\n"),
        (400, "tab", b"GET\t/livez HTTP/1.1\r\n" + HOST + b"\r\n"),
        (400, "space at the end", b"GET /livez HTTP/1.1 \r\n" + HOST + b"\r\n"),
        (400, "HTTP/0.9 as it was", b"GET /livez\r\n\r\n"),
        (400, "small letters", b"GET /livez http/1.1\r\n" + HOST + b"\r\n"),
        (505, "HTTP/1.2", b"GET /livez HTTP/1.2\r\n" + HOST + b"\r\n"),
        (505, "HTTP/2.0", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        (501, "unknown method", b"BREW /livez HTTP/1.1\r\n" + HOST + b"\r\n"),
    ],
    "limits": [
        (414, "request line", b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
        (431, "one header", line(b"X: " + b"a" * 9000)),
        (431, "all headers", line(b"\r\n".join(b"X%d: " % n + b"a" * 1000 for n in range(40)))),
        (431, "their number", line(b"\r\n".join(b"X%d: a" % n for n in range(120)))),
        (417, "unknown expectation", post(b"Expect: 200-ok\r\n" + LENGTH)),
    ],
    "answered without its body": [
        (404, "no such path", b"POST /none HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(HIDDEN)),
        (405, "no such method", b"DELETE /livez HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(HIDDEN)),
        (403, "foreign host", b"POST /livez HTTP/1.1\r\nHost: evil.example\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN)),
        (413, "too large, though it may continue", post(b"Expect: 100-continue\r\nContent-Length: 999999999\r\n", b"")),
    ],
}

# Unusual and right: answered, and so is what comes behind it.
ACCEPTED = {
    "chunks": chunks(b"".join(chunk(BODY[at:at + 7]) for at in range(0, len(BODY), 7)) + LAST),
    "capital letters and blanks": POST + b"TRANSFER-ENCODING:\t CHUNKED  \r\n\r\n" + chunk(BODY) + LAST,
    "extensions": chunks(chunk(BODY, b'%x;a=b;c="d e";f') + b"0;g\r\n\r\n"),
    "capital digits and leading zeros": chunks(chunk(BODY, b"00%X") + b"000\r\n\r\n"),
    "trailers": chunks(chunk(BODY) + b"0\r\nX-Trailer: canary\r\nAuthorization: canary\r\n\r\n"),
    "a chunk that looks like an end": chunks(chunk(BODY[:-1]) + chunk(BODY[-1:]) + LAST),
    "length": post(LENGTH),
    "absolute target": b"POST http://localhost/v1/chat/completions HTTP/1.1\r\nHost: other\r\n" + LENGTH + b"\r\n" + BODY,
    "empty and 8-bit values": post(b"X-A:\r\nX-B: \xc3\xa9\r\n" + LENGTH),
    "named hop-by-hop headers": post(b"Connection: X-Canary, keep-alive\r\nX-Canary: canary\r\nKeep-Alive: canary\r\nTE: trailers\r\n"
                                     b"Upgrade: canary\r\nProxy-Authorization: canary\r\nForwarded: canary\r\n"
                                     b"X-Forwarded-For: canary\r\n" + LENGTH),
}


def answers(data):
    """[(status, headers, body)] of all answers in the bytes; a piece that is none is returned as status 0."""
    out = []
    while data:
        head, found, rest = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        if not found or not lines[0].startswith("HTTP/1.1 "):
            return out + [(0, {}, data)]
        headers = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in lines[1:])}
        length = int(headers.get("content-length", 0))
        out.append((int(lines[0].split(" ")[1]), headers, rest[:length]))
        data = rest[length:]
    return out


class Smuggling(Scenario):
    def setUp(self):
        self.upstream = self.backend()
        self.gateway = self.nexus([self.upstream])

    def send(self, data, step):
        """Sends in pieces of `step`; all that comes back until the other side ends it. A reset fails the test."""
        with socket.create_connection(("127.0.0.1", self.gateway.port), 20 * PATIENCE) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # The other side may have said all it had to say and be gone.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for at in range(0, len(data), step):
                    connection.sendall(data[at:at + step])
            out = b""
            while piece := connection.recv(65536):
                out += piece
            return out

    def expect_refusal(self, status, data, step):
        got = answers(self.send(data + HIDDEN, step))
        self.assertEqual([answer[0] for answer in got], [status], got)
        _, headers, body = got[0]
        self.assertEqual(headers.get("connection"), "close")
        self.assertNotIn(b"hidden", body)
        self.assertTrue(json.loads(body)["error"]["message"])

    def test_refused(self):
        for rule, samples in REFUSED.items():
            for status, name, data in samples:
                for step in (len(data) + len(HIDDEN), len(data) // 2 + 1, *([7] if len(data) < 2000 else [])):
                    with self.subTest(rule=rule, name=name, step=step):
                        self.expect_refusal(status, data, step)
        self.assertEqual(self.upstream.inference(), [], "a backend has seen something of it")
        self.assertEqual(self.gateway.chat().status, 200)

    def test_accepted(self):
        for name, data in ACCEPTED.items():
            for step in (len(data) + len(HIDDEN), 11):
                with self.subTest(name=name, step=step):
                    self.upstream.clear()
                    end = GET + HOST + b"Connection: close\r\n\r\n"
                    got = answers(self.send(data + HIDDEN + end, step))
                    self.assertEqual([answer[0] for answer in got], [200, 200, 200], got)
                    self.assertEqual(got[1][1]["x-request-id"], "hidden")
                    self.expect_own_framing()

    def expect_own_framing(self):
        """What the backend got is framed by us, and nothing of the client's framing or secrets came along."""
        sent = self.upstream.inference()
        self.assertEqual([record["body"] for record in sent], [BODY.decode()])
        headers = sent[0]["headers"]
        self.assertEqual(headers["content-length"], str(len(BODY)))
        self.assertEqual(headers["host"], f"127.0.0.1:{self.upstream.port}")
        self.assertEqual({"transfer-encoding", "te", "trailer", "upgrade", "keep-alive", "connection"} & set(headers), set())
        self.assertNotIn("canary", json.dumps(headers))

    def test_body_of_a_get_is_no_request(self):
        got = answers(self.send(GET + HOST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN, 1000))
        self.assertEqual([answer[0] for answer in got], [200])
        self.assertNotEqual(got[0][1]["x-request-id"], "hidden")

    def test_continue_only_when_it_will_be_read(self):
        # Promised to those who pass, not to those who are refused by their head alone.
        out = self.send(b"POST /none HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 10\r\n\r\n", 1000)
        self.assertEqual([answer[0] for answer in answers(out)], [404])

    def test_answer_to_a_large_refused_body_arrives(self):
        # The client is still sending when it is refused: it gets the answer, not a reset.
        for _ in range(3):
            out = self.send(post(b"Content-Length: 999999999\r\n", b"x" * 50000), 50000)
            self.assertEqual([answer[0] for answer in answers(out)], [413])

    def test_head_that_never_ends_is_bounded(self):
        out = self.send(GET + HOST + b"".join(b"X%d: y\r\n" % n for n in range(20000)), 4096)
        self.assertEqual([answer[0] for answer in answers(out)], [431])


if __name__ == "__main__":
    unittest.main()
