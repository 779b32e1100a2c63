"""What people type into the search box, as a `models.query.Expression`; and back, to be shown.

    噪音 夜间                 both words, anywhere in title, text or reply
    "物业 收费"               the words side by side
    噪音 AND (夜间 OR 凌晨)    also 与 或 非, in upper or lower case; NOT 工地 or -工地 leaves out
    区县:甲区 title:路灯       an exact field, or words of one text field; 区县:(甲区 OR 乙区)

NOT binds closest, then AND (or nothing between), then OR. A word that the segmenter parts is found where all its parts
are. Full-width brackets, colons, quotation marks and dashes count as the half-width ones. Inside quotation marks `\\"` is
a quotation mark and `\\\\` a backslash. Words that hold no letter, digit or ideograph are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Literal, NamedTuple, cast

from models.errors import BadQuery
from models.labels import CHANNEL_NAMES, EMOTION_NAMES, RATINGS, URGENCY_NAMES
from models.query import FIELDS, All, Exactly, Expression, Not, Some, Tokens

Segmenter = Callable[[str], Sequence[str]]

# A question of 1,000 characters is ten lines of typing; more is a pasted text, which similarity search is for.
MAX_CHARACTERS, MAX_DEPTH, MAX_TERMS = 1_000, 20, 100

# The first name of a field is the one that `explain` shows.
NAMES: Final[dict[str, tuple[str, ...]]] = {
    "title": ("标题",), "text": ("内容", "正文"), "reply": ("回复", "答复"),
    "id": ("标识",), "source": ("来源",), "native_id": ("编号", "工单号"), "kind": ("种类",), "channel": ("渠道",),
    "district": ("区县", "区域"), "street": ("街道", "乡镇"), "community": ("社区", "小区"), "place": ("地点",),
    "department": ("承办单位", "部门"), "status": ("状态",), "resolved": ("解决情况", "是否解决"), "grade": ("数据级别",),
    "speaker": ("诉求人",), "demand_type": ("类型", "诉求类型"), "merged_into": ("并入",), "rating": ("满意度", "评分"),
    "contacted": ("是否联系",), "timely": ("按时",), "returned": ("退过单",), "reopened": ("重办过",), "topic": ("分类", "类别"),
    "subtopic": ("二级分类", "小类"), "emotion": ("情绪",),
    "urgency": ("紧急程度",), "fingerprint": ("指纹",), "suggested_department": ("建议单位",), "sentiment": ("倾向",),
    "day": ("日期",), "week": ("周",), "month": ("月份",),
}  # fmt: skip
_FIELD_OF: Final[dict[str, str]] = {field: field for field in FIELDS} | {
    name: field for field, names in NAMES.items() for name in (field, *names)
}

# Words that people say for the codes in the index.
VALUES: Final[dict[str, dict[str, str]]] = {
    "channel": {name: code for code, name in CHANNEL_NAMES.items()},
    "emotion": {name: code for code, name in EMOTION_NAMES.items()},
    "urgency": {name: str(level) for level, name in enumerate(URGENCY_NAMES)},
    "rating": {name: str(stars) for stars, name in RATINGS.items()},
    **{field: {"是": "yes", "否": "no"} for field in ("contacted", "timely", "returned", "reopened")},
    "sentiment": {"正面": "positive", "中性": "neutral", "负面": "negative"},
    "kind": {"诉求": "demand", "舆情": "opinion", "新闻": "news", "政策": "policy"},
}

_OPERATORS: Final = {"and": "and", "与": "and", "or": "or", "或": "or", "not": "not", "非": "not"}
_FOLDED: Final = str.maketrans("（）：－＂“”", '():-"""')
_VALUE: Final = r"""(?P<bracket>[()]) | "(?P<phrase>(?:[^"\\]|\\.)*)(?P<end>"?) | (?P<word>[^\s()"]+)"""
_AFTER_FIELD: Final = re.compile(rf"\s*(?:{_VALUE})", re.VERBOSE | re.DOTALL)
_LEXEME: Final = re.compile(
    rf"\s*(?: (?P<minus>-)(?=[^\s)]) | (?P<field>[^\W\d]\w*): | {_VALUE} )", re.VERBOSE | re.DOTALL
)
_PLAIN: Final = re.compile(r"\w+")


