# Promise: llama.cpp's real server is served through Nexus whole: answers, streams, aborts, refusals, and its death and return.
import http.client
import json
import re
import threading
import time
import unittest

import servers
from harness import Scenario, wait_for

QUESTION = [{"role": "user", "content": "What does the fox drink?"}]
LONG = [{"role": "user", "content": "z" * 20000}]
# Held to the model's fifteen whole words, it goes on until max_tokens, and each token is an event. Left alone it comes upon
# bytes that are no text: then this server sends nothing, and does not notice either that its client has left.
ENDLESS = {"logit_bias": {str(token): 100 for token in range(259, 274)}}
DISCONNECTED = "Disconnected from client"


def conversation(number):
    """One of many: each stays at a backend, and they are spread."""
    return [{"role": "user", "content": f"What does fox {number} drink?"}]


reason = None
running = {}


def setUpModule():
    global reason
    try:
        python = servers.build_llama_cpp()
    except servers.Unavailable as missing:
        reason = str(missing)
        return
    for name in ("llama-a", "llama-b"):
        running[name] = servers.llama_cpp(python, name)
        unittest.addModuleCleanup(running[name].kill)


class LlamaCpp(Scenario):
    names = ("llama-a", "llama-b")
    options = {}

    def setUp(self):
        if reason:
            self.skipTest(reason)
        self.servers = {name: running[name] for name in self.names}
        for server in self.servers.values():
            server.start()
        self.gateway = self.nexus([{"name": name, "type": "generic", "url": server.url} for name, server in self.servers.items()],
                                  **self.options)

    def reconfigure(self, conf="", backend=""):
        """The one server with more of the file around it, and in its entry."""
        self.gateway.stop()
        self.gateway.write_conf([{"name": "llama-a", "type": "generic", "url": self.only().url}], conf)
        text = self.gateway.conf.read_text()
        self.gateway.conf.write_text(text.replace('type = "generic";', f'type = "generic"; {backend}'))
        self.gateway.start()
        self.gateway.wait_status("llama-a", "healthy")

    def only(self):
        return next(iter(self.servers.values()))

    def chat(self, headers=None, **fields):
        return self.gateway.chat(headers, **{"model": "tiny", "messages": QUESTION, "max_tokens": 12, **fields})

    def requests_seen(self):
        return sum(len(re.findall(r'"POST /v1/', server.log())) for server in self.servers.values())


