# Promise: kill -9 of any worker, at any moment, costs only the requests in its hands; nothing leaks, nothing is settled twice.
import contextlib
import os
import random
import signal
import time
import unittest

from harness import PATIENCE, Scenario, chat, wait_for
from load import Load, ask_all, clients_of, is_gone, process_state, start_asking

LONG = os.environ.get("NEXUS_LONG") == "1"
os.environ["NEXUS_TEST_KEY"] = "sk-test"


class Killing(Scenario):
    """A gateway before a server that costs money, so that every request goes through the outbox."""

    PLACES = 90

    def set_up(self, workers):
        self.upstream = self.backend()
        self.upstream.set(token_delay=0.01)
        self.gateway = self.nexus([self.paid()], workers=workers)

    def paid(self):
        return {"name": "paid", "type": "openai", "url": self.upstream.url, "api_key": "env:NEXUS_TEST_KEY",
                "max_concurrency": self.PLACES}

    def write_conf(self, workers):
        self.gateway.write_conf([self.paid()], workers=workers)

    def kill(self, pid):
        """Stops the process, notes whose connections it holds, kills it; their ports. None when it has just left."""
        held = set()
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            os.kill(pid, signal.SIGSTOP)
            wait_for("the process to stop", lambda: is_gone(pid) or process_state(pid) in "Tt")
            try:
                held = clients_of(self.gateway, pid)
            finally:
                os.kill(pid, signal.SIGKILL)
            wait_for("the process to be gone", lambda: is_gone(pid))
        return held

    def wait_ready(self, count):
        def ready():
            states = [process["state"] for process in self.gateway.status()["processes"]]
            return len(states) == count and set(states) == {"ready"}
        wait_for("every worker to be ready again", ready, 20)

    def outbox(self):
        """How many requests went to the outbox so far, over all columns."""
        return sum(column["ended"] for column in self.gateway.status()["columns"])

    def expect_nothing_leaked(self, load, beside=0):
        wait_for("all that has ended to be settled", self.gateway.settled)
        wait_for("every place to be given back",
                 lambda: self.gateway.backends()["paid"]["pending_requests"] == 0)
        # Each request that was answered was counted once, each that broke at most once.
        good = sum(attempt.good for attempt in load.attempts) + beside
        most = len(load.attempts) + beside
        self.assertTrue(good <= self.outbox() <= most, (good, self.outbox(), most))
        # A place that leaked would be missed now, one given back twice would let too many through.
        self.upstream.set(token_delay=0.0, first_byte_delay=2.0 * PATIENCE)
        replies = ask_all(self.gateway, [chat(stream=n % 2 == 0) for n in range(self.PLACES + 10)])
        self.assertEqual(sum(reply.good for reply in replies), self.PLACES, replies)
        self.assertEqual({reply.status for reply in replies}, {200, 503})


class OneWorker(Killing):
    def setUp(self):
        self.set_up(workers=2)

    def test_request_worker(self):
        held = set()
        with Load(self.gateway, whole=6, streams=6) as load:
            for turn in range(3):
                wait_for("requests to be answered", load.done(20), 30)
                held |= self.kill(self.gateway.pids("request")[turn % 2])
                wait_for("requests to be answered", load.done(20), 30)
                self.wait_ready(4)
        self.assertTrue(held)
        self.assertTrue(load.failures, "none of its requests broke: nothing was tested")
        for reply in load.failures:
            self.assertTrue(reply.broken, f"neither an answer nor an end: {reply}")
            self.assertIn(reply.port, held, f"not the dead worker's: {reply}")
        crashes = [crash["line"] for crash in self.gateway.status()["crashes"]]
        self.assertEqual(len(crashes), 3, crashes)
        self.expect_nothing_leaked(load)

    def test_only_request_worker_is_back_at_once(self):
        # Both die: who connects in between waits in the kernel's queue and is served.
        with Load(self.gateway, whole=2, streams=2) as load:
            wait_for("requests to be answered", load.done(10), 30)
            held = set()
            for pid in self.gateway.pids("request"):
                held |= self.kill(pid)
            replies = ask_all(self.gateway, [chat(stream=False) for _ in range(20)])
        self.assertTrue(all(reply.good for reply in replies), replies)
        self.assertEqual([reply for reply in load.failures if reply.port not in held], [])
        self.expect_nothing_leaked(load, beside=20)

    def expect_no_failure(self, role):
        with Load(self.gateway, whole=6, streams=6) as load:
            for _ in range(3):
                wait_for("requests to be answered", load.done(20), 30)
                self.kill(self.gateway.pids(role)[0])
                wait_for("requests to be answered", load.done(20), 30)
                self.wait_ready(4)
        self.assertEqual(load.failures, [])
        self.expect_nothing_leaked(load)

    def test_health_worker(self):
        self.expect_no_failure("health")

    def test_budget_worker(self):
        self.expect_no_failure("budget")

    def test_what_ends_while_no_budget_worker_lives_is_settled_later(self):
        before = self.outbox()
        pid = self.gateway.pids("budget")[0]
        os.kill(pid, signal.SIGSTOP)
        replies = ask_all(self.gateway, [chat(stream=n % 2 == 0) for n in range(20)])
        self.assertTrue(all(reply.good for reply in replies), replies)
        self.assertEqual(self.outbox() - before, 20)
        self.assertFalse(self.gateway.settled())
        os.kill(pid, signal.SIGKILL)
        wait_for("all that has ended to be settled", self.gateway.settled)


