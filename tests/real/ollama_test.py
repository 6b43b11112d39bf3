# Promise: Ollama is served through Nexus whole, and guarded: what it would cut or refuse is refused before it is asked.
import base64
import json
import pathlib
import re
import struct
import subprocess
import tempfile
import time
import unittest

import servers
from harness import PATIENCE, Scenario, wait_for

QUESTION = [{"role": "user", "content": "What does the fox drink?"}]
TOOL = {"type": "function", "function": {"name": "pour", "parameters": {"type": "object", "properties": {}}}}
# The model's words are random and soon over; held to this it goes on until max_tokens.
LONG = {"type": "json_schema", "json_schema": {"name": "long", "schema": {
    "type": "array", "items": {"type": "boolean"}, "minItems": 500}}}
reason = None
server = None
home = None


def create(name, modelfile):
    """What `ollama create` does of a model's file and its parameters."""
    path = pathlib.Path(home.name, "Modelfile")
    path.write_text(modelfile)
    subprocess.run([*server.command[:1], "create", name, "-f", str(path)], env=server.environment, check=True,
                   capture_output=True, timeout=60 * PATIENCE)


def setUpModule():
    global reason, server, home
    try:
        program = servers.build_ollama()
    except servers.Unavailable as missing:
        reason = str(missing)
        return
    home = tempfile.TemporaryDirectory(prefix="nexus-ollama-")
    unittest.addModuleCleanup(home.cleanup)
    server = servers.ollama(program, pathlib.Path(home.name))
    unittest.addModuleCleanup(server.kill)
    server.start()
    create("tiny", f"FROM {servers.MODEL}\nPARAMETER num_ctx 2048\n")
    # Of the model's own 4096 no more is used than the server's setting, 1024: known when it is loaded.
    create("plain:v1", f"FROM {servers.MODEL}\n")


class Ollama(Scenario):
    def setUp(self):
        if reason:
            self.skipTest(reason)
        self.gateway = self.nexus([{"name": "ollama", "type": "ollama", "url": server.url}],
                                  health="failure_threshold = 100;")

    def chat(self, **fields):
        return self.gateway.chat(**{"model": "tiny", "messages": QUESTION, "max_tokens": 12, "temperature": 0, **fields})

    def model(self, name):
        models = json.loads(self.gateway.cli("models", "--json").stdout)["models"]
        return next(model for model in models if model["id"] == name)

    def inference_seen(self):
        """Requests that are over, as its log has them."""
        return len(re.findall(r'POST +"/v1/', server.log()))

    def load(self, name, keep_alive):
        """Into memory, or out of it with 0."""
        self.assertEqual(server.ask("POST", "/api/generate", {"model": name, "keep_alive": keep_alive})[0], 200)


class Knowledge(Ollama):
    def test_version_and_models(self):
        self.assertEqual(self.gateway.backends()["ollama"]["metadata"]["version"], servers.OLLAMA)
        self.assertEqual(self.model("tiny:latest")["backends"], ["ollama"])
        tiny = self.model("tiny:latest")
        self.assertEqual((tiny["supports_tools"], tiny["supports_vision"], tiny["supports_json_mode"]), (False, False, True))

    def test_context_that_is_really_loaded(self):
        self.load("plain:v1", 0)
        wait_for("it to be unloaded", lambda: not self.model("plain:v1")["loaded"])
        self.assertEqual(self.model("plain:v1")["context_length"], 4096)
        self.load("plain:v1", "5m")
        wait_for("it to be loaded", lambda: self.model("plain:v1")["loaded"])
        self.assertEqual(self.model("plain:v1")["context_length"], 1024)

    def test_context_of_the_parameters(self):
        self.load("tiny", 0)
        wait_for("it to be unloaded", lambda: not self.model("tiny:latest")["loaded"])
        self.assertEqual(self.model("tiny:latest")["context_length"], 2048)
        self.load("tiny", "5m")
        wait_for("it to be loaded", lambda: self.model("tiny:latest")["loaded"])
        self.assertEqual(self.model("tiny:latest")["context_length"], 2048)


