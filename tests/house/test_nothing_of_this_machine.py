"""What ships names no folder of the machine that made it, not even inside packed files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import zstandard

ROOT = Path(__file__).parents[2]
PACKED = sorted(path for folder in ("nlp/weights", "nlp/training/pretrained") for path in (ROOT / folder).iterdir())
PATHS = re.compile(rb"(?:/tmp|/home|/work|/root|/Users)/[A-Za-z0-9_.-]+")


@pytest.mark.parametrize("path", PACKED, ids=lambda path: str(path.relative_to(ROOT)))
def test_weights_and_cards(path: Path) -> None:
    data = path.read_bytes()
    if path.suffix == ".zst":
        data = zstandard.ZstdDecompressor().decompress(data, max_output_size=1 << 30)
    assert PATHS.findall(data) == []
