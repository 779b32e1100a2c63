"""What a definition has to say, and what it is told where it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawlers.definitions import all_of, load, named, usable
from crawlers.systems.source import SystemSource
from crawlers.web.source import WebSource
from models.errors import BadFile, NotFound
from tests.crawlers.systems.conftest import Desk, definition

WEB = 'name = "{name}"\nstart = "https://www.city.example/"\nitems = "a"\nlegal_basis = "公开"\ncontact = "a@b.example"\n[fields]\ntitle = "h1"\n'
SYSTEM = 'name = "{name}"\nsystem = "sql"\nurl = "sqlite:///x"\ntable = "t"\ncursor = "id"\nlegal_basis = "协议"\n[columns]\nn = "native_id"\nt = "title"\n'


@pytest.mark.parametrize(("changes", "why"), [
    ({"url": ""}, "缺少 url"), ({"table": ""}, "要写 table（表或视图）"), ({"cursor": ""}, "要写 cursor"),
    ({"table": "orders; DROP TABLE x"}, "不是表名或列名"), ({"columns": {}}, "要写 mapping 或"), ({"columns": {"a": "colour"}}, "没有字段 'colour'"),
    ({"system": "fax"}, "system 有误"), ({"batch": 0}, "batch 有误"), ({"mapping": "x"}, "只写一个"), ({"colour": 1}, "colour 有误"),
])  # fmt: skip
def test_a_bad_definition_is_told_what_is_wrong(changes: dict[str, object], why: str) -> None:
    with pytest.raises(BadFile, match=why):
        definition(**{"url": "sqlite:///x", **changes})


def test_a_folder_holds_both_kinds_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(WEB.format(name="甲"), encoding="utf-8")
    (tmp_path / "b.toml").write_text(SYSTEM.format(name="乙"), encoding="utf-8")
    found = all_of(tmp_path)
    assert [type(one) for one in found.values()] == [WebSource, SystemSource]
    assert [one.name for one in named(tmp_path, ["乙", str(tmp_path / "a.toml")])] == ["乙", "甲"]
    with pytest.raises(NotFound, match="丙（有 甲、乙）"):
        named(tmp_path, ["丙"])


def test_one_bad_file_stops_no_other_source(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(WEB.format(name="甲"), encoding="utf-8")
    (tmp_path / "b.toml").write_text("name = ", encoding="utf-8")
    (tmp_path / "c.toml").write_text(WEB.format(name="甲"), encoding="utf-8")
    found, bad = usable(tmp_path)
    assert list(found) == ["甲"]
    assert ["b.toml" in bad[0].message, "已被另一个文件用了" in bad[1].message] == [True, True]
    with pytest.raises(BadFile):
        all_of(tmp_path)
    with pytest.raises(BadFile, match="读不出来"):
        load(tmp_path / "none.toml")


def test_a_folder_source_takes_whole_files_and_leaves_half_ones(desk: Desk, tmp_path: Path) -> None:
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    (incoming / "orders.csv").write_text(
        "工单编号,标题,诉求内容,受理时间\nF1,路灯,路灯不亮,2026-03-01 08:00\n", encoding="utf-8"
    )
    (incoming / "half.csv.part").write_text("工单编号,", encoding="utf-8")
    done = desk.pull(definition(system="folder", table=str(incoming), columns={}, cursor=""))
    assert (done.rows, done.error) == (1, "")
    assert [(item.source, item.native_id) for item in desk.items] == [("hall", "F1")]
    assert (incoming / "done" / "orders.csv").exists()
    assert (incoming / "half.csv.part").exists()
