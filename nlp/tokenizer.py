"""Text → numbers of the encoder's vocabulary: words where they are frequent, characters elsewhere.

1. Cut into runs: Chinese, letters, digits, single signs; white space is dropped.
2. A Chinese run is cut into words by jieba's dictionary (`nlp.segment`), the words of which both engines give the same.
3. A word of the vocabulary is one token; another is cut into the longest pieces of the vocabulary from the left.

`save` writes files that `transformers.AutoTokenizer` loads; there step 2 is left to the caller, who gives it words joined by
blanks (`words`). The vocabulary of a BERT checkpoint from elsewhere is cut as BERT does (`nlp.wordpiece`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.errors import BadFile
from nlp.segment import cutter, lower

PAD, UNKNOWN, CLS, SEP, MASK = range(5)
SPECIAL: Final = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
VOCABULARY_FILE: Final = "vocab.txt"
MASKED: Final = ("[电话]", "[邮箱]", "[证件号]")  # what stands for a number that was masked: one token each
READ_CHARACTERS: Final = 1_200  # of a field, from each end: more than `LENGTH` tokens of usual text have
LENGTH: Final = 128  # positions that are trained
TITLE_TOKENS: Final = 32  # the longest title in a hundred has 28
TAIL_TOKENS: Final = 32  # of a long text, its end: what is asked for often stands there
_HAN: Final = "[\u4e00-\u9fd5]+"  # what the dictionary of jieba covers; other ideographs are single signs
_OTHERS: Final = rf"[a-z]+|[0-9]+|{'|'.join(map(re.escape, MASKED))}|[^\s]"
_RUN: Final = re.compile(f"(?P<han>{_HAN})|{_OTHERS}")
MOST_TOKENS: Final = 1 << 16  # tokens that a stream's 16 bits can number
_WORDS_KEPT: Final = 200_000  # words whose pieces are remembered
T = TypeVar("T")


@dataclass(frozen=True)
class Numbers:
    """Where the special tokens stand in a vocabulary, `SPECIAL` in its order."""

    pad: int = PAD
    unknown: int = UNKNOWN
    cls: int = CLS
    sep: int = SEP
    mask: int = MASK

    def usual(self, vocabulary: int) -> NDArray[np.bool_]:
        """(vocabulary,) which tokens are not special."""
        found = np.ones(vocabulary, dtype=bool)
        found[list(astuple(self))] = False
        return found


OURS: Final = Numbers()


class Tokenizer:
    """A fixed list of tokens. Safe to share between threads."""

    def __init__(self, tokens: Sequence[str]) -> None:
        """`tokens`: `SPECIAL`, then any others, each once.

        Raises:
            ValueError: they are not.
        """
        self.tokens = tuple(tokens)
        self.numbers = self._checked()
        self._number = {token: number for number, token in enumerate(tokens)}
        self._longest = max(map(len, tokens))
        self._pieces: dict[str, tuple[int, ...]] = {}

    def _checked(self) -> Numbers:
        tokens = self.tokens
        if tokens[: len(SPECIAL)] != SPECIAL:
            raise ValueError(f"词表应以 {' '.join(SPECIAL)} 开头")
        if len(set(tokens)) != len(tokens) or not all(tokens) or len(tokens) > MOST_TOKENS:
            raise ValueError(f"词表有 {len(tokens)} 个词元：应没有重复，没有空行，不超过 {MOST_TOKENS} 个")
        return OURS

    def __len__(self) -> int:
        return len(self.tokens)

    @staticmethod
    def load(folder: Path, told: Mapping[str, Any] | None = None) -> Tokenizer:
        """From the vocab.txt of a folder: one of these, or, of a BERT checkpoint from elsewhere, an `nlp.wordpiece.WordPiece`.

        Args:
            told: how the latter cuts, as `settings` gave it; else what the files beside the vocabulary say.

        Raises:
            BadFile: it is missing, damaged, or not to be used.
            MissingPart: WordPiece needs the extra `bert`.
        """
        from nlp import wordpiece

        path = wordpiece.list_file(folder)
        try:
            tokens = wordpiece.listed(path)
            return wordpiece.WordPiece.of(tokens, folder, told) if wordpiece.foreign(tokens) else Tokenizer(tokens)
        except (OSError, ValueError) as error:
            raise BadFile(file=str(path), reason=f"不是可读的词表（{error}）") from error

    def fits(self, embeddings: int) -> bool:
        """Whether an encoder with so many word vectors can be one of this vocabulary."""
        return embeddings == len(self)

    def settings(self) -> dict[str, Any]:
        """What `load` has to be told beside the vocabulary: of ours nothing."""
        return {}

    def save(self, folder: Path) -> None:
        """Write vocab.txt, tokenizer.json and tokenizer_config.json."""
        folder.mkdir(parents=True, exist_ok=True)
        names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
        rust = {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "decoder": None,
            **_special(self.numbers),
            **self._cutting(),
        }
        contents = {
            VOCABULARY_FILE: "".join(f"{token}\n" for token in self.tokens),
            "tokenizer.json": json.dumps(rust, ensure_ascii=False),
            "tokenizer_config.json": json.dumps({**self._config(), **dict(zip(names, SPECIAL, strict=True))}),
        }
        for name, content in contents.items():
            partial = folder / f"{name}.part"
            partial.write_text(content, encoding="utf-8")
            partial.replace(folder / name)

    def ids(self, text: str) -> list[int]:
        """The numbers of a text of any length."""
        return [number for word in words(text) for number in self._of(word)]

    def pair(self, title: str, text: str, length: int = LENGTH) -> tuple[list[int], int]:
        """[CLS] title [SEP] text [SEP], at most `length` numbers (3 or more), and how many of them are the title's part.

        Of a text that is too long the beginning and the last `TAIL_TOKENS` are kept.
        """
        head, body = _cut_to(self.ids(title[:READ_CHARACTERS]), self.ids(_ends(text)), length)
        numbers = self.numbers
        return [numbers.cls, *head, numbers.sep, *body, numbers.sep], len(head) + 2

    def offsets(self, title: str, text: str, length: int = LENGTH) -> list[tuple[int, int, int]]:
        """Where each number of `pair` stands: (field, start, end), field 0 the title, 1 the text; signs of our own are (-1, 0, 0)."""
        own = (-1, 0, 0)
        skipped = max(0, len(text) - 2 * READ_CHARACTERS - 1)
        head = self._places(title[:READ_CHARACTERS], 0, 0)
        head, body = _cut_to(head, self._places(_ends(text), 1, skipped), length)
        return [own, *head, own, *body, own]

    def _places(self, text: str, field: int, skipped: int) -> list[tuple[int, int, int]]:
        """Offsets of the pieces of one field; behind `READ_CHARACTERS` they count what `_ends` left out."""
        found = []
        for start, end in self.spans(text):
            shift = skipped if start > READ_CHARACTERS else 0
            found.append((field, start + shift, end + shift))
        return found

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Start and end of each number of `ids` in the text."""
        found = []
        for word, start in located(text):
            for number in self._of(word):
                end = start + (1 if number == UNKNOWN else len(self.tokens[number]))
                found.append((start, end))
                start = end
        return found

    def stream(self, texts: Iterable[str]) -> NDArray[np.uint16]:
        """All texts one after the other, each followed by [SEP]."""
        numbers: list[NDArray[np.uint16]] = []
        for text in texts:
            found = self.ids(text)
            if found:
                numbers.append(np.array([*found, self.numbers.sep], dtype=np.uint16))
        return np.concatenate(numbers) if numbers else np.zeros(0, dtype=np.uint16)

    def _of(self, word: str) -> tuple[int, ...]:
        known = self._pieces.get(word)
        if known is None:
            known = tuple(self._cut(word))
            if len(self._pieces) < _WORDS_KEPT and len(word) <= self._longest:
                self._pieces[word] = known
        return known

    def _cut(self, word: str) -> Iterator[int]:
        start = 0
        while start < len(word):
            for end in range(min(len(word), start + self._longest), start, -1):
                number = self._number.get(word[start:end])
                if number is not None:
                    yield number
                    start = end
                    break
            else:
                yield UNKNOWN
                start += 1

    def _config(self) -> dict[str, Any]:
        """What tokenizer_config.json says beside the special tokens."""
        return {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
        }

    def _cutting(self) -> dict[str, Any]:
        """The longest-match model of the `tokenizers` library over runs cut as here (its documentation: WordPiece).

        That model calls a whole word unknown for one character, so characters that no token has are cut out before.
        """
        known = re.escape("".join(sorted(set("".join(self.tokens)))))
        return {
            "normalizer": {"type": "Sequence", "normalizers": [
                {"type": "Replace", "pattern": {"String": "İ"}, "content": "\ufffd"},  # it alone becomes longer in lower case
                {"type": "Lowercase"}]},
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
                {"type": "WhitespaceSplit"},
                *({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
                  for pattern in (f"{_HAN}|{_OTHERS}", f"[^{known}]"))]},
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "",
                      "max_input_chars_per_word": 1_000, "vocab": self._number},
        }  # fmt: skip


