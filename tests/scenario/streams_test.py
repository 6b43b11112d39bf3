# Promise: thousands of clients at once are served alike: no stream breaks, no worker gets all of them, none waits for another.
import asyncio
import json
import unittest

from harness import PATIENCE, Scenario, chat, wait_for
from load import Connection, Reply, clients_of, raise_descriptor_limit, read_reply, request_bytes, start_asking

STREAMS = 1000


def text_of(reply):
    pieces = [json.loads(line[6:]) for line in reply.body.decode().split("\n") if line.startswith("data: {")]
    return "".join(choice["delta"].get("content") or "" for piece in pieces for choice in piece["choices"])


class ManyStreams(Scenario):
    def test_a_thousand_at_once(self):
        upstream = self.backend(tokens=12)
        gateway = self.nexus([upstream], workers=2)
        upstream.set(token_delay=0.5 * PATIENCE)
        finish = start_asking(gateway, [chat(stream=True) for _ in range(STREAMS)])
        wait_for("all of them to be open", lambda: upstream.stats()["running"] >= STREAMS, 60)
        replies = finish()
        bad = [reply for reply in replies if not reply.good]
        self.assertEqual(bad, [], f"{len(bad)} of {STREAMS}")
        # Every one of them to its last token, none with another's.
        self.assertEqual({text_of(reply) for reply in replies}, {"".join(f"w{n} " for n in range(12))})
        wait_for("every place to be given back", lambda: gateway.backends()["b0"]["pending_requests"] == 0)
        self.assertEqual(gateway.status()["crashes"], [])


class Spread(Scenario):
    def test_connections_are_spread_over_workers(self):
        upstream = self.backend()
        gateway = self.nexus([upstream], workers=4)
        self.pids = gateway.pids("request")
        connections = [Connection(gateway.port) for _ in range(400)]

        async def run():
            # In bursts, as they come in life.
            for at in range(0, len(connections), 40):
                await asyncio.gather(*(connection.open() for connection in connections[at:at + 40]))
                await asyncio.sleep(0.02)
            await asyncio.to_thread(
                wait_for, "all connections to be accepted", lambda: sum(self.held(gateway)) == len(connections))
            shares = self.held(gateway)
            replies = await asyncio.gather(*(connection.ask(request_bytes(chat()), False) for connection in connections))
            for connection in connections:
                connection.close()
            return shares, replies

        raise_descriptor_limit()
        shares, replies = asyncio.run(run())
        self.assertTrue(all(60 <= share <= 160 for share in shares), shares)
        self.assertTrue(all(reply.good for reply in replies))

    def held(self, gateway):
        return [len(clients_of(gateway, pid)) for pid in self.pids]


class OverAReload(Scenario):
    """One connection sees its worker replaced: told so between two answers, never in the middle of one."""

    def setUp(self):
        self.upstream = self.backend()
        self.gateway = self.nexus([self.upstream])

    def restart(self):
        code, text = self.gateway.admin("worker restart request")
        self.assertEqual(code, 0, text)

    def test_keep_alive(self):
        async def run():
            connection, replies = Connection(self.gateway.port), []
            for stream in (False, True):
                replies.append(await connection.ask(request_bytes(chat(stream=stream)), stream))
            await asyncio.to_thread(self.restart)
            # Once its worker has been told to drain, an answer is its last, and says so.
            while replies[-1].stays_open:
                replies.append(await connection.ask(request_bytes(chat()), False))
            # The next connection finds the new worker.
            after = await connection.ask(request_bytes(chat()), False)
            connection.close()
            return replies, after

        replies, after = asyncio.run(run())
        self.assertTrue(all(reply.good for reply in [*replies, after]), replies)
        self.assertTrue(replies[1].stays_open)
        self.assertEqual(len({reply.port for reply in replies}), 1)
        self.assertTrue(after.stays_open)

    def test_pipelined_requests(self):
        # Eight requests are written at once, the worker is replaced while the second is being answered: the answers come
        # in order, the last one given says that it is the last, and the client asks again for the others.
        self.upstream.set(first_byte_delay=0.3)

        async def run():
            connection = Connection(self.gateway.port)
            await connection.open()
            data = [request_bytes(chat(), headers=b"X-Request-Id: r%d\r\n" % n) for n in range(8)]
            connection.writer.write(b"".join(data))
            replies = [await read_reply(connection.reader, Reply(connection.port, False))]
            await asyncio.to_thread(self.restart)
            while replies[-1].stays_open and len(replies) < 8:
                replies.append(await read_reply(connection.reader, Reply(connection.port, False)))
            rest = await connection.reader.read()
            connection.close()
            for again in data[len(replies):]:
                replies.append(await connection.ask(again, False))
            connection.close()
            return replies, rest

        replies, rest = asyncio.run(run())
        self.assertTrue(all(reply.good for reply in replies), replies)
        self.assertEqual([reply.headers["x-request-id"] for reply in replies], [f"r{n}" for n in range(8)])
        self.assertEqual(rest, b"", "something came after the last answer")
        self.assertIn(False, [reply.stays_open for reply in replies])


if __name__ == "__main__":
    unittest.main()
