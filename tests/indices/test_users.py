from collections.abc import Iterator
from pathlib import Path

import argon2
import pytest
from sqlalchemy import Engine, select

from indices.database import connect, metadata
from indices.users import Users, csrf_token, secrets_table
from indices.users import users as users_table
from models.errors import AccountLocked, BadRequest, NotFound, NotSignedIn, WeakPassword, WrongPassword
from models.labels import Role

PASSWORD = "hedong-2026-open"


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = connect(f"sqlite:///{tmp_path / 'state.db'}")
    metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def users(engine: Engine, clock: Clock) -> Users:
    return Users(engine, session_minutes=30, lockout_failures=3, lockout_minutes=15, clock=clock)


def test_there_is_no_default_account(users: Users) -> None:
    assert users.count() == 0
    with pytest.raises(WrongPassword):
        users.sign_in("admin", "admin")


def test_sign_in_gives_the_viewer_and_a_session(users: Users) -> None:
    users.add("wang", PASSWORD, Role.LEADER, ["河东区"])
    viewer, session = users.sign_in("wang", PASSWORD)
    assert (viewer.name, viewer.role, viewer.districts) == ("wang", Role.LEADER, {"河东区"})
    assert users.viewer(session, "session") == viewer


def test_secrets_are_kept_as_digests_only(users: Users, engine: Engine) -> None:
    users.add("wang", PASSWORD, Role.LEADER)
    _, session = users.sign_in("wang", PASSWORD)
    with engine.connect() as connection:
        rows = connection.execute(select(secrets_table)).all()
    assert len(rows) == 1
    assert session not in str(rows)


def test_an_empty_list_of_districts_is_not_the_whole_city(users: Users) -> None:
    assert users.add("li", PASSWORD, Role.OPERATOR, []).districts == frozenset()
    assert users.sign_in("li", PASSWORD)[0].districts == frozenset()


def test_a_citys_passwords_cost_what_rfc_9106_says(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other tests hash quickly (`tests/conftest.py`)."""
    monkeypatch.setattr(argon2, "PasswordHasher", argon2.PasswordHasher.func)  # type: ignore[attr-defined]
    Users(engine).add("wang", PASSWORD, Role.LEADER)
    with engine.connect() as connection:
        kept = connection.execute(select(users_table.c.password)).scalar_one()
    assert argon2.extract_parameters(kept) == argon2.profiles.RFC_9106_LOW_MEMORY


@pytest.mark.parametrize(
    ("password", "why"),
    [("short1", "6 位"), ("onlyletters", "数字"), ("1234567890", "字母"), ("xwang123456", "用户名")],
)
def test_weak_passwords_are_refused_with_the_reason(users: Users, password: str, why: str) -> None:
    with pytest.raises(WeakPassword, match=why):
        users.add("wang", password, Role.LEADER)


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "<b>", "a\n"])
def test_malformed_names_are_refused(users: Users, name: str) -> None:
    with pytest.raises(BadRequest):
        users.add(name, PASSWORD, Role.LEADER)


def test_a_name_is_given_once(users: Users) -> None:
    users.add("wang", PASSWORD, Role.LEADER)
    with pytest.raises(BadRequest, match="已有同名用户"):
        users.add("wang", PASSWORD, Role.LEADER)


def test_wrong_passwords_lock_even_for_the_right_one_and_time_opens(users: Users, clock: Clock) -> None:
    users.add("wang", PASSWORD, Role.LEADER)
    for _ in range(3):
        with pytest.raises(WrongPassword):
            users.sign_in("wang", "wrong-password-1")
    with pytest.raises(AccountLocked):
        users.sign_in("wang", PASSWORD)
    assert users.list()[0].locked
    clock.now += 15 * 60 + 1
    assert users.sign_in("wang", PASSWORD)[0].name == "wang"


def test_a_right_password_clears_the_failures(users: Users) -> None:
    users.add("wang", PASSWORD, Role.LEADER)
    for _ in range(3):
        for _ in range(2):
            with pytest.raises(WrongPassword):
                users.sign_in("wang", "wrong-password-1")
        users.sign_in("wang", PASSWORD)


def test_unlock(users: Users) -> None:
    users.add("wang", PASSWORD, Role.LEADER)
    for _ in range(3):
        with pytest.raises(WrongPassword):
            users.sign_in("wang", "wrong-password-1")
    users.unlock("wang")
    users.sign_in("wang", PASSWORD)


def test_a_session_ends_without_requests_and_slides_with_them(users: Users, clock: Clock) -> None:
    users.add("wang", PASSWORD, Role.LEADER)
    _, session = users.sign_in("wang", PASSWORD)
    for _ in range(5):
        clock.now += 20 * 60
        users.viewer(session, "session")
    clock.now += 30 * 60 + 1
    with pytest.raises(NotSignedIn):
        users.viewer(session, "session")
    assert users.expire() == 1


def test_signing_out_ends_the_session(users: Users) -> None:
    users.add("wang", PASSWORD, Role.LEADER)
    _, session = users.sign_in("wang", PASSWORD)
    users.sign_out(session)
    with pytest.raises(NotSignedIn):
        users.viewer(session, "session")


def test_a_token_is_no_session_and_a_session_no_token(users: Users) -> None:
    users.add("push", PASSWORD, Role.OPERATOR)
    token = users.issue_token("push", "热线系统")
    assert users.viewer(token, "token").name == "push"
    _, session = users.sign_in("push", PASSWORD)
    for secret, kind in ((token, "session"), (session, "token"), ("", "token"), ("ms_made-up", "token")):
        with pytest.raises(NotSignedIn):
            users.viewer(secret, kind)


def test_tokens_are_for_users_that_exist(users: Users) -> None:
    with pytest.raises(NotFound):
        users.issue_token("nobody")


def test_a_new_password_ends_the_sessions(users: Users) -> None:
    users.add("wang", PASSWORD, Role.LEADER)
    _, session = users.sign_in("wang", PASSWORD)
    users.set_password("wang", "another-2027-word")
    with pytest.raises(NotSignedIn):
        users.viewer(session, "session")
    with pytest.raises(WrongPassword):
        users.sign_in("wang", PASSWORD)
    users.sign_in("wang", "another-2027-word")


def test_a_removed_user_is_out_at_once(users: Users) -> None:
    users.add("wang", PASSWORD, Role.LEADER)
    token = users.issue_token("wang")
    users.remove("wang")
    with pytest.raises(NotSignedIn):
        users.viewer(token, "token")
    for call in (users.remove, users.unlock):
        with pytest.raises(NotFound):
            call("wang")


def test_the_form_token_belongs_to_the_session() -> None:
    assert csrf_token("a") == csrf_token("a") != csrf_token("b")
    assert "a-secret" not in csrf_token("a-secret")


def test_a_short_name_does_not_forbid_passwords_that_happen_to_hold_it(users: Users) -> None:
    users.add("w", "w0rd-by-chance", Role.LEADER)
    with pytest.raises(WeakPassword, match="包含用户名"):
        users.add("wang", "wang-2026-open", Role.LEADER)


def test_a_name_that_no_database_could_hold_is_a_wrong_password(users: Users) -> None:
    for name in ("", "a\x00b", "x" * 10_000):
        with pytest.raises(WrongPassword):
            users.sign_in(name, PASSWORD)
