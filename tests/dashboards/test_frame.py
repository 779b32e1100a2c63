from __future__ import annotations

from datetime import date

import pytest

from dashboards.frame import HOMES, PAGES, Frame, Scope, home_of, link, may_open
from models.labels import BUSINESS_ROLES, Role
from models.viewer import Viewer

SCOPE = Scope(date(2026, 11, 1), date(2026, 11, 24), "东桥区", ("东桥区",))


def frame(role: Role = Role.LEADER, **changes: object) -> Frame:
    params = {"district": ["东桥区"], "from": ["2026-11-01"], "by": ["topic"], "page": ["3"], "empty": [""]}
    return Frame(Viewer(name="某人", role=role), "today", "/satisfaction", params=params, scope=SCOPE, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("role", list(Role))
def test_every_role_may_open_its_home(role: Role) -> None:
    viewer = Viewer(name="某人", role=role)
    entry = next(entry for entry in PAGES if entry.url == home_of(viewer))
    assert may_open(entry.key, role)


@pytest.mark.parametrize("role", sorted(set(Role) - BUSINESS_ROLES))
def test_administrators_have_no_page_with_business_data(role: Role) -> None:
    assert {entry.key for entry in frame(role).entries} <= {"sources", "admin"}
    assert not frame(role).may_search


def test_only_operators_have_the_desk() -> None:
    assert {role for role in Role if may_open("desk", role)} == {Role.OPERATOR}
    assert not may_open("nowhere", Role.OPERATOR)


def test_homes_cover_every_role() -> None:
    assert set(HOMES) == set(Role)


def test_link_changes_one_parameter_and_starts_at_the_first_page() -> None:
    made = frame()
    assert made.link(by="week") == "/satisfaction?district=%E4%B8%9C%E6%A1%A5%E5%8C%BA&from=2026-11-01&by=week"
    assert made.link(district=None, by="") == "/satisfaction?from=2026-11-01"
    assert made.link(since="2026-10-01", by=["a", "b"]).endswith("from=2026-10-01&by=a&by=b")


def test_link_escapes_what_a_value_may_hold() -> None:
    assert link("/search", {}, q="a&b=<c>") == "/search?q=a%26b%3D%3Cc%3E"
    assert link("/search", {}) == "/search"


def test_rail_carries_place_and_time_only() -> None:
    assert frame().scope_query == "?district=%E4%B8%9C%E6%A1%A5%E5%8C%BA&from=2026-11-01"
    bare = Frame(Viewer(name="某人", role=Role.LEADER), "today", "/")
    assert bare.scope_query == ""
    assert bare.link() == "/"


def test_hidden_fields_leave_out_what_the_form_sets() -> None:
    assert frame().kept("district", "from", "to") == [("by", "topic")]


def test_presets_end_where_the_period_ends() -> None:
    assert SCOPE.presets[0] == ("7 天", date(2026, 11, 18), date(2026, 11, 24))
    assert all(last == SCOPE.until for _, _, last in SCOPE.presets)


def test_scope_in_words() -> None:
    assert SCOPE.words == "2026年11月1日–24日"
    assert Scope(SCOPE.since, SCOPE.until, kind="day").words == "2026年11月24日 周二"
