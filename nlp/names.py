"""Names of persons in a text, by the words around them: 我叫…, 联系人：…, …主任, … 13800138000.

A family name from the list, one or two characters behind it, and evidence. A cue with a colon is enough by itself; a cue that is
also everyday speech (业主, 老师, 我是) needs characters that given names are made of, no everyday word, and an end behind the name.
Without a cue, a common family name with two such characters is a name where it stands between two marks, or where the
segmenter makes a new word of the three. A family name with a title (王先生) is what masking leaves, so it stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from nlp.name_cues import CALLED, CUED, GAP, MORE, NO_TITLE, SAYS, TITLED
from nlp.name_evidence import NAMED_THING, lexicon
from nlp.numbers import Found

# Three characters between two marks: 曾与他交涉，某某某，均无结果.
_ENCLOSED: Final = re.compile("(?<=[，,。；;：:、（(\n])[\u4e00-\u9fa5]{3}(?=[，,。；;、）)\n]|$)")
_LIST_LIMIT: Final = 30  # names behind one cue
_BEFORE_NUMBER: Final = " +-0123456789,，:：(（、手机电话联系号码tel"  # between a name and the number of its bearer


def find_names(text: str, anchors: frozenset[int] = frozenset()) -> Iterator[Found]:
    """Names in `text` → family name and one star.

    Args:
        anchors: offsets at which a personal number begins; a name that ends just before one needs no other cue.
    """
    known = lexicon()
    for match in CUED.finditer(text):
        start = match.end()
        cue, link = match["cue"], match["link"]
        near = cue in SAYS
        said = near and (bool(link.strip(" (（")) or cue in CALLED)
        if (cue.startswith("名叫") and NAMED_THING.match(text, start)) or (not near and not GAP.fullmatch(link)):
            continue
        for _ in range(_LIST_LIMIT):
            end = known.name_after(text, start, said=said, near=near)
            if not end:
                break
            yield _starred(text, start, end)
            more = MORE.match(text, end)
            if not more:
                break
            start, said = more.end(), False
    for match in TITLED.finditer(text):
        if NO_TITLE.match(text, match.start(), match.end() + 5):
            continue
        if start := known.name_before(text, match.start()):
            yield _starred(text, start - 1, match.start())
    for match in _ENCLOSED.finditer(text):
        if known.is_plain(text, match.start()):
            yield _starred(text, match.start(), match.end())
    for match in known.candidates.finditer(text):
        if known.is_read_as_name(text, match.start()):
            yield _starred(text, match.start(), match.start() + 3)
    for anchor in anchors:
        stretch = text[max(0, anchor - 12) : anchor]
        end = anchor - len(stretch) + len(stretch.rstrip(_BEFORE_NUMBER))
        if start := known.name_before(text, end, alone=True):
            yield _starred(text, start - 1, end)


def _starred(text: str, start: int, end: int) -> Found:
    return Found(start, end, "person", family_name(text[start:end]) + "*")


def family_name(name: str) -> str:
    """The family name that a name begins with; its first character where it begins with none."""
    return name[:2] if name[:2] in lexicon().double else name[:1]
