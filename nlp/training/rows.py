"""Labelled rows from the data folder, with the split that every figure is computed on.

A near-duplicate group lies in one fold by a hash of its text, so the split is the same on every machine and for every
model, and a text never stands on both sides (topic_train rows are also in civic_by_reading).
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from models.errors import BadFile
from models.labels import OTHER
from nlp.classifier import HEADS, NONE, SECOND, SENTIMENTS
from nlp.training.further import FURTHER, further_rows

FOLDS: Final = 5  # fold 0 is the held-out test part of every figure
HELD_FOLDS: Final = (0, 1)  # figures come from the one, calibration from the other
LATER: Final = datetime(2019, 9, 15, tzinfo=UTC).timestamp()  # the last quarter of the dated civic rows
UNSURE_WEIGHT: Final = 0.5
TOPIC_ROW_WEIGHT: Final = 0.5  # topics by other annotators, who agree with ours in 85 %; 0.2–1 tried
OTHER_ROWS: Final = 1_500  # microblogs and reviews that are no demand at all: what 其他 looks like
OTHER_SHARE: Final = 0.05  # what they weigh beside any other label: at 1, short spoken demands drown in 其他
LEARNT: Final = {**HEADS, **SECOND}  # heads that rows may have labels of
TITLE_WEIGHT: Final = (
    0.3  # a title alone, as a text: what a short call looks like (title-only topic accuracy 0.77 → 0.79)
)
REVIEWS: Final = ("chnsenticorp_htl", "online_shopping_10_cats", "waimai_10k", "weibo2018")
SAME: Final = 0.5  # share of the shorter text's 5-grams found in the longer one
COMMON: Final = 200  # a 5-gram of more texts than this is a formula, not a sign of copying
NO_LABEL: Final = -1
NO_DEMAND: Final = "none"  # source of the rows that are no demand
EMOTION_OF: Final = {"gratitude": "like", "optimism": "like"}  # kinds of positive feeling towards something
_HAN: Final = re.compile(r"[^\u4e00-\u9fff]")


@dataclass(frozen=True)
class Rows:
    """n labelled texts. `labels[head]` (n,) column of the head or `NO_LABEL`; `allowed[head]` (n, k) labels that the source
    of the row has at all; `fold` (n,); `time` (n,) Unix seconds or nan; `weight` (n,); `places` the place that a text is about,
    "" where it names none, None where nobody looked; `ids` of civic texts, "" of others and of titles alone.
    """

    titles: list[str]
    texts: list[str]
    places: list[str | None]
    source: NDArray[np.str_]
    fold: NDArray[np.int64]
    time: NDArray[np.float64]
    weight: NDArray[np.float64]
    labels: dict[str, NDArray[np.int64]]
    ids: list[str]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, which: NDArray[Any]) -> Self:
        """The rows at the indices or true places of `which`, in their order."""
        places = np.flatnonzero(which) if which.dtype == bool else which
        return type(self)(
            titles=[self.titles[place] for place in places],
            texts=[self.texts[place] for place in places],
            places=[self.places[place] for place in places],
            ids=[self.ids[place] for place in places],
            labels={head: values[places] for head, values in self.labels.items()},
            **{name: getattr(self, name)[places] for name in ("source", "fold", "time", "weight")},
        )

    def has(self, head: str) -> NDArray[np.bool_]:
        return np.asarray(self.labels[head] != NO_LABEL)


@dataclass(frozen=True)
class Corpus:
    """`civic`: citizens' texts; `feeling`: civic texts again, microblogs and reviews with sentiment or emotion; `folder`: where
    the labelled sets lie.
    """

    civic: Rows
    feeling: Rows
    sizes: dict[str, int]
    folder: Path


def given_folder(path: Path | None = None) -> Path:
    """The data folder that was named: the argument, else MINSHENG_DATA.

    Raises:
        BadFile: neither.
    """
    given = path or (Path(os.environ["MINSHENG_DATA"]) if os.environ.get("MINSHENG_DATA") else None)
    if given is None:
        raise BadFile(file="（未给出）", reason="没有指定训练数据目录。请用 --data 目录 或环境变量 MINSHENG_DATA 指定")
    return given


def data_folder(path: Path | None = None) -> Path:
    """The folder of the labelled sets: the argument, else MINSHENG_DATA; either may be its parent.

    Raises:
        BadFile: none given, or civic_by_reading.parquet is not there.
    """
    given = given_folder(path)
    for folder in (given, given / "labelled"):
        if (folder / "civic_by_reading.parquet").is_file():
            return folder
    raise BadFile(file=str(given), reason="目录里没有 civic_by_reading.parquet。请检查 --data")


def read_corpus(folder: Path) -> Corpus:
    """Read every labelled set of the folder, and what was read further; all but civic_by_reading may be missing.

    The rows read further are there to learn from: they lie in none of the folds that figures and calibration are taken from,
    and those that copy a text of such a fold are left out.
    """
    civic = _read(folder, "civic_by_reading")
    topic, emotion, polarity = (_read(folder, name) for name in ("topic_train", "emotion_train", "polarity_train"))
    keys = group_keys(
        [_plain(row["title"] or "", row["text"]) for row in civic] + [_plain("", row["text"]) for row in topic],
        [f"topic:{row['id'].split(':')[1]}" if row["source"] == "topic" else "" for row in civic]
        + [f"topic:{row['id']}" for row in topic],
        ["" for _ in civic] + [row["group"] for row in topic],
    )
    folds = [fold_of(key) for key in keys]
    known = {row["id"] for row in civic}
    tables = [_civic(row, fold) for row, fold in zip(civic, folds, strict=False)]
    more = _further(folder.parent, [*civic, *({"title": "", **row} for row in topic)], folds, known)
    known |= {row["id"] for row in more}
    tables += more
    extra = [
        _row(row["text"], "topic_train", fold, TOPIC_ROW_WEIGHT, topic=row["label"]) | {"id": f"topic:{row['id']}"}
        for row, fold in zip(topic, folds[len(civic) :], strict=True)
        if f"topic:{row['id']}" not in known
    ]
    moods = [_emotion(row) for row in emotion]
    reviews = [_polarity(row) for row in polarity]
    return Corpus(
        civic=_rows([*tables, *_titles(tables), *extra, *_no_demands(emotion, polarity)]),
        feeling=_rows([*tables, *moods, *reviews]),
        sizes={"civic_by_reading": len(civic), FURTHER: len(more), "topic_train": len(topic), "emotion_train": len(emotion),
               "polarity_train": len(polarity)},
        folder=folder,
    )  # fmt: skip


def _further(
    data: Path, others: Sequence[dict[str, Any]], folds: Sequence[int], known: Collection[str]
) -> list[dict[str, Any]]:
    """Rows read further, in a fold that nothing is judged on, or that of the `others` which they copy where it is such a one."""
    found = [row for row in further_rows(data) if row["id"] not in known]
    if not found:
        return []
    keys = group_keys([_plain(row["title"] or "", row["text"]) for row in (*others, *found)])
    fold_of_key = {key: fold for key, fold in zip(keys, folds, strict=False) if fold in HELD_FOLDS}
    free = range(len(HELD_FOLDS), FOLDS)
    return [
        _civic(row, free[fold_of(key) % len(free)]) | {"source": FURTHER}
        for row, key in zip(found, keys[len(others) :], strict=True)
        if key not in fold_of_key
    ]  # fmt: skip


def group_keys(texts: Sequence[str], *names: Sequence[str]) -> list[str]:
    """A key per text, equal within a group: texts that share half of the shorter one's character 5-grams, and texts with
    an equal non-empty entry in one of `names`. The key is a digest of the group's least text.
    """
    parent = list(range(len(texts)))

    def find(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    for left, right in _copies(texts):
        parent[find(left)] = find(right)
    for column in names:
        first: dict[str, int] = {}
        for place, name in enumerate(column):
            if name:
                parent[find(place)] = find(first.setdefault(name, place))
    least: dict[int, str] = {}
    for place, text in enumerate(texts):
        root = find(place)
        least[root] = min(text, least.get(root, text))
    return [digest(least[find(place)]) for place in range(len(texts))]


def _copies(texts: Sequence[str]) -> Iterable[tuple[int, int]]:
    from scipy.sparse import csr_matrix

    grams: dict[str, int] = {}
    places: list[int] = []
    columns: list[int] = []
    for place, text in enumerate(texts):
        own = {text[start : start + 5] for start in range(max(1, min(len(text), 600) - 4))}
        places += [place] * len(own)
        columns += [grams.setdefault(gram, len(grams)) for gram in sorted(own)]
    table = csr_matrix((np.ones(len(places), dtype=np.float32), (places, columns)), shape=(len(texts), len(grams) or 1))
    frequency = np.asarray(table.sum(axis=0)).ravel()
    sizes = np.asarray(table.sum(axis=1)).ravel()
    table = table[:, np.flatnonzero((frequency > 1) & (frequency < COMMON))]
    shared = (table @ table.T).tocoo()
    close = (shared.row < shared.col) & (shared.data > SAME * np.minimum(sizes[shared.row], sizes[shared.col]))
    return zip(shared.row[close].tolist(), shared.col[close].tolist(), strict=True)


def digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def fold_of(key: str) -> int:
    """0 … FOLDS − 1, from the hash of a group's key."""
    return int(digest(f"fold {key}"), 16) % FOLDS


