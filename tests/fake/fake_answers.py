"""What the fake model server says: bodies in the shapes of the servers it imitates. No sockets here."""
import base64
import json
import struct

KINDS = ("openai", "ollama", "llamacpp", "vllm", "lmstudio", "generic")
CREATED = 1795240000


def as_json(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


# --- what probes ask for ---------------------------------------------------------------------------------------------

def openai_models(server):
    data = []
    for model in server.model_ids:
        entry = {"id": model, "object": "model", "created": CREATED, "owned_by": server.kind}
        if server.kind == "vllm":
            entry["max_model_len"] = server.context_length
        if server.kind == "llamacpp":
            entry["meta"] = {"n_ctx_train": server.context_length, "n_params": 117312}
        data.append(entry)
    return {"object": "list", "data": data}


def ollama_tags(server):
    return {"models": [{"name": m, "model": m, "modified_at": "2026-11-21T05:59:46Z", "size": 477861,
                        "digest": f"{abs(hash_text(m)):064x}", "details": {"format": "gguf", "family": "llama"}}
                       for m in server.model_ids]}


def ollama_show(server, body):
    wanted = body.get("model") or body.get("name") or ""
    if wanted not in server.model_ids and wanted + ":latest" not in server.model_ids:
        return 404, {"error": f"model '{wanted}' not found"}
    return 200, {"modelfile": "", "parameters": "", "template": "{{ .Prompt }}", "details": {"family": "llama"},
                 "model_info": {"general.architecture": "llama", "llama.context_length": server.context_length},
                 "capabilities": server.capabilities}


def ollama_ps(server):
    return {"models": [{"name": m, "model": m, "size": 1447680, "size_vram": 0,
                        "context_length": server.context_length} for m in server.model_ids[:1]]}


def lmstudio_models(server):
    return {"models": [{"type": "llm", "publisher": "fake", "key": m, "display_name": m,
                        "max_context_length": server.context_length,
                        "loaded_instances": [{"id": m, "config": {"context_length": server.context_length}}],
                        "capabilities": {"vision": "vision" in server.capabilities,
                                         "trained_for_tool_use": "tools" in server.capabilities}}
                       for m in server.model_ids]}


LOADING = (503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}})


def llamacpp_health(server):
    return LOADING if server.loading else (200, {"status": "ok"})


def llamacpp_props(server):
    return {"default_generation_settings": {"n_ctx": server.context_length, "params": {}}, "total_slots": 4,
            "model_path": "/models/fake.gguf", "chat_template": "", "modalities": {"vision": False, "audio": False}}


def vllm_metrics(server):
    labels = f'{{model_name="{server.model_ids[0] if server.model_ids else ""}"}}'
    return (f"# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running{labels} {server.streams}.0\n"
            f"# TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting{labels} {server.engine_waiting}.0\n"
            f"# TYPE vllm:kv_cache_usage_perc gauge\nvllm:kv_cache_usage_perc{labels} 0.0\n").encode()


def probe_answer(server, method, path, body):
    """(status, content type, bytes) of a server's own endpoints, or None when this kind has no such path."""
    kind = server.kind
    found = None
    if method in ("GET", "HEAD") and path == "/v1/models":
        found = LOADING if server.loading and kind == "llamacpp" else (200, openai_models(server))
    elif kind == "ollama":
        if path == "/":
            return 200, "text/plain; charset=utf-8", b"Ollama is running"
        found = {"/api/tags": lambda: (200, ollama_tags(server)), "/api/ps": lambda: (200, ollama_ps(server)),
                 "/api/version": lambda: (200, {"version": "0.17.4"}),
                 "/api/show": lambda: ollama_show(server, body)}.get(path, lambda: None)()
    elif kind == "vllm":
        if path == "/health":
            return (503 if server.loading else 200), "text/plain", b""
        if path == "/metrics":
            return 200, "text/plain; version=0.0.4", vllm_metrics(server)
        found = (200, {"version": "0.12.0"}) if path == "/version" else None
    elif kind == "llamacpp":
        found = {"/health": lambda: llamacpp_health(server), "/v1/health": lambda: llamacpp_health(server),
                 "/props": lambda: LOADING if server.loading else (200, llamacpp_props(server))
                 }.get(path, lambda: None)()
    elif kind == "lmstudio":
        found = (200, lmstudio_models(server)) if path == "/api/v1/models" else None
    if found is None:
        return None
    return found[0], "application/json", as_json(found[1])


# --- what traffic asks for -------------------------------------------------------------------------------------------

