"""What neighbours feel while one caller floods the service (promise S4: p99 of others at most twice the quiet one).

The real `minsheng api` process over a simulated city in a temporary home. Well-behaved people ask for a search, a page and
`GET /records` by turns, each once a second; three floods follow one another, each from an address and a process of its own, as fast as it can
over several connections: one token, one address without a token (nothing, made-up tokens, wrong passwords), one sender of
the largest batches to `POST /items`. A flood is measured from its first request, while its limit is not yet reached, and beside
the quiet times before and after it.

Floods and neighbours run on this machine, too, so what they need of it is taken from the service.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

DAYS, PER_DAY = 120, 50  # as `minsheng run --demo`
QUIET_SECONDS, FLOOD_SECONDS = 20.0, 60.0  # a limit by the minute, seen for a minute
CONNECTIONS = 8
BATCH_ITEMS = 1_000  # the most that POST /items takes
NEIGHBOURS = 6
PEOPLE: Final = {"neighbour": ("analyst", NEIGHBOURS), "token": ("researcher", 1), "items": ("operator", 1)}
QUESTIONS: Final = {
    "search": f"/search/results?q={quote('噪音')}",
    "page": "/satisfaction",
    "records": f"/records?q={quote('停水')}",
}
FLOODS: Final = ("token", "address", "items")


# --- the service ------------------------------------------------------------------------------------------------------
def prepare(home: Path) -> dict[str, list[str]]:
    """A simulated city in `home`; tokens for each of `PEOPLE`."""
    from api.demo import prepare as take_in
    from api.wiring import House
    from models.settings import Settings

    settings = Settings(home=home)
    take_in(settings, days=DAYS, per_day=PER_DAY)
    with House(settings, read_only=True) as house:
        return {name: [house.users.issue_token(user) for _ in range(many)] for name, (user, many) in PEOPLE.items()}


@contextmanager
def service(home: Path) -> Iterator[int]:
    """The web process; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "api.cli", "api", "--port", str(port)]
    process = subprocess.Popen(command, env={**os.environ, "MINSHENG_HOME": str(home)})
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                    break
            except OSError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.2)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


# --- the neighbours ---------------------------------------------------------------------------------------------------
@dataclass
class Watch:
    """What the neighbours met: seconds of each kind of question, and how often each status was the answer."""

    taken: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in QUESTIONS})
    statuses: Counter[int] = field(default_factory=Counter)

    def add(self, other: Watch) -> None:
        for name, seconds in other.taken.items():
            self.taken[name] += seconds
        self.statuses += other.statuses

    def row(self) -> dict[str, Any]:
        together = [second for seconds in self.taken.values() for second in seconds]
        return {
            "asked": len(together),
            "answered": self.statuses[200],
            "p50_ms": percentile(together, 50),
            "p99_ms": percentile(together, 99),
            "p50_p99_ms": {name: [percentile(took, 50), percentile(took, 99)] for name, took in self.taken.items()},
        }


class Neighbour:
    """A person with a token who asks once a second, one question after the other."""

    def __init__(self, port: int, token: str, number: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "text/html, application/json;q=0.9"}
        self._number = number

    def ask(self, name: str) -> int:
        self._connection.request("GET", QUESTIONS[name], headers=self._headers)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status

    def watch(self, seconds: float) -> Watch:
        """How long each answer took since it was due, so that a late one is not left out by asking less."""
        seen, names = Watch(), list(QUESTIONS)
        begun = time.perf_counter() + self._number / NEIGHBOURS
        for second in range(int(seconds)):
            time.sleep(max(0.0, begun + second - time.perf_counter()))
            name = names[(self._number + second) % len(names)]
            seen.statuses[self.ask(name)] += 1
            seen.taken[name].append(time.perf_counter() - begun - second)
        return seen


def watch(neighbours: Sequence[Neighbour], seconds: float) -> Watch:
    together = Watch()
    with ThreadPoolExecutor(len(neighbours)) as pool:
        for seen in pool.map(lambda one: one.watch(seconds), neighbours):
            together.add(seen)
    return together


