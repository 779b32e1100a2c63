"""Builds nlp/data/document_frequencies.txt.xz: in how many civic texts a word stands.

Only words of jieba's dictionary and of ours are kept, so the table holds counts of everyday words and no names out of the texts.

    python -m nlp.training.frequencies FILE.txt.zst …      (one text a line)
"""

from __future__ import annotations

import io
import lzma
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from nlp.clean import clean
from nlp.segment import dictionary_words, segment

TARGET: Final = Path(__file__).parents[1] / "data" / "document_frequencies.txt.xz"
_LEAST: Final = 3  # texts; what is rarer is treated as unknown
_WINDOW_BYTES: Final = 1 << 27  # of the compressed files


def lines(path: Path) -> Iterator[str]:
    """The lines of a Zstandard-compressed text file that are not empty."""
    import zstandard

    with (
        path.open("rb") as file,
        zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES).stream_reader(file) as stream,
    ):
        yield from (line for line in io.TextIOWrapper(stream, encoding="utf-8", errors="replace") if line.strip())


def count(texts: Iterable[str]) -> tuple[int, Counter[str]]:
    """How many texts, and in how many of them each word of two or more characters stands."""
    total, frequencies = 0, Counter[str]()
    for text in texts:
        total += 1
        frequencies.update({token for token in segment(clean(text)) if len(token) > 1})
    return total, frequencies


def pack(total: int, frequencies: Counter[str], known: frozenset[str]) -> bytes:
    """First line the number of texts, then `word count`, the most frequent first; UTF-8, LZMA."""
    kept = [(word, n) for word, n in frequencies.items() if n >= _LEAST and word in known]
    rows = [f"{word} {n}" for word, n in sorted(kept, key=lambda row: (-row[1], row[0]))]
    return lzma.compress("\n".join([str(total), *rows]).encode(), preset=9 | lzma.PRESET_EXTREME)


def main(paths: list[str]) -> None:
    total, frequencies = count(line for path in paths for line in lines(Path(path)))
    TARGET.write_bytes(pack(total, frequencies, dictionary_words()))
    sys.stderr.write(f"{TARGET}: {total} texts, {TARGET.stat().st_size} bytes\n")


if __name__ == "__main__":
    main(sys.argv[1:])
