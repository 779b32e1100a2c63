"""Pages, counts and scans of one snapshot of the embedded index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from tantivy import DocAddress, Order, Searcher

from indices.stores.embedded_query import Found, both, created_between, having
from indices.stores.embedded_schema import CREATED, RANK, RECORD, REVISION, rank
from models.record import Record

# Addresses are 100 bytes each; the records of a slice are read one by one.
SCAN_SLICE: Final = 5_000
# Above tantivy's bucket limit of 65,000, so that only that limit can cut a list of terms.
_ALL_TERMS: Final = 1_000_000
_COMPOSITE_PAGE: Final = 20_000

Placed = tuple[float, DocAddress]


def load(searcher: Searcher, address: DocAddress) -> Record:
    return Record.model_validate_json(searcher.doc(address)[RECORD][0])


def count(searcher: Searcher, found: Found) -> int:
    return int(searcher.search(found, limit=1).count)  # type: ignore[attr-defined]


def one(searcher: Searcher, record_id: str) -> Record | None:
    hits = searcher.search(having("id", [record_id]), limit=1, count=False).hits
    return load(searcher, hits[0][1]) if hits else None


def revisions(searcher: Searcher, record_ids: Collection[str]) -> dict[str, int]:
    """Kept revision of those of the ids that the snapshot holds. Which id a hit has is told by its rank, else by its text."""
    if not record_ids:
        return {}
    query = having("id", list(record_ids))
    hits = searcher.search(query, limit=len(record_ids), count=False, order_by_field=REVISION).hits
    addresses = [address for _, address in hits]
    ranked = Counter(map(rank, record_ids))
    named = {rank(record_id): record_id for record_id in record_ids}
    kept: dict[str, int] = {}
    for (revision, address), place in zip(hits, _column(searcher, RANK, addresses), strict=True):
        kept[named[place] if ranked[place] == 1 else _id(searcher, address)] = int(revision)
    return kept


def _id(searcher: Searcher, address: DocAddress) -> str:
    return str(searcher.doc(address)["id"][0])


def _column(searcher: Searcher, name: str, addresses: Sequence[DocAddress]) -> list[int]:
    return searcher.fast_field_values(name, list(addresses))  # type: ignore[return-value]


def by_id(searcher: Searcher, addresses: Sequence[DocAddress]) -> list[DocAddress]:
    """The addresses in order of their ids; texts are read only where the rank column ties."""
    if len(addresses) < 2:
        return list(addresses)
    ranked = sorted(zip(_column(searcher, RANK, addresses), range(len(addresses)), strict=True))
    ordered: list[DocAddress] = []
    for _, group in groupby(ranked, key=lambda pair: pair[0]):
        tied = [addresses[i] for _, i in group]
        ordered += sorted(tied, key=lambda a: _id(searcher, a)) if len(tied) > 1 else tied
    return ordered


# --- pages ------------------------------------------------------------------------------------------------------
def page_by_time(
    searcher: Searcher, found: Found, offset: int, size: int, order: Order
) -> tuple[int, list[DocAddress]]:
    """Total and the addresses of a page ordered by (created_at in `order`, id ascending)."""
    start = max(0, offset - 1)
    answer = searcher.search(found, limit=offset - start + size + 1, offset=start, order_by_field=CREATED, order=order)
    before, hits = answer.hits[: offset - start], answer.hits[offset - start :]
    page: list[DocAddress] = []
    for value, group in groupby(hits[:size], key=lambda hit: hit[0]):
        wanted = [address for _, address in group]
        cut_before = not page and bool(before) and before[-1][0] == value
        cut_after = len(page) + len(wanted) == size and len(hits) > size and hits[size][0] == value
        if cut_before or cut_after:
            earlier = (None, value - 1) if order is Order.Asc else (value + 1, None)
            skip = offset - count(searcher, both(found, created_between(*earlier))) if cut_before else 0
            wanted = moment(searcher, found, value)[skip : skip + len(wanted)]
        else:
            wanted = by_id(searcher, wanted)
        page += wanted
    return int(answer.count), page  # type: ignore[attr-defined]


def moment(searcher: Searcher, found: Found, created: int) -> list[DocAddress]:
    """Every address of one instant, in order of ids."""
    same = both(found, created_between(created, created))
    hits = searcher.search(same, limit=max(1, count(searcher, same)), count=False, order_by_field=CREATED).hits
    return by_id(searcher, [address for _, address in hits])


def page_by_relevance(searcher: Searcher, found: Found, offset: int, size: int) -> tuple[int, list[Placed]]:
    """Total and (score, address) of a page ordered by (score descending, created_at descending, id ascending).

    The list is read beyond the page until the score falls, so that equal scores are ordered before the page is cut.
    """
    wanted, limit = offset + size, offset + size + 1
    while True:
        answer = searcher.search(found, limit=limit)
        hits = answer.hits
        if len(hits) < limit or hits[-1][0] < hits[wanted - 1][0]:
            break
        limit *= 4
    page: list[Placed] = []
    passed = 0
    for score, group in groupby(hits, key=lambda hit: hit[0]):
        addresses = [address for _, address in group]
        if passed < wanted and passed + len(addresses) > offset:
            ordered = _newest_first(searcher, addresses)[max(0, offset - passed) : wanted - passed]
            page += [(score, address) for address in ordered]
        passed += len(addresses)
    return int(answer.count), page  # type: ignore[attr-defined]


def _newest_first(searcher: Searcher, addresses: Sequence[DocAddress]) -> list[DocAddress]:
    if len(addresses) < 2:
        return list(addresses)
    timed = sorted(zip(_column(searcher, CREATED, addresses), range(len(addresses)), strict=True), reverse=True)
    groups = groupby(timed, key=lambda pair: pair[0])
    return [a for _, group in groups for a in by_id(searcher, [addresses[i] for _, i in group])]


# --- scans ------------------------------------------------------------------------------------------------------
def scan(searcher: Searcher, found: Found, slice_size: int = SCAN_SLICE) -> Iterator[Record]:
    """Records in order of (created_at, id). Memory: the addresses of a slice, or of one instant where that is more."""
    low: int | None = None
    while True:
        ahead = both(found, created_between(low, None))
        hits = searcher.search(ahead, limit=slice_size, count=False, order_by_field=CREATED, order=Order.Asc).hits
        last = hits[-1][0] if len(hits) == slice_size else None
        for created, group in groupby(hits, key=lambda hit: hit[0]):
            if created != last:
                yield from (load(searcher, a) for a in by_id(searcher, [address for _, address in group]))
        if last is None:
            return
        yield from (load(searcher, a) for a in moment(searcher, found, last))
        low = last + 1


# --- counts -----------------------------------------------------------------------------------------------------
def counts(searcher: Searcher, found: Found, by: Sequence[str]) -> Counter[tuple[str, ...]]:
    """Exact counts of the values of the fields `by`, records without one of them left out.

    tantivy refuses more than 65,000 buckets: the records are then halved by time until each part has fewer, and an
    instant that still has too many is paged by its composite aggregation, which is slower.
    """
    try:
        return _terms(searcher, found, by)
    except ValueError as error:
        if "limit" not in str(error):
            raise
    edges = searcher.aggregate(found, {"low": {"min": {"field": CREATED}}, "high": {"max": {"field": CREATED}}})
    low, high = (int(edges[name]["value"]) for name in ("low", "high"))
    if low == high:
        return _composite(searcher, found, by)
    middle = (low + high) // 2
    halves = (created_between(None, middle), created_between(middle + 1, None))
    return sum((counts(searcher, both(found, half), by) for half in halves), Counter())


def _terms(searcher: Searcher, found: Found, by: Sequence[str]) -> Counter[tuple[str, ...]]:
    request: dict[str, Any] = {}
    for field in reversed(by):
        terms = {"terms": {"field": field, "size": _ALL_TERMS, "segment_size": _ALL_TERMS}}
        request = {"of": terms | ({"aggs": request} if request else {})}
    totals: Counter[tuple[str, ...]] = Counter()

    def walk(answer: dict[str, Any], keys: tuple[str, ...]) -> None:
        for bucket in answer["of"]["buckets"]:
            if len(keys) + 1 == len(by):
                totals[(*keys, bucket["key"])] += bucket["doc_count"]
            else:
                walk(bucket, (*keys, bucket["key"]))

    walk(searcher.aggregate(found, request), ())
    return totals


def table(searcher: Searcher, found: Found, fields: Sequence[str]) -> Counter[tuple[str, ...]]:
    """Exact counts of every combination of values, "" where a record has none."""
    return _composite(searcher, found, fields, missing=True)


def _composite(
    searcher: Searcher, found: Found, by: Sequence[str], *, missing: bool = False
) -> Counter[tuple[str, ...]]:
    sources = [{field: {"terms": {"field": field} | ({"missing_bucket": True} if missing else {})}} for field in by]
    totals: Counter[tuple[str, ...]] = Counter()
    after: dict[str, Any] = {}
    while True:
        request = {"of": {"composite": {"size": _COMPOSITE_PAGE, "sources": sources} | after}}
        answer = searcher.aggregate(found, request)["of"]
        for bucket in answer["buckets"]:
            totals[tuple(bucket["key"][field] or "" for field in by)] += bucket["doc_count"]
        if len(answer["buckets"]) < _COMPOSITE_PAGE or not answer.get("after_key"):
            return totals
        after = {"after": answer["after_key"]}
