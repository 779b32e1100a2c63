"""Is this a name? Family names, characters of given names, everyday words, and how the segmenter reads the place."""

from __future__ import annotations

import lzma
import re
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from typing import Final

from nlp.name_cues import BREAK, CUE_BEFORE, END, NO_NAME, STRICT_END, TITLE
from nlp.segment import cutter

_HAN: Final = "\u4e00-\u9fa5"
_HAN_RUN: Final = re.compile(f"[{_HAN}]{{2,8}}")
_DOTTED: Final = re.compile(f"[{_HAN}]{{1,8}}[·•.][{_HAN}]{{1,10}}")
_FIELD_END: Final = re.compile(rf"$|[^{_HAN}]")
# Doubtful family names that are frequent as names.
_OFTEN: Final = frozenset("高何马曾任方万常石江文龙段康毛安牛华项游单易龚汤金汪梅洪施费管童路祝盛关")
# Family names that mostly join words (老师和学生, 村民向上): believed after the clearest cues only.
_PARTICLES: Final = frozenset("和从由与都应同连经来计")
_NOUN_ENDS: Final = frozenset("感性化者力心率物费金款业")
# Characters of speech that no given name holds.
_UNLIKELY: Final = re.compile(
    "[的了在是我你您好他她它不这那个都也很到说要去会着没被把让给对从向于和与及等但因所以应该什么谁哪怎吗呢吧啊称电话号码区县村镇街路们每各些]"
)
_PLACE_ENDS: Final = frozenset("河湖岭镇路府街村桥山江园苑城县区乡组站店厂校院庄大湾港洲坝塘")
_BRANDS: Final = frozenset(("沃尔玛", "毕马威", "麦德龙", "惠生民", "余丰年", "周大福", "周大生", "李家人"))
NAMED_THING: Final = re.compile(
    f"[{_HAN}]{{2,4}}?(?:花?园|苑|小区|公司|集团|教育|银行|酒店|超市|[村镇店厂校街路城]|学院|医院|组(?!长)|社区|幼儿园|项目|平台|软件)"
)
_ROLE: Final = re.compile("[人者方员部处局室组户长司位]$")
_HAN_BEFORE: Final = re.compile(f"[{_HAN}]+$")
_HAN_BEHIND: Final = re.compile(f"[{_HAN}]+")
_THING_BEHIND: Final = re.compile(
    "[村镇乡路街巷桥山湖河江港岭冲坪湾城苑园府郡邸庭轩阁馆店厂院校组社区县市]"
    "|小区|大道|公[园寓司路]|花园|广场|国际|集团|项目|楼盘|银行|酒店|中学|小学|大桥|片区|地铁|水库|农场|林场|名[都城苑邸]"
)
_AT_HOME: Final = frozenset(("家住", "家在", "家里", "家中", "今年"))
_PERSON_ENDS: Final = frozenset("人员长师工手者生友亲客商贩警官记理保嫂叔婶伯姨姑舅爷奶妈爸哥弟姐妹女夫妻媳婿侄甥孙医")
_WINDOW: Final = 6  # characters on both sides of a place that are segmented to see how it is read


def single_families() -> frozenset[str]:
    """Family names of one character."""
    return lexicon().common | lexicon().doubtful


def doubtful_families() -> frozenset[str]:
    """Those of them that are also words of everyday speech."""
    return lexicon().doubtful


def given_characters() -> frozenset[str]:
    """Characters of given names."""
    return lexicon().given


