"""The tokenizer of a BERT checkpoint from elsewhere: its vocabulary, cut as `transformers.BertTokenizer` cuts.

1. What kind a folder holds is told by its list of tokens: one with `##` pieces, or with the special tokens anywhere but in front
   in our order, is WordPiece (`foreign`).
2. What else there is to know (`Cutting`) stands beside the list in tokenizer_config.json, tokenizer.json and config.json; the
   exported graph carries it along, so that a model's folder needs no other file than vocab.txt.
3. A list without one capital letter gets texts in lower case whatever those files say: bert-base-chinese says otherwise,
   and every word with a capital letter would be unknown to it.
4. `[SEP]` written in a text is read as five signs, never as the special token.

The cutting is done by the `tokenizers` library, the same that is inside transformers; it is loaded when one is made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from models.errors import BadFile, MissingPart
from nlp.tokenizer import LENGTH, MOST_TOKENS, SPECIAL, VOCABULARY_FILE, Numbers, Tokenizer

PREFIX: Final = "##"  # of a piece that does not begin a word
RUST_FILE: Final = "tokenizer.json"  # of the `tokenizers` library: vocabulary and cutting in one
CONFIG_FILE: Final = "tokenizer_config.json"
_WORD: Final = 100  # characters; a longer word is unknown, as in BertTokenizer
_LEAST_POSITIONS: Final = 8  # three special tokens and a few words
_LONE: Final = re.compile("[\\ud800-\\udfff]")  # half a character, which no UTF-8 has
_CAPITAL: Final = re.compile("[A-Z]")
_SPECIAL: Final = re.compile(r"\[.*\]|<.*>")
_NAMES: Final = {"do_lower_case": "lower", "strip_accents": "accents", "tokenize_chinese_chars": "chinese"}
_PARTS: Final = {"normalizer": "BertNormalizer", "pre_tokenizer": "BertPreTokenizer", "model": "WordPiece"}
_MODEL: Final = {"unk_token": SPECIAL[1], "continuing_subword_prefix": PREFIX, "max_input_chars_per_word": _WORD}


@dataclass(frozen=True)
class Cutting:
    """What there is to know beside the vocabulary.

    Attributes:
        lower: texts are read in lower case.
        accents: accents are dropped; None: if `lower`.
        chinese: a Chinese character is a word by itself.
        positions: the most numbers that the encoder reads at once.
    """

    lower: bool = True
    accents: bool | None = None
    chinese: bool = True
    positions: int = LENGTH

    @classmethod
    def of(cls, folder: Path, tokens: Sequence[str]) -> Self:
        """As the files of a folder say; where two differ tokenizer_config.json is right, as in transformers.

        Raises:
            BadFile: one is damaged, or says what no BERT does.
        """
        told, config = _of_rust(folder / RUST_FILE), _read(folder / CONFIG_FILE)
        for name, value in config.items():
            if name in _NAMES and value is not None:
                told[_NAMES[name]] = value
        if not any(_CAPITAL.search(token) for token in tokens if not _SPECIAL.fullmatch(token)):
            told["lower"] = True
        longest = config.get("model_max_length")  # of many a tokenizer a number of thirty digits, which says nothing
        usual = longest if type(longest) is int and longest < MOST_TOKENS else LENGTH
        positions = _read(folder / "config.json").get("max_position_embeddings", usual)
        try:
            return cls(**told, positions=positions).checked()
        except ValueError as error:
            raise BadFile(file=str(folder), reason=str(error)) from error

    def checked(self) -> Self:
        """Itself.

        Raises:
            ValueError: a value is not of its kind.
        """
        if (
            not isinstance(self.lower, bool)
            or not isinstance(self.chinese, bool)
            or self.accents not in (None, True, False)
        ):
            raise ValueError(f"分词设置应为 true 或 false：{asdict(self)}")
        if type(self.positions) is not int or self.positions < _LEAST_POSITIONS:
            raise ValueError(f"max_position_embeddings 是 {self.positions!r}，至少要 {_LEAST_POSITIONS}")
        return self


class WordPiece(Tokenizer):
    """A checkpoint's vocabulary. Safe to share between threads."""

    def __init__(self, tokens: Sequence[str], cutting: Cutting | None = None) -> None:
        """`tokens` with `SPECIAL` among them, [PAD] the first; of one that stands there twice the later place counts.

        Raises:
            ValueError: they are not so.
            MissingPart: the extra `bert` is not installed.
        """
        super().__init__(tokens)
        self.cutting = (cutting or Cutting()).checked()
        try:
            from tokenizers import Tokenizer as Rust
            from tokenizers import models, normalizers, pre_tokenizers
        except ImportError:
            raise MissingPart(part="tokenizers", extra="bert") from None
        self._rust: Any = Rust(models.WordPiece(self._number, **_MODEL))
        self._rust.normalizer = normalizers.BertNormalizer(
            clean_text=True, handle_chinese_chars=self.cutting.chinese, strip_accents=self.cutting.accents,
            lowercase=self.cutting.lower,
        )  # fmt: skip
        self._rust.pre_tokenizer = pre_tokenizers.BertPreTokenizer()

    @classmethod
    def of(cls, tokens: Sequence[str], folder: Path, told: Mapping[str, Any] | None) -> Self:
        """`told`: as `settings` gave it; else what the files of the folder say."""
        try:
            return cls(tokens, Cutting(**told) if told else Cutting.of(folder, tokens))
        except TypeError as error:
            raise ValueError(f"分词设置 {told} 认不出") from error

    def _checked(self) -> Numbers:
        place = {token: number for number, token in enumerate(self.tokens)}
        if missing := [token for token in SPECIAL if token not in place]:
            raise ValueError(f"缺少特殊词元 {'、'.join(missing)}；BERT 的词表应有 {' '.join(SPECIAL)}")
        found = Numbers(*(place[token] for token in SPECIAL))
        if found.pad:
            raise ValueError(f"[PAD] 在第 {found.pad} 行（从 0 数），只支持在第 0 行的词表")
        if len(self.tokens) > MOST_TOKENS:
            raise ValueError(f"有 {len(self.tokens)} 个词元，最多 {MOST_TOKENS} 个。多语种的词表太大，请用中文的")
        if any("\n" in token or "\r" in token for token in self.tokens):
            raise ValueError("有含换行的词元，写不成 vocab.txt")
        return found

    def fits(self, embeddings: int) -> bool:
        """More word vectors than tokens are usual: tables are padded to round numbers."""
        return embeddings >= len(self)

    def settings(self) -> dict[str, Any]:
        return asdict(self.cutting)

    def _config(self) -> dict[str, Any]:
        told = {name: getattr(self.cutting, own) for name, own in _NAMES.items()}
        return {"tokenizer_class": "BertTokenizer", **told, "model_max_length": self.cutting.positions}

    def _cutting(self) -> dict[str, Any]:
        made = json.loads(self._rust.to_str())
        return {part: made[part] for part in _PARTS}

    def ids(self, text: str) -> list[int]:
        found: list[int] = self._encoded(text).ids
        return found

    def spans(self, text: str) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = self._encoded(text).offsets
        return found

    def pair(self, title: str, text: str, length: int = LENGTH) -> tuple[list[int], int]:
        return super().pair(title, text, min(length, self.cutting.positions))

    def offsets(self, title: str, text: str, length: int = LENGTH) -> list[tuple[int, int, int]]:
        return super().offsets(title, text, min(length, self.cutting.positions))

    def _encoded(self, text: str) -> Any:
        return self._rust.encode(_LONE.sub("\ufffd", text), add_special_tokens=False)


