"""The encoder with the head that guesses masked tokens: transformers' BertModel, and torch, loaded on first use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Shape:
    """Size of an encoder. 4 × 256 is what one core reads at 400 texts a second (methods.md §2)."""

    layers: int = 4
    hidden: int = 256
    heads: int = 4
    inner: int = 1024
    positions: int = 512


def new_encoder(shape: Shape, vocabulary: int, start: NDArray[np.float32] | None = None) -> Any:
    """A BertModel with random weights, ReLU for int8's sake; `start` (vocabulary, hidden) are its word vectors."""
    import torch
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=vocabulary, hidden_size=shape.hidden, num_hidden_layers=shape.layers, num_attention_heads=shape.heads,
        intermediate_size=shape.inner, hidden_act="relu", max_position_embeddings=shape.positions,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    # Attention written out: at 128 positions on a CPU it is faster than the fused one, backwards above all.
    encoder = BertModel._from_config(config, attn_implementation="eager", add_pooling_layer=False)
    if start is not None:
        with torch.no_grad():
            encoder.embeddings.word_embeddings.weight.copy_(torch.from_numpy(start))
    return encoder


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
            return torch.nn.functional.cross_entropy(logits.float(), truth)

    return Guesser()


def save_encoder(encoder: Any, folder: Path, *, half: bool = False) -> None:
    """config.json and model.safetensors as transformers reads them; `half` in float16."""
    import copy

    import torch

    kept = copy.deepcopy(encoder).to(torch.float16) if half else encoder
    kept.save_pretrained(folder)


def load_encoder(folder: Path) -> Any:
    """A BertModel in float32 from a folder in transformers' form, with no access to any network.

    Raises:
        BadFile: there is none.
    """
    import torch
    from transformers import BertModel

    from models.errors import BadFile

    try:
        return BertModel.from_pretrained(folder, local_files_only=True, attn_implementation="eager",
                                         add_pooling_layer=False, dtype=torch.float32)  # fmt: skip
    except (OSError, ValueError) as error:
        raise BadFile(file=str(folder), reason=f"不是 transformers 形式的 BERT 目录（{error}）") from error
