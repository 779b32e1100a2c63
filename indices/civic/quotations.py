"""What stands for an incident: the title of its most central record and sentences that really stand in its records."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np

from indices.civic.posts import Post
from indices.civic.vectors import Vectors
from models.figures import Sentence

SENTENCES: Final = 3
SHORTEST, LONGEST = 8, 90
"""Characters of a sentence that can be quoted."""
CONTRAST: Final = 400
"""Other posts that a sentence is held against: 尊敬的领导 is in every letter and says nothing about this incident."""
READ_MEMBERS: Final = 60
READ_CHARACTERS: Final = 1_500
_DROPPED: Final = re.compile(r"[\W_]+")


def central(members: Sequence[int], posts: Sequence[Post], vectors: Vectors) -> list[int]:
    """Members, the most central first: by cosine with the centroid; one with a title before one without; ties by time."""
    rows = vectors.rows[np.asarray(members)]
    centroid = np.asarray(rows.mean(axis=0)).ravel()
    alike = np.round(rows @ centroid, 6)
    order = sorted(range(len(members)), key=lambda i: (not posts[members[i]].title, -float(alike[i]), i))
    return [members[i] for i in order]


def title_of(ordered: Sequence[Post], quoted: Sequence[Sentence]) -> str:
    """The title of the most central member that has one, else a sentence of it, else the beginning of its text."""
    first = ordered[0]
    if first.title:
        return first.title
    return quoted[0].text if quoted else first.text.strip()[:40]


def representative(ordered: Sequence[Post], people: Sequence[int], others: Sequence[Post]) -> tuple[Sentence, ...]:
    """Up to three sentences, verbatim, of different people, that say what many members say and others do not.

    Args:
        ordered: members, the most central first.
        people: the person behind each.
        others: posts outside the incident, to hold against.
    """
    from nlp.sentences import sentences

    read = list(zip(ordered, people, strict=True))[:READ_MEMBERS]
    inside, outside = _spread([post for post, _ in read]), _spread(others)
    candidates = [
        (-_weight(sentence, inside, outside), place, sentence, post, person)
        for place, (post, person) in enumerate(read)
        for sentence in sentences(post.text[:READ_CHARACTERS])
        if SHORTEST <= len(sentence) <= LONGEST and sentence in post.text
    ]
    chosen: list[Sentence] = []
    spoken: set[int] = set()
    seen: list[set[str]] = []
    for _, _, sentence, post, person in sorted(candidates, key=lambda c: (round(c[0], 6), c[1], c[2])):
        pairs = _pairs(sentence)
        if person in spoken or any(len(pairs & other) * 2 > min(len(pairs), len(other)) for other in seen):
            continue
        chosen.append(Sentence(text=sentence, id=post.shown_id))
        spoken.add(person)
        seen.append(pairs)
        if len(chosen) == SENTENCES:
            break
    return tuple(chosen)


def _weight(sentence: str, inside: Counter[str], outside: Counter[str]) -> float:
    """Mean over its character pairs of share inside − share outside; short sentences count less."""
    pairs = _pairs(sentence)
    if not pairs:
        return 0.0
    held, against = max(inside[""], 1), max(outside[""], 1)
    total = sum(inside[pair] / held - outside[pair] / against for pair in pairs)
    return float(total / (len(pairs) + 8))


def _spread(posts: Sequence[Post]) -> Counter[str]:
    """In how many posts each character pair stands; how many posts there are stands under the empty string."""
    found: Counter[str] = Counter()
    for post in posts:
        found.update(_pairs(f"{post.title} {post.text[:READ_CHARACTERS]}"))
    found[""] = len(posts)
    return found


def _pairs(text: str) -> set[str]:
    folded = _DROPPED.sub("", text).lower()
    return {folded[i : i + 2] for i in range(len(folded) - 1)}