class Answers(LlamaCpp):
    names = ("llama-a",)

    def test_chat(self):
        answer = self.chat(seed=7)
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual((answer.headers["X-Nexus-Backend"], answer.headers["X-Nexus-Model"]), ("llama-a", "tiny"))
        self.assertTrue(answer.text)
        self.assertEqual(answer.json["usage"]["total_tokens"],
                         answer.json["usage"]["prompt_tokens"] + answer.json["usage"]["completion_tokens"])
        direct = self.only().ask("POST", "/v1/chat/completions", {"model": "tiny", "messages": QUESTION, "max_tokens": 12, "seed": 7})
        self.assertEqual((direct[0], sorted(direct[1])), (200, sorted(answer.json)))

    def test_id_of_the_clients(self):
        given = "3f2c1e0a-9b8d-4c6e-8f7a-6b5c4d3e2f1a"
        answer = self.chat(headers={"X-Request-Id": given})
        self.assertEqual((answer.status, answer.headers["X-Request-Id"]), (200, given))

    def test_completions(self):
        answer = self.gateway.request("POST", "/v1/completions", {"model": "tiny", "prompt": "The quick brown", "max_tokens": 8, **ENDLESS})
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual((answer.json["object"], answer.json["choices"][0]["finish_reason"]), ("text_completion", "length"))

    def test_completions_stream(self):
        answer = self.gateway.request("POST", "/v1/completions",
                                      {"model": "tiny", "prompt": "The quick brown", "max_tokens": 8, "stream": True, **ENDLESS})
        self.assertEqual((answer.status, answer.events[-1]), (200, "[DONE]"))
        self.assertEqual(json.loads(answer.events[-2])["choices"][0]["finish_reason"], "length")

    def test_stream(self):
        answer = self.chat(stream=True, **ENDLESS)
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "text/event-stream"))
        self.assertEqual(answer.headers["X-Nexus-Backend"], "llama-a")
        self.assertEqual(answer.events[-1], "[DONE]")
        chunks = [json.loads(event) for event in answer.events[:-1]]
        self.assertEqual(chunks[0]["choices"][0]["delta"]["role"], "assistant")
        self.assertEqual(chunks[-1]["choices"][0]["finish_reason"], "length")
        self.assertTrue(answer.text)

    def test_stream_says_the_same_as_the_whole_answer(self):
        whole = self.chat(temperature=0, **ENDLESS)
        self.assertEqual(self.chat(stream=True, temperature=0, **ENDLESS).text, whole.text)

    def test_usage_that_a_server_does_not_send_is_not_made_up(self):
        # This server does not know stream_options: asked, it answers as if it had not been.
        answer = self.chat(stream=True, stream_options={"include_usage": True}, **ENDLESS)
        self.assertEqual((answer.status, answer.events[-1]), (200, "[DONE]"))
        self.assertFalse([event for event in answer.events[:-1] if json.loads(event).get("usage")])

    def test_models(self):
        self.assertEqual([model["id"] for model in self.gateway.get("/v1/models").json["data"]], ["tiny"])
        known = json.loads(self.gateway.cli("models", "--json").stdout)["models"]
        self.assertEqual([(model["id"], model["backends"]) for model in known], [("tiny", ["llama-a"])])

    def test_context_too_long_is_the_servers_own_400(self):
        answer = self.chat(messages=LONG)
        self.assertEqual((answer.status, answer.error["code"]), (400, "context_length_exceeded"), answer.body)
        self.assertIn("2048", answer.error["message"])
        self.assertEqual(answer.headers["X-Nexus-Attempts"], "1")

    def test_context_too_long_for_a_stream_is_no_empty_answer(self):
        # The server itself answers 200 and ends without a word.
        answer = self.chat(messages=LONG, stream=True)
        self.assertEqual((answer.status, answer.error["code"]), (502, "upstream_disconnected"), answer.body)

    def test_context_that_is_configured_refuses_streams_too(self):
        self.reconfigure(backend='models = ( { id = "tiny"; context_length = 2048; } );')
        seen = self.requests_seen()
        for stream in (False, True):
            answer = self.chat(messages=LONG, stream=stream)
            self.assertEqual((answer.status, answer.error["code"]), (400, "context_length_exceeded"), answer.body)
        self.assertEqual(self.requests_seen(), seen)

    def test_unknown_model_is_refused_by_nexus(self):
        # The server itself would answer with the only model it has.
        direct = self.only().ask("POST", "/v1/chat/completions", {"model": "gpt-9", "messages": QUESTION, "max_tokens": 2})
        self.assertEqual(direct[0], 200)
        seen = self.requests_seen()
        answer = self.chat(model="tinny")
        self.assertEqual((answer.status, answer.error["code"]), (404, "model_not_found"))
        self.assertIn("tiny", answer.error["message"])
        self.assertEqual(self.requests_seen(), seen)

    def test_broken_json_is_a_400_that_says_where(self):
        # The server itself would answer 500 and plain text.
        seen = self.requests_seen()
        answer = self.gateway.request("POST", "/v1/chat/completions", b'{"model":"tiny","messages":[}')
        self.assertEqual((answer.status, answer.error["type"]), (400, "invalid_request_error"))
        self.assertEqual(self.requests_seen(), seen)

    def test_embeddings_the_server_was_not_started_for(self):
        answer = self.gateway.request("POST", "/v1/embeddings", {"model": "tiny", "input": "fox"})
        self.assertEqual((answer.status, answer.error["code"]), (502, "upstream_error"))
        self.assertIn("embedding=True", answer.error["message"])

    def test_alias(self):
        self.reconfigure('routing = { aliases = ( { name = "gpt-4o"; target = "tiny"; } ); };')
        for stream in (False, True):
            answer = self.chat(model="gpt-4o", stream=stream)
            self.assertEqual((answer.status, answer.headers["X-Nexus-Model"]), (200, "tiny"))
            shown = {json.loads(event)["model"] for event in answer.events[:-1]} if stream else {answer.json["model"]}
            self.assertEqual(shown, {"gpt-4o"})

    def test_declared_as_llamacpp_it_says_what_is_missing(self):
        # The binding's server has neither /health nor /props of llama.cpp's own server: it is a generic one.
        gateway = self.nexus([{"name": "wrong", "type": "llamacpp", "url": self.only().url}], healthy=False)
        gateway.wait_status("wrong", "unhealthy")
        self.assertIn("/health", gateway.backends()["wrong"]["last_error"])


