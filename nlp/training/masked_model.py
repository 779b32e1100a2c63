"""The encoder with the head that guesses masked tokens: transformers' BertModel, and torch, loaded on first use."""

from __future__ import annotations

import copy
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.errors import BadFile

CONFIG: Final = "config.json"
WEIGHTS: Final = ("model.safetensors", "pytorch_model.bin")

HEAD_WIDTH: Final = 64  # of an attention head, as BERT has it


@dataclass(frozen=True)
class Shape:
    """Size of an encoder. 4 × 256 is what one core reads at 400 texts a second (methods.md §2)."""

    layers: int = 4
    hidden: int = 256
    heads: int = 4
    inner: int = 1024
    positions: int = 512

    def __str__(self) -> str:
        return f"{self.layers} 层 × {self.hidden}，{self.heads} 头，中间层 {self.inner}，{self.positions} 个位置"


def shape_of(folder: Path) -> Shape | None:
    """The shape of the encoder in a folder; None where there is none.

    Raises:
        BadFile: its config.json is damaged, or of another kind of model.
    """
    path = folder / CONFIG
    if not path.is_file():
        return None
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        if config["model_type"] != "bert":
            raise BadFile(file=str(path), reason=f"模型类型是 {config['model_type']!r}，应为 bert")
        names = (
            "num_hidden_layers",
            "hidden_size",
            "num_attention_heads",
            "intermediate_size",
            "max_position_embeddings",
        )
        return Shape(*(int(config[name]) for name in names))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadFile(file=str(path), reason=f"不是 transformers 的 config.json（{error!r}）") from error


def has_weights(folder: Path) -> bool:
    """Whether an encoder lies in the folder."""
    return any((folder / name).is_file() for name in WEIGHTS)


def new_encoder(shape: Shape, vocabulary: int, start: NDArray[np.float32] | None = None) -> Any:
    """A BertModel with random weights, ReLU for int8's sake; `start` (vocabulary, hidden) are its word vectors."""
    import torch
    from transformers import BertConfig

    config = BertConfig(
        vocab_size=vocabulary, hidden_size=shape.hidden, num_hidden_layers=shape.layers, num_attention_heads=shape.heads,
        intermediate_size=shape.inner, hidden_act="relu", max_position_embeddings=shape.positions,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    encoder = _model(config)
    if start is not None:
        with torch.no_grad():
            encoder.embeddings.word_embeddings.weight.copy_(torch.from_numpy(start))
    return encoder


def empty_encoder(folder: Path) -> Any:
    """A BertModel with random weights after the config.json of a folder."""
    from transformers import BertConfig

    return _model(BertConfig.from_pretrained(folder, local_files_only=True))


def guesser(encoder: Any) -> Any:
    """The encoder under a head that gives the loss of masked positions: module(ids, positions, truth) → mean nats.

    The head reads masked positions only, and its last layer is the table of word vectors.
    """
    import torch
    from torch import nn

    class Guesser(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            width = encoder.config.hidden_size
            self.encoder = encoder
            self.dense, self.norm = nn.Linear(width, width), nn.LayerNorm(width)
            self.bias = nn.Parameter(torch.zeros(encoder.config.vocab_size))

        def forward(self, ids: Any, positions: Any, truth: Any) -> Any:
            hidden = self.encoder(input_ids=ids).last_hidden_state
            chosen = hidden.reshape(-1, hidden.shape[-1])[positions]
            chosen = self.norm(torch.relu(self.dense(chosen)))
            logits = chosen @ self.encoder.embeddings.word_embeddings.weight.T + self.bias
            loss = torch.nn.functional.cross_entropy(logits.float(), truth, reduction="sum")
            return loss / max(1, len(truth))

    return Guesser()


def save_encoder(encoder: Any, folder: Path, *, half: bool = False) -> None:
    """config.json and model.safetensors as transformers reads them, whole or not at all; `half` in float16."""
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    kept = copy.deepcopy(encoder).to(torch.float16) if half else encoder
    partial = folder / "encoder.part"
    shutil.rmtree(partial, ignore_errors=True)
    kept.save_pretrained(partial)
    for path in partial.iterdir():
        path.replace(folder / path.name)
    partial.rmdir()


def load_encoder(folder: Path) -> Any:
    """A BertModel in float32 from a folder in transformers' form, with no access to any network.

    Raises:
        BadFile: there is none, or weights are missing or of another shape.
    """
    if shape_of(folder) is None:
        raise BadFile(file=str(folder / CONFIG), reason="没有这个文件；应为 transformers 形式的 BERT 目录")
    from safetensors import SafetensorError
    from transformers import BertModel
    from transformers.utils import logging

    logging.disable_progress_bar()

    try:
        encoder, found = BertModel.from_pretrained(folder, local_files_only=True, attn_implementation="eager",
                                                   add_pooling_layer=False, output_loading_info=True)  # fmt: skip
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise BadFile(file=str(folder), reason=f"不是 transformers 形式的 BERT 目录（{error}）") from error
    if found["missing_keys"]:
        raise BadFile(file=str(folder), reason=f"缺少权重，例如 {min(found['missing_keys'])}")
    return encoder.float()


def _model(config: Any) -> Any:
    from transformers import BertModel

    # Attention written out: at 128 positions on a CPU it is faster than the fused one, backwards above all.
    return BertModel._from_config(config, attn_implementation="eager", add_pooling_layer=False)
