"""Hot-search events for commands, API and pages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

from indices.streams.events import StreamEvent
from indices.streams.ranks import first_seen
from models.clock import city_day, day_start, now
from models.errors import BadRequest
from models.identity import digest
from models.item import Item, Payload
from models.labels import Kind
from models.stream import StreamEventFacts

DAYS = 7


def period_of(folder: Path, source: str, since: date | None, until: date | None) -> tuple[datetime, datetime]:
    """[first day, day after the last) as instants; by default the last seven days of the list. Raises BadRequest for none."""
    last = until or last_day(folder, source)
    first = since or last - timedelta(days=DAYS - 1)
    if first > last:
        raise BadRequest(name="since", value=str(first), reason=f"应不晚于 {last}")
    return day_start(first), day_start(last + timedelta(days=1))


def last_day(folder: Path, source: str) -> date:
    """The last day that is kept of a list; today where there is none."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from indices.streams.ranks import ranks_path

    path = ranks_path(folder, source)
    if not path.exists():
        return city_day(now())
    newest = pc.max(pq.read_table(path, columns=["at"])["at"]).as_py()
    return (
        city_day(now())
        if newest is None
        else city_day(datetime.fromtimestamp(newest, day_start(date(2026, 1, 1)).tzinfo))
    )


def public_event(one: StreamEvent) -> StreamEventFacts:
    """The public form."""
    return StreamEventFacts(**{name: getattr(one, name) for name in StreamEventFacts.model_fields})


def titles_as_items(folder: Path, source: str) -> Iterator[Item]:
    """Every title once, as an opinion of its first hour. The same title again is the same item, so a second import adds nothing."""
    for title, at in first_seen(folder, source):
        payload = Payload(kind=Kind.OPINION, channel=source, title=title[:2_000], text=title, created_at=at)
        yield Item(source=f"stream-{source}", native_id=digest("stream-title", source, title), payload=payload)
