#!/usr/bin/env python3
"""fake_backend.py: a model server that misbehaves on request.

It imitates OpenAI, Ollama, llama.cpp, vLLM or LM Studio on 127.0.0.1 and records what it is sent. How it answers is a
set of keys (BEHAVIOUR in fake_behaviour.py), given with --set key=value or, while it runs, by control requests to its
own port:

    POST   /_control   {"token_delay": 0.05}              from now on, for inference requests
                       {"scope": "probe", "status": 500}  the same for probes (everything else but /_control, /_stats)
                       {"times": 2, "status": 429, ...}   only for the next two requests, then as before
                       {"server": {"loading": true}}      the server itself: kind, models, loading, context_length, ...
                       {"refuse_for": 1.5}                closes the listener and every connection, for that long
    DELETE /_control   all as at the start                DELETE /_stats   forgets what was recorded
    GET    /_stats     what was received, what was aborted and when; times are CLOCK_MONOTONIC seconds

    fake_backend.py --kind ollama --models tiny:latest --port 9001 --set token_delay=0.01
    fake_backend.py --servers 1000 --port 0          1,000 servers in one process

The first line on standard output is "listening PORT [PORT ...]", once all accept. It ends on SIGTERM, and with
--with-parent when its parent does. Python 3 standard library only; one event loop, thousands of streams.
"""
import argparse
import asyncio
import collections
import gzip
import json
import os
import signal
import socket
import struct
import sys
import time

import fake_answers as answers
from fake_behaviour import BEHAVIOUR, SCOPES, SERVER, BadSetting, check_settings

