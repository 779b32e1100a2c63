"""What surrounds every page: who looks, where they may go, scope and period from the address, how fresh the data is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal
from urllib.parse import urlencode

from dashboards import formats
from models.labels import BUSINESS_ROLES, ROLE_NAMES, Role
from models.viewer import Viewer

Theme = Literal["auto", "light", "dark"]
PeriodKind = Literal["none", "day", "range"]
Params = Mapping[str, Sequence[str]]

THEMES: Final[tuple[Theme, ...]] = ("auto", "light", "dark")
_CARRIED: Final = ("district", "from", "to", "day")


@dataclass(frozen=True, slots=True)
class PageEntry:
    """A page of the rail and who may open it. The routes use the same table."""

    key: str
    title: str
    url: str
    roles: frozenset[Role]


PAGES: Final = (
    PageEntry("today", "今日", "/", frozenset({Role.LEADER, Role.ANALYST, Role.OPERATOR})),
    PageEntry(
        "hotspots", "热点事件", "/hotspots", frozenset({Role.LEADER, Role.ANALYST, Role.OPERATOR, Role.RESEARCHER})
    ),
    PageEntry("satisfaction", "满意度", "/satisfaction", frozenset({Role.LEADER, Role.ANALYST, Role.RESEARCHER})),
    PageEntry("desk", "分派台", "/desk", frozenset({Role.OPERATOR})),
    PageEntry("search", "检索", "/search", BUSINESS_ROLES),
    PageEntry("sources", "数据源", "/sources", frozenset({Role.ANALYST, Role.SYSTEM_ADMIN})),
    PageEntry("admin", "管理", "/admin", frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN})),
)
HOMES: Final[Mapping[Role, str]] = {
    Role.LEADER: "/", Role.ANALYST: "/satisfaction", Role.OPERATOR: "/desk", Role.RESEARCHER: "/search",
    Role.SYSTEM_ADMIN: "/sources", Role.SECURITY_ADMIN: "/admin", Role.AUDIT_ADMIN: "/admin",
}  # fmt: skip


def may_open(page: str, role: Role) -> bool:
    """Whether the role has this page (a key of `PAGES`)."""
    return any(entry.key == page and role in entry.roles for entry in PAGES)


def home_of(viewer: Viewer) -> str:
    """The address that a viewer lands on after signing in."""
    return HOMES[viewer.role]


@dataclass(frozen=True, slots=True)
class DataState:
    """The grey line under every title. `newest`: creation time of the newest record; None: there is none."""

    newest: datetime | None
    orders: int
    silent_sources: tuple[str, ...] = ()
    model: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """District and period as the address gives them. `until` is the last day, inclusive."""

    since: date
    until: date
    district: str | None = None
    districts: tuple[str, ...] = ()
    kind: PeriodKind = "range"

    @property
    def words(self) -> str:
        return formats.day(self.until, year=True) if self.kind == "day" else formats.span(self.since, self.until)

    @property
    def presets(self) -> tuple[tuple[str, date, date], ...]:
        """Periods one click away, all ending where this one ends."""
        return tuple((name, self.until - timedelta(days=days - 1), self.until) for name, days in _PRESETS)


_PRESETS: Final = (("7 天", 7), ("28 天", 28), ("90 天", 90), ("365 天", 365))


@dataclass(frozen=True, slots=True)
class Frame:
    """Built by the route for each request.

    Attributes:
        page: key of `PAGES` that is marked in the rail ("" on error pages).
        path: path of this request; forms of the scope bar go back to it.
        params: all parameters of the address, so that a filter changes one and keeps the rest.
        csrf: goes into every POST form as `csrf` and with every htmx request as `X-CSRF-Token`.
    """

    viewer: Viewer
    page: str
    path: str
    city: str = ""
    params: Params | None = None
    scope: Scope | None = None
    data: DataState | None = None
    csrf: str = ""
    theme: Theme = "auto"
    slim: bool = False

    @property
    def role_name(self) -> str:
        return ROLE_NAMES[self.viewer.role]

    @property
    def home(self) -> str:
        return home_of(self.viewer)

    @property
    def whole(self) -> str:
        """All that the viewer may see, in words."""
        districts = self.viewer.districts
        return "全市" if districts is None else "、".join(sorted(districts)) or "（无区县）"

    @property
    def place(self) -> str:
        """What the numbers of the page are of."""
        return (self.scope.district if self.scope else None) or self.whole

    @property
    def entries(self) -> tuple[PageEntry, ...]:
        return tuple(entry for entry in PAGES if self.viewer.role in entry.roles)

    def may_open(self, page: str) -> bool:
        """Whether the viewer has this page of the rail."""
        return may_open(page, self.viewer.role)

    @property
    def may_search(self) -> bool:
        return may_open("search", self.viewer.role)

    @property
    def scope_query(self) -> str:
        """District and period as `?…`, carried along by the rail so that the place is kept between pages."""
        params = self.params or {}
        chosen = {name: list(params[name]) for name in _CARRIED if params.get(name)}
        return f"?{urlencode(chosen, doseq=True)}" if chosen else ""

    def link(self, **changes: object) -> str:
        """This address with some parameters changed; None or "" removes one. Always starts again at page 1."""
        return link(self.path, self.params or {}, **changes)

    def kept(self, *without: str) -> list[tuple[str, str]]:
        """Parameters as hidden fields of a form that sets the ones named."""
        return [(k, v) for k, vs in (self.params or {}).items() if k not in {*without, "page"} for v in vs if v]


def link(path: str, params: Params, **changes: object) -> str:
    """`path` with `params` after `changes`: a value replaces, a list repeats, None or "" removes."""
    merged: dict[str, list[str]] = {k: [v for v in vs if v] for k, vs in params.items() if k != "page"}
    for name, value in changes.items():
        key = {"since": "from", "until": "to"}.get(name, name)
        values = value if isinstance(value, list | tuple) else [value]
        merged[key] = [str(v) for v in values if v is not None and v != ""]
    query = urlencode([(k, v) for k, vs in merged.items() for v in vs])
    return f"{path}?{query}" if query else path
