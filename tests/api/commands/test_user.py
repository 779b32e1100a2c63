"""`minsheng user …` and `minsheng audit …`: accounts from the console, each step in the audit log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import Result

import indices.users
from api.commands.user import random_password
from api.wiring import House
from indices.audit import AuditRow, audit
from models.errors import AccountLocked, BadRequest, NotFound, NotSignedIn, WeakPassword, WrongPassword
from models.labels import ROLE_NAMES, Role

Minsheng = Callable[..., Result]
GOOD = "open-sesame-2026"


def sign_in(name: str, password: str) -> Role:
    with House() as house:
        return house.users.sign_in(name, password)[0].role


def noted() -> list[AuditRow]:
    """What the console did, oldest first."""
    with House() as house:
        return [row for row in house.audit.rows()[::-1] if row.who == "console"]


def shown_password(result: Result) -> str:
    return result.output.split("：")[-1].strip()


@pytest.mark.parametrize("role", list(Role))
def test_an_account_of_each_role_is_made_with_a_password_shown_once(minsheng: Minsheng, role: Role) -> None:
    made = minsheng("user", "add", "wang", "--role", role.value)
    assert f"已新增 wang（{ROLE_NAMES[role]}，全市）" in made.output
    password = shown_password(made)
    assert sign_in("wang", password) is role
    assert password not in minsheng("user", "list").output
    assert [(row.action, row.object) for row in noted()] == [("user.add", f"wang {role.value}")]
    assert password not in minsheng("audit", "list").output


def test_a_password_of_ones_own_is_not_shown(minsheng: Minsheng) -> None:
    assert GOOD not in minsheng("user", "add", "wang", "--role", "leader", "--password", GOOD).output
    assert GOOD not in minsheng("user", "add", "li", "--role", "analyst", "--password", "-", stdin=f"{GOOD}\n").output
    assert sign_in("wang", GOOD) is Role.LEADER
    assert sign_in("li", GOOD) is Role.ANALYST


def test_districts_are_the_scope(minsheng: Minsheng) -> None:
    made = minsheng("user", "add", "wang", "--role", "operator", "--district", "河东区", "--district", "河西区")
    assert "河东区、河西区" in made.output
    assert "河东区、河西区" in minsheng("user", "list").output
    with House() as house:
        assert house.users.list()[0].districts == frozenset({"河东区", "河西区"})


@pytest.mark.parametrize("district", ["*", "", " ", "河东区,河西区"])
def test_a_district_that_would_read_as_something_else_is_refused(minsheng: Minsheng, district: str) -> None:
    """Kept as one line, `*` would be the whole city and a comma two districts."""
    with pytest.raises(BadRequest) as caught:
        minsheng("user", "add", "wang", "--role", "operator", "--district", district)
    assert repr(district) in caught.value.message
    assert "还没有账户" in minsheng("user", "list").output


@pytest.mark.parametrize(
    ("words", "error", "seen"),
    [
        (("wang", "--role", "king"), BadRequest, "'king'"), (("王 五", "--role", "leader"), BadRequest, "'王 五'"),
        (("", "--role", "leader"), BadRequest, "''"), (("wang", "--role", "leader", "--password", "short1"), WeakPassword, "10"),
        (("wang", "--role", "leader", "--password", "onlyletters"), WeakPassword, "数字"),
    ],
)  # fmt: skip
def test_an_account_that_cannot_be_is_refused_with_what_was_seen(
    minsheng: Minsheng, words: tuple[str, ...], error: type[Exception], seen: str
) -> None:
    with pytest.raises(error) as caught:
        minsheng("user", "add", *words)
    assert seen in str(caught.value)
    assert noted() == []
    assert "minsheng user add" in minsheng("user", "list").output


def test_a_name_is_taken_once(minsheng: Minsheng) -> None:
    minsheng("user", "add", "wang", "--role", "leader", "--password", GOOD)
    with pytest.raises(BadRequest) as caught:
        minsheng("user", "add", "wang", "--role", "analyst")
    assert "同名" in caught.value.message
    assert sign_in("wang", GOOD) is Role.LEADER


def test_a_new_password_ends_every_session(minsheng: Minsheng) -> None:
    minsheng("user", "add", "wang", "--role", "leader", "--password", GOOD)
    with House() as house:
        session = house.users.sign_in("wang", GOOD)[1]
    changed = shown_password(minsheng("user", "password", "wang"))
    assert sign_in("wang", changed) is Role.LEADER
    with pytest.raises(WrongPassword):
        sign_in("wang", GOOD)
    with House() as house, pytest.raises(NotSignedIn):
        house.users.viewer(session, "session")
    assert GOOD not in minsheng("user", "password", "wang", "--password", "-", stdin=GOOD + "\n").output
    assert sign_in("wang", GOOD) is Role.LEADER


def test_a_token_is_shown_once_and_opens(minsheng: Minsheng) -> None:
    minsheng("user", "add", "wang", "--role", "researcher", "--district", "河东区")
    token = minsheng("user", "token", "wang", "--label", "夜间导出").stdout.strip()
    with House() as house:
        viewer = house.users.viewer(token, "token")
    assert (viewer.name, viewer.role, viewer.districts) == ("wang", Role.RESEARCHER, frozenset({"河东区"}))
    assert ("user.token", "wang 夜间导出") in [(row.action, row.object) for row in noted()]
    assert token not in minsheng("audit", "list").output


def test_a_locked_account_is_listed_and_unlocked(minsheng: Minsheng) -> None:
    minsheng("user", "add", "wang", "--role", "leader", "--password", GOOD)
    for _ in range(5):
        with pytest.raises(WrongPassword):
            sign_in("wang", "wrong-guess-1")
    with pytest.raises(AccountLocked):
        sign_in("wang", GOOD)
    assert "已锁定" in minsheng("user", "list").output
    minsheng("user", "unlock", "wang")
    assert "已锁定" not in minsheng("user", "list").output
    assert sign_in("wang", GOOD) is Role.LEADER


def test_a_removed_account_is_gone_with_its_tokens_and_its_deeds_stay(minsheng: Minsheng) -> None:
    minsheng("user", "add", "wang", "--role", "leader", "--password", GOOD)
    token = minsheng("user", "token", "wang").stdout.strip()
    minsheng("user", "remove", "wang")
    with House() as house, pytest.raises(NotSignedIn):
        house.users.viewer(token, "token")
    with pytest.raises(WrongPassword):
        sign_in("wang", GOOD)
    assert [row.action for row in noted()] == ["user.add", "user.token", "user.remove"]


@pytest.mark.parametrize("command", [("token",), ("password",), ("unlock",), ("remove",)])
def test_an_unknown_name_is_refused_and_nothing_noted(minsheng: Minsheng, command: tuple[str, ...]) -> None:
    with pytest.raises(NotFound) as caught:
        minsheng("user", *command, "nobody")
    assert "nobody" in caught.value.message
    assert noted() == []


def test_the_audit_log_is_listed_newest_first_and_its_chain_verified(minsheng: Minsheng, home: Path) -> None:
    assert "审计链是空的" in minsheng("audit", "verify").output
    for name in ("a1", "b2", "c3"):
        minsheng("user", "add", name, "--role", "leader")
    lines = minsheng("audit", "list", "--limit", 2).stdout.splitlines()
    assert [line.split("\t")[2:6] for line in lines] == [
        ["console", "user.add", "成功", "c3 leader"],
        ["console", "user.add", "成功", "b2 leader"],
    ]
    whole = minsheng("audit", "verify")
    assert (whole.exit_code, "共到第 3 条" in whole.output) == (0, True)
    with House() as house, house.database.begin() as connection:
        connection.execute(update(audit).where(audit.c.number == 2).values(object="a1 operator"))
    broken = minsheng("audit", "verify")
    assert broken.exit_code == 1
    assert "第 2 条" in broken.stderr


def test_random_passwords_obey_the_rule_and_differ() -> None:
    made = {random_password() for _ in range(50)}
    assert len(made) == 50
    for password in made:
        indices.users._check_password("wang", password)
