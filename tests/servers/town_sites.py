"""The well-behaved sites of the town: what each answers, and the definition that reads it. The others are in `town_traps`."""

from __future__ import annotations

import gzip
import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.servers.town_web import Town

TEMPLATES = Path(__file__).parents[2] / "crawlers/web/templates"
PER_PAGE = 5
FIRST = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
STREETS = ("柳堤路", "望江街", "桥北巷", "新塘路", "北门大街")
THINGS = ("路灯不亮", "井盖松动", "垃圾没有清运", "公交站牌倒了", "夜间施工太吵")


@dataclass(frozen=True)
class Asked:
    path: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    headers: Mapping[str, str]
    address: str


@dataclass(frozen=True)
class Answer:
    body: bytes = b""
    status: int = 200
    kind: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class Site:
    answer: Callable[[Town, Asked], Answer]
    source: dict[str, Any]


SITES: dict[str, Site] = {}


def site(
    name: str, *, template: str = "", robots: str | None = "", **source: Any
) -> Callable[[Callable[[Town, Asked], Answer]], Any]:
    """Register a site. `robots`: its robots.txt; None: the function answers for that, too."""

    def register(answer: Callable[[Town, Asked], Answer]) -> Callable[[Town, Asked], Answer]:
        def whole(town: Town, asked: Asked) -> Answer:
            if asked.path == "/robots.txt" and robots is not None:
                return Answer(robots.encode(), kind="text/plain") if robots else Answer(status=404)
            return answer(town, asked)

        told = tomllib.loads((TEMPLATES / f"{template}.toml").read_text(encoding="utf-8")) if template else {}
        start = told.pop("path", None)
        SITES[name] = Site(whole, {**told, **({"start": start} if start else {}), **source})
        return answer

    return register


def title(n: int) -> str:
    return f"{STREETS[n % 5]}{THINGS[n // 5 % 5]}（{n}）"


def body(n: int) -> str:
    return f"{STREETS[n % 5]}{THINGS[n // 5 % 5]}，已有{n % 9 + 1}天，请尽快处理。"


def when(n: int) -> datetime:
    return FIRST + timedelta(hours=n)


def page_of(asked: Asked, name: str = "page") -> int:
    return int(asked.query.get(name) or asked.form.get(name) or 1)


def numbers(town: Town, page: int) -> range:
    """Newest first, `PER_PAGE` on a page."""
    newest = town.letters - PER_PAGE * (page - 1)
    return range(newest, max(0, newest - PER_PAGE), -1)


def html(inner: str, encoding: str = "utf-8", kind: str = "", **headers: str) -> Answer:
    return Answer(
        f"<!doctype html><html><body>{inner}</body></html>".encode(encoding),
        kind=kind or f"text/html; charset={encoding}",
        headers=headers,
    )


def following(town: Town, page: int, path: str) -> str:
    return f'<a class="next" href="{path}?page={page + 1}">下一页</a>' if PER_PAGE * page < town.letters else ""


def letter(town: Town, n: int) -> str:
    reply = f'<div class="reply"><span class="unit">市政中心</span><span class="date">{when(n + 24):%Y-%m-%d %H:%M}</span><p class="text">已安排处理。</p></div>'
    return (f'<main><span class="number">X{n:04}</span><h1>{title(n)}</h1><span class="date">写信时间：{when(n):%Y年%m月%d日 %H:%M}</span>'
            f'<div class="letter"><p>{body(n)}</p><p>{town.changed.get(n, "谢谢。")}</p></div>{reply if n in town.answered else ""}</main>')  # fmt: skip


# --- the forms of sources --------------------------------------------------------------------------------------------
@site("mailbox", template="mailbox", start="/list?page=1", robots="User-agent: *\nDisallow: /letters/secret\n")
def mailbox(town: Town, asked: Asked) -> Answer:
    if asked.path == "/list":
        page = page_of(asked)
        rows = "".join(f'<li><a href="/letters/{n}">{title(n)}</a><span class="state">{"已回复" if n in town.answered else "办理中"}</span></li>'
                       for n in numbers(town, page))  # fmt: skip
        extra = '<li><a href="/letters/secret">不公开</a></li><li><a href="/letters/gone">已删</a></li><li><a href="javascript:void(0)">收藏</a></li>'
        return html(
            f'<ul class="letters">{rows}{extra if page == 1 else ""}</ul>{following(town, page, "/list")}', "gb18030"
        )
    number = asked.path.rpartition("/")[2]
    if not number.isdigit() or int(number) > town.letters:
        return Answer(status=404)
    n = int(number)
    tag = f'"{n}-{n in town.answered}-{town.changed.get(n, "")}"'.encode().hex()
    if asked.headers.get("if-none-match") == f'"{tag}"':
        return Answer(status=304)
    return html(letter(town, n), "gb18030", ETag=f'"{tag}"')


