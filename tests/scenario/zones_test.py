# Promise: not one byte of a restricted prompt reaches an open backend, whatever fails; and nobody gets another model unasked.
import json
import threading
import time
import unittest

from harness import Scenario, chat, wait_for

CANARY = "canary-7f3a91c4"


def messages(*turns):
    roles = ("user", "assistant")
    return [{"role": roles[n % 2], "content": turn} for n, turn in enumerate(turns)]


def declared(scenario, entries, routing, models):
    """A daemon whose file says more of one model of some backends (by URL) than their servers do."""
    gateway = scenario.nexus(entries, conf=f"routing = {{ {routing} }};", start=False)
    text = gateway.conf.read_text()
    for url, model in models.items():
        text = text.replace(f'url = "{url}";', f'url = "{url}"; models = ( {{ {model} }} );')
    gateway.conf.write_text(text)
    gateway.start()
    for entry in entries:
        gateway.wait_status(entry["name"], "healthy")
    return gateway


class Zones(Scenario):
    """A server at home and one in the open; both are fakes on loopback, the zone is what the configuration says."""

    routing = ""

    def setUp(self):
        self.home = self.backend(models=("private", "shared"))
        self.cloud = self.backend(models=("shared", "public"))
        self.gateway = self.nexus(self.entries(), conf=self.conf(), workers=2)

    def entries(self):
        return [self.entry("home", self.home, "restricted"), self.entry("cloud", self.cloud, "open", priority=1)]

    def entry(self, name, backend, zone, **more):
        return {"name": name, "type": "generic", "url": backend.url, "zone": zone, **more}

    def conf(self):
        return f"routing = {{ {self.routing} }};"

    def ask(self, model, headers=None, stream=False, turns=(CANARY,), **more):
        return self.gateway.chat(headers=headers, model=model, stream=stream, messages=messages(*turns), **more)

    def reload(self, routing):
        self.gateway.write_conf(self.entries(), conf=f"routing = {{ {routing} }};")
        code, text = self.gateway.admin("reload")
        self.assertEqual(code, 0, text)

    def assert_canary_stayed(self, *open_backends):
        for backend in open_backends or (self.cloud,):
            for record in backend.stats()["recent"]:
                self.assertNotIn(CANARY, json.dumps(record))

    def assert_refused_at_home(self, answer, key):
        self.assertEqual(answer.status, 503, answer.body)
        self.assertEqual(answer.error["context"]["required_zone"], "restricted")
        self.assertIn(key, answer.error["message"])
        self.assertIn("restricted", answer.error["message"])
        self.assertGreater(int(answer.headers["Retry-After"]), 0)


class AtHome(Zones):
    """routing.cross_zone = "block", the default, and no policy at all."""

    routing = """ aliases = ( { name = "nick"; target = "shared"; } );
        fallbacks = ( { model = "private"; chain = ["public"]; }, { model = "nick"; chain = ["public"]; } );"""

    def test_served_at_home(self):
        for model in ("private", "shared", "nick"):
            answer = self.ask(model)
            self.assertEqual(answer.headers["X-Nexus-Backend"], "home")
            self.assertEqual(answer.headers["X-Nexus-Privacy-Zone"], "restricted")
        # An open backend that was left out is the reason, although it is preferred by priority.
        self.assertEqual(self.ask("shared").headers["X-Nexus-Route-Reason"], "privacy-requirement")
        self.assertEqual(self.ask("private").headers["X-Nexus-Route-Reason"], "capability-match")
        self.assert_canary_stayed()

    def test_what_is_only_in_the_open_goes_there(self):
        answer = self.ask("public", turns=("nothing secret",))
        self.assertEqual((answer.status, answer.headers["X-Nexus-Backend"]), (200, "cloud"))
        self.assertEqual(answer.headers["X-Nexus-Privacy-Zone"], "open")

    def test_no_failure_leads_out(self):
        for failure in ({"status": 500}, {"status": 429}, {"reset": "request"}, {"close": True}, {"bad_json": True},
                        {"error_after": 0}, {"cut_after": 0}, {"raw": "nonsense"}, {"reset": "accept"}):
            self.home.set(**failure)
            for model in ("private", "shared", "nick"):
                for stream in (False, True):
                    with self.subTest(failure=failure, model=model, stream=stream):
                        answer = self.ask(model, stream=stream, headers={"X-Nexus-Flexible": "true"})
                        # Some of these failures are a stream's only.
                        if answer.status == 200:
                            self.assertEqual(answer.headers["X-Nexus-Backend"], "home")
            self.home.reset()
        self.assert_canary_stayed()

    def test_gone(self):
        self.home.kill()
        for model in ("private", "shared", "nick"):
            self.ask(model)
        self.gateway.wait_status("home", "unhealthy")
        for model in ("private", "shared", "nick"):
            self.assert_refused_at_home(self.ask(model), "routing.cross_zone = \"block\"")
        self.assert_canary_stayed()


