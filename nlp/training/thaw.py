"""What a city starts from that trains an encoder further: the int8 graph of a model, back to weights that can be trained, or a
BERT checkpoint of others in transformers' form.

The names of the graph's nodes tell the layer (the older exporter writes the module's path into them). Numbers come back as
they were rounded, to one part in 127 of a column's largest; training on mends that in a few steps.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.errors import BadFile
from nlp.encoder import GRAPH, MOST_BYTES, TOLD
from nlp.tokenizer import Tokenizer
from nlp.training.export import CONFIG
from nlp.training.masked_model import (
    HEAD_WIDTH,
    Shape,
    load_encoder,
    masked_language_model,
    new_encoder,
    save_encoder,
    shape_of,
)

OWN: Final = "encoder."  # what belongs to the encoder in the names of a reader (nlp.training.heads.reader)
_NODE: Final = re.compile(r"/(?P<path>.+)/(?:MatMul|Gemm)_quant$")


def thaw(source: Path, target: Path) -> None:
    """Write the encoder of the folder `source` to `target` in transformers' form, with its vocabulary.

    Args:
        source: a model's folder (encoder.onnx.zst, vocab.txt), or one in transformers' form (config.json, weights, vocab.txt or
            tokenizer.json), whose head that guesses masked tokens comes along, if it has one.

    Raises:
        BadFile: it is missing, damaged, or not of our exporter.
    """
    if not (source / GRAPH).is_file():
        if shape_of(source) is None:
            raise BadFile(
                file=str(source),
                reason=f"没有 {GRAPH}（模型的目录），也没有 config.json（transformers 形式的 BERT 目录）",
            )
        tokenizer = Tokenizer.load(source)
        given = masked_language_model(source)
        encoder = load_encoder(source) if given is None else given
    else:
        state, told = weights(source / GRAPH)
        tokenizer = Tokenizer.load(source, json.loads(told.get(TOLD, "{}")))
        try:
            encoder = _encoder(state, told, len(tokenizer))
            encoder.load_state_dict(state)
        except (KeyError, RuntimeError) as error:
            raise BadFile(file=str(source / GRAPH), reason=f"不是本程序导出的编码器（{error}）") from error
    save_encoder(encoder, target)
    tokenizer.save(target)


def _encoder(state: dict[str, Any], told: Mapping[str, str], vocabulary: int) -> Any:
    """One of the configuration that the graph carries; one of ours where it carries none."""
    if CONFIG not in told:
        return new_encoder(shape_from(state), vocabulary)
    from transformers import BertConfig, BertModel

    return BertModel._from_config(BertConfig.from_dict(json.loads(told[CONFIG])), add_pooling_layer=False)


def weights(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Names of BertModel's parameters → tensors in float32; and the metadata.

    Raises:
        BadFile: no graph there, or a damaged one.
    """
    import onnx
    import torch
    import zstandard
    from google.protobuf.message import DecodeError

    try:
        data = zstandard.ZstdDecompressor().decompress(path.read_bytes(), max_output_size=MOST_BYTES)
        loaded = onnx.load_from_string(data)
    except (OSError, zstandard.ZstdError, DecodeError) as error:
        raise BadFile(file=str(path), reason=f"不是可用的编码器（{type(error).__name__}）") from error
    graph = loaded.graph
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
    state = {name.removeprefix(OWN): torch.from_numpy(np.array(values, order="C"))
             for name, values in found.items() if name.startswith(OWN)}  # fmt: skip
    return state, {entry.key: entry.value for entry in loaded.metadata_props}


def shape_from(state: dict[str, Any]) -> Shape:
    """The sizes of an encoder from its parameters; heads of 64 numbers each, as all of ours have whose graph does not say."""
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
