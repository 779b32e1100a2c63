"""Personal numbers in a text: telephone, identity card, bank card.

By arithmetic over runs of digits instead of patterns: one scan finds the runs, a run is split into groups at its
separators, and each group is looked at once. So the time is linear whatever the text (promise S10).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

_RUN: Final = re.compile(r"[0-9]+(?:[ \-.·—–/_][0-9]+)*")
_GROUP: Final = re.compile("[0-9]+")
_MONEY: Final = re.compile(r"\s?(?:元|块|万|亿|吨|股|度|千瓦|kwh|立方|平方|平米|㎡)", re.IGNORECASE)
_ORDER_CUE: Final = re.compile(
    r"(?:工单|订单|运单|快递单|受理单|单号|编号|编码|流水|流水号|案号|合同号|文号|票号|发票|序列号|证书号|批号|条码|货号|户号|表号|代码|许可证号?|注册号"
    r"|登记号|备案号|追溯码|受理号|查询码|快递号|imei|sn|no)[是为]?[:：. ]{0,3}$",
    re.IGNORECASE,
)
_PHONE_CUE: Final = re.compile(
    r"(?:电话|手机|座机|固话|致电|来电|去电|拨打|打过|联系|传真|热线|tel|phone|☎|📞)[^0-9，。；,;!！?？\n]{0,8}$",
    re.IGNORECASE,
)
_ID_CUE: Final = re.compile(r"(?:身份证|证件|身份号|驾驶证|驾照|(?<![a-z])id)[^0-9，。；!！?？\n]{0,8}$", re.IGNORECASE)
_CARD_CUE: Final = re.compile(
    r"(?:银行|储蓄卡|信用卡|借记卡|工资卡|卡号|账号|帐号|账户|帐户|农行|工行|建行|中行|交行|招行|农商行|信用社|邮储|汇款|转账|打款|收款|存折)"
    r"[^0-9，。；!！?？\n]{0,10}$"
)
_CUE_CHARACTERS: Final = 24
_AREA_BEFORE: Final = re.compile(r"[(（]0(?:10|2[0-9]|[3-9][0-9]{2})[)）][ -]?$")
_PHONE_PREFIXES: Final = re.compile(r"(?:tel|phone|mobile|wx|vx|v|weixin|qq)$", re.IGNORECASE)
_LETTER: Final = re.compile("[A-Za-z]$")  # GD138…: the number of an order
_PROVINCES: Final = frozenset(
    (*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82, 83)
)
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999
_CHECK: Final = "10X98765432"
_X: Final = ("x", "X")


def _by_first(*shapes: tuple[int, ...]) -> dict[int, tuple[tuple[int, ...], ...]]:
    """Lengths of groups that make a number together, by the length of the first group."""
    return {first: tuple(shape for shape in shapes if shape[0] == first) for first in {shape[0] for shape in shapes}}


# An identity number whole and in groups; one digit less where an X closes it.
_ID_GROUPS: Final = _by_first(
    (18,), (17,), (6, 8, 4), (6, 8, 3), (6, 4, 4, 4), (6, 4, 4, 3), (6, 4, 2, 2, 4), (6, 4, 2, 2, 3), (3, 3, 4, 4, 4), (3, 3, 4, 4, 3),
    (6, 12), (6, 11), (14, 4), (14, 3),
)  # fmt: skip
_CARD_GROUPS: Final = _by_first(
    (4, 4, 4, 4, 3), (4, 4, 4, 4, 2), (4, 4, 4, 4, 1), (4, 4, 4, 4), (6, 13), (6, 12), (6, 10), (8, 11), (8, 8),
)  # fmt: skip
_PHONE_GROUPS: Final = ((3, 4, 4), (1,) * 11)
_PHONE_GROUPS_WITH_CUE: Final = ((3, 8), (7, 4), (5, 6), (4, 3, 4), (3, 3, 5), (4, 4, 3), (3, 3, 3, 2))
_SECOND: Final = tuple("3456789")  # second digit of a mobile number
# Lengths of a group that some number may begin with.
_BEGINNINGS: Final = frozenset((3, 4, 5, 6, 7, 8, *range(11, 25)))
_LONGEST: Final = 24  # digits; a longer group is no number of a person
_SPOKEN: Final = re.compile("[一二三四五六七八九零〇幺两]{11,18}")
_SPOKEN_DIGITS: Final = str.maketrans("一二三四五六七八九零〇幺两", "1234567890012")


class Found(NamedTuple):
    """A stretch of the text and what is to stand in its place."""

    start: int
    end: int
    kind: str
    replacement: str


@dataclass(frozen=True, slots=True)
class _Run:
    """Groups of digits (text, start, end), their lengths, and the single separators between them."""

    text: str
    groups: list[tuple[str, int, int]]
    lengths: tuple[int, ...]
    separators: str

    def joined(self, first: int, lengths: tuple[int, ...]) -> str:
        """The digits of the groups from `first` where they have these lengths and one separator; else nothing."""
        end = first + len(lengths)
        if self.lengths[first:end] != lengths or len(set(self.separators[first : end - 1])) > 1:
            return ""
        return "".join(group[0] for group in self.groups[first:end])

    def before(self, index: int) -> str:
        start = self.groups[index][1]
        return self.text[max(0, start - _CUE_CHARACTERS) : start]

    def after(self, index: int) -> str:
        end = self.groups[index][2]
        return self.text[end : end + 4]


def find_numbers(text: str) -> Iterator[Found]:
    """Personal numbers of `text`, whose digits and letters are half-width, in order and without overlap."""
    for match in _RUN.finditer(text):
        if match.end() - match.start() < 7:
            continue
        start = match.start()
        groups = [(g[0], start + g.start(), start + g.end()) for g in _GROUP.finditer(match[0])]
        run = _Run(text, groups, tuple(len(g[0]) for g in groups), "".join(text[g[2]] for g in groups[:-1]))
        index = 0
        while index < len(groups):
            if run.lengths[index] not in _BEGINNINGS and not _dictated(groups, index):
                index += 1
                continue
            found, used = _at(run, index)
            if found:
                yield found
            index += max(1, used)
    for match in _SPOKEN.finditer(text):
        yield from _spoken(match)


def _dictated(groups: list[tuple[str, int, int]], index: int) -> bool:
    """Whether single digits, as of 1 3 8 0 0 …, may begin a mobile number here."""
    return groups[index][0] == "1" and index + 10 < len(groups) and groups[index + 1][0] in _SECOND


def _at(run: _Run, index: int) -> tuple[Found | None, int]:
    """What begins at the group `index`, and how many groups it takes."""
    first = run.groups[index][0]
    before = run.before(index)
    if len(first) > _LONGEST or (_LETTER.search(before) and not _PHONE_PREFIXES.search(before)):
        return None, 1
    for rule in (_identity, _mobile, _landline, _card):
        found, used = rule(run, index)
        if found:
            return found, used
    return None, 1


def _found(run: _Run, index: int, used: int, kind: str, replacement: str, extra: int = 0) -> tuple[Found, int]:
    return Found(run.groups[index][1], run.groups[index + used - 1][2] + extra, kind, replacement), used


_NOTHING: Final[tuple[None, int]] = (None, 0)


def _identity(run: _Run, index: int) -> tuple[Found | None, int]:
    first = run.groups[index][0]
    for lengths in _ID_GROUPS.get(len(first), ()):
        digits = run.joined(index, lengths)
        last = index + len(lengths) - 1
        closed_by_x = len(digits) == 17 and run.after(last)[:1] in _X
        if not digits or (len(digits) == 17 and not closed_by_x):
            continue
        whole = digits + "X" if closed_by_x else digits
        plausible = _is_birthday(whole[6:14]) and int(whole[:2]) in _PROVINCES
        if (plausible and (closed_by_x or _checks(whole))) or _ID_CUE.search(run.before(index)):
            return _found(run, index, len(lengths), "identity", f"{whole[:6]}********{whole[-4:]}", int(closed_by_x))
    if len(first) == 15 and not _ORDER_CUE.search(run.before(index)):
        plausible = int(first[:2]) in _PROVINCES and first[2:4] < "54" and _is_birthday("19" + first[6:12])
        if plausible or _ID_CUE.search(run.before(index)):
            return _found(run, index, 1, "identity", f"{first[:6]}*****{first[-4:]}")
    return _NOTHING


def _mobile(run: _Run, index: int) -> tuple[Found | None, int]:
    first = run.groups[index][0]
    before = run.before(index)
    if len(first) in (11, 12, 13, 15) and (digits := _national(first)):
        if _is_amount(run, index) or _ORDER_CUE.search(before):
            return _NOTHING
        prefix = first[: len(first) - 11]
        return _found(run, index, 1, "phone", f"{prefix}{digits[:3]}****{digits[-4:]}")
    cue = index > 0 and run.groups[index - 1][0] in ("86", "0086")
    shapes: tuple[tuple[int, ...], ...] = _PHONE_GROUPS
    if first[0] == "1" and len(first) in (3, 4, 5, 7) and (cue or _PHONE_CUE.search(before)):
        shapes = _PHONE_GROUPS + _PHONE_GROUPS_WITH_CUE
    for lengths in shapes:
        if (digits := run.joined(index, lengths)) and _is_mobile(digits):
            if len(lengths) == 11 and index + 11 < len(run.groups) and len(run.groups[index + 11][0]) == 1:
                continue
            return _found(run, index, len(lengths), "phone", f"{digits[:3]}****{digits[-4:]}")
    return _NOTHING


def _landline(run: _Run, index: int) -> tuple[Found | None, int]:
    first = run.groups[index][0]
    if _is_area_code(first):
        for lengths in ((len(first), 8), (len(first), 7), (len(first), 4, 4), (len(first), 3, 4)):
            digits = run.joined(index, lengths)
            if digits and digits[len(first)] not in "01":
                return _found(run, index, len(lengths), "phone", f"{first}-****{digits[-4:]}")
        return _NOTHING
    if len(first) in (11, 12) and first[0] == "0" and not _ORDER_CUE.search(run.before(index)):
        area = first[:3] if first[1] in "12" else first[:4]
        local = first[len(area) :]
        if _is_area_code(area) and len(local) in (7, 8) and local[0] not in "01":
            return _found(run, index, 1, "phone", f"{area}-****{local[-4:]}")
        return _NOTHING
    if len(first) not in (4, 7, 8) or first[0] in "01" or (index and run.groups[index - 1][0] in ("400", "800")):
        return _NOTHING
    local, used = (first, 1) if len(first) > 4 else (run.joined(index, (4, 4)), 2)
    before = run.before(index)
    called = _AREA_BEFORE.search(before) or (_PHONE_CUE.search(before) and not _ORDER_CUE.search(before))
    if local and called and not _is_birthday(local) and not _is_amount(run, index + used - 1):
        return _found(run, index, used, "phone", f"****{local[-4:]}")
    return _NOTHING


def _card(run: _Run, index: int) -> tuple[Found | None, int]:
    first = run.groups[index][0]
    shapes = ((len(first),),) if 12 <= len(first) <= 21 else _CARD_GROUPS.get(len(first), ())
    for lengths in shapes:
        digits = run.joined(index, lengths)
        if not digits:
            continue
        before = run.before(index)
        cue = bool(_CARD_CUE.search(before)) and not _ORDER_CUE.search(before)
        issued = digits[:2] == "62" or (len(digits) == 16 and (digits[0] == "4" or "51" <= digits[:2] <= "55"))
        known = 16 <= len(digits) <= 19 and issued and _luhn(digits) and not _ORDER_CUE.search(before)
        if (cue and len(digits) >= (12 if len(lengths) == 1 else 16)) or known:
            return _found(run, index, len(lengths), "bank_card", "*" * (len(digits) - 4) + digits[-4:])
    return _NOTHING


def _spoken(match: re.Match[str]) -> Iterator[Found]:
    """Numbers in Chinese digits, as people dictate them."""
    digits = match[0].translate(_SPOKEN_DIGITS)
    if len(digits) == 11 and _is_mobile(digits):
        yield Found(match.start(), match.end(), "phone", f"{digits[:3]}****{digits[-4:]}")
    elif len(digits) == 18 and _is_birthday(digits[6:14]) and _checks(digits):
        yield Found(match.start(), match.end(), "identity", f"{digits[:6]}********{digits[-4:]}")


def _is_amount(run: _Run, index: int) -> bool:
    after = run.after(index)
    return bool(_MONEY.match(after)) or (after[:1] == "." and after[1:2].isdigit() and not after[3:4].isdigit())


def _national(digits: str) -> str:
    """The 11 digits of a mobile number that may have a country code or a long-distance 0 before it; else nothing."""
    for prefix in ("", "0", "86", "0086"):
        if digits.startswith(prefix) and _is_mobile(digits[len(prefix) :]):
            return digits[len(prefix) :]
    return ""


def _is_mobile(digits: str) -> bool:
    return len(digits) == 11 and digits[0] == "1" and digits[1] in _SECOND


def _is_area_code(digits: str) -> bool:
    return (
        digits == "010"
        or (len(digits) == 3 and digits[:2] == "02")
        or (len(digits) == 4 and digits[0] == "0" and digits[1] in "3456789")
    )


def _is_birthday(digits: str) -> bool:
    """yyyymmdd, a day between 1900 and 2099."""
    if len(digits) != 8 or digits[:2] not in ("19", "20"):
        return False
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return True


def _checks(identity: str) -> bool:
    """GB 11643-1999: the 18th character follows from the 17 digits before it."""
    total = sum(int(d) * w for d, w in zip(identity[:17], _WEIGHTS, strict=True))
    return identity[17] == _CHECK[total % 11]


def _luhn(digits: str) -> bool:
    """ISO/IEC 7812-1."""
    total = sum(int(d) if i % 2 == 0 else sum(divmod(2 * int(d), 10)) for i, d in enumerate(reversed(digits)))
    return total % 10 == 0
