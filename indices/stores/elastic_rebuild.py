"""A new index version beside the one in use: copy everything, then move the alias in one step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from elasticsearch import ApiError

from indices.stores.copying import Copied, copy
from indices.stores.elastic import ElasticStore, connect
from indices.stores.elastic_calls import Breaker, Deadline, describe, read, unavailable
from indices.stores.elastic_index import Found, bounded, create, look
from indices.stores.overlay import Change, Overlay
from models.errors import BadSetting, StoreRejected
from models.query import Outcome, Query

if TYPE_CHECKING:
    from models.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True)
class Rebuilt:
    old: str
    new: str
    copied: Copied
    held: int


def rebuild(
    settings: Settings,
    *,
    shards: int | None = None,
    progress: Callable[[int], object] | None = None,
    change: Change | None = None,
) -> Rebuilt:
    """Copy the index behind the alias into the next version, changed by `change`, and let the alias lead there. The old index stays.

    What is written to the old index meanwhile is not copied: stop the worker line first. Begun again after a break it goes on in
    the same new index.

    Raises BadSetting where there is no index yet, StoreRejected where the new mapping refuses a record (the alias stays),
    StoreUnavailable.
    """
    name, seconds = settings.elastic_index, settings.store_deadline_seconds
    client = connect(settings).options(max_retries=0)

    def ask(call: Callable[[Deadline], T]) -> T:
        deadline = Deadline(seconds)
        return read(lambda _: call(deadline), Breaker(), deadline)

    try:
        old = _in_use(ask(lambda deadline: look(client, name, deadline)), name)
        made = ask(
            lambda deadline: create(
                client, name, int(old.rpartition("-")[2]) + 1, shards or settings.elastic_shards,
                settings.elastic_replicas, deadline, alias=False,
            )
        )  # fmt: skip
        # Both stores share the client, which is closed below.
        source = ElasticStore(client, name, index=old, deadline_seconds=seconds)
        target = ElasticStore(client, name, index=made, deadline_seconds=seconds)
        copied = copy(Overlay(source, change) if change else source, target, progress=progress)
        held = target.search(Query(size=0)).total
        if rejected := copied.outcomes[Outcome.REJECTED]:
            shown = "；".join(f"{record_id}：{reason}" for record_id, reason in copied.rejected)
            raise StoreRejected(reason=f"新索引 {made} 拒收 {rejected} 件，别名未切换（{shown}）")
        moves: list[dict[str, Any]] = [
            {"remove": {"index": old, "alias": name}},
            {"add": {"index": made, "alias": name, "is_write_index": True}},
        ]
        ask(lambda deadline: bounded(client, deadline).indices.update_aliases(actions=moves))
        return Rebuilt(old, made, copied, held)
    except ApiError as error:
        raise unavailable(describe(error)) from error
    finally:
        client.close()


def _in_use(found: Found | None, name: str) -> str:
    if found is None:
        raise BadSetting(name="MINSHENG_ELASTIC_INDEX", value=name, reason="还没有索引，首次写入时会自动建立")
    if not found.index.rpartition("-")[2].isdecimal():
        raise BadSetting(name="MINSHENG_ELASTIC_INDEX", value=name, reason=f"索引 {found.index} 的名字不以版本号结尾")
    return found.index
