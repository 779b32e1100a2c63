from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indices.query_language import MAX_CHARACTERS, NAMES, VALUES, explain, parse
from models.errors import BadQuery
from models.query import FIELDS, TEXT_FIELDS, All, Exactly, Expression, Not, Some, Tokens


def cut(text: str) -> list[str]:
    """Runs of letters and digits, two ideographs at a time: parts long words as a dictionary would."""
    pieces = "".join(c if c.isalnum() else " " for c in text.lower()).split()
    return [
        piece[i : i + 2] if not piece.isascii() else piece
        for piece in pieces
        for i in range(0, len(piece), 2 if not piece.isascii() else len(piece))
    ]


def word(token: str, field: str | None = None) -> Tokens:
    return Tokens.model_validate({"tokens": (token,), "field": field})


A, B, C = word("甲"), word("乙"), word("丙")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("甲", A),
        (" 甲\t乙　丙\n", All(parts=(A, B, C))),
        ("甲 AND 乙 and 丙", All(parts=(A, B, C))),
        ("甲 与 乙 或 非 丙", Some(parts=(All(parts=(A, B)), Not(part=C)))),
        ("甲 or 乙 Or 丙", Some(parts=(A, B, C))),
        ("甲 乙 OR 丙", Some(parts=(All(parts=(A, B)), C))),
        ("甲 AND (乙 OR 丙)", All(parts=(A, Some(parts=(B, C))))),
        ("甲（乙 OR 丙）", All(parts=(A, Some(parts=(B, C))))),
        ("((甲) ((乙)))", All(parts=(A, B))),
        ("甲 AND 乙 NOT 丙", All(parts=(A, B, Not(part=C)))),
        ("甲 -乙", All(parts=(A, Not(part=B)))),
        ("－甲", Not(part=A)),
        ("not not 甲", Not(part=Not(part=A))),
        ("NOT (甲 乙)", Not(part=All(parts=(A, B)))),
        ("a-b", All(parts=(word("a"), word("b")))),
        ("噪音扰民", All(parts=(word("噪音"), word("扰民")))),
        ("噪音噪音", word("噪音")),
        ('"噪音扰民"', Tokens(tokens=("噪音", "扰民"))),
        ("“物业 收费”", Tokens(tokens=("物业", "收费"))),
        ('-"物业 收费"', Not(part=Tokens(tokens=("物业", "收费")))),
        ('"and"', word("and")),
        ("WiFi", word("wifi")),
        ("甲 ， 乙 — 。", All(parts=(A, B))),
        ("12:30", All(parts=(word("12"), word("30")))),
    ],
)
def test_words_and_operators(text: str, expected: Expression) -> None:
    assert parse(text, cut) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("district:甲区", Exactly(field="district", value="甲区")),
        ("DISTRICT:甲区", Exactly(field="district", value="甲区")),
        ("区县：甲区", Exactly(field="district", value="甲区")),
        ("区县: 甲区", Exactly(field="district", value="甲区")),
        ('承办单位:"住建 局"', Exactly(field="department", value="住建 局")),
        ('区县:""', Exactly(field="district", value="")),
        ("-区县:甲区", Not(part=Exactly(field="district", value="甲区"))),
        ("编号:AB:12-（3", None),
        ("编号:AB:12-3", Exactly(field="native_id", value="AB:12-3")),
        ("编号:-3", Exactly(field="native_id", value="-3")),
        ("状态:and", Exactly(field="status", value="and")),
        ("渠道:热线电话", Exactly(field="channel", value="hotline")),
        ("渠道:hotline", Exactly(field="channel", value="hotline")),
        ("紧急程度:特急", Exactly(field="urgency", value="3")),
        ("满意度:非常满意", Exactly(field="rating", value="5")),
        ("topic:环境保护 甲", All(parts=(Exactly(field="topic", value="环境保护"), A))),
        ("标题:甲", word("甲", "title")),
        ("回复:噪音扰民", All(parts=(word("噪音", "reply"), word("扰民", "reply")))),
        ('text:"甲 乙"', Tokens(tokens=("甲", "乙"), field="text")),
        ("标题:(甲 -乙)", All(parts=(word("甲", "title"), Not(part=word("乙", "title"))))),
        (
            "区县:(甲区 OR 乙区)",
            Some(parts=(Exactly(field="district", value="甲区"), Exactly(field="district", value="乙区"))),
        ),
    ],
)
def test_fields(text: str, expected: Expression | None) -> None:
    if expected is None:
        with pytest.raises(BadQuery):
            parse(text, cut)
    else:
        assert parse(text, cut) == expected


@pytest.mark.parametrize("text", ["", " ", "\t\n　"])
def test_blank_means_everything(text: str) -> None:
    assert parse(text, cut) is None
    assert explain(None) == "（全部）"


