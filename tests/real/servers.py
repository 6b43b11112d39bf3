"""Real inference servers: building them once, starting them on loopback ports, ending them.

Each builder returns what to start, or raises Unavailable with the reason. All is kept in one directory of the build.
"""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

from harness import PATIENCE, free_port, wait_for

HERE = pathlib.Path(__file__).resolve().parent
MODEL = HERE / "tiny.gguf"
PLACE = pathlib.Path(os.environ.get("NEXUS_REAL", "real"))
OLLAMA = "0.17.4"
# Debian packages of which Ollama's module only refers to the headers.
HEADERS = {"stb/stb_image.h": "libstb-dev", "nlohmann/json.hpp": "nlohmann-json3-dev"}


class Unavailable(Exception):
    """A server that cannot be had here, and why."""


def run(what, command, **options):
    done = subprocess.run(["nice", *map(str, command)], capture_output=True, text=True, **options)
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()
        raise Unavailable(f"{what}: {said[-1]}")
    return done.stdout


@contextlib.contextmanager
def built(folder, wanted):
    """Yields whether there is something to build; what was built is remembered with what was wanted."""
    stamp = folder / "built"
    needed = not stamp.exists() or stamp.read_text() != wanted
    if needed:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    yield needed
    stamp.write_text(wanted)


def build_llama_cpp():
    """llama.cpp with the server of its Python binding; its C++ is compiled, for any machine of this kind."""
    folder = PLACE / "llama-cpp-python"
    python = folder / "bin/python"
    for tool in ("cc", "c++"):
        if not shutil.which(tool):
            raise Unavailable(f"llama.cpp cannot be compiled: there is no {tool}")
    with built(folder, (HERE / "requirements.txt").read_text()) as needed:
        if needed:
            print("building llama-cpp-python: about sixteen minutes of processor time", flush=True)
            run("python3 -m venv", [sys.executable, "-m", "venv", folder])
            run("pip install llama-cpp-python", [python, "-m", "pip", "install", "-q", "-r", HERE / "requirements.txt"],
                env={**os.environ, "CMAKE_ARGS": "-DGGML_NATIVE=OFF"})
    return python


def header_folders(folder):
    """Where the headers are that Ollama's module lacks; what is not installed is only unpacked, for this build."""
    missing = [package for header, package in HEADERS.items() if not pathlib.Path("/usr/include", header).exists()]
    if missing:
        packages = folder / "packages"
        packages.mkdir()
        if not shutil.which("apt-get"):
            raise Unavailable(f"headers of {' and '.join(missing)} are not installed")
        run("apt-get download", ["apt-get", "-q", "download", *missing], cwd=packages)
        for package in packages.glob("*.deb"):
            run("dpkg-deb", ["dpkg-deb", "-x", package, packages])
    return [HERE, folder / "packages/usr/include"]


def build_ollama():
    """Ollama out of its Go module: the program of that release, able to do all but decode sound."""
    folder = PLACE / "ollama"
    if not shutil.which("go"):
        raise Unavailable("Ollama cannot be built: Go is not installed")
    with built(folder, OLLAMA) as needed:
        if needed:
            print("building Ollama: about twelve minutes of processor time", flush=True)
            include = " ".join(f"-I{path}" for path in header_folders(folder))
            run("go install ollama", ["go", "install", "-ldflags", f"-X=github.com/ollama/ollama/version.Version={OLLAMA}",
                                      f"github.com/ollama/ollama@v{OLLAMA}"],
                cwd=folder, env={**os.environ, "GOBIN": str(folder), "CGO_ENABLED": "1", "CGO_CPPFLAGS": include})
    return folder / "ollama"


class Server:
    """A server's process on a port of its own, in a process group that ends with the test."""

    def __init__(self, name, command, port=None, environment=None):
        self.name = name
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.command = [str(word).replace("PORT", str(self.port)) for word in command]
        self.environment = {**os.environ, **(environment or {})}
        self.log_path = PLACE / f"{name}.log"
        self.log_path.write_text("")
        self.process = None

    def start(self):
        """Unless it runs; after a kill, on the same port."""
        if self.process and self.process.poll() is None:
            return self
        with open(self.log_path, "a") as log:
            # Should the tests be killed, the server goes with them.
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *self.command], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, start_new_session=True, env=self.environment)
        wait_for(f"{self.name} to answer", self._answers, 120)
        return self

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.log()[-2000:]}")
        time.sleep(0.1)
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.ask("GET", "/v1/models", timeout=5)[0] == 200
        return False

    def log(self):
        return self.log_path.read_text(errors="replace")

    def ask(self, method, path, body=None, timeout=60):
        """Without Nexus: the status and the JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout * PATIENCE)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
            response = connection.getresponse()
            data = response.read()
            return response.status, json.loads(data) if data else None
        finally:
            connection.close()

    def kill(self):
        """As the kernel does when memory is short."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def llama_cpp(python, name):
    # Without the last switch a waiting request, also one that only asks what models there are, cuts the answer under way.
    return Server(name, [python, "-u", "-m", "llama_cpp.server", "--model", MODEL, "--model_alias", "tiny", "--n_ctx", 2048,
                         "--n_threads", 1, "--host", "127.0.0.1", "--port", "PORT", "--interrupt_requests", "false"])


def ollama(program, home):
    port = free_port()
    environment = {"HOME": str(home), "OLLAMA_HOST": f"127.0.0.1:{port}", "OLLAMA_MODELS": str(home / "models"),
                   "OLLAMA_CONTEXT_LENGTH": "1024", "OLLAMA_NUM_PARALLEL": "1"}
    return Server("ollama", [program, "serve"], port, environment)
