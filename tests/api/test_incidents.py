"""The register over commands, HTTP and pages, and who may see and change what."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api import answers, incidents
from api.questions import today
from api.wiring import House
from indices.access import ScopedStore
from models.clock import day_start
from models.errors import BadRequest, NotFound
from models.labels import Role
from models.record import Annotation, Record
from models.viewer import Viewer

Client = Callable[..., TestClient]
EAST, WEST = "河东区", "河西区"


def reader(house: House, *districts: str, role: Role = Role.LEADER) -> ScopedStore:
    viewer = Viewer(name="w", role=role, districts=frozenset(districts) if districts else None)
    return ScopedStore(house.store, viewer, house.audit)


def complaint(number: int, district: str, days_ago: int) -> Record:
    note = Annotation(
        model="m", topic="环境保护", title_tokens=("栖湖湾", "搅拌站", "噪音"), keywords=("搅拌站",), positive=0.1
    )
    whose = "西边秘密" if district == WEST else "栖湖湾"
    return Record.model_validate({
        "id": f"{70_000 + number:032x}", "revision": 1, "intake": "1", "source": "信箱", "native_id": f"E{number}", "district": district,
        "annotation": note, "title": f"{whose}搅拌站噪音{number}", "text": f"搅拌站夜间噪音、粉尘，第{number}栋睡不好。",
        "speaker": f"{number:016x}", "created_at": day_start(today() - timedelta(days=days_ago)) + timedelta(minutes=number),
    })  # fmt: skip


@pytest.fixture
def number(house: House) -> str:
    """One incident of thirty records, two of them in the west, the first one of all among these."""
    house.store.forget([f"{n:032x}" for n in range(120)])
    house.store.upsert([complaint(n, WEST if n in (3, 7) else EAST, 3 if n == 3 else n % 4) for n in range(30)])
    found = answers.hotspots(house, house.console, today() - timedelta(days=6), today() + timedelta(days=1))
    return incidents.take_in(house, found.hotspots).opened[0]


def test_hotspots_carry_the_number(house: House, number: str) -> None:
    found = answers.hotspots(house, house.console, today() - timedelta(days=6), today() + timedelta(days=1))
    assert [one.incident for one in found.hotspots] == [number]


def test_lists_and_accounts_as_data(client: Client, number: str) -> None:
    browser = client(Role.RESEARCHER)
    [row] = browser.get("/figures/incidents").json()["incidents"]
    assert (row["number"], row["state"], row["count"]) == (number, "new", 30)
    told = browser.get(f"/figures/incidents/{number}").json()
    assert (told["count"], told["people"], told["hidden"], len(told["record_ids"])) == (30, 30, 0, 30)
    assert told["districts"] == {EAST: 28, WEST: 2}
    assert browser.get("/figures/incidents", params={"state": "closed"}).json() == {"incidents": []}
    assert browser.get("/figures/incidents", params={"state": "x"}).status_code == 400
    assert browser.get("/figures/incidents/SJ2020-00001").status_code == 404


def test_who_sees_a_part_reads_no_word_of_the_rest(client: Client, house: House, number: str) -> None:
    browser = client(Role.LEADER, [EAST])
    for address in ("/incidents", f"/incidents/{number}", "/figures/incidents", f"/figures/incidents/{number}"):
        answer = browser.get(address)
        assert answer.status_code == 200
        assert "西边秘密" not in answer.text
        assert "搅拌站噪音" in answer.text
    told = browser.get(f"/figures/incidents/{number}").json()
    assert (told["count"], told["hidden"], told["log"]) == (28, 2, [])
    assert "2 件不在您的范围内" in browser.get(f"/incidents/{number}").text
    with pytest.raises(NotFound):
        incidents.change(house, reader(house, EAST), number, "confirm")
    assert client(Role.LEADER, ["河北区"]).get("/figures/incidents").json() == {"incidents": []}
    strange = client(Role.LEADER, ["河北区"])
    assert (
        strange.get(f"/figures/incidents/{number}").status_code
        == strange.get("/figures/incidents/SJ2020-1").status_code
        == 404
    )


def test_changes_over_a_form(client: Client, number: str) -> None:
    browser = client(Role.ANALYST)
    answer = browser.post(f"/incidents/{number}/confirm", data={"text": "已核实"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/incidents/{number}")
    page = browser.get(f"/incidents/{number}").text
    assert "已确认" in page
    assert "确认：已核实" in page
    records = browser.get(f"/figures/incidents/{number}").json()["record_ids"][:2]
    browser.post(f"/incidents/{number}/split", data={"text": "另一件", "records": records})
    assert len(browser.get("/figures/incidents").json()["incidents"]) == 2
    browser.post(f"/incidents/{number}/undo")
    assert len(browser.get("/figures/incidents").json()["incidents"]) == 1
    assert browser.post(f"/incidents/{number}/explode").status_code == 400
    assert browser.post(f"/incidents/{number}/close", data={"text": "长" * 2_001}).status_code == 400
    assert browser.post(f"/incidents/{number}/merge").status_code == 400
    assert client(Role.RESEARCHER).post(f"/incidents/{number}/confirm").status_code == 404


def test_a_merged_number_leads_on(client: Client, house: House, number: str) -> None:
    other = incidents.change(house, house.console, number, "split", records=[f"{70_000 + 1:032x}"]).other
    assert other is not None
    incidents.change(house, house.console, other, "merge", into=number)
    page = client(Role.LEADER).get(f"/incidents/{other}")
    assert page.status_code == 200
    assert f"{other} 已并入本事件" in page.text


def test_the_paper_of_an_incident_counts_what_its_reader_may_see(client: Client, house: House, number: str) -> None:
    import io

    import docx

    from api.briefings import make_incident_paper

    made = make_incident_paper(house, house.console, number)
    assert made.dropped == ()
    assert [section.heading for section in made.sections] == ["基本情况", "经过", "典型诉求", "相似的往事", "批示落实"]
    assert "共 30 件，30 人反映。" in [one.text for one in made.sections[0].statements]
    assert len(made.sections[2].statements) == 3
    answer = client(Role.LEADER, [EAST]).get(f"/incidents/{number}/paper.docx")
    text = "".join(paragraph.text for paragraph in docx.Document(io.BytesIO(answer.content)).paragraphs)
    assert "28件" in text
    assert "西边秘密" not in text
    assert client(Role.LEADER).get("/incidents/SJ2020-00001/paper.docx").status_code == 404


def test_a_leaders_note_stands_on_the_page_of_the_incident(client: Client, number: str) -> None:
    browser = client(Role.LEADER)
    due = str(today() + timedelta(days=2))
    note = {"about": f"incident:{number}", "text": "请生态局到场", "owner": "生态局", "due": due}
    assert (
        browser.post("/instructions", data=note, follow_redirects=False).headers["location"] == f"/incidents/{number}"
    )
    assert "请生态局到场" in browser.get(f"/incidents/{number}").text
    assert "请生态局到场" not in client(Role.LEADER, [EAST]).get(f"/incidents/{number}").text


def test_every_access_and_change_is_in_the_audit_log(client: Client, house: House, number: str) -> None:
    client(Role.LEADER).get("/incidents")
    client(Role.LEADER).get(f"/incidents/{number}")
    client(Role.LEADER).post(f"/incidents/{number}/confirm")
    seen = {row.action for row in house.audit.rows(limit=100)}
    assert {"incidents.list", "incident.read", "incident.confirm"} <= seen


def test_commands(
    house: House, number: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from api.commands import incidents as commands

    monkeypatch.setenv("MINSHENG_HOME", str(house.settings.folder))
    monkeypatch.setattr("api.wiring.House", lambda **_: _Open(house))
    commands.list_all(state=None)
    commands.confirm(number, note="已核实")
    commands.rename(number, "搅拌站")
    commands.show(number)
    told = capsys.readouterr().out
    assert f"{number}  [" in told
    assert "确认。" in told
    assert "第一件" in told
    assert "搅拌站（已确认）" in told
    commands.undo(number)
    commands.show(number, json=True)
    shown = capsys.readouterr().out
    assert shown.startswith("撤销：改名。")
    assert json.loads(shown[shown.index("{") :])["state"] == "confirmed"
    commands.fold(number, [f"{70_001:032x}", f"{70_002:032x}"])
    commands.split(number, [f"{70_001:032x}"], title="另一件")
    commands.list_all(state=["confirmed"], json=True)
    told = capsys.readouterr().out
    assert len(json.loads(told[told.index("{") :])["incidents"]) == 2
    with pytest.raises(BadRequest):
        commands.list_all(state=["x"])


class _Open:
    """The test's own house, which closes itself."""

    def __init__(self, house: House) -> None:
        self._house = house

    def __enter__(self) -> Any:
        return self._house

    def __exit__(self, *_: object) -> None:
        return None
