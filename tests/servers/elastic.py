"""Real Elasticsearch servers for the tests.

    from tests.servers.elastic import server_or_skip

    server = server_or_skip("8")          # or "9"; skips the test where none can be had
    settings = server.settings(elastic_index="t-abc")

A server is, in this order: an address from the environment (MINSHENG_TEST_ELASTIC_8, MINSHENG_TEST_ELASTIC_9; user and password may
stand in it), else an unpacked one in the user's cache, else one fetched by Maven into that cache, else a skip with the reason. The
artefact is the complete server without its optional modules: analysis-common, painless, reindex, ILM and `GET /` are not in it.

One server a version is shared by the whole test run, parallel workers included. `start` gives a private one: several nodes, or
with basic authentication and TLS.
"""

from __future__ import annotations

import atexit
import base64
import hashlib
import json
import os
import secrets
import shutil
import socket
import ssl
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.servers.elastic_files import JAVA_AT_LEAST, NoServer, data_folder, install, java_home, locked

VERSIONS = {"8": "8.19.5", "9": "9.2.0"}
USER = "minsheng"
UNPRIVILEGED = 65_534  # nobody; the server refuses to run as root
START_SECONDS = 240  # 7 s on an idle machine, minutes on one where everybody builds
KEEPER = Path(__file__).with_name("keeper.py")
_KEEPERS: dict[str, int] = {}  # process ids by folder


class Server(NamedTuple):
    """A running server or cluster. `folder` is None where the address came from the environment."""

    version: str
    urls: tuple[str, ...]
    password: str = ""
    user: str = ""
    ca: str = ""
    folder: Path | None = None

    @property
    def url(self) -> str:
        return self.urls[0]

    @property
    def login(self) -> str:
        """The first address with user and password in it, where there are any."""
        return self.url.replace("//", f"//{self.user}:{self.password}@", 1) if self.user else self.url

    def settings(self, **fields: Any) -> Any:
        """`Settings` of a program that uses this server."""
        from models.settings import Settings

        known: dict[str, Any] = {
            "store": "elastic", "elastic_url": ",".join(self.urls), "elastic_user": self.user,
            "elastic_password": self.password, "elastic_ca": self.ca,
        }  # fmt: skip
        return Settings(**(known | fields))

    def pid(self, node: int) -> int:
        """Process id of a node's server (not of its launcher)."""
        assert self.folder is not None
        return int((self.folder / f"node-{node}" / "pid").read_text())


# --- starting one -----------------------------------------------------------------------------------------------
def start(
    version: str,
    *,
    nodes: int = 1,
    heap_mb: int = 400,
    secure: bool = False,
    also_remove: Path | None = None,
) -> Server:
    """A server of our own, ended with this process or by `stop`.

    Raises NoServer where none can be had, RuntimeError with the end of its log where it does not come up.
    """
    home, java = install(version), java_home(JAVA_AT_LEAST[version.split(".")[0]])
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        raise NoServer("running as root and no setpriv (util-linux) to become an unprivileged user")
    folder = Path(tempfile.mkdtemp(prefix="minsheng-elastic-", dir=data_folder()))
    (folder / "users").mkdir()
    folder.chmod(0o755)
    password = secrets.token_urlsafe(16) if secure else ""
    ports = [free_port() for _ in range(nodes)] if nodes > 1 else []
    for number in range(nodes):
        configure(folder / f"node-{number}", home, number, ports, heap_mb, password)
    spec = {
        "remove": [str(folder), *([str(also_remove)] if also_remove else [])],
        "commands": [command(folder, home, number) for number in range(nodes)],
        "environment": {
            "PATH": os.environ["PATH"], "ES_JAVA_HOME": str(java), "CLI_JAVA_OPTS": "-Xms64m -Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1",
            "LANG": "C.UTF-8",
        },
    }  # fmt: skip
    (folder / "spec.json").write_text(json.dumps(spec))
    join(folder)
    _KEEPERS[str(folder)] = keep(folder)
    ca = str(folder / "node-0" / "config" / "ca.pem") if secure else ""
    server = Server(version, (), password, USER if secure else "", ca, folder)
    try:
        server = server._replace(urls=tuple(address(folder, number, secure) for number in range(nodes)))
        await_ready(server, nodes)
    except BaseException:
        stop(server)
        raise
    return server


def keep(folder: Path) -> int:
    """Start the keeper, which outlives us by a moment: a `Popen` would complain of that when it is collected."""
    order = [sys.executable, str(KEEPER), str(folder)]
    silence = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
    return os.posix_spawn(sys.executable, order, os.environ, file_actions=silence, setsid=True)


