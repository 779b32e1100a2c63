"""How the crawler behaves, seen from the sites: the log of every request is the witness."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time

import pytest

from tests.crawlers.web.conftest import ROOT, Desk
from tests.servers.town_sites import title
from tests.servers.town_web import Seen, TownWeb, listener

pytest.importorskip("scrapy", reason="scrapy is not installed (pip install 'minsheng[crawl]')")
pytestmark = pytest.mark.slow  # each starts a process that loads scrapy


def letters(seen: list[Seen]) -> list[str]:
    return sorted(one.path for one in seen if "/letters/" in one.path)


# --- politeness --------------------------------------------------------------------------------------------------------
def test_crawl_delay_is_kept_and_told(desk: Desk) -> None:
    with TownWeb(letters=4, sites=("unhurried",)) as web:
        desk.put(web.source("unhurried"))
        output = desk.run("crawl")
        assert float(output.split("最短相隔")[1].split("秒")[0]) >= 0.5
        moments = [one.at for one in web.seen("unhurried")]
        assert moments[-1] - moments[0] >= 0.95 * 0.5 * (len(moments) - 1)
        assert len(moments) == 5


def test_what_robots_forbid_us_is_not_asked_though_others_may(desk: Desk) -> None:
    with TownWeb(sites=("forbidden",)) as web:
        desk.put(web.source("forbidden"))
        assert "robots 禁止 1 页" in desk.run("crawl")
        assert web.seen("forbidden") == []


def test_rules_that_cannot_be_read_forbid_everything(desk: Desk) -> None:
    with TownWeb(sites=("norules",)) as web:
        desk.put(web.source("norules"))
        assert "robots.txt 取不到（HTTP 500）" in desk.run("crawl")
        assert web.seen("norules") == []


def test_a_storm_of_429_is_waited_out_and_nothing_is_lost(desk: Desk) -> None:
    with TownWeb(letters=2, sites=("storm",)) as web:
        web.town.refuse = 4
        desk.put(web.source("storm"))
        output = desk.run("crawl")
        assert "收 2 件" in output
        assert "（读完）" in output
        asked = web.seen("storm")
        refused = [n for n, one in enumerate(asked) if "/letters/" in one.path][:4]
        assert all(asked[n + 1].at - asked[n].at >= 0.95 for n in refused), "Retry-After: 1, also by what was queued"


def test_a_site_that_goes_on_refusing_is_given_up_clearly_and_taken_up_later(desk: Desk) -> None:
    with TownWeb(letters=2, sites=("storm",)) as web:
        web.town.refuse = 5
        desk.put(web.source("storm"))
        assert "站方要求放慢（HTTP 429）" in desk.run("crawl")
        assert len(web.seen("storm")) == 6
        time.sleep(1.1)
        assert "收 2 件" in desk.run("crawl")


def test_a_site_that_is_shut_for_an_hour_is_left_alone_by_the_next_run_too(desk: Desk) -> None:
    with TownWeb(sites=("shut",)) as web:
        desk.put(web.source("shut"))
        assert "站方要求放慢（HTTP 503）" in desk.run("crawl")
        assert len(web.seen("shut")) == 1
        assert "站方要求暂缓，时候未到" in desk.run("crawl")
        assert len(web.seen("shut")) == 1


def test_outside_its_hours_nothing_is_asked(desk: Desk) -> None:
    from datetime import datetime, timedelta

    from models.clock import CITY_TIME

    hour = datetime.now(CITY_TIME) + timedelta(hours=2)
    with TownWeb(letters=2, sites=("calendar",)) as web:
        desk.put(web.source("calendar", window=f"{hour:%H:00}-{hour + timedelta(hours=1):%H:00}"))
        assert "不在采集时段" in desk.run("crawl")
        assert web.seen("calendar") == []


def test_every_request_says_who_asks(desk: Desk) -> None:
    with TownWeb(letters=3, sites=("mailbox",)) as web:
        desk.put(web.source("mailbox"))
        desk.run("crawl")
        assert {one.headers["user-agent"] for one in web.seen("mailbox")} == {"Minsheng/0.1 (+data@city.example)"}
        assert not any("cookie" in one.headers for one in web.seen("mailbox"))


# --- places that swallow crawlers --------------------------------------------------------------------------------------
def test_a_calendar_without_end_ends(desk: Desk) -> None:
    with TownWeb(letters=10, sites=("calendar",)) as web:
        desk.put(web.source("calendar"))
        output = desk.run("crawl")
        assert "收 10 件" in output
        lists = [one.path for one in web.seen("calendar") if "/letters/" not in one.path]
        assert lists == ["/", *(f"/?page={n}" for n in range(2, 6))], f"two with letters, three without news; {output}"


def test_sessions_in_addresses_make_no_new_pages(desk: Desk) -> None:
    with TownWeb(letters=8, sites=("sessions",)) as web:
        desk.put(web.source("sessions", items="li a:first-child"))
        assert "收 8 件" in desk.run("crawl")
        assert len(web.seen("sessions")) == 8 + 2


def test_a_maze_is_left(desk: Desk) -> None:
    with TownWeb(sites=("maze",)) as web:
        desk.put(web.source("maze", stop_after=0))
        assert "（读完）" in desk.run("crawl")
        assert len(web.seen("maze")) < 20


def test_nothing_inside_is_reached_by_link_redirect_or_circle(desk: Desk) -> None:
    with listener() as (port, heard), TownWeb(letters=1, sites=("inside",)) as web:
        web.town.inside_port = port
        desk.put(web.source("inside"))
        assert "收 1 件" in desk.run("crawl")
        assert len([one for one in web.seen("inside") if one.path == "/circle"]) <= 6
        assert heard == []


@pytest.mark.browser
def test_a_browser_reads_what_scripts_make_and_reaches_nothing_inside_either(desk: Desk) -> None:
    pytest.importorskip(
        "scrapy_playwright", reason="scrapy-playwright is not installed (pip install 'minsheng[browser]')"
    )
    if shutil.which("chromium") is None:
        pytest.skip("chromium is not installed")
    desk.path_of_programs = "/usr/bin"
    with listener() as (port, heard), TownWeb(letters=4, sites=("scripted",)) as web:
        web.town.inside_port = port
        desk.put(web.source("scripted"))
        output = desk.run("crawl")
        assert "收 3 件" in output, output
        assert {item.payload.title for item in desk.items("scripted")} == {title(n) for n in (1, 3, 4)}
        assert heard == []
        assert not any(
            "/data/" in one.path and "HeadlessChrome" in one.headers["user-agent"] for one in web.seen("scripted")
        ), "it says who asks"


# --- faults ------------------------------------------------------------------------------------------------------------
def test_bombs_lies_and_pictures_cost_nothing_but_themselves(desk: Desk) -> None:
    with TownWeb(letters=5, sites=("bomb",)) as web:
        desk.put(web.source("bomb"))
        output = desk.run("crawl")
        items = desk.items("bomb")
        assert {item.payload.url.rpartition("/")[2] for item in items if item.payload.url and item.payload.text} == {
            "1",
            "5",
        }
        assert "失败 2 页" in output, "the bomb and the lie"


def test_a_body_that_trickles_does_not_hold_the_others_up(desk: Desk) -> None:
    with TownWeb(letters=3, sites=("slow", "mailbox")) as web:
        web.town.body_seconds = 1.0
        for name in ("slow", "mailbox"):
            desk.put(web.source(name))
        output = desk.run("crawl")
        assert output.count("收 3 件") == 2
        assert max(one.at for one in web.seen("mailbox")) < max(one.at for one in web.seen("slow"))


OWN = """
from crawlers.web.spider import PageSpider
class Upper(PageSpider):
    def read_page(self, content, page, fetched_at):
        if page.url.endswith("/letters/2"):
            raise KeyError("nothing like that")
        return super().read_page(content, page, fetched_at)
