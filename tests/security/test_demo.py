"""A simulated city never comes upon the data, the accounts or the catalogue of a real one."""

from pathlib import Path

import pytest

from api.demo import prepare
from api.wiring import House
from models.errors import BadRequest
from models.item import Item, Payload
from models.labels import Role
from models.settings import Settings


@pytest.mark.parametrize("kept", ["items", "account", "catalogue"])
def test_a_house_in_use_is_refused(tmp_path: Path, kept: str) -> None:
    settings = Settings(home=tmp_path)
    with House(settings) as house:
        if kept == "items":
            house.inbox.accept([Item(source="热线", native_id="1", payload=Payload(text="路灯不亮"))])
        elif kept == "account":
            house.users.add("leader", "lamps-2026-open", Role.LEADER)
        else:
            (house.folder / "catalogue.csv").write_text("code,unit\n城管,市城管局\n", encoding="utf-8")
    with pytest.raises(BadRequest, match="空目录"):
        prepare(settings, days=30, per_day=1)
    with House(settings) as house:
        assert house.inbox.sources() == (["热线"] if kept == "items" else [])
        assert house.users.count() == (1 if kept == "account" else 0)
