"""Questionnaires (问卷): what a sample of residents said when asked, on 0–100. A construct of its own: it is shown beside the index of call-backs
and never mixed with it (domain.md §3)."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import date
from typing import Final

import numpy as np
from sqlalchemy import Column, Double, Engine, Integer, String, Table, delete, func, insert, select

from indices.database import metadata, reading, writing
from models.errors import BadRequest
from models.figures import Survey, SurveyRow
from models.record import Frozen

LEAST: Final = 30
_Z: Final = 1.959964
_CHUNK: Final = 500

survey_answers = Table(
    "survey_answers", metadata,
    Column("survey", String(100), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("day", String(10), nullable=False),
    Column("district", String(100), nullable=False),
    Column("score", Double, nullable=False),
    Column("weight", Double, nullable=False),
    Column("who", String(64), nullable=False),
    Column("at", Double, nullable=False),
)  # fmt: skip


class Answer(Frozen):
    """One questionnaire. `score` on 0–100; `weight`: how many residents it stands for, up to a factor."""

    number: int
    day: date
    district: str
    score: float
    weight: float = 1.0


class Surveys:
    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._clock = engine, clock

    def keep(self, survey: str, answers: Sequence[Answer], who: str, *, replace: bool = False) -> None:
        """All answers of a survey or none. Raises BadRequest where one of this name is kept already and is not to be replaced."""
        if not survey.strip() or len(survey) > 100:
            raise BadRequest(name="--name", value=survey[:40], reason="问卷名应为 1 至 100 个字")
        with writing(self._engine) as connection:
            own = survey_answers.c.survey == survey
            held = connection.execute(select(func.count()).where(own)).scalar_one()
            if held and not replace:
                raise BadRequest(
                    name="--name", value=survey, reason=f"已有同名问卷（{held} 份）；换名，或用 --replace 整份替换"
                )
            connection.execute(delete(survey_answers).where(own))
            rows = [
                {"survey": survey, "number": one.number, "day": str(one.day), "district": one.district, "score": one.score, "weight": one.weight,
                 "who": who, "at": self._clock()}
                for one in answers
            ]  # fmt: skip
            for begin in range(0, len(rows), _CHUNK):
                connection.execute(insert(survey_answers), rows[begin : begin + _CHUNK])

    def all(self, districts: Collection[str] | None = None) -> list[Survey]:
        """Every survey with its mean by district, the latest first. `districts`: only of these; None: of all."""
        found: dict[str, list[Answer]] = defaultdict(list)
        with reading(self._engine) as connection:
            for row in connection.execute(
                select(survey_answers).order_by(survey_answers.c.survey, survey_answers.c.number)
            ):
                if districts is None or row.district in districts:
                    one = Answer(
                        number=row.number,
                        day=date.fromisoformat(row.day),
                        district=row.district,
                        score=row.score,
                        weight=row.weight,
                    )
                    found[row.survey].append(one)
        surveys = [summary(name, answers) for name, answers in found.items()]
        return sorted(surveys, key=lambda one: (one.last, one.name), reverse=True)


def summary(name: str, answers: Sequence[Answer]) -> Survey:
    """Weighted means with intervals from the weighted variance and Kish's effective n; no value below 30 answers."""
    by_district: dict[str, list[Answer]] = defaultdict(list)
    for one in answers:
        by_district[one.district or "未注明"].append(one)
    rows = [_row(district, found) for district, found in by_district.items()]
    days = [one.day for one in answers]
    ordered = tuple(sorted(rows, key=lambda row: (-row.n, row.key)))
    return Survey(name=name, first=min(days), last=max(days), overall=_row("总体", answers), rows=ordered)


def _row(key: str, answers: Sequence[Answer]) -> SurveyRow:
    scores, weights = (
        np.array([getattr(one, name) for one in answers], dtype=np.float64) for name in ("score", "weight")
    )
    effective = float(weights.sum() ** 2 / (weights**2).sum())
    if len(answers) < LEAST:
        return SurveyRow(key=key, n=len(answers), n_effective=round(effective, 1))
    mean = float(weights @ scores / weights.sum())
    variance = float(weights @ (scores - mean) ** 2 / weights.sum())
    half = _Z * (variance / effective) ** 0.5
    low, high = max(0.0, mean - half), min(100.0, mean + half)
    return SurveyRow(
        key=key,
        n=len(answers),
        n_effective=round(effective, 1),
        value=round(mean, 2),
        low=round(low, 2),
        high=round(high, 2),
    )
