"""Builds nlp/data/not_names.txt: everyday words of two characters that begin with a family name (高兴, 单位, 项目).

From jieba's dictionary (MIT licence), which tags its words: those that it does not tag as names, above a frequency.

    python -m nlp.training.everyday
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Final

TARGET: Final = Path(__file__).parents[1] / "data" / "not_names.txt"
_HEAD: Final = """\
# Everyday words of two characters that begin with a family name: the first character, then the second ones.
# Built by nlp.training.everyday from jieba's dictionary (MIT licence): words that it does not tag as names.
"""
_LEAST_FREQUENCY: Final = 3


def rows(dictionary: Iterable[str], families: frozenset[str]) -> dict[str, str]:
    """First character → the second characters, of the words in lines `word frequency tag`."""
    seconds: defaultdict[str, set[str]] = defaultdict(set)
    for line in dictionary:
        word, frequency, tag = line.split()
        if len(word) == 2 and word[0] in families and not tag.startswith("nr") and int(frequency) >= _LEAST_FREQUENCY:
            seconds[word[0]].add(word[1])
    return {first: "".join(sorted(seconds[first])) for first in sorted(seconds)}


def main() -> None:
    from nlp.names import single_families

    with (resources.files("jieba") / "dict.txt").open(encoding="utf-8") as dictionary:
        built = rows(dictionary, single_families())
    TARGET.write_text(_HEAD + "".join(f"{first} {seconds}\n" for first, seconds in built.items()), encoding="utf-8")


if __name__ == "__main__":
    main()