"""


def test_a_city_adds_its_own_spider_and_a_page_it_stumbles_over_fails_alone(desk: Desk) -> None:
    (desk.home / "ours.py").write_text(OWN, encoding="utf-8")
    desk.path = [str(desk.home)]
    with TownWeb(letters=4, sites=("calendar",)) as web:
        desk.put(web.source("calendar", spider="ours:Upper"))
        output = desk.run("crawl")
        assert "收 3 件" in output
        assert "读页出错（KeyError" in output
        desk.put(web.source("calendar", spider="ours:Nobody"))
        assert "应写成 模块:类" in desk.run("crawl", status=2)


# --- coming back -------------------------------------------------------------------------------------------------------
def test_the_next_run_asks_for_what_is_new_and_for_what_the_list_shows_changed(desk: Desk) -> None:
    with TownWeb(letters=40, sites=("mailbox",)) as web:
        desk.put(web.source("mailbox"))
        assert "收 40 件" in desk.run("crawl")
        web.forget()
        web.town.letters = 42
        web.town.answered.add(39)
        assert "收 3 件" in desk.run("crawl")
        assert letters(web.seen("mailbox")) == ["/letters/39", "/letters/41", "/letters/42"]
        assert len([one for one in web.seen("mailbox") if one.path.startswith("/list")]) <= 5, (
            "the rest of the list is known"
        )


def test_letters_without_an_answer_are_visited_again_until_they_have_one(desk: Desk) -> None:
    from sqlalchemy import text

    from api.wiring import House
    from models.settings import Settings

    def pass_days(days: int) -> None:
        with House(Settings(home=desk.home)) as house, house.database.begin() as connection:
            connection.execute(
                text(f"UPDATE crawl_page SET due_at = due_at - {days * 86_400}, found_at = found_at - {days * 86_400}")
            )

    with TownWeb(letters=5, sites=("mailbox",)) as web:
        source = web.source("mailbox")
        source["list_fields"] = {}  # the list says nothing of answers
        desk.put(source)
        desk.run("crawl")
        assert len(desk.items("mailbox")) == 5
        web.forget()
        pass_days(2)
        output = desk.run("crawl")
        assert letters(web.seen("mailbox")) == ["/letters/4", "/letters/5"], "1 to 3 are answered"
        assert "未变 2" in output
        assert all(one.headers.get("if-none-match") for one in web.seen("mailbox") if "/letters/" in one.path)
        web.town.answered.add(4)
        web.forget()
        pass_days(14)
        desk.run("crawl")
        assert [item.payload.reply for item in desk.items("mailbox")] == ["已安排处理。"]
        web.forget()
        pass_days(14)
        desk.run("crawl")
        assert letters(web.seen("mailbox")) == ["/letters/5"]


def test_a_page_under_several_addresses_is_one_record(desk: Desk) -> None:
    from models.identity import record_id

    with TownWeb(sites=("reposts",)) as web:
        desk.put(web.source("reposts"))
        desk.run("crawl")
        items = desk.items("reposts")
        assert len(items) == 4
        assert len({record_id(item) for item in items}) == 3


def test_the_pause_counts_from_when_a_request_leaves() -> None:
    """Not from when it was taken out of the queue: a machine that was busy in between must not shorten it."""
    from types import SimpleNamespace

    from scrapy import Request

    from crawlers.web.polite import stamp

    slot, seen = SimpleNamespace(lastseen=time.monotonic() - 0.3), []
    crawler = SimpleNamespace(
        spider=SimpleNamespace(departed=lambda host, moment: seen.append((host, moment))),
        engine=SimpleNamespace(downloader=SimpleNamespace(slots={"a.example": slot})),
    )
    stamp(crawler, Request("http://a.example:81/x", meta={"download_slot": "a.example"}))
    assert seen == [("a.example:81", slot.lastseen)]
    slot.lastseen = time.monotonic() + 60  # Retry-After
    stamp(crawler, Request("http://a.example:81/x", meta={"download_slot": "a.example"}))
    assert slot.lastseen > time.monotonic() + 50


def test_the_scheduled_run_takes_up_what_is_due_one_after_the_other_and_a_bad_one_stops_none(desk: Desk) -> None:
    sites = ("mailbox", "board", "news", "calendar")
    with TownWeb(letters=2, sites=sites) as web:
        for name in sites:
            desk.put(web.source(name))
        desk.put({**web.source("news"), "name": "wrong", "spider": "nowhere:Nobody"})
        desk.run("source", "pause", "board")
        told = desk.run("crawl", "--due")
        assert "（读完）" in told
        assert {line.partition("：")[0] for line in told.splitlines() if "读 " in line} == {
            "mailbox",
            "news",
            "calendar",
            "wrong",
        }
        assert web.seen("board") == []
        assert "收" not in desk.run("crawl", "--due"), "nothing is due any more"
        desk.run("source", "run", "board")
        assert "board：读" in desk.run("crawl", "--due")


ONE_BY_ONE = """
import json, sys
from pathlib import Path
from crawlers.definitions import all_of
from crawlers.web.crawl import crawl
from indices.database import connect, create_tables
engine = connect(f"sqlite:///{sys.argv[1]}/state.db")
create_tables(engine)
told = []
done = crawl(iter(all_of(Path(sys.argv[1]) / "sources").values()), len, engine, at_once=2, inside=sys.argv[2:], finished=lambda one: told.append(one.source))
engine.dispose()
print(json.dumps([[one.source for one in done], told, sum(one.items for one in done)]))
"""


def test_more_sources_than_places_are_read_as_places_become_free(desk: Desk) -> None:
    sites = ("mailbox", "board", "news", "calendar", "search", "api", "rss")
    with TownWeb(letters=2, sites=sites) as web:
        for name in sites:
            desk.put(web.source(name))
        hosts = [web.address(name).split("//")[1].split(":")[0] for name in sites]
        done = subprocess.run(
            [sys.executable, "-c", ONE_BY_ONE, str(desk.home), *hosts],
            env=desk.env,
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        assert done.returncode == 0, done.stderr
        names, told, items = json.loads(done.stdout.splitlines()[-1])
        assert sorted(names) == sorted(sites)
        assert told == names
        assert items == 2 * 6 + 4 * 2