def configure(folder: Path, home: Path, number: int, ports: list[int], heap_mb: int, password: str) -> None:
    """Write the configuration of one node; data, logs and temporary files lie beside it."""
    config = folder / "config"
    shutil.copytree(home / "config", config)
    for name in ("data", "logs", "tmp"):
        (folder / name).mkdir()
    settings = {
        "cluster.name": "minsheng-test", "node.name": f"node-{number}", "path.data": folder / "data", "path.logs": folder / "logs",
        "network.host": "127.0.0.1", "http.port": 0, "transport.port": ports[number] if ports else 0, "node.portsfile": "true",
        "cluster.routing.allocation.disk.threshold_enabled": "false", "node.store.allow_mmap": "false",
        "action.destructive_requires_name": "false",
        "xpack.security.enabled": "true" if password else "false",
    }  # fmt: skip
    if ports:
        seeds, names = [f"127.0.0.1:{port}" for port in ports], [f"node-{n}" for n in range(len(ports))]
        settings |= {"discovery.seed_hosts": json.dumps(seeds), "cluster.initial_master_nodes": json.dumps(names)}
    else:
        settings["discovery.type"] = "single-node"
    if password:
        certify(config)
        settings |= {"xpack.security.http.ssl.enabled": "true", "xpack.security.http.ssl.certificate": "server.pem",
                     "xpack.security.http.ssl.key": "server.key"}  # fmt: skip
        (config / "users").write_text(f"{USER}:{pbkdf2(password)}\n")
        (config / "users_roles").write_text(f"{USER}:{USER}\n")
        (config / "roles.yml").write_text(f"{USER}: {json.dumps(documented_role())}\n")
    (config / "elasticsearch.yml").write_text("".join(f"{key}: {value}\n" for key, value in settings.items()))
    options = [f"-Xms{heap_mb}m", f"-Xmx{heap_mb}m", "-XX:+UseSerialGC", f"-Djava.io.tmpdir={folder / 'tmp'}",
               "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError",
               "20-:--add-modules=jdk.incubator.vector",
               "-Dorg.apache.lucene.store.MMapDirectory.sharedArenaMaxPermits=1"]  # fmt: skip
    (config / "jvm.options").write_text("\n".join(options) + "\n")
    for entry in [folder, *folder.rglob("*")]:
        entry.chmod(0o755 if entry.is_dir() else 0o644)
        if os.geteuid() == 0:
            os.chown(entry, UNPRIVILEGED, UNPRIVILEGED)


def command(folder: Path, home: Path, number: int) -> list[str]:
    node = folder / f"node-{number}"
    drop = (
        ["setpriv", f"--reuid={UNPRIVILEGED}", f"--regid={UNPRIVILEGED}", "--clear-groups"] if os.geteuid() == 0 else []
    )
    paths = [f"ES_PATH_CONF={node / 'config'}", f"ES_TMPDIR={node / 'tmp'}"]
    return [*drop, "env", *paths, str(home / "bin" / "elasticsearch"), "-p", str(node / "pid")]


def address(folder: Path, number: int, secure: bool) -> str:
    """Where the node listens, as soon as it does."""
    file = folder / f"node-{number}" / "logs" / "http.ports"
    limit = time.monotonic() + START_SECONDS
    while not (file.exists() and (lines := file.read_text().split())):
        if time.monotonic() > limit or not folder.exists():
            raise RuntimeError(f"Elasticsearch did not start: {log_end(folder, number)}")
        time.sleep(0.1)
    return f"{'https' if secure else 'http'}://{next(line for line in lines if line.startswith('127.'))}"


def await_ready(server: Server, nodes: int) -> None:
    """Return when every node has joined and the cluster answers."""
    limit = time.monotonic() + START_SECONDS
    while time.monotonic() < limit:
        with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            health = ask(server, "/_cluster/health?wait_for_status=yellow&timeout=1s")
            if health["number_of_nodes"] == nodes and not health["timed_out"]:
                return
        time.sleep(0.1)
    assert server.folder is not None
    raise RuntimeError(f"Elasticsearch did not get ready: {log_end(server.folder, 0)}")


