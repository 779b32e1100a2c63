"""The labelled tables of a city: masked, each text once, which labels can be taught, and what is left out and why."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from models.errors import BadRequest
from models.labels import OTHER
from nlp.classifier import HEADS
from nlp.training.machines import ORDINAL
from nlp.training.rows import NO_LABEL, fold_of, group_keys

if TYPE_CHECKING:
    from nlp.annotate import Draft

LEAST_ROWS: Final = 20  # of a class: with fewer, each of five folds holds three or less, and nothing can be said of it
SHOWN: Final = 20  # values named in one sentence
_HAN: Final = re.compile(r"[^\u4e00-\u9fff]")


@dataclass(frozen=True)
class CityRows:
    """n different texts, masked. `labels[head]` (n), "" where a text has none; `fold` (n,), near-duplicates in one.

    `repeated`: rows whose text stood in an earlier row. `contradicted[head]`: rows whose text has two labels in one table; they
    have none then. `corrected[head]`: texts whose label a later table changed.
    """

    titles: list[str]
    texts: list[str]
    labels: dict[str, list[str]]
    fold: NDArray[np.int64]
    repeated: int = 0
    contradicted: dict[str, int] = field(default_factory=dict)
    corrected: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class Chosen:
    """What one head is taught. `labels` are all of the head, `taught` (m,) those with enough rows, `truth` (n,) the place among
    the taught ones or `NO_LABEL`, `labelled` (n,) which rows have any label. `few[label]`: rows of a label that has too few. `known`: the labels are those of the base,
    which keeps what it knows of those that are not taught.
    """

    head: str
    labels: tuple[str, ...]
    taught: NDArray[np.int64]
    truth: NDArray[np.int64]
    labelled: NDArray[np.bool_]
    few: dict[str, int]
    known: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The taught labels."""
        return tuple(self.labels[column] for column in self.taught)


def city_rows(tables: Sequence[tuple[Sequence[Draft], Mapping[str, Sequence[str]]]]) -> CityRows:
    """The rows of labelled tables, a later one correcting an earlier one.

    Args:
        tables: of each its texts, and for some heads their labels, "" where there is none.

    Raises:
        BadRequest: an ordinal head with another value than its levels, or a second level without a first.
    """
    texts: dict[tuple[str, str], dict[str, str]] = {}
    rows, contradicted, corrected = 0, Counter[str](), Counter[str]()
    for drafts, columns in tables:
        said: dict[tuple[str, str], dict[str, list[str]]] = {}
        for place, draft in enumerate(drafts):
            own = said.setdefault(_read(draft), {})
            for head, column in columns.items():
                if column[place]:
                    own.setdefault(head, []).append(column[place])
        rows += len(drafts)
        for key, found in said.items():
            kept = texts.setdefault(key, {})
            for head, given in found.items():
                same = len(set(given)) == 1
                contradicted[head] += 0 if same else len(given)
                corrected[head] += head in kept and same and kept[head] != given[0]
                kept[head] = given[0] if same else ""
    heads = [head for head in HEADS if any(head in columns for _, columns in tables)]
    labels = {head: [kept.get(head, "") for kept in texts.values()] for head in heads}
    _check_levels(labels)
    _with_first_levels(labels, contradicted)
    titles, bodies = [key[0] for key in texts], [key[1] for key in texts]
    return CityRows(
        titles, bodies, labels, _folds(titles, bodies), rows - len(texts),
        {head: n for head, n in contradicted.items() if n}, {head: n for head, n in corrected.items() if n},
    )  # fmt: skip


