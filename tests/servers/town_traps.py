"""Sites of the town that do what the world does: storms, faults, traps, ways inside. Importing this module registers them."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.servers.town_sites import (
    PER_PAGE,
    Answer,
    Asked,
    as_json,
    body,
    following,
    html,
    letter,
    numbers,
    page_of,
    site,
    title,
)

if TYPE_CHECKING:
    from tests.servers.town_web import Town

SIMPLE: dict[str, Any] = {
    "start": "/",
    "items": "li a",
    "next_page": "a.next",
    "fields": {"title": "h1", "text": ".letter"},
}


def simple(town: Town, asked: Asked) -> Answer:
    """A list of letters at /, letters at /letters/N."""
    if asked.path.startswith("/letters/"):
        return html(letter(town, int(asked.path.rpartition("/")[2])))
    page = page_of(asked)
    rows = "".join(f'<li><a href="/letters/{n}">{n}</a></li>' for n in numbers(town, page))
    return html(f"<ul>{rows}</ul>{following(town, page, '/')}")


@site("storm", **SIMPLE)
def storm(town: Town, asked: Asked) -> Answer:
    """429 for a while, with Retry-After."""
    if asked.path != "/" and town.refuse:
        town.refuse -= 1
        return Answer(status=429, headers={"Retry-After": "1"})
    return simple(town, asked)


@site("shut", **SIMPLE)
def shut(town: Town, asked: Asked) -> Answer:
    """503 for an hour, said as a date."""
    _ = town, asked
    return Answer(
        status=503, headers={"Retry-After": format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)}
    )


@site("norules", robots=None, **SIMPLE)
def norules(town: Town, asked: Asked) -> Answer:
    """robots.txt fails."""
    return Answer(status=500) if asked.path == "/robots.txt" else simple(town, asked)


@site("unhurried", robots="User-agent: *\nCrawl-delay: 0.5\n", **SIMPLE)
def unhurried(town: Town, asked: Asked) -> Answer:
    return simple(town, asked)


@site("forbidden", robots="User-agent: Minsheng\nDisallow: /\n\nUser-agent: *\nDisallow:\n", **SIMPLE)
def forbidden(town: Town, asked: Asked) -> Answer:
    return simple(town, asked)


@site("calendar", **SIMPLE)
def calendar(town: Town, asked: Asked) -> Answer:
    """Every month leads to the next, for ever; there are letters in the first two."""
    if asked.path.startswith("/letters/"):
        return simple(town, asked)
    page = page_of(asked)
    rows = (
        "".join(f'<li><a href="/letters/{n}">{n}</a></li>' for n in numbers(town, page))
        if page <= 2
        else '<li><a href="/letters/1">1</a></li>'
    )
    return html(f'<ul>{rows}</ul><a class="next" href="/?page={page + 1}">下个月</a>')


@site("sessions", **SIMPLE)
def sessions(town: Town, asked: Asked) -> Answer:
    """Every link carries a new session."""
    if asked.path.startswith("/letters/"):
        return html(letter(town, int(asked.path.split(";")[0].rpartition("/")[2])))
    page, ticket = page_of(asked), id(asked) % 100_000
    rows = "".join(
        f'<li><a href="/letters/{n};jsessionid=A{ticket}">{n}</a><a href="/letters/{n}?PHPSESSID={ticket}">打印</a></li>'
        for n in numbers(town, page)
    )
    follow = (
        f'<a class="next" href="/?page={page + 1}&sid={ticket}">下一页</a>' if PER_PAGE * page < town.letters else ""
    )
    return html(f"<ul>{rows}</ul>{follow}")


@site("maze", **SIMPLE)
def maze(town: Town, asked: Asked) -> Answer:
    """Relative links that make the address longer and longer."""
    _ = town
    return html(f'<ul><li><a href="{asked.path.rstrip("/")}/deeper/">下</a></li></ul><h1>迷</h1><p class="letter">宫</p>'
                f'<a class="next" href="{asked.path.rstrip("/")}/again/">下一页</a>')  # fmt: skip


@site("inside", **SIMPLE)
def inside(town: Town, asked: Asked) -> Answer:
    """Leads to an address inside by a link, by a redirect, and in a circle."""
    if asked.path == "/":
        links = (
            "/redirect",
            f"http://127.0.0.1:{town.inside_port}/linked",
            f"http://0x7f000001:{town.inside_port}/hex",
            "/circle",
            "/letters/1",
        )
        return html("<ul>" + "".join(f'<li><a href="{one}">x</a></li>' for one in links) + "</ul>")
    if asked.path == "/redirect":
        return Answer(status=302, headers={"Location": f"http://127.0.0.1:{town.inside_port}/redirected"})
    if asked.path == "/circle":
        return Answer(status=302, headers={"Location": "/circle"})
    return simple(town, asked)


@site("scripted", browser=True, **SIMPLE)
def scripted(town: Town, asked: Asked) -> Answer:
    """Pages that hold nothing until a script asks for it; the script asks inside, too, and one letter redirects there."""
    if asked.path.startswith("/data/"):
        n = asked.path.rpartition("/")[2]
        return as_json(
            {"title": title(int(n)), "text": body(int(n))}
            if n != "0"
            else {"letters": list(range(1, town.letters + 1))}
        )
    inside = f"http://127.0.0.1:{town.inside_port}"
    if asked.path == "/letters/2":
        return Answer(status=302, headers={"Location": f"{inside}/redirected"})
    n = asked.path.rpartition("/")[2] if asked.path.startswith("/letters/") else "0"
    draw = (
        "`<h1>${told.title}</h1><p class=letter>${told.text}</p>`"
        if n != "0"
        else "told.letters.map(n => `<li><a href=/letters/${n}>${n}</a></li>`).join('')"
    )
    return html(f"<ul id=here></ul><script>fetch('{inside}/fetched').catch(() => 0); new Image().src = '{inside}/image';"
                f"fetch('/data/{n}').then(r => r.json()).then(told => document.getElementById('here').innerHTML = {draw})</script>")  # fmt: skip


@site("slow", **SIMPLE)
def slow(town: Town, asked: Asked) -> Answer:
    """Bodies that trickle."""
    answer = simple(town, asked)
    return answer if asked.path == "/" else Answer(answer.body, seconds=town.body_seconds)


@site("bomb", **SIMPLE)
def bomb(town: Town, asked: Asked) -> Answer:
    """Letters that unpack to 200 MB, one whose length is a lie, one that is no page at all."""
    number = asked.path.rpartition("/")[2]
    if number == "2":
        return Answer(explosive(), headers={"Content-Encoding": "gzip"})
    if number == "3":
        whole = simple(town, asked)
        return Answer(whole.body, headers={"Content-Length": str(len(whole.body) + 500)})
    if number == "4":
        return Answer(bytes(range(256)) * 40, kind="image/png")
    return simple(town, asked)


@cache
def explosive() -> bytes:
    return gzip.compress(bytes(200_000_000), 9)


@site("reposts", start="/", items="li a", fields={"title": "h1", "text": ".letter", "views": ".views"})
def reposts(town: Town, asked: Asked) -> Answer:
    """The same text under several addresses: by a canonical link, and copied with other words around it."""
    if asked.path == "/":
        return html(
            "<ul>"
            + "".join(f'<li><a href="/{path}">x</a></li>' for path in ("a/1", "mobile/1", "copy/1", "b/2"))
            + "</ul>"
        )
    n = int(asked.path.rpartition("/")[2])
    text = "".join(body(n + 5 * k) for k in range(8))
    head = f'<link rel="canonical" href="/a/{n}">' if asked.path.startswith("/mobile") else ""
    told = f"转自论坛：{text}（转发）" if asked.path.startswith("/copy") else text
    _ = town
    return html(
        f'{head}<h1>{title(n)}</h1><p class="letter">{told}</p><span class="views">{1_000 + len(asked.path)}</span>'
    )
