from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from api.auth import SESSION_COOKIE
from api.wiring import House
from models.labels import Role

Client = Callable[..., TestClient]
PASSWORD = "open-sesame-2026"


@pytest.fixture
def leader(house: House) -> str:
    house.users.add("wang", PASSWORD, Role.LEADER)
    return "wang"


def sign_in(browser: TestClient, name: str, password: str = PASSWORD, **fields: str):  # type: ignore[no-untyped-def]
    return browser.post("/login", data={"name": name, "password": password, **fields})


def test_signing_in_sets_a_cookie_that_scripts_cannot_read(client: Client, leader: str) -> None:
    answer = sign_in(client(), leader)
    cookie = answer.headers["set-cookie"]
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert cookie.startswith(f"{SESSION_COOKIE}=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


def test_a_wrong_password_shows_the_form_again_with_the_reason_and_the_name(
    client: Client, leader: str, house: House
) -> None:
    answer = sign_in(client(), leader, "wrong-password-1")
    assert answer.status_code == 401
    assert "用户名或密码不对" in answer.text
    assert 'value="wang"' in answer.text
    assert "wrong-password-1" not in answer.text
    assert (house.audit.rows()[0].action, house.audit.rows()[0].success) == ("session.open", False)


def test_a_locked_account_is_told_when_it_opens(client: Client, leader: str) -> None:
    for _ in range(3):
        sign_in(client(), leader, "wrong-password-1")
    answer = sign_in(client(), leader)
    assert answer.status_code == 429
    assert "已锁定" in answer.text


@pytest.mark.parametrize(
    ("asked", "location"),
    [
        ("/search?q=%E8%B7%AF", "/search?q=%E8%B7%AF"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_after_signing_in_one_stays_in_the_house(client: Client, leader: str, asked: str, location: str) -> None:
    assert sign_in(client(), leader, next=asked).headers["location"] == location


def test_a_browser_without_a_session_is_led_to_the_form_and_back(client: Client) -> None:
    answer = client(headers={"accept": "text/html"}).get("/search", params={"q": "路灯"})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?next=%2Fsearch%3Fq")


def test_signing_out_ends_the_session(client: Client) -> None:
    browser = client(Role.LEADER)
    assert browser.get("/records").status_code == 200
    assert browser.post("/logout").status_code == 303
    assert (
        client()
        .get("/records", headers={"cookie": f"{SESSION_COOKIE}={browser.cookies.get(SESSION_COOKIE)}"})
        .status_code
        == 401
    )


def test_each_role_has_a_home(client: Client) -> None:
    homes = {role: client(role).get("/", headers={"accept": "text/html"}) for role in Role}
    moved = {role: answer.headers["location"] for role, answer in homes.items() if answer.status_code == 303}
    assert moved == {
        Role.RESEARCHER: "/search",
        Role.SYSTEM_ADMIN: "/sources",
        Role.SECURITY_ADMIN: "/admin",
        Role.AUDIT_ADMIN: "/admin",
    }
    assert all(homes[role].status_code == 200 for role in Role if role not in moved)


def test_a_program_comes_with_a_token(client: Client, house: House, leader: str) -> None:
    token = house.users.issue_token(leader)
    assert client(headers={"authorization": f"Bearer {token}"}).get("/records").status_code == 200
    assert client(headers={"authorization": "Bearer ms_wrong"}).get("/records").status_code == 401
    assert client(headers={"authorization": f"Basic {token}"}).get("/records").status_code == 401
