from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from dashboards.views.incidents import incident_view, incidents_view
from indices.database import connect, create_tables
from indices.incidents.account import Account, account
from indices.incidents.changes import Changes
from indices.incidents.register import find, list_incidents, take_in
from indices.stores.memory import MemoryStore
from models.figures import Hotspot
from models.labels import Level
from models.record import Record

AT = datetime(2026, 9, 1, 2, tzinfo=UTC)
ONE = "SJ2026-00001"


@pytest.fixture
def known(tmp_path: Path) -> Account:
    engine = connect(f"sqlite:///{tmp_path / 'state.db'}")
    create_tables(engine)
    ids = tuple(f"{number:032x}" for number in (1, 2))
    take_in(engine, [Hotspot(rank=1, title="夜间施工", heat=8, parts={}, count=2, people=2, first=AT, last=AT, places=("柳堤路",), topic="环境保护",
                             level=Level.YELLOW, members=("1", "2"), sentences=(), key="k", record_ids=ids)], at=AT)  # fmt: skip
    Changes(engine, "王", clock=lambda: AT).step(ONE, "confirm", "已核实")
    store = MemoryStore()
    store.upsert(
        [
            Record.model_validate(
                {"id": one, "revision": 1, "intake": "1", "source": "热线", "text": "吵", "created_at": AT}
            )
            for one in ids
        ]
    )
    found = account(engine, store, find(engine, ONE), today=date(2026, 9, 5))
    assert found is not None
    assert [one.number for one in list_incidents(engine)] == [ONE]
    engine.dispose()
    return found


def test_the_first_button_is_the_one_meant(known: Account) -> None:
    view = incident_view(known, asked=ONE, may_change=True)
    assert [kind for kind, _ in view.steps] == ["handle", "close", "reject"]
    assert view.undo == "王确认：已核实"
    assert view.came_from == ""
    assert view.season == ""
    assert view.about == ""  # whoever may not see notes is offered none
    only_looking = incident_view(known, asked="SJ2026-00009", may_change=False)
    assert (only_looking.steps, only_looking.undo, only_looking.came_from) == ((), "", "SJ2026-00009")


def test_the_list_says_what_is_missing(known: Account) -> None:
    full = incidents_view([(known.incident, 2)], state="", now=AT)
    assert [(row.incident.number, row.count, row.state) for row in full.rows] == [(ONE, 2, "已确认")]
    assert [tab.state for tab in full.tabs if tab.chosen] == [""]
    assert "每小时" in full.empty
    closed = incidents_view([], state="closed", now=AT)
    assert closed.empty == "没有“已办结”的事件。"
    assert [tab.name for tab in closed.tabs if tab.chosen] == ["已办结"]
