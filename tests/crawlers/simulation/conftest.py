from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from crawlers.simulation.orders import Simulation, simulate
from models.item import Item


@pytest.fixture(scope="session")
def simulation() -> Simulation:
    return simulate(seed=11, days=60, per_day=40, end=date(2026, 11, 24), events=8)


@pytest.fixture(scope="session")
def items(simulation: Simulation) -> list[Item]:
    return list(simulation.items())


@pytest.fixture(scope="session")
def truth(simulation: Simulation) -> dict[str, Any]:
    return simulation.truth
