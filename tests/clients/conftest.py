"""A real server for each database, started as a user would start it, for clients that know nothing of it."""

import json
import os
import select
import shutil
import signal
import subprocess
import uuid
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from urllib.request import Request, urlopen

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("VINYASA_BIN", REPOSITORY / "target/debug/vinyasa")).resolve()
POSTGRES = os.environ.get("TEST_POSTGRES_URL")

# `make test` brings a PostgreSQL; without one only the default database is driven, and the header says so.
DATABASES = ["sqlite", "postgres"] if POSTGRES else ["sqlite"]

START_SECONDS = 30
STOP_SECONDS = 20


def pytest_report_header():
    without = "" if POSTGRES else " (no TEST_POSTGRES_URL: `make test` brings one)"
    return f"vinyasa: {BINARY}, databases: {', '.join(DATABASES)}{without}"


class Server:
    """One running server with one organization in it."""

    def __init__(self, directory, database_url):
        # The embedded database is the default: nothing but a data directory is said.
        self.where = ["--data", str(directory / "data")]
        if database_url:
            self.where += ["--database", database_url]
        self.log_path = directory / "log"
        # Settings of whoever runs the tests must not reach the server.
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("VINYASA_")}
        self.process = None

    def initialize(self):
        organization = json.loads(
            self.command(
                "admin", "init", "--organization", "Halcyon Instruments",
                "--email", "mira@halcyon.example", "--name", "Mira Okafor",
            )
        )
        self.workspace = organization["workspace"]
        self.team = organization["team"]
        self.user = organization["user"]
        self.token = organization["token"]

    def command(self, *arguments):
        """What a command of the binary prints: one line."""
        done = subprocess.run(
            [BINARY, *arguments, *self.where],
            env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=START_SECONDS,
        )
        assert done.returncode == 0, f"{' '.join(arguments)}: exit {done.returncode}\n{done.stderr}"
        assert done.stdout.endswith("\n") and done.stdout.count("\n") == 1, f"not one line: {done.stdout!r}"
        return done.stdout.rstrip("\n")

    def start(self, *options):
        """Starts it; answers its first line."""
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [BINARY, "serve", "--listen", "127.0.0.1:0", *options, *self.where],
                env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
            )
        ready, _, _ = select.select([self.process.stdout], [], [], START_SECONDS)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            self.process.kill()
            pytest.fail(f"no first line from the server; its log:\n{self.log()}")
        started = json.loads(line)
        assert started["version"], started
        self.url = started["url"].rstrip("/")
        self.api = f"{self.url}/api/1.0"
        return started

    def fail(self, **fault):
        """Orders a failure, in test mode."""
        order = Request(f"{self.url}/-/test/fault", json.dumps(fault).encode(), {"Content-Type": "application/json"})
        urlopen(order, timeout=START_SECONDS).close()

    def stop(self):
        """SIGTERM ends it, soon and with success."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            pytest.fail(f"the server does not stop at SIGTERM; its log:\n{self.log()}")
        finally:
            self.process.stdout.close()
        assert code == 0, f"exit {code} at SIGTERM; its log:\n{self.log()}"
        assert "panicked at" not in self.log(), self.log()

    def log(self):
        return self.log_path.read_text(errors="replace")


def psql(statement):
    binary = shutil.which("psql")
    assert binary, "psql is needed to make a database in TEST_POSTGRES_URL"
    subprocess.run(
        [binary, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--command", statement, POSTGRES],
        check=True, stdin=subprocess.DEVNULL, timeout=START_SECONDS,
    )


@pytest.fixture(scope="session", params=DATABASES)
def server(request, tmp_path_factory):
    """A server on a fresh database of each kind, gone after the session."""
    directory = tmp_path_factory.mktemp(request.param)
    name = url = None
    if request.param == "postgres":
        name = f"vinyasa_clients_{uuid.uuid4().hex[:12]}"
        psql(f"CREATE DATABASE {name}")
        url = urlunsplit(urlsplit(POSTGRES)._replace(path=f"/{name}"))
    server = Server(directory, url)
    try:
        server.initialize()
        server.start()
        yield server
        server.stop()
    finally:
        if server.process and server.process.poll() is None:
            server.process.kill()
        if name:
            psql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def unreliable(tmp_path):
    """A server in test mode, which fails when it is told to (docs/test-mode.md), with the demonstration in it."""
    server = Server(tmp_path, "sqlite::memory:")
    try:
        server.token = server.start("--test-mode", "--demo")["token"]
        yield server
        server.stop()
    finally:
        if server.process and server.process.poll() is None:
            server.process.kill()