def _plain(title: str, text: str) -> str:
    return _HAN.sub("", title + text)


def _read(folder: Path, name: str) -> list[dict[str, Any]]:
    import pyarrow.parquet

    path = folder / f"{name}.parquet"
    if not path.is_file():
        return []
    try:
        return pyarrow.parquet.read_table(path).to_pylist()  # type: ignore[no-any-return]
    except (OSError, ValueError) as error:
        raise BadFile(file=str(path), reason=f"不是可读的 Parquet 文件（{error}）") from error


def _row(
    text: str, source: str, fold: int, weight: float, title: str = "", time: float = np.nan, **labels: str
) -> dict[str, Any]:
    return {
        "title": title,
        "text": text,
        "source": source,
        "fold": fold,
        "weight": weight,
        "time": time,
        "labels": labels,
    }


def _civic(row: dict[str, Any], fold: int) -> dict[str, Any]:
    moment = row["time"].replace(tzinfo=UTC).timestamp() if row["time"] else np.nan
    weight = UNSURE_WEIGHT if row["unsure"] else 1.0
    path = f"{row['l1']}/{row['l2']}" if row["l2"] else (OTHER if row["l1"] == OTHER else "")
    return _row(row["text"], row["source"], fold, weight, row["title"] or "", moment, topic=row["l1"], subtopic=path,
                demand_type=row["type"], department=row["dept"], urgency=str(row["urgency"]),
                sentiment=str(row["sentiment"]), second_topic=row.get("l1b") or NONE,
                second_department=row.get("dept2") or NONE) | {"place": row.get("place", ""), "id": row["id"]}  # fmt: skip