def _special(numbers: Numbers) -> dict[str, Any]:
    """The special tokens as the `tokenizers` library wants to know them, and where they stand in a pair."""
    placed = list(zip(SPECIAL, astuple(numbers), strict=True))
    kept = [{"id": number, "content": token, "special": True, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False} for token, number in placed]  # fmt: skip
    sequence = [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "[SEP]", "type_id": 0}}]  # fmt: skip
    pair = [*sequence, {"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": "[SEP]", "type_id": 1}}]
    return {
        "added_tokens": kept,
        "post_processor": {"type": "TemplateProcessing", "single": sequence, "pair": pair, "special_tokens": {
            token: {"id": token, "ids": [number], "tokens": [token]} for token, number in placed}},
    }  # fmt: skip


def words(text: str) -> Iterator[str]:
    """The words, numbers and signs of a text, lower-cased, in order."""
    return (word for word, _ in located(text))


def located(text: str) -> Iterator[tuple[str, int]]:
    """The words of a text with the place where each begins."""
    cut = cutter()
    for match in _RUN.finditer(lower(text)):
        run, start = match[0], match.start()
        if not match.lastgroup or len(run) == 1:
            yield run, start
            continue
        for word in cut(run):
            yield word, start
            start += len(word)


def _cut_to(title: list[T], text: list[T], length: int) -> tuple[list[T], list[T]]:
    """The part of both that stands in `length` with [CLS] and two [SEP]."""
    title = title[: min(TITLE_TOKENS, length - 3)]
    room = length - 3 - len(title)
    tail = min(TAIL_TOKENS, room // 2)
    return title, text if len(text) <= room else text[: room - tail] + text[len(text) - tail :]


def _ends(text: str) -> str:
    if len(text) <= 2 * READ_CHARACTERS:
        return text
    return text[:READ_CHARACTERS] + "\n" + text[-READ_CHARACTERS:]