@site("board", template="board", start="/threads")
def board(town: Town, asked: Asked) -> Answer:
    """Big5, threads of two pages."""
    if asked.path == "/threads":
        page = page_of(asked)
        rows = "".join(f'<tr><td><a href="/thread/{n}">主題{n}</a></td></tr>' for n in numbers(town, page))
        return html(
            f'<table class="threads">{rows}</table>{following(town, page, "/threads")}',
            "big5hkscs",
            "text/html; charset=big5",
        )
    n, page = int(asked.path.rpartition("/")[2]), page_of(asked)
    posts = "".join(f'<div class="post" id="p{n}-{page}-{k}"><b class="author">市民{k}</b><i class="date">{when(n):%Y-%m-%d} 2{k}:15</i>'
                    f'<div class="text">路燈不亮，第{page}頁第{k}樓。</div></div>' for k in (1, 2))  # fmt: skip
    more = '<a class="more" href="?page=2">下頁</a>' if page == 1 else ""
    return html(f"<h1>主題{n}</h1>{posts}{more}", "big5hkscs", "text/html; charset=big5")


@site("news", template="news", start="/")
def news(town: Town, asked: Asked) -> Answer:
    """The header says UTF-8 and is wrong; the markup is broken; the address carries who reads."""
    if asked.path == "/":
        page = page_of(asked)
        rows = "".join(f'<li><a href="/content/{n}?from=list&sid={page}{n}">{title(n)}' for n in numbers(town, page))
        return html(f'<ul class="news">{rows}</ul>{following(town, page, "/")}')
    n = int(asked.path.rpartition("/")[2])
    inner = (f'<h1>{title(n)}</h1><p class="info">2026-03-0{n % 9 + 1} 09:00　来源：城市报<div class="article"><p>本报讯 <b>{STREETS[n % 5]}</b>'
             f"<em>今日</em>施工。<p>请绕行。<script>var a = '不要读我';</script></div>")  # fmt: skip
    return html(inner, "gb18030", "text/html; charset=utf-8")


@site("utf16", start="/", items="ul a", fields={"title": "h1", "text": ".article", "created_at": ".info"})
def utf16(town: Town, asked: Asked) -> Answer:
    if asked.path == "/":
        return html("<ul>" + "".join(f'<li><a href="/content/{n}">{n}</a></li>' for n in range(1, 4)) + "</ul>")
    n = int(asked.path.rpartition("/")[2])
    inner = f'<html><h1>{title(n)}</h1><p class="info">二〇二六年三月{"一二三"[n - 1]}日</p><div class="article">{body(n)}</div></html>'
    _ = town
    return Answer(inner.encode("utf-16"), kind="text/html")


@site("sitemap", template="sitemap", start="/sitemap.xml")
def sitemap(town: Town, asked: Asked) -> Answer:
    space = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
    if asked.path == "/sitemap.xml":
        parts = "".join(f"<sitemap><loc>{asked.address}/part{k}.xml.gz</loc></sitemap>" for k in range(_parts(town)))
        return Answer(
            f'<?xml version="1.0"?><sitemapindex {space}>{parts}</sitemapindex>'.encode(), kind="application/xml"
        )
    if asked.path.startswith("/part"):
        urls = "".join(f"<url><loc>{asked.address}/content/{n}</loc><lastmod>{town.changed.get(n, '2026-03-01')}</lastmod></url>"
                       for n in range(1, town.letters + 1) if n % _parts(town) == int(asked.path[5:].partition(".")[0]))  # fmt: skip
        urls += f"<url><loc>{asked.address}/about</loc></url>"
        return Answer(gzip.compress(f"<urlset {space}>{urls}</urlset>".encode()), kind="application/x-gzip")
    n = int(asked.path.rpartition("/")[2])
    return html(f'<h1>{title(n)}</h1><p class="info">{when(n):%Y-%m-%d %H:%M}</p><div class="article">{body(n)}</div>')


