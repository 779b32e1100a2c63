"""Heat weights fitted on what people confirmed and rejected: a report of before and after, used only when somebody says so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Boolean, Column, Double, Engine, Integer, String, Table, Text, insert, select, update

from indices.alerts.life import steps_of
from indices.civic.alerts import alert_of, alerts, figure_of
from indices.civic.heat import SHIPPED, WEIGHTS, WEIGHTS_VERSION, Weights
from indices.database import metadata, reading, writing
from models.clock import now
from models.errors import BadRequest, NotFound

heat_weights: Final = Table(
    "heat_weights", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("version", String(32), nullable=False, unique=True),
    Column("body", Text, nullable=False),  # JSON: weights and the report
    Column("in_use", Boolean, nullable=False),
    Column("who", String(64), nullable=False),
    Column("at", Double, nullable=False),
)  # fmt: skip

LEAST: Final = 50
"""Labels from which weights are fitted…"""
LEAST_OF_EACH: Final = 10
"""… and of each kind: who confirms everything teaches nothing."""
FOLDS: Final = 5
_SEED: Final = 5
_STRENGTH: Final = 1.0


@dataclass(frozen=True, slots=True)
class Report:
    """What fitting did. `*_before`, `*_after`: area under the ROC curve and average precision of the heat as a judge of the labels; the
    second of weights fitted on four fifths, judged on the fifth that they had not seen.
    """

    version: str
    labels: int
    confirmed: int
    auc_before: float
    auc_after: float
    precision_before: float
    precision_after: float
    weights: dict[str, float]

    @property
    def better(self) -> bool:
        return self.auc_after > self.auc_before


def weights_in_use(engine: Engine) -> Weights:
    """Those that somebody put in use last, else those that ship."""
    with reading(engine) as connection:
        row = connection.execute(
            select(heat_weights).where(heat_weights.c.in_use).order_by(heat_weights.c.id.desc())
        ).first()
    if row is None:
        return SHIPPED
    return Weights(row.version, json.loads(row.body)["weights"])


def refit(engine: Engine, who: str, *, at: datetime | None = None) -> Report:
    """Fit on every alert that was confirmed or rejected and keep the result; it is not in use yet.

    Raises:
        BadRequest: too few labels, or too few of one kind.
    """
    parts, labels = labelled(engine)
    confirmed = int(labels.sum())
    if len(labels) < LEAST or min(confirmed, len(labels) - confirmed) < LEAST_OF_EACH:
        raise BadRequest(
            name="标签", value=f"确认 {confirmed} 条、不是热点 {len(labels) - confirmed} 条",
            reason=f"共须 {LEAST} 条，每种至少 {LEAST_OF_EACH} 条；请在预警页多判几条",
        )  # fmt: skip
    used = weights_in_use(engine)
    names = list(WEIGHTS)
    before = parts @ np.array([used.values[name] for name in names])
    after = _out_of_fold(parts, labels)
    weights = dict(zip(names, (round(float(one), 4) for one in _fit(parts, labels)), strict=True))
    moment = at or now()
    report = Report(f"fit-{moment:%Y%m%d%H%M%S}", len(labels), confirmed, *_judge(labels, before, after), weights)
    body = {
        "weights": weights,
        "report": {name: getattr(report, name) for name in Report.__dataclass_fields__ if name != "weights"},
    }
    row = {"version": report.version, "body": json.dumps(body), "in_use": False, "who": who, "at": moment.timestamp()}
    with writing(engine) as connection:
        connection.execute(insert(heat_weights).values(row))
    return report


def use(engine: Engine, version: str) -> Weights:
    """Put a fitted version in use, or the shipped one. Raises NotFound."""
    with writing(engine) as connection:
        known = set(connection.execute(select(heat_weights.c.version)).scalars())
        if version != WEIGHTS_VERSION and version not in known:
            raise NotFound(what=f"热度权重 {version[:40]}")
        connection.execute(update(heat_weights).values(in_use=heat_weights.c.version == version))
    return weights_in_use(engine)


def versions(engine: Engine) -> list[tuple[str, bool, str, datetime, dict[str, Any]]]:
    """(version, in use, who, when, report) of what was fitted, the latest first."""
    with reading(engine) as connection:
        rows = connection.execute(select(heat_weights).order_by(heat_weights.c.id.desc())).all()
    return [
        (row.version, row.in_use, row.who, datetime.fromtimestamp(row.at, UTC), json.loads(row.body)["report"])
        for row in rows
    ]


def labelled(engine: Engine) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(n, components) rank of each component, 0–1, as it was when the alert was raised; (n,) 1 confirmed, 0 rejected."""
    with reading(engine) as connection:
        wanted = alerts.c.state.in_(("confirmed", "closed", "rejected"))
        rows = connection.execute(select(alerts).where(wanted, alerts.c.kind == "hotspot").order_by(alerts.c.id)).all()
    found: list[list[float]] = []
    labels: list[int] = []
    for one in map(alert_of, rows):
        if one.state == "closed" and not any(step.kind == "confirm" for step in steps_of(engine, one.id)):
            continue  # done with, but nobody said whether it was a hotspot
        figure = figure_of(engine, one.figure)
        hotspot = (
            next((h for h in figure.hotspots if h.title == one.title and h.level is one.level), None)
            if figure
            else None
        )
        if hotspot is None or not hotspot.parts:
            continue
        shares = _weights_of(engine, str(figure.source.versions.get("heat", WEIGHTS_VERSION)) if figure else "")
        found.append(
            [
                hotspot.parts.get(name, 0.0) / max(100.0 * shares.get(name, 0.0), 1e-9) if shares.get(name) else 0.0
                for name in WEIGHTS
            ]
        )
        labels.append(int(one.state != "rejected"))
    return np.asarray(found, dtype=np.float64).reshape(len(labels), len(WEIGHTS)), np.asarray(labels, dtype=np.int64)


