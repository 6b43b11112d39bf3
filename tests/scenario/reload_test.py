# Promise: a reload, however often and under whatever load, refuses no connection, fails no request and cuts no stream.
import os
import signal
import socket
import unittest

from harness import Scenario, chat, free_port, wait_for
from load import Load, is_gone, start_asking

RELOADS = 100 if os.environ.get("NEXUS_LONG") == "1" else 20


class Reloading(Scenario):
    def set_up(self, workers=2, **options):
        self.upstream = self.backend()
        self.gateway = self.nexus([self.upstream], workers=workers, **options)

    def write(self, backends=None, **options):
        self.gateway.write_conf([self.upstream] if backends is None else backends, **options)

    def version(self):
        return self.gateway.status()["config"]["version"]

    def reload(self, good=True):
        """By the console: returns when it is done, with what it says."""
        code, text = self.gateway.admin("reload")
        self.assertEqual(code == 0, good, text)
        return text

    def wait_workers(self, count):
        """Until that many request workers serve and none drains."""
        def there():
            states = [process["state"] for process in self.gateway.status()["processes"] if process["role"] == "request"]
            return states == ["ready"] * count
        wait_for(f"{count} request workers", there, 30)

    def refuses(self, host="127.0.0.1", port=0):
        try:
            socket.create_connection((host, port or self.gateway.port), 10).close()
        except ConnectionRefusedError:
            return True
        return False

    def wait_reloaded(self, version, seconds=20):
        wait_for("the reload", lambda: self.version() > version, seconds)


class UnderLoad(Reloading):
    def test_many_reloads(self):
        self.set_up()
        self.upstream.set(token_delay=0.02)
        with Load(self.gateway, whole=3, streams=3) as fresh, Load(self.gateway, whole=3, streams=3, keep_alive=True) as kept:
            pids = self.gateway.pids("request")
            for turn in range(RELOADS):
                # Every other reload replaces all workers, for one more address; the others change a LIVE key only.
                self.write(server=f"max_headers = {50 + turn};")
                text = self.gateway.conf.read_text()
                if turn % 4 in (1, 2):
                    # Given up two reloads ago, it must be free: whoever still drains has let go of it.
                    wait_for("the address to be free", lambda: turn % 4 == 2 or self.refuses("127.0.0.2"))
                    self.gateway.conf.write_text(text.replace('host = "127.0.0.1"', 'host = ["127.0.0.1", "127.0.0.2"]'))
                version = self.version()
                self.gateway.process.send_signal(signal.SIGHUP)
                self.wait_reloaded(version)
                now = self.gateway.pids("request")
                self.assertEqual(now == pids, turn % 2 == 0, f"reload {turn}: {pids}, then {now}")
                pids = now
                wait_for("requests to be answered", fresh.done(2), 30)
                wait_for("requests to be answered", kept.done(2), 30)
        self.assertEqual(fresh.failures + kept.failures, [])
        self.assertEqual(self.gateway.status()["crashes"], [])
        self.assertEqual(self.gateway.chat().status, 200)

    def test_many_generations(self):
        # Each reload replaces every worker; long streams keep the old ones alive, so that generations pile up.
        self.set_up()
        self.upstream.set(token_delay=0.1, tokens=20)
        with Load(self.gateway, whole=3, streams=6) as fresh, Load(self.gateway, whole=3, streams=3, keep_alive=True) as kept:
            pids = set(self.gateway.pids("request"))
            for turn in range(RELOADS):
                code, text = self.gateway.admin("worker restart request")
                self.assertEqual(code, 0, text)
                now = set(self.gateway.pids("request"))
                self.assertTrue(len(now) == 2 and not now & pids, (pids, now))
                pids = now
        self.assertEqual(fresh.failures + kept.failures, [])
        self.wait_workers(2)
        self.assertEqual(self.gateway.status()["crashes"], [])

    def test_streams_outlive_their_generation(self):
        self.set_up(server="idle_timeout_seconds = 60;")
        self.upstream.set(token_delay=0.5, tokens=8)
        finish = start_asking(self.gateway, [chat(stream=True)] * 6)
        wait_for("the streams to flow", lambda: [record["events"] > 0 for record in self.upstream.inference()] == [True] * 6)
        old = self.gateway.pids("request")
        self.assertEqual(self.gateway.admin("worker restart request")[0], 0)
        self.assertTrue(any(not is_gone(pid) for pid in old), "nothing drains: nothing was tested")
        self.assertEqual(self.gateway.chat(stream=False).status, 200)
        self.assertTrue(all(reply.good for reply in finish()))
        wait_for("the old workers to leave", lambda: all(is_gone(pid) for pid in old), 20)

    def test_changed_number_of_workers(self):
        self.set_up(workers=2)
        self.upstream.set(token_delay=0.02)
        with Load(self.gateway, whole=4, streams=4) as fresh, Load(self.gateway, whole=4, streams=4, keep_alive=True) as kept:
            pids = self.gateway.pids("request")
            for count in (4, 1, 3, 2):
                self.write(workers=count)
                self.assertIn("server.workers", self.reload())
                self.wait_workers(count)
                now = self.gateway.pids("request")
                # Only the difference comes or goes.
                self.assertEqual(len(set(now) & set(pids)), min(len(now), len(pids)))
                pids = now
                wait_for("requests to be answered", fresh.done(5), 30)
                wait_for("requests to be answered", kept.done(5), 30)
        self.assertEqual(fresh.failures + kept.failures, [])


