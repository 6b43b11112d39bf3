# Promise: whatever way an answer comes, the client's stream is whole events in good framing with one honest end, and no backend can harm the worker.
import gzip
import json
import socket
import threading
import time
import unittest

from harness import Scenario, chat, free_port, wait_for

MODELS = json.dumps({"object": "list", "data": [{"id": "fake-model", "object": "model"}]}).encode()
STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"


def event(text=None, **more):
    choice = {"index": 0, "delta": {"content": text} if text is not None else {}, "finish_reason": None, **more}
    return b"data: " + json.dumps({"id": "x", "object": "chat.completion.chunk", "model": "fake-model", "choices": [choice]}).encode() + b"\n\n"


FINISH = event(finish_reason="stop")
DONE = b"data: [DONE]\n\n"


def chunks(*pieces, last=True):
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + (b"0\r\n\r\n" if last else b"")


class Script:
    """A model server whose answers are written out, byte for byte: a list of bytes, seconds to wait, or "reset"."""

    def __init__(self):
        self.steps, self.requests, self.url = [], [], None
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            with connection, connection.makefile("rb") as lines:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while self._one(connection, lines):
                    pass
        except OSError:
            pass

    def _one(self, connection, lines):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = lines.readline()
            if not line:
                return False
            head += line
        headers = {name.lower(): value.strip() for name, _, value in
                   (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])}
        body = lines.read(int(headers.get("content-length", 0)))
        if head.startswith(b"GET "):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(MODELS) + MODELS)
            return True
        self.requests.append((headers, body))
        for step in list(self.steps):
            if step == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                return False
            if isinstance(step, bytes):
                connection.sendall(step)
            else:
                time.sleep(step)
        return False

    def close(self):
        self.socket.close()


class Relay(Scenario):
    server = ""
    conf = ""

    def setUp(self):
        self.script = Script()
        self.addCleanup(self.script.close)
        self.gateway = self.nexus([{"name": "b0", "type": "generic", "url": self.script.url}], conf=self.conf,
                                  server=self.server, health="failure_threshold = 100;")

    def answer(self, *steps, stream=True, **fields):
        self.script.steps = list(steps)
        return self.gateway.chat(stream=stream, **fields)