def _weights_of(engine: Engine, version: str) -> Mapping[str, float]:
    with reading(engine) as connection:
        body = connection.execute(select(heat_weights.c.body).where(heat_weights.c.version == version)).scalar()
    return WEIGHTS if body is None else json.loads(body)["weights"]


def _fit(parts: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weights ≥ 0 with sum 1: a logistic regression that is held near the shipped weights, what would count against a hotspot left out."""
    from scipy.optimize import minimize

    start = np.array(list(WEIGHTS.values()))
    signs = 2 * labels - 1

    def loss(free: NDArray[np.float64]) -> float:
        weights, scale, shift = free[:-2], free[-2], free[-1]
        margin = signs * (scale * (parts @ weights) - shift)
        return float(np.logaddexp(0.0, -margin).sum() + _STRENGTH * len(start) * ((weights - start) ** 2).sum() * 10)

    bounds = [(0.0, 1.0)] * len(start) + [(0.1, 50.0), (-50.0, 50.0)]
    found = minimize(loss, np.concatenate([start, [8.0, 4.0]]), bounds=bounds, method="L-BFGS-B").x[:-2]
    total = float(found.sum())
    return found / total if total > 0 else start


def _out_of_fold(parts: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n,) heat of each by weights that were fitted without it."""
    from sklearn.model_selection import StratifiedKFold

    heat = np.zeros(len(labels))
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=_SEED).split(parts, labels):
        heat[test] = parts[test] @ _fit(parts[train], labels[train])
    return heat


def _judge(
    labels: NDArray[np.int64], before: NDArray[np.float64], after: NDArray[np.float64]
) -> tuple[float, float, float, float]:
    from sklearn.metrics import average_precision_score, roc_auc_score

    found = [
        float(score(labels, heat)) for score in (roc_auc_score, average_precision_score) for heat in (before, after)
    ]
    return round(found[0], 4), round(found[1], 4), round(found[2], 4), round(found[3], 4)
