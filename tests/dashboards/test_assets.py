from __future__ import annotations

import asyncio
import gzip
from typing import Any

import pytest

from dashboards import assets


def ask(
    path: str, *, method: str = "GET", headers: dict[str, str] | None = None, query: str = ""
) -> tuple[int, dict[str, str], bytes]:
    """One request to the application as a server mounted at /static would make it."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    raw = [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()]
    scope = {
        "type": "http",
        "method": method,
        "path": f"/static{path}",
        "root_path": "/static",
        "headers": raw,
        "query_string": query.encode(),
    }
    asyncio.run(assets.Static()(scope, receive, send))
    return sent[0]["status"], {k.decode(): v.decode() for k, v in sent[0]["headers"]}, sent[1]["body"]


def test_a_file_is_served_with_its_kind_and_length() -> None:
    status, headers, body = ask("/app.js")
    assert status == 200
    assert headers["content-type"] == "text/javascript; charset=utf-8"
    assert int(headers["content-length"]) == len(body) == (assets.FOLDER / "app.js").stat().st_size
    assert headers["x-content-type-options"] == "nosniff"


def test_it_is_packed_for_who_understands() -> None:
    status, headers, body = ask("/colours.css", headers={"Accept-Encoding": "br, gzip"})
    assert (status, headers["content-encoding"]) == (200, "gzip")
    assert gzip.decompress(body) == (assets.FOLDER / "colours.css").read_bytes()


def test_an_address_with_the_digest_may_be_kept_for_good() -> None:
    address, _, version = assets.url("app.css").partition("?")
    assert address == "/static/app.css"
    assert "immutable" in ask("/app.css", query=version)[1]["cache-control"]
    assert ask("/app.css", query="v=old")[1]["cache-control"] == "no-cache"
    assert ask("/app.css")[1]["cache-control"] == "no-cache"


def test_an_unchanged_file_is_not_sent_again() -> None:
    etag = ask("/app.css")[1]["etag"]
    assert ask("/app.css", headers={"If-None-Match": etag})[::2] == (304, b"")


def test_head_sends_no_body() -> None:
    status, headers, body = ask("/app.css", method="HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["content-length"]) > 0


@pytest.mark.parametrize(
    "path", ["/../pages.py", "/%2e%2e/pages.py", "/vendor/../../pages.py", "//etc/passwd", "/", "", "/vendor", "/.hidden", "/none.css",
             "/..\\pages.py", "/a\x00.css"]
)  # fmt: skip
def test_nothing_outside_the_folder_is_served(path: str) -> None:
    assert ask(path)[0] == 404


def test_only_reading_is_allowed() -> None:
    assert ask("/app.css", method="POST")[0] == 404


def test_the_policy_allows_no_inline_code_and_no_other_host() -> None:
    policy = dict(part.strip().split(" ", 1) for part in assets.CONTENT_SECURITY_POLICY.split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in assets.CONTENT_SECURITY_POLICY
    assert "http" not in assets.CONTENT_SECURITY_POLICY


def test_our_own_files_name_no_other_host() -> None:
    for name in ("app.css", "colours.css", "pages.css", "narrow.css", "app.js", "early.js"):
        text = (assets.FOLDER / name).read_text("utf-8")
        assert "http:" not in text
        assert "https:" not in text
        assert "innerHTML" not in text.replace('swapOverride = "innerHTML"', "")