class ByPolicy(Zones):
    """A policy binds even where cross_zone would let everything out."""

    routing = """ cross_zone = "allow"; aliases = ( { name = "hr-nick"; target = "public"; }, { name = "open-nick"; target = "private"; } );
        fallbacks = ( { model = "private"; chain = ["shared", "public"]; } );
        policies = ( { model_pattern = "hr-*"; privacy = "restricted"; }, { model_pattern = "private"; privacy = "restricted"; } );"""

    def test_absolute(self):
        self.assertEqual(self.ask("private").headers["X-Nexus-Backend"], "home")
        self.home.set(status=500)
        for stream in (False, True):
            for model in ("private", "open-nick", "hr-nick"):
                self.assertGreaterEqual(self.ask(model, stream=stream).status, 500)
        self.home.kill()
        self.gateway.wait_status("home", "unhealthy")
        self.assert_refused_at_home(self.ask("private"), "routing.policies")
        self.assert_refused_at_home(self.ask("open-nick"), "routing.policies")
        # Only the open zone has what this alias comes to; its own name forbids that.
        self.assert_refused_at_home(self.ask("hr-nick"), "\"hr-*\"")
        self.assert_canary_stayed()
        # Without a policy it may leave here.
        answer = self.ask("shared", turns=("nothing secret",))
        self.assertEqual((answer.status, answer.headers["X-Nexus-Backend"]), (200, "cloud"))

    def test_a_chain_stays_at_home(self):
        self.home.set(times=1, status=500)
        answer = self.ask("private")
        self.assertEqual((answer.status, answer.headers["X-Nexus-Fallback-Model"]), (200, "shared"))
        self.assertEqual(answer.headers["X-Nexus-Backend"], "home")
        self.assertEqual(answer.headers["X-Nexus-Route-Reason"], "privacy-requirement")
        self.assert_canary_stayed()


class OverReloads(Zones):
    """Restricted requests run while the configuration is turned over and home comes and goes."""

    routing = """ policies = ( { model_pattern = "private"; privacy = "restricted"; } ); """

    VARIANTS = (
        """ policies = ( { model_pattern = "private"; privacy = "restricted"; } ); cross_zone = "allow";
            fallbacks = ( { model = "private"; chain = ["public", "shared"]; } ); """,
        """ policies = ( { model_pattern = "pri*"; privacy = "restricted"; } ); aliases = ( { name = "nick"; target = "private"; } );
            strategy = "round_robin"; cross_zone = "allow"; """,
        """ cross_zone = "block"; fallbacks = ( { model = "private"; chain = ["public"]; } ); """,
    )

    def test_canary(self):
        stop, seen = threading.Event(), {}

        def run(stream):
            while not stop.is_set():
                try:
                    status = self.ask("private", stream=stream, headers={"X-Nexus-Flexible": "true"}).status
                except OSError:
                    status = "lost"
                seen[status] = seen.get(status, 0) + 1

        threads = [threading.Thread(target=run, args=(n % 2 == 0,)) for n in range(4)]
        for thread in threads:
            thread.start()
        try:
            for turn in range(9):
                if turn % 3 == 1:
                    self.home.refuse_for(0.4)
                self.reload(self.VARIANTS[turn % 3])
                time.sleep(0.25)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertGreater(seen.get(200, 0), 20, seen)
        self.assert_canary_stayed()
        self.assertEqual(self.cloud.inference(), [])


