"""Many clients at once on raw sockets, in one thread of their own; every answer is judged to its last byte.

A client is satisfied by nothing but a whole answer: 200, well framed, and of a stream [DONE] at its end. Everything
else is kept as it came (a Reply), with the client's port, so that a test can say whose fault it was.
"""
import asyncio
import json
import os
import pathlib
import random
import resource
import threading
import time

from harness import PATIENCE, chat

# Nothing here is timed: whatever takes longer than this hangs.
HUNG = 60 * PATIENCE


def raise_descriptor_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def request_bytes(body, path="/v1/chat/completions", headers=b""):
    data = json.dumps(body).encode()
    return b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s" % (
        path.encode(), len(data), headers, data)


class Reply:
    """How one attempt ended, at the client's end of the connection."""

    def __init__(self, port, stream):
        self.port, self.stream, self.began, self.ended = port, stream, time.monotonic(), None
        self.status, self.headers, self.body, self.whole, self.problem = 0, {}, b"", False, ""

    @property
    def good(self):
        return self.whole and self.status == 200 and (not self.stream or self.body.endswith(b"data: [DONE]\n\n"))

    @property
    def said_error(self):
        """The client was told: by a status, or by an event at the end of its stream."""
        return self.whole and (self.status >= 400 or b'data: {"error":' in self.body)

    @property
    def broken(self):
        """The connection ended before the answer did."""
        return self.problem in ("closed", "reset", "refused")

    @property
    def stays_open(self):
        return self.whole and self.headers.get("connection", "").lower() != "close"

    def __repr__(self):
        return (f"<port {self.port} {'stream' if self.stream else 'whole'} status {self.status} "
                f"{'whole' if self.whole else 'cut'} {self.problem} {self.body[-200:]!r}>")


async def read_head(reader, reply):
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    reply.status = int(lines[0].split(" ")[1])
    reply.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}


async def read_body(reader, reply):
    if "chunked" not in reply.headers.get("transfer-encoding", ""):
        reply.body = await reader.readexactly(int(reply.headers["content-length"]))
        return
    while size := int(await reader.readuntil(b"\r\n"), 16):
        reply.body += (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)


async def read_reply(reader, reply):
    """Reads one answer into `reply`; what went wrong stands in it."""
    try:
        async with asyncio.timeout(HUNG):
            await read_head(reader, reply)
            await read_body(reader, reply)
        reply.whole = True
    except asyncio.IncompleteReadError:
        reply.problem = "closed"
    except ConnectionError:
        reply.problem = "reset"
    except TimeoutError:
        reply.problem = "hung"
    reply.ended = time.monotonic()
    return reply


class Connection:
    """One client's connection, opened when first needed and again after each answer that ends it."""

    def __init__(self, port):
        self.server, self.reader, self.writer, self.port = port, None, None, 0

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.server, limit=1 << 22)
        self.port = self.writer.get_extra_info("sockname")[1]

    async def ask(self, data, stream):
        try:
            if self.writer is None:
                await self.open()
        except ConnectionError:
            reply = Reply(0, stream)
            reply.problem = "refused"
            return reply
        reply = Reply(self.port, stream)
        self.writer.write(data)
        await read_reply(self.reader, reply)
        if not reply.stays_open:
            self.close()
        return reply

    def close(self):
        if self.writer is not None:
            self.writer.transport.abort()
        self.reader = self.writer = None


class Load:
    """Clients that ask without end, from start() (or `with`) to stop(). `retries`: how often a client asks again after an
    attempt that broke; `replies` holds what each asker was left with, `attempts` every single attempt."""

    def __init__(self, gateway, whole=4, streams=4, keep_alive=False, retries=0, pause=0.0, **fields):
        self.port, self.kinds = gateway.port, [False] * whole + [True] * streams
        self.keep_alive, self.retries, self.pause = keep_alive, retries, pause
        self.data = {stream: request_bytes(chat(stream=stream, **fields)) for stream in (False, True)}
        self.replies, self.attempts, self.stopping = [], [], False
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        raise_descriptor_limit()

    async def _run(self):
        await asyncio.gather(*(self._client(stream) for stream in self.kinds))

    async def _client(self, stream):
        connection = Connection(self.port)
        while not self.stopping:
            reply = await self._ask(connection, stream)
            self.replies.append(reply)
            if self.pause or reply.problem:
                await asyncio.sleep(self.pause * random.uniform(0.5, 1.5) + (0.01 if reply.problem else 0))
        connection.close()

    async def _ask(self, connection, stream):
        for _ in range(self.retries + 1):
            reply = await connection.ask(self.data[stream], stream)
            self.attempts.append(reply)
            if not self.keep_alive or reply.problem:
                connection.close()
            if not reply.problem:
                break
        return reply

    def start(self):
        self.thread.start()
        return self

    def stop(self):
        self.stopping = True
        self.thread.join(HUNG + 10)
        if self.thread.is_alive():
            raise AssertionError("the clients do not end")
        return self.replies

    __enter__ = start

    def __exit__(self, *_):
        self.stop()

    @property
    def failures(self):
        return [reply for reply in self.replies if not reply.good]

    def done(self, count=1):
        """True once `count` more requests have been answered: for wait_for."""
        target = len(self.replies) + count
        return lambda: len(self.replies) >= target


def ask_all(gateway, bodies):
    """Asks all of them at one time, a connection each; the replies, in their order."""
    async def ask(body):
        connection = Connection(gateway.port)
        try:
            return await connection.ask(request_bytes(body), body["stream"])
        finally:
            connection.close()

    async def run():
        return await asyncio.gather(*(ask(body) for body in bodies))

    raise_descriptor_limit()
    return asyncio.run(run())


def start_asking(gateway, bodies):
    """ask_all in the background; call the result for the replies."""
    out = []
    thread = threading.Thread(target=lambda: out.extend(ask_all(gateway, bodies)), daemon=True)
    thread.start()

    def finish(seconds=HUNG + 10):
        thread.join(seconds * PATIENCE)
        if thread.is_alive():
            raise AssertionError("the clients do not end")
        return out
    return finish


def process_state(pid):
    """The letter of /proc/PID/stat, or "" when there is no such process."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def is_gone(pid):
    return process_state(pid) in ("", "Z", "X")


def clients_of(gateway, pid):
    """The ports of the clients whose connections this process holds. It should be stopped, or they change."""
    inodes = {}
    for line in pathlib.Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        local, remote, inode = fields[1], fields[2], fields[9]
        if int(local.split(":")[1], 16) == gateway.port:
            inodes[f"socket:[{inode}]"] = int(remote.split(":")[1], 16)
    ports = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            ports.add(inodes.get(os.readlink(f"/proc/{pid}/fd/{fd}")))
        except OSError:
            continue
    return ports - {None, 0}
