# Promise: OpenAI's Python SDK works against Nexus unmodified: create, stream, tools, abort, embeddings, models, errors.
import json
import os
import time
import unittest
import urllib.request

import openai

BASE = os.environ["NEXUS_URL"]
FAKE = os.environ["FAKE_URL"]
USER = [{"role": "user", "content": "Tell me about tea."}]
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}]


def fake(method, path, body=None):
    request = urllib.request.Request(FAKE + path, None if body is None else json.dumps(body).encode(), method=method)
    data = urllib.request.urlopen(request, timeout=10).read()
    return json.loads(data) if data else None


class PythonSDK(unittest.TestCase):
    def setUp(self):
        self.client = openai.OpenAI(base_url=BASE, api_key="unused", max_retries=0, timeout=30)
        self.addCleanup(self.client.close)
        fake("DELETE", "/_control")
        fake("DELETE", "/_stats")

    def test_create(self):
        answer = self.client.chat.completions.create(model="demo-small", messages=USER, max_tokens=20)
        self.assertTrue(answer.choices[0].message.content)
        self.assertGreater(answer.usage.completion_tokens, 0)

    def test_alias_shows_the_name_asked_for(self):
        self.assertEqual(self.client.chat.completions.create(model="gpt-4o", messages=USER, max_tokens=5).model, "gpt-4o")

    def test_stream(self):
        pieces = list(self.client.chat.completions.create(model="demo-small", messages=USER, max_tokens=20, stream=True))
        self.assertTrue("".join(piece.choices[0].delta.content or "" for piece in pieces))
        self.assertEqual(pieces[-1].choices[0].finish_reason in ("stop", "length"), True)

    def test_stream_with_usage(self):
        pieces = list(self.client.chat.completions.create(model="demo-small", messages=USER, max_tokens=5, stream=True,
                                                          stream_options={"include_usage": True}))
        self.assertEqual(pieces[-1].choices, [])
        self.assertGreater(pieces[-1].usage.total_tokens, 0)

    def test_tools(self):
        answer = self.client.chat.completions.create(model="demo-small", tools=TOOLS,
                                                     messages=[{"role": "user", "content": "Please call get_weather now."}])
        self.assertEqual(answer.choices[0].finish_reason, "tool_calls")
        self.assertEqual(answer.choices[0].message.tool_calls[0].function.name, "get_weather")

    def test_abort_cancels_the_backend(self):
        fake("POST", "/_control", {"token_delay": 0.05, "tokens": 1000})
        stream = self.client.chat.completions.create(model="fake-model", messages=USER, stream=True)
        next(iter(stream))
        stream.close()
        deadline = time.monotonic() + 5
        while not fake("GET", "/_stats")["aborts"] and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(len(fake("GET", "/_stats")["aborts"]), 1)

    def test_embeddings(self):
        # The SDK asks for base64 and decodes it.
        answer = self.client.embeddings.create(model="fake-model", input=["a", "b"])
        self.assertEqual(len(answer.data), 2)
        self.assertIsInstance(answer.data[0].embedding[0], float)

    def test_embeddings_of_a_backend_that_only_gives_floats(self):
        fake("POST", "/_control", {"embeddings": "float"})
        self.assertIsInstance(self.client.embeddings.create(model="fake-model", input="a").data[0].embedding[0], float)

    def test_models(self):
        ids = {model.id for model in self.client.models.list()}
        self.assertTrue({"demo-small", "demo-vision", "gpt-4o", "fake-model"} <= ids, ids)
        self.assertEqual(self.client.models.retrieve("demo-small").owned_by, "nexus-demo")

    def test_completions(self):
        answer = self.client.completions.create(model="demo-small", prompt="Once", max_tokens=5)
        self.assertTrue(answer.choices[0].text)

    def test_error_classes(self):
        with self.assertRaises(openai.NotFoundError) as caught:
            self.client.chat.completions.create(model="no-such-model", messages=USER)
        self.assertEqual(caught.exception.code, "model_not_found")
        self.assertTrue(caught.exception.request_id)
        with self.assertRaises(openai.BadRequestError):
            self.client.chat.completions.create(model="demo-small", messages=[])
        fake("POST", "/_control", {"status": 429, "retry_after": "1"})
        with self.assertRaises(openai.RateLimitError):
            self.client.chat.completions.create(model="fake-model", messages=USER)
        fake("POST", "/_control", {"status": 500})
        with self.assertRaises(openai.InternalServerError):
            self.client.chat.completions.create(model="fake-model", messages=USER)

    def test_error_in_mid_stream_is_raised(self):
        fake("POST", "/_control", {"cut_after": 3})
        with self.assertRaises(openai.APIError):
            list(self.client.chat.completions.create(model="fake-model", messages=USER, stream=True))


if __name__ == "__main__":
    unittest.main()
