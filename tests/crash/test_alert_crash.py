"""R9: an incident alerts once a level, and every alert arrives, whoever is killed between computing, writing and sending."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from indices.alerts.outbox import SENT, deliveries
from indices.civic.alerts import alerts
from indices.database import create_tables, reading

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]
ROUNDS = 40


def test_alerts_are_created_once_and_arrive_whoever_dies(
    mother: Any, database: Engine, database_url: str, tmp_path: Path, kills: int, figure: Callable[[str], None]
) -> None:
    create_tables(database)
    report, dice = tmp_path / "received", random.Random(9)
    for _ in range(kills):
        child = mother.bear("alert", url=database_url, report=str(report), rounds=ROUNDS)
        time.sleep(dice.uniform(0.02, 0.25))
        mother.kill(child)
        time.sleep(0.06)  # its leases run out
    child = mother.bear("alert", url=database_url, report=str(report), rounds=ROUNDS)
    deadline = time.monotonic() + 120
    while f"done {child}" not in (report.read_text() if report.exists() else ""):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    mother.kill(child)
    with reading(database) as connection:
        raised = connection.execute(select(alerts.c.incident, alerts.c.level)).all()
        rows = connection.execute(select(deliveries.c.state)).scalars().all()
    received = Counter(line for line in report.read_text().splitlines() if not line.startswith("done"))
    repeated = sum(count - 1 for count in received.values())
    wanted = 2 * ROUNDS + 1
    figure(
        f"R9：{kills} 次 kill，预警 {len(raised)}（应 {wanted}），送达 {len(received)}（应 {2 * wanted}），重复 {repeated}，最多一件重复 {max(received.values()) - 1} 次"
    )
    assert len(raised) == len(set(raised)) == wanted
    assert len(received) == len(rows) == 2 * wanted
    assert set(rows) == {SENT}
    assert repeated <= kills  # a death can repeat only what was being sent then
