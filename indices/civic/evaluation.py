"""The evaluation of units in tiers (分档分类评价): the index without the orders that nobody answers for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from indices.civic.satisfaction import By, satisfaction
from models.figures import Evaluation
from models.ports import Reader
from models.query import Query

REFUSED: Final = "不予受理"


def exclusions(reader: Reader, query: Query, upheld: Collection[str]) -> dict[str, list[str]]:
    """Why → ids of the question's orders that do not count; an order has one reason, the first that fits."""
    found = {
        "不予受理": {bucket.keys[0] for bucket in reader.aggregate(query.narrowed(status=(REFUSED,)), ["id"])},
        "已并入他单": {bucket.keys[1] for bucket in reader.aggregate(query, ["merged_into", "id"])},
        "申诉获支持": set(),
    }  # fmt: skip
    if upheld:
        found["申诉获支持"] = {bucket.keys[0] for bucket in reader.aggregate(query.narrowed(id=tuple(upheld)), ["id"])}
    seen: set[str] = set()
    told = {}
    for reason, ids in found.items():
        told[reason] = sorted(ids - seen)
        seen |= ids
    return told


def evaluate(
    reader: Reader, query: Query, by: By, upheld: Collection[str] = (), *, peers: Mapping[str, str] | None = None
) -> Evaluation:
    """Units in tiers, and how many orders were left out for which reason."""
    left_out = exclusions(reader, query, upheld)
    ids = [record_id for found in left_out.values() for record_id in found]
    index = satisfaction(reader, query, by, peers=peers, exclude=ids)
    return Evaluation(index=index, left_out={reason: len(found) for reason, found in left_out.items()})
