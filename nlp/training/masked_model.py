"""The encoder with the head that guesses masked tokens: transformers' BertModel, and torch, loaded on first use."""

from __future__ import annotations

import copy
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.errors import BadFile
from nlp.tokenizer import LENGTH, Tokenizer
from nlp.wordpiece import list_file

CONFIG: Final = "config.json"
WEIGHTS: Final = (
    "model.safetensors",
    "pytorch_model.bin",
    "model.safetensors.index.json",
    "pytorch_model.bin.index.json",
)

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
        if strange := _strange(config):
            raise BadFile(file=str(path), reason=strange)
        names = (
            "num_hidden_layers",
            "hidden_size",
            "num_attention_heads",
            "intermediate_size",
            "max_position_embeddings",
        )
        return Shape(*(int(config[name]) for name in names))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadFile(file=str(path), reason=f"不是 transformers 的 config.json（{error!r}）") from error


def _strange(config: dict[str, Any]) -> str:
    """What keeps a configuration from being one of BertModel's as we run it; empty: nothing. Old ones do not name their type."""
    kind = config.get("model_type") or ("bert" if "num_hidden_layers" in config else None)
    architecture = (config.get("architectures") or ["Bert"])[0]
    if kind != "bert" or not str(architecture).startswith("Bert"):
        named = repr(kind) if kind != "bert" else f"bert，结构却是 {architecture}"
        return f"模型类型是 {named}，应为 bert（中文的 RoBERTa-wwm、MacBERT 多以 bert 形式发布；roberta、albert、ernie、gpt 不支持）"
    if config.get("position_embedding_type", "absolute") != "absolute":
        return f"position_embedding_type 是 {config['position_embedding_type']!r}，只支持 absolute"
    if config.get("is_decoder"):
        return "is_decoder 是 true：这是解码器，每个词元只看前文；应为编码器"
    if config.get("type_vocab_size", 2) < 2:
        return f"type_vocab_size 是 {config['type_vocab_size']}，标题与正文要两种"
    return ""


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
    """A BertModel with random weights after the config.json of a folder.

    Raises:
        BadFile: the vocabulary there is not its own.
    """
    from transformers import BertConfig

    return _ready(_model(BertConfig.from_pretrained(folder, local_files_only=True)), folder)