# --- the flood, in a process of its own -------------------------------------------------------------------------------
def request_bytes(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: flood", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def batch() -> bytes:
    text = "小区南门外的路灯连续三晚不亮，老人出门看不清台阶，请尽快派人检修。" * 18  # 2 MB in all
    items = [
        {"source": "flood", "native_id": str(n), "payload": {"title": "路灯不亮", "text": f"{text}{n}"}}
        for n in range(BATCH_ITEMS)
    ]
    return json.dumps({"items": items}, ensure_ascii=False).encode()


def flood_requests(flood: str, token: str) -> Callable[[int], bytes]:
    """What the flood sends as its n-th request."""
    path = QUESTIONS["records"]
    if flood == "token":
        same = request_bytes("GET", path, Authorization=f"Bearer {token}")
        return lambda _: same
    if flood == "items":
        kind = {"Content-Type": "application/json"}
        whole = request_bytes("POST", "/items", batch(), Authorization=f"Bearer {token}", **kind)
        return lambda _: whole
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    kinds: tuple[Callable[[int], bytes], ...] = (
        lambda _: request_bytes("GET", path),
        lambda n: request_bytes("GET", path, Authorization=f"Bearer ms_{n:043}"),
        lambda n: request_bytes("POST", "/login", f"name=analyst{n}&password=wrong-{n}".encode(), **form),
    )
    return lambda n: kinds[n % len(kinds)](n)


def own_address(flood: str) -> str:
    """Another loopback address where the system has them (Linux), so that the neighbour has a limit of its own."""
    address = f"127.0.0.{2 + FLOODS.index(flood)}"
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return "127.0.0.1"
    return address


class Flooder:
    """Sends over its connections until told to stop; counts statuses and the refusals that say when to come back."""

    def __init__(self, port: int, flood: str, token: str) -> None:
        self.statuses: Counter[str] = Counter()
        self.told = 0
        self._noting = threading.Lock()
        self._where, self._from = ("127.0.0.1", port), (own_address(flood), 0)
        self._make, self._numbers = flood_requests(flood, token), count()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send) for _ in range(CONNECTIONS)]

    def run(self) -> None:
        for thread in self._threads:
            thread.start()
        sys.stdin.read()  # until the parent closes it
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self) -> None:
        while not self._stop.is_set():
            try:
                with socket.create_connection(self._where, timeout=60, source_address=self._from) as connection:
                    self._over(connection)
            except OSError as error:
                self._note(type(error).__name__, told=False)

    def _over(self, connection: socket.socket) -> None:
        """Until the service closes the connection."""
        reader = connection.makefile("rb")
        while not self._stop.is_set():
            connection.sendall(self._make(next(self._numbers)))
            status = reader.readline().split()
            if len(status) < 2:
                return
            headers = http.client.parse_headers(reader)
            reader.read(int(headers.get("content-length", 0)))
            self._note(status[1].decode(), told=status[1] == b"429" and int(headers.get("retry-after", 0)) >= 1)
            if headers.get("connection") == "close":
                return

    def _note(self, status: str, *, told: bool) -> None:
        with self._noting:
            self.statuses[status] += 1
            self.told += told


def flooding(port: int, flood: str, token: str) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, flood, str(port), token]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


# --- what came of it --------------------------------------------------------------------------------------------------
def percentile(seconds: Sequence[float], percent: int) -> float:
    ordered = sorted(seconds)
    return round(1e3 * ordered[min(len(ordered) - 1, len(ordered) * percent // 100)], 1)


def beside(quiet: dict[str, Any], flooded: dict[str, Any], flood: dict[str, Any]) -> dict[str, Any]:
    """The row of a flood: the neighbours', its ratios to the quiet one, the flood's own."""
    refused, sent = flood["statuses"].get("429", 0), sum(flood["statuses"].values())
    return flooded | {
        "p50_ratio": round(flooded["p50_ms"] / quiet["p50_ms"], 2),
        "p99_ratio": round(flooded["p99_ms"] / quiet["p99_ms"], 2),
        "flood_per_second": round(sent / FLOOD_SECONDS),
        "flood_answers": flood["statuses"],
        "refused_share": round(refused / sent, 4),
        "refusals_with_retry_after_share": round(flood["told"] / refused, 4) if refused else None,
    }


def measure(port: int, tokens: dict[str, list[str]]) -> dict[str, Any]:
    """One row for the quiet times and one for each flood."""
    neighbours = [Neighbour(port, token, number) for number, token in enumerate(tokens["neighbour"])]
    for name in QUESTIONS:
        neighbours[0].ask(name)  # what is computed once and kept
    quiet, rows = watch(neighbours, QUIET_SECONDS), {}
    for flood in FLOODS:
        process = flooding(port, flood, tokens.get(flood, [""])[0])
        flooded = watch(neighbours, FLOOD_SECONDS)
        rows[flood] = (flooded.row(), json.loads(process.communicate()[0]))
        quiet.add(watch(neighbours, QUIET_SECONDS))
    calm = quiet.row()
    return {"quiet": calm} | {f"flood by {name}": beside(calm, *rows[name]) for name in FLOODS}


def run() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        tokens = prepare(Path(folder))
        with service(Path(folder)) as port:
            return measure(port, tokens)


if __name__ == "__main__":
    if len(sys.argv) == 4:
        flooder = Flooder(int(sys.argv[2]), sys.argv[1], sys.argv[3])
        flooder.run()
        print(json.dumps({"statuses": flooder.statuses, "told": flooder.told}))
    else:
        print(json.dumps(run(), ensure_ascii=False, indent=1))