def choose(
    rows: CityRows, base: Mapping[str, tuple[str, ...]], topics: Sequence[str]
) -> tuple[list[Chosen], dict[str, str]]:
    """What can be taught, in the order of `HEADS`; and why not of each head that cannot.

    Args:
        base: labels of the base's heads; topics: those of the model in use, which second levels stand under where no topic is taught.
    """
    found: list[Chosen] = []
    refused: dict[str, str] = {}
    for head, values in rows.labels.items():
        first = next((one.labels for one in found if one.head == "topic"), tuple(topics))
        counts = Counter(value for value in values if value)
        under = {label for label in counts if head != "subtopic" or label.split("/")[0] in first}
        enough = sorted(label for label, n in counts.items() if n >= LEAST_ROWS and label in under)
        few = {label: n for label, n in counts.most_common() if label not in enough}
        if len(enough) < 2:
            refused[head] = _too_few(counts, enough)
            continue
        known = set(enough) <= set(base[head]) and (head != "subtopic" or first == base["topic"])
        labels = base[head] if known else _labels(head, enough, first)
        taught = np.array(sorted(labels.index(label) for label in enough), dtype=np.int64)
        place = {labels[column]: number for number, column in enumerate(taught.tolist())}
        truth = np.array([place.get(value, NO_LABEL) for value in values], dtype=np.int64)
        labelled = np.array([value != "" for value in values], dtype=bool)
        found.append(Chosen(head, labels, taught, truth, labelled, few, known))
    return found, refused


def _labels(head: str, own: Sequence[str], topics: Sequence[str]) -> tuple[str, ...]:
    """An own set of labels; of second levels, a topic that has none stands for itself."""
    if head != "subtopic":
        return tuple(own)
    above = {path.split("/")[0] for path in own}
    return (*own, *(topic for topic in topics if topic not in above))


def _too_few(counts: Mapping[str, int], enough: Sequence[str]) -> str:
    if not counts:
        return "没有可用的标注"
    some = "、".join(f"{label} {n:,}" for label, n in sorted(counts.items(), key=lambda pair: -pair[1])[:SHOWN])
    how_many = f"只有 1 类（{enough[0]}）" if enough else "没有一类"
    return f"{how_many}满 {LEAST_ROWS} 行，至少要有 2 类（现有：{some}）"


def _read(draft: Draft) -> tuple[str, str]:
    """Title and text as the annotator shows them to a classifier, but for white space at the ends."""
    from nlp.annotate import READ_CHARACTERS, TITLE_LIMIT
    from nlp.clean import clean
    from nlp.mask import mask

    return mask(clean(draft.title[:TITLE_LIMIT])).text, mask(clean(draft.text[:READ_CHARACTERS])).text


def _folds(titles: Sequence[str], texts: Sequence[str]) -> NDArray[np.int64]:
    plain = [title + text for title, text in zip(titles, texts, strict=True)]
    return np.array(
        [fold_of(key) for key in group_keys([_HAN.sub("", text) or text for text in plain])], dtype=np.int64
    )


def _check_levels(labels: Mapping[str, Sequence[str]]) -> None:
    for head in ORDINAL:
        strange = Counter(value for value in labels.get(head, ()) if value and value not in HEADS[head])
        if strange:
            some = "、".join(f"{value}（{n:,} 行）" for value, n in strange.most_common(SHOWN))
            raise BadRequest(
                name="--labels",
                value=some,
                reason=f"{head} 只能是 {'、'.join(HEADS[head])}。请改成其中之一，或删去这一列",
            )


def _with_first_levels(labels: dict[str, list[str]], contradicted: Counter[str]) -> None:
    """Fill the topics that a path `一级/二级` tells; a path that contradicts its row's topic is dropped and counted."""
    if "subtopic" not in labels:
        return
    paths = labels["subtopic"]
    topics = labels.get("topic", [""] * len(paths))
    alone = Counter(
        path
        for path, topic in zip(paths, topics, strict=True)
        if path and "/" not in path and not topic and path != OTHER
    )
    if alone:
        some = "、".join(f"{path}（{n:,} 行）" for path, n in alone.most_common(SHOWN))
        reason = "二级分类没有一级。请写成 一级/二级，或加一列一级分类（topic）"
        raise BadRequest(name="--labels", value=some, reason=reason)
    for place, path in enumerate(paths):
        first = path.split("/")[0]
        if path and topics[place] and first != topics[place]:
            contradicted["subtopic"] += 1
            paths[place] = ""
    told = [topic or path.split("/")[0] for topic, path in zip(topics, paths, strict=True)]
    own = {head: values for head, values in labels.items() if head not in ("topic", "subtopic")}
    labels.clear()
    labels |= {"topic": told, "subtopic": paths, **own}
