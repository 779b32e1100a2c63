"""Making the briefing of a day: compose, verify against the store, keep what was printed."""

from __future__ import annotations

import logging
from datetime import date, timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING

from api import answers
from dashboards.briefing import KIND_NAMES, Briefing, Kind, Section, Statement, compose, period_of
from dashboards.briefing_check import check
from dashboards.views.counts import window
from indices.access import ScopedStore
from models.clock import city_day, now
from models.errors import BadFile, BriefingUnsupported

if TYPE_CHECKING:
    from pathlib import Path

    from api.wiring import House

log = logging.getLogger(__name__)
DAYS = 7
TOP = 20
CORRECTION = "更正说明"
CHANGES_SHOWN = 20


def make_briefing(
    house: House,
    reader: ScopedStore,
    day: date,
    *,
    district: str | None = None,
    kind: Kind = "day",
    paper: bool = False,
) -> Briefing:
    """The briefing of a day, or of the natural week or month up to it, checked against the store; what does not hold is left out.

    `paper`: to be printed, so nothing in it is a minute old.

    Raises:
        BriefingUnsupported: more than half of the sentences do not hold.
    """
    made = _composed(house, reader, day, district, kind, paper=paper)
    again = (
        _composed(house, reader, day, district, kind, paper=True) if paper else made
    )  # a page is counted again, not composed again
    checked = check(made, again, reader)
    if checked.problems:
        log.warning("briefing_dropped", extra={"day": str(day), "problems": list(checked.problems)})
    if _sentences(checked.briefing) * 2 < _sentences(made):
        raise BriefingUnsupported(count=len(checked.problems), first=checked.problems[0])
    return checked.briefing


def _composed(
    house: House, reader: ScopedStore, day: date, district: str | None, kind: Kind, *, paper: bool
) -> Briefing:
    from indices.civic.metrics import measure, names

    first = day - timedelta(days=DAYS - 1) if kind == "day" else period_of(kind, day).first
    age = 0.0 if paper else answers.FRESH_SECONDS
    found = answers.hotspots(
        house, reader, first, day + timedelta(days=1), top=TOP, district=district, max_age_seconds=age
    )
    metrics = [measure(reader, name, window(first, day, district), base=house.base) for name in names()]
    part = "、".join(sorted(reader.viewer.districts or ()))
    return compose(reader, day, found, metrics, city=house.settings.city, district=district, part=part, kind=kind,
                   instructions=open_instructions(house, reader))  # fmt: skip


def open_instructions(house: House, reader: ScopedStore, about: str = "") -> list[str]:
    """A line for each note of a leader that is not closed; they are the whole city's."""
    from indices.instructions import Instructions, lines

    if reader.viewer.districts is not None:
        return []
    return lines(Instructions(house.database).list(about=about, only_open=True), city_day(now()))


def make_incident_paper(house: House, reader: ScopedStore, number: str) -> Briefing:
    """The paper about one incident. Raises NotFound as `api.incidents.account_of`."""
    from api.incidents import account_of
    from dashboards.incident_paper import compose_incident

    found = account_of(house, reader, number)
    lines = open_instructions(house, reader, f"incident:{found.incident.number}")
    made = compose_incident(found, city=house.settings.city, instructions=lines)
    return check(made, made, reader).briefing


def _sentences(briefing: Briefing) -> int:
    return sum(len(section.statements) + sum(map(len, section.items)) for section in briefing.sections)


def template_of(house: House) -> Path:
    """Where a city's own layout of the PDF lies, if it has one."""
    return house.folder / "templates" / "briefing.typ"


def word_template_of(house: House) -> Path:
    """Where a city's own Word template lies, if it has one."""
    from dashboards.letterhead import NAME

    return house.folder / "templates" / NAME


def keep(house: House, briefing: Briefing) -> Path:
    """Write the paper and its claims under HOME/briefings.

    Nothing is overwritten: a paper of the same days that says the same is the one that lies there; one that says something else
    becomes a numbered correction that begins with what has changed.
    """
    from dashboards.word import word

    folder = house.folder / "briefings"
    folder.mkdir(exist_ok=True)
    base = f"{briefing.day}" if briefing.kind == "day" else f"{briefing.day}-{KIND_NAMES[briefing.kind]}"
    number, name = 0, base
    while (folder / f"{name}.json").exists():
        former = Briefing.model_validate_json((folder / f"{name}.json").read_text(encoding="utf-8"))
        changes = differences(former, briefing)
        if not changes:
            return folder / f"{name}.docx"
        number += 1
        name = f"{base}-更正{number}"
    if number:
        briefing = corrected(briefing, number, changes)
    path = folder / f"{name}.docx"
    try:
        content = word(briefing, word_template_of(house))
    except BadFile as error:  # the paper comes out all the same; `minsheng briefing -o` says what is wrong
        log.warning("briefing_template_refused", extra={"reason": str(error)})
        content = word(briefing)
    path.write_bytes(content)
    (folder / f"{name}.json").write_text(briefing.model_dump_json(indent=1), encoding="utf-8")
    log.info("briefing_kept", extra={"day": str(briefing.day), "claims": len(briefing.claims)})
    return path


def differences(former: Briefing, briefing: Briefing) -> list[tuple[str, str]]:
    """(then, now) of the sentences that differ, "" where there is none; a note of corrections does not count."""
    then, now_ = (_texts(paper) for paper in (former, briefing))
    if then == now_:
        return []
    gone = [text for text in then if text not in now_]
    come = [text for text in now_ if text not in then]
    return list(zip_longest(gone, come, fillvalue=""))


def corrected(briefing: Briefing, number: int, changes: list[tuple[str, str]]) -> Briefing:
    """The paper as correction `number`, beginning with what has changed."""
    lines = [
        Statement(text=f"原文“{old or '（无）'}”，更正为“{new or '（删去）'}”。")
        for old, new in changes[:CHANGES_SHOWN]
    ]
    if len(changes) > CHANGES_SHOWN:
        lines.append(Statement(text=f"另有 {len(changes) - CHANGES_SHOWN} 处，以本期为准。"))
    note = Section(heading=CORRECTION, statements=tuple(lines))
    return briefing.model_copy(update={"sections": (note, *briefing.sections), "correction": number})


def _texts(briefing: Briefing) -> list[str]:
    return [
        one.text
        for section in briefing.sections
        if section.heading != CORRECTION
        for one in (*section.statements, *(part for item in section.items for part in item))
    ]
