"""The life of an order: acceptance, dispatch, returns, signing, reply, call-back, closing; and how content people are.

Ratings follow an ordered logit: the office's quality + what came of the matter + lateness + the speaker's mood. Who
answers the call-back depends on channel and outcome, so a plain mean of ratings is biased, as in real life.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import Final

from crawlers.simulation.city import Unit
from crawlers.simulation.clock import DAY, HOUR, add_working_days, office, waking
from models.labels import Resolved, Status

RETURN_SHARE, TRANSFER_SHARE, REFUSED_SHARE = 0.07, 0.05, 0.01
DIRECT_SHARE: Final = {"咨询": 0.62}
"""Share of a type that the hotline answers by itself (直办)."""
DUE_WORKING_DAYS: Final = {"咨询": 1, "求助": 5, "建议": 5, "表扬": 5, "投诉": 10, "举报": 10}
DESK, DESK_URGENT = (2.75, 0.9), (-0.5, 0.8)
"""Log-normal hours until the desk dispatches: median 16 h, urgent ones 36 min."""
CUTS: Final = (-2.6, -1.7, -0.7, 0.5)
OUTCOMES: Final = (Resolved.YES, Resolved.PARTLY, Resolved.NO)
OUTCOME_EFFECT: Final = {Resolved.YES: 1.1, Resolved.PARTLY: -0.9, Resolved.NO: -2.6}
LATE_EFFECT: Final = -0.5
CONTACT: Final = {
    "hotline": 0.80,
    "visit": 0.85,
    "wechat": 0.66,
    "app": 0.64,
    "web": 0.58,
    "mailbox": 0.55,
    "board": 0.45,
    "weibo": 0.35,
}
RATES: Final = {Resolved.YES: 0.78, Resolved.PARTLY: 0.66, Resolved.NO: 0.86}
"""Chance that a person who was reached gives a rating: the angry ones like to."""


@dataclass(slots=True)
class Life:
    """What happens to one order, to its end; instants in Unix seconds. `snapshot` cuts it at a moment."""

    steps: list[tuple[int, Status]]
    unit: Unit | None = None
    first_unit: Unit | None = None
    accepted: int | None = None
    first_dispatched: int | None = None
    returned: int | None = None
    dispatched: int | None = None
    signed: int | None = None
    due: int | None = None
    replied: int | None = None
    called_back: int | None = None
    closed: int | None = None
    transfers: int = 0
    reminders: int = 0
    outcome: Resolved = Resolved.YES
    contacted: bool = False
    rating: int | None = None


@dataclass(frozen=True, slots=True)
class Matter:
    """What the course of an order depends on. `tone`: −2 angry … 1 pleased."""

    created: int
    channel: str
    kind: str
    urgency: int
    tone: int
    again: bool
    event: bool


def live(rng: Random, matter: Matter, unit: Unit, wrong_unit: Unit, desk: Unit) -> Life:
    """The life of an order that `unit` is in charge of. `desk` answers by itself; `wrong_unit` may get it first."""
    life = Life([(matter.created, Status.WAITING)])
    by_voice = matter.channel in ("hotline", "visit")
    accepted = matter.created + (120 + int(rng.random() * 480) if by_voice else int(60 * rng.lognormvariate(5.0, 0.9)))
    life.accepted = accepted = accepted if by_voice else waking(accepted)
    life.steps.append((accepted, Status.ACCEPTED))
    if matter.kind in ("投诉", "求助") and not matter.event and rng.random() < REFUSED_SHARE:
        life.replied = life.closed = accepted + 300 + int(rng.random() * 3_700)
        life.steps.append((life.closed, Status.REFUSED))
        return life
    if rng.random() < DIRECT_SHARE.get(matter.kind, 0.0):
        life.unit, life.replied = desk, accepted + 180 + int(rng.random() * 2_220)
        life.steps.append((life.replied, Status.REPLIED))
    else:
        _dispatch(rng, life, matter, unit, wrong_unit)
        _handle(rng, life, matter, unit)
    _call_back(rng, life, matter, life.unit or unit)
    return life


def _dispatch(rng: Random, life: Life, matter: Matter, unit: Unit, wrong_unit: Unit) -> None:
    accepted = life.accepted or matter.created
    at = accepted + 60 + int(HOUR * min(90.0, rng.lognormvariate(*(DESK_URGENT if matter.urgency >= 2 else DESK))))
    at = at if matter.urgency >= 2 else waking(at)
    life.steps.append((accepted + max(30, int((at - accepted) * rng.uniform(0.2, 0.7))), Status.TO_DISPATCH))
    life.steps.append((at, Status.DISPATCHED))
    life.unit, life.dispatched = unit, at
    if wrong_unit is not unit and rng.random() < RETURN_SHARE:
        life.first_unit, life.first_dispatched = wrong_unit, at
        life.returned = office(at, HOUR * rng.uniform(1.0, 12.0))
        life.dispatched = waking(life.returned + int(HOUR * rng.uniform(0.3, 8.0)))
        life.transfers = 1
        life.steps += [(life.returned, Status.RETURNED), (life.dispatched, Status.DISPATCHED)]
    elif rng.random() < TRANSFER_SHARE:
        life.transfers = 1


def _handle(rng: Random, life: Life, matter: Matter, unit: Unit) -> None:
    at = life.dispatched or matter.created
    share = rng.lognormvariate(-0.62 - 0.12 * unit.quality, 0.42)  # of the time allowed
    if matter.urgency >= 2:
        allowed = 2 * HOUR if matter.urgency == 3 else DAY
        life.signed = at + int(60 * rng.lognormvariate(2.5, 0.7))
        life.due = at + allowed
        life.replied = life.signed + 600 + int(allowed * share)
    else:
        days = DUE_WORKING_DAYS.get(matter.kind, 5)
        life.signed = office(at, 60 * rng.lognormvariate(4.0 - 0.2 * unit.quality, 0.8))
        life.due = add_working_days(at, days)
        life.replied = office(life.signed, 900 + share * days * 9 * HOUR)
    life.steps += [(life.signed, Status.SIGNED), (life.signed + max(240, (life.replied - life.signed) // 8), Status.HANDLING),
                   (life.replied, Status.REPLIED)]  # fmt: skip
    late = life.replied > life.due
    life.reminders = sum(rng.random() < (0.45 if late or matter.again else 0.06) for _ in range(3))


def _call_back(rng: Random, life: Life, matter: Matter, unit: Unit) -> None:
    replied = life.replied or matter.created
    life.outcome = draw_outcome(rng, unit.quality, matter.kind)
    life.steps.append((replied + 600 + int(rng.random() * 6_600), Status.TO_CALL_BACK))
    life.called_back = office(replied + 7_300, HOUR * rng.uniform(0.5, 22.0))
    life.contacted = rng.random() < CONTACT.get(matter.channel, 0.5)
    if life.contacted and rng.random() < RATES[life.outcome]:
        late = bool(life.due and replied > life.due)
        life.rating = draw_rating(rng, unit.quality, life.outcome, late, matter.tone)
    life.closed = life.called_back + 120 + int(rng.random() * 5_280)
    life.steps += [
        (life.called_back, Status.CALLED_BACK),
        (life.closed, Status.CLOSED),
        (life.closed + 15 * DAY, Status.ARCHIVED),
    ]


def outcome_odds(quality: float, kind: str) -> tuple[float, float, float]:
    """Chances of solved, partly solved, not solved."""
    good = {"咨询": 2.6, "表扬": 4.0, "建议": 0.9}.get(kind, 0.9) + 0.8 * quality
    solved = _sigmoid(good)
    partly = (1 - solved) * _sigmoid(0.2 + 0.4 * quality)
    return solved, partly, 1 - solved - partly


def draw_outcome(rng: Random, quality: float, kind: str) -> Resolved:
    solved, partly, _ = outcome_odds(quality, kind)
    chance = rng.random()
    return Resolved.YES if chance < solved else Resolved.PARTLY if chance < solved + partly else Resolved.NO


def draw_rating(rng: Random, quality: float, outcome: Resolved, late: bool, tone: int) -> int:
    """1 … 5 by the ordered logit."""
    chance = rng.random()
    score = quality + OUTCOME_EFFECT[outcome] + LATE_EFFECT * late + 0.25 * tone + math.log(chance / (1 - chance))
    return 1 + sum(score > cut for cut in CUTS)


def true_satisfaction(quality: float, kind: str = "投诉") -> float:
    """The expected rating of an office on 0–100 if everybody answered: orders of `kind`, in time, speakers of tone −1."""
    total = 0.0
    for outcome, odds in zip(OUTCOMES, outcome_odds(quality, kind), strict=True):
        score = quality + OUTCOME_EFFECT[outcome] - 0.25
        total += odds * sum(_sigmoid(score - cut) for cut in CUTS) / len(CUTS)
    return 100.0 * total


def _sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))