class WhatChanges(Reloading):
    def setUp(self):
        self.set_up()

    def test_live_key_needs_no_new_workers(self):
        pids = self.gateway.pids("request")
        self.write(server="max_body_bytes = 2048;")
        self.assertIn("server.max_body_bytes", self.reload())
        self.assertEqual(self.gateway.pids("request"), pids)
        self.assertEqual(self.gateway.chat(user="x" * 3000).status, 413)
        self.write(conf='routing = { aliases = ( { name = "nick"; target = "fake-model"; } ); };')
        self.assertIn("routing.aliases", self.reload())
        self.assertEqual(self.gateway.chat(model="nick").status, 200)
        self.assertEqual(self.gateway.chat(user="x" * 3000).status, 200)
        self.assertEqual(self.gateway.pids("request"), pids)

    def test_nothing_changed(self):
        pids = self.gateway.pids("request")
        self.assertNotIn("changed:", self.reload())
        self.assertEqual(self.gateway.pids("request"), pids)

    def test_mistake_keeps_the_old_configuration(self):
        pids, version, good = self.gateway.pids("request"), self.version(), self.gateway.conf.read_text()
        self.gateway.conf.write_text("# one\nserver = { port = 70000; workers = 900; };\n")
        said = self.reload(good=False)
        self.assertIn(f"{self.gateway.conf}:2: server.port", said)
        self.assertIn(f"{self.gateway.conf}:2: server.workers", self.gateway.log())
        self.assertEqual((self.gateway.pids("request"), self.version()), (pids, version))
        self.assertEqual(self.gateway.chat().status, 200)
        # By the signal too: the sentence is in the log, the daemon serves on.
        self.gateway.conf.write_text("server = {\n")
        self.gateway.process.send_signal(signal.SIGHUP)
        wait_for("the refusal", lambda: "the configuration stays as it was" in self.gateway.log().split("console: reloading")[-1]
                 and "syntax error" in self.gateway.log())
        self.assertEqual(self.gateway.chat().status, 200)
        self.gateway.conf.write_text(good)
        self.reload()
        self.assertEqual(self.gateway.pids("request"), pids)

    def test_what_cannot_change_now_is_named(self):
        self.write(server="max_concurrent_requests = 5;")
        self.assertIn("server.max_concurrent_requests", self.reload())
        self.assertEqual(self.gateway.status()["pending_upgrade_keys"], ["server.max_concurrent_requests"])
        self.assertEqual(self.gateway.chat().status, 200)

    def test_another_port(self):
        # New workers listen on the new address before the old ones stop. These drain for as long as their streams have,
        # but from then on nobody listens on the old one: a connection is refused there, not left waiting.
        self.upstream.set(token_delay=0.3, tokens=20)
        finish = start_asking(self.gateway, [chat(stream=True)] * 2)
        wait_for("the streams to flow", lambda: [record["events"] > 0 for record in self.upstream.inference()] == [True] * 2)
        old, self.gateway.port = self.gateway.port, free_port()
        self.write()
        self.assertIn("server.port", self.reload())
        wait_for("the old port to be closed", lambda: self.refuses(port=old))
        self.assertIn("draining", [process["state"] for process in self.gateway.status()["processes"]])
        self.upstream.reset()
        self.assertEqual(self.gateway.chat().status, 200)
        self.assertTrue(all(reply.good for reply in finish()))

    def test_port_of_another_keeps_the_old_one(self):
        other = self.nexus([])
        text = self.gateway.conf.read_text()
        self.gateway.conf.write_text(text.replace(f"port = {self.gateway.port}", f"port = {other.port}"))
        self.assertIn(f"127.0.0.1:{other.port}", self.reload(good=False))
        self.assertEqual(self.gateway.chat().status, 200)

    def test_backends_come_and_go(self):
        second = self.backend(models=("second-model",))
        pids = self.gateway.pids("request")
        with Load(self.gateway, whole=2, streams=2) as load:
            for _ in range(3):
                self.assertEqual(self.gateway.chat(model="second-model").status, 404)
                self.write([self.upstream, second])
                self.assertIn("backends", self.reload())
                self.gateway.wait_status("b1", "healthy")
                wait_for("the new model to be served", lambda: self.gateway.chat(model="second-model").status == 200)
                self.write([self.upstream])
                self.reload()
                wait_for("the model to be gone", lambda: self.gateway.chat(model="second-model").status == 404)
                self.assertEqual(list(self.gateway.backends()), ["b0"])
        self.assertEqual(load.failures, [])
        self.assertEqual(self.gateway.pids("request"), pids)

    def test_stream_of_a_backend_that_is_removed_is_finished(self):
        self.upstream.set(token_delay=0.2, tokens=10)
        finish = start_asking(self.gateway, [chat(stream=True)] * 2)
        wait_for("the streams to flow", lambda: [record["events"] > 0 for record in self.upstream.inference()] == [True] * 2)
        other = self.backend(models=("other-model",))
        self.write([{"name": "other", "type": "generic", "url": other.url}])
        self.reload()
        wait_for("the backend to be gone", lambda: list(self.gateway.backends()) == ["other"])
        self.assertTrue(all(reply.good for reply in finish()))
        wait_for("its model to be gone", lambda: self.gateway.chat().status == 404)


if __name__ == "__main__":
    unittest.main()
