# Promise: the service begins whole or says why not, ends as it was told to, and never leaves a process or an unsettled request behind.
import os
import signal
import subprocess
import time
import unittest

from harness import NEXUS, Scenario, chat, wait_for
from load import ask_all, is_gone, start_asking

os.environ["NEXUS_TEST_KEY"] = "sk-test"


def paid(backend):
    return {"name": "paid", "type": "openai", "url": backend.url, "api_key": "env:NEXUS_TEST_KEY"}


class Killed(Scenario):
    def setUp(self):
        self.upstream = self.backend()
        self.gateway = self.nexus([paid(self.upstream)], workers=2)

    def kill_supervisor(self):
        pids = [process["pid"] for process in self.gateway.status()["processes"]]
        self.assertEqual(len(pids), 4)
        self.gateway.process.kill()
        self.gateway.process.wait()
        wait_for("all its processes to be gone", lambda: all(is_gone(pid) for pid in pids), 1)

    def test_all_its_processes_go_with_it_and_the_next_start_is_clean(self):
        for _ in range(2):
            self.kill_supervisor()
            # At once: the port and the lock must be free again as soon as the processes are gone.
            self.gateway.log_path.write_text("")
            self.gateway.start()
            self.gateway.wait_status("paid", "healthy")
            self.assertEqual(self.gateway.chat().status, 200)

    def test_next_start_settles_what_was_open(self):
        self.upstream.set(token_delay=0.05, tokens=100000)
        whole = [chat(stream=False)] * 3
        finish = start_asking(self.gateway, [chat(stream=True)] * 5)
        wait_for("the streams to flow", lambda: [record["events"] > 0 for record in self.upstream.inference()] == [True] * 5)
        self.upstream.set(first_byte_delay=60.0)
        finish_whole = start_asking(self.gateway, whole)
        wait_for("the requests to arrive", lambda: len(self.upstream.inference()) == 8)
        self.kill_supervisor()
        for reply in finish() + finish_whole():
            self.assertTrue(reply.broken, reply)
        self.upstream.reset()
        self.gateway.log_path.write_text("")
        self.gateway.start()
        self.assertIn("8 requests of an earlier run are still to be settled", self.gateway.log())
        wait_for("them to be settled", self.gateway.settled)
        self.assertEqual(self.gateway.status()["columns"][-1]["settled_to"], 8)
        # Once: the start after an orderly stop finds nothing.
        self.assertEqual(self.gateway.stop(), 0)
        self.gateway.log_path.write_text("")
        self.gateway.start()
        self.assertNotIn("earlier run", self.gateway.log())

    def test_killed_with_the_budget_worker_dead(self):
        # What had ended, but was not settled, is not lost either.
        budget = self.gateway.pids("budget")[0]
        os.kill(budget, signal.SIGSTOP)
        replies = ask_all(self.gateway, [chat(stream=False)] * 5)
        self.assertTrue(all(reply.good for reply in replies), replies)
        self.assertFalse(self.gateway.settled())
        self.kill_supervisor()
        self.gateway.log_path.write_text("")
        self.gateway.start()
        self.assertIn("5 requests of an earlier run are still to be settled", self.gateway.log())
        wait_for("them to be settled", self.gateway.settled)


