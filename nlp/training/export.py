"""A fine-tuned reader as an int8 graph that onnxruntime runs without torch.

Dynamic quantisation, per channel, of the graph of the older exporter (opset 17, no fusion step: fusing made it slower,
methods.md §2). The graph takes `ids` and `types` (n, length) and gives `logits` (n, Σ k), all heads side by side, and `places` (n, length, 2), the logits of
the first and the last token of the place. Its metadata says what the numbers do not: `CONFIG` the encoder's configuration, `TOLD` how the
tokenizer cuts.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path
from typing import Any, Final

from nlp.encoder import TOLD

OPSET: Final = 17
CONFIG: Final = "config"


def export(model: Any, target: Path) -> None:
    """Write the quantised graph of `model` (nlp.training.heads.reader), compressed by Zstandard, to the file `target`."""
    import onnx
    import zstandard
    from onnxruntime.quantization import QuantType, quantize_dynamic

    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        to_graph(model, plain)
        small = Path(folder) / "small.onnx"
        quantize_dynamic(plain, small, weight_type=QuantType.QInt8, per_channel=True,
                         op_types_to_quantize=["MatMul", "Gather", "Gemm"])  # fmt: skip
        graph = onnx.load(small)
        told = json.dumps(getattr(model.encoder, "told", {}))
        onnx.helper.set_model_props(graph, {CONFIG: _config(model), TOLD: told})
        target.write_bytes(zstandard.ZstdCompressor(level=19).compress(graph.SerializeToString()))


def _config(model: Any) -> str:
    """The encoder's configuration without the folder that it was read from: that is nobody's business."""
    told = json.loads(model.encoder.config.to_json_string(use_diff=False))
    told.pop("_name_or_path", None)
    return json.dumps(told)


def to_graph(model: Any, target: Path) -> None:
    """The graph in float32."""
    import torch

    ids = torch.ones(2, 16, dtype=torch.int64)  # no filling, whatever the vocabulary
    names = {
        "ids": {0: "n", 1: "length"},
        "types": {0: "n", 1: "length"},
        "logits": {0: "n"},
        "places": {0: "n", 1: "length"},
    }
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the exporter warns of its own age
        torch.onnx.export(model.cpu().eval(), (ids, torch.zeros_like(ids)), str(target), input_names=["ids", "types"],
                          output_names=["logits", "places"], dynamic_axes=names, opset_version=OPSET, dynamo=False)  # fmt: skip
