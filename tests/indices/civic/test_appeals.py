"""Appeals: one at a time an order, decided once, by somebody else, with a reason."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest
from sqlalchemy import Engine

from indices.civic.appeals import LONGEST, Appeal, Appeals
from models.errors import BadRequest, NotFound

File = Callable[..., Appeal]


@pytest.fixture
def register(database: Engine) -> Appeals:
    ticks = count(1_000.0)
    return Appeals(database, clock=lambda: next(ticks))


@pytest.fixture
def file(register: Appeals) -> File:
    def made(
        record_id: str = "r1", ground: str = "恶意投诉", text: str = "同一人一天打来四十次", who: str = "街道甲"
    ) -> Appeal:
        return register.file(record_id, f"GD{record_id}", "河东区", ground, text, who)

    return made


def test_filed_and_upheld(register: Appeals, file: File) -> None:
    one = file()
    assert (one.state, register.upheld()) == ("待审", [])
    done = register.decide(one.number, "支持", "录音属实", "analyst")
    assert (done.state, done.decided_by, done.note) == ("支持", "analyst", "录音属实")
    assert register.upheld() == ["r1"]
    assert register.all() == [done]


def test_one_standing_appeal_an_order_but_again_after_it_was_turned_down(register: Appeals, file: File) -> None:
    first = file()
    with pytest.raises(BadRequest, match="待审"):
        file()
    register.decide(first.number, "不支持", "理由不足", "analyst")
    second = file()
    register.decide(second.number, "支持", "补充材料属实", "analyst")
    with pytest.raises(BadRequest, match="支持"):
        file()
    assert register.upheld() == ["r1"]


def test_nobody_decides_their_own_or_twice_or_without_a_reason(register: Appeals, file: File) -> None:
    one = file()
    for who, state, note, words in (
        ("街道甲", "支持", "同意", "自己的申诉"), ("analyst", "支持", " ", "意见"), ("analyst", "也许", "同意", "也许"),
    ):  # fmt: skip
        with pytest.raises(BadRequest, match=words):
            register.decide(one.number, state, note, who)
    assert register.upheld() == []
    register.decide(one.number, "不支持", "理由不足", "analyst")
    with pytest.raises(BadRequest, match="已有结论"):
        register.decide(one.number, "支持", "改主意", "analyst")
    with pytest.raises(NotFound):
        register.decide(99, "支持", "同意", "analyst")


@pytest.mark.parametrize(
    ("ground", "text", "words"),
    [("心情不好", "x", "心情不好"), ("其他", "", "理由"), ("其他", "长" * (LONGEST + 1), "至多")],
)
def test_faults_are_named(file: File, ground: str, text: str, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        file(ground=ground, text=text)


def test_open_ones_come_first_then_the_latest(register: Appeals, file: File) -> None:
    numbers = [file(f"r{i}").number for i in range(3)]
    register.decide(numbers[2], "不支持", "理由不足", "analyst")
    assert [one.number for one in register.all()] == [numbers[1], numbers[0], numbers[2]]


def test_a_telephone_number_in_an_appeal_is_masked(file: File) -> None:
    assert "13812345678" not in file(text="来电人 13812345678 一天打来四十次").text
