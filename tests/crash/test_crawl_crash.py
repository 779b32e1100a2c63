"""A crawl that is killed at any moment ends with every page, and asks for next to none twice (R2)."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crawlers.web.conftest import ROOT, Desk
from tests.servers.town_web import TownWeb

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
    assert before_last > letters / 5, "the deaths came while it was at work"
    assert len(stored) == letters
    assert twice <= kills, "at most the page in hand"
    assert kills < 20 or twice <= 0.02 * pages