def guesser(encoder: Any) -> Any:
    """The encoder under a head that gives the loss of masked positions: module(ids, positions, truth) → mean nats.

    The head reads masked positions only, and its last layer is the table of word vectors. It is that of `BertForMaskedLM`, and
    knows nothing yet (`take_head`).
    """
    import torch
    from torch import nn
    from transformers.activations import ACT2FN

    bend = ACT2FN[encoder.config.hidden_act]

    class Guesser(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            width = encoder.config.hidden_size
            self.encoder = encoder
            self.dense, self.norm = nn.Linear(width, width), nn.LayerNorm(width, encoder.config.layer_norm_eps)
            self.bias = nn.Parameter(torch.zeros(encoder.config.vocab_size))

        def forward(self, ids: Any, positions: Any, truth: Any) -> Any:
            hidden = self.encoder(input_ids=ids).last_hidden_state
            chosen = hidden.reshape(-1, hidden.shape[-1])[positions]
            chosen = self.norm(bend(self.dense(chosen)))
            logits = chosen @ self.encoder.embeddings.word_embeddings.weight.T + self.bias
            loss = torch.nn.functional.cross_entropy(logits.float(), truth, reduction="sum")
            return loss / max(1, len(truth))

    return Guesser()


def masked_language_model(folder: Path) -> Any:
    """The BertForMaskedLM of a checkpoint from elsewhere in float32, its encoder as `load_encoder` gives it; None where the head is
    missing.

    Raises:
        BadFile: as `load_encoder`.
    """
    encoder = load_encoder(folder)
    model, found = _read(folder, "BertForMaskedLM")
    if any(name.startswith("cls.") for name in found["missing_keys"]) or not model.config.tie_word_embeddings:
        return None
    model.float()
    model.bert, model.config = encoder, encoder.config
    model.tie_weights()
    return model


def take_head(model: Any, given: Any) -> None:
    """The head of a BertForMaskedLM into a `guesser`."""
    head = given.cls.predictions
    model.dense.load_state_dict(head.transform.dense.state_dict())
    model.norm.load_state_dict(head.transform.LayerNorm.state_dict())
    model.bias.data.copy_(head.bias.data)


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
    """A BertModel in float32 from a folder in transformers' form, with no access to any network: ours or any other's, with or
    without heads, whose weights are left out. Its `told` is what the tokenizer has to be told at run time.

    Raises:
        BadFile: there is none, weights are missing or of another shape, or the vocabulary there is not its own.
    """
    if shape_of(folder) is None:
        raise BadFile(file=str(folder / CONFIG), reason="没有这个文件；应为 transformers 形式的 BERT 目录")
    if not has_weights(folder):
        raise BadFile(file=str(folder), reason=f"没有 transformers 形式的权重 {WEIGHTS[0]} 或 {WEIGHTS[1]}")
    from safetensors import SafetensorError

    try:
        encoder, found = _read(folder, "BertModel", add_pooling_layer=False)
    except (OSError, ValueError, RuntimeError, LookupError, EOFError, SafetensorError, UnpicklingError) as error:
        raise BadFile(file=str(folder), reason=f"不是 transformers 形式的 BERT 目录（{error}）") from error
    if found["missing_keys"]:
        raise BadFile(file=str(folder), reason=f"缺少权重，例如 {min(found['missing_keys'])}")
    return _ready(encoder.float(), folder)


def _read(folder: Path, kind: str, **options: Any) -> tuple[Any, dict[str, Any]]:
    """A model of a class of transformers from a folder, and which weights it lacked. Of a .bin nothing but tensors is unpickled."""
    import transformers
    from transformers.utils import logging

    logging.disable_progress_bar()
    before = logging.get_verbosity()
    logging.set_verbosity_error()  # else it lists every weight of the heads that are left out
    try:
        found: tuple[Any, dict[str, Any]] = getattr(transformers, kind).from_pretrained(
            folder,
            local_files_only=True,
            attn_implementation="eager",
            weights_only=True,
            output_loading_info=True,
            **options,
        )
    finally:
        logging.set_verbosity(before)
    return found


def _ready(encoder: Any, folder: Path) -> Any:
    """The encoder with at least `LENGTH` positions; those it lacked are for filling, which nothing looks at, until they are trained.

    Raises:
        BadFile: the vocabulary of the folder, if there is one, has another number of tokens.
    """
    import torch

    if list_file(folder).is_file():
        tokenizer = Tokenizer.load(folder)
        if not tokenizer.fits(encoder.config.vocab_size):
            raise BadFile(
                file=str(list_file(folder)),
                reason=f"有 {len(tokenizer)} 个词元，编码器有 {encoder.config.vocab_size} 个，不是它的词表",
            )
        encoder.told = tokenizer.settings()
    table = encoder.embeddings.position_embeddings
    if table.num_embeddings < LENGTH:
        config = copy.deepcopy(encoder.config)
        config.max_position_embeddings = LENGTH
        longer, kept = _model(config), encoder.state_dict()
        rows = torch.zeros(LENGTH - table.num_embeddings, table.embedding_dim)
        name = "embeddings.position_embeddings.weight"
        longer.load_state_dict(kept | {name: torch.cat([kept[name], rows])})
        longer.told = getattr(encoder, "told", {})
        return longer
    return encoder


def _model(config: Any) -> Any:
    from transformers import BertModel

    # Attention written out: at 128 positions on a CPU it is faster than the fused one, backwards above all.
    return BertModel._from_config(config, attn_implementation="eager", add_pooling_layer=False)