def _titles(tables: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Titles alone, with the labels that a title tells; what is asked for (the type) stands in the body."""
    told = ("topic", "subtopic", "department")
    return [
        row | {"title": "", "text": row["title"], "source": "title", "weight": row["weight"] * TITLE_WEIGHT, "place": None, "id": "",
               "labels": {head: label for head, label in row["labels"].items() if head in told}}
        for row in tables if row["title"]
    ]  # fmt: skip


def _emotion(row: dict[str, Any]) -> dict[str, Any]:
    label = EMOTION_OF.get(row["mapped"], row["mapped"])
    return _row(row["text"], row["source"], fold_of(_plain("", row["text"]) or row["text"]), 1.0, emotion=label)


def _polarity(row: dict[str, Any]) -> dict[str, Any]:
    level = str(SENTIMENTS[3] if row["label"] else SENTIMENTS[1])
    fold = fold_of(_plain("", row["text"]) or row["text"])
    return _row(row["text"], row["source"], fold, 1.0, sentiment=level)


def _no_demands(emotion: list[dict[str, Any]], polarity: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Everyday microblogs and content reviews, drawn by hash: no demand, so 其他 for every civic head."""
    pool = [row["text"] for row in emotion if row["source"] in ("smp_usual_eval", "weibo_8moods", "nlpcc2013")]
    pool += [row["text"] for row in polarity if row["label"] == 1]
    drawn = sorted(set(pool), key=lambda text: digest(f"no demand {text}"))[:OTHER_ROWS]
    return [
        _row(text, NO_DEMAND, fold_of(_plain("", text) or text), 1.0, topic=OTHER, subtopic=OTHER, demand_type=OTHER,
             department=OTHER, urgency="0")
        for text in drawn
    ]  # fmt: skip


def _rows(table: Sequence[dict[str, Any]]) -> Rows:
    places = {head: {label: place for place, label in enumerate(labels)} for head, labels in LEARNT.items()}
    return Rows(
        titles=[row["title"] for row in table],
        texts=[row["text"] for row in table],
        places=[row.get("place") for row in table],
        source=np.array([row["source"] for row in table], dtype=np.str_),
        fold=np.array([row["fold"] for row in table], dtype=np.int64),
        time=np.array([row["time"] for row in table], dtype=np.float64),
        weight=np.array([row["weight"] for row in table], dtype=np.float64),
        labels={
            head: np.array([places[head].get(row["labels"].get(head, ""), NO_LABEL) for row in table], dtype=np.int64)
            for head in LEARNT
        },
        ids=[row.get("id", "") for row in table],
    )
