"""The spider against a real server on loopback, in a process of its own as in the house."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from api.wiring import House
from crawlers.definitions import load as load_source
from models.clock import CITY_TIME, city_day
from models.errors import BadFile
from models.settings import Settings

LETTERS = 7
ROBOTS = "User-agent: *\nDisallow: /letters/secret\n"


class Site(BaseHTTPRequestHandler):
    """A leader's mailbox: lists of three letters, one letter that robots may not read, one that is gone, one elsewhere."""

    seen: list[tuple[str, float, str]]

    def do_GET(self) -> None:
        self.seen.append((self.path, time.monotonic(), self.headers["User-Agent"]))
        path, _, query = self.path.partition("?")
        if path == "/robots.txt":
            self._send(ROBOTS, "text/plain")
        elif path == "/list":
            self._send(self._list(int(query.removeprefix("page=") or 1)))
        elif path.startswith("/letters/") and path[9:].isdigit():
            number = int(path[9:])
            when = {1: "写信时间：昨天 08:05 来源：信箱", 2: "3小时前"}.get(number, f"2026年3月{number}日 08:05")
            self._send(f'<main id="l" data-n="X{number}"><h1>第{number}封：路灯不亮</h1><p class="d">{when}</p>'
                       f'<div class="b"><p>柳堤路路灯不亮。</p><p>已有 {number} 天。</p></div></main>')  # fmt: skip
        else:
            self.send_error(404)

    def _list(self, page: int) -> str:
        numbers = range(3 * page - 2, min(3 * page, LETTERS) + 1)
        links = "".join(f'<li><a href="/letters/{n}">{n}</a></li>' for n in numbers)
        extra = '<li><a href="/letters/secret">x</a></li><li><a href="/letters/gone">x</a></li><li><a href="http://elsewhere.invalid/">x</a></li>'
        for no_page in ("javascript:void(0)", "mailto:a@city.example", "http://[x/", ""):
            extra = f'<li><a href="{no_page}">x</a></li>{extra}'
        following = f'<a class="next" href="/list?page={page + 1}">下一页</a>' if 3 * page < LETTERS else ""
        return f"<ul>{links}{extra if page == 1 else ''}</ul>{following}"

    def _send(self, body: str, kind: str = "text/html") -> None:
        data = body.encode("gb18030" if kind == "text/html" else "utf-8")
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset={'gb18030' if kind == 'text/html' else 'utf-8'}")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[tuple[str, list[tuple[str, float, str]]]]:
    seen: list[tuple[str, float, str]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OneSite", (Site,), {"seen": seen}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    server.server_close()
    thread.join()


def definition(address: str, **changes: object) -> str:
    values = {"name": "mailbox", "start": f"{address}/list?page=1", "items": "li a", "next_page": "a.next", "legal_basis": "公开渠道",
              "contact": "data@city.example", "channel": "mailbox", "delay_seconds": 0.15, "inside": True, **changes}  # fmt: skip
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    fields = '[fields]\nnative_id = "#l::attr(data-n)"\ntitle = "h1"\ntext = ".b"\ncreated_at = ".d"\n'
    return "\n".join(lines) + "\n" + fields


def crawl(home: Path) -> str:
    return minsheng(home, "crawl").stdout


def minsheng(home: Path, *words: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "api.cli", *words]
    env = {"MINSHENG_HOME": str(home), "PATH": "", "LANG": "C.UTF-8"}
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=90, check=False, cwd=Path(__file__).parents[3]
    )
    assert done.returncode == status, done.stderr
    return done


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "sources").mkdir()
    return tmp_path


