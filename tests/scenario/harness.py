"""What every scenario stands on: the real daemon, fake backends, and clients that look closely.

Everything listens on loopback ports the kernel gave, lives in a temporary directory and is ended with its test.
"""
import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
FAKE = HERE.parent / "fake" / "fake_backend.py"
BUILD = pathlib.Path(os.environ.get("NEXUS_BUILD", HERE.parent.parent / "build"))
NEXUS = pathlib.Path(os.environ.get("NEXUS_BINARY", BUILD / "nexus"))
# Sanitizers and valgrind are slow; nothing here is timed, but much is waited for.
PATIENCE = float(os.environ.get("NEXUS_PATIENCE", "1"))


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(what, condition, seconds=10.0):
    """The first true value of condition(); fails the test after `seconds`."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds * PATIENCE:.0f} s in vain for {what}")
        time.sleep(0.02)


def chat(model="fake-model", stream=False, **more):
    return {"model": model, "messages": [{"role": "user", "content": "Say something."}], "stream": stream, **more}


class Backend:
    """One fake model server (tests/fake/fake_backend.py)."""

    def __init__(self, kind="openai", models=("fake-model",), port=0, **behaviour):
        command = [sys.executable, str(FAKE), "--kind", kind, "--models", ",".join(models), "--port", str(port),
                   "--with-parent"]
        for key, value in behaviour.items():
            command += ["--set", f"{key}={json.dumps(value)}"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        first = self.process.stdout.readline().split()
        if not first or first[0] != "listening":
            raise AssertionError("the fake backend did not start")
        self.port = int(first[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def _call(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            response = connection.getresponse()
            data = response.read()
            if response.status >= 300:
                raise AssertionError(f"fake backend: {data.decode()}")
            return json.loads(data) if data else None
        finally:
            connection.close()

    def set(self, **behaviour):
        self._call("POST", "/_control", behaviour)

    def server(self, **settings):
        self._call("POST", "/_control", {"server": settings})

    def reset(self):
        self._call("DELETE", "/_control")

    def refuse_for(self, seconds):
        """No listener and no connection for that long."""
        self._call("POST", "/_control", {"refuse_for": seconds})

    def stats(self):
        return self._call("GET", "/_stats")

    def inference(self):
        """What inference requests it was sent; header names in lower case."""
        records = [record for record in self.stats()["recent"] if record["path"].endswith(("/completions", "/embeddings"))]
        return [{**record, "headers": {name.lower(): value for name, value in record["headers"]}} for record in records]

    def clear(self):
        self._call("DELETE", "/_stats")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
            self.process.stdout.close()


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = response.headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json["error"]

    @property
    def events(self):
        """The data of a stream's events, [DONE] included."""
        return [line[6:] for line in self.body.decode().split("\n") if line.startswith("data: ")]

    @property
    def text(self):
        """The text a stream or a whole answer brought."""
        if not self.headers.get("content-type", "").startswith("text/event-stream"):
            return self.json["choices"][0]["message"]["content"]
        pieces = [json.loads(event) for event in self.events if event != "[DONE]"]
        return "".join(choice["delta"].get("content") or "" for piece in pieces for choice in piece.get("choices", []))


