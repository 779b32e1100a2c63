"""Records in Elasticsearch, 8 or 9: the engine for many machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from models.errors import BadQuery, BadSetting, MissingPart, StoreUnavailable

try:
    from elasticsearch import ApiError, BadRequestError, Elasticsearch, NotFoundError
except ImportError as error:  # the core does without the client
    raise MissingPart(part="elasticsearch", extra="cluster") from error

from indices.stores.elastic_buckets import Sources, buckets
from indices.stores.elastic_bulk import Sender, deletion_of, line_of, outcome_of
from indices.stores.elastic_calls import (
    ENGINE,
    Breaker,
    Deadline,
    IndexGone,
    describe,
    read,
    unavailable,
)
from indices.stores.elastic_index import prepare, version
from indices.stores.elastic_query import OLDEST, SORTS, translate
from indices.stores.elastic_renewal import renew
from indices.stores.matching import (
    MAX_FIELDS_TABULATED,
    MAX_ID_BYTES,
    Kept,
    Segmenter,
    check_counted,
    check_query,
    dictionary_segmenter,
    why_not_kept,
)
from models.query import Bucket, Hit, Outcome, Page, Query, Receipt, Sort
from models.record import Record

if TYPE_CHECKING:
    from models.settings import Settings

T = TypeVar("T")

DEADLINE_SECONDS: Final = 10.0
SCAN_PAGE: Final = 1_000
# How long the server remembers the state that a scan reads, from page to page; a consumer that is slower starts a new one.
SCAN_KEEP_ALIVE: Final = "5m"


class ElasticStore:
    """Implements `models.ports.Store`. Safe to use from several threads; makes its index when first used.

    Args:
        client: owned by the store from now on; its own retries are switched off.
        name: the alias.
        deadline_seconds: longest duration of a call; of one page in a scan.
        shards: primary shards of an index that is made.
        replicas: copies of each; 1 or more, so that the loss of a node loses no acknowledged record.
        index: an index version to use instead of what the alias leads to.
    """

    engine = ENGINE

    def __init__(
        self,
        client: Elasticsearch,
        name: str,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
        shards: int = 1,
        replicas: int = 0,
        segmenter: Segmenter = dictionary_segmenter,
        breaker: Breaker | None = None,
        index: str | None = None,
    ) -> None:
        self._client = client.options(max_retries=0, retry_on_timeout=False, retry_on_status=())
        self._name, self._index = name, index
        self._deadline_seconds, self._shards, self._replicas = deadline_seconds, shards, replicas
        self._segmenter = segmenter
        self._breaker = breaker or Breaker()
        self._sender = Sender(self._client, index or name, self._breaker, alias=index is None)
        self._ready, self._closed, self._lock = index is not None, False, Lock()

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Raises BadSetting for an address, key or file that cannot be used; asks nothing of the server yet."""
        return cls(
            connect(settings),
            settings.elastic_index,
            deadline_seconds=settings.store_deadline_seconds,
            shards=settings.elastic_shards,
            replicas=settings.elastic_replicas,
        )

    # --- writing ------------------------------------------------------------------------------------------------
    def upsert(self, batch: Sequence[Record]) -> Receipt:
        """Keep each record unless the same or a later revision of it is kept already.

        A write whose answer was lost and that is found there on the second try counts as STORED, also where it replaced an
        earlier revision. Raises StoreUnavailable where some records could not be written in time; sending the batch again
        is harmless.
        """
        deadline = self._begin()
        results: dict[int, tuple[Outcome, str]] = {
            i: (Outcome.REJECTED, reason) for i, record in enumerate(batch) if (reason := why_not_kept(record))
        }
        good = [i for i in range(len(batch)) if i not in results]
        lines = [line_of(Kept.of(batch[i], self._segmenter)) for i in good]
        if lines:
            answers = self._guarded(lambda: self._sender.send(lines, deadline))
            unsure = [batch[i].id for i, answer in zip(good, answers, strict=True) if answer.unsure]
            stored = self._stored(unsure, deadline) if unsure else {}
            for i, answer in zip(good, answers, strict=True):
                results[i] = outcome_of(answer, batch[i], stored.get)
            self._refresh(deadline)
        ordered = [results[i] for i in range(len(batch))]
        return Receipt(outcomes=tuple(r[0] for r in ordered), reasons=tuple(r[1] for r in ordered))

    def renew(self, batch: Sequence[Record]) -> Receipt:
        deadline = self._begin()
        receipt = renew(batch, self._segmenter, lambda ids: self._stored(ids, deadline),
                        lambda lines: self._guarded(lambda: self._sender.send(lines, deadline)))  # fmt: skip
        self._refresh(deadline)
        return receipt

    def forget(self, record_ids: Sequence[str]) -> int:
        deadline = self._begin()
        known = self._stored(sorted({i for i in record_ids if _possible(i)}), deadline)
        if not known:
            return 0
        self._guarded(lambda: self._sender.send([deletion_of(record_id) for record_id in known], deadline))
        self._refresh(deadline)
        return len(known)

    def _stored(self, record_ids: Sequence[str], deadline: Deadline) -> dict[str, tuple[int, str]]:
        """Revision and intake of those records that are there."""
        if not record_ids:
            return {}
        answer = self._ask(
            lambda client: client.mget(index=self._target, ids=list(record_ids), source_includes=["intake"]), deadline
        )
        found = [doc for doc in answer["docs"] if doc.get("found")]
        return {doc["_id"]: (int(doc["_version"]), str(doc["_source"]["intake"])) for doc in found}

    def _refresh(self, deadline: Deadline) -> None:
        """Make writes visible to searches: one refresh a call, however many requests it took."""
        self._ask(lambda client: client.indices.refresh(index=self._target), deadline)

    # --- reading ------------------------------------------------------------------------------------------------
    def get(self, record_id: str) -> Record | None:
        deadline = self._begin()
        if not _possible(record_id):
            return None
        try:
            answer = self._ask(
                lambda client: client.get(index=self._target, id=record_id, source_includes=["record"]), deadline
            )
        except NotFoundError:
            return None
        return record_of(answer.body)

    def search(self, query: Query) -> Page:
        """Relevance orders ties, and everything where no words are asked for, newest first."""
        check_query(query)
        body = {"query": translate(query), "size": query.size, "track_total_hits": True, "source_includes": ["record"]}
        if query.size:
            body |= {"from_": query.offset, "sort": SORTS[query.sort]}
        if query.sort is Sort.RELEVANCE:
            body["search_type"] = "dfs_query_then_fetch"  # word statistics of all shards, so that scores compare
        answer = self._search(self._begin(), index=self._target, **body)
        scored = query.sort is Sort.RELEVANCE
        hits = tuple(
            Hit(record=record_of(hit), score=float(hit["sort"][0]) if scored else 0.0) for hit in answer["hits"]["hits"]
        )
        return Page(total=int(answer["hits"]["total"]["value"]), hits=hits)

    def aggregate(self, query: Query, by: Sequence[str]) -> list[Bucket]:
        check_counted(by)
        found = self._count(query, [{f: {"terms": {"field": f}}} for f in by])
        return sorted(found, key=lambda bucket: (-bucket.count, bucket.keys))

    def tabulate(self, query: Query, fields: Sequence[str]) -> list[Bucket]:
        check_counted(fields, MAX_FIELDS_TABULATED)
        found: Counter[tuple[str, ...]] = (
            Counter()
        )  # a value may be the empty text, which is told apart from none only here
        for bucket in self._count(query, [{f: {"terms": {"field": f, "missing_bucket": True}}} for f in fields]):
            found[bucket.keys] += bucket.count
        return [Bucket(keys=keys, count=n) for keys, n in sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))]

    def _count(self, query: Query, sources: Sources) -> list[Bucket]:
        check_query(query)
        deadline = self._begin()
        found, after = buckets(self._search, query, sources, None, {"index": self._target}, deadline)
        if after is not None:
            found = self._all_buckets(query, sources, deadline)
        return found

    def _all_buckets(self, query: Query, sources: Sources, deadline: Deadline) -> list[Bucket]:
        """Page by page over one fixed state, so that a write between two pages shifts nothing."""
        state = self._open_state(deadline)
        where = {"pit": {"id": state, "keep_alive": SCAN_KEEP_ALIVE}}
        try:
            found, after = buckets(self._search, query, sources, None, where, deadline)
            while after is not None:
                more, after = buckets(self._search, query, sources, after, where, deadline)
                found += more
            return found
        finally:
            self._close_state(state)

    def scan(self, query: Query) -> Iterator[Record]:
        """The state at the call; writes during the scan are not seen.

        Where the server has lost that state (a node left, or the consumer took longer than five minutes for a page), the scan
        goes on from where it was over the state of that moment: every record that stayed as it was still comes once.
        """
        check_query(query)
        self._begin()
        pages = self._pages(translate(query))
        return chain.from_iterable(chain([next(pages, [])], pages))

    def _pages(self, clause: dict[str, Any]) -> Iterator[list[Record]]:
        state, last = self._open_state(self._begin()), None
        try:
            while True:
                deadline = self._begin()
                try:
                    hits = self._page(state, clause, last, deadline)
                except (NotFoundError, StoreUnavailable):
                    state = self._open_state(deadline)
                    hits = self._page(state, clause, last, deadline)
                if hits:
                    last = hits[-1]["sort"][:2]
                    yield [record_of(hit) for hit in hits]
                if len(hits) < SCAN_PAGE:
                    return
        finally:
            self._close_state(state)

    def _page(self, state: str, clause: dict[str, Any], last: Any, deadline: Deadline) -> list[dict[str, Any]]:
        rest = [clause, {"bool": {"should": after(*last), "minimum_should_match": 1}}] if last else [clause]
        answer = self._search(
            deadline, query={"bool": {"filter": rest}}, size=SCAN_PAGE, sort=OLDEST, track_total_hits=False,
            source_includes=["record"], pit={"id": state, "keep_alive": SCAN_KEEP_ALIVE},
        )  # fmt: skip
        return list(answer["hits"]["hits"])

    def _open_state(self, deadline: Deadline) -> str:
        answer = self._ask(
            lambda client: client.open_point_in_time(index=self._target, keep_alive=SCAN_KEEP_ALIVE), deadline
        )
        return str(answer["id"])

    def _close_state(self, state: str) -> None:
        """Best effort: the server forgets it by itself."""
        with suppress(StoreUnavailable, ApiError):
            if not self._closed:
                self._ask(lambda client: client.close_point_in_time(id=state), Deadline(1.0))

    # --- life ---------------------------------------------------------------------------------------------------
    def status(self) -> dict[str, Any]:
        """What `minsheng store status` shows: index, mapping version, records, size in bytes, cluster health, breaker."""
        deadline = self._begin()
        health = self._ask(lambda client: client.cluster.health(index=self._target), deadline)
        stats = self._ask(lambda client: client.indices.stats(index=self._target, metric=["docs", "store"]), deadline)
        (index,) = stats["indices"]
        totals = stats["indices"][index]
        return {
            "engine": self.engine, "alias": self._name, "index": index, "mapping_version": version(),
            "records": int(totals["primaries"]["docs"]["count"]), "size_bytes": int(totals["total"]["store"]["size_in_bytes"]),
            "health": health["status"], "nodes": int(health["number_of_nodes"]), "breaker": self._breaker.state,
        }  # fmt: skip

    def close(self) -> None:
        self._closed = True
        self._client.close()

    # --- calls --------------------------------------------------------------------------------------------------
    @property
    def _target(self) -> str:
        return self._index or self._name

    def _begin(self) -> Deadline:
        """The deadline of a call that begins now, on an index that is there.

        Raises StoreUnavailable, StoreNewer.
        """
        if self._closed:
            raise unavailable("已关闭")
        deadline = Deadline(self._deadline_seconds)
        if not self._ready:
            self._prepare(deadline)
        return deadline

    def _prepare(self, deadline: Deadline) -> None:
        if not self._lock.acquire(timeout=max(0.0, deadline.remaining)):
            raise unavailable("索引准备超时")
        try:
            if not self._ready:
                self._guarded(
                    lambda: read(
                        lambda _: prepare(self._client, self._name, self._shards, self._replicas, deadline),
                        self._breaker,
                        deadline,
                    )
                )
                self._ready = True
        except BadSetting as error:
            # Somebody has to act, but no record is to blame: the worker line waits instead of filling the quarantine.
            raise unavailable(error.message) from error
        finally:
            self._lock.release()

    def _ask(self, call: Callable[[Elasticsearch], T], deadline: Deadline) -> T:
        return self._guarded(
            lambda: read(lambda seconds: call(self._client.options(request_timeout=seconds)), self._breaker, deadline)
        )

    def _search(self, deadline: Deadline, **body: Any) -> Mapping[str, Any]:
        """A search that is whole or fails: no partial result is ever an answer."""

        def call(client: Elasticsearch) -> Mapping[str, Any]:
            limit = f"{max(1, int(deadline.remaining * 1000))}ms"
            found: Mapping[str, Any] = client.search(**body, timeout=limit, allow_partial_search_results=False).body
            return found

        answer = self._ask(call, deadline)
        if answer["timed_out"]:
            raise unavailable("检索超时")
        return answer

    def _guarded(self, call: Callable[[], T]) -> T:
        """Turn answers that no caller can mend into our errors."""
        try:
            return call()
        except (NotFoundError, IndexGone) as error:
            if isinstance(error, NotFoundError) and "index_not_found_exception" not in str(error.body):
                raise
            self._ready = self._index is not None
            raise unavailable(f"索引 {self._target} 不见了，下次调用时重建") from error
        except BadRequestError as error:
            raise BadQuery(position=1, reason=f"检索库不接受（{describe(error)}）") from error
        except ApiError as error:
            raise unavailable(describe(error)) from error


