"""A folder of unlabelled texts in the shape of the training data, all of it made up here."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import zstandard

from nlp.tokenizer import SPECIAL, Tokenizer
from nlp.training.vocabulary import count_words

# A text is about one of these and about nothing else, so what is hidden of it can be guessed from the rest.
MATTERS = (
    ("青松路", "路灯", "不亮", "维修"), ("荷塘街道", "工地", "噪音", "停工"), ("柳岸花园", "电梯", "故障", "更换"),
    ("石桥镇", "水管", "停水", "抢修"), ("南湖新村", "垃圾", "发臭", "清运"), ("北门广场", "公交", "晚点", "加车"),
    ("向阳小区", "物业", "乱收费", "退款"), ("锦江名都", "学校", "招生", "公布"),
)  # fmt: skip
WriteTexts = Callable[[Path, str, Sequence[str]], Path]


def complaints(number: int, seed: int = 0) -> list[str]:
    draw = random.Random(seed)
    return ["".join(draw.choices((*draw.choice(MATTERS), "，"), k=200)) + "。" for _ in range(number)]


@pytest.fixture(scope="session")
def write_texts() -> WriteTexts:
    """write_texts(data, "news", lines) -> pretrain/news.txt.zst"""

    def write(data: Path, name: str, texts: Sequence[str]) -> Path:
        path = data / "pretrain" / f"{name}.txt.zst"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(zstandard.ZstdCompressor().compress("\n".join(texts).encode()))
        return path

    return write


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory, write_texts: WriteTexts) -> Path:
    """A data folder with three sources: one read in both parts, one only in the first, one of a city's own."""
    data = tmp_path_factory.mktemp("data")
    for seed, name in enumerate(("message_board", "news", "our_city")):
        write_texts(data, name, complaints(80, seed))
    return data


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    """The characters and the words of `complaints`; small, so that the last layer is."""
    counts = count_words(complaints(80))
    return Tokenizer(
        [
            *SPECIAL,
            *sorted({character for word in counts for character in word}),
            *sorted(w for w in counts if len(w) > 1),
        ]
    )
