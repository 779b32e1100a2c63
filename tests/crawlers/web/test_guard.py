"""S6 against a real listener: a hostile site leads inside by links, redirects and a name; nothing inside hears of it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("scrapy", reason="scrapy is not installed (pip install 'minsheng[crawl]')")
ROOT = Path(__file__).parents[3]
FORMS = (
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "0.0.0.0",
    "localhost",
    "a.localhost",
    "127.0.0.2",
    "inside.example",
)

SCRIPT = """
import json, socket, sys
real = socket.gethostbyname
names = {"hostile.example": "127.0.0.9", "inside.example": "127.0.0.1"}
def resolve(name):
    return names.get(name) or real(name)
socket.gethostbyname = resolve
from crawlers.web import addresses, guard
from crawlers.web.crawl import crawl
from crawlers.web.source import WebSource
start, guarded = sys.argv[1], sys.argv[2] == "guarded"
if not guarded:
    guard.SETTINGS.clear()
    guard.SETTINGS["DOWNLOADER_MIDDLEWARES"] = {}
source = WebSource(name="m", start=start, items="li a", fields={"title": "h1", "text": ".b"}, legal_basis="x", contact="a@b.example", delay_seconds=0.0,
                   inside=sys.argv[3] == "inside")
from tempfile import TemporaryDirectory
from indices.database import connect, create_tables
with TemporaryDirectory() as folder:
    engine = connect(f"sqlite:///{folder}/state.db")
    create_tables(engine)
    done = crawl([source], lambda items: len(items), engine)
    engine.dispose()
print(json.dumps([done[0].pages, done[0].items]))
"""


class Site(BaseHTTPRequestHandler):
    """A list that leads inside by links and, over pages of its own, by redirects. `seen`: host and path of every request."""

    seen: list[tuple[str, str]]

    def do_GET(self) -> None:
        host = (self.headers["Host"] or "").partition(":")[0]
        port = self.server.server_address[1]
        self.seen.append((host, self.path))
        if self.path.startswith("/hop"):
            self.send_response(302)
            self.send_header("Location", f"http://{FORMS[int(self.path[4:])]}:{port}/redirected")
            self.end_headers()
            return
        links = "".join(
            f'<li><a href="/hop{n}">x</a></li><li><a href="http://{form}:{port}/linked">x</a></li>'
            for n, form in enumerate(FORMS)
        )
        body = (
            f"<ul>{links}</ul><h1>题</h1><p class=b>文</p>" if self.path == "/" else "<h1>题</h1><p class=b>文</p>"
        ).encode()
        self.send_response(404 if self.path == "/robots.txt" else 200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site(request: pytest.FixtureRequest) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    seen: list[tuple[str, str]] = []
    server = ThreadingHTTPServer(("0.0.0.0", 0), type("OneSite", (Site,), {"seen": seen}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://{request.param}:{server.server_port}/", seen
    server.shutdown()
    server.server_close()
    thread.join()


def crawled(start: str, *words: str) -> tuple[int, int]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, start, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    pages, items = json.loads(done.stdout.splitlines()[-1])
    return pages, items


Found = tuple[str, list[tuple[str, str]]]


@pytest.mark.parametrize("site", ["127.0.0.9"], indirect=True)
def test_a_site_of_the_house_leads_to_no_other_address_inside(site: Found) -> None:
    start, seen = site
    crawled(start, "guarded", "inside")
    assert {path for _, path in seen} == {"/", "/robots.txt", *(f"/hop{n}" for n in range(len(FORMS)))}
    assert {host for host, _ in seen} == {"127.0.0.9"}


@pytest.mark.parametrize("site", ["hostile.example"], indirect=True)
def test_a_name_that_leads_inside_is_not_found(site: Found) -> None:
    start, seen = site
    assert crawled(start, "guarded", "outside") == (0, 0)
    assert seen == []


@pytest.mark.parametrize("site", ["hostile.example"], indirect=True)
def test_without_the_guard_it_would_be(site: Found) -> None:
    """What the library does by itself, so that the test above can fail."""
    start, seen = site
    crawled(start, "bare", "outside")
    assert ("hostile.example", "/") in seen


@pytest.mark.parametrize("url", [f"http://{form}:8080/" for form in FORMS[:-1]])
@pytest.mark.parametrize("own", [frozenset(), frozenset({"city.example"})])
def test_the_middleware_refuses_each_form_whatever_led_there(url: str, own: frozenset[str]) -> None:
    from scrapy import Request
    from scrapy.exceptions import IgnoreRequest

    from crawlers.web.guard import OutsideOnly

    with pytest.raises(IgnoreRequest, match="内部"):
        OutsideOnly(own, frozenset({"city.example", "other.example"})).process_request(Request(url))


def test_a_site_of_the_house_is_asked_by_its_own_source_only() -> None:
    from scrapy import Request
    from scrapy.exceptions import IgnoreRequest

    from crawlers.web.guard import OutsideOnly

    inside = frozenset({"10.0.0.5", "oa.city.example"})
    own, other, outside = (OutsideOnly(frozenset(names), inside) for names in (["10.0.0.5"], ["oa.city.example"], []))
    own.process_request(Request("http://10.0.0.5/list"))
    other.process_request(Request("http://oa.city.example/list"))
    outside.process_request(Request("https://www.city.example/list"))
    for guard, url in (
        (other, "http://10.0.0.5/"),
        (own, "http://oa.city.example/"),
        (outside, "http://oa.city.example/"),
        (outside, "http://10.0.0.5/"),
    ):
        with pytest.raises(IgnoreRequest):
            guard.process_request(Request(url))