class Lexeme(NamedTuple):
    kind: Literal["(", ")", "phrase", "word", "field", "and", "or", "not", "end"]
    value: str
    position: int


def parse(text: str, segmenter: Segmenter | None = None) -> Expression | None:
    """The expression that `text` means; None where it is blank.

    Args:
        segmenter: text → tokens, as the index holds them; by default the language pipeline's, on cleaned text.

    Raises:
        BadQuery: with the position (from 1) of the character that cannot be understood.
    """
    if len(text) > MAX_CHARACTERS:
        raise _wrong(MAX_CHARACTERS, f"检索式超过 {MAX_CHARACTERS} 个字符，请缩短")
    lexemes = list(_lexemes(text, segmenter or _pipeline))
    if len(lexemes) > 1:
        return _Parser(lexemes, segmenter or _pipeline).whole()
    if text.strip():
        raise _wrong(0, "没有可以检索的字词")
    return None


def explain(expression: Expression | None) -> str:
    """The expression in the words of the query language, for people to read; `parse` reads it back.

    Only what no text can ask for, an empty All or Some, has no such words: it is shown as （全部） or （无）.
    """
    return "（全部）" if expression is None else _shown(expression, 0)


def _pipeline(text: str) -> Sequence[str]:
    from nlp.clean import clean
    from nlp.segment import segment

    return segment(clean(text))


def _wrong(index: int, reason: str) -> BadQuery:
    return BadQuery(position=index + 1, reason=reason)


def _lexemes(text: str, segmenter: Segmenter) -> Iterator[Lexeme]:
    """Lexemes with their index in `text`, "end" last. Each character of `text` is folded to one, so indices stay."""
    folded, at, after_field = text.translate(_FOLDED), 0, False
    while match := (_AFTER_FIELD if after_field else _LEXEME).match(folded, at):
        group, start, at = str(match.lastgroup), match.start(str(match.lastgroup)), match.end()
        value = text[start:at] if group == "word" else match[group]
        if group == "bracket":
            yield Lexeme(cast(Literal["(", ")"], value), value, start)
        elif group == "minus":
            yield Lexeme("not", value, start)
        elif group == "field":
            yield Lexeme("field", text[start : start + len(value)], start)
        elif group == "end":
            start = match.start("phrase")
            if not value:
                raise _wrong(start - 1, "引号没有成对")
            yield Lexeme("phrase", re.sub(r"\\(.)", r"\1", text[start : at - 1], flags=re.DOTALL), start)
        elif not after_field and (operator := _OPERATORS.get(value.lower())):
            yield Lexeme(cast(Literal["and", "or", "not"], operator), value, start)
        elif after_field or any(token.strip() for token in segmenter(value)):
            yield Lexeme("word", value, start)
        after_field = group == "field"
    yield Lexeme("end", "", len(text.rstrip()))


