"""A crawl that is killed at any moment ends with every page, and asks for next to none twice (R2); its manners in figures (R10, S6)."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crawlers.web.conftest import ROOT, Desk
from tests.servers.town_web import Seen, TownWeb, listener

pytest.importorskip("scrapy", reason="scrapy is not installed (pip install 'minsheng[crawl]')")
pytestmark = [pytest.mark.crash, pytest.mark.slow]
DELAY_SECONDS = 0.1


@pytest.mark.timeout(600)
def test_a_crawl_resumes_after_any_death(tmp_path: Path, kills: int, figure: Callable[[str], None]) -> None:
    """Twenty deaths over 400 letters under `make crash`, otherwise four over 100."""
    kills, letters = (20, 400) if kills >= 20 else (4, 100)
    draw, desk = random.Random(kills), Desk(tmp_path)
    with TownWeb(letters=letters, sites=("mailbox",)) as web:
        desk.put(web.source("mailbox", delay_seconds=DELAY_SECONDS, stop_after=0))
        for _ in range(kills):
            child = subprocess.Popen(
                desk.command("crawl"), env=desk.env, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            before, until = web.robots_seen("mailbox"), time.monotonic() + 30
            while web.robots_seen("mailbox") == before and time.monotonic() < until:
                time.sleep(0.01)
            time.sleep(draw.uniform(0.0, DELAY_SECONDS * letters / (kills + 1)))
            child.send_signal(signal.SIGKILL)
            child.wait()
        before_last = len(web.seen("mailbox"))
        desk.run("crawl")
        asked = [one.path for one in web.seen("mailbox")]
        pages, twice = len(set(asked)), len(asked) - len(set(asked))
        stored = {item.native_id for item in desk.items("mailbox")}
    figure(f"R2: after {kills} kills ({before_last} pages before the last run): {len(stored)} of {letters} letters, "
           f"{twice} of {pages} pages asked for twice ({twice / pages:.1%})")  # fmt: skip
    assert before_last > kills, "the deaths came while it was at work"
    assert len(stored) == letters
    assert twice <= 2 * kills, "at most the page in hand and the one that was being kept"
    assert kills < 20 or twice <= 0.02 * pages


@pytest.mark.timeout(300)
def test_manners_in_figures(tmp_path: Path, kills: int, figure: Callable[[str], None]) -> None:
    """Sites with rules, pauses, storms and ways inside, at the pause that ships (1 s); the sites' own logs and a listener inside are the witnesses."""
    sites, letters = ("mailbox", "unhurried", "storm", "inside", "forbidden", "norules"), 20 if kills >= 20 else 4
    desk = Desk(tmp_path)
    with listener() as (port, heard), TownWeb(letters=letters, sites=sites) as web:
        web.town.inside_port, web.town.refuse = port, 3
        for name in sites:
            desk.put(web.source(name, delay_seconds=1.0))
        output = desk.run("crawl")
        asked = {name: web.seen(name) for name in sites}
    gaps = [float(line.split("最短相隔")[1].split("秒")[0]) for line in output.splitlines() if "最短相隔" in line]
    forbidden = [one for name in ("forbidden", "norules") for one in asked[name]] + [
        one for one in asked["mailbox"] if "secret" in one.path
    ]
    early = [n for n in _refused(asked["storm"]) if asked["storm"][n + 1].at - asked["storm"][n].at < 0.95]
    figure(f"R10: {sum(map(len, asked.values()))} requests to {len(sites)} sites: {len(forbidden)} forbidden ones, shortest pause {min(gaps):.3f} s of 1 s, "
           f"{len(early)} of {len(_refused(asked['storm']))} requests before Retry-After was over; S6: {len(heard)} hits inside")  # fmt: skip
    assert (forbidden, early, heard) == ([], [], [])
    assert min(gaps) >= 1.0


def _refused(asked: list[Seen]) -> list[int]:
    """Numbers of the requests that the storm refused: the first three for letters."""
    return [n for n, one in enumerate(asked) if "/letters/" in one.path][:3]