class Answers(Ollama):
    def test_chat_under_both_names(self):
        for name in ("tiny", "tiny:latest"):
            with self.subTest(name=name):
                answer = self.chat(model=name)
                self.assertEqual(answer.status, 200, answer.body)
                self.assertEqual((answer.json["model"], answer.headers["X-Nexus-Backend"]), (name, "ollama"))
                self.assertGreater(answer.json["usage"]["completion_tokens"], 0)

    def test_a_tag_that_is_not_there(self):
        for name in ("tiny:v2", "plain"):
            answer = self.chat(model=name)
            self.assertEqual((answer.status, answer.error["code"]), (404, "model_not_found"), name)

    def test_stream(self):
        answer = self.chat(stream=True)
        self.assertEqual((answer.status, answer.events[-1]), (200, "[DONE]"), answer.body)
        chunks = [json.loads(event) for event in answer.events[:-1]]
        self.assertIn(chunks[-1]["choices"][0]["finish_reason"], ("stop", "length"))
        # Nexus asked for the usage; the client did not.
        self.assertFalse([chunk for chunk in chunks if not chunk["choices"] or chunk.get("usage")])

    def test_stream_with_usage(self):
        answer = self.chat(stream=True, stream_options={"include_usage": True})
        self.assertEqual(answer.events[-1], "[DONE]")
        last = json.loads(answer.events[-2])
        self.assertEqual(last["choices"], [])
        self.assertGreater(last["usage"]["prompt_tokens"], 0)
        self.assertEqual(last["usage"]["total_tokens"], last["usage"]["prompt_tokens"] + last["usage"]["completion_tokens"])

    def test_completions(self):
        answer = self.gateway.request("POST", "/v1/completions", {"model": "tiny", "prompt": "The quick", "max_tokens": 8})
        self.assertEqual((answer.status, answer.json["object"]), (200, "text_completion"))

    def test_json_mode(self):
        answer = self.chat(response_format={"type": "json_object"}, max_tokens=4)
        self.assertEqual(answer.status, 200, answer.body)

    def test_embeddings(self):
        answer = self.gateway.request("POST", "/v1/embeddings", {"model": "tiny", "input": ["fox", "tea"]})
        self.assertEqual(answer.status, 200, answer.body)
        vectors = [entry["embedding"] for entry in answer.json["data"]]
        self.assertEqual([len(vector) for vector in vectors], [64, 64])
        packed = self.gateway.request("POST", "/v1/embeddings",
                                      {"model": "tiny", "input": ["fox", "tea"], "encoding_format": "base64"})
        for entry, vector in zip(packed.json["data"], vectors):
            for got, wanted in zip(struct.unpack("<64f", base64.b64decode(entry["embedding"])), vector):
                self.assertAlmostEqual(got, wanted, 5)

    def test_abort_in_mid_stream_frees_the_backend(self):
        began = time.monotonic()
        whole = self.chat(stream=True, max_tokens=500, temperature=1, response_format=LONG)
        took = time.monotonic() - began
        self.assertEqual(json.loads(whole.events[-2])["choices"][0]["finish_reason"], "length")
        answered = self.inference_seen()
        connection = self.gateway.connect()
        connection.request("POST", "/v1/chat/completions", json.dumps(
            {"model": "tiny", "messages": QUESTION, "stream": True, "max_tokens": 1500, "temperature": 1, "response_format": LONG}),
            {"Content-Type": "application/json"})
        response = connection.getresponse()
        self.assertEqual(response.status, 200)
        self.assertTrue(response.readline())
        self.assertEqual(self.gateway.backends()["ollama"]["pending_requests"], 1)
        response.close()
        connection.close()
        wait_for("Nexus to count it out", lambda: self.gateway.backends()["ollama"]["pending_requests"] == 0)
        # Ollama logs a request when it is over: long before three times as many tokens could have come.
        wait_for("Ollama to stop", lambda: self.inference_seen() > answered, took)
        self.assertEqual(self.chat(max_tokens=2).status, 200)


class Guarded(Ollama):
    def test_tools_are_refused_before_it_is_asked(self):
        seen = self.inference_seen()
        for stream in (False, True):
            answer = self.chat(tools=[TOOL], stream=stream)
            self.assertEqual(answer.error["context"]["rejected"][0], {"backend": "ollama", "reason": "no-tools"}, answer.body)
        self.assertEqual(self.inference_seen(), seen)

    def test_a_prompt_that_it_would_cut_is_refused(self):
        long = {"model": "tiny", "messages": [{"role": "user", "content": "z" * 20000}], "max_tokens": 4}
        direct = server.ask("POST", "/v1/chat/completions", long)
        self.assertEqual(direct[0], 200, "Ollama does not cut prompts silently any more")
        seen = self.inference_seen()
        answer = self.chat(messages=long["messages"])
        self.assertEqual((answer.status, answer.error["code"]), (400, "context_length_exceeded"), answer.body)
        self.assertEqual(self.inference_seen(), seen)

    def test_images_are_refused_before_it_is_asked(self):
        seen = self.inference_seen()
        picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}
        answer = self.chat(messages=[{"role": "user", "content": [picture]}])
        self.assertEqual(answer.error["context"]["rejected"][0]["reason"], "no-vision")
        self.assertEqual(self.inference_seen(), seen)


if __name__ == "__main__":
    unittest.main()
