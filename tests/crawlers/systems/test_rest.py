"""REST interfaces of three ways of paging, over sockets; busy and broken ones."""

from __future__ import annotations

from typing import Any

import pytest

from crawlers.systems.rest import RestConnector
from tests.crawlers.systems.conftest import Desk, Interface, definition

pytest.importorskip("httpx", reason="httpx is not installed (pip install 'minsheng[crawl]')")


def rows(*numbers: int) -> list[dict[str, Any]]:
    return [{"number": f"R{n}", "title": f"第{n}件", "content": "井盖松动", "created": "2026-03-01 08:00", "changed": f"2026-03-{n:02}T08:00:00"}
            for n in numbers]  # fmt: skip


def source(interface: Interface, path: str, **changes: Any) -> Any:
    return definition(system="rest", url=interface.url + path, table="", **{"items": "data", "cursor": "", **changes})


@pytest.mark.parametrize(
    ("path", "changes", "asked"), [("/pages?page={page}", {}, 4), ("/linked", {"next": "next"}, 3)]
)
def test_pages_are_followed_to_the_end(
    desk: Desk, interface: Interface, path: str, changes: dict[str, str], asked: int
) -> None:
    interface.rows = rows(*range(1, 13))
    done = desk.pull(source(interface, path, **changes))
    assert (done.rows, done.error) == (12, "")
    assert len(interface.asked) == asked
    assert {item.native_id for item in desk.items} == {f"R{n}" for n in range(1, 13)}


def test_a_cursor_in_the_rows_is_kept_from_run_to_run(desk: Desk, interface: Interface) -> None:
    since = source(interface, "/since?after={cursor}", items="", cursor="changed")
    interface.rows = rows(1, 2, 3)
    assert desk.pull(since).rows == 3
    interface.rows += rows(4)
    assert desk.pull(since).rows == 1
    assert interface.asked[-1][0] == "/since?after=2026-03-03T08%3A00%3A00"
    assert desk.pull(since).rows == 0


def test_secrets_come_from_the_environment(desk: Desk, interface: Interface, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = source(interface, "/pages?page={page}", headers={"Authorization": "Bearer ${HALL_TOKEN}"})
    assert "环境变量 HALL_TOKEN" in desk.pull(kept).error
    monkeypatch.setenv("HALL_TOKEN", "s3cret")
    interface.rows = rows(1)
    assert desk.pull(kept).rows == 1
    assert interface.asked[-1][1]["Authorization"] == "Bearer s3cret"


def test_a_busy_interface_is_asked_again_when_it_says(desk: Desk, interface: Interface) -> None:
    waits: list[float] = []
    interface.rows = rows(1)
    interface.fail = [(429, {"Retry-After": "7"}), (503, {})]
    busy = source(interface, "/pages?page={page}")
    assert desk.pull(busy, connector=RestConnector(busy, waits.append)).rows == 1
    assert waits == [7.0, 2.0]


def test_one_that_refuses_or_says_nonsense_is_told(desk: Desk, interface: Interface) -> None:
    interface.fail = [(403, {})]
    assert "HTTP 403" in desk.pull(source(interface, "/pages?page={page}")).error
    assert len(interface.asked) == 1, "what is forbidden is not asked again"
    assert "items = 'data' 应为列表，见到 str" in desk.pull(source(interface, "/else")).error
