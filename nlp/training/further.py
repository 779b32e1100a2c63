"""Texts that were labelled by reading after civic_by_reading was made: labels/further.csv has ids and labels, no text.

Chosen where the classifier of the time was least sure, read under the guideline civic_by_reading.md. A text is found again by
its id: `board`, `replies`, `rivers` in the three feeds, `topic` in topic_train, `line` by the digest of a line of
pretrain/message_board.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any, Final

from nlp.training.frequencies import lines

FURTHER: Final = "further"
FEEDS: Final = {  # source → file, and its columns of id, title and text
    "board": ("message_board_2019.xlsx", "留言编号", "留言主题", "留言详情"),
    "replies": ("message_board_replies_2011_2018.xlsx", "留言编号", "留言主题", "留言详情"),
    "rivers": ("hotline_rivers_2016_2018.xlsx", "id", "标题", "投诉件内容"),
}
NO_PLACE: Final = "none"


def further_rows(data: Path) -> list[dict[str, Any]]:
    """The rows whose text is to be had under `data`, in the form of civic_by_reading (no `issue`); none where there are no feeds.

    `place` is None where the reader's place could not be found again.
    """
    labels = {row["id"]: row for row in _labels()}
    if not any((data / "feeds" / file).is_file() for file, *_ in FEEDS.values()):
        return []
    texts = {name: pair for name, pair in _texts(data, {name.split(":")[0] for name in labels}) if name in labels}
    return [_row(labels[name], *texts[name]) for name in labels if name in texts]


def line_id(line: str) -> str:
    """What a line of unlabelled text is called."""
    return "line:" + hashlib.blake2b(line.encode(), digest_size=8).hexdigest()


def _labels() -> list[dict[str, str]]:
    content = (resources.files("nlp.training") / "labels" / "further.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(content.splitlines()))


def _texts(data: Path, sources: Iterable[str]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Id, title and text of everything in the sources."""
    for source in sorted(sources):
        if source in FEEDS:
            file, *columns = FEEDS[source]
            if (data / "feeds" / file).is_file():
                for number, title, text in _sheet(data / "feeds" / file, columns):
                    yield f"{source}:{number}", (title, text)
        elif source == "topic" and (path := data / "labelled" / "topic_train.parquet").is_file():
            import pyarrow.parquet

            for row in pyarrow.parquet.read_table(path, columns=["id", "text"]).to_pylist():
                yield f"topic:{row['id']}", ("", row["text"])
        elif source == "line" and (path := data / "pretrain" / "message_board.txt.zst").is_file():
            for line in map(str.strip, lines(path)):
                yield line_id(line), ("", line)


def _sheet(path: Path, columns: list[str]) -> Iterator[tuple[str, str, str]]:
    """The named columns of the first sheet, as stripped text."""
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True)
    try:
        rows = book.worksheets[0].iter_rows(values_only=True)
        header = [str(name) for name in next(rows)]
        places = [header.index(column) for column in columns]
        for row in rows:
            number, title, text = (str(row[place] or "").strip() if place < len(row) else "" for place in places)
            yield number, title, text
    finally:
        book.close()


def _row(labels: Mapping[str, str], title: str, text: str) -> dict[str, Any]:
    return {
        **labels,
        "source": labels["id"].split(":")[0],
        "title": title,
        "text": text,
        "time": datetime.fromisoformat(labels["day"]) if labels["day"] else None,
        "sentiment": int(labels["sentiment"]),
        "urgency": int(labels["urgency"]),
        "place": _place(labels["place"], title, text),
        "unsure": labels["unsure"] == "1",
    }


def _place(where: str, title: str, text: str) -> str | None:
    """`field:start:end` back to the words; "" where the text names no place."""
    if where == NO_PLACE:
        return ""
    if not where:
        return None
    field, start, end = map(int, where.split(":"))
    return (title, text)[field][start:end] or None