INFERENCE = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings")
LINE_ENDS = {"lf": b"\n", "crlf": b"\r\n", "cr": b"\r"}
REASONS = {200: "OK", 204: "No Content", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
           405: "Method Not Allowed", 413: "Content Too Large", 429: "Too Many Requests", 500: "Internal Server Error",
           502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout", 529: "Overloaded"}
HEAD_MAX = 256 * 1024


class Stats:
    """What was received, and how it ended."""

    def __init__(self, keep, body_bytes):
        self.keep, self.body_bytes = keep, body_bytes
        self.clear()

    def clear(self):
        self.counts = collections.Counter()
        self.connections = 0
        self.records = collections.deque(maxlen=self.keep)
        self.aborts = collections.deque(maxlen=self.keep)
        self.states = collections.Counter()
        self.peak = 0

    def begin(self, request, streams):
        self.counts[f"{request.method} {request.path}"] += 1
        self.peak = max(self.peak, streams)
        record = {"number": request.number, "connection": request.connection, "at": time.monotonic(),
                  "method": request.method, "path": request.path, "headers": request.headers,
                  "body": request.body[:self.body_bytes].decode("utf-8", "replace"),
                  "body_bytes": len(request.body), "state": "running", "events": 0, "ended_at": None}
        self.records.append(record)
        return record

    def end(self, record, state):
        record["state"], record["ended_at"] = state, time.monotonic()
        self.states[state] += 1
        if state == "aborted":
            self.aborts.append({key: record[key] for key in ("number", "path", "at", "ended_at", "events")})

    def as_dict(self, server):
        return {"now": time.monotonic(), "requests": dict(self.counts), "total": sum(self.counts.values()),
                "connections": self.connections, "open_connections": len(server.open), "running": server.streams,
                "running_peak": self.peak, "states": dict(self.states), "aborts": list(self.aborts),
                "recent": list(self.records)}


class FakeServer:
    """One listening port, its behaviour and its memory."""

    def __init__(self, settings, behaviour, keep, body_bytes):
        self.start_settings, self.start_behaviour = settings, behaviour
        self.stats = Stats(keep, body_bytes)
        self.open, self.streams, self.number, self.listener, self.address = set(), 0, 0, None, None
        self.reset()

    def reset(self):
        for key, value in self.start_settings.items():
            setattr(self, key, value)
        self.behaviour = {scope: {} for scope in SCOPES}
        self.behaviour["inference"] = dict(self.start_behaviour)
        self.once = {scope: collections.deque() for scope in SCOPES}

    @property
    def model_ids(self):
        return self.models

    def behaviour_for(self, path):
        scope = "inference" if path in INFERENCE else "probe"
        once = {}
        if self.once[scope]:
            entry = self.once[scope][0]
            once, entry["times"] = entry["changes"], entry["times"] - 1
            if entry["times"] <= 0:
                self.once[scope].popleft()
        return {**BEHAVIOUR, **self.behaviour[scope], **once}

    def control(self, changes):
        changes = dict(changes)
        settings = check_settings(SERVER, changes.pop("server", {}))
        scope, times = changes.pop("scope", "inference"), changes.pop("times", 0)
        refuse_for = changes.pop("refuse_for", 0)
        if scope not in SCOPES:
            raise BadSetting(f"scope: {scope!r} is none of {SCOPES}")
        changes = check_settings(BEHAVIOUR, changes)
        for key, value in settings.items():
            setattr(self, key, value)
        if times:
            self.once[scope].append({"times": times, "changes": changes})
        else:
            self.behaviour[scope].update(changes)
        if refuse_for:
            asyncio.get_running_loop().create_task(self.refuse(refuse_for))

    async def listen(self, host, port):
        loop = asyncio.get_running_loop()
        self.listener = await loop.create_server(lambda: Connection(self), host, port, backlog=4096)
        self.address = self.listener.sockets[0].getsockname()[:2]

    async def refuse(self, seconds):
        await asyncio.sleep(0.02)  # the control request is answered first
        self.listener.close()
        for connection in list(self.open):
            connection.transport.abort()
        await asyncio.sleep(seconds)
        await self.listen(*self.address)


class Request:
    def __init__(self, connection, number, head):
        lines = head.decode("latin-1").split("\r\n")
        self.method, target, _ = (lines[0].split(" ") + ["", ""])[:3]
        self.path = target.split("?")[0]
        if len(self.path) > 1:
            self.path = self.path.rstrip("/")
        self.headers = [[name.strip(), value.strip()] for name, _, value in (l.partition(":") for l in lines[1:])]
        self.connection, self.number, self.body = connection, number, b""

    def header(self, name, default=""):
        return next((v for n, v in self.headers if n.lower() == name), default)

    def json(self):
        try:
            value = json.loads(self.body or b"{}")
        except ValueError:
            return None
        return value if isinstance(value, dict) else None


class Connection(asyncio.Protocol):
    """One client connection: requests are taken one after the other; the client's end cancels the one being served."""

    def __init__(self, server):
        self.server = server
        self.input = bytearray()
        self.request, self.wanted, self.task, self.record = None, None, None, None
        self.served, self.may_write, self.counted = 0, None, False

    # --- asyncio's side ---
    def connection_made(self, transport):
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server.open.add(self)
        self.server.stats.connections += 1
        self.id = self.server.stats.connections

    def connection_lost(self, _):
        self.server.open.discard(self)
        self.gone()

    def eof_received(self):
        self.gone()
        return False

    def gone(self):
        if self.task is not None:
            self.task.cancel()
        if self.may_write is not None and not self.may_write.done():
            self.may_write.set_result(None)

    def pause_writing(self):
        self.may_write = asyncio.get_running_loop().create_future()

    def resume_writing(self):
        if self.may_write is not None and not self.may_write.done():
            self.may_write.set_result(None)
        self.may_write = None

    def data_received(self, data):
        self.input += data
        self.advance()

    # --- parsing ---
    def advance(self):
        while self.task is None and not self.transport.is_closing():
            if self.request is None and not self.take_head():
                return
            if not self.take_body():
                return
            request, self.request = self.request, None
            self.task = asyncio.get_running_loop().create_task(self.serve(request))

    def take_head(self):
        end = self.input.find(b"\r\n\r\n")
        if end < 0:
            if self.input[:1] == b"\x16":  # TLS, spoken to a plain port
                self.transport.write(head_bytes(400, [("Connection", "close"), ("Content-Length", "0")]))
                self.transport.close()
            elif len(self.input) > HEAD_MAX:
                self.transport.abort()
            return False
        self.server.number += 1
        self.request = Request(self.id, self.server.number, bytes(self.input[:end]))
        del self.input[:end + 4]
        chunked = "chunked" in self.request.header("transfer-encoding").lower()
        self.wanted = None if chunked else int(self.request.header("content-length", "0") or 0)
        self.request.behaviour = {}
        if not self.request.path.startswith("/_"):
            self.request.behaviour = self.server.behaviour_for(self.request.path)
            if self.request.behaviour["early"]:
                self.wanted = 0
            if self.request.behaviour["reset"] == "accept":
                self.server.stats.end(self.server.stats.begin(self.request, self.server.streams), "reset")
                self.reset()
                return False
        if self.request.header("expect").lower() == "100-continue":
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def take_body(self):
        if self.wanted is not None:
            if len(self.input) < self.wanted:
                return False
            self.request.body = bytes(self.input[:self.wanted])
            del self.input[:self.wanted]
            return True
        while True:
            line = self.input.find(b"\r\n")
            if line < 0:
                return False
            size = int(bytes(self.input[:line]).split(b";")[0], 16)
            if len(self.input) < line + 2 + size + 2:
                return False
            self.request.body += bytes(self.input[line + 2:line + 2 + size])
            del self.input[:line + 2 + size + 2]
            if size == 0:
                return True

    # --- serving ---
    async def serve(self, request):
        server, keep = self.server, False
        try:
            if request.path.startswith("/_"):
                keep = await self.serve_control(request)
            else:
                self.counted = request.path in INFERENCE
                server.streams += self.counted
                self.record = server.stats.begin(request, server.streams)
                try:
                    keep = await Answer(self, request).run()
                    server.stats.end(self.record, "done")
                except Broken as broken:
                    server.stats.end(self.record, str(broken))
                except asyncio.CancelledError:
                    server.stats.end(self.record, "aborted")
                finally:
                    self.leave()
        except asyncio.CancelledError:
            pass
        except Exception as trouble:  # a fault of this program: say so, and do not leave the client waiting
            print(f"fake_backend: {type(trouble).__name__}: {trouble}", file=sys.stderr, flush=True)
            self.transport.abort()
        self.task = None
        self.served += 1
        if not keep:
            self.transport.close()
        else:
            self.advance()

    def leave(self):
        """The request counts as running until its answer's last bytes are about to be written: a gateway that has read
        them may send the next one before this program's own bookkeeping is done."""
        if self.counted:
            self.counted = False
            self.server.streams -= 1

    async def serve_control(self, request):
        server, status, value = self.server, 200, {"ok": True}
        try:
            if request.path == "/_stats" and request.method == "GET":
                value = server.stats.as_dict(server)
            elif request.path == "/_stats" and request.method == "DELETE":
                server.stats.clear()
            elif request.path == "/_control" and request.method == "POST":
                server.control(json.loads(request.body))
            elif request.path == "/_control" and request.method == "DELETE":
                server.reset()
            else:
                status, value = 404, {"error": "only GET|DELETE /_stats and POST|DELETE /_control"}
        except (BadSetting, ValueError, AttributeError) as trouble:
            status, value = 400, {"error": str(trouble)}
        body = answers.as_json(value)
        await self.write(head_bytes(status, [("Content-Type", "application/json"),
                                             ("Content-Length", str(len(body)))]) + body)
        return request.header("connection").lower() != "close"

    async def write(self, data):
        self.transport.write(data)
        if self.may_write is not None:
            await self.may_write

    def reset(self):
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


def head_bytes(status, headers):
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}"] + [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Broken(Exception):
    """The answer ended as its behaviour wanted; the text is what the stats say."""


