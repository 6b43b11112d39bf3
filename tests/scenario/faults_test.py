# Promise: whatever a backend does wrong, the client gets the truth: another backend's answer before the first event, an error after it.
import json
import os
import pathlib
import socket
import threading
import time
import unittest

from harness import Scenario, chat, wait_for

FAILURES_BEFORE_THE_FIRST_EVENT = {
    "reset instead of an answer": {"reset": "request"},
    "closed instead of an answer": {"close": True},
    "500": {"status": 500},
    "503": {"status": 503},
    "529": {"status": 529},
    "429": {"status": 429},
    "200 and no JSON": {"bad_json": True},
    "200 and half an answer": {"cut_after": 0},
    "an answer that is not HTTP": {"raw": "SSH-2.0-OpenSSH_9.2\r\n"},
    "two framings": {"raw": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"},
}


class BeforeTheFirstEvent(Scenario):
    """Rows 1 to 3 of the failure table: the other backend answers and the client sees no trace of the first."""

    def setUp(self):
        self.bad = self.backend()
        self.good = self.backend()
        self.gateway = self.nexus([
            {"name": "bad", "type": "generic", "url": self.bad.url, "priority": 1},
            {"name": "good", "type": "generic", "url": self.good.url, "priority": 90}],
            'routing = { strategy = "priority_only"; max_retries = 1; };', health="failure_threshold = 100;")

    def expect_failover(self, behaviour, stream):
        self.bad.reset()
        self.bad.set(**behaviour)
        answer = self.gateway.chat(stream=stream)
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(answer.headers["X-Nexus-Backend"], "good")
        self.assertEqual(answer.headers["X-Nexus-Attempts"], "2")
        self.assertEqual(answer.headers["X-Nexus-Route-Reason"], "failover")
        if stream:
            self.assertEqual(answer.events[-1], "[DONE]")

    def test_failover(self):
        for name, behaviour in FAILURES_BEFORE_THE_FIRST_EVENT.items():
            for stream in (False, True):
                with self.subTest(failure=name, stream=stream):
                    self.expect_failover(behaviour, stream)

    def test_error_as_the_first_event(self):
        self.expect_failover({"error_after": 0}, True)

    def test_refused_connections(self):
        self.bad.kill()
        for stream in (False, True):
            answer = self.gateway.chat(stream=stream)
            self.assertEqual((answer.status, answer.headers["X-Nexus-Backend"]), (200, "good"))

    def test_clients_mistakes_are_not_retried(self):
        for status in (400, 404, 413, 422):
            self.bad.reset()
            self.bad.set(status=status, message="no such thing")
            self.good.clear()
            answer = self.gateway.chat()
            self.assertEqual((answer.status, answer.error["message"]), (status, "no such thing"))
            self.assertEqual(self.good.inference(), [])

    def test_no_retry_beyond_max_retries(self):
        self.bad.set(status=500)
        self.good.set(status=500, message="out of memory")
        answer = self.gateway.chat()
        self.assertEqual((answer.status, answer.error["code"]), (502, "upstream_error"))
        self.assertIn("out of memory", answer.error["message"])
        self.assertEqual((len(self.bad.inference()), len(self.good.inference())), (1, 1))

    def test_a_rate_limited_backend_is_left_alone_for_as_long_as_it_asked(self):
        self.bad.set(status=429, retry_after="2")
        self.assertEqual(self.gateway.chat().headers["X-Nexus-Backend"], "good")
        self.bad.reset()
        self.bad.clear()
        wait_for("the limit to be known", lambda: self.gateway.chat().headers["X-Nexus-Attempts"] == "1")
        self.assertEqual(self.bad.inference(), [])
        wait_for("it to be used again", lambda: self.gateway.chat().headers["X-Nexus-Backend"] == "bad")

    def test_a_whole_answer_that_is_an_error(self):
        self.expect_failover({"body": '{"error":{"message":"overloaded","code":"server_error"}}'}, False)

    def test_last_429_is_passed_on_with_its_retry_after(self):
        for backend in (self.bad, self.good):
            backend.set(status=429, retry_after="7")
        answer = self.gateway.chat()
        self.assertEqual((answer.status, answer.headers["Retry-After"]), (429, "7"))


class Keys(Scenario):
    def test_a_refused_key_of_ours_is_not_the_clients_mistake(self):
        upstream = self.backend()
        os.environ["NEXUS_TEST_KEY"] = "sk-canary"
        gateway = self.nexus([{"name": "b0", "type": "openai", "url": upstream.url, "api_key": "env:NEXUS_TEST_KEY"}])
        self.assertEqual(gateway.chat().status, 200)
        self.assertEqual(upstream.inference()[-1]["headers"]["authorization"], "Bearer sk-canary")
        for status in (401, 402, 403):
            upstream.set(status=status)
            answer = gateway.chat()
            self.assertEqual((answer.status, answer.error["code"]), (502, "upstream_credentials_exhausted"))
            self.assertEqual(answer.headers["x-should-retry"], "false")
        self.assertNotIn("canary", gateway.log())


class AfterTheFirstEvent(Scenario):
    """Rows 4, 17: no silent switch, no [DONE], no false finish_reason; an error event and the end."""

    def setUp(self):
        self.bad = self.backend()
        self.other = self.backend()
        self.gateway = self.nexus([
            {"name": "bad", "type": "generic", "url": self.bad.url, "priority": 1},
            {"name": "other", "type": "generic", "url": self.other.url, "priority": 90}],
            'routing = { strategy = "priority_only"; };', health="failure_threshold = 100;")

    def test_death_in_mid_stream(self):
        for behaviour in ({"cut_after": 3}, {"reset_after": 3}, {"error_after": 3}, {"tokens": 5, "done": False, "cut_after": 4}):
            with self.subTest(behaviour=behaviour):
                self.bad.reset()
                self.bad.set(token_delay=0.02, **behaviour)
                self.other.clear()
                answer = self.gateway.chat(stream=True)
                self.assertEqual(answer.status, 200)
                self.assertIn("error", json.loads(answer.events[-1]))
                self.assertNotIn("[DONE]", answer.events)
                self.assertNotIn('"stop"', "".join(answer.events))
                self.assertEqual(self.other.inference(), [])

    def test_an_event_that_is_no_json_is_not_forwarded(self):
        # It comes before anything meaningful: the other backend answers.
        self.bad.set(bad_json=True, token_delay=0.05)
        answer = self.gateway.chat(stream=True)
        self.assertEqual((answer.headers["X-Nexus-Backend"], answer.events[-1]), ("other", "[DONE]"))
        for event in answer.events[:-1]:
            json.loads(event)

    def test_silence(self):
        self.bad.set(stall_after=3)
        self.gateway.stop()
        self.gateway.write_conf([{"name": "bad", "type": "generic", "url": self.bad.url}], server="idle_timeout_seconds = 1;")
        self.gateway.start()
        answer = self.gateway.chat(stream=True)
        self.assertEqual(json.loads(answer.events[-1])["error"]["code"], "upstream_timeout")


class Time(Scenario):
    """Row 6: silent backends, keep-alives, deadlines."""

    def gateway_with(self, upstream, server, **options):
        return self.nexus([upstream], server=server, health="failure_threshold = 100;", **options)

    def test_stream_is_committed_by_time_and_kept_alive(self):
        upstream = self.backend()
        gateway = self.gateway_with(upstream, "commit_timeout_seconds = 1; stream_keepalive_seconds = 1;")
        upstream.set(first_byte_delay=3.5)
        answer = gateway.chat(stream=True)
        self.assertEqual(answer.status, 200)
        self.assertNotIn("X-Nexus-Backend", answer.headers)
        self.assertGreaterEqual(answer.body.count(b": keep-alive\n\n"), 2)
        self.assertIn(b": X-Nexus-Backend=b0", answer.body)
        self.assertEqual(answer.events[-1], "[DONE]")

    def test_refusal_after_a_commit_by_time_is_an_error_event(self):
        upstream = self.backend()
        gateway = self.gateway_with(upstream, "commit_timeout_seconds = 0.5;")
        upstream.set(first_byte_delay=1.5, status=500)
        answer = gateway.chat(stream=True)
        self.assertEqual(answer.status, 200)
        self.assertEqual(json.loads(answer.events[-1])["error"]["code"], "upstream_error")

    def test_first_byte_timeout_fails_over(self):
        slow, quick = self.backend(), self.backend()
        gateway = self.nexus([
            {"name": "slow", "type": "generic", "url": slow.url, "priority": 1},
            {"name": "quick", "type": "generic", "url": quick.url, "priority": 90}],
            'routing = { strategy = "priority_only"; };', server="first_byte_timeout_local_seconds = 1;")
        slow.set(hang="headers")
        answer = gateway.chat(stream=True)
        self.assertEqual((answer.status, answer.headers["X-Nexus-Backend"]), (200, "quick"))

    def test_whole_request_timeout(self):
        upstream = self.backend()
        gateway = self.gateway_with(upstream, "request_timeout_seconds = 1;")
        upstream.set(hang="headers")
        answer = gateway.chat()
        self.assertEqual((answer.status, answer.error["code"]), (504, "upstream_timeout"))
        wait_for("the backend to see the abort", lambda: upstream.stats()["aborts"])


class ClientsThatLeave(Scenario):
    """Row 7: the backend is told within 100 ms, whenever the client goes."""

    def setUp(self):
        self.upstream = self.backend()
        self.gateway = self.nexus([self.upstream])

    def leave(self, behaviour, stream, read_first, how):
        self.upstream.reset()
        self.upstream.clear()
        self.upstream.set(**behaviour)
        body = json.dumps(chat(stream=stream)).encode()
        connection = socket.create_connection(("127.0.0.1", self.gateway.port), 10)
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        if read_first:
            connection.recv(100)
        else:
            wait_for("the request to arrive", lambda: self.upstream.inference())
        left = time.monotonic()
        if how == "fin":
            connection.shutdown(socket.SHUT_WR)
        else:
            connection.close()
        aborts = wait_for("the abort", lambda: self.upstream.stats()["aborts"])
        connection.close()
        return aborts[0]["ended_at"] - left

    def test_leaving(self):
        for name, behaviour, stream, read_first in (
                ("before the first token", {"first_byte_delay": 30.0}, True, False),
                ("in mid-stream", {"token_delay": 0.02, "tokens": 100000}, True, True),
                ("while a whole answer is made", {"first_byte_delay": 30.0}, False, False)):
            for how in ("close", "fin"):
                with self.subTest(when=name, how=how):
                    self.leave(behaviour, stream, read_first, how)
        wait_for("nothing to be in flight", lambda: all(b["pending_requests"] == 0 for b in self.gateway.backends().values()))

    def test_within_100_ms(self):
        # The one promise about time: the best of five, so that a busy machine does not fail it.
        self.assertLess(min(self.leave({"first_byte_delay": 30.0}, True, False, "close") for _ in range(5)), 0.1)


class SlowPeers(Scenario):
    """Row 8: a slow reader pauses its backend; nothing grows; others are not held up."""

    def test_slow_reader_is_bounded_and_does_not_disturb(self):
        upstream = self.backend()
        gateway = self.nexus([upstream])
        upstream.set(tokens=20000, token_bytes=4096)
        body = json.dumps(chat(stream=True)).encode()
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", gateway.port))
        slow.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        slow.recv(1000)
        time.sleep(1)
        upstream.reset()
        self.assertEqual(gateway.chat().status, 200)
        worker = gateway.pids("request")[0]
        status = pathlib.Path(f"/proc/{worker}/status").read_text()
        sanitized = "asan" in pathlib.Path(f"/proc/{worker}/maps").read_text()
        self.assertLess(int(status.split("VmRSS:")[1].split()[0]), 400_000 if sanitized else 60_000)
        events = upstream.stats()["recent"][0]["events"]
        self.assertLess(events, 20000, "the backend was read to its end for a client that does not read")
        slow.close()

    def test_slow_reader_is_cut_off(self):
        upstream = self.backend()
        gateway = self.nexus([upstream], server="slow_client_timeout_seconds = 1;")
        upstream.set(tokens=20000, token_bytes=4096)
        body = json.dumps(chat(stream=True)).encode()
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", gateway.port))
        slow.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        wait_for("the backend to be released", lambda: upstream.stats()["aborts"], 15)
        slow.close()

    def test_slow_reader_gets_everything_if_it_reads(self):
        upstream = self.backend()
        gateway = self.nexus([upstream])
        upstream.set(tokens=2000, token_bytes=1024)
        body = json.dumps(chat(stream=True)).encode()
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.settimeout(20)
        slow.connect(("127.0.0.1", gateway.port))
        slow.sendall(b"POST /v1/chat/completions HTTP/1.0\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        out = b""
        while piece := slow.recv(8192):
            out += piece
            if len(out) < 200_000:
                time.sleep(0.005)
        slow.close()
        self.assertGreaterEqual(out.count(b"data: {"), 2000)
        self.assertTrue(out.endswith(b"data: [DONE]\n\n"))

    def test_slow_sender_gets_408(self):
        upstream = self.backend()
        gateway = self.nexus([upstream], server="header_timeout_seconds = 1;")
        with socket.create_connection(("127.0.0.1", gateway.port), 20) as connection:
            connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: ")
            self.assertTrue(connection.recv(1000).startswith(b"HTTP/1.1 408 "))


class Bytes(Scenario):
    """Rows 17 to 20: every split, every line end, compression, comments, huge lines, no usage."""

    def setUp(self):
        self.upstream = self.backend()
        self.gateway = self.nexus([self.upstream])

    def events(self, **behaviour):
        self.upstream.reset()
        self.upstream.set(text="h\u00e9llo \U0001F600 ", **behaviour)
        answer = self.gateway.chat(stream=True)
        self.assertEqual(answer.status, 200, behaviour)
        return answer

    def test_any_split_gives_the_same_bytes(self):
        expected = self.events()
        for split in (1, 2, 3, 5, 7, 64, 1000):
            with self.subTest(split=split):
                # Identifiers and times of an answer differ; the text and the number of events may not.
                self.assertEqual(self.events(split=split).text, expected.text)
        self.upstream.reset()
        whole = self.gateway.chat().text
        self.upstream.set(split=1)
        self.assertEqual(self.gateway.chat().text, whole)

    def test_chunks_that_ignore_events(self):
        expected = self.events().text
        for size in (1, 3, 50):
            self.assertEqual(self.events(chunk_bytes=size).text, expected)

    def test_other_line_ends_and_decoration(self):
        expected = self.events().text
        for behaviour in ({"line_end": "crlf"}, {"line_end": "cr"}, {"data_space": False}, {"comments": True}, {"bom": True},
                          {"join": 100}, {"framing": "close"}):
            with self.subTest(behaviour=behaviour):
                answer = self.events(**behaviour)
                text = answer.body.decode().replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff").replace("data:{", "data: {")
                pieces = [json.loads(line[6:]) for line in text.split("\n") if line.startswith("data: {")]
                self.assertEqual("".join(c["delta"].get("content") or "" for p in pieces for c in p["choices"]), expected)

    def test_compressed_though_not_asked_for(self):
        expected = self.events().text
        self.assertEqual(self.events(gzip=True).text, expected)
        self.upstream.reset()
        self.upstream.set(gzip=True)
        answer = self.gateway.chat()
        self.assertIsNone(answer.headers["Content-Encoding"])
        self.assertTrue(answer.text)

    def test_huge_lines(self):
        answer = self.events(token_bytes=1_000_000, tokens=3)
        self.assertGreater(len(answer.text), 2_999_000)
        self.assertEqual(answer.events[-1], "[DONE]")

    def test_no_usage(self):
        self.assertEqual(self.events(usage="never").events[-1], "[DONE]")

    def test_connections_that_close_after_an_answer(self):
        for behaviour in ({"close_silently": True}, {"keep_alive": False}, {"close_after": 2}):
            self.upstream.reset()
            self.upstream.set(**behaviour)
            for _ in range(6):
                answer = self.gateway.chat()
                self.assertEqual((answer.status, answer.headers["X-Nexus-Attempts"]), (200, "1"))

    def test_interim_answers_are_skipped(self):
        self.upstream.set(interim=[100, 103])
        self.assertEqual(self.gateway.chat().status, 200)

    def test_context_too_long_is_said_with_numbers(self):
        self.upstream.set(too_long=1)
        answer = self.gateway.chat()
        self.assertEqual((answer.status, answer.error["code"]), (400, "context_length_exceeded"))


class Capacity(Scenario):
    def test_no_more_in_flight_than_allowed(self):
        upstream = self.backend()
        gateway = self.nexus([{"name": "b0", "type": "generic", "url": upstream.url, "max_concurrency": 3}], workers=2)
        upstream.set(first_byte_delay=0.3)
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(gateway.chat())) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual({answer.status for answer in answers} - {200, 503}, set())
        self.assertLessEqual(upstream.stats()["running_peak"], 3)
        busy = [answer for answer in answers if answer.status == 503]
        self.assertTrue(busy and all(int(answer.headers["Retry-After"]) >= 1 for answer in busy))
        wait_for("every place to be given back", lambda: gateway.backends()["b0"]["pending_requests"] == 0)
        self.assertEqual(gateway.chat().status, 200)

    def test_service_limit(self):
        upstream = self.backend()
        gateway = self.nexus([upstream], server="max_concurrent_requests = 2;", workers=2)
        upstream.set(first_byte_delay=0.5)
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(gateway.chat().status)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertLessEqual(upstream.stats()["running_peak"], 2)
        self.assertEqual(sorted(set(answers)), [200, 503])


if __name__ == "__main__":
    unittest.main()
