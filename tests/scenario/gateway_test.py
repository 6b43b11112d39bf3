# Promise: OpenAI's API through Nexus is OpenAI's API: paths, bodies, streams, errors, headers.
import json
import unittest

from harness import Scenario, chat


class Endpoints(Scenario):
    def setUp(self):
        self.upstream = self.backend(models=("fake-model", "org/other:7b"))
        self.gateway = self.nexus([self.upstream])

    def test_whole_answer_is_the_backends_bytes(self):
        answer = self.gateway.chat()
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["X-Nexus-Backend"], "b0")
        self.assertEqual(answer.headers["X-Nexus-Backend-Type"], "local")
        self.assertEqual(answer.headers["X-Nexus-Model"], "fake-model")
        self.assertEqual(answer.headers["X-Nexus-Route-Reason"], "capability-match")
        self.assertEqual(answer.headers["X-Nexus-Attempts"], "1")
        self.assertTrue(int(answer.headers["X-Nexus-Overhead-Us"]) >= 0)
        self.assertTrue(answer.headers["X-Request-Id"])
        self.assertIn("choices", answer.json)

    def test_request_body_travels_byte_for_byte(self):
        body = b' { "messages" : [ {"role":"user","content":"h\\u00e9 \\ud83d\\ude00 \xc3\xa9"} ],\n "model":"fake-model" , "x_unknown":[1e3,-0.0,{"a":null}] } '
        self.assertEqual(self.gateway.request("POST", "/v1/chat/completions", body).status, 200)
        self.assertEqual(self.upstream.inference()[-1]["body"], body.decode())

    def test_stream_is_relayed_and_asks_for_usage(self):
        answer = self.gateway.chat(stream=True)
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["Content-Type"], "text/event-stream")
        self.assertEqual(answer.headers["Cache-Control"], "no-cache")
        self.assertEqual(answer.headers["X-Accel-Buffering"], "no")
        self.assertIsNone(answer.headers["Content-Length"])
        self.assertEqual(answer.events[-1], "[DONE]")
        self.assertEqual(answer.text.split(), [f"w{n}" for n in range(8)])
        sent = json.loads(self.upstream.inference()[-1]["body"])
        self.assertEqual(sent["stream_options"], {"include_usage": True})
        for event in answer.events[:-1]:
            self.assertNotEqual(json.loads(event)["choices"], [], "the usage-only event was not asked for")

    def test_usage_event_comes_when_asked_for(self):
        answer = self.gateway.chat(stream=True, stream_options={"include_usage": True})
        last = json.loads(answer.events[-2])
        self.assertEqual(last["choices"], [])
        self.assertGreater(last["usage"]["completion_tokens"], 0)

    def test_usage_is_asked_for_whatever_the_client_said(self):
        for options in ({}, {"include_usage": False}, None, {"include_obfuscation": False}):
            with self.subTest(options=options):
                answer = self.gateway.chat(stream=True, stream_options=options)
                self.assertEqual(answer.status, 200)
                sent = json.loads(self.upstream.inference()[-1]["body"])
                self.assertIs(sent["stream_options"]["include_usage"], True)

    def test_completions_and_embeddings(self):
        answer = self.gateway.request("POST", "/v1/completions", {"model": "fake-model", "prompt": "once"})
        self.assertEqual(answer.status, 200)
        answer = self.gateway.request("POST", "/v1/embeddings", {"model": "fake-model", "input": ["a", "b"]})
        self.assertEqual(answer.status, 200)
        self.assertEqual(len(answer.json["data"]), 2)

    def test_embeddings_become_base64_when_asked(self):
        self.upstream.set(embeddings="float")
        answer = self.gateway.request("POST", "/v1/embeddings",
                                      {"model": "fake-model", "input": "a", "encoding_format": "base64"})
        self.assertIsInstance(answer.json["data"][0]["embedding"], str)

    def test_models(self):
        models = {model["id"]: model for model in self.gateway.get("/v1/models").json["data"]}
        self.assertEqual(set(models), {"fake-model", "org/other:7b"})
        self.assertEqual(models["fake-model"]["object"], "model")
        self.assertEqual(models["fake-model"]["backends"], ["b0"])
        for path in ("/v1/models/org/other:7b", "/v1/models/org%2Fother%3A7b", "/models/org/other:7b/"):
            self.assertEqual(self.gateway.get(path).json["id"], "org/other:7b", path)
        self.assertEqual(self.gateway.get("/v1/models/nope").status, 404)

    def test_paths(self):
        for path in ("/v1/chat/completions", "/v1/chat/completions/", "/chat/completions", "/openai/v1/chat/completions"):
            self.assertEqual(self.gateway.request("POST", path, chat()).status, 200, path)
        unknown = self.gateway.get("/v2/none")
        self.assertEqual((unknown.status, sorted(unknown.error)), (404, ["code", "message", "param", "type"]))
        wrong = self.gateway.get("/v1/chat/completions")
        self.assertEqual((wrong.status, wrong.headers["Allow"]), (405, "POST"))

    def test_health(self):
        answer = self.gateway.get("/health")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.json["status"], "healthy")
        self.assertEqual(answer.json["backends"], {"total": 1, "healthy": 1, "unhealthy": 0})
        self.assertEqual(self.gateway.get("/livez").status, 200)
        self.assertEqual(self.gateway.get("/readyz").status, 200)
        head = self.gateway.request("HEAD", "/health")
        self.assertEqual((head.status, head.body), (200, b""))

    def test_unknown_model_names_the_nearest(self):
        answer = self.gateway.chat(model="fake-modle")
        self.assertEqual(answer.status, 404)
        self.assertEqual(answer.error["code"], "model_not_found")
        self.assertIn("fake-model", answer.error["message"])
        self.assertEqual(answer.headers["x-should-retry"], "false")

    def test_bad_bodies_say_where(self):
        for body, param in ((b"", None), (b"{", None), (b"[]", None), (b'{"model":"fake-model"}', "messages"),
                            (b'{"messages":[{"role":"user","content":"x"}]}', "model"),
                            (b'{"model":3,"messages":[{"role":"user","content":"x"}]}', "model"),
                            (b'{"model":"a","model":"b","messages":[{"role":"user","content":"x"}]}', "model")):
            with self.subTest(body=body):
                answer = self.gateway.request("POST", "/v1/chat/completions", body)
                self.assertEqual(answer.status, 400)
                self.assertEqual(answer.error["type"], "invalid_request_error")
                self.assertEqual(answer.error["param"], param)

    def test_request_id_is_the_clients_or_ours(self):
        self.assertEqual(self.gateway.chat(headers={"X-Request-Id": "mine-1.2_3"}).headers["X-Request-Id"], "mine-1.2_3")
        self.assertEqual(self.upstream.inference()[-1]["headers"]["x-request-id"], "mine-1.2_3")
        self.assertNotEqual(self.gateway.chat(headers={"X-Request-Id": "not valid"}).headers["X-Request-Id"], "not valid")

    def test_secrets_of_the_client_do_not_reach_a_backend(self):
        self.gateway.chat(headers={"Authorization": "Bearer canary", "Cookie": "canary", "X-Api-Key": "canary",
                                   "X-Stainless-Lang": "canary", "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"})
        headers = self.upstream.inference()[-1]["headers"]
        self.assertNotIn("canary", json.dumps(headers))
        self.assertIn("traceparent", headers)

    def test_loop_is_detected(self):
        self.gateway.chat()
        hop = self.upstream.inference()[-1]["headers"]["x-nexus-hop"]
        answer = self.gateway.chat(headers={"X-Nexus-Hop": hop})
        self.assertEqual((answer.status, answer.error["code"]), (508, "loop_detected"))

    def test_foreign_host_is_refused(self):
        answer = self.gateway.get("/health", {"Host": "evil.example"})
        self.assertEqual(answer.status, 403)
        self.assertIn("server.allowed_hosts", answer.error["message"])
        self.assertEqual(self.gateway.get("/health", {"Host": "printer.local:8000"}).status, 200)

    def test_page_of_another_origin_is_refused(self):
        answer = self.gateway.chat(headers={"Origin": "https://evil.example", "Content-Type": "text/plain"})
        self.assertEqual(answer.status, 403)
        self.assertIsNone(self.gateway.chat(headers={"Origin": "https://evil.example"}).headers["Access-Control-Allow-Origin"])

    def test_pipelined_requests_are_answered_in_order(self):
        body = json.dumps(chat()).encode()
        one = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\nX-Request-Id: r%d\r\n\r\n"
        data = b"".join(one % (len(body), n) + body for n in range(5))
        out = self.gateway.raw(data + b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        self.assertEqual([out.index(b"X-Request-Id: r%d\r\n" % n) for n in range(5)],
                         sorted(out.index(b"X-Request-Id: r%d\r\n" % n) for n in range(5)))
        self.assertEqual(out.count(b"HTTP/1.1 200 OK"), 6)

    def test_chunked_request_bodies(self):
        body = json.dumps(chat()).encode()
        framed = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (body[:7], body[7:50], body[50:])) + b"0\r\n\r\n"
        out = self.gateway.raw(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                               b"Transfer-Encoding: chunked\r\n\r\n" + framed)
        self.assertTrue(out.startswith(b"HTTP/1.1 200 OK"), out)
        self.assertEqual(self.upstream.inference()[-1]["body"], body.decode())

    def test_expect_continue(self):
        body = json.dumps(chat()).encode()
        import socket
        with socket.create_connection(("127.0.0.1", self.gateway.port), 10) as connection:
            connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                               b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
            self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n"))
            connection.sendall(body)
            self.assertTrue(connection.recv(65536).startswith(b"HTTP/1.1 200 OK"))

    def test_http_1_0_stream_ends_with_the_connection(self):
        body = json.dumps(chat(stream=True)).encode()
        out = self.gateway.raw(b"POST /v1/chat/completions HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        self.assertNotIn(b"chunked", out)
        self.assertTrue(out.endswith(b"data: [DONE]\n\n"), out)


class Aliases(Scenario):
    def test_alias_is_shown_in_the_answer_and_the_true_name_in_a_header(self):
        upstream = self.backend()
        gateway = self.nexus([upstream], 'routing = { aliases = ( { name = "gpt-4"; target = "mid"; }, { name = "mid"; target = "fake-model"; } ); };')
        answer = gateway.chat(model="gpt-4")
        self.assertEqual((answer.status, answer.json["model"], answer.headers["X-Nexus-Model"]), (200, "gpt-4", "fake-model"))
        self.assertEqual(json.loads(upstream.inference()[-1]["body"])["model"], "fake-model")
        stream = gateway.chat(model="gpt-4", stream=True)
        self.assertEqual({json.loads(event)["model"] for event in stream.events[:-1]}, {"gpt-4"})
        self.assertIn("gpt-4", [model["id"] for model in gateway.get("/v1/models").json["data"]])


class NoBackends(Scenario):
    def test_any_model_is_503_while_no_backend_is_known(self):
        gateway = self.nexus([])
        answer = gateway.chat()
        self.assertEqual((answer.status, answer.error["code"]), (503, "service_unavailable"))
        self.assertTrue(int(answer.headers["Retry-After"]) > 0)
        self.assertEqual(gateway.get("/health").status, 503)
        self.assertEqual(gateway.get("/readyz").status, 503)

    def test_known_model_on_a_dead_backend_is_503(self):
        upstream = self.backend()
        gateway = self.nexus([upstream])
        upstream.kill()
        gateway.wait_status("b0", "unhealthy")
        answer = gateway.chat()
        self.assertEqual(answer.status, 503)
        self.assertEqual(answer.error["context"]["rejected"][0]["backend"], "b0")


if __name__ == "__main__":
    unittest.main()