class Leaving(Zones):
    def lose_home(self):
        self.home.kill()
        self.gateway.wait_status("home", "unhealthy")

    def test_allow(self):
        self.reload('cross_zone = "allow";')
        self.lose_home()
        self.assertEqual(self.ask("shared", turns=("a", "b", "c")).headers["X-Nexus-Backend"], "cloud")

    def test_fresh_only(self):
        self.reload('cross_zone = "fresh_only";')
        self.lose_home()
        self.assertEqual(self.ask("shared", turns=("a",)).headers["X-Nexus-Backend"], "cloud")
        self.assert_refused_at_home(self.ask("shared", turns=(CANARY, "b", "c")), "routing.cross_zone = \"fresh_only\"")
        self.assert_canary_stayed()


class Substitutes(Scenario):
    CHAIN = 'fallbacks = ( { model = "first"; chain = ["weak", "second"]; } ); max_retries = 1;'

    def set_up(self, routing=CHAIN):
        self.one = self.backend(models=("first",))
        self.two = self.backend(models=("second", "weak", "third"))
        self.gateway = declared(self, [
            {"name": "one", "type": "generic", "url": self.one.url, "tier": 3},
            {"name": "two", "type": "generic", "url": self.two.url, "tier": 3},
        ], routing, {self.two.url: 'id = "weak"; tier = 1;'})

    def test_fallback_is_told_everywhere(self):
        self.set_up()
        self.one.set(status=500)
        for stream in (False, True):
            with self.subTest(stream=stream):
                answer = self.gateway.chat(model="first", stream=stream)
                self.assertEqual(answer.status, 200, answer.body)
                self.assertEqual(answer.headers["X-Nexus-Fallback-Model"], "second")
                self.assertEqual(answer.headers["X-Nexus-Model"], "second")
                self.assertEqual(answer.headers["X-Nexus-Route-Reason"], "fallback")
                self.assertEqual(answer.headers["X-Nexus-Attempts"], "2")
                self.assertEqual(json.loads(self.two.inference()[-1]["body"])["model"], "second")
                # To the client it is the model it asked for.
                bodies = [answer.json] if not stream else [json.loads(e) for e in answer.events if e != "[DONE]"]
                self.assertEqual({body["model"] for body in bodies}, {"first"})
        self.assertRegex(self.gateway.log(), r'(?i)warn.*"second" is used instead of "first"')
        self.assertEqual([json.loads(r["body"])["model"] for r in self.two.inference()], ["second"] * 2)

    def test_not_asked_for_nothing(self):
        self.set_up()
        answer = self.gateway.chat(model="first")
        self.assertIsNone(answer.headers["X-Nexus-Fallback-Model"])
        self.assertEqual(answer.headers["X-Nexus-Route-Reason"], "capability-match")

    def test_when_it_is_down(self):
        self.set_up()
        self.one.kill()
        self.gateway.wait_status("one", "unhealthy")
        answer = self.gateway.chat(model="first")
        self.assertEqual((answer.headers["X-Nexus-Fallback-Model"], answer.headers["X-Nexus-Attempts"]), ("second", "1"))
        self.assertIn("unhealthy", self.gateway.log())

    def test_strict(self):
        self.set_up()
        self.one.set(status=500)
        self.assertEqual(self.gateway.chat(model="first", headers={"X-Nexus-Strict": "true"}).status, 502)
        self.one.kill()
        self.gateway.wait_status("one", "unhealthy")
        self.assertEqual(self.gateway.chat(model="first", headers={"X-Nexus-Strict": "true"}).status, 503)
        self.assertEqual(self.two.inference(), [])
        self.assertEqual(self.gateway.chat(model="first", headers={"X-Nexus-Strict": "false"}).status, 200)

    def test_flexible(self):
        self.set_up("max_retries = 0;")
        self.one.set(status=500)
        self.assertEqual(self.gateway.chat(model="first").status, 502)
        answer = self.gateway.chat(model="first", headers={"X-Nexus-Flexible": "TRUE"})
        self.assertEqual(answer.status, 200)
        self.assertIn(answer.headers["X-Nexus-Fallback-Model"], ("second", "third"))
        self.assertEqual(answer.json["model"], "first")

    def test_bad_headers(self):
        self.set_up()
        for headers in ({"X-Nexus-Strict": "true", "X-Nexus-Flexible": "true"}, {"X-Nexus-Strict": "yes"}, {"X-Nexus-Flexible": ""}):
            with self.subTest(headers=headers):
                answer = self.gateway.chat(model="first", headers=headers)
                self.assertEqual(answer.status, 400)
                self.assertIn("X-Nexus-", answer.error["message"])
        self.assertEqual(self.gateway.chat(model="first").status, 200)

    def test_busy(self):
        self.set_up()
        text = self.gateway.conf.read_text().replace(f'url = "{self.one.url}";', f'url = "{self.one.url}"; max_concurrency = 1;')
        self.gateway.conf.write_text(text)
        self.assertEqual(self.gateway.admin("reload")[0], 0)
        wait_for("the limit", lambda: self.gateway.backends()["one"]["max_concurrency"] == 1)
        self.one.set(first_byte_delay=2)
        first = threading.Thread(target=self.gateway.chat, kwargs={"model": "first"})
        first.start()
        wait_for("the first to run", lambda: self.one.stats()["running"] == 1)
        answer = self.gateway.chat(model="first")
        first.join()
        self.assertEqual((answer.status, answer.headers["X-Nexus-Fallback-Model"]), (200, "second"))

    def test_same_backend_another_model(self):
        self.set_up('fallbacks = ( { model = "second"; chain = ["third"]; } ); max_retries = 0;')
        self.two.set(times=1, status=500)
        answer = self.gateway.chat(model="second")
        self.assertEqual((answer.status, answer.headers["X-Nexus-Fallback-Model"]), (200, "third"))
        self.assertEqual(answer.headers["X-Nexus-Backend"], "two")
        # No further request shares what the failed one left on the connection.
        self.assertEqual(self.gateway.chat(model="second").json["model"], "second")


