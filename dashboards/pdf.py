"""The briefing as PDF, set by typst in the layout of GB/T 9704; only with fonts that draw its characters.

Nothing is shipped with glyphs, so the machine needs Chinese fonts. A character that none of the chosen fonts has is set as 〓, the
printer's mark for a missing type, and counted at the end; without any Chinese font there is no paper but an error.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from dashboards.briefing import Briefing, Section, Statement
from dashboards.exports import printable
from dashboards.word import NUMERALS, Notes, source_row, spaced
from models.clock import CITY_TIME, city_day
from models.errors import NoChineseFont

MEDIA_TYPE: Final = "application/pdf"
TEMPLATE: Final = Path(__file__).parent / "templates" / "briefing.typ"
FAMILIES: Final = {
    "body": ("FangSong_GB2312", "FangSong", "STFangsong", "FandolFang"),
    "title": ("FZXiaoBiaoSong-B05S", "FZXiaoBiaoSong-B05", "STZhongsong"),
    "black": ("SimHei", "FandolHei", "Noto Sans CJK SC", "Source Han Sans SC"),
    "kai": ("KaiTi_GB2312", "KaiTi", "STKaiti", "FandolKai"),
    "song": ("SimSun", "FandolSong"),
}
"""What the standard asks for, by the names that fonts have."""
ANY: Final = ("Noto Serif CJK SC", "Source Han Serif SC", "SimSun", "Noto Sans CJK SC", "Source Han Sans SC", "WenQuanYi Zen Hei",
              "Droid Sans Fallback")  # fmt: skip
"""What is taken where these are missing."""
PROBE: Final = "民生诉求简报热点受理〔〕、。"
MISSING: Final = "〓"


def pdf(briefing: Briefing, template: Path | None = None) -> bytes:
    """The document.

    Args:
        template: a city's own file in place of the one that ships; it gets the same inputs.

    Raises:
        NoChineseFont: no font of this machine draws Chinese; names those that would do.
        BadSetting: the template is no typst; says where and why.
    """
    import typst

    from models.errors import BadSetting

    fonts = chosen_fonts()
    paper = _paper(briefing)
    drawn = _drawable(tuple(sorted({family for families in fonts.values() for family in families})))
    missing: set[str] = set()
    paper = _with_marks(paper, drawn, missing)
    if missing:
        paper["foot"] += f"有 {len(missing)} 个字的字形缺失，以{MISSING}代替。"
    source = template if template is not None and template.exists() else TEMPLATE
    inputs = {"paper": json.dumps(paper, ensure_ascii=False), "fonts": json.dumps(fonts, ensure_ascii=False)}
    with tempfile.TemporaryDirectory() as folder:  # typst reads nothing outside the folder of its file
        path = Path(folder) / "briefing.typ"
        path.write_bytes(source.read_bytes())
        try:
            return bytes(typst.compile(str(path), root=folder, sys_inputs=inputs, format="pdf"))
        except typst.TypstError as error:
            raise BadSetting(name=source.name, value="", reason=f"版式文件有误：{str(error)[:300]}") from error


@cache
def chosen_fonts() -> dict[str, list[str]]:
    """The families of each role that are installed, the standard's first. Raises NoChineseFont."""
    installed = _installed()
    general = [name for name in ANY if name in installed and _draws(name, PROBE)]
    found = {
        role: [*(name for name in names if name in installed and _draws(name, PROBE)), *general]
        for role, names in FAMILIES.items()
    }
    if not all(found.values()):
        raise NoChineseFont(names="、".join(["仿宋", "Noto Serif CJK SC", "Noto Sans CJK SC"]))
    return {role: list(dict.fromkeys(names)) for role, names in found.items()}


@cache
def _installed() -> dict[str, list[tuple[str, int]]]:
    """Files and face numbers of each family."""
    import typst

    found: dict[str, list[tuple[str, int]]] = {}
    for font in typst.Fonts(include_system_fonts=True).fonts():
        if font.path:
            found.setdefault(font.family, []).append((str(font.path), font.index))
    return found


def _draws(family: str, text: str) -> bool:
    return {ord(character) for character in text} <= _glyphs(family)


@cache
def _glyphs(family: str) -> frozenset[int]:
    """The characters that a family has glyphs for, from its own table."""
    from fontTools.ttLib import TTFont, TTLibError

    for path, index in _installed().get(family, ()):
        try:
            with TTFont(path, fontNumber=index, lazy=True) as font:
                return frozenset(font.getBestCmap() or ())
        except (TTLibError, OSError, KeyError, AssertionError):
            continue  # a font that is damaged draws nothing
    return frozenset()


@cache
def _drawable(families: tuple[str, ...]) -> frozenset[int]:
    """What one of the families draws; typst takes the first that has the glyph."""
    return frozenset().union(*map(_glyphs, families))


def _with_marks(value: Any, drawn: frozenset[int], missing: set[str]) -> Any:
    """The same with 〓 for every character that has no glyph; these are added to `missing`."""
    if isinstance(value, str):
        lost = {character for character in value if ord(character) not in drawn and not character.isspace()}
        missing |= lost
        return "".join(MISSING if character in lost else character for character in value)
    if isinstance(value, dict):
        return {key: _with_marks(inner, drawn, missing) for key, inner in value.items()}
    return [_with_marks(inner, drawn, missing) for inner in value]


def _paper(briefing: Briefing) -> dict[str, Any]:
    """What the template is given: strings only."""
    notes = Notes()
    made = city_day(briefing.made_at)
    number = f"，更正第{briefing.correction}号" if briefing.correction else ""
    versions = "，".join(f"{name} {version}" for name, version in sorted(briefing.versions.items()))
    return {
        "title": printable(briefing.title), "span": f"（{briefing.span}{number}）", "date": f"{made.year}年{made.month}月{made.day}日",
        "sections": [_section(place, section, notes) for place, section in enumerate(briefing.sections)],
        "sources": [[printable(cell) for cell in source_row(n, claim)] for n, claim in enumerate(briefing.claims, start=1)],
        "foot": f"版本：{versions or '—'}；生成于 {briefing.made_at.astimezone(CITY_TIME):%Y-%m-%d %H:%M}。",
    }  # fmt: skip


def _section(place: int, section: Section, notes: Notes) -> dict[str, Any]:
    return {
        "heading": f"{NUMERALS[place]}、{section.heading}",
        "paragraphs": [_parts([one], notes) for one in section.statements],
        "items": [
            {"heading": f"（{NUMERALS[number]}）{printable(head.text)}", "paragraph": _parts(rest, notes)}
            for number, (head, *rest) in enumerate(section.items)
        ],
    }


def _parts(statements: Sequence[Statement] | Iterable[Statement], notes: Notes) -> list[list[str]]:
    return [[printable(spaced(one.text)), notes.mark(one)] for one in statements]