class Aborts(LlamaCpp):
    names = ("llama-a",)
    # It answers no probe while it generates.
    options = {"health": "failure_threshold = 100;"}

    def start_stream(self):
        connection = self.gateway.connect()
        connection.request("POST", "/v1/chat/completions",
                           json.dumps({"model": "tiny", "messages": QUESTION, "stream": True, "max_tokens": 1900, **ENDLESS}),
                           {"Content-Type": "application/json"})
        response = connection.getresponse()
        self.assertEqual(response.status, 200)
        for _ in range(20):
            self.assertTrue(response.readline())
        return connection, response

    def test_abort_in_mid_stream_frees_the_backend(self):
        noticed = self.only().log().count(DISCONNECTED)
        connection, response = self.start_stream()
        self.assertEqual(self.gateway.backends()["llama-a"]["pending_requests"], 1)
        response.close()
        connection.close()
        wait_for("Nexus to count it out", lambda: self.gateway.backends()["llama-a"]["pending_requests"] == 0)
        wait_for("the server to notice", lambda: self.only().log().count(DISCONNECTED) > noticed)
        self.assertEqual(self.chat(max_tokens=2).status, 200)
        self.assertEqual(self.only().ask("POST", "/v1/completions", {"prompt": "a", "max_tokens": 1})[0], 200)

    def test_abort_while_waiting_behind_another(self):
        first, first_response = self.start_stream()
        second = self.gateway.connect()
        second.request("POST", "/v1/chat/completions", json.dumps({"model": "tiny", "messages": QUESTION, "max_tokens": 4}),
                       {"Content-Type": "application/json"})
        wait_for("both to be under way", lambda: self.gateway.backends()["llama-a"]["pending_requests"] == 2)
        second.close()
        wait_for("the second to be counted out", lambda: self.gateway.backends()["llama-a"]["pending_requests"] < 2)
        for connection in (first_response, first):
            connection.close()
        wait_for("both to be counted out", lambda: self.gateway.backends()["llama-a"]["pending_requests"] == 0)
        self.assertEqual(self.chat(max_tokens=2).status, 200)

    def test_a_long_stream_comes_whole_while_probes_wait(self):
        answer = self.chat(stream=True, max_tokens=900, **ENDLESS)
        self.assertEqual(answer.events[-1], "[DONE]")
        self.assertEqual(json.loads(answer.events[-2])["choices"][0]["finish_reason"], "length")


