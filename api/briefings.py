"""Making the briefing of a day: compose, verify against the store, keep what was printed."""

from __future__ import annotations

import logging
from datetime import date, timedelta
from typing import TYPE_CHECKING

from api import answers
from dashboards.briefing import METRICS, Briefing, compose, verify
from dashboards.views.counts import window
from indices.access import ScopedStore
from models.errors import BriefingUnsupported

if TYPE_CHECKING:
    from pathlib import Path

    from api.wiring import House

log = logging.getLogger(__name__)
DAYS = 7
TOP = 20


def make_briefing(
    house: House, reader: ScopedStore, day: date, *, district: str | None = None, paper: bool = False
) -> Briefing:
    """The day's briefing, every plain count checked against the store. `paper`: to be printed, so nothing in it is a minute old.

    Raises:
        BriefingUnsupported: naming what does not hold.
    """
    from indices.civic.metrics import measure

    first = day - timedelta(days=DAYS - 1)
    age = 0.0 if paper else answers.FRESH_SECONDS
    found = answers.hotspots(
        house, reader, first, day + timedelta(days=1), top=TOP, district=district, max_age_seconds=age
    )
    week = window(first, day, district)
    metrics = [measure(reader, name, week) for name in METRICS]
    part = "、".join(sorted(reader.viewer.districts or ()))
    briefing = compose(reader, day, found, metrics, city=house.settings.city, district=district, part=part)
    if wrong := verify(briefing, reader):
        raise BriefingUnsupported(count=len(wrong), first=wrong[0])
    return briefing


def keep(house: House, briefing: Briefing) -> Path:
    """Write the paper and its claims under HOME/briefings; a second paper of a day gets a number, nothing is overwritten."""
    from dashboards.word import word

    folder = house.folder / "briefings"
    folder.mkdir(exist_ok=True)
    number, name = 1, f"{briefing.day}"
    while (folder / f"{name}.docx").exists():
        number += 1
        name = f"{briefing.day}-更正{number - 1}"
    (folder / f"{name}.json").write_text(briefing.model_dump_json(indent=1), encoding="utf-8")
    path = folder / f"{name}.docx"
    path.write_bytes(word(briefing))
    log.info("briefing_kept", extra={"day": str(briefing.day), "claims": len(briefing.claims)})
    return path