def hash_text(text):
    """FNV-1a: the same in every run, unlike hash()."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def prompt_text(body):
    """All the text of a request, to count it."""
    parts = []
    for message in body.get("messages") or []:
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, str):
            parts.append(content)
        for piece in content if isinstance(content, list) else []:
            parts.append(str(piece.get("text", "")) if isinstance(piece, dict) else "")
    prompt = body.get("prompt", body.get("input", ""))
    parts.append(prompt if isinstance(prompt, str) else json.dumps(prompt))
    return "\n".join(part for part in parts if part)


def prompt_tokens(body):
    return len(prompt_text(body).split()) + 3


def token_text(behaviour, index):
    text = behaviour["text"] or f"w{index} "
    return text + "x" * max(0, behaviour["token_bytes"] - len(text.encode()))


def token_count(behaviour, body):
    """(how many tokens to say, finish reason)"""
    wanted = behaviour["tokens"]
    for key in ("max_completion_tokens", "max_tokens"):
        limit = body.get(key)
        if isinstance(limit, int) and not isinstance(limit, bool) and 0 < limit < wanted:
            return limit, "length"
    return wanted, "stop"


def usage_of(body, completion):
    prompt = prompt_tokens(body)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def tool_call(index=None):
    call = {"id": "call_fake_1", "type": "function",
            "function": {"name": "get_weather", "arguments": "{\"city\":\"Bern\"}"}}
    return call if index is None else {"index": index, **call}


def completion_answer(behaviour, body, path, number):
    """A whole answer to chat/completions or completions."""
    count, reason = token_count(behaviour, body)
    text = "".join(token_text(behaviour, i) for i in range(count))
    chat = path.endswith("/chat/completions")
    if chat:
        message = {"role": "assistant", "content": text}
        if behaviour["tool_call"]:
            message, reason = {"role": "assistant", "content": None, "tool_calls": [tool_call()]}, "tool_calls"
        choice = {"index": 0, "message": message, "finish_reason": reason}
    else:
        choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": reason}
    answer = {"id": f"{'chatcmpl' if chat else 'cmpl'}-{number}",
              "object": "chat.completion" if chat else "text_completion", "created": CREATED,
              "model": body.get("model"), "choices": [choice]}
    if behaviour["usage"] != "never":
        answer["usage"] = usage_of(body, count)
    return answer


def stream_events(behaviour, body, path, number):
    """The data of each event of a stream, in order, without [DONE]."""
    count, reason = token_count(behaviour, body)
    chat = path.endswith("/chat/completions")
    base = {"id": f"{'chatcmpl' if chat else 'cmpl'}-{number}",
            "object": "chat.completion.chunk" if chat else "text_completion", "created": CREATED,
            "model": body.get("model")}
    usage = usage_of(body, count)

    def event(delta, text, finish, **more):
        choice = {"index": 0, "delta": delta} if chat else {"index": 0, "text": text}
        choice["finish_reason"] = finish
        return {**base, "choices": [choice], **more}

    if chat:
        yield event({"role": "assistant", "content": ""}, "", None)
    if behaviour["tool_call"] and chat:
        yield event({"tool_calls": [tool_call(0)]}, "", None)
        reason = "tool_calls"
    else:
        for i in range(count):
            text = token_text(behaviour, i)
            yield event({"content": text}, text, None)
    yield event({}, "", reason, **({"usage": usage} if behaviour["usage"] == "inline" else {}))
    options = body.get("stream_options")
    asked = isinstance(options, dict) and options.get("include_usage") is True
    if behaviour["usage"] == "always" or (behaviour["usage"] == "auto" and asked):
        yield {**base, "choices": [], "usage": usage}


def embedding(text, dimensions):
    seed = hash_text(text)
    return [((seed >> (i % 48)) & 0xFFFF) / 65535.0 for i in range(dimensions)]


def embeddings_answer(behaviour, body):
    given = body.get("input", "")
    items = given if isinstance(given, list) and given and isinstance(given[0], (str, list)) else [given]
    wanted = body.get("encoding_format", "float") if behaviour["embeddings"] == "auto" else behaviour["embeddings"]
    data = []
    for i, item in enumerate(items):
        vector = embedding(item if isinstance(item, str) else json.dumps(item), behaviour["dimensions"])
        if wanted == "base64":
            vector = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
        data.append({"object": "embedding", "index": i, "embedding": vector})
    tokens = prompt_tokens(body)
    return {"object": "list", "data": data, "model": body.get("model"),
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}


# --- refusals --------------------------------------------------------------------------------------------------------

def error_body(kind, status, message, code=None):
    if kind == "ollama":
        return {"error": {"message": message, "type": "api_error", "param": None, "code": code}}
    if kind == "llamacpp":
        return {"error": {"code": status, "message": message, "type": "server_error"}}
    names = {400: "invalid_request_error", 401: "invalid_request_error", 404: "invalid_request_error",
             429: "rate_limit_exceeded"}
    return {"error": {"message": message, "type": names.get(status, "server_error"), "param": None, "code": code}}


def too_long_body(kind, tokens, limit):
    """How each server refuses a prompt over its context; None: it cuts the prompt silently, as Ollama does."""
    if kind == "ollama":
        return None
    if kind == "llamacpp":
        return {"error": {"code": 400, "type": "exceed_context_size_error", "n_prompt_tokens": tokens, "n_ctx": limit,
                          "message": "the request exceeds the available context size, try increasing it"}}
    message = (f"This model's maximum context length is {limit} tokens. However, your messages resulted in "
               f"{tokens} tokens. Please reduce the length of the messages.")
    if kind == "vllm":
        return {"error": {"message": message, "type": "BadRequestError", "param": None, "code": 400}}
    return {"error": {"message": message, "type": "invalid_request_error", "param": "messages",
                      "code": "context_length_exceeded"}}