@dataclass(frozen=True)
class Lexicon:
    """The tables, and what they say of a place in a text."""

    common: frozenset[str]
    doubtful: frozenset[str]
    double: frozenset[str]
    given: frozenset[str]
    words: frozenset[str]

    def family(self, text: str, start: int) -> int:
        """Length of the family name at `start`: 2, 1 or 0."""
        if text[start : start + 2] in self.double:
            return 2
        character = text[start : start + 1]
        return int(character in self.common or character in self.doubtful)

    def everyday(self, text: str, start: int, end: int) -> bool:
        """Whether an everyday word begins at `start`; of three characters the segmenter must read it, too (高兴了, not 高兴华)."""
        word = text[start : start + 2]
        return word in self.words and (end - start == 2 or _first_token(text, start).startswith(word))

    def name_after(self, text: str, start: int, *, said: bool, near: bool) -> int:
        """End of the name that begins at `start`; 0 where none does.

        Args:
            said: a cue with a colon or 叫 says that a name stands here.
            near: the cue is one of those that names usually follow.
        """
        family = self.family(text, start)
        if not family and not said and not near:
            return 0
        run = _HAN_RUN.match(text, start)
        if not run or _begins_with(run[0], NO_NAME):
            return 0
        if dotted := _DOTTED.match(text, start):
            return dotted.end() if said or near else 0
        length = len(run[0])
        if not family:
            # A family name that is in no list: only where a whole field is the name.
            field = said and text[start - 1] in ":：】 " and 2 <= length <= 3 and _FIELD_END.match(text, start + length)
            return start + length if field and not _UNLIKELY.search(run[0]) and not _ROLE.search(run[0]) else 0
        for end in self._ends(text, start, family, length):
            if self._is_name(text, start, end, family, said=said, near=near):
                return end
        return 0

    def _ends(self, text: str, start: int, family: int, length: int) -> list[int]:
        """Possible ends, the likelier one first."""
        long, short = start + family + 2, start + family + 1
        ends = [end for end in (long, short) if end <= start + length]
        if len(ends) == 2:
            closed = [bool(END.match(text, end)) for end in ends]
            if text[short] not in self.given or (closed[1] and not closed[0]) or text[short : short + 2] in _AT_HOME:
                ends.reverse()
        return ends

    def _is_name(self, text: str, start: int, end: int, family: int, *, said: bool, near: bool) -> bool:
        given = text[start + family : end]
        starred, title = text[end : end + 1] == "*", TITLE.match(text, start + family)
        if starred or title or "某" in given or given in ("先", "女", "小", "老"):
            return False
        everyday = family == 1 and self.everyday(text, start, end)
        usual = all(character in self.given for character in given)
        doubtful = family == 1 and text[start] in self.doubtful
        ended = bool(STRICT_END.match(text, end))
        likely = usual or (ended and not doubtful and not _UNLIKELY.search(given))
        if said:
            if doubtful and not ended and (everyday or not usual):
                return False
            return bool(END.match(text, end)) or likely or (not doubtful and not _UNLIKELY.search(given))
        if near:
            sure = ended or not doubtful or (len(given) == 2 and _breaks(text, start, end))
            return likely and sure and not (everyday and (not ended or len(given) == 1))
        if not usual or given[0] == text[start] or text[start] in _PARTICLES or NAMED_THING.match(text, start):
            return False
        if everyday and (not ended or len(given) == 1 or doubtful or given[1] in _NOUN_ENDS):
            return False
        if doubtful and text[start] not in _OFTEN and not ended:
            return False
        if ended or (not doubtful and len(given) == 2):
            return True
        weak = doubtful and len(given) == 1
        return _breaks(text, start, end) and (not weak or (text[start] in _OFTEN and bool(END.match(text, end))))

    def is_plain(self, text: str, start: int) -> bool:
        """Whether the three characters at `start` are a name beyond doubt: no cue is needed."""
        first, second, third = text[start], text[start + 1], text[start + 2]
        if (
            first not in self.common
            or first == second
            or not {second, third} <= self.given
            or first + second in self.words
        ):
            return False
        return third not in _PLACE_ENDS and first + second + third not in _BRANDS and not TITLE.match(text, start + 1)

    @cached_property
    def candidates(self) -> re.Pattern[str]:
        """Where a common family name and two characters of given names stand, at whatever place."""
        return re.compile(f"[{''.join(sorted(self.common))}](?=[{''.join(sorted(self.given))}]{{2}})")

    def is_read_as_name(self, text: str, start: int) -> bool:
        """Whether the three characters at `start` are a name by the way the segmenter reads them, and name no place or thing.

        It makes one new word of them; or it breaks before and behind them, and they follow a word for a person (供电员) or end in
        a known given name.
        """
        if not self.is_plain(text, start) or _THING_BEHIND.match(text, start + 3):
            return False
        before = _HAN_BEFORE.search(text, max(0, start - _WINDOW), start)
        begin = before.start() if before else start
        behind = _HAN_BEHIND.match(text, start + 3, start + 3 + _WINDOW)
        offset, cuts = begin, {begin}
        for token in cutter()(text[begin : behind.end() if behind else start + 3]):
            offset += len(token)
            cuts.add(offset)
        if start not in cuts or start + 3 not in cuts:
            return False
        alone = start + 1 not in cuts and start + 2 not in cuts
        return alone or text[start - 1 : start] in _PERSON_ENDS or text[start + 1 : start + 3] in given_pairs()

    def name_before(self, text: str, end: int, *, alone: bool = False) -> int:
        """1 + start of the name that ends at `end`; 0 where none does.

        Args:
            alone: there must be a break before the name too.
        """
        if not alone and text[end - 1] not in self.given:
            return 0
        fitting = [start for start in range(max(0, end - 4), end - 1) if self._fits(text, start, end, alone=alone)]
        if alone:
            fitting = [start for start in fitting if start == 0 or BREAK.match(text, start - 1)]
        if not fitting:
            return 0
        best = fitting[0]
        if best == 0 or BREAK.match(text, best - 1) or CUE_BEFORE.search(text[max(0, best - 8) : best]):
            return best + 1
        for start in fitting[1:]:
            # 向李明主任: the longer reading begins with an everyday word, or leaves a family name inside the given name.
            if text[best] in self.doubtful or text[start] in self.common:
                best = start
        return best + 1

    def _fits(self, text: str, start: int, end: int, *, alone: bool) -> bool:
        family = self.family(text, start)
        given = text[start + family : end]
        if not family or not 1 <= len(given) <= 2 or given[0] == text[start] or TITLE.match(given):
            return False  # 谢谢书记, 班主任老师
        if start and text[start - 1 : start + 1] in _tokens_before(text, end):
            return False  # 森林公安民警: 林 belongs to 森林
        doubtful = family == 1 and text[start] in self.doubtful
        if family == 1 and self.everyday(text, start, end) and not (alone and len(given) == 2):
            return False
        if doubtful and given in self.common:
            return False  # 向李主任: a word and a family name
        if all(character in self.given for character in given):
            if alone or not doubtful or text[start] in _OFTEN:
                return True
            return start == 0 or bool(
                BREAK.match(text, start - 1) or CUE_BEFORE.search(text[max(0, start - 8) : start])
            )
        return alone and not doubtful and not _UNLIKELY.search(given)