class Failover(LlamaCpp):
    """Two servers; one is killed and comes back on its port."""

    def load(self, threads, each, **fields):
        """Answers of so many clients, each asking so many times; and what ends them."""
        answers = []
        lock = threading.Lock()

        def client(number):
            for turn in range(each):
                try:
                    answer = self.chat(messages=conversation(number * each + turn), **fields)
                except (OSError, http.client.HTTPException) as error:
                    answer = error
                with lock:
                    answers.append(answer)

        clients = [threading.Thread(target=client, args=(number,)) for number in range(threads)]
        for thread in clients:
            thread.start()
        return answers, clients

    def test_load_is_spread(self):
        answers, clients = self.load(8, 3, max_tokens=8)
        for thread in clients:
            thread.join()
        self.assertEqual({answer.status for answer in answers}, {200})
        self.assertEqual({answer.headers["X-Nexus-Backend"] for answer in answers}, {"llama-a", "llama-b"})

    def test_killed_in_mid_load_no_request_fails(self):
        answers, clients = self.load(8, 8, max_tokens=96, **ENDLESS)
        wait_for("requests under way at both", lambda: len(answers) >= 8 and
                 all(backend["pending_requests"] >= 2 for backend in self.gateway.backends().values()), 30)
        self.servers["llama-a"].kill()
        for thread in clients:
            thread.join()
        self.assertEqual([answer for answer in answers if isinstance(answer, Exception) or answer.status != 200], [])
        self.assertEqual(len(answers), 64)
        moved = [answer for answer in answers if answer.headers["X-Nexus-Attempts"] == "2"]
        self.assertGreaterEqual(len(moved), 1)
        self.assertEqual({answer.headers["X-Nexus-Route-Reason"] for answer in moved}, {"failover"})
        self.assertEqual({answer.headers["X-Nexus-Backend"] for answer in moved}, {"llama-b"})
        print(f"{len(moved)} of 64 requests went to the killed server first, and the other answered them", end=" ... ")

    def test_streams_at_the_killed_server_go_on_elsewhere_or_end_with_an_error(self):
        answers, clients = self.load(6, 2, stream=True, max_tokens=400, **ENDLESS)
        wait_for("streams under way at both", lambda: all(
            backend["pending_requests"] >= 2 for backend in self.gateway.backends().values()), 30)
        time.sleep(0.2)
        self.servers["llama-a"].kill()
        for thread in clients:
            thread.join()
        self.assertEqual([answer if isinstance(answer, Exception) else answer.body for answer in answers
                          if isinstance(answer, Exception) or answer.status != 200], [])
        cut = [answer for answer in answers if answer.events[-1] != "[DONE]"]
        for answer in answers:
            if answer in cut:
                self.assertEqual(answer.headers["X-Nexus-Backend"], "llama-a")
                self.assertIn("error", json.loads(answer.events[-1]))
            else:
                self.assertEqual(json.loads(answer.events[-2])["choices"][0]["finish_reason"], "length")
        # Those that waited behind it had no event yet.
        self.assertLessEqual(len(cut), 1)

    def test_killed_and_started_again_it_serves_within_its_probes(self):
        gone = self.servers["llama-a"]
        gone.kill()
        self.gateway.wait_status("llama-a", "unhealthy")
        self.assertIn("refused", self.gateway.backends()["llama-a"]["last_error"])
        self.assertEqual(self.chat().headers["X-Nexus-Backend"], "llama-b")
        gone.start()
        before = self.gateway.backends()["llama-a"]["metadata"]["probes"]
        began = time.monotonic()
        self.gateway.wait_status("llama-a", "healthy")
        took = time.monotonic() - began
        probes = self.gateway.backends()["llama-a"]["metadata"]["probes"] - before
        # Two in a row; one more may have been under way.
        self.assertLessEqual(probes, 3)
        print(f"healthy again {took:.1f} s and {probes} probes after it answered", end=" ... ")
        numbers = iter(range(1000))
        wait_for("it to be chosen", lambda: self.chat(messages=conversation(next(numbers)), max_tokens=2)
                 .headers["X-Nexus-Backend"] == "llama-a")

    def test_both_dead_is_a_503_that_names_them(self):
        for server in self.servers.values():
            server.kill()
        for name in self.servers:
            self.gateway.wait_status(name, "unhealthy")
        answer = self.chat()
        self.assertEqual((answer.status, answer.error["code"]), (503, "service_unavailable"))
        self.assertEqual({rejected["backend"] for rejected in answer.error["context"]["rejected"]}, set(self.servers))


if __name__ == "__main__":
    unittest.main()