def ask(server: Server, path: str, method: str = "GET", body: Any = None, node: int = 0) -> Any:
    """One plain request without our client; JSON out."""
    request = urllib.request.Request(server.urls[node] + path, method=method)
    request.add_header("Content-Type", "application/json")
    if server.user:
        token = base64.b64encode(f"{server.user}:{server.password}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
    context = ssl.create_default_context(cafile=server.ca) if server.ca else None
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(request, data=data, timeout=30, context=context) as reply:
        return json.loads(reply.read())


def log_end(folder: Path, number: int) -> str:
    with suppress(OSError):
        return (folder / f"console-{number}.log").read_text()[-1_500:]
    return "no log"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def documented_role() -> dict[str, Any]:
    """The role that docs/deploy.md tells administrators to make: the tests have no more rights than that."""
    page = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text("utf-8")
    told = page.partition("POST /_security/role/minsheng\n")[2].partition("\n\n")[0]
    return dict(json.loads(told))


def pbkdf2(password: str) -> str:
    """The server's own form of a password digest for its file realm (10,000 rounds of PBKDF2-HMAC-SHA512)."""
    salt = secrets.token_bytes(32)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 10_000, 32)
    return f"{{PBKDF2}}10000${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"


def certify(config: Path) -> None:
    """A certificate for 127.0.0.1 that is its own authority."""
    from datetime import UTC, datetime, timedelta
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "minsheng test")])
    begin = datetime.now(UTC) - timedelta(hours=1)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(begin)
    builder = builder.not_valid_after(begin + timedelta(days=2))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    certificate = builder.add_extension(x509.SubjectAlternativeName(names), critical=False).sign(key, hashes.SHA256())
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    (config / "server.pem").write_bytes(pem)
    (config / "ca.pem").write_bytes(pem)
    (config / "server.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


# --- sharing one, ending one ------------------------------------------------------------------------------------
def join(folder: Path) -> None:
    """Name this process as a user of the server; it stays up at least as long."""
    mark = folder / "users" / str(os.getpid())
    if not mark.exists():
        mark.touch()
        atexit.register(mark.unlink, missing_ok=True)


def stop(server: Server) -> None:
    """End a server of our own; returns when it is gone."""
    if server.folder is None:
        return
    (server.folder / "users" / str(os.getpid())).unlink(missing_ok=True)
    if keeper := _KEEPERS.pop(str(server.folder), None):
        os.waitpid(keeper, 0)


def from_environment(version: str) -> Server | None:
    url = os.environ.get(f"MINSHENG_TEST_ELASTIC_{version.split('.')[0]}")
    if not url:
        return None
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return Server(version, (f"{parts.scheme}://{parts.hostname}{port}",), parts.password or "", parts.username or "")


def shared(version: str) -> Server:
    """The one server of this version in this test run.

    Raises NoServer with the reason where none can be had; a start that failed is not tried again in the same run.
    """
    if given := from_environment(version):
        return given
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
    place = data_folder() / f"minsheng-elastic-{run}-{version}"
    place.mkdir(exist_ok=True)
    state = place / "server.json"
    with locked(place / "lock"):
        if not state.exists():
            try:
                server = start(version, also_remove=place)
                state.write_text(json.dumps({"urls": server.urls, "folder": str(server.folder)}))
            except BaseException as error:
                state.write_text(json.dumps({"failed": f"{type(error).__name__}: {error}"}))
                atexit.register(shutil.rmtree, place, ignore_errors=True)
                raise
        known = json.loads(state.read_text())
    if "failed" in known:
        raise NoServer(known["failed"])
    join(Path(known["folder"]))
    return Server(version, tuple(known["urls"]), folder=Path(known["folder"]))


def server_or_skip(version: str) -> Server:
    """The run's shared server of "8", "9" or a full version; skips the test with the reason where none can be had."""
    try:
        return shared(VERSIONS.get(version, version))
    except NoServer as reason:
        pytest.skip(f"Elasticsearch {version}: {reason}")


def elastic_server(version: str) -> str:
    """Address of the run's shared server, with its credentials; otherwise as `server_or_skip`."""
    return server_or_skip(version).login


@contextmanager
def fresh_store(server: Server, url: str = "", **options: Any) -> Iterator[Any]:
    """An `ElasticStore` on an alias of its own, removed in the end. `url`: a proxy before the server, which then has no login."""
    from elasticsearch import Elasticsearch

    from indices.stores.elastic import ElasticStore
    from indices.stores.elastic_http import BoundedNode

    name = f"t-{secrets.token_hex(6)}"
    client = Elasticsearch(url or server.login, node_class=BoundedNode)
    store = ElasticStore(client, name, **({"segmenter": str.split} | options))
    try:
        yield store
    finally:
        store.close()
        with suppress(urllib.error.URLError, OSError):
            ask(server, f"/{name}-0*", "DELETE")
            ask(server, f"/_index_template/{name}", "DELETE")