@cache
def lexicon() -> Lexicon:
    """The tables of nlp/data."""
    common, doubtful, double = _lines("surnames.txt")
    words = (line.split() for line in _lines("not_names.txt"))
    return Lexicon(
        common=frozenset(common),
        doubtful=frozenset(doubtful),
        double=frozenset(double.split()),
        given=frozenset("".join(_lines("given_names.txt"))),
        words=frozenset(first + second for first, seconds in words for second in seconds),
    )


def _first_token(text: str, start: int) -> str:
    """The word that the segmenter reads at `start`."""
    run = _HAN_RUN.match(text, start)
    return cutter()(run[0])[0] if run else ""


def _tokens_before(text: str, end: int) -> list[str]:
    """The words that the segmenter reads in the eight characters before `end`."""
    return cutter()(text[max(0, end - 8) : end])


def _breaks(text: str, start: int, end: int) -> bool:
    """Whether the segmenter, too, ends a word at `end`."""
    run = _HAN_RUN.match(text, start)
    offset = start
    for token in cutter()(run[0] if run else ""):
        offset += len(token)
        if offset >= end:
            return offset == end
    return False


def _begins_with(text: str, words: frozenset[str]) -> bool:
    return any(text[:length] in words for length in (1, 2, 3))


@cache
def given_pairs() -> frozenset[str]:
    """Given names of two characters."""
    packed = resources.files("nlp").joinpath("data/given_pairs.txt.xz").read_bytes()
    return frozenset(lzma.decompress(packed).decode().split("\n"))


def _lines(name: str) -> list[str]:
    text = resources.files("nlp").joinpath("data", name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]
