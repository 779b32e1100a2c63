"""Proposing a mapping for a file never seen before: column names by their Chinese synonyms, then by the shape of the values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from crawlers.feeds.mapping import Mapping
from crawlers.feeds.synonyms import SYNONYMS
from crawlers.feeds.tables import Row
from crawlers.feeds.values import parse_value, plain

_NEVER_ASKED = {"speaker"}  # several columns name the caller; the first is taken, the others stay aside
_SAMPLE = 50


@dataclass(frozen=True, slots=True)
class Proposal:
    """`doubts` are decisions that a person has to take; without any the mapping can be used as it is."""

    mapping: Mapping
    doubts: tuple[str, ...]
    unused: tuple[str, ...]


def propose(name: str, columns: Sequence[str], sample: Sequence[Row]) -> Proposal:
    """A mapping for the columns, checked against the sample rows."""
    scored = sorted(
        (
            (score, -position, column, field)
            for position, column in enumerate(columns)
            for field, score in _scores(column, sample)
        ),
        reverse=True,
    )
    taken: dict[str, str] = {}
    doubts: list[str] = []
    best: dict[str, float] = {}
    for score, _, column, field in scored:
        if column in taken:
            continue
        if field in best:
            if score == best[field] and field not in _NEVER_ASKED and not _empty(column, sample):
                other = next(c for c, f in taken.items() if f == field)
                doubts.append(f"「{other}」和「{column}」都像 {field}，请选定一列")
            continue
        taken[column], best[field] = field, score
    _by_shape(columns, sample, taken)
    doubts += _needed(taken)
    ordered = {column: taken[column] for column in columns if column in taken}
    mapping = Mapping(name=name, source=name, columns=ordered)
    return Proposal(mapping, tuple(doubts), tuple(c for c in columns if c not in taken))


def _scores(column: str, sample: Sequence[Row]) -> list[tuple[str, float]]:
    """Fields that the column may be, each with how well its name fits; a field whose parser refuses the values is out."""
    name = re.sub(r"[\s（(].*|[*＊:：]", "", column).lower()
    found = []
    for field, words in SYNONYMS.items():
        equal = [1_000.0 - rank for rank, word in enumerate(words) if name == word]
        inside = [float(len(word)) for word in words if len(word) >= 2 and word in name]
        score = max(equal or inside or [0.0])
        if score and _readable(field, column, sample):
            found.append((field, score))
    return found


def _readable(field: str, column: str, sample: Sequence[Row]) -> bool:
    """At least four in five of the cells that say something are values of the field."""
    good = bad = 0
    for row in sample[:_SAMPLE]:
        try:
            good += parse_value(field, row.get(column)) is not None
        except ValueError:
            bad += 1
    return good >= 4 * bad


def _empty(column: str, sample: Sequence[Row]) -> bool:
    return not any(plain(row.get(column)) for row in sample[:_SAMPLE])


def _by_shape(columns: Sequence[str], sample: Sequence[Row], taken: dict[str, str]) -> None:
    """Text and time without a telling name: the longest texts are the text, the only column of times is the time."""
    free = [column for column in columns if column not in taken and not _empty(column, sample)]
    if "text" not in taken.values() and free:
        lengths = {
            c: sum(len(plain(row.get(c))) for row in sample[:_SAMPLE]) / max(len(sample[:_SAMPLE]), 1) for c in free
        }
        longest = max(free, key=lambda c: lengths[c])
        if lengths[longest] >= 15:
            taken[longest] = "text"
    if "created_at" not in taken.values():
        times = [c for c in free if c not in taken and _readable("created_at", c, sample) and not _numeric(c, sample)]
        if len(times) == 1:
            taken[times[0]] = "created_at"


def _numeric(column: str, sample: Sequence[Row]) -> bool:
    return all(re.fullmatch(r"[\d.]*", plain(row.get(column))) for row in sample[:_SAMPLE])


def _needed(taken: dict[str, str]) -> list[str]:
    fields = set(taken.values())
    doubts = []
    if not fields & {"title", "text"}:
        doubts.append("找不到标题或内容列")
    if "created_at" not in fields:
        doubts.append("找不到受理时间列")
    if "native_id" not in fields:
        doubts.append("找不到编号列：没有编号时，同一诉求的后续变更会被当作新的诉求")
    return doubts
