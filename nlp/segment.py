"""Text → word tokens, by jieba's dictionary and algorithm plus our domain words (nlp/data/domain_words.txt).

rjieba (Rust) does it where it is installed, jieba itself otherwise. Both get runs of Chinese characters only; words and
numbers in other scripts are cut here. So both give the same tokens (where they differ, it is in mixed runs).
A process that has loaded one engine keeps it; loading is lazy, thread safe, and writes no cache file.
"""

from __future__ import annotations

import logging
import re
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib import resources
from typing import Any, Final, Literal

Engine = Literal["rjieba", "jieba"]
Cut = Callable[[str], list[str]]

# What the dictionary of jieba covers. Other ideographs are single tokens.
_HAN: Final = "\u4e00-\u9fd5"
_PIECE: Final = re.compile(
    f"(?P<han>[{_HAN}]+)"
    r"|[a-z][0-9]{0,2}[市区县](?![0-9a-z])"  # A7县: coded places of anonymised files; else 县 would join the next word
    r"|[0-9]+(?:\.[0-9]+)+"  # 3.5, 10.1.0.1
    r"|[0-9a-z]+(?:\*+[0-9a-z]+)*"  # 5g, wifi, 138****8000
    r"|[\u3007\u3400-\u4dbf\u9fd6-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
    rf"|[^\W_{_HAN}0-9a-z\u3007\u3400-\u4dbf\u9fd6-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"  # other scripts
)
_lock = threading.Lock()


def segment(text: str) -> list[str]:
    """Lower-cased tokens in order; only those with a letter, a digit or an ideograph.

    Punctuation and white space are dropped, so words on both sides of a comma are adjacent, and a phrase is found
    whatever sign stands between its words. Give it cleaned text (`nlp.clean`): full-width digits are not folded here.
    """
    return _tokens(text, cutter())


def segment_many(texts: Iterable[str]) -> list[list[str]]:
    """`segment` of each text."""
    cut = cutter()
    return [_tokens(text, cut) for text in texts]


def spans(text: str) -> Iterator[tuple[str, int, int]]:
    """The tokens of `segment` with their offsets (start, end) in `text`.

    Lower-casing never changes the length here: the few characters for which it would keep their case.
    """
    cut = cutter()
    for match in _PIECE.finditer(lower(text)):
        start, piece = match.start(), match[0]
        if len(piece) == 1 or not match.lastgroup:
            yield piece, start, start + len(piece)
            continue
        for token in cut(piece):
            end = start + len(token)
            yield token, start, end
            start = end


def domain_words() -> dict[str, int]:
    """Words of the trade → the frequency with which they enter the dictionary."""
    lines = resources.files("nlp").joinpath("data/domain_words.txt").read_text(encoding="utf-8").splitlines()
    rows = (line.split() for line in lines if line and not line.startswith("#"))
    return {word: int(frequency) for word, frequency in rows}


def dictionary_words() -> frozenset[str]:
    """Every word of jieba's dictionary and of ours."""
    return frozenset(word for word, frequency in _tokenizer().FREQ.items() if frequency)


def engine() -> Engine:
    """The engine in use."""
    return "rjieba" if _rust() is not None else "jieba"


def cutter(name: Engine | None = None) -> Cut:
    """The function of an engine that cuts one run of Chinese characters; the best one installed by default.

    Raises:
        ModuleNotFoundError: `name` is "rjieba" and it is not installed.
    """
    with _lock:
        if name == "jieba":
            return _python()
        rust = _rust()
        if rust is not None:
            return rust
        if name == "rjieba":
            raise ModuleNotFoundError("rjieba", name="rjieba")
        return _python()


def _tokens(text: str, cut: Cut) -> list[str]:
    tokens: list[str] = []
    for match in _PIECE.finditer(lower(text)):
        piece = match[0]
        if match.lastgroup and len(piece) > 1:
            tokens += cut(piece)
        else:
            tokens.append(piece)
    return tokens


def lower(text: str) -> str:
    """Lower case at the same length: the few characters that would become two keep their case."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := character.lower()) == 1 else character for character in text)


@cache
def _rust() -> Cut | None:
    try:
        import rjieba
    except ImportError:
        return None
    tokenizer = rjieba.Jieba()
    for word, frequency in domain_words().items():
        tokenizer.add_word(word, frequency, "n")
    cut: Cut = tokenizer.cut
    return cut


@cache
def _python() -> Cut:
    cut: Cut = _tokenizer().lcut
    return cut


@cache
def _tokenizer() -> Any:
    """jieba's tokenizer, its prefix dictionary built in memory.

    The package itself would put a cache into the shared folder for temporary files, and load what others put there.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # jieba 0.42.1 imports pkg_resources
        import jieba
    jieba.setLogLevel(logging.ERROR)
    tokenizer: Any = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    for word, frequency in domain_words().items():
        # As rjieba does: the total counts a word that the dictionary had already once only.
        tokenizer.total -= tokenizer.FREQ.get(word, 0)
        tokenizer.add_word(word, frequency)
    return tokenizer