class Stopping(Scenario):
    def running(self, timeout, **behaviour):
        """A gateway with three streams and two whole answers under way: what the five are left with."""
        self.upstream = self.backend()
        self.gateway = self.nexus([self.upstream], server=f"stop_timeout_seconds = {timeout};", workers=2)
        self.upstream.set(**behaviour)
        finish = start_asking(self.gateway, [chat(stream=n < 3) for n in range(5)])
        wait_for("the requests to arrive", lambda: len(self.upstream.inference()) == 5)
        if behaviour.get("token_delay"):
            wait_for("the streams to flow", lambda: sum(record["events"] > 0 for record in self.upstream.inference()) >= 3)
        return finish

    def expect_exit(self, code, seconds):
        self.assertEqual(self.gateway.process.wait(seconds), code, self.gateway.log())

    def test_term_lets_requests_finish(self):
        for how in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(how=how):
                finish = self.running(30, token_delay=0.2, tokens=10, first_byte_delay=0.5)
                self.gateway.process.send_signal(how)
                replies = finish()
                self.assertTrue(all(reply.good for reply in replies), replies)
                self.expect_exit(0, 10)

    def test_term_tells_who_is_not_done_at_the_deadline(self):
        finish = self.running(1, token_delay=0.1, tokens=100000)
        self.upstream.set(first_byte_delay=60.0)
        finish_whole = start_asking(self.gateway, [chat(stream=False)] * 2)
        wait_for("the requests to arrive", lambda: len(self.upstream.inference()) == 7)
        self.gateway.process.send_signal(signal.SIGTERM)
        for reply in finish()[:3] + finish_whole():
            self.assertTrue(reply.said_error, reply)
            self.assertIn(b'"code":"shutting_down"', reply.body)
            self.assertEqual(reply.status, 200 if reply.stream else 503)
            self.assertFalse(reply.body.endswith(b"[DONE]\n\n"))
        self.expect_exit(0, 10)

    def test_second_term_ends_at_once(self):
        finish = self.running(60, token_delay=0.1, tokens=100000)
        self.gateway.process.send_signal(signal.SIGTERM)
        wait_for("the stop to begin", lambda: "stopping" in self.gateway.log())
        self.gateway.process.send_signal(signal.SIGTERM)
        self.expect_exit(0, 10)
        self.assertFalse(any(reply.good for reply in finish()[:3]))

    def test_quit_waits_as_long_as_requests_have(self):
        finish = self.running(0.2, token_delay=0.2, tokens=10)
        self.gateway.process.send_signal(signal.SIGQUIT)
        replies = finish()
        self.assertTrue(all(reply.good for reply in replies), replies)
        self.expect_exit(0, 10)

    def test_idle_connections_do_not_hold_it_up(self):
        self.upstream = self.backend()
        self.gateway = self.nexus([self.upstream], server="stop_timeout_seconds = 60;")
        fresh, used = self.gateway.connect(), self.gateway.connect()
        fresh.connect()
        used.request("GET", "/health")
        used.getresponse().read()
        self.gateway.process.send_signal(signal.SIGTERM)
        self.expect_exit(0, 10)
        fresh.close()
        used.close()


class Starting(Scenario):
    """Each start that fails ends with its exit code and one sentence that says what to do."""

    def expect_refusal(self, code, *texts, conf, seconds=20):
        done = subprocess.run([str(NEXUS), "serve", "-c", str(conf)], capture_output=True, text=True, timeout=seconds)
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, code, said)
        for text in texts:
            self.assertIn(text, said)

    def test_state_directory_of_another(self):
        gateway = self.nexus([])
        other = gateway.dir / "other.conf"
        other.write_text(gateway.conf.read_text().replace(f"port = {gateway.port}", "port = 1"))
        self.expect_refusal(1, f"another nexus (pid {gateway.process.pid})", f"{gateway.dir}/state", "server.state_dir",
                            conf=other)
        self.assertEqual(gateway.get("/livez").status, 200)
        self.assertEqual(len(gateway.pids("request")), 1)

    def test_port_of_another(self):
        gateway = self.nexus([])
        other = gateway.dir / "other.conf"
        other.write_text(gateway.conf.read_text().replace("/state\"", "/state2\""))
        self.expect_refusal(1, f"127.0.0.1:{gateway.port}", "another program", "server.port", conf=other)
        self.assertEqual(gateway.get("/livez").status, 200)

    def test_mistakes_in_the_configuration(self):
        gateway = self.nexus([], start=False)
        good = gateway.conf.read_text()
        for mistake, text in (("server = { workers = 900; };", "server.workers: 900 is over 64"),
                              ("sevrer = { port = 1; };", "sevrer"),
                              ("server = {", "syntax error")):
            with self.subTest(mistake=mistake):
                gateway.conf.write_text(f"# one\n# two\n{mistake}\n")
                self.expect_refusal(78, text, f"{gateway.conf}:", conf=gateway.conf)
        gateway.conf.write_text("# one\n# two\nserver = { workers = 900; };\n")
        self.expect_refusal(78, f"{gateway.conf}:3: server.workers", conf=gateway.conf)
        self.expect_refusal(78, "nowhere.conf", conf=gateway.dir / "nowhere.conf")
        gateway.conf.write_text(good)
        gateway.start()

    def test_state_directory_that_cannot_be(self):
        gateway = self.nexus([], start=False)
        gateway.log_path.touch()
        gateway.conf.write_text(gateway.conf.read_text().replace("/state\"", "/nexus.conf/state\""))
        self.expect_refusal(1, "server.state_dir", f"{gateway.conf}/state", conf=gateway.conf)


if __name__ == "__main__":
    unittest.main()
