"""A real PostgreSQL for the tests.

    def test_something(postgres_url):     # an address with an empty schema of its own; skips where no server can be had

A server is an address from the environment (MINSHENG_TEST_POSTGRES, SQLAlchemy style), else a private cluster made from the
installed binaries: a new folder, a Unix socket only, no durability (nothing here outlives the test run). It refuses to run as
root, so it is started as an unprivileged user; where it runs under setpriv it ends with the test process, however that ends.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url

UNPRIVILEGED = 65_534  # nobody
START_SECONDS = 30
UNSAFE_BUT_FAST = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_connections=50",
    "shared_buffers=16MB",
)


class NoServer(Exception):
    """Why no server can be had here."""


def find_binaries() -> Path:
    """The folder of the newest `postgres` installed.

    Raises:
        NoServer: there is none.
    """
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if not found and (here := shutil.which("postgres")):
        found = [Path(here).resolve().parent]
    if not found:
        raise NoServer("no PostgreSQL is installed (Debian: postgresql) and MINSHENG_TEST_POSTGRES is not set")
    return max(found, key=lambda folder: [int(part) for part in folder.parent.name.split(".") if part.isdigit()])


class Cluster:
    """A private server in a folder of its own. `url` is the address of its first database."""

    def __init__(self) -> None:
        self._binaries = find_binaries()
        self._as_root = os.geteuid() == 0
        # Below /tmp and not pytest's folder, which other users may not enter; a socket's path has to be short, too.
        self.folder = Path(tempfile.mkdtemp(prefix="ms-pg-", dir="/tmp"))
        self._server: subprocess.Popen[bytes] | None = None
        self.url = URL.create("postgresql+psycopg", "postgres", database="postgres", query={"host": str(self.folder)})

    def start(self) -> None:
        """Raises NoServer with what the server said."""
        if self._as_root:
            os.chown(self.folder, UNPRIVILEGED, UNPRIVILEGED)
        data = self.folder / "data"
        initdb = [
            str(self._binaries / "initdb"),
            "-D",
            str(data),
            "-U",
            "postgres",
            "--auth=trust",
            "--no-sync",
            "-E",
            "UTF8",
        ]
        made = subprocess.run(
            [*initdb, "--locale=C"], capture_output=True, timeout=START_SECONDS, check=False, **self._user()
        )
        if made.returncode:
            raise NoServer(f"initdb: {made.stderr.decode(errors='replace')[-300:]}")
        options = [part for option in UNSAFE_BUT_FAST for part in ("-c", option)]
        command = [
            str(self._binaries / "postgres"),
            "-D",
            str(data),
            "-k",
            str(self.folder),
            "-c",
            "listen_addresses=",
            *options,
        ]
        with (self.folder / "server.log").open("wb") as log:
            self._server = subprocess.Popen(
                [*self._bound_to_us(), *command], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                **({} if self._bound_to_us() else self._user()),
            )  # fmt: skip
        self._wait()

    def _user(self) -> dict[str, Any]:
        user = {"user": UNPRIVILEGED, "group": UNPRIVILEGED, "extra_groups": []} if self._as_root else {}
        return {"cwd": str(self.folder), "env": {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}, **user}

    def _bound_to_us(self) -> list[str]:
        """setpriv ends the server with this process and, for root, lowers its rights."""
        setpriv = shutil.which("setpriv")
        if not setpriv:
            return []
        lower = [f"--reuid={UNPRIVILEGED}", f"--regid={UNPRIVILEGED}", "--clear-groups"] if self._as_root else []
        return [setpriv, *lower, "--pdeathsig", "QUIT"]

    def _wait(self) -> None:
        assert self._server
        engine = create_engine(self.url)
        deadline = time.monotonic() + START_SECONDS
        try:
            while True:
                try:
                    with engine.connect() as connection:
                        connection.execute(text("SELECT 1"))
                    return
                except Exception as error:
                    if self._server.poll() is not None or time.monotonic() > deadline:
                        log = (self.folder / "server.log").read_text(errors="replace")
                        raise NoServer(f"postgres did not start: {log[-300:]}") from error
                    time.sleep(0.05)
        finally:
            engine.dispose()

    def stop(self) -> None:
        if self._server and self._server.poll() is None:
            self._server.send_signal(signal.SIGQUIT)  # at once; nothing here has to be kept
            try:
                self._server.wait(10)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[URL]:
    """The address of a server that is there for the whole test run."""
    if given := os.environ.get("MINSHENG_TEST_POSTGRES"):
        yield make_url(given).set(drivername="postgresql+psycopg")
        return
    pytest.importorskip("psycopg", reason="psycopg is not installed (extra: cluster)")
    try:
        cluster = Cluster()
    except NoServer as error:
        pytest.skip(str(error))
    try:
        try:
            cluster.start()
        except NoServer as error:
            pytest.skip(str(error))
        yield cluster.url
    finally:
        cluster.stop()


@pytest.fixture
def postgres_url(postgres_server: URL) -> Iterator[str]:
    """An address whose tables live in a schema of this test's own."""
    schema = f"t_{uuid4().hex[:12]}"
    engine = create_engine(postgres_server)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    yield postgres_server.update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(
        hide_password=False
    )
    with suppress(Exception), engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()
