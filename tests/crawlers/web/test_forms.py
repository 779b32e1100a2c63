"""Every form of source against a site that has it: one crawl of all of them, then what came in from each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from api.wiring import House
from models.clock import CITY_TIME
from models.item import Item
from models.settings import Settings
from tests.crawlers.web.conftest import Desk
from tests.servers.town_sites import STREETS, body, title, when
from tests.servers.town_web import TownWeb

pytest.importorskip("scrapy", reason="scrapy is not installed (pip install 'minsheng[crawl]')")
pytestmark = pytest.mark.slow  # a process that loads scrapy and reads some hundred pages
LETTERS = 12
FORMS = ("mailbox", "board", "news", "utf16", "sitemap", "rss", "atom", "api", "cursor", "search", "ckan", "open311")


class Done(NamedTuple):
    web: TownWeb
    output: str
    items: dict[str, dict[str, Item]]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    desk = Desk(Path(tmp_path_factory.mktemp("forms")))
    with TownWeb(letters=LETTERS, sites=FORMS) as web:
        for name in FORMS:
            desk.put(web.source(name))
        output = desk.run("crawl")
        found: dict[str, dict[str, Item]] = {name: {} for name in FORMS}
        with House(Settings(home=desk.home), read_only=True) as house:
            for leased in house.inbox.lease(10_000, "t"):
                found[leased.item.source][leased.item.native_id or str(leased.item.payload.url)] = leased.item
        yield Done(web, output, found)


def test_nothing_failed(done: Done) -> None:
    for line in done.output.splitlines():
        if "读 " in line:
            assert "（读完）" in line, line
            if not line.startswith("mailbox"):
                assert "失败 0 页" in line, line


@pytest.mark.parametrize(("source", "count"), [("mailbox", LETTERS), ("board", 4 * LETTERS), ("news", LETTERS), ("utf16", 3), ("sitemap", LETTERS),
    ("rss", 5), ("atom", 5), ("api", LETTERS), ("cursor", LETTERS), ("search", LETTERS), ("ckan", LETTERS), ("open311", LETTERS)])  # fmt: skip
def test_everything_came_in_once(done: Done, source: str, count: int) -> None:
    assert len(done.items[source]) == count
    paths = [(one.path, tuple(one.form.items())) for one in done.web.seen(source)]
    assert len(paths) == len(set(paths)), "no page was asked for twice"


def test_a_mailbox_brings_letter_and_reply(done: Done) -> None:
    item = done.items["mailbox"]["X0002"]
    assert item.payload.title == title(2)
    assert item.payload.text == f"{body(2)}\n谢谢。"
    assert item.payload.created_at == when(2).replace(tzinfo=CITY_TIME)
    assert (item.payload.reply, item.payload.department, item.payload.status) == ("已安排处理。", "市政中心", "已回复")
    assert item.payload.replied_at == (when(2) + timedelta(hours=24)).replace(tzinfo=CITY_TIME)
    assert item.payload.channel == "mailbox"
    assert done.items["mailbox"]["X0009"].payload.reply == ""
    assert done.items["mailbox"]["X0009"].payload.status == "办理中"


def test_a_board_brings_every_post_of_every_page(done: Done) -> None:
    item = done.items["board"]["p7-2-1"]
    assert (item.payload.title, item.payload.text, item.payload.speaker) == ("主題7", "路燈不亮，第2頁第1樓。", "市民1")
    assert item.payload.kind.value == "opinion"


def test_a_wrong_charset_and_broken_markup_are_read(done: Done) -> None:
    item = next(item for item in done.items["news"].values() if item.payload.title == title(3))
    assert item.payload.text == f"本报讯 {STREETS[3]}今日施工。\n请绕行。"
    assert item.payload.created_at == datetime(2026, 3, 4, 9, 0, tzinfo=CITY_TIME)


def test_utf_16_is_read_by_its_mark(done: Done) -> None:
    texts = {item.payload.title: item for item in done.items["utf16"].values()}
    assert texts[title(2)].payload.text == body(2)
    assert texts[title(2)].payload.created_at == datetime(2026, 3, 2, tzinfo=CITY_TIME)


def test_a_sitemap_is_read_through_its_parts_and_only_what_matches(done: Done) -> None:
    assert "/about" not in {one.path for one in done.web.seen("sitemap")}
    assert {item.payload.title for item in done.items["sitemap"].values()} == {title(n) for n in range(1, LETTERS + 1)}


@pytest.mark.parametrize(("source", "key"), [("rss", "r12"), ("atom", "a12")])
def test_a_feed_needs_no_selectors(done: Done, source: str, key: str) -> None:
    item = done.items[source][key]
    assert item.payload.title == title(12)
    assert item.payload.text.splitlines()[0] == body(12)
    assert item.payload.created_at == when(12)
    assert item.payload.url == f"{done.web.address(source)}/content/12"


def test_apis_are_read_page_by_page(done: Done) -> None:
    item = done.items["api"]["J4"]
    assert (item.payload.title, item.payload.text, item.payload.likes) == (title(4), body(4), 4)
    assert item.payload.created_at == when(4)
    item = done.items["cursor"]["C4"]
    assert (item.payload.title, item.payload.text, item.payload.created_at) == (title(4), body(4), when(4))
    item = done.items["ckan"]["d5"]
    assert (item.payload.title, item.payload.department, item.payload.kind.value) == (title(5), "交通局", "policy")
    item = done.items["open311"]["S5"]
    assert (item.payload.text, item.payload.latitude, item.payload.reply) == (body(5), 28.2, "")


def test_a_form_is_sent_for_days(done: Done) -> None:
    first = done.web.seen("search")[0]
    days = [datetime.fromisoformat(first.form[name]) for name in ("begin", "end")]
    assert days[1] - days[0] == timedelta(days=30)
    assert first.form["page"] == "1"
    assert {one.form["page"] for one in done.web.seen("search") if one.form} == {"1", "2", "3", "4"}
