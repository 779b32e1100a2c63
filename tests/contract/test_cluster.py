"""Three nodes, one replica; one is killed with -9 while records come in. No acknowledged record is lost."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import pytest

pytest.importorskip("elasticsearch")

from indices.stores import elastic
from indices.stores.elastic import ElasticStore
from models.errors import StoreUnavailable
from models.query import Outcome, Query
from models.record import Record
from tests.servers.elastic import Server, ask, start, stop
from tests.servers.elastic_files import NoServer

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(600)]
AT = datetime(2026, 3, 1, tzinfo=UTC)
NODES, BATCH, DEADLINE_SECONDS, GRACE_SECONDS = 3, 50, 10.0, 0.5
BEFORE, AFTER = 12, 25  # batches acknowledged before the kill, and after it


@pytest.fixture
def cluster() -> Iterator[Server]:
    try:
        server = start("8.19.5", nodes=NODES, heap_mb=300)
    except NoServer as reason:
        pytest.skip(f"Elasticsearch 8.19.5: {reason}")
    yield server
    stop(server)


def batch_of(number: int) -> list[Record]:
    return [
        Record(
            id=f"r{n:06}", revision=1, intake=f"row-{n}", source="test", text="噪音 扰民", created_at=AT + timedelta(seconds=n)
        )
        for n in range(number * BATCH, (number + 1) * BATCH)
    ]  # fmt: skip


class Intake:
    """Writes batch after batch as the worker line does: what is not acknowledged is sent again."""

    def __init__(self, store: ElasticStore) -> None:
        self.store = store
        self.acknowledged: list[str] = []
        self.longest_seconds, self.unavailable, self.batches = 0.0, 0, 0
        self.enough = Event()
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.enough.is_set():
                self._write(batch_of(self.batches))
                self.batches += 1
        except BaseException as error:  # noqa: BLE001 - looked at by the test
            self.failure = error

    def _write(self, batch: list[Record]) -> None:
        while not self.enough.is_set():
            begin = time.monotonic()
            try:
                receipt = self.store.upsert(batch)
            except StoreUnavailable:
                self.unavailable += 1
                time.sleep(0.1)
                continue
            finally:
                self.longest_seconds = max(self.longest_seconds, time.monotonic() - begin)
            assert Outcome.REJECTED not in receipt.outcomes
            self.acknowledged += [r.id for r in batch]
            return

    def wait_for(self, batches: int, seconds: float) -> None:
        limit = time.monotonic() + seconds
        while self.batches < batches and not self.failure and time.monotonic() < limit:
            time.sleep(0.05)
        assert self.batches >= batches, (self.batches, self.unavailable, self.failure)


def primary_of_shard_0(server: Server, index: str) -> int:
    shards = ask(server, f"/_cat/shards/{index}?format=json")
    return next(int(s["node"][-1]) for s in shards if s["shard"] == "0" and s["prirep"] == "p")


def test_a_killed_node_loses_no_acknowledged_record(cluster: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elastic, "SCAN_PAGE", 100)
    settings = cluster.settings(
        elastic_index="city", elastic_shards=3, elastic_replicas=1, store_deadline_seconds=DEADLINE_SECONDS
    )
    store = ElasticStore.from_settings(settings)
    intake = Intake(store)
    writer = Thread(target=intake.run, daemon=True)
    try:
        store.search(Query())
        ask(cluster, "/_cluster/health/city?wait_for_status=green&timeout=60s")
        writer.start()
        intake.wait_for(BEFORE, 60)
        scan = store.scan(Query())
        seen = [next(scan).id for _ in range(150)]

        os.kill(cluster.pid(primary_of_shard_0(cluster, "city")), signal.SIGKILL)
        killed_at = time.monotonic()
        intake.wait_for(intake.batches + 1, 90)
        healed_seconds = time.monotonic() - killed_at
        intake.wait_for(intake.batches + AFTER, 90)
        intake.enough.set()
        writer.join()

        seen += [r.id for r in scan]
        assert seen == sorted(set(seen)), "the scan that the kill interrupted has each record once, in order"
        assert set(seen) >= {r.id for n in range(BEFORE) for r in batch_of(n)}, "and all that were there when it began"
        assert intake.longest_seconds <= DEADLINE_SECONDS + GRACE_SECONDS
        kept = {r.id for r in store.scan(Query())}
        assert set(intake.acknowledged) - kept == set()
        assert store.search(Query()).total == len(kept)
        assert store.status()["nodes"] == NODES - 1
        logging.getLogger(__name__).info(
            "acknowledged %d, lost 0, writes refused %d, first write %.1f s after the kill, longest call %.1f s",
            len(intake.acknowledged), intake.unavailable, healed_seconds, intake.longest_seconds,
        )  # fmt: skip
    finally:
        intake.enough.set()
        if writer.is_alive():
            writer.join(30)
        store.close()