class Answer:
    """One request's answer, with all its faults."""

    def __init__(self, connection, request):
        self.connection, self.request, self.server = connection, request, connection.server
        self.behaviour = request.behaviour
        self.chunked, self.bytes_out = False, 0

    async def run(self):
        """Answers; true when the connection stays open."""
        b = self.behaviour
        await self.before()
        if b["raw"] is not None:
            await self.put(b["raw"].encode("latin-1"))
            return False
        for status in b["interim"]:
            await self.put(head_bytes(status, []))
        body = self.request.json()
        refusal = self.refusal(body)
        if refusal is not None:
            await self.whole(*refusal)
        elif body is not None and self.request.path in INFERENCE:
            await self.inference(body)
        else:
            found = answers.probe_answer(self.server, self.request.method, self.request.path, body or {})
            if found is None:
                found = (404, "application/json",
                         answers.as_json(answers.error_body(self.server.kind, 404, "no such path")))
            await self.whole(*found)
        return self.stays_open()

    def stays_open(self):
        b, served = self.behaviour, self.connection.served + 1
        asked = self.request.header("connection").lower() == "close"
        return not (asked or b["early"] or not b["keep_alive"] or b["close_silently"] or b["framing"] == "close"
                    or (b["close_after"] and served >= b["close_after"]))

    async def before(self):
        b = self.behaviour
        if b["reset"] == "request":
            self.broken("reset")
        if b["hang"] == "read":
            self.connection.transport.pause_reading()
        if b["hang"] in ("read", "headers"):
            await self.forever()
        if b["first_byte_delay"]:
            await asyncio.sleep(b["first_byte_delay"])
        if b["close"]:
            raise Broken("closed")

    def broken(self, how):
        if how == "reset":
            self.connection.reset()
        raise Broken(how)

    async def forever(self):
        await asyncio.get_running_loop().create_future()

    def refusal(self, body):
        """(status, content type, bytes) when the request is refused."""
        b, server, kind = self.behaviour, self.server, self.server.kind
        said = None
        if b["status"]:
            said = b["status"], answers.error_body(kind, b["status"], b["message"] or "the fake server refuses")
        elif server.api_key and self.request.header("authorization") != f"Bearer {server.api_key}":
            said = 401, answers.error_body(kind, 401, "Incorrect API key provided", "invalid_api_key")
        elif self.request.path in INFERENCE and self.request.method != "POST":
            said = 405, answers.error_body(kind, 405, "method not allowed")
        elif body is None:
            said = 400, answers.error_body(kind, 400, "the body is no JSON object")
        elif self.request.path in INFERENCE:
            model, tokens = body.get("model"), answers.prompt_tokens(body)
            known = model in server.models or f"{model}:latest" in server.models
            if not known and not b["any_model"]:
                said = 404, answers.error_body(kind, 404, f"model {model!r} not found", "model_not_found")
            elif b["too_long"] and tokens > b["too_long"]:
                refused = answers.too_long_body(kind, tokens, b["too_long"])
                said = (400, refused) if refused else None
        return said and (said[0], "application/json", answers.as_json(said[1]))

    async def inference(self, body):
        path = self.request.path
        if path == "/v1/embeddings":
            value = answers.embeddings_answer(self.behaviour, body)
        elif body.get("stream"):
            await self.stream(body)
            return
        else:
            value = answers.completion_answer(self.behaviour, body, path, self.request.number)
        await self.whole(200, "application/json", answers.as_json(value))

    def headers(self, content_type):
        b = self.behaviour
        out = [("Content-Type", content_type)]
        if b["retry_after"]:
            out.append(("Retry-After", b["retry_after"]))
        if b["retry_after_ms"]:
            out.append(("retry-after-ms", b["retry_after_ms"]))
        if not b["keep_alive"] or b["early"]:
            out.append(("Connection", "close"))
        if b["gzip"]:
            out.append(("Content-Encoding", "gzip"))
        return out + list(b["headers"].items())

    async def whole(self, status, content_type, body):
        b = self.behaviour
        if b["body"] is not None:
            body = b["body"].encode()
        if b["bad_json"]:
            body = b'{"choices":[{"index":0,"mess'
        if b["gzip"]:
            body = gzip.compress(body)
        framing = b["framing"] or "length"
        headers = self.headers(content_type)
        self.chunked = framing == "chunked"
        if framing == "length":
            headers.append(("Content-Length", str(len(body))))
        elif self.chunked:
            headers.append(("Transfer-Encoding", "chunked"))
        await self.put(head_bytes(status, headers))
        await self.between()
        if self.request.method == "HEAD":
            return
        for limit, how in ((b["cut_after"], "cut"), (b["reset_after"], "reset")):
            if 0 <= limit < len(body):
                await self.put_body(body[:limit])
                await self.drained()
                self.broken(how)
        self.connection.leave()
        await self.put_body(body)
        await self.end_body()

    async def between(self):
        b = self.behaviour
        if b["hang"] == "body":
            await self.forever()
        if b["first_event_delay"]:
            await asyncio.sleep(b["first_event_delay"])

    # --- streams ---
    async def stream(self, body):
        b = self.behaviour
        self.chunked = (b["framing"] or "chunked") == "chunked"
        headers = self.headers("text/event-stream")
        if self.chunked:
            headers.append(("Transfer-Encoding", "chunked"))
        await self.put(head_bytes(200, headers))
        await self.between()
        self.squeeze = gzip_stream() if b["gzip"] else None
        waiting = [b"\xef\xbb\xbf"] if b["bom"] else []
        count = 0
        for value in answers.stream_events(b, body, self.request.path, self.request.number):
            await self.faults(count, waiting)
            if count and b["token_delay"]:
                await asyncio.sleep(b["token_delay"])
            data = b'{"choices":[{"delt' if b["bad_json"] and count == 1 else answers.as_json(value)
            waiting.append(self.event(data))
            count += 1
            self.connection.record["events"] = count
            if len(waiting) >= b["join"]:
                await self.flush(waiting)
        await self.faults(count, waiting)
        if b["done"]:
            waiting.append(self.event(b"[DONE]", last=True))
        self.connection.leave()
        await self.flush(waiting)
        if self.squeeze:
            await self.put_body(self.squeeze(None))
        await self.end_body()

    def event(self, data, last=False):
        b = self.behaviour
        end = LINE_ENDS[b["line_end"]]
        line = (b"data: " if b["data_space"] else b"data:") + data + end
        if b["comments"]:
            line = b": ping" + end + end + line
        return line if last and not b["last_blank"] else line + end

    async def faults(self, count, waiting):
        """What is to go wrong after so many events."""
        b = self.behaviour
        if count == b["error_after"]:
            waiting.append(self.event(answers.as_json(
                {"error": {"message": b["message"] or "the fake engine failed", "type": "server_error",
                           "param": None, "code": None}})))
            if b["error_done"]:
                waiting.append(self.event(b"[DONE]"))
            await self.flush(waiting)
            await self.end_body()
            raise Broken("error event")
        for after, how in ((b["cut_after"], "cut"), (b["reset_after"], "reset"), (b["stall_after"], "stall")):
            if count == after:
                await self.flush(waiting)
                await self.drained()
                if how == "stall":
                    await self.forever()
                self.broken(how)

    async def flush(self, waiting):
        data = b"".join(waiting)
        waiting.clear()
        if data:
            await self.put_body(self.squeeze(data) if self.squeeze else data)

    # --- bytes ---
    async def put_body(self, data):
        size = self.behaviour["chunk_bytes"] or len(data) or 1
        for at in range(0, len(data), size):
            piece = data[at:at + size]
            await self.put(b"%x\r\n%b\r\n" % (len(piece), piece) if self.chunked else piece)

    async def end_body(self):
        if self.chunked:
            await self.put(b"0\r\n\r\n")

    async def put(self, data):
        split = self.behaviour["split"]
        if not split:
            await self.connection.write(data)
            return
        for at in range(0, len(data), split):
            await self.connection.write(data[at:at + split])
            await asyncio.sleep(self.behaviour["split_delay"])

    async def drained(self):
        """What was written has left this process, so that a RST does not overtake it by much."""
        while self.connection.transport.get_write_buffer_size():
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)


