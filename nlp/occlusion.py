"""What a word does for an encoder's logit: the logit with it less the logit without it (Zeiler & Fergus, 2014)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from nlp.encoder import Encoder

MOST_WORDS: Final = 40  # texts read for one explanation: under 0.2 s


def word_shares(
    encoder: Encoder, title: str, text: str, head: str, column: int, words: Sequence[str]
) -> dict[str, float]:
    """Word → fall of the logit when every occurrence is left out; the first `MOST_WORDS` of `words` that stand in the text."""
    low_title, low_text = title.lower(), text.lower()
    some = [word for word in dict.fromkeys(words) if word in low_title or word in low_text][:MOST_WORDS]
    titles = [low_title, *(low_title.replace(word, " ") for word in some)]
    texts = [low_text, *(low_text.replace(word, " ") for word in some)]
    logits = encoder.logits(titles, texts)[head][:, column]
    return {word: float(logits[0] - without) for word, without in zip(some, logits[1:], strict=True)}
