"""The product's own application in a real browser: each role signs in, sees its pages and no others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dashboards.frame import PAGES, home_of, may_open
from models.labels import Role
from models.settings import Settings
from models.viewer import Viewer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
PASSWORD = "Wangchuan-2026x"


@pytest.fixture(scope="module")
def address(
    city: ModuleType, serve: Callable[[Any], Iterator[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The application over a memory store with the invented city and one user of each role."""
    from api.app import create_app
    from api.wiring import House

    folder: Path = tmp_path_factory.mktemp("house")
    with House(Settings(home=folder, store="memory", city=city.CITY, requests_per_minute=10_000)) as house:
        house.store.upsert(city.records(per_day=12, days=40))
        for role in Role:
            house.users.add(role.value.replace("_", "."), PASSWORD, role)
        yield from serve(create_app(house))


def to_login(visit: Callable[..., Any], **options: Any) -> Any:
    """The page once the browser has put the cursor where a user begins to type; it complains of one who is faster."""
    page = visit("/login", **options)
    page.wait_for_function("document.activeElement.id === 'name'")
    return page


def sign_in(visit: Callable[..., Any], role: Role, **options: Any) -> Any:
    page = to_login(visit, **options)
    page.fill("#name", role.value.replace("_", "."))
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector(".rail")
    page.wait_for_load_state()  # the scripts that listen to keys have run
    return page


@pytest.mark.parametrize("role", list(Role))
def test_each_role_sees_its_pages_and_no_others(visit: Callable[..., Any], address: str, role: Role) -> None:
    page = sign_in(visit, role)
    assert page.url == address + home_of(Viewer(name="x", role=role))
    titles = page.locator(".rail li").all_inner_texts()
    assert titles == [entry.title for entry in PAGES if role in entry.roles]
    for entry in PAGES:
        if may_open(entry.key, role):
            assert page.goto(address + entry.url, wait_until="load").status == 200, entry.url
            assert page.locator("h1").inner_text() == entry.title
            assert page.evaluate("document.documentElement.scrollWidth") <= 1280, entry.url
        elif entry.url != "/":  # whose home it is not is led to their own
            answer = page.context.request.get(address + entry.url, headers={"Accept": "text/html"})
            assert answer.status == 404, entry.url
            assert "没有找到" in answer.text()


def test_a_wrong_password_is_said_and_the_name_is_kept(visit: Callable[..., Any]) -> None:
    page = to_login(visit, noisy=True)
    page.fill("#name", "leader")
    page.fill("#password", "falsch-falsch-1")
    page.keyboard.press("Enter")
    page.wait_for_selector(".bar-error")
    assert page.input_value("#name") == "leader"
    page.wait_for_function("document.activeElement.id === 'password'")


def test_a_search_leads_to_a_record_and_back(visit: Callable[..., Any], address: str) -> None:
    page = sign_in(visit, Role.RESEARCHER)
    page.goto(address + "/search?district=东桥区")
    page.click(".hits a")
    page.wait_for_selector("#panel:not([hidden]) .steps")
    assert "工单编号" in page.inner_text("#panel")
    page.keyboard.press("Escape")
    assert page.locator("#panel").is_hidden()
    assert "district=" in page.url


def test_an_operator_decides_and_takes_it_back(visit: Callable[..., Any]) -> None:
    page = sign_in(visit, Role.OPERATOR)
    first = page.inner_text(".order .mono")
    with page.expect_response(re.compile("/decide")) as answer:
        page.keyboard.press("p")
    assert answer.value.status == 200
    page.wait_for_function("first => document.querySelector('.order .mono').textContent !== first", arg=first)
    page.keyboard.press("z")
    page.wait_for_function("first => document.querySelector('.order .mono').textContent === first", arg=first)


def test_signing_out_ends_the_session(visit: Callable[..., Any], address: str) -> None:
    page = sign_in(visit, Role.LEADER)
    page.click("text=退出")
    page.wait_for_url("**/login*")
    page.goto(address + "/hotspots")
    assert "/login" in page.url