def gzip_stream():
    """A function that compresses pieces, each flushed; None ends."""
    import zlib
    engine = zlib.compressobj(6, zlib.DEFLATED, 31)
    return lambda data: engine.flush() if data is None else engine.compress(data) + engine.flush(zlib.Z_SYNC_FLUSH)


# --- command line ----------------------------------------------------------------------------------------------------

def parse_value(text, default):
    if isinstance(default, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 = any; of several servers the first")
    parser.add_argument("--servers", type=int, default=1, help="so many servers on ports of their own")
    parser.add_argument("--kind", choices=answers.KINDS, default="openai")
    parser.add_argument("--models", default="fake-model", help="comma-separated; {n} is the server's number")
    parser.add_argument("--context-length", type=int, default=8192)
    parser.add_argument("--api-key", default="", help="demanded as Bearer")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a key of BEHAVIOUR")
    parser.add_argument("--keep", type=int, default=256, help="requests remembered in full")
    parser.add_argument("--keep-body-bytes", type=int, default=65536)
    parser.add_argument("--with-parent", action="store_true", help="end when the parent process does")
    options = parser.parse_args()
    changes = {}
    for item in options.set:
        key, _, value = item.partition("=")
        changes[key] = parse_value(value, BEHAVIOUR.get(key))
    try:
        options.behaviour = check_settings(BEHAVIOUR, changes)
    except BadSetting as trouble:
        parser.error(str(trouble))
    return options


def make_server(options, number):
    models = [m.replace("{n}", str(number)) for m in options.models.split(",") if m]
    settings = {**SERVER, "kind": options.kind, "models": models, "context_length": options.context_length,
                "api_key": options.api_key}
    return FakeServer(settings, options.behaviour, options.keep, options.keep_body_bytes)


async def serve(options):
    stop, loop, parent = asyncio.Event(), asyncio.get_running_loop(), os.getppid()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    servers = [make_server(options, number) for number in range(options.servers)]
    for number, server in enumerate(servers):
        await server.listen(options.host, options.port + number if options.port else 0)
    print("listening", *(server.address[1] for server in servers), flush=True)
    while not stop.is_set():
        try:
            await asyncio.wait_for(stop.wait(), 0.5)
        except asyncio.TimeoutError:
            if options.with_parent and os.getppid() != parent:
                break
    for server in servers:
        for connection in list(server.open):
            connection.transport.abort()


def raise_descriptor_limit():
    import resource
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    raise_descriptor_limit()
    asyncio.run(serve(parse_arguments()))