class TooLong(Scenario):
    def test_a_longer_context(self):
        brief = self.backend(kind="openai", models=("brief",))
        wide = self.backend(kind="openai", models=("wide", "unknown"))
        gateway = declared(self, [{"name": "brief", "type": "generic", "url": brief.url},
                                  {"name": "wide", "type": "generic", "url": wide.url}],
                           'fallbacks = ( { model = "brief"; chain = ["unknown", "wide"]; } );',
                           {brief.url: 'id = "brief"; context_length = 1000;',
                            wide.url: 'id = "wide"; context_length = 100000;'})
        brief.set(too_long=10)
        question = messages("word " * 50)
        for stream in (False, True):
            answer = gateway.chat(model="brief", messages=question, stream=stream)
            self.assertEqual((answer.status, answer.headers["X-Nexus-Fallback-Model"]), (200, "wide"), answer.body)
        # A strict client is told what the server said.
        answer = gateway.chat(model="brief", messages=question, headers={"X-Nexus-Strict": "true"})
        self.assertEqual(answer.status, 400)
        self.assertEqual({json.loads(r["body"])["model"] for r in wide.inference()}, {"wide"})


class Affinity(Scenario):
    def test_a_conversation_keeps_to_its_backend(self):
        backends = [self.backend() for _ in range(3)]
        gateway = self.nexus(backends, workers=4)
        used = {}
        for conversation in range(24):
            turns = [f"conversation {conversation}"]
            for _ in range(4):
                answer = gateway.chat(messages=messages(*turns))
                used.setdefault(conversation, set()).add(answer.headers["X-Nexus-Backend"])
                turns += [answer.text, "go on"]
        self.assertTrue(all(len(names) == 1 for names in used.values()), used)
        self.assertEqual(set().union(*used.values()), {"b0", "b1", "b2"})

    def test_a_session_is_a_conversation(self):
        backends = [self.backend() for _ in range(3)]
        gateway = self.nexus(backends, workers=2)
        for header in ("X-Nexus-Session", "X-Claude-Code-Session-Id"):
            names = {gateway.chat(messages=messages(f"turn {n}"), headers={header: "s1"}).headers["X-Nexus-Backend"]
                     for n in range(12)}
            self.assertEqual(len(names), 1, header)


if __name__ == "__main__":
    unittest.main()
