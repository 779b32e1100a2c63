"""Self-training: what a classifier says of texts that lack labels, for an encoder to learn from (Scudder 1965; Hinton et al. 2015).

The teacher is the mixture of the linear classifier and the encoder so far, neither of which saw the held-out folds. It speaks
for unlabelled civic texts, and for the rows of topic_train, which have a topic alone. Texts that share half of their
5-grams with a labelled one are left out, the held-out ones above all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nlp.calibrate import softmax
from nlp.hybrid import log_shares
from nlp.linear import LinearClassifier
from nlp.tokenizer import Tokenizer
from nlp.training.examples import UNLABELLED, Examples, Taught
from nlp.training.frequencies import lines
from nlp.training.rows import NO_LABEL, Corpus, group_keys

HEADS_TAUGHT: Final = ("topic", "demand_type", "department", "urgency")
FILE: Final = "message_board.txt.zst"
_ANSWER: Final = re.compile(
    r"收悉|答复如下|回复如下|感谢您(?:对|的)|网友[“\"您：:]|您好！?您(?:反映|咨询)|您的(?:留言|来信|问题)"
)
_OPENING: Final = 80  # characters in which an office's answer shows itself as one
_NO_HAN: Final = re.compile(r"[^\u4e00-\u9fff]")


def unlabelled(corpus: Corpus) -> list[str]:
    """Messages of pretrain/message_board that are no answers and no copies of a labelled civic text; none where it is missing."""
    path = corpus.folder.parent / "pretrain" / FILE
    if not path.is_file():
        return []
    asked = [line.strip() for line in lines(path) if not _ANSWER.search(line[:_OPENING])]
    civic = corpus.civic
    known = [f"{title}{text}" for title, text in zip(civic.titles, civic.texts, strict=True)]
    keys = group_keys([_NO_HAN.sub("", text) for text in (*known, *asked)])
    taken, found = set(keys[: len(known)]), []
    for text, key in zip(asked, keys[len(known) :], strict=True):
        if key not in taken:
            taken.add(key)
            found.append(text)
    return found


def with_texts(found: Examples, tokenizer: Tokenizer, texts: list[str]) -> Examples:
    """The examples, and behind them texts without a label."""
    pairs = [tokenizer.pair("", text) for text in texts]
    n = len(texts)
    return replace(
        found,
        ids=[*found.ids, *(np.array(ids, dtype=np.uint16) for ids, _ in pairs)],
        titles=np.append(found.titles, [size for _, size in pairs]).astype(np.int64),
        labels={head: np.append(values, np.full(n, NO_LABEL)) for head, values in found.labels.items()},
        weights={head: np.append(values, np.zeros(n, dtype=np.float32)) for head, values in found.weights.items()},
        allowed=np.concatenate([found.allowed, np.zeros((1, found.allowed.shape[1]), dtype=bool)]),
        source=np.append(found.source, np.full(n, len(found.allowed))),
        kind=np.append(found.kind, np.full(n, UNLABELLED)),
        fold=np.append(found.fold, np.full(n, -1)),
        time=np.append(found.time, np.full(n, np.nan)),
        span=np.concatenate([found.span, np.full((n, 2), -1)]),
    )


def to_teach(found: Examples, train: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Those of the rows `train` (n,) for which a teacher has something to say: civic texts without a department."""
    civic = (found.kind == UNLABELLED) | ((found.kind == "civic") & (found.labels["demand_type"] == NO_LABEL))
    whole = found.labels["department"] == NO_LABEL  # a title alone has its department and says nothing of a type
    return np.flatnonzero(train & civic & whole)


def taught(
    linear: LinearClassifier, own: Mapping[str, NDArray[np.float32]], read: Mapping[str, NDArray[np.float32]]
) -> dict[str, NDArray[np.float32]]:
    """What a teacher says: for each head (m, k) probabilities, from (m, k) logits of the linear classifier and of the encoder."""
    shares = {}
    for head in HEADS_TAUGHT:
        both = log_shares(linear.settings[head].scores(own[head])) + log_shares(read[head])
        shares[head] = softmax(both / 2).astype(np.float32)
    return shares


def with_words(found: Examples, rows: NDArray[np.int64], shares: dict[str, NDArray[np.float32]]) -> Examples:
    """The examples with a teacher's word on `rows` (m,): `shares[head]` (m, k)."""
    place = np.full(len(found), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    return replace(found, taught=Taught(place, shares))


def texts_of(corpus: Corpus, further: list[str], rows: NDArray[np.int64]) -> tuple[list[str], list[str]]:
    """Titles and texts of examples that are civic rows or `further` texts."""
    civic = corpus.civic
    first = len(civic) + int((~corpus.feeling.has("topic")).sum())
    pairs = [(civic.titles[row], civic.texts[row]) if row < len(civic) else ("", further[row - first]) for row in rows]
    return [title for title, _ in pairs], [text for _, text in pairs]
