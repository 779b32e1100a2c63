"""Rows of a REST interface, page by page: by number, by the address of the next page, or by a cursor that the rows themselves carry."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote, urljoin

from crawlers.systems.source import Batch, Span, SystemSource
from models.clock import city_day, now
from models.errors import BadFile, MissingPart, SourceUnavailable

TRIES: Final = 5
LONGEST_WAIT_SECONDS: Final = 60.0
LARGEST_BYTES: Final = 50_000_000


class RestConnector:
    """One interface. `sleep`: how it waits when the interface asks for it."""

    def __init__(self, source: SystemSource, sleep: Any = time.sleep) -> None:
        self.source, self._sleep = source, sleep

    def batches(self, position: Mapping[str, Any], span: Span | None = None) -> Iterator[Batch]:
        try:
            import httpx
            import jmespath
        except ImportError:
            raise MissingPart(part="httpx", extra="crawl") from None
        source, today = self.source, now()
        begin = span.begin if span else today - timedelta(days=source.since_days)
        days = {"{from}": city_day(begin).isoformat(), "{to}": city_day(span.end if span else today).isoformat()}
        cursor = "" if span else str(position.get("cursor") or "")
        url = self._address(1, cursor, days)
        headers = {
            "User-Agent": "Minsheng/0.1",
            **{name: source.filled(value) for name, value in source.headers.items()},
        }
        with httpx.Client(headers=headers, timeout=30.0, follow_redirects=False) as client:
            for number in range(1, source.pages + 1):
                told = self._ask(client, url)
                rows = jmespath.search(source.items, told) if source.items else told
                if not isinstance(rows, list):
                    raise BadFile(
                        file=source.name, reason=f"items = {source.items!r} 应为列表，见到 {type(rows).__name__}"
                    )
                following = jmespath.search(source.next, told) if source.next else None
                if rows:
                    seen = (
                        [one for row in rows if (one := jmespath.search(source.cursor, row)) is not None]
                        if source.cursor
                        else []
                    )
                    cursor = (
                        str(max(seen))
                        if seen
                        else str(following or cursor)
                        if "{cursor}" in source.url and not source.cursor
                        else cursor
                    )
                    yield Batch(rows, {"cursor": cursor} if cursor else {})
                if not (url := self._next(url, number, rows, following, cursor, days)):
                    return

    def _next(
        self, url: str, number: int, rows: list[Any], following: Any, cursor: str, days: Mapping[str, str]
    ) -> str:
        if self.source.next:
            if not following:
                return ""
            return (
                self._address(number + 1, str(following), days)
                if "{cursor}" in self.source.url
                else urljoin(url, str(following))
            )
        if not rows or "{page}" not in self.source.url:
            return ""
        return self._address(number + 1, cursor, days)

    def _address(self, number: int, cursor: str, days: Mapping[str, str]) -> str:
        url = self.source.filled(self.source.url)
        for place, value in {"{page}": str(number), "{cursor}": cursor, **days}.items():
            url = url.replace(place, quote(value, safe=""))
        return url

    def _ask(self, client: Any, url: str) -> Any:
        """The answer, after as many tries as a busy server is worth. Raises SourceUnavailable, BadFile."""
        import httpx

        why = ""
        for attempt in range(TRIES):
            try:
                response = client.get(url)
            except httpx.HTTPError as error:
                why, wait = f"{type(error).__name__}: {str(error)[:100]}", 2.0**attempt
            else:
                if response.status_code < 400:
                    return self._parsed(response)
                why, wait = f"HTTP {response.status_code}", _wait(response.headers.get("Retry-After", ""), 2.0**attempt)
                if response.status_code not in (408, 429) and response.status_code < 500:
                    break
            if attempt < TRIES - 1:
                self._sleep(min(wait, LONGEST_WAIT_SECONDS))
        raise SourceUnavailable(source=self.source.name, reason=why)

    def _parsed(self, response: Any) -> Any:
        if len(response.content) > LARGEST_BYTES:
            raise BadFile(
                file=self.source.name,
                reason=f"应答 {len(response.content):,} 字节，上限 {LARGEST_BYTES:,}；请减小每页件数",
            )
        try:
            return response.json()
        except ValueError:
            raise BadFile(file=self.source.name, reason=f"应答不是 JSON，以 {response.text[:40]!r} 开头") from None


def _wait(retry_after: str, fallback: float) -> float:
    return float(retry_after) if retry_after.strip().isdigit() else fallback
