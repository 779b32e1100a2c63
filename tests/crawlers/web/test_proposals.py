"""A definition proposed from a site's own pages is one that reads them; templates are, too."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from crawlers.definitions import parse as parse_source
from crawlers.web.content import Content
from crawlers.web.propose import Proposal, read_detail, read_list, template, templates
from models.clock import now
from tests.crawlers.web.conftest import Desk
from tests.servers.town_web import TownWeb

pytest.importorskip("scrapy", reason="scrapy is not installed (pip install 'minsheng[crawl]')")


@pytest.mark.slow  # starts processes that load scrapy
def test_a_proposal_reads_the_site_that_it_came_from(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "new.toml"
    with TownWeb(letters=8, sites=("mailbox",)) as web:
        start = f"{web.address('mailbox')}/list?page=1"
        desk.run("source", "new", start, "--inside", "--name", "found", "-o", str(path))
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
        assert table["items"] == "ul.letters li a"
        assert table["next_page"] == "xpath://a[normalize-space(.) = '下一页']"
        assert set(table["fields"]) == {"title", "text", "created_at"}
        assert table["fields"]["text"] == "div.letter"
        desk.put(
            {
                **table,
                "legal_basis": "公开渠道",
                "owner": "x",
                "contact": "data@city.example",
                "inside": True,
                "delay_seconds": 0.0,
            }
        )
        assert "收 8 件" in desk.run("crawl")
        item = next(item for item in desk.items("found") if item.payload.url and item.payload.url.endswith("/3"))
        assert item.payload.title.endswith("（3）")
        assert "请尽快处理" in item.payload.text
        assert item.payload.created_at is not None


@pytest.mark.parametrize("name", templates())
def test_every_template_is_a_definition(name: str) -> None:
    table = tomllib.loads(template(name, "https://www.city.example/list", "new"))
    assert parse_source(table, "x").problems() == []
    with pytest.raises(KeyError):
        template("../mailbox2", "https://www.city.example/", "new")


LIST = """<html><body><div id="menu"><a href="/">首页</a><a href="/a">概况</a><a href="/b">公开</a><a href="/c">服务</a></div>
<div class="main"><ul>{rows}</ul></div></body></html>"""


def test_menus_are_not_taken_for_letters() -> None:
    rows = "".join(f'<li><a href="/letters/{n}">关于第{n}号楼路灯长期不亮的反映</a></li>' for n in range(9))
    proposal = Proposal("http://a.example/list")
    read_list(proposal, Content(LIST.format(rows=rows).encode(), "http://a.example/list"))
    assert (proposal.items, proposal.links) == ("div.main li a", 9)
    assert proposal.example == "http://a.example/letters/0"
    assert any("next_page" in doubt for doubt in proposal.doubts)


def test_what_is_not_found_is_said() -> None:
    proposal = Proposal("http://a.example/")
    read_list(proposal, Content(b"<html><body><p>nothing</p></body></html>", "http://a.example/"))
    read_detail(proposal, Content(b"<html><body></body></html>", "http://a.example/"), now())
    assert [doubt.split("：")[0] for doubt in proposal.doubts] == ["items", "title", "created_at", "text"]
    assert "请自己写选择器" in proposal.to_toml("x")


# --- what is archived of the web ---------------------------------------------------------------------------------------
@pytest.mark.slow  # a process that loads scrapy
def test_archived_pages_are_checked_and_replayed_with_a_new_definition(desk: Desk) -> None:
    with TownWeb(letters=6, sites=("mailbox",)) as web:
        source = web.source("mailbox")
        desk.put(source)
        desk.run("crawl")
    desk.run("work", "--drain")
    assert "没有字段消失" in desk.run("source", "check", "mailbox")
    broken = {**source, "fields": {**source["fields"], "created_at": ".nothing"}}
    desk.put(broken)
    told = desk.run("source", "check", "mailbox", status=1)
    assert "字段 created_at（.nothing）没有读到（6 页）" in told
    desk.put({**source, "fields": {**source["fields"], "place": ".unit"}})
    told = desk.run("replay", "--source", "mailbox")
    assert "改变 3" in told
    assert "place 3" in told
    assert "已切换到新版本" in desk.run("replay", "--source", "mailbox", "--apply", "--yes")
    assert "相同 6" in desk.run("replay", "--source", "mailbox")