class Nexus:
    """The real daemon with a configuration of the test's."""

    def __init__(self, backends=(), conf="", server="", workers=1, arguments=(), start=True, health="", port=None):
        self.directory = tempfile.TemporaryDirectory(prefix="nexus-test-")
        self.dir = pathlib.Path(self.directory.name)
        self.port = port or free_port()
        self.workers = workers
        self.arguments = list(arguments)
        self.conf = self.dir / "nexus.conf"
        self.log_path = self.dir / "log"
        self.process = None
        self.write_conf(backends, conf, server, health)
        if start:
            self.start()

    def write_conf(self, backends=(), conf="", server="", health="", workers=None):
        self.workers = workers or self.workers
        entries = ",\n  ".join(
            "{ " + " ".join(f"{key} = {json.dumps(value)};" for key, value in
                            ({"name": f"b{index}", "type": "generic", "url": backend.url} if isinstance(backend, Backend)
                             else backend).items()) + " }"
            for index, backend in enumerate(backends))
        self.conf.write_text(f"""
server = {{ host = "127.0.0.1"; port = {self.port}; workers = {self.workers}; state_dir = "{self.dir}/state"; {server} }};
discovery = {{ enabled = false; }};
health_check = {{ interval_seconds = 1; unhealthy_interval_seconds = 1; timeout_seconds = 2; {health} }};
{conf}
backends = ( {entries} );
""")

    def start(self, wait=True):
        self.log_begins = len(self.log()) if self.log_path.exists() else 0
        with open(self.log_path, "a") as log:
            self.process = subprocess.Popen([str(NEXUS), "serve", "-c", str(self.conf), *self.arguments],
                                            stdout=log, stderr=log, start_new_session=True)
        if wait:
            wait_for("the daemon to be ready", self._is_up, 20)
        return self

    def _is_up(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the daemon ended with {self.process.returncode}:\n{self.log()}")
        return "ready: serving" in self.log()[self.log_begins:]

    def log(self):
        return self.log_path.read_text(errors="replace")

    def cli(self, *words, check=True):
        done = subprocess.run([str(NEXUS), *words, "--socket", str(self.dir / "state" / "admin.sock")],
                              capture_output=True, text=True, timeout=30 * PATIENCE)
        if check and done.returncode != 0:
            raise AssertionError(f"nexus {' '.join(words)}: {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def admin(self, line):
        """One command to the admin socket, as the command line sends it: the exit code and the answer."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30 * PATIENCE)
            connection.connect(str(self.dir / "state" / "admin.sock"))
            connection.sendall(line.encode() + b"\n")
            out = b""
            while piece := connection.recv(65536):
                out += piece
        code, _, text = out.decode().partition("\n")
        return int(code), text

    def ask(self, line):
        code, text = self.admin(line)
        if code != 0:
            raise AssertionError(f"{line}: {code}: {text}")
        return json.loads(text)

    def status(self):
        return self.ask("status")

    def backends(self):
        return {backend["name"]: backend for backend in self.ask("backends")["backends"]}

    def pids(self, role):
        return [process["pid"] for process in self.status()["processes"]
                if process["role"] == role and process["state"] == "ready"]

    def wait_status(self, name, status, seconds=10):
        wait_for(f"backend {name} to be {status}", lambda: self.backends()[name]["status"] == status, seconds)

    def connect(self, timeout=30):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout * PATIENCE)

    def request(self, method, path, body=None, headers=None):
        connection = self.connect()
        try:
            data = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
            connection.request(method, path, data, {"Content-Type": "application/json", **(headers or {})})
            response = connection.getresponse()
            return Answer(response, response.read())
        finally:
            connection.close()

    def get(self, path, headers=None):
        return self.request("GET", path, None, headers)

    def chat(self, headers=None, **fields):
        return self.request("POST", "/v1/chat/completions", chat(**fields), headers)

    def raw(self, data, timeout=10):
        """Sends bytes on a connection of their own; everything that comes back until the end."""
        with socket.create_connection(("127.0.0.1", self.port), timeout * PATIENCE) as connection:
            connection.sendall(data)
            out = b""
            with contextlib.suppress(ConnectionResetError):
                while piece := connection.recv(65536):
                    out += piece
            return out

    def settled(self):
        """Every column has settled what has ended."""
        return all(column["ended"] == column["settled_to"] for column in self.status()["columns"])

    def stop(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(15 * PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
                raise AssertionError(f"the daemon did not stop:\n{self.log()}")
        return self.process.returncode if self.process else None

    def close(self):
        try:
            self.stop()
        finally:
            self.directory.cleanup()


SANITIZER = re.compile(r"ERROR: (Address|Leak)Sanitizer|runtime error:|panic:")


class Scenario(unittest.TestCase):
    """A test with backends and a daemon that are ended with it; a sanitizer's finding or a panic fails it."""

    maxDiff = None

    def backend(self, *arguments, **behaviour):
        backend = Backend(*arguments, **behaviour)
        self.addCleanup(backend.stop)
        return backend

    def nexus(self, *arguments, healthy=True, **options):
        nexus = Nexus(*arguments, **options)
        self.addCleanup(self._end, nexus)
        if healthy and options.get("start", True):
            wait_for("every backend to be healthy",
                     lambda: all(backend["status"] == "healthy" for backend in nexus.backends().values()), 15)
        return nexus

    def _end(self, nexus):
        try:
            nexus.stop()
            log = nexus.log()
        finally:
            nexus.directory.cleanup()
        found = SANITIZER.search(log)
        if found and not getattr(self, "expects_panic", False):
            self.fail(f"found in the daemon's log: {log[found.start() - 200:found.start() + 2000]}")

    def run(self, result=None):
        outcome = super().run(result)
        return outcome
