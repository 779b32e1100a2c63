"""An index folder that an earlier version of the program made, rewritten for this one: another field, the same records.

The new segments are made beside the old ones; what makes them the index is the replacement of one small file, so that a process killed at any
moment leaves either the old index or the new one.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import tantivy

from indices.stores import embedded_reading as reading
from indices.stores.embedded_schema import RECORD, document, schema
from indices.stores.matching import Kept, Segmenter
from indices.stores.overlay import Change
from models.errors import StoreUnavailable

log = logging.getLogger("minsheng.store")
META: Final = "meta.json"
MANAGED: Final = ".managed.json"
ASIDE: Final = "rewriting"
BATCH: Final = 5_000
_HEAP_BYTES: Final = 64_000_000


def open_or_rewrite(folder: Path, segmenter: Segmenter, engine: str) -> tantivy.Index:
    """The index in the folder, made where there is none, rewritten where its fields are those of an earlier version.

    Raises:
        StoreUnavailable: a process of the earlier version is still writing, or the records cannot be read.
    """
    try:
        return tantivy.Index(schema(), str(folder), reuse=True)
    except ValueError as error:
        if "schema" not in str(error).lower():
            raise
    old = tantivy.Index.open(str(folder))
    try:
        guard = old.writer(15_000_000, 1)
    except ValueError as error:
        raise StoreUnavailable(engine=engine, reason="另一进程仍以旧版程序写入，请先停止它再启动") from error
    try:
        count = _rewrite(old, folder, segmenter, engine)
    finally:
        del guard
    log.info("store.rewritten", extra={"records": count})
    return tantivy.Index(schema(), str(folder), reuse=True)


def rewrite(
    folder: Path, segmenter: Segmenter, engine: str, change: Change, progress: Callable[[int], object] | None = None
) -> int:
    """The index in the folder anew, with a change; how many records it holds then. Readers see the old one until it is replaced.

    Raises:
        StoreUnavailable: a process is writing.
    """
    index = open_or_rewrite(folder, segmenter, engine)
    try:
        guard = index.writer(15_000_000, 1)
    except ValueError as error:
        raise StoreUnavailable(
            engine=engine, reason="处理线正在写入；请先停下 minsheng work 或 minsheng run"
        ) from error
    try:
        return _write_aside(index, folder, segmenter, change, progress)
    finally:
        del guard


def _rewrite(old: tantivy.Index, folder: Path, segmenter: Segmenter, engine: str) -> int:
    there = old.searcher().num_docs
    count = _write_aside(old, folder, segmenter, Change(), None, expected=there)
    if count != there:
        raise StoreUnavailable(engine=engine, reason=f"旧索引有 {there} 件，只读出 {count} 件（{RECORD}）；旧索引未动")
    return count


def _write_aside(old: tantivy.Index, folder: Path, segmenter: Segmenter, change: Change, progress: Callable[[int], object] | None, *,
                 expected: int | None = None) -> int:  # fmt: skip
    """Write the changed records beside the index and put them in its place, if as many were read as are `expected`."""
    aside = folder / ASIDE
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    searcher = old.searcher()
    new = tantivy.Index(schema(), str(aside))
    writer = new.writer(_HEAP_BYTES, 1)
    count = 0
    for record in change.over(reading.scan(searcher, tantivy.Query.all_query())):
        writer.add_document(document(Kept.of(record, segmenter)))
        count += 1
        if count % BATCH == 0:
            writer.commit()
            log.info("store.rewriting", extra={"records": count, "of": searcher.num_docs})
            if progress:
                progress(count)
    writer.commit()
    writer.wait_merging_threads()
    if expected is None or count == expected:
        _swap(folder, aside)
    return count


def _swap(folder: Path, aside: Path) -> None:
    """Segments have names of their own, so that old and new ones may lie together; the list of segments is replaced last."""
    for path in aside.iterdir():
        if path.name not in (META, MANAGED) and not path.name.endswith(".lock"):
            os.replace(path, folder / path.name)
    lists = [json.loads((part / MANAGED).read_text()) for part in (folder, aside) if (part / MANAGED).exists()]
    managed = aside / "managed"
    managed.write_text(json.dumps(sorted({name for one in lists for name in one})))
    os.replace(managed, folder / MANAGED)
    os.replace(aside / META, folder / META)
    shutil.rmtree(aside, ignore_errors=True)