def list_file(folder: Path) -> Path:
    """Where the tokens of a folder are listed: vocab.txt; where there is none, tokenizer.json if it is there."""
    if (folder / VOCABULARY_FILE).exists() or not (folder / RUST_FILE).is_file():
        return folder / VOCABULARY_FILE
    return folder / RUST_FILE


def listed(path: Path) -> list[str]:
    """The tokens of such a file, in order.

    Raises:
        OSError, ValueError: it cannot be read.
        BadFile: a tokenizer.json of another kind than BERT's.
    """
    if path.name == VOCABULARY_FILE:
        return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    _of_rust(path)
    numbers = _read(path)["model"].get("vocab", {})
    tokens = sorted(numbers, key=numbers.__getitem__)
    if [numbers[token] for token in tokens] != list(range(len(tokens))):
        raise ValueError("词元的编号不连续")
    return tokens


def foreign(tokens: Sequence[str]) -> bool:
    """Whether a list of tokens is one of BERT's and none of ours."""
    if any(token.startswith(PREFIX) and len(token) > len(PREFIX) for token in tokens):
        return True
    return tuple(tokens[: len(SPECIAL)]) != SPECIAL and set(SPECIAL) <= set(tokens)


def _of_rust(path: Path) -> dict[str, Any]:
    """What a tokenizer.json says of the cutting; nothing where there is none."""
    content = _read(path)
    if not content:
        return {}
    for part, kind in _PARTS.items():
        given = content.get(part)
        if not isinstance(given, dict) or given.get("type", kind) != kind:
            name = given.get("type") if isinstance(given, dict) else given
            raise BadFile(file=str(path), reason=f"{part} 是 {name}，只支持 {kind}，即 BertTokenizer 的切法。"
                                                 "若另有同一词表的 vocab.txt，可删去此文件只留它")  # fmt: skip
    normalizer, model = content["normalizer"], content["model"]
    strange = {name: model[name] for name, value in _MODEL.items() if model.get(name, value) != value}
    if not normalizer.get("clean_text", True):
        strange["clean_text"] = False
    if strange:
        raise BadFile(file=str(path), reason=f"{strange} 与 BertTokenizer 的切法不同，不支持")
    told = {"lower": normalizer.get("lowercase", True), "accents": normalizer.get("strip_accents"),
            "chinese": normalizer.get("handle_chinese_chars", True)}  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def _read(path: Path) -> dict[str, Any]:
    """An object of JSON; empty where there is no such file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BadFile(file=str(path), reason=f"不是可读的 JSON（{error}）") from error
    if not isinstance(content, dict):
        raise BadFile(file=str(path), reason="不是 JSON 对象")
    return content