class Ends(Relay):
    """A stream that said all it had to say is complete, however its connection ends; any other gets one error event."""

    server = "idle_timeout_seconds = 1;"

    def test_behind_done_nothing_can_go_wrong(self):
        for name, end in (("cut in the framing", []), ("reset", [0.2, "reset"]), ("silence", [4.0]), ("garbage", [b"zz\r\n"]),
                          ("more events", [chunks(event("late")), 0.2, "reset"]), ("an error", [chunks(b'data: {"error":{"message":"late"}}\n\n')])):
            with self.subTest(end=name):
                answer = self.answer(STREAM_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", chunks(event("a"), FINISH, DONE, last=False), *end)
                self.assertEqual((answer.status, answer.events[-1], answer.text), (200, "[DONE]", "a"), answer.body)

    def test_one_error_event_and_no_more(self):
        failed = b'data: {"error":{"message":"broken","type":"server_error"}}\n\n'
        for name, end in (("and the end", []), ("and a reset", [0.05, "reset"]), ("and more", [0.05, chunks(event("late")), 0.05])):
            with self.subTest(end=name):
                answer = self.answer(STREAM_HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks(event("a"), last=False), 0.1,
                                     chunks(failed, last=False), *end)
                self.assertEqual(answer.events.count(json.loads(json.dumps(answer.events[-1]))), 1)
                self.assertEqual([json.loads(e).get("error", {}).get("message") for e in answer.events], [None, "broken"])

    def test_last_event_without_its_blank_line(self):
        for tail in (b"data: [DONE]\n", b"data: [DONE]", b"data: [DONE]\r\n"):
            with self.subTest(tail=tail):
                answer = self.answer(STREAM_HEAD + b"\r\n" + event("a") + tail)
                self.assertEqual([e.strip() for e in answer.events], [event("a")[6:-2].decode(), "[DONE]"], answer.body)
        answer = self.answer(STREAM_HEAD + b"\r\n" + event("a") + event("b")[:-30])
        self.assertEqual(json.loads(answer.events[-1])["error"]["code"], "upstream_disconnected")
        self.assertEqual(len(answer.events), 2)


class Size(Relay):
    """Nothing that a backend sends is too much for the worker."""

    def gzipped(self, *events):
        data = gzip.compress(b"".join(events), 9)
        return STREAM_HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(data) + data

    def test_compressed_events_that_grow(self):
        worker = self.gateway.pids("request")
        big = event("a" * (6 << 20))
        answer = self.answer(self.gzipped(event("x"), big, big, big, big, FINISH, DONE))
        self.assertEqual((answer.events[-1], len(answer.text)), ("[DONE]", 1 + (24 << 20)))
        answer = self.answer(self.gzipped(event("x"), big, big, big, big, big, big, big, FINISH, DONE))
        self.assertIn(b"grows over", answer.body)
        self.assertEqual(self.gateway.pids("request"), worker)

    def test_compressed_whole_answer_that_grows(self):
        data = gzip.compress(b'{"a":"' + b"a" * (40 << 20) + b'"}', 9)
        answer = self.answer(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(data) + data,
                             stream=False)
        self.assertEqual((answer.status, answer.error["code"]), (502, "bad_upstream_response"))

    def test_huge_event(self):
        answer = self.answer(STREAM_HEAD + b"\r\n" + event("a" * (7 << 20)) + FINISH + DONE)
        self.assertEqual(len(answer.text), 7 << 20)
        answer = self.answer(STREAM_HEAD + b"\r\n" + event("b") + event("a" * (9 << 20)) + FINISH + DONE)
        self.assertEqual(answer.status, 502 if answer.body.startswith(b"{") else 200)
        self.assertIn(b"8 MiB", answer.body)


class Early(Relay):
    """Streams whose head went out by time."""

    server = "commit_timeout_seconds = 0.5; request_timeout_seconds = 2; stream_keepalive_seconds = 0.5;"

    def test_request_timeout_bounds_a_stream_until_its_first_event(self):
        for name, steps in (("silent", [6.0]), ("only comments", [STREAM_HEAD + b"\r\n"] + [b": ping\n\n", 0.5] * 12)):
            with self.subTest(name=name):
                answer = self.answer(*steps)
                self.assertEqual(answer.status, 200)
                self.assertEqual(json.loads(answer.events[-1])["error"]["code"], "upstream_timeout")

    def test_keep_alive_stands_between_events(self):
        data = event("a") + event("b") + FINISH + DONE
        steps = [STREAM_HEAD + b"\r\n"]
        for at in range(0, len(data), 60):
            steps += [data[at:at + 60], 0.3]
        answer = self.answer(*steps)
        self.assertEqual(answer.text, "ab")
        self.assertIn(b": keep-alive\n\n", answer.body)
        self.assertEqual(b"".join(block + b"\n\n" for block in answer.body.split(b"\n\n")[:-1] if not block.startswith(b":")), data)

    def test_all_that_can_follow(self):
        refused = b'{"error":{"message":"no","type":"x","param":null,"code":null}}'
        for name, steps, expected in (
                ("an answer", [STREAM_HEAD + b"\r\n" + event("a") + FINISH + DONE], "[DONE]"),
                ("a refusal", [b"HTTP/1.1 400 Bad\r\nContent-Length: %d\r\n\r\n" % len(refused) + refused], "error"),
                ("429", [b"HTTP/1.1 429 Slow\r\nContent-Length: %d\r\n\r\n" % len(refused) + refused], "error"),
                ("a whole answer", [b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"], "error"),
                ("a reset", ["reset"], "error"),
                ("an error event", [STREAM_HEAD + b'\r\ndata: {"error":{"message":"no"}}\n\n'], "error"),
                ("no event at all", [STREAM_HEAD + b"Content-Length: 0\r\n\r\n"], "error")):
            with self.subTest(name=name):
                answer = self.answer(1.2, *steps)
                self.assertEqual((answer.status, expected in answer.events[-1]), (200, True), answer.body)
                self.assertEqual(answer.body.count(b'"error"'), expected == "error")


class Names(Relay):
    conf = 'routing = { aliases = ( { name = "gpt-\\"4\\""; target = "fake-model"; } ); };'

    def stream(self, *datas, **fields):
        return self.answer(STREAM_HEAD + b"\r\n" + b"".join(b"data: " + data + b"\n\n" for data in datas) + DONE,
                           model='gpt-"4"', **fields)

    def test_model_is_renamed_wherever_it_stands(self):
        for data in (b'{"model":"fake-model","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}',
                     b'{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}],"model":"f\\u0061ke-model"}',
                     b'{ "choices" : [{"delta":{"content":"a"},"model":"inner","finish_reason":"stop"}] , "model" : "fake-model" }'):
            with self.subTest(data=data):
                event = json.loads(self.stream(data).events[0])
                self.assertEqual(event["model"], 'gpt-"4"')
                expected = json.loads(data)
                expected["model"] = 'gpt-"4"'
                self.assertEqual(event, expected)

    def test_usage_only_event_is_dropped_with_its_name(self):
        usage = b'{"model":"fake-model","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}'
        first = b'{"model":"fake-model","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}'
        self.assertEqual(len(self.stream(first, usage).events), 2)
        self.assertEqual(len(self.stream(first, usage, stream_options={"include_usage": True}).events), 3)


class Gateways(Scenario):
    def test_a_loop_over_two_gateways_is_seen(self):
        upstream = self.backend()
        port = free_port()
        far = self.nexus([{"name": "near", "type": "generic", "url": f"http://127.0.0.1:{port}"}], healthy=False)
        near = self.nexus([{"name": "far", "type": "generic", "url": f"http://127.0.0.1:{far.port}", "priority": 1},
                           {"name": "b0", "type": "generic", "url": upstream.url, "priority": 90}],
                          'routing = { strategy = "priority_only"; max_retries = 0; };', port=port, healthy=False)
        wait_for("the circle", lambda: far.backends()["near"]["status"] == near.backends()["far"]["status"] == "healthy", 15)
        wait_for("the far one to offer the model", lambda: b"fake-model" in far.get("/v1/models").body and
                 "far" in near.get("/v1/models/fake-model").json.get("backends", []), 20)
        answer = near.chat()
        # The near one is asked for the second time by the far one, and says so.
        self.assertIn("has already passed this gateway", answer.error["message"])
        self.assertLess(answer.error["message"].count("answered"), 3)


if __name__ == "__main__":
    unittest.main()
