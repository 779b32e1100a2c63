"""The index that records lie in: NAME-000001 behind the alias NAME, made from a versioned template.

An additive change (a new exact field) is applied to a found index in place. An incompatible one raises `VERSION`; then the
records are copied into a new index version (`minsheng store rebuild`) and the alias is moved.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from elasticsearch import ApiError, Elasticsearch, NotFoundError

from indices.stores.elastic_calls import PRODUCT, Deadline
from models.errors import BadSetting, StoreNewer
from models.query import FIELDS

TEMPLATE: Final = Path(__file__).with_name("mappings") / "records.json"
PRIORITY: Final = 500  # above the server's own templates (100 to 200)
FIRST: Final = 1
ATTEMPTS: Final = 3  # another process may make or change the index between our question and our order


@dataclass(frozen=True)
class Found:
    """The index that the alias leads to."""

    index: str
    version: int
    missing: tuple[str, ...]


def template() -> dict[str, Any]:
    """Settings and mappings of an index version; each exact field is a keyword."""
    known: dict[str, Any] = json.loads(TEMPLATE.read_text("utf-8"))
    known["mappings"]["properties"] |= {field: {"type": "keyword"} for field in FIELDS}
    return known


def version() -> int:
    """The mapping version that this program writes."""
    return int(template()["mappings"]["_meta"]["minsheng"]["version"])


def bounded(client: Elasticsearch, deadline: Deadline) -> Elasticsearch:
    return client.options(request_timeout=deadline.remaining)


def numbered(name: str, number: int) -> str:
    return f"{name}-{number:06d}"


def look(client: Elasticsearch, name: str, deadline: Deadline) -> Found | None:
    """The index behind the alias; None where there is none.

    Raises BadSetting where the name is an index itself, or the alias leads to several.
    """
    try:
        answer = bounded(client, deadline).indices.get(index=name)
    except NotFoundError as error:
        if PRODUCT not in error.meta.headers:
            raise
        return None
    indices: dict[str, Any] = dict(answer)
    if name in indices:
        raise BadSetting(name="MINSHENG_ELASTIC_INDEX", value=name, reason="已有同名的索引，而不是别名；请换一个名字")
    if len(indices) != 1:
        shown = "、".join(sorted(indices))
        raise BadSetting(name="MINSHENG_ELASTIC_INDEX", value=name, reason=f"别名指向多个索引（{shown}），应只有一个")
    ((index, known),) = indices.items()
    mappings = known.get("mappings", {})
    missing = tuple(sorted(set(template()["mappings"]["properties"]) - set(mappings.get("properties", {}))))
    return Found(index, int(mappings.get("_meta", {}).get("minsheng", {}).get("version", 0)), missing)


def prepare(client: Elasticsearch, name: str, shards: int, replicas: int, deadline: Deadline) -> str:
    """Make what is not there yet; the name of the index that the alias leads to.

    Raises StoreNewer, BadSetting, and the client's errors.
    """
    for _ in range(ATTEMPTS):
        found = look(client, name, deadline)
        if found is None:
            create(client, name, FIRST, shards, replicas, deadline, alias=True)
            continue
        if found.version > version():
            raise StoreNewer(index=found.index, found=found.version, known=version())
        if found.version < version():
            reason = f"映射版本 {found.version} 比本程序的 {version()} 旧，请运行 minsheng store rebuild"
            raise BadSetting(name="MINSHENG_ELASTIC_INDEX", value=name, reason=reason)
        if found.missing:
            fields = {field: template()["mappings"]["properties"][field] for field in found.missing}
            bounded(client, deadline).indices.put_mapping(index=found.index, properties=fields)
            continue
        return found.index
    reason = f"别名没有指向 {numbered(name, FIRST)}，请检查该索引是否已存在而没有别名"
    raise BadSetting(name="MINSHENG_ELASTIC_INDEX", value=name, reason=reason)


def create(
    client: Elasticsearch, name: str, number: int, shards: int, replicas: int, deadline: Deadline, *, alias: bool
) -> str:
    """Put the template, then make index version `number`; one that another process has made meanwhile is as good."""
    shape = template()
    shape["settings"]["index"] |= {"number_of_shards": shards, "number_of_replicas": replicas}
    # NAME-0*: the template of `city` must not take the indices of `city-test`.
    bounded(client, deadline).indices.put_index_template(
        name=name, index_patterns=[f"{name}-0*"], template=shape, priority=PRIORITY, version=version(),
        meta=shape["mappings"]["_meta"],
    )  # fmt: skip
    index = numbered(name, number)
    try:
        bounded(client, deadline).indices.create(index=index, aliases={name: {"is_write_index": True}} if alias else {})
    except ApiError as error:
        if "resource_already_exists_exception" not in str(error.body):
            raise
    return index
