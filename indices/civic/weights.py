"""Weights of the composite index: the policy office's, public, in versions with a first day."""

from __future__ import annotations

import time
import tomllib
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy import Column, Double, Engine, String, Table, Text, insert, select

from indices.database import metadata, reading, writing
from models.errors import BadRequest
from models.satisfaction import LAYERS, Scheme

BAND: Final = 0.5
"""Every weight may be half as large or half as large again: what the band of a composite shows."""
_LONGEST: Final = 40

index_weights = Table(
    "index_weights", metadata,
    Column("version", String(64), primary_key=True),
    Column("effective", String(10), nullable=False),
    Column("body", Text, nullable=False),
    Column("who", String(64), nullable=False),
    Column("at", Double, nullable=False),
)  # fmt: skip


@cache
def shipped(path: Path = Path(__file__).with_name("weights.toml")) -> tuple[Scheme, ...]:
    """The default and the samples."""
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["scheme"]
    return tuple(checked(Scheme.model_validate(row)) for row in rows)


def checked(scheme: Scheme) -> Scheme:
    """The scheme itself. Raises BadRequest naming the layer or weight that is wrong."""
    for layer, weight in scheme.weights.items():
        if layer not in LAYERS:
            raise BadRequest(name="weights", value=layer[:40], reason=f"没有这一层；可用：{'、'.join(LAYERS)}")
        if not 0 <= weight <= 1_000:
            raise BadRequest(name=f"weights {layer}", value=weight, reason="权重应在 0 与 1000 之间")
    if not sum(scheme.weights.values()) > 0:
        raise BadRequest(name="weights", value=str(scheme.weights)[:80], reason="至少一层的权重大于 0")
    if not scheme.version or len(scheme.version) > _LONGEST:
        raise BadRequest(name="version", value=scheme.version[:60], reason=f"版本名为 1 至 {_LONGEST} 个字")
    return scheme


def known(engine: Engine) -> list[Scheme]:
    """Those that ship and the city's own, in the order in which they came into force; samples last."""
    with reading(engine) as connection:
        own = [
            Scheme.model_validate_json(row.body)
            for row in connection.execute(select(index_weights).order_by(index_weights.c.at))
        ]
    dated = sorted((one for one in (*shipped(), *own) if one.effective), key=lambda one: one.effective or date.min)
    return [*dated, *(one for one in shipped() if not one.effective)]


def in_force(engine: Engine, day: date) -> Scheme:
    """The scheme of a day."""
    return [one for one in known(engine) if one.effective and one.effective <= day][-1]


def save(engine: Engine, scheme: Scheme, who: str, *, today: date) -> Scheme:
    """Put a version in force from its first day on.

    Raises:
        BadRequest: a wrong layer or weight, a version name that is taken, or a first day that is past: a published figure must stay
            what its version says.
    """
    scheme = checked(scheme if scheme.effective else scheme.model_copy(update={"effective": today}))
    if scheme.version in {one.version for one in known(engine)}:
        raise BadRequest(name="version", value=scheme.version, reason="已有这一版；请换一个版本名")
    if scheme.effective is not None and scheme.effective < today:
        raise BadRequest(name="effective", value=str(scheme.effective), reason=f"生效日不能早于今天（{today}）")
    row = {
        "version": scheme.version,
        "effective": str(scheme.effective),
        "body": scheme.model_dump_json(),
        "who": who,
        "at": time.time(),
    }
    with writing(engine) as connection:
        connection.execute(insert(index_weights).values(row))
    return scheme
