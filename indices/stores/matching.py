"""What every engine has to agree on: which records can be kept, what is indexed of them, and when a query is met.

Times are compared in whole microseconds since 1970 (what `datetime` holds), so that no engine rounds a window. Text is
ordered by code points, which is the order of its UTF-8 bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from models.errors import BadRequest
from models.query import FIELDS, TEXT_FIELDS, All, Exactly, Expression, Not, Query, Some, Tokens
from models.record import Record

Segmenter = Callable[[str], Sequence[str]]

# Lucene's whitespace tokenizer splits tokens after 255 UTF-16 units; 100 characters are at most 200 of them.
MAX_TOKEN_CHARACTERS: Final = 100
# Elasticsearch's limits: 512 bytes for an id, 32,766 for a keyword (a character has up to 4). Longer is no category or name.
MAX_ID_BYTES, MAX_KEYWORD_CHARACTERS = 512, 8_000
# Twice what Payload lets pass (200,000 characters of text and as many of reply).
MAX_TEXT_CHARACTERS: Final = 800_000
MAX_REVISION: Final = 2**53 - 1
# No citizen's message lies outside; every engine's time type covers it, and city days are computable.
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
MAX_FIELDS_COUNTED: Final = 3
MAX_FIELDS_TABULATED: Final = 12
TIMES: Final = tuple(name for name in Record.model_fields if name.endswith("_at"))

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


def microseconds(instant: datetime) -> int:
    """Whole microseconds since 1970-01-01T00:00Z of an aware instant."""
    return (instant - _EPOCH) // _MICROSECOND


def dictionary_segmenter(text: str) -> list[str]:
    """The segmenter of the language pipeline; its dictionary is loaded when first called."""
    from nlp.segment import segment

    return segment(text)


def whole_tokens(tokens: Sequence[str]) -> tuple[str, ...]:
    """The tokens as a whitespace analyser sees them: no white space inside, none empty, cut to length."""
    parts = " ".join(tokens).split()
    if any(len(part) > MAX_TOKEN_CHARACTERS for part in parts):
        parts = [part[:MAX_TOKEN_CHARACTERS] for part in parts]
    return tuple(parts)


def index_tokens(record: Record, segmenter: Segmenter) -> dict[str, tuple[str, ...]]:
    """Tokens of title, text and reply: those of the annotation where there is one, otherwise segmented here."""
    note = record.annotation
    title = note.title_tokens if note else segmenter(record.title) if record.title else ()
    text = note.text_tokens if note else segmenter(record.text) if record.text else ()
    reply = segmenter(record.reply) if record.reply else ()
    return {"title": whole_tokens(title), "text": whole_tokens(text), "reply": whole_tokens(reply)}


def why_not_kept(record: Record) -> str:
    """Why no engine can keep this record, in words for its operator; empty where it can be kept."""
    created = record.created_at
    if not record.id or len(record.id.encode("utf-8", "replace")) > MAX_ID_BYTES:
        return f"标识为空或超过 {MAX_ID_BYTES} 字节"
    if not 0 <= record.revision <= MAX_REVISION:
        return f"修订号 {record.revision} 不在 0 与 {MAX_REVISION} 之间"
    times = {name: getattr(record, name) for name in TIMES}
    if naive := [name for name, instant in times.items() if instant is not None and instant.tzinfo is None]:
        return f"时间 {'、'.join(naive)} 没有时区"
    if not EARLIEST <= created < LATEST:
        return f"时间 {created.isoformat()} 不在 {EARLIEST.year} 年与 {LATEST.year} 年之间"
    size = len(record.title) + len(record.text) + len(record.reply)
    if size > MAX_TEXT_CHARACTERS:
        return f"文字共 {size} 个字符，上限 {MAX_TEXT_CHARACTERS} 个"
    for name, value in _strings(record):
        if len(value) > MAX_KEYWORD_CHARACTERS and name not in TEXT_FIELDS:
            return f"字段 {name} 的值有 {len(value)} 个字符，上限 {MAX_KEYWORD_CHARACTERS} 个"
        if not value.isascii() and (found := _SURROGATE.search(value)):
            return f"字段 {name} 的第 {found.start() + 1} 个字符无法编码"
    return ""


def _strings(record: Record) -> Iterator[tuple[str, str]]:
    """Every text field of the record and of its annotation, by name."""
    note = record.annotation
    for part in (record.__dict__, note.__dict__ if note else {}):
        yield from ((name, value) for name, value in part.items() if isinstance(value, str))
    for candidate in note.departments[:1] if note else ():
        yield "departments", candidate.label


def check_fields(names: Sequence[str], parameter: str) -> None:
    """Raises BadRequest for a name that is not in FIELDS."""
    for name in names:
        if name not in FIELDS:
            raise BadRequest(name=parameter, value=name, reason="没有这个字段，可用：" + "、".join(FIELDS))


def check_counted(by: Sequence[str], most: int = MAX_FIELDS_COUNTED) -> None:
    """Raises BadRequest unless `by` names one to `most` different fields."""
    check_fields(by, "by")
    if not 1 <= len(by) <= most or len(set(by)) < len(by):
        raise BadRequest(name="by", value=",".join(by), reason=f"须为 1 至 {most} 个不同的字段")


def check_query(query: Query) -> None:
    """Raises BadRequest where a filter or the expression names an unknown field, or a time has no zone."""
    check_fields(tuple(query.filters), "filters")
    for name in ("since", "until"):
        instant = getattr(query, name)
        if instant is not None and instant.tzinfo is None:
            raise BadRequest(name=name, value=instant.isoformat(), reason="时间没有时区")
    if query.match is not None:
        check_fields(tuple(exact_fields(query.match)), "match")


def exact_fields(expression: Expression) -> set[str]:
    """Names of the exact fields that an expression asks for."""
    if isinstance(expression, Exactly):
        return {expression.field}
    if isinstance(expression, Not):
        return exact_fields(expression.part)
    if isinstance(expression, All | Some):
        return set().union(*map(exact_fields, expression.parts))
    return set()


@dataclass(frozen=True, slots=True)
class Kept:
    """A record with what is indexed of it."""

    record: Record
    created: int
    keywords: dict[str, str]
    tokens: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, record: Record, segmenter: Segmenter) -> Kept:
        return cls(record, microseconds(record.created_at), record.keywords_of(), index_tokens(record, segmenter))


def occurrences(phrase: Sequence[str], tokens: Sequence[str]) -> int:
    """How often the tokens of `phrase` stand side by side in `tokens`."""
    first, length = phrase[0], len(phrase)
    return sum(1 for i, token in enumerate(tokens) if token == first and tuple(tokens[i : i + length]) == tuple(phrase))


def matches(expression: Expression, kept: Kept) -> bool:
    """Whether the record meets the expression. `All()` is met by every record, `Some()` by none."""
    if isinstance(expression, Tokens):
        phrase = whole_tokens(expression.tokens)
        fields = (expression.field,) if expression.field else TEXT_FIELDS
        return bool(phrase) and any(occurrences(phrase, kept.tokens[field]) for field in fields)
    if isinstance(expression, Exactly):
        return kept.keywords.get(expression.field) == expression.value
    if isinstance(expression, Not):
        return not matches(expression.part, kept)
    if isinstance(expression, All):
        return all(matches(part, kept) for part in expression.parts)
    return any(matches(part, kept) for part in expression.parts)


def meets(query: Query, kept: Kept) -> bool:
    """Whether the record meets expression, filters and window of the query. A filter without values is met by none."""
    return (
        (query.since is None or kept.created >= microseconds(query.since))
        and (query.until is None or kept.created < microseconds(query.until))
        and all(kept.keywords.get(field) in values for field, values in query.filters.items())
        and (query.match is None or matches(query.match, kept))
    )
