"""Scrapy's side of `addresses`: a middleware that looks at every request, and a resolver that looks at every answer. Loads Scrapy."""

from __future__ import annotations

import ipaddress
from typing import Any, Final, Self
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.exceptions import IgnoreRequest
from scrapy.resolver import CachingThreadedResolver
from twisted.internet.defer import Deferred
from twisted.internet.error import DNSLookupError

from crawlers.web.addresses import SCHEMES, is_outside, refusal

INSIDE_HOSTS: Final = "MINSHENG_INSIDE_HOSTS"
"""Setting of the process: hosts of the house's own network that one of its sources lies on."""
OWN_HOSTS: Final = "MINSHENG_OWN_HOSTS"
"""Setting of a crawler: its own of these hosts."""
SETTINGS: Final[dict[str, Any]] = {
    "TWISTED_DNS_RESOLVER": "crawlers.web.guard.OutsideResolver",  # of the whole process; a spider's own is ignored in silence
    "DOWNLOADER_MIDDLEWARES": {"crawlers.web.guard.OutsideOnly": 1},
}


class OutsideOnly:
    """Downloader middleware, the first: links, redirects and robots.txt all pass it, each hop as a request of its own."""

    def __init__(self, own: frozenset[str], inside: frozenset[str]) -> None:
        self._own, self._others = own, inside - own

    @classmethod
    def from_crawler(cls, crawler: Any) -> OutsideOnly:
        return cls(frozenset(crawler.settings.getlist(OWN_HOSTS)), frozenset(crawler.settings.getlist(INSIDE_HOSTS)))

    def process_request(self, request: Request) -> None:
        """Raises IgnoreRequest."""
        host = urlsplit(request.url).hostname or ""
        if host in self._own and urlsplit(request.url).scheme in SCHEMES:
            return
        if host in self._others:
            raise IgnoreRequest(f"{host} 是内部地址")
        if reason := refusal(request.url):
            raise IgnoreRequest(reason)


class OutsideResolver(CachingThreadedResolver):
    """A name that leads inside is not found: the address that was looked at is the one that is connected to."""

    inside: frozenset[str] = frozenset()

    @classmethod
    def from_crawler(cls, crawler: Any, reactor: Any) -> Self:
        made = super().from_crawler(crawler, reactor)
        made.inside = frozenset(crawler.settings.getlist(INSIDE_HOSTS))
        return made

    def getHostByName(self, name: str, timeout: Any = ()) -> Deferred[str]:
        """As Twisted's; fails with DNSLookupError for an address inside."""
        found = super().getHostByName(name, timeout)
        return found if name in self.inside else found.addCallback(_checked)


def _checked(address: str) -> str:
    if not is_outside(ipaddress.ip_address(address)):
        raise DNSLookupError(f"{address} 是内部地址")
    return address
