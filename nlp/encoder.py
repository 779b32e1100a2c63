"""The encoder at run time: an int8 graph (nlp/training/export.py) under onnxruntime, one text at a time.

A text alone needs no filling, and int8 scales its numbers by the largest of what is computed together: only so is a row
the same whatever stands beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from models.errors import BadFile
from nlp.tokenizer import Tokenizer

GRAPH: Final = "encoder.onnx"


class Encoder:
    """Texts in, logits out. Safe to share between threads."""

    def __init__(self, tokenizer: Tokenizer, session: Any, heads: Mapping[str, int]) -> None:
        """`heads`: number of labels of each head, in the order of the graph's columns."""
        self.tokenizer, self._session, self.heads = tokenizer, session, dict(heads)

    @classmethod
    def load(cls, folder: Path, heads: Mapping[str, int], threads: int = 1) -> Self:
        """From a folder with encoder.onnx and vocab.txt.

        Raises:
            BadFile: missing or damaged, or its columns are not those of `heads`.
        """
        import onnxruntime
        from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, InvalidGraph, InvalidProtobuf

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        path = folder / GRAPH
        try:
            session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
        except (OSError, RuntimeError, Fail, InvalidArgument, InvalidGraph, InvalidProtobuf) as error:
            raise BadFile(file=str(path), reason=f"不是可用的编码器（{type(error).__name__}）") from error
        width = session.get_outputs()[0].shape[-1]
        if width != sum(heads.values()):
            raise BadFile(file=str(path), reason=f"有 {width} 列，标签共 {sum(heads.values())} 个，不相符")
        return cls(Tokenizer.load(folder), session, heads)

    def logits(self, titles: Sequence[str], texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """For each head (n, k) logits."""
        table = np.zeros((len(titles), sum(self.heads.values())), dtype=np.float32)
        for row, (title, text) in enumerate(zip(titles, texts, strict=True)):
            ids, head = self.tokenizer.pair(title, text)
            types = np.zeros((1, len(ids)), dtype=np.int64)
            types[0, head:] = 1
            table[row] = self._session.run(None, {"ids": np.array([ids], dtype=np.int64), "types": types})[0][0]
        ends = np.cumsum(list(self.heads.values()))
        return {name: table[:, end - size : end] for (name, size), end in zip(self.heads.items(), ends, strict=True)}
