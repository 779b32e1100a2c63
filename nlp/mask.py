"""Personal information → stars, before anything is stored (promise S11, domain.md §6).

    phone 138****8000 · identity 110105********0123 · bank card, last four · plate 京A***12 · e-mail a***@… ·
    account (WeChat, QQ) z***3 · passport E***45 · person 张* · address cut to community or road (*栋*单元*室)

Patterns cannot find every name: the recall on synthetic texts is measured by `tests/bench/bench_text.py`. Amounts, dates,
order numbers, hot lines and numbers of roads stay. What is starred already stays, so masking twice changes nothing.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from nlp.doors import find_doors
from nlp.names import find_names
from nlp.numbers import Found, find_numbers
from nlp.wording import any_of

_HALF: Final = {
    **{0xFF01 + i: chr(0x21 + i) for i in range(94) if chr(0x21 + i).isalnum()},
    **{ord(wide): narrow for wide, narrow in zip("＠．－＋＿＊", "@.-+_*", strict=True)},
}
_WIDE: Final = re.compile(f"[{''.join(map(chr, _HALF))}]")
_EMAIL: Final = re.compile(
    r"(?<![A-Za-z0-9._%+\-*])([A-Za-z0-9_])[A-Za-z0-9._%+\-]{0,63}@[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,5}"
)
_PLATE: Final = re.compile(
    r"([京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领][A-Za-z])[ ·•.\-]?"
    r"([A-HJ-NP-Za-hj-np-z0-9]{4,5}[A-HJ-NP-Za-hj-np-z0-9学警港澳挂领])(?![A-Za-z0-9*])"
)
_ACCOUNT: Final = re.compile(
    r"(?:微信|威信|薇信|徽信|(?<![a-z])(?:wx|vx|weixin|wechat|qq)|扣扣|企鹅|(?:加|\+)v|q号|v信|抖音|快手|支付宝|微博)"
    r"(?:群|号码|帐号|账号|号|id|ID|同号|同名|昵称|是|为|加|联系|[:：=\s(（\-_])*"
    r"([a-z][a-z0-9_\-]{5,19}|[1-9][0-9]{4,11})(?![a-z0-9_*@]|\s?[元块万亿年月日人户多余个])",
    re.IGNORECASE,
)
# Looked for first: most texts hold none, and these are quick.
_PAPERS: Final = re.compile(
    any_of(("护照", "通行证", "passport", "Passport", "PASSPORT", "回乡证", "台胞证", "军官证", "士兵证", "居留证"))
)
_SERVICES: Final = re.compile(
    "[微威薇徽v][信]|扣扣|企鹅|抖音|快手|支付宝|微博|[WwVv][Xx]|[Qq][Qq号]|[加+][Vv]|[Vv]信|[Ww][Ee][IiCc][XxHh]"
)
_PUBLIC_ACCOUNT: Final = re.compile("公众|服务号|订阅号|小程序|官方")
_PASSPORT: Final = re.compile(
    r"(?:护照|通行证|passport|回乡证|台胞证|军官证|士兵证|居留证)[^A-Za-z0-9，。；,;\n]{0,8}([A-Z]{0,2}[0-9]{7,10})(?![0-9])",
    re.IGNORECASE,
)
# The first to claim a stretch keeps it.
_KINDS: Final = ("email", "identity", "passport", "plate", "phone", "bank_card", "account", "address", "person")
_RANK: Final = {kind: rank for rank, kind in enumerate(_KINDS)}


# Stars cut the text anew, and the segmenter may then read a name that it did not read before; the second pass finds nothing in almost
# every text, and the eighth in any that was not made for the purpose.
_PASSES: Final = 8


class MaskedSpan(NamedTuple):
    """A masked stretch: its kind, and where its replacement stands in the masked text."""

    kind: str
    start: int
    end: int


class Masked(NamedTuple):
    text: str
    spans: tuple[MaskedSpan, ...]


def mask(text: str) -> Masked:
    """`text` with its personal information starred, and the spans of the stars' words in the new text.

    Takes raw or cleaned text (full-width digits and letters count as digits and letters). Idempotent; linear in time.
    """
    spans: list[MaskedSpan] = []
    for _ in range(_PASSES):
        shadow = text.translate(_HALF) if _WIDE.search(text) else text
        found = _chosen(_candidates(shadow))
        if not found:
            break
        text, spans = _replaced(text, found, spans)
    return Masked(text, tuple(spans))


def _replaced(text: str, found: list[Found], spans: list[MaskedSpan]) -> tuple[str, list[MaskedSpan]]:
    """The text with the replacements in place; the spans of these and, moved along, of the earlier ones that they left alone."""
    out: list[str] = []
    new: list[MaskedSpan] = []
    done = length = 0
    earlier = iter([*spans, None])
    span = next(earlier)
    for stretch in found:
        while span and span.end <= stretch.start:
            new.append(MaskedSpan(span.kind, span.start - done + length, span.end - done + length))
            span = next(earlier)
        while span and span.start < stretch.end:
            span = next(earlier)
        out += (text[done : stretch.start], stretch.replacement)
        length += stretch.start - done
        new.append(MaskedSpan(stretch.kind, length, length + len(stretch.replacement)))
        length += len(stretch.replacement)
        done = stretch.end
    out.append(text[done:])
    while span:
        new.append(MaskedSpan(span.kind, span.start - done + length, span.end - done + length))
        span = next(earlier)
    return "".join(out), new


def _candidates(text: str) -> Iterator[Found]:
    if "@" in text:
        yield from (
            Found(m.start(), m.end(), "email", f"{m[1]}***{m[0][m[0].index('@') :]}") for m in _EMAIL.finditer(text)
        )
    numbers = list(find_numbers(text))
    yield from numbers
    yield from find_names(text, frozenset(found.start for found in numbers))
    yield from find_doors(text)
    yield from _plates(text)
    if _PAPERS.search(text):
        for match in _PASSPORT.finditer(text):
            yield Found(match.start(1), match.end(1), "passport", f"{match[1][:1]}***{match[1][-2:]}")
    for match in _ACCOUNT.finditer(text) if _SERVICES.search(text) else ():
        if match[1] != "12345" and not _PUBLIC_ACCOUNT.search(text, max(0, match.start() - 8), match.end()):
            yield Found(match.start(1), match.end(1), "account", f"{match[1][0]}***{match[1][-1]}")


def _plates(text: str) -> Iterator[Found]:
    for match in _PLATE.finditer(text):
        tail = match[2]
        if sum(character.isdigit() for character in tail) >= 2:
            yield Found(
                match.start(), match.end(), "plate", f"{match[1].upper()}{'*' * (len(tail) - 2)}{tail[-2:].upper()}"
            )


def _chosen(candidates: Iterable[Found]) -> list[Found]:
    """In order of place, without overlap: kinds in the order of `_KINDS`, then the longer one."""
    ranked = sorted(candidates, key=lambda f: (_RANK[f.kind], f.start - f.end, f.start))
    taken: list[Found] = []
    starts: list[int] = []
    for found in ranked:
        place = bisect_right(starts, found.start)
        free_before = place == 0 or taken[place - 1].end <= found.start
        if free_before and (place == len(taken) or found.end <= taken[place].start):
            starts.insert(place, found.start)
            taken.insert(place, found)
    return taken
