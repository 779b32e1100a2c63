"""Before a paper is printed: what the store does not bear out is left out and reported.

Three questions about each sentence. Does the store count each plain number again as it stands? Is every number of the sentence one
of its claims? Does the sentence, composed anew from the store, read the same, with the same claims?
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from dashboards.briefing import Briefing, Claim, Section, Statement
from models.ports import Reader

_NUMBER: Final = re.compile(r"\d[\d,]*(?:\.\d+)?")
_NO_FIGURES: Final = re.compile(
    r"“[^”]*”|\d+ ?年|\d+ ?月 ?\d+ ?日(?:[–-]\d+ ?日)?|\d+ ?月|\d{4}-\d\d-\d\d|近 \d+ 日|前 \d+ [周月]同[日期]|\d+ 次以上"
)
"""Quotations, dates and the names of periods: their numbers count nothing."""
HOT: Final = "热点难点"


@dataclass(frozen=True, slots=True)
class Checked:
    """The paper without what does not hold, and a sentence for each thing that was left out."""

    briefing: Briefing
    problems: tuple[str, ...]


def check(briefing: Briefing, again: Briefing, reader: Reader) -> Checked:
    """`again`: the same paper, composed anew from the store."""
    problems: list[str] = []
    sections = []
    for section, other in zip_longest(briefing.sections, again.sections):
        if section is None:
            continue
        sections.append(_section(section, other, reader, problems))
    kept = briefing.model_copy(update={"sections": tuple(sections), "dropped": tuple(problems)})
    return Checked(kept, tuple(problems))


def recount(claims: Sequence[Claim], reader: Reader) -> Iterator[str]:
    """A sentence for each plain count that the store counts differently, or whose ids do not lie in it."""
    for claim in claims:
        if claim.computed:
            continue
        page = reader.search(claim.query.model_copy(update={"size": 100}))
        if page.total != claim.value:
            yield f"{claim.words}：简报写 {claim.value:,.0f}，现查为 {page.total:,}"
        elif page.total <= 100 and not set(claim.ids) <= {hit.record.native_id or hit.record.id for hit in page.hits}:
            yield f"{claim.words}：所附编号不在其中"


def loose_numbers(statement: Statement) -> list[str]:
    """Numbers of a sentence that are no claim, no difference of two claims and no part of a date or a quotation."""
    values = [claim.value for claim in statement.claims]
    known = {*values, *(abs(a - b) for a in values for b in values)}
    text = _NO_FIGURES.sub(" ", statement.text)
    for claim in statement.claims:
        text = text.replace(claim.words, " ")
    shown = {form for value in known for form in (f"{value:,.0f}", f"{value:.1f}", f"{value:,.2f}", f"{value:g}")}
    return [number for number in _NUMBER.findall(text) if number not in shown]


def _section(section: Section, other: Section | None, reader: Reader, problems: list[str]) -> Section:
    def holds(one: Statement, anew: Statement | None) -> bool:
        found = list(recount(one.claims, reader))
        if section.heading != HOT and one.claims and (loose := loose_numbers(one)):
            found.append(f"{'、'.join(loose)} 没有出处")
        if anew is None or (one.text, one.claims) != (anew.text, anew.claims):
            found.append("与现在的库不符")
        problems.extend(f"{section.heading}：“{one.text[:60]}” {problem}" for problem in found)
        return not found

    anew = other if other is not None and other.heading == section.heading else Section(heading="")
    statements = tuple(
        one for one, next_ in zip_longest(section.statements, anew.statements) if one is not None and holds(one, next_)
    )
    items = []
    for item, next_item in zip_longest(section.items, anew.items):
        if item is None:
            continue
        pairs = zip_longest(item, next_item or ())
        checked = [(one, holds(one, next_)) for one, next_ in pairs if one is not None]
        if checked[0][1]:  # without its heading the rest would hang in the air
            items.append(tuple(one for one, good in checked if good))
    return section.model_copy(update={"statements": statements, "items": tuple(items)})
