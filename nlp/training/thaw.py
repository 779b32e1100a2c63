"""An int8 graph back to weights that can be trained: what a city starts from, who has the package and no checkpoint.

The names of the graph's nodes tell the layer (the older exporter writes the module's path into them). Numbers come back as
they were rounded, to one part in 127 of a column's largest; training on mends that in a few steps.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.errors import BadFile
from nlp.encoder import GRAPH, MOST_BYTES
from nlp.tokenizer import Tokenizer
from nlp.training.masked_model import HEAD_WIDTH, Shape, new_encoder, save_encoder

OWN: Final = "encoder."  # what belongs to the encoder in the names of a reader (nlp.training.heads.reader)
_NODE: Final = re.compile(r"/(?P<path>.+)/(?:MatMul|Gemm)_quant$")


def thaw(source: Path, target: Path) -> None:
    """Write the encoder of the folder `source` (encoder.onnx.zst, vocab.txt) to `target` in transformers' form.

    Raises:
        BadFile: it is missing, damaged, or not of our exporter.
    """
    state = weights(source / GRAPH)
    tokenizer = Tokenizer.load(source)
    try:
        encoder = new_encoder(shape_of(state), len(tokenizer))
        encoder.load_state_dict(state)
    except (KeyError, RuntimeError) as error:
        raise BadFile(file=str(source / GRAPH), reason=f"不是本程序导出的编码器（{error}）") from error
    save_encoder(encoder, target)
    tokenizer.save(target)


def weights(path: Path) -> dict[str, Any]:
    """Names of BertModel's parameters → tensors in float32.

    Raises:
        BadFile: no graph there, or a damaged one.
    """
    import onnx
    import torch
    import zstandard
    from google.protobuf.message import DecodeError

    try:
        data = zstandard.ZstdDecompressor().decompress(path.read_bytes(), max_output_size=MOST_BYTES)
        graph = onnx.load_from_string(data).graph
    except (OSError, zstandard.ZstdError, DecodeError) as error:
        raise BadFile(file=str(path), reason=f"不是可用的编码器（{type(error).__name__}）") from error
    kept = {entry.name: onnx.numpy_helper.to_array(entry) for entry in graph.initializer}
    found = {
        name: values for name, values in kept.items() if values.dtype == np.float32 and not name.endswith("_scale")
    }
    for name in kept:
        if name.startswith(OWN) and name.endswith("_quantized"):
            found[name.removesuffix("_quantized")] = _restored(kept, name.removesuffix("_quantized"))
    for node in graph.node:
        if node.op_type == "MatMulInteger" and (match := _NODE.match(node.name)):
            found[f"{match['path'].replace('/', '.')}.weight"] = _restored(
                kept, node.input[1].removesuffix("_quantized")
            ).T
    return {name.removeprefix(OWN): torch.from_numpy(np.array(values, order="C"))
            for name, values in found.items() if name.startswith(OWN)}  # fmt: skip


def shape_of(state: dict[str, Any]) -> Shape:
    """The sizes of an encoder from its parameters; heads of 64 numbers each, as all of ours have."""
    hidden = state["embeddings.word_embeddings.weight"].shape[1]
    layers = 1 + max(int(name.split(".")[2]) for name in state if name.startswith("encoder.layer."))
    inner = state["encoder.layer.0.intermediate.dense.weight"].shape[0]
    positions = state["embeddings.position_embeddings.weight"].shape[0]
    return Shape(layers, hidden, max(1, hidden // HEAD_WIDTH), inner, positions)


def _restored(kept: dict[str, NDArray[Any]], name: str) -> NDArray[np.float32]:
    values = kept[f"{name}_quantized"].astype(np.float32)
    return np.asarray(
        (values - kept[f"{name}_zero_point"].astype(np.float32)) * kept[f"{name}_scale"], dtype=np.float32
    )