def connect(settings: Settings) -> Elasticsearch:
    """A client of the addresses, user or key, and authority that the settings name.

    Raises BadSetting.
    """
    from indices.stores.elastic_http import BoundedNode

    addresses = [part.strip() for part in settings.elastic_url.split(",") if part.strip()]
    password, key = settings.elastic_password.get_secret_value(), settings.elastic_api_key.get_secret_value()
    if key and settings.elastic_user:
        raise BadSetting(name="MINSHENG_ELASTIC_API_KEY", value="***", reason="与 MINSHENG_ELASTIC_USER 只能设置其一")
    if settings.elastic_ca and not Path(settings.elastic_ca).is_file():
        raise BadSetting(name="MINSHENG_ELASTIC_CA", value=settings.elastic_ca, reason="没有这个文件")
    options: dict[str, Any] = {"ca_certs": settings.elastic_ca} if settings.elastic_ca else {}
    if key:
        options["api_key"] = key
    elif settings.elastic_user:
        options["basic_auth"] = (settings.elastic_user, password)
    try:
        return Elasticsearch(addresses, node_class=BoundedNode, **options)
    except ValueError as error:
        reason = f"应为 http://主机:端口 或 https://主机:端口，多个以逗号分隔（{error}）"
        raise BadSetting(name="MINSHENG_ELASTIC_URL", value=settings.elastic_url, reason=reason) from error


def record_of(hit: Mapping[str, Any]) -> Record:
    return Record.model_validate(hit["_source"]["record"])


def after(created: int, record_id: str) -> list[dict[str, Any]]:
    """Clauses of what comes later in (created_at, id) order."""
    same = [{"term": {"created_us": created}}, {"range": {"id": {"gt": record_id}}}]
    return [{"range": {"created_us": {"gt": created}}}, {"bool": {"filter": same}}]


def _possible(record_id: str) -> bool:
    """Whether a record can have this id; the server refuses to be asked for another."""
    return bool(record_id) and len(record_id.encode("utf-8", "replace")) <= MAX_ID_BYTES
