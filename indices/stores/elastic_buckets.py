"""One page of Elasticsearch's counts by the values of fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from indices.stores.elastic_query import translate
from models.query import Bucket, Query

BUCKETS_PAGE: Final = 10_000
Sources = Sequence[Mapping[str, Any]]
"""Of a composite aggregation: one field each."""


def buckets(
    search: Callable[..., Any],
    query: Query,
    sources: Sources,
    after: Mapping[str, Any] | None,
    where: Mapping[str, Any],
    deadline: object,
) -> tuple[list[Bucket], Mapping[str, Any] | None]:
    """One page of counts, "" for a missing value, and where the next begins (None: there is none).

    `search` asks the server within the deadline; `where` names the index, or the fixed state that all pages are read from.
    """
    composite: dict[str, Any] = {"size": BUCKETS_PAGE, "sources": sources}
    if after is not None:
        composite["after"] = after
    answer = search(
        deadline,
        query=translate(query),
        size=0,
        track_total_hits=False,
        aggregations={"by": {"composite": composite}},
        **where,
    )
    told = answer["aggregations"]["by"]
    names = [name for source in sources for name in source]
    found = [Bucket(keys=tuple(b["key"][n] or "" for n in names), count=int(b["doc_count"])) for b in told["buckets"]]
    return found, (told.get("after_key") if len(found) == BUCKETS_PAGE else None)