@pytest.mark.slow  # eleven pages with the pause between them that is under test
def test_a_site_comes_in_whole_and_politely(site: tuple[str, list[tuple[str, float, str]]], home: Path) -> None:
    address, seen = site
    (home / "sources" / "m.toml").write_text(definition(address, delay_seconds=0.6), encoding="utf-8")
    output = crawl(home)
    assert f"收 {LETTERS} 件，robots 禁止 1 页，失败 1 页" in output
    assert float(output.split("最短相隔")[1].split("秒")[0]) >= 0.6, (
        "measured where requests leave: a late server does not shorten it"
    )
    paths = [path for path, _, _ in seen]
    assert paths[0] == "/robots.txt"
    assert "/letters/secret" not in paths
    assert len(paths) == len(set(paths)) == LETTERS + 3 + 1 + 1
    assert {agent for _, _, agent in seen} == {"Minsheng/0.1 (+data@city.example)"}
    moments = [moment for _, moment, _ in seen[1:]]
    # From where it arrives a request seems to follow too soon by as much as the one before came late; from where it leaves (above) it never does.
    assert (moments[-1] - moments[0]) / (len(moments) - 1) >= 0.95 * 0.6
    with House(Settings(home=home), read_only=True) as house:
        items = {leased.item.native_id: leased.item for leased in house.inbox.lease(100, "t")}
        assert house.inbox.books("mailbox").received == LETTERS
    one = items["X3"]
    assert (one.payload.title, one.payload.text, one.payload.channel) == (
        "第3封：路灯不亮",
        "柳堤路路灯不亮。\n已有 3 天。",
        "mailbox",
    )
    assert one.payload.created_at is not None
    assert one.payload.created_at.day == 3
    assert one.payload.url == f"{address}/letters/3"
    yesterday, hours = (items[name].payload.created_at for name in ("X1", "X2"))
    assert yesterday is not None
    assert hours is not None
    assert (yesterday.astimezone(CITY_TIME).hour, yesterday.astimezone(CITY_TIME).minute) == (8, 5)
    assert city_day(yesterday) == city_day(items["X1"].fetched_at) - timedelta(days=1)
    assert timedelta(hours=3) <= items["X2"].fetched_at - hours < timedelta(hours=3, seconds=1)
    assert one.legal_basis == "公开渠道"


@pytest.mark.slow  # a process that loads scrapy
def test_the_number_of_pages_is_bounded(site: tuple[str, list[tuple[str, float, str]]], home: Path) -> None:
    address, seen = site
    (home / "sources" / "m.toml").write_text(definition(address, max_pages=3, delay_seconds=0.0), encoding="utf-8")
    assert "已读满 3 页" in crawl(home)
    assert len(seen) < LETTERS + 3


def test_without_sources_it_says_where_to_put_them(home: Path) -> None:
    assert str(home / "sources") in crawl(home)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"start": "file:///etc/passwd"}, "start"),
        ({"start": "ftp://a.example/"}, "start"),
        ({"start": "http://10.0.0.5/list", "inside": False}, "10.0.0.5 是内部地址；本单位内网的网站请写 inside = true"),
        ({"delay_seconds": -1}, "delay_seconds"),
        ({"legal_basis": ""}, "legal_basis"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_definition_is_refused_with_what_is_wrong(tmp_path: Path, changes: dict[str, object], why: str) -> None:
    (tmp_path / "m.toml").write_text(definition("http://a.example", **changes), encoding="utf-8")
    with pytest.raises(BadFile, match=why):
        load_source(tmp_path / "m.toml")


def test_a_definition_without_a_text_or_with_an_unknown_field_is_refused(tmp_path: Path) -> None:
    text = definition("http://a.example").replace('title = "h1"', 'titel = "h1"').replace('text = ".b"\n', "")
    (tmp_path / "m.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BadFile, match=r"'titel'.*title 或 text"):
        load_source(tmp_path / "m.toml")


def test_a_source_is_tried_before_it_is_put_to_work(site: tuple[str, list[tuple[str, float, str]]], home: Path) -> None:
    address, seen = site
    path = home / "m.toml"
    path.write_text(definition(address) + 'reply = ".r"\n', encoding="utf-8")
    told = minsheng(home, "source", "try", str(path)).stdout
    assert "封：路灯不亮" in told
    assert "空的字段：reply" in told
    assert len(seen) <= 8, "a few pages and no more"
    seen.clear()
    told = minsheng(home, "source", "try", str(path), f"{address}/letters/4").stdout
    assert "第4封：路灯不亮" in told
    assert [page for page, _, _ in seen] == ["/robots.txt", "/letters/4"]
    with House(Settings(home=home), read_only=True) as house:
        assert house.inbox.books().received == 0, "nothing is kept"


def test_what_finds_nothing_says_which_selector(site: tuple[str, list[tuple[str, float, str]]], home: Path) -> None:
    address, _ = site
    path = home / "m.toml"
    path.write_text(definition(address, items="table a"), encoding="utf-8")
    assert "items = 'table a' 在列表页上没有找到" in minsheng(home, "source", "try", str(path), status=1).stdout
    path.write_text(definition("http://www.city.example", inside=False), encoding="utf-8")
    refused = minsheng(home, "source", "try", str(path), "http://10.0.0.5/letter", status=2)
    assert "10.0.0.5 是内部地址" in refused.stderr
