"""What the checks share: where things are, programs, and a Maru that runs."""

import contextlib
import http.client
import json
import os
import random
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
DEPLOY = HERE.parent
ROOT = DEPLOY.parent
MARU = os.environ.get("MARU_BIN", str(ROOT / "target/debug/maru"))

# How long anything may take to come. What takes longer has failed.
PATIENCE = 20.0


def program(name: str) -> str:
    """The path of a program: an installed one, else one that run.sh unpacked."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None:
        found = next((str(path) for path in (HERE / ".tools").rglob(name) if path.is_file()), None)
    if found is None:
        raise FileNotFoundError(f"{name} is missing: run.sh gets it")
    return found


def run(*command, variables=None, **options) -> subprocess.CompletedProcess:
    """Runs a program to its end, and gives what it said. Of the caller's variables those that set
    something of Maru's are kept from it."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MARU_")}
    return subprocess.run(
        [str(part) for part in command],
        env=environment | (variables or {}),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        **options,
    )


def free_port() -> int:
    """A port that is free now, and that the system gives to nobody who asks for any."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("", port))
            return port


def until(what: str, ask):
    """Asks until the answer is one."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(OSError):
            if answer := ask():
                return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.05)


@contextlib.contextmanager
def process(*command, **options):
    """A program for as long as the block lasts. If the block fails, what it said is told."""
    with tempfile.TemporaryFile("w+") as said:
        child = subprocess.Popen(
            [str(part) for part in command], stdout=said, stderr=subprocess.STDOUT, **options
        )
        try:
            yield child
        except BaseException as error:
            said.seek(0)
            error.add_note(f"{command[0]} said:\n{said.read()[-4000:]}")
            raise
        finally:
            child.terminate()
            try:
                child.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


class Answer:
    """An HTTP answer, whatever its status."""

    def __init__(self, status: int, headers, body: bytes):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


def call(url: str, *, method="GET", secret=None, body=None, headers=None, at=None) -> Answer:
    """One HTTP call. A body that is no bytes is sent as JSON; https takes any certificate, since those
    here are home-made. `at` is where the URL's host is found, if not where its name says."""
    parts = urlsplit(url)
    headers = dict(headers or {})
    if secret is not None:
        headers["Authorization"] = f"Bearer {secret}"
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        headers.setdefault("Content-Type", "application/json")
    peer = socket.create_connection(at or (parts.hostname, parts.port), timeout=PATIENCE)
    if parts.scheme == "https":
        peer = trusting().wrap_socket(peer, server_hostname=parts.hostname)
    with contextlib.closing(http.client.HTTPConnection(parts.hostname, parts.port)) as connection:
        connection.sock = peer
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())


def trusting() -> ssl.SSLContext:
    """Takes any certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class Maru:
    """A Maru with an empty folder on a free port."""

    def __init__(self, folder: Path, facts: dict):
        self.folder, self.url, self.secret = folder, facts["url"], facts["secret"]

    def verb(self, *arguments) -> str:
        done = run(MARU, *arguments, "--data", self.folder)
        if done.returncode != 0:
            raise RuntimeError(done.stdout)
        return done.stdout


@contextlib.contextmanager
def serving(**variables):
    """A Maru that serves for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="maru-deploy-") as folder:
        folder = Path(folder)
        ready = folder / "ready.json"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MARU_")}
        command = [MARU, "serve", "--listen", "127.0.0.1:0", "--data", folder / "data"]
        with process(*command, "--ready-file", ready, env=environment | variables, cwd=folder):
            until("Maru", ready.exists)
            yield Maru(folder / "data", json.loads(ready.read_text()))