@pytest.mark.parametrize(
    ("text", "position", "said"),
    [
        ("甲 AND", 6, "到此结束"),
        ("AND 甲", 1, "AND"),
        ("甲 OR OR 乙", 6, "OR"),
        ("甲 NOT", 6, "到此结束"),
        ("(甲 乙", 1, "括号"),
        ("甲 （乙 (丙)", 3, "括号"),
        ("甲) 乙", 2, "右括号"),
        ("()", 2, "应有"),
        ('甲 "乙', 3, "引号"),
        ('甲 "乙\\"', 3, "引号"),
        ('甲 "，"', 4, "没有可以检索"),
        ("。", 1, "没有可以检索"),
        ("甲 诉求:路灯", 3, "诉求"),
        ("标题:，", 4, "没有可以检索"),
        ("区县:", 4, "到此结束"),
        ("标题:(区县:甲)", 5, "区县"),
        ("甲" * 1001, 1001, "1000"),
        ("(" * 21 + "甲" + ")" * 21, 21, "20"),
        ("-" * 21 + "甲", 21, "20"),
        ("a " * 101, 201, "100"),
    ],
)
def test_errors_name_the_place_and_the_repair(text: str, position: int, said: str) -> None:
    with pytest.raises(BadQuery) as caught:
        parse(text, cut)
    assert caught.value.fields["position"] == position
    assert said in str(caught.value)


def test_the_limits_themselves_are_allowed() -> None:
    assert parse("(" * 20 + "甲" + ")" * 20, cut) == A
    hundred = parse("a " * 100, cut)
    assert isinstance(hundred, All)
    assert len(hundred.parts) == 100


def test_every_field_has_a_name_and_no_name_has_two_fields() -> None:
    assert set(NAMES) == {*TEXT_FIELDS, *FIELDS}
    names = [name for field, names in NAMES.items() for name in (field, *names)]
    assert len(names) == len(set(names))
    assert set(VALUES) <= set(FIELDS)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("甲 乙 OR 丙", "甲 AND 乙 OR 丙"),
        ("甲 (乙 or 丙)", "甲 AND (乙 OR 丙)"),
        ("-(甲 乙) -丙", "NOT (甲 AND 乙) AND NOT 丙"),
        ('"物业 收费" title:甲', '"物业 收费" AND 标题:甲'),
        ('district:"D & E" channel:hotline', '区县:"D & E" AND 渠道:热线电话'),
        ('"or"', '"or"'),
        (r'status:"a\"b\\"', r'状态:"a\"b\\"'),
    ],
)
def test_explained(text: str, shown: str) -> None:
    assert explain(parse(text, cut)) == shown


def test_explains_what_no_text_can_ask_for() -> None:
    assert explain(All(parts=())) == "（全部）"
    assert explain(Not(part=Some(parts=()))) == "NOT （无）"


PIECES = st.sampled_from(
    ["甲", "噪音扰民", "and", "OR", "not", "与", "(", ")", "（", "）", '"', "“", "\\", "-", "－", ":", "：", "区县:", "title:",
     "渠道:热线电话", "x:", "，", " ", "  ", "\n", "a-b", "12:30", "\ud800", "\0"]
)  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=60), st.lists(PIECES, max_size=40).map("".join), st.lists(PIECES, max_size=30).map(" ".join)
)


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_any_text_is_read_or_refused_and_what_is_read_can_be_shown_and_read_again(text: str) -> None:
    refused = None
    try:
        expression = parse(text, cut)
    except BadQuery as error:
        refused = error
    if refused:
        assert 1 <= refused.fields["position"] <= len(text) + 1
        return
    if expression is None:
        assert not text.strip()
        return
    shown = explain(expression)
    assert parse(shown, cut) == expression if len(shown) <= MAX_CHARACTERS else True


LEAVES = st.one_of(
    st.builds(Tokens, tokens=st.lists(st.sampled_from(["甲", "乙", "and", "x1"]), min_size=1, max_size=3).map(tuple),
              field=st.sampled_from([None, "title", "reply"])),
    st.builds(Exactly, field=st.sampled_from(["district", "rating", "status"]), value=st.text(max_size=6)),
)  # fmt: skip


def tree(kind: type[All] | type[Some], children: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    """Nodes as `parse` makes them: two parts or more, none of the same kind."""
    parts = st.lists(children.filter(lambda part: not isinstance(part, kind)), min_size=2, max_size=3)
    return parts.map(lambda found: kind(parts=tuple(found)))


EXPRESSIONS = st.recursive(
    LEAVES, lambda c: st.one_of(tree(All, c), tree(Some, c), st.builds(Not, part=c)), max_leaves=12
)


@settings(max_examples=200, deadline=None)
@given(EXPRESSIONS)
def test_every_expression_survives_being_shown_and_read(expression: Expression) -> None:
    assert parse(explain(expression), lambda text: text.lower().split()) == expression


def test_hostile_questions_are_answered_at_once() -> None:
    start = time.perf_counter()
    for text in (
        "(" * 1000,
        "-" * 1000,
        '"' * 999,
        "a:" * 500,
        '"' + "\\" * 999,
        "NOT " * 250,
        "甲 OR " * 166 + "甲",
        "_" * 999,
    ):
        try:
            parse(text, cut)
        except BadQuery:
            continue
    assert time.perf_counter() - start < 0.5


def test_the_default_segmenter_is_that_of_the_index() -> None:
    assert parse("路灯ＷＩＦＩ不亮") == All(parts=(word("路灯"), word("wifi"), word("不亮")))
    assert parse('"路灯，不亮"') == Tokens(tokens=("路灯", "不亮"))
