"""The table of place names: 34,823 districts, counties, streets, towns and townships (built by nlp.training.streets)."""

from __future__ import annotations

import lzma
import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Final

_LAST: Final = re.compile("[省市区县旗盟州道镇乡木场]")
_LONGEST: Final = 15  # characters; longer names are those of industrial parks, which their short names stand for
_SHORTEST: Final = 3


@cache
def place_names() -> frozenset[str]:
    """The names, with the word of their level: 望城坡街道, 岳麓区."""
    packed = resources.files("nlp").joinpath("data/places.txt.xz").read_bytes()
    return frozenset(lzma.decompress(packed).decode().split("\n"))


def find_places(text: str) -> Iterator[tuple[int, int]]:
    """Offsets of the names of the table in `text`, the longest at each end, in order of their ends; may overlap.

    A name is found whatever stands before it: of 在岳麓区 the table knows the end only.
    """
    names = place_names()
    for match in _LAST.finditer(text):
        end = match.end()
        for start in range(max(0, end - _LONGEST), end - _SHORTEST + 1):
            if text[start:end] in names:
                yield start, end
                break
