"""The encoder at run time: an int8 graph (nlp/training/export.py) under onnxruntime, one text at a time.

A text alone needs no filling, and int8 scales its numbers by the largest of what is computed together: only so is a row
the same whatever stands beside it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from models.errors import BadFile
from nlp.classifier import Place
from nlp.tokenizer import Tokenizer

GRAPH: Final = "encoder.onnx.zst"
MOST_BYTES: Final = 1 << 30  # of a graph: ten times BERT-base in int8
TOLD: Final = "tokenizer"  # in a graph's metadata: how the vocabulary beside it cuts (`Tokenizer.settings`)
LEAST_FOR_TWO: Final = 16
"""Texts from which two threads are worth their start."""
PLACE_TOKENS: Final = 24  # the longest place in the labelled rows has 25 characters


class Encoder:
    """Texts in, logits out. Safe to share between threads."""

    def __init__(self, tokenizer: Tokenizer, session: Any, heads: Mapping[str, int]) -> None:
        """`heads`: number of labels of each head, in the order of the graph's columns."""
        self.tokenizer, self._session, self.heads = tokenizer, session, dict(heads)

    @classmethod
    def load(cls, folder: Path, heads: Mapping[str, int], threads: int = 1) -> Self:
        """From a folder with encoder.onnx.zst and vocab.txt.

        Raises:
            BadFile: missing or damaged, or its columns are not those of `heads`.
            MissingPart: it was made from a BERT checkpoint of others, and the extra `bert` is not installed.
        """
        import onnxruntime
        import zstandard
        from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, InvalidGraph, InvalidProtobuf

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        path = folder / GRAPH
        try:
            graph = zstandard.ZstdDecompressor().decompress(path.read_bytes(), max_output_size=MOST_BYTES)
            session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except (
            OSError,
            RuntimeError,
            zstandard.ZstdError,
            Fail,
            InvalidArgument,
            InvalidGraph,
            InvalidProtobuf,
        ) as error:
            raise BadFile(file=str(path), reason=f"不是可用的编码器（{type(error).__name__}）") from error
        width = session.get_outputs()[0].shape[-1]
        if width != sum(heads.values()):
            raise BadFile(file=str(path), reason=f"有 {width} 列，标签共 {sum(heads.values())} 个，不相符")
        try:
            told = json.loads(session.get_modelmeta().custom_metadata_map.get(TOLD, "{}"))
        except ValueError as error:
            raise BadFile(file=str(path), reason=f"所附的 {TOLD} 读不出（{error}）") from error
        return cls(Tokenizer.load(folder, told), session, heads)

    def logits(self, titles: Sequence[str], texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """For each head (n, k) logits."""
        return self.read(titles, texts)[0]

    def read(
        self, titles: Sequence[str], texts: Sequence[str]
    ) -> tuple[dict[str, NDArray[np.float32]], list[Place | None]]:
        """For each head (n, k) logits; and the place that each text is about, None where it names none."""
        pairs = list(zip(titles, texts, strict=True))
        with _hands(len(pairs)) as each:
            rows = list(each(self._one, pairs))
        table = np.array([logits for logits, _ in rows], dtype=np.float32).reshape(len(pairs), sum(self.heads.values()))
        places = [place for _, place in rows]
        stops = np.cumsum(list(self.heads.values()))
        heads = {
            name: table[:, stop - size : stop] for (name, size), stop in zip(self.heads.items(), stops, strict=True)
        }
        return heads, places

    def _one(self, pair: tuple[str, str]) -> tuple[NDArray[np.float32], Place | None]:
        title, text = pair
        ids, head = self.tokenizer.pair(title, text)
        types = np.zeros((1, len(ids)), dtype=np.int64)
        types[0, head:] = 1
        logits, ends = self._session.run(None, {"ids": np.array([ids], dtype=np.int64), "types": types})
        span = best_span(ends[0])
        return logits[0], self._place(title, text, *span) if span else None

    def _place(self, title: str, text: str, first: int, last: int) -> Place | None:
        offsets = self.tokenizer.offsets(title, text)
        field, start, _ = offsets[first]
        other, _, end = offsets[last]
        return Place(field, start, end) if field == other >= 0 and start < end else None


@contextmanager
def _hands(n: int) -> Iterator[Callable[..., Iterable[Any]]]:
    """A `map`: over two threads where there are two cores and enough texts. One cuts and looks for the place while the graph, which
    needs no interpreter, computes for the other; a text is computed alone in either, so its row stays the same.
    """
    if n < LEAST_FOR_TWO or cores() < 2:
        yield map
        return
    with ThreadPoolExecutor(2, thread_name_prefix="encoder") as pool:
        yield pool.map


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def best_span(ends: NDArray[np.float32]) -> tuple[int, int] | None:
    """First and last token with the largest sum of logits, at most `PLACE_TOKENS` apart; None if "no place" has more.

    Args:
        ends: (length, 2) logits of each token to be the first and the last one; token 0 stands for "no place".
    """
    first, last = ends[:, 0].astype(np.float64), ends[:, 1].astype(np.float64)
    sums = first[:, None] + last[None, :]
    length = len(ends)
    gap = np.arange(length)[None, :] - np.arange(length)[:, None]
    sums[(gap < 0) | (gap >= PLACE_TOKENS)] = -np.inf
    nothing = sums[0, 0]
    sums[0, :] = sums[:, 0] = -np.inf
    best = int(sums.argmax())
    return None if length < 2 or sums.flat[best] <= nothing else divmod(best, length)
