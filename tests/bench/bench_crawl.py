"""The crawler beside plain Scrapy, its memory over many addresses, and the service beside five crawls.

python tests/bench/bench_crawl.py [--pages 1500] [--addresses 100000] [--seconds 20]
"""

from __future__ import annotations

import argparse
import json
import os
import runpy
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.crawlers.web.conftest import Desk  # noqa: E402

SERVER = """
import sys, time
from tests.servers.town_web import TownWeb
import json
with TownWeb(letters=int(sys.argv[1]), sites=tuple(sys.argv[2].split(","))) as web:
    web.town.think_seconds = float(sys.argv[3])
    print(json.dumps({name: web.source(name) for name in sys.argv[2].split(",")}), flush=True)
    sys.stdin.read()
"""
PLAIN = """
import json, sys, time
import scrapy
from scrapy.crawler import AsyncCrawlerProcess
source = json.loads(sys.argv[1])
class Plain(scrapy.Spider):
    name = "plain"
    start_urls = source["start"]
    count = 0
    def parse(self, response):
        for row in response.css(source["items"]):
            address = row.css("a::attr(href)").get()
            if address[9:].isdigit():
                yield response.follow(address, self.detail)
        for link in response.css(source["next_page"]):
            yield response.follow(link, self.parse)
    def detail(self, response):
        Plain.count += 1
        yield {name: " ".join(response.css(f"{selector} ::text").getall()) for name, selector in source["fields"].items()}
process = AsyncCrawlerProcess({"ROBOTSTXT_OBEY": True, "CONCURRENT_REQUESTS_PER_DOMAIN": 1, "DOWNLOAD_DELAY": 0, "AUTOTHROTTLE_ENABLED": True,
    "AUTOTHROTTLE_START_DELAY": 0, "AUTOTHROTTLE_TARGET_CONCURRENCY": 1.0, "COOKIES_ENABLED": False, "TELNETCONSOLE_ENABLED": False, "LOG_ENABLED": False,
    "DOWNLOAD_DELAY_JITTER": 0.0})
crawler = process.create_crawler(Plain)
process.crawl(crawler)
process.start()
stats = crawler.stats.get_stats()
print(json.dumps({"pages": stats["response_received_count"], "items": Plain.count, "seconds": stats["elapsed_time_seconds"]}))
"""
OURS = """
import json, resource, sys
from pathlib import Path
from api.collecting import crawl_web
from api.wiring import House
from crawlers.definitions import all_of
from models.settings import Settings
with House(Settings(home=Path(sys.argv[1])), read_only=True) as house:
    done, _ = crawl_web(house, list(all_of(house.sources_folder).values()))
print(json.dumps({"pages": sum(one.pages for one in done), "items": sum(one.items for one in done), "seconds": max(one.seconds for one in done),
                  "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


@contextmanager
def town(letters: int, *sites: str, think: float = 0.0) -> Iterator[dict[str, dict[str, Any]]]:
    """Sites in a process of their own; their definitions."""
    command = [sys.executable, "-c", SERVER, str(letters), ",".join(sites), str(think)]
    server = subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdout is not None
    yield json.loads(server.stdout.readline())
    server.communicate("")


def python(code: str, *words: str, **env: str) -> dict[str, Any]:
    """Run a program of its own; Scrapy reads the source of its callbacks, so it lies in a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "program.py"
        path.write_text(code, encoding="utf-8")
        done = subprocess.run([sys.executable, str(path), *words], cwd=ROOT, capture_output=True, text=True, check=True,
                              env={**os.environ, "PYTHONPATH": str(ROOT), **env})  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def ours(sources: dict[str, dict[str, Any]], **changes: Any) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder))
        for source in sources.values():
            desk.put({**source, **changes})
        return python(OURS, folder)


def throughput(pages: int, rounds: int = 3) -> None:
    """Pages per second, in turns, with the same settings: robots, AutoThrottle, one request a host, no pause of our own."""
    for think, part in ((0.02, pages // 4), (0.0, pages)):
        rates: dict[str, list[float]] = {"plain": [], "ours": []}
        with town(part, "mailbox", think=think) as sources:
            for _ in range(rounds):
                plain = python(PLAIN, json.dumps(sources["mailbox"]))
                mine = ours(sources, stop_after=0, max_pages=1_000_000)
                assert plain["items"] == mine["items"] == part, (plain, mine)
                rates["plain"].append(plain["pages"] / plain["seconds"])
                rates["ours"].append(mine["pages"] / mine["seconds"])
        plain_rate, our_rate = (statistics.median(rates[name]) for name in ("plain", "ours"))
        print(f"pages/s of a site that answers after {1_000 * think:.0f} ms: plain Scrapy {plain_rate:.0f}, ours with frontier, archive and inbox on the disk "
              f"{our_rate:.0f}: ratio {our_rate / plain_rate:.2f} (target ≥ 0.9)", flush=True)  # fmt: skip


def memory(addresses: int) -> None:
    """Peak memory with few and with many known addresses, the same number of them fetched."""
    peaks = {}
    for known in (addresses // 50, addresses):
        with town(known, "sitemap") as sources:
            peaks[known] = ours(sources, max_pages=1_000)["peak_mb"]
    few, many = peaks.values()
    print(
        f"peak memory: {addresses // 50:,} addresses {few:.0f} MB, {addresses:,} addresses {many:.0f} MB: ratio {many / few:.2f}"
    )


def neighbours(seconds: float) -> None:
    """p95 of searches, pages and records at the real service, before, while and after five polite crawls run in one process."""
    people = runpy.run_path(str(Path(__file__).with_name("bench_neighbours.py")))
    sites = ("mailbox", "board", "news", "calendar", "storm")
    with tempfile.TemporaryDirectory() as folder, town(100_000, *sites) as sources:
        desk = Desk(Path(folder))
        tokens = people["prepare"](desk.home)
        for source in sources.values():
            desk.put({**source, "delay_seconds": 1.0, "stop_after": 0})
        with people["service"](desk.home) as port:

            def watched(seconds: float) -> list[float]:
                asking = [people["Neighbour"](port, token, number) for number, token in enumerate(tokens["neighbour"])]
                return taken(people["watch"](asking, seconds))

            watched(10)  # warm
            quiet = watched(seconds)
            crawl = subprocess.Popen(desk.command("crawl"), env=desk.env, cwd=ROOT, stdout=subprocess.DEVNULL)
            time.sleep(8)  # its start is over
            busy = watched(seconds)
            assert crawl.poll() is None, "the crawls ended before the measurement did"
            crawl.terminate()
            crawl.wait(30)
            quiet += watched(seconds)
    before, during = people["percentile"](quiet, 95), people["percentile"](busy, 95)
    print(
        f"p95 of the service: {before:.1f} ms quiet, {during:.1f} ms beside five crawls: ratio {during / before:.2f} (target ≤ 1.3)"
    )


def taken(watch: Any) -> list[float]:
    assert set(watch.statuses) == {200}, watch.statuses
    return [second for seconds in watch.taken.values() for second in seconds]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=1_500)
    parser.add_argument("--addresses", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    asked = parser.parse_args()
    throughput(asked.pages)
    memory(asked.addresses)
    neighbours(asked.seconds)


if __name__ == "__main__":
    begin = time.monotonic()
    main()
    print(f"({time.monotonic() - begin:.0f} s)")
