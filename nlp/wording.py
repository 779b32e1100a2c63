"""One pattern out of many words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any


def any_of(words: Iterable[str]) -> str:
    """A regular expression for any of `words`, the longest first, without a group of its own.

    A tree of their characters: at each place of a text one look at one character decides, however many words there are.

    Raises:
        ValueError: there is no word, or an empty one.
    """
    tree: dict[str, Any] = {}
    for word in words:
        if not word:
            raise ValueError("an empty word fits everywhere")
        node = tree
        for character in word:
            node = node.setdefault(character, {})
        node[""] = {}
    if not tree:
        raise ValueError("no word")
    return _pattern(tree)


def _pattern(node: dict[str, Any]) -> str:
    branches = [re.escape(character) + _pattern(below) for character, below in sorted(node.items()) if character]
    if not branches:
        return ""
    together = branches[0] if len(branches) == 1 and "" not in node else f"(?:{'|'.join(branches)})"
    return f"{together}?" if "" in node else together
