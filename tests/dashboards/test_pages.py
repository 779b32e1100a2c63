"""Every page rendered by the demonstration application, without a browser."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from dashboards import pages

PATHS = (
    "/", "/?wall=1", "/?state=empty", "/hotspots", "/hotspots/hot-1", "/satisfaction", "/satisfaction?by=department", "/satisfaction?state=tiles",
    "/satisfaction/change", "/satisfaction/weights", "/satisfaction/metrics", "/satisfaction/policies", "/satisfaction/evaluation",
    "/desk", "/desk?state=unsure", "/desk?state=empty", "/search", "/search?q=供暖", "/search?q=%22", "/search?topic=没有", f"/records/{3:032x}",
    "/sources", "/sources/x", "/admin", "/login?error=x", "/error/404", "/error/503", "/error/429", "/error/401",
)  # fmt: skip
VOID = {"meta", "link", "input", "br", "img", "path", "circle", "rect"}


class Reading(HTMLParser):
    """Counts elements and attributes, and checks that what is opened is closed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: Counter[str] = Counter()
        self.attributes: list[tuple[str, str | None]] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.scripts: list[list[tuple[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "mark":  # the pages' own: how many depends on which words a text repeats
            assert {name for name, _ in attrs} <= {"class", "title"}
        else:
            self.elements[tag] += 1
            self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag == "script":
            self.scripts.append(attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(html: str) -> Reading:
    reading = Reading()
    reading.feed(html)
    reading.close()
    assert reading.open == []
    return reading


@pytest.fixture(scope="module")
def client(demo: Any) -> Iterator[Any]:
    from starlette.testclient import TestClient

    with TestClient(demo.application()) as opened:
        yield opened
    demo.poison = ""
    demo.decided.clear()


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_well_formed_and_has_no_inline_code(client: Any, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    reading = read(answer.text)
    assert reading.elements["h1"] == 1
    assert reading.elements["main"] == 1
    assert reading.elements["style"] == 0
    assert not [name for name, _ in reading.attributes if name.startswith("on") or name == "style"]
    assert [count for count in Counter(reading.ids).values() if count > 1] == []
    assert all(json.loads(value or "")["series"] for name, value in reading.attributes if name == "data-figures")
    assert all(dict(pair).get("src") for pair in reading.scripts)
    assert '<html lang="zh-CN"' in answer.text
    assert "None" not in re.sub(r"<script.*?</script>", "", answer.text, flags=re.DOTALL)


HOSTILE_PATHS = (
    "/", "/?wall=1", "/hotspots", "/hotspots/hot-1", "/satisfaction",
    "/satisfaction/change", "/satisfaction/weights", "/satisfaction/metrics", "/satisfaction/policies", "/satisfaction/evaluation",
    "/desk", "/search", "/search/results?topic=x", "/sources", "/sources/x", "/admin", "/login",
    "/error/503", f"/records/{0:032x}",
)  # fmt: skip


def shape(client: Any, path: str) -> tuple[Counter[str], list[str]]:
    answer = client.get(path)
    assert answer.status_code == 200
    reading = read(answer.text)
    return reading.elements, sorted(name for name, _ in reading.attributes)


def tags(client: Any, path: str) -> list[str]:
    """Everything that a parser would take for the beginning of a tag, in order; the pages' own marks left out."""
    return [tag for tag in re.findall(r"<[a-z/!?][^\s>]*", client.get(path).text, re.IGNORECASE) if "mark" not in tag]


@pytest.mark.parametrize("path", HOSTILE_PATHS)
def test_citizens_text_adds_no_element(client: Any, demo: Any, payloads: tuple[str, ...], path: str) -> None:
    """S8: 60 payloads × every page: 0 new elements; where a payload begins with a quotation mark, 0 new attributes either."""
    assert len(set(payloads)) == 60
    demo.poison = "无害的一句话"
    plain, plain_shape = tags(client, path), shape(client, path)
    for payload in payloads:
        demo.poison = payload
        assert tags(client, path) == plain, payload
        if payload[0] in "\"'`":
            assert shape(client, path) == plain_shape, payload
    demo.poison = ""


def test_what_the_query_box_holds_is_shown_as_text(client: Any, demo: Any, payloads: tuple[str, ...]) -> None:
    demo.poison = "无害的一句话"
    plain = shape(client, "/search?q=" + "没有这个词")
    for payload in payloads:
        answer = client.get("/search", params={"q": payload, "topic": payload})
        elements = read(answer.text).elements
        assert elements["script"] <= plain[0]["script"] + 1
        assert not elements.keys() & {
            "iframe",
            "object",
            "embed",
            "base",
            "style",
            "img",
            "marquee",
            "math",
            "template",
        }
    demo.poison = ""


def test_a_mark_in_a_text_stays_where_it_was(client: Any) -> None:
    text = client.get("/search?q=供暖").text
    assert '小区<mark class="hit">供暖</mark>温度不达标' in text


def test_partials_are_no_whole_pages(client: Any) -> None:
    partial = {"HX-Request": "true"}
    for path in ("/hotspots/hot-1", "/desk/next", f"/records/{3:032x}"):
        text = client.get(path, headers=partial).text
        assert "<html" not in text
        read(text)
    answer = client.get("/search/results?q=供暖", headers=partial)
    assert "<html" not in answer.text
    assert answer.headers["HX-Push-Url"] == "/search?q=%E4%BE%9B%E6%9A%96"


def test_every_post_form_carries_the_token(client: Any) -> None:
    for path in ("/", "/desk", "/login", "/sources"):
        forms = re.findall(r"<form[^>]*method=\"post\".*?</form>", client.get(path).text, re.DOTALL)
        assert forms
        assert all('name="csrf" value="token-1"' in form for form in forms)


def test_absent_and_forbidden_look_alike() -> None:
    assert pages.render_error(403, sentence="无权访问热点 7", code="MS404") == pages.render_error(404, code="MS404")


def test_an_error_says_what_to_do_and_its_code() -> None:
    text = pages.render_error(429, sentence="请求过多，上限为 600 次/分钟。", code="MS104", retry_after_seconds=30)
    assert "请求过多，上限为 600 次/分钟。" in text
    assert "30 秒后可以重试" in text
    assert "代码 MS104" in text
    assert "MS999" in pages.render_error(500, code="MS999")


@pytest.mark.parametrize(
    ("cookie", "theme"), [("dark", "dark"), ("light", "light"), (None, "auto"), ('"><script>', "auto")]
)
def test_only_known_themes_are_taken(cookie: str | None, theme: str) -> None:
    assert pages.theme_of(cookie) == theme


def test_the_wall_has_nothing_to_click_and_refreshes_itself(client: Any) -> None:
    reading = read(client.get("/?wall=1").text)
    assert not reading.elements.keys() & {"a", "button", "form", "input"}
    assert ("data-refresh", "60") in reading.attributes


def test_no_hotspot_is_an_answer(client: Any) -> None:
    assert "今日无达到阈值的热点。上一次出现在 11月3日 周二。" in client.get("/?state=empty").text
