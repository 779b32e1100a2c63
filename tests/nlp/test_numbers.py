from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp.numbers import find_numbers


def masked(text: str) -> str:
    for found in sorted(find_numbers(text), reverse=True):
        text = text[: found.start] + found.replacement + text[found.end :]
    return text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("13800138000", "138****8000"),
        ("138 0013 8000", "138****8000"),
        ("138-0013-8000", "138****8000"),
        ("+86 13800138000", "+86 138****8000"),
        ("8613800138000", "86138****8000"),
        ("013800138000", "0138****8000"),
        ("1 3 8 0 0 1 3 8 0 0 0", "138****8000"),
        ("一三八零零幺三八零零零", "138****8000"),
        ("13800138000 13900139000", "138****8000 139****9000"),
        ("13800138000/13900139000", "138****8000/139****9000"),
        ("2019-11-13 13800138000", "2019-11-13 138****8000"),
        ("电话1380 013 8000", "电话138****8000"),
        ("0731-88665432", "0731-****5432"),
        ("073188665432", "0731-****5432"),
        ("(0731)88665432", "(0731)****5432"),
        ("010-8866-5432", "010-****5432"),
        ("电话88665432", "电话****5432"),
        ("座机：8866 5432", "座机：****5432"),
        ("110105199003070113", "110105********0113"),
        ("11010519491231002X", "110105********002X"),
        ("11010519491231002x", "110105********002X"),
        ("110105 19900307 0113", "110105********0113"),
        ("身份证110105199003070110", "身份证110105********0110"),
        ("110105900307011", "110105*****7011"),
        ("6222021234567890128", "***************0128"),
        ("6222 0212 3456 7890 128", "***************0128"),
        ("卡号6222021234567890123", "卡号***************0123"),
        ("4111111111111111", "************1111"),
    ],
)
def test_masks_personal_numbers(text: str, expected: str) -> None:
    assert masked(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "12345", "400-820-8820", "20191113", "2019-11-13 10:30:25", "13800138000元",
        "13800138000.55", "工单号13800138000", "GD13800138000", "12800138000", "138001380001",
        "110105199013070119", "110105199003070114", "6222021234567890127", "编号110105900307011", "1234567890123456",
        "88665432", "电话20191113", "0731", "电话4008-123123", "0131234567",
        "1 2 3 4 5 6 7 8 9 10 11", "15-16 17-18 19-20",
    ],
)  # fmt: skip
def test_leaves_other_numbers(text: str) -> None:
    assert masked(text) == text


@given(st.text(alphabet="0123456789 -./xX一三八零电话号", max_size=60))
def test_what_it_finds_lies_apart_and_is_no_number_afterwards(text: str) -> None:
    end = 0
    for found in sorted(find_numbers(text)):
        assert end <= found.start < found.end <= len(text)
        end = found.end
    assert masked(masked(text)) == masked(text)


@given(st.integers(0, 10**17 - 1))
def test_the_check_digit_decides(number: int) -> None:
    """Of the eleven last characters that a plausible body may have, one makes it an identity number."""
    body = "430102" + "19850615" + f"{number % 1000:03d}"
    fitting = [last for last in "0123456789" if masked(body + last) != body + last]
    closed_by_x = masked(body + "X") != body + "X"
    assert closed_by_x  # seventeen digits and an X are hardly anything else
    assert len(fitting) <= 1