def _parts(town: Town) -> int:
    return max(2, town.letters // 1_000)


@site("rss", template="feed", start="/rss.xml")
def rss(town: Town, asked: Asked) -> Answer:
    entries = "".join(f"<item><title>{title(n)}</title><link>/content/{n}</link><guid>r{n}</guid><description><![CDATA[<p>{body(n)}</p><p>谢谢。</p>]]>"
                      f"</description><pubDate>{format_datetime(when(n))}</pubDate></item>" for n in numbers(town, 1))  # fmt: skip
    _ = asked
    return Answer(f'<?xml version="1.0" encoding="gb2312"?><rss version="2.0"><channel><title>要闻</title>{entries}</channel></rss>'.encode("gb18030"),
                  kind="text/xml")  # fmt: skip


@site("atom", template="feed", start="/feed")
def atom(town: Town, asked: Asked) -> Answer:
    entries = "".join(f'<entry><title>{title(n)}</title><link href="/content/{n}"/><id>a{n}</id><updated>{when(n).isoformat()}</updated>'
                      f"<content type='html'>{body(n)}</content></entry>" for n in numbers(town, 1))  # fmt: skip
    _ = asked
    return Answer(f'<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom"><title>公告</title>{entries}</feed>'.encode(),
                  kind="application/atom+xml")  # fmt: skip


@site("api", form="api", start="/letters.json?page={page}", items="data.rows",
      fields={"native_id": "id", "title": "title", "text": "content", "created_at": "time", "likes": "likes"})  # fmt: skip
def api(town: Town, asked: Asked) -> Answer:
    rows = [
        {"id": f"J{n}", "title": title(n), "content": body(n), "time": int(when(n).timestamp()), "likes": n}
        for n in numbers(town, page_of(asked))
    ]
    return as_json({"code": 0, "data": {"rows": rows, "total": town.letters}})


@site("cursor", form="api", start="/letters?after={cursor}", items="rows", next_page="next", detail=True, link="href",
      list_fields={"title": "title"}, fields={"native_id": "number", "text": "text", "created_at": "date"})  # fmt: skip
def cursor(town: Town, asked: Asked) -> Answer:
    """A list of JSON with details of JSON."""
    if asked.path == "/letters":
        page = int(asked.query.get("after") or 1)
        rows = [{"href": f"/letters/{n}", "title": title(n)} for n in numbers(town, page)]
        return as_json({"rows": rows, "next": str(page + 1) if PER_PAGE * page < town.letters else None})
    n = int(asked.path.rpartition("/")[2])
    return as_json({"number": f"C{n}", "text": body(n), "date": when(n).isoformat()})


@site("search", template="search", start="/search")
def search(town: Town, asked: Asked) -> Answer:
    if asked.path == "/search":
        if not asked.form.get("begin") or not asked.form.get("end"):
            return Answer(status=400)
        rows = "".join(
            f'<tr><td><a href="/show?number={n}">{title(n)}</a></td></tr>' for n in numbers(town, page_of(asked))
        )
        return html(f'<table class="found">{rows}</table>')
    return html(letter(town, int(asked.query["number"])))


@site("ckan", template="ckan", page_step=PER_PAGE)
def ckan(town: Town, asked: Asked) -> Answer:
    if asked.path != "/api/3/action/package_search":
        return Answer(status=404)
    rows = [{"id": f"d{n}", "title": title(n), "notes": body(n), "organization": {"title": "交通局"}, "metadata_created": when(n).isoformat(),
             "metadata_modified": when(n + 1).isoformat()} for n in numbers(town, 1 + int(asked.query["start"]) // PER_PAGE)]  # fmt: skip
    return as_json({"success": True, "result": {"count": town.letters, "results": rows}})


@site("open311", template="open311")
def open311(town: Town, asked: Asked) -> Answer:
    if not asked.query.get("start_date"):
        return Answer(status=400)
    return as_json([{"service_request_id": f"S{n}", "service_name": THINGS[n % 5], "description": body(n), "status": "open", "status_notes": None,
                     "agency_responsible": "城管局", "requested_datetime": when(n).isoformat(), "updated_datetime": when(n).isoformat(),
                     "address": STREETS[n % 5], "lat": 28.2, "long": 112.9} for n in numbers(town, page_of(asked))])  # fmt: skip


def as_json(value: object) -> Answer:
    return Answer(json.dumps(value, ensure_ascii=False).encode(), kind="application/json")
