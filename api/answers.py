"""The answers, computed or remembered: one way for the command line, the API, the pages and the scheduler."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Literal

from indices.access import ScopedStore
from models.clock import day_start
from models.figures import Hotspot, Hotspots, Index, Routing
from models.query import Query

if TYPE_CHECKING:
    from api.wiring import House

By = Literal["district", "department", "topic", "week", "street", "community"]
FRESH_SECONDS = 600.0  # a figure this young is shown although items came in since; the page says as of when
INDEX_SECONDS = (
    7_200.0  # three months of ratings hardly move in two hours; the clock computes the usual ones anew every hour
)


def question_of(reader: ScopedStore, *parts: object) -> str:
    """What a figure depends on, the viewer's scope first; two different questions never read alike."""
    viewer = reader.viewer
    scope = None if viewer.districts is None else sorted(viewer.districts)
    return json.dumps([viewer.sees_business, scope, *(None if part is None else str(part) for part in parts)])


def within(district: str | None) -> Query:
    return Query(filters={"district": (district,)} if district else {})


def mark_of(house: House) -> int:
    """Changes whenever the store has taken something in, or what it holds was read by another model."""
    return house.inbox.books().stored + house.renewal.renewed_ever()


def note_figure(house: House, reader: ScopedStore, name: str, question: str) -> None:
    """A remembered figure shows sentences and ids without reading a record: that is an access all the same."""
    house.audit.note(reader.viewer.name, f"figure.{name}", question)


def hotspots(
    house: House, reader: ScopedStore, since: date, until: date, *, top: int = 10, district: str | None = None,
    max_age_seconds: float = FRESH_SECONDS,
) -> Hotspots:  # fmt: skip
    """Hotspots of the city days [since, until) in the viewer's districts, or in one of them.

    `max_age_seconds`: how old a kept figure may be although items came in since; 0 for what is printed.
    """
    from indices.alerts.refit import weights_in_use
    from indices.alerts.rules import known_rules
    from indices.civic.hotspots import find_hotspots
    from indices.civic.levels import rules_on

    rules, weights = known_rules(house.database), weights_in_use(house.database)

    def compute() -> Hotspots:
        whole = reader.viewer.districts is None and district is None
        return find_hotspots(
            reader, day_start(since), day_start(until), top=top, query=within(district), rules=rules, weights=weights,
            kept=house.kept_groups if whole else None,
        )  # fmt: skip

    if not reader.viewer.sees_business:
        return compute()
    question = question_of(reader, district, since, until, top, rules_on(until, rules).version, weights.version)
    note_figure(house, reader, "hotspots", question)
    found = house.figures.get(
        Hotspots, "hotspots", question, mark=mark_of(house), max_age_seconds=max_age_seconds, compute=compute
    )
    return numbered(house, found)


def numbered(house: House, found: Hotspots) -> Hotspots:
    """Each hotspot with the number of the incident that holds most of its records; a figure that is kept may be older than the number."""
    from indices.incidents.register import numbers_of

    known = numbers_of(house.database, [record for one in found.hotspots for record in one.record_ids])

    def number(one: Hotspot) -> str:
        votes = Counter(known[record] for record in one.record_ids if record in known)
        return min(votes, key=lambda name: (-votes[name], name)) if votes else ""

    hotspots = tuple(one.model_copy(update={"incident": number(one)}) for one in found.hotspots)
    return found.model_copy(update={"hotspots": hotspots})


def index(
    house: House,
    reader: ScopedStore,
    by: By,
    since: date,
    until: date,
    *,
    district: str | None = None, text: bool = True,
    max_age_seconds: float = INDEX_SECONDS,
) -> Index:  # fmt: skip
    """The satisfaction index of the city days [since, until) in the viewer's districts, or in one of them.

    `text`: whether what the model read from the texts may enter.
    """
    from indices.civic.satisfaction import VERSION, satisfaction

    query = within(district).model_copy(update={"since": day_start(since), "until": day_start(until)})

    def compute() -> Index:
        return satisfaction(reader, query, by, text=text, peers=house.peers)

    if not reader.viewer.sees_business:
        return compute()
    question = question_of(reader, district, by, since, until, VERSION, text)
    note_figure(house, reader, "index", question)
    return house.figures.get(
        Index, "index", question, mark=mark_of(house), max_age_seconds=max_age_seconds, compute=compute
    )


def route(
    house: House,
    reader: ScopedStore,
    title: str,
    text: str,
    district: str | None,
    street: str | None,
    *,
    exclude: str = "",
) -> Routing:
    """Who should take a demand. `exclude`: a record that is no example for itself."""
    from indices.civic.dispatch import Dispatcher

    dispatcher = Dispatcher(house.annotator, house.catalogue, reader)
    return dispatcher.route(title, text, district=district, street=street, exclude=exclude)
