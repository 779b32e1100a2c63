"""Processes that are made to be killed. `python children.py`, then one line of JSON on its input for each child.

It loads the libraries once and forks, so that 200 deaths take seconds: the answer to each line is the child's process id. A child
reports what it was told is done by appending to a file, which outlives any `kill -9`.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from api.scheduler import Job, Scheduler, holder_name
from indices.database import connect
from indices.intake.inbox import Inbox
from indices.intake.renewal import Renewal
from indices.intake.worker import Worker
from indices.ledger import Ledger
from indices.stores.embedded import EmbeddedStore
from models.clock import now
from models.figures import Hotspot, Hotspots, Source
from models.item import Item, Payload
from models.labels import Level
from models.query import Query
from models.record import Annotation
from models.settings import Settings
from nlp.annotate import Reading


class Report:
    """Lines appended to a file, each by one write."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def __call__(self, *words: object) -> None:
        os.write(self._file, (" ".join(map(str, words)) + "\n").encode())


class PlainAnnotator:
    """Reads nothing: what dies here is the line, not the language."""

    def __init__(self, version: str = "none") -> None:
        self.version = version

    def annotate(self, drafts: Sequence[Any]) -> list[Reading]:
        note = Annotation(model=self.version)
        return [Reading(title=d.title, text=d.text, reply=d.reply, annotation=note, probabilities={}) for d in drafts]


def item(name: str, revision: int | None = None) -> Item:
    text = f"第{name}件 " + "路灯不亮 " * 40
    return Item(source="crash", native_id=name, revision=revision, payload=Payload(title=name, text=text))


def open_worker(engine: Engine, folder: str, *, renewing: bool = False, **settings: Any) -> Worker:
    inbox = Inbox(engine, limit=10**6, lease_seconds=0.2)
    store = EmbeddedStore(Path(folder), segmenter=lambda text: text.lower().split())
    renewal = Renewal(engine, store, lease_seconds=0.2, max_attempts=20, portion=25) if renewing else None
    annotator = PlainAnnotator("second" if renewing else "none")
    return Worker(inbox, store, annotator, b"k" * 32, Settings(**settings), renewal=renewal)


def accept(url: str, report: str, name: str) -> None:
    """Send single items and batches for ever; report each batch after its acknowledgement."""
    acknowledged, inbox = Report(report), Inbox(connect(url), limit=10**6, lease_seconds=60)
    dice, number = random.Random(name), 0
    while True:
        size = dice.choice((1, 1, 1, 20))
        inbox.accept([item(f"{name}-{number}-{size}-{part}") for part in range(size)])
        acknowledged(f"{name}-{number}-{size}")
        number += 1


def work(url: str, folder: str) -> None:
    """Work for ever."""
    worker = open_worker(connect(url), folder, batch_items=20, max_attempts=20)
    while True:
        worker.drain()


class Up(threading.Event):
    """A stop that never comes; the first wait for it says that the scheduler is up."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self._report: Report | None = report

    def wait(self, timeout: float | None = None) -> bool:
        if self._report:
            self._report("up", os.getpid())
            self._report = None
        return super().wait(timeout)


def tick(url: str, report: str, every: float, hold: bool) -> None:
    """A scheduler with one job that reports its slot; with `hold`, one that never ends."""
    ran = Report(report)

    def run(slot: datetime) -> None:
        ran(slot.timestamp(), os.getpid())
        if hold:
            threading.Event().wait()

    # Without coalescing: the machine of a test may be slow, and here every slot is to be run.
    job = Job("tick", "", function=run, every_seconds=every, coalesce=False, overlap=True)
    Scheduler(Ledger(connect(url), holder=holder_name()), [job]).run(Up(ran))


def renew(url: str, folder: str) -> None:
    """Read again what is kept, beside the inbox, for ever."""
    worker = open_worker(connect(url), folder, batch_items=20, max_attempts=20, renewing=True)
    while True:
        worker.turn()


def alert(url: str, report: str, rounds: int) -> None:
    """Raise and deliver, figure after figure, from the first on; a send is reported when the receiver has it."""
    from indices.alerts import outbox
    from indices.alerts.channels import Channel
    from indices.civic.alerts import record_alerts

    outbox.LEASE_SECONDS = 0.05  # type: ignore[misc]
    received, engine = Report(report), connect(url)

    def send(channel: Channel, title: str, body: str) -> str:
        received(channel.name, body.rsplit(" ", 1)[-1])
        time.sleep(0.003)  # the receiver has it, the sender does not know yet
        return ""

    for number in range(rounds):
        record_alerts(engine, alert_figure(number))
        outbox.run(engine, [Channel("甲", "x"), Channel("乙", "x")], send)
    received("done", os.getpid())
    threading.Event().wait()


def alert_figure(number: int) -> Hotspots:
    """Three incidents of which one was in the figure before."""
    at = now()
    found = [
        Hotspot(rank=1, title=f"第{one}件事", heat=1, parts={}, count=3, people=3, first=at, last=at, places=(), topic="其他", level=Level.YELLOW,
                members=(), sentences=(), key=f"k{one}", record_ids=(f"r{one}a", f"r{one}b"), rule="规则")
        for one in range(2 * number, 2 * number + 3)
    ]  # fmt: skip
    return Hotspots(hotspots=tuple(found), source=Source(query=Query(until=at), n=9, computed_at=at))


CHILDREN: dict[str, Callable[..., None]] = {
    "accept": accept,
    "work": work,
    "tick": tick,
    "renew": renew,
    "alert": alert,
}


def answer(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    answer("ready")
    for line in sys.stdin:
        wish = json.loads(line)
        if not (child := os.fork()):
            sys.stdin.close()
            try:
                CHILDREN[wish.pop("child")](**wish)
            finally:
                os._exit(1)
        answer(str(child))


if __name__ == "__main__":
    main()