class _Parser:
    """Recursive descent; each method reads one level of the grammar."""

    def __init__(self, lexemes: list[Lexeme], segmenter: Segmenter) -> None:
        self._lexemes, self._segmenter = lexemes, segmenter
        self._next = self._depth = self._terms = 0

    @property
    def _now(self) -> Lexeme:
        return self._lexemes[self._next]

    def _take(self) -> Lexeme:
        lexeme = self._now
        self._next += 1
        return lexeme

    def whole(self) -> Expression:
        expression = self._either(None)
        if self._now.kind == ")":
            raise _wrong(self._now.position, "多出一个右括号")
        return expression

    def _either(self, field: str | None) -> Expression:
        parts = [self._both(field)]
        while self._now.kind == "or":
            self._take()
            parts.append(self._both(field))
        return _joined(Some, parts)

    def _both(self, field: str | None) -> Expression:
        parts = [self._negated(field)]
        while self._now.kind not in ("or", ")", "end"):
            if self._now.kind == "and":
                self._take()
            parts.append(self._negated(field))
        return _joined(All, parts)

    def _negated(self, field: str | None) -> Expression:
        if self._now.kind != "not":
            return self._single(field)
        self._deeper(self._take())
        part = self._negated(field)
        self._depth -= 1
        return Not(part=part)

    def _single(self, field: str | None) -> Expression:
        lexeme = self._take()
        if lexeme.kind == "field" and field is None:
            return self._single(self._known(lexeme))
        if lexeme.kind == "(":
            self._deeper(lexeme)
            inside = self._either(field)
            if self._take().kind != ")":
                raise _wrong(lexeme.position, "括号没有成对")
            self._depth -= 1
            return inside
        if lexeme.kind in ("word", "phrase"):
            return self._term(lexeme, field)
        shown = "检索式到此结束" if lexeme.kind == "end" else f"却是“{lexeme.value}”"
        raise _wrong(lexeme.position, f"此处应有要查的词，{shown}")

    def _known(self, lexeme: Lexeme) -> str:
        field = _FIELD_OF.get(lexeme.value) or _FIELD_OF.get(lexeme.value.lower())
        if field is None:
            reason = f"没有字段“{lexeme.value}”；要查带冒号的文字请加引号，可用字段：{'、'.join(n[0] for n in NAMES.values())}"
            raise _wrong(lexeme.position, reason)
        return field

    def _term(self, lexeme: Lexeme, field: str | None) -> Expression:
        if field in FIELDS:
            self._count(lexeme, 1)
            return Exactly(field=field, value=VALUES.get(field, {}).get(lexeme.value, lexeme.value))
        tokens = tuple(token for token in self._segmenter(lexeme.value) if token.strip())
        if not tokens:
            raise _wrong(lexeme.position, f"“{lexeme.value}”里没有可以检索的字词")
        self._count(lexeme, len(tokens))
        where = cast(Literal["title", "text", "reply"] | None, field)
        if lexeme.kind == "phrase":
            return Tokens(tokens=tokens, field=where)
        return _joined(All, [Tokens(tokens=(token,), field=where) for token in dict.fromkeys(tokens)])

    def _count(self, lexeme: Lexeme, terms: int) -> None:
        self._terms += terms
        if self._terms > MAX_TERMS:
            raise _wrong(lexeme.position, f"词超过 {MAX_TERMS} 个，请减少")

    def _deeper(self, lexeme: Lexeme) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _wrong(lexeme.position, f"括号与 NOT 嵌套超过 {MAX_DEPTH} 层")


def _joined(kind: type[All] | type[Some], parts: list[Expression]) -> Expression:
    """The parts under one node: nested nodes of the same kind are dissolved, a single part stands by itself."""
    flat = [inner for part in parts for inner in (part.parts if isinstance(part, kind) else (part,))]
    return flat[0] if len(flat) == 1 else kind(parts=tuple(flat))


_BINDS: Final[dict[type, int]] = {Some: 1, All: 2, Not: 3}


def _shown(expression: Expression, around: int) -> str:
    """In brackets where it binds weaker than what stands around it."""
    if isinstance(expression, Tokens):
        prefix = f"{NAMES[expression.field][0]}:" if expression.field else ""
        return prefix + _quoted(" ".join(expression.tokens))
    if isinstance(expression, Exactly):
        name = NAMES[expression.field][0] if expression.field in NAMES else expression.field
        said = {code: word for word, code in VALUES.get(expression.field, {}).items()}
        return f"{name}:{_quoted(said.get(expression.value, expression.value))}"
    if isinstance(expression, Not):
        shown = f"NOT {_shown(expression.part, 3)}"
    elif not expression.parts:
        return "（全部）" if isinstance(expression, All) else "（无）"
    else:
        word = " AND " if isinstance(expression, All) else " OR "
        shown = word.join(_shown(part, _BINDS[type(expression)]) for part in expression.parts)
    return f"({shown})" if _BINDS[type(expression)] < around else shown


def _quoted(words: str) -> str:
    if _PLAIN.fullmatch(words) and words.lower() not in _OPERATORS:
        return words
    escaped = words.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
