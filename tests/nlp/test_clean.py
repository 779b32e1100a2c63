from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp.clean import clean

# Pieces that clean has to do with, in any order: they make the interplay of its steps likely.
PIECES = st.sampled_from(
    [
        "&amp;",
        "&",
        "amp;",
        "lt;",
        "&lt;",
        "&#38;",
        "&#x3c;",
        "<",
        ">",
        "<b>",
        "</b>",
        "<br/>",
        "<script>",
        "</script>",
        "b",
        "/p",
        "!--",
        "\u200b",
        "\ufeff",
        "\u3000",
        "\t",
        "\r",
        "\n",
        " ",
        "\x00",
        "\x85",
        "１",
        "Ａ",
        "＆",
        "＜",
        "é",
        "e\u0301",
        "\u0301",
        "\u212a",
        "\u037e",
        "\ud800",
        "某某",
        "，",
        "。",
        "\ufe0f",
        "&nbsp;",
        "&copy;",
        '="x"',
    ]
)


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("\t\t\r\n  您好\u3000\u3000领导\t\t\r\n\r\n  路灯坏了 \n", "您好 领导\n路灯坏了"),
        ("电话１３８００１３８０００，Ａ区３栋", "电话13800138000，A区3栋"),
        ("中文标点，。！？：；（）～《》“”不变", "中文标点，。！？：；（）～《》“”不变"),
        ("ｚｈａｎｇ＠ｑｑ．ｃｏｍ", "zhang@qq.com"),
        ("<p>投<b>诉</b>物业</p><p>第二段</p>", "投诉物业\n第二段"),
        ("一<br/>二<BR>三", "一\n二\n三"),
        ("<div class='x' style=\"color:red\">正文</div>", "正文"),
        ("<script>if (a<b) alert(1)</script>正文<style>p{}</style>", "正文"),
        ("《通知》<某某小区>请看<关于停水的通知>", "《通知》<某某小区>请看<关于停水的通知>"),
        ("3<5，a > b，收入<支出", "3<5，a > b，收入<支出"),
        ("&lt;b&gt;粗&lt;/b&gt;&nbsp;&amp;&#12345;", "粗 &〹"),
        ("&amp;amp;lt;", "<"),
        ("AT&T 和 a&copy=1", "AT&T 和 a&copy=1"),
        ("零\u200b宽\ufeff字\u2060符", "零宽字符"),
        ("坏\ud83d字\udc00符\x00\x07", "坏字符"),
        ("e\u0301", "é"),
        ("", ""),
        (" \n\t ", ""),
        ("<!-- 注释 -->正文", "正文"),
    ],
)
def test_says_the_same_in_plain_form(raw: str, plain: str) -> None:
    assert clean(raw) == plain


@given(st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=80))
def test_is_idempotent_and_leaves_nothing_invisible(raw: str) -> None:
    once = clean(raw)
    assert clean(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert not any(character in once for character in "\x00\t\r\u3000\u200b\ufeff\u2028")
    assert "\n\n" not in once
    assert "  " not in once
    once.encode()  # no lone surrogate


@given(st.text(alphabet="路灯坏了，。！？《》（）abcXYZ0123456789", max_size=60))
def test_leaves_plain_text_alone(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    "unit",
    [
        "<",
        "<b",
        "<b>",
        "<b<",
        ">",
        "&",
        "&amp;",
        "&lt;",
        "&#38;",
        "&amp;lt;b&gt;",
        " ",
        "\n ",
        "字",
        "e\u0301",
        "１",
        "\u200b",
        "<script>",
    ],
)
def test_is_linear_and_idempotent_on_hostile_text(unit: str) -> None:
    text = (unit * 200_000)[:200_000]
    start = time.process_time()
    plain = clean(text)
    # 0.2 s on an idle core; the rest is for machines that are busy or slow.
    assert time.process_time() - start < 1.0
    assert clean(plain) == plain
