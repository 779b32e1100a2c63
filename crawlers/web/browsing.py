"""Pages that scripts make, read by a real browser (extra `browser`, Debian's chromium). Loads Scrapy and Playwright.

A browser asks for whatever a page names and resolves names by itself, past the guard of `crawlers.web.guard`. So here: nothing but the source's own
hosts is asked at all, each of them at the one address that was looked at before (promise S6); no pictures, films and fonts.
"""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
from typing import Any, Final
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.http import Response
from scrapy_playwright.handler import ScrapyPlaywrightDownloadHandler

from crawlers.web.addresses import SCHEMES, is_outside, literal
from crawlers.web.polite import stamp
from crawlers.web.source import WebSource
from models.errors import SourceUnavailable

_UNREAD: Final = frozenset({"image", "media", "font"})
NAVIGATION_MS: Final = 30_000


class StampingBrowser(ScrapyPlaywrightDownloadHandler):  # type: ignore[misc]
    """Notes when a page is asked for, as `crawlers.web.polite.Stamping` does."""

    async def download_request(self, request: Request) -> Response:
        stamp(self._crawler, request)
        response: Response = await super().download_request(request)
        return response


def settings_of(source: WebSource) -> dict[str, Any]:
    """Scrapy's settings for a source that needs a browser. Raises SourceUnavailable where its name leads nowhere or inside."""
    hosts = frozenset(source.hosts)
    # Redirects are followed by the browser itself, past every other rule: so to it no other host exists.
    rules = [*(_rule(host, source) for host in source.hosts), "MAP * ~NOTFOUND"]
    arguments = ["--disable-dev-shm-usage", f"--host-resolver-rules={','.join(rules)}"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # a browser refuses its sandbox to root, as in a container
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    used = {
        urlsplit(start).scheme: "crawlers.web.browsing.StampingBrowser" for start in source.start
    }  # each would start a browser of its own
    return {
        "DOWNLOAD_HANDLERS": {"http": None, "https": None, "file": None, "ftp": None, "data": None, "s3": None, **used},
        "PLAYWRIGHT_BROWSER_TYPE": "chromium",
        "PLAYWRIGHT_LAUNCH_OPTIONS": {"args": arguments, **({"executable_path": browser} if browser else {})},
        "PLAYWRIGHT_DEFAULT_NAVIGATION_TIMEOUT": NAVIGATION_MS,
        "PLAYWRIGHT_MAX_CONTEXTS": 1,
        "PLAYWRIGHT_ABORT_REQUEST": lambda request: refused(request.url, request.resource_type, hosts),
    }


def wait_for_scripts() -> list[Any]:
    """What is done on a page before it is read."""
    from scrapy_playwright.page import PageMethod

    return [PageMethod("wait_for_load_state", "networkidle")]


def refused(url: str, kind: str, hosts: frozenset[str]) -> bool:
    """Whether a page's request is not sent."""
    parts = urlsplit(url)
    return parts.scheme not in SCHEMES or parts.hostname not in hosts or kind in _UNREAD


def _rule(host: str, source: WebSource) -> str:
    """What the browser takes a name for: the address that was looked at; an address, or a host of the house's own network, for itself."""
    if source.inside or literal(host) is not None:
        return f"EXCLUDE {host}"
    try:
        found = {str(one[4][0]) for one in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError as error:
        raise SourceUnavailable(source=source.name, reason=f"{host} 找不到（{error}）") from None
    outside = sorted(one for one in found if is_outside(ipaddress.ip_address(one)))
    if not outside:
        raise SourceUnavailable(source=source.name, reason=f"{host} 指向内部地址")
    return f"MAP {host} {outside[0]}"