class EveryWorker(Killing):
    """Deaths at random, in whatever the service is doing. A client that asks once more never notices."""

    SECONDS = 60 if LONG else 15

    def expect_service(self, turn, retries):
        """Calls turn() every half second, under load; it returns the ports of the clients whose worker it killed."""
        self.set_up(workers=4)
        turns, held = 0, set()
        with Load(self.gateway, whole=4, streams=4, retries=retries, pause=0.01) as load:
            end = time.monotonic() + self.SECONDS
            while time.monotonic() < end:
                held |= turn()
                turns += 1
                time.sleep(0.5)
        self.assertEqual(load.failures, [], f"after {turns} turns")
        self.assertEqual([reply for reply in load.attempts if not reply.good and reply.port not in held], [])
        self.assertGreater(turns, self.SECONDS / 2)
        self.assertGreater(len(load.replies), 100)
        self.wait_ready(2 + self.gateway.workers)
        self.expect_nothing_leaked(load)

    def kill_any(self):
        return self.kill(self.dice.choice([process["pid"] for process in self.gateway.status()["processes"] if process["pid"]]))

    def reload_any(self):
        self.write_conf(self.dice.choice((3, 4, 5)))
        self.gateway.process.send_signal(signal.SIGHUP)
        return set()

    def restart_any(self):
        self.gateway.admin(f"worker restart {self.dice.choice(('request', 'health', 'budget'))}")
        return set()

    def setUp(self):
        self.dice = random.Random(4)

    def test_one_every_half_second(self):
        self.expect_service(self.kill_any, retries=1)

    def test_while_workers_are_replaced(self):
        self.expect_service(lambda: self.dice.choice((self.kill_any, self.kill_any, self.reload_any, self.restart_any))(), retries=2)


class Stopped(Killing):
    """A worker that neither works nor dies is ended within its hang limit, and replaced; the others go on meanwhile."""

    def test_stopped_request_worker(self):
        self.set_up(workers=2)
        pid = self.gateway.pids("request")[0]
        with Load(self.gateway, whole=10, streams=10) as load:
            wait_for("requests to be answered", load.done(50), 30)
            os.kill(pid, signal.SIGSTOP)
            stopped = time.monotonic()
            wait_for("the process to stop", lambda: process_state(pid) == "T")
            held = clients_of(self.gateway, pid)
            self.assertTrue(held)
            self.expect_service_without(pid, load)
            wait_for("the stopped worker to be ended", lambda: is_gone(pid), 25)
            waited = time.monotonic() - stopped
            self.wait_ready(4)
            wait_for("requests to be answered", load.done(50), 30)
        self.assertGreater(waited, 8, "killed before its time")
        self.assertEqual([reply for reply in load.failures if reply.port not in held], [])
        self.assertTrue(all(reply.broken for reply in load.failures), load.failures)
        self.expect_nothing_leaked(load, beside=60)

    def expect_service_without(self, pid, load):
        """The rule that spreads connections must not wait for a worker that takes none: 60 more than its share come."""
        self.upstream.set(token_delay=0.4)  # a few at a time would take them longer than the stopped worker has
        finish = start_asking(self.gateway, [chat(stream=True) for _ in range(60)])
        wait_for("requests to be answered by the other", load.done(20), 8)
        replies = finish()
        self.assertTrue(all(reply.good for reply in replies), replies)
        self.assertEqual(process_state(pid), "T")


if __name__ == "__main__":
    unittest.main()
