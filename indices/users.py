"""Who may sign in: users, API tokens, page sessions. Passwords as argon2id, secrets kept as digests only."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import argon2
from sqlalchemy import (
    Column,
    Double,
    Engine,
    ForeignKey,
    Integer,
    Row,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from indices.database import metadata, reading, writing
from models.errors import AccountLocked, BadRequest, NotFound, NotSignedIn, WeakPassword, WrongPassword
from models.labels import Role
from models.viewer import Viewer

users = Table(
    "users", metadata,
    Column("name", String(64), primary_key=True),
    Column("password", String(256), nullable=False),
    Column("role", String(32), nullable=False),
    Column("districts", String(2000), nullable=False),  # "*": the whole city; else names joined by commas
    Column("failures", Integer, nullable=False, default=0),
    Column("locked_until", Double, nullable=False, default=0.0),
    Column("created_at", Double, nullable=False),
)  # fmt: skip
secrets_table = Table(
    "secrets", metadata,
    Column("digest", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),  # session | token
    Column("user", String(64), ForeignKey("users.name", ondelete="CASCADE"), nullable=False, index=True),
    Column("label", String(100), nullable=False, default=""),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
)  # fmt: skip

_NAME = re.compile(r"[\w.@-]{1,64}")
_FAR = 4e9  # tokens do not expire by themselves; they are revoked
_MIN_PASSWORD = 10
_TELLING_NAME = 4  # a name shorter than this stands in random passwords too


@dataclass(frozen=True, slots=True)
class Account:
    """A user as the security administrator sees it."""

    name: str
    role: Role
    districts: frozenset[str] | None
    locked: bool
    created_at: float


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _checked_district(name: str) -> str:
    """Kept as one line, `*` would read as the whole city and a comma as two districts."""
    if not name.strip() or name == "*" or "," in name:
        raise BadRequest(name="区县", value=name, reason="须是一个区县的名称，不含逗号；全市的账户请不要给区县")
    return name


def csrf_token(session: str) -> str:
    """The form token of a session: derived, so that nothing more has to be kept."""
    return _digest(f"csrf:{session}")[:32]


def _viewer(row: Row[tuple[str, ...]]) -> Viewer:
    districts = None if row.districts == "*" else frozenset(filter(None, row.districts.split(",")))
    return Viewer(name=row.name, role=Role(row.role), districts=districts)


class Users:
    """Accounts of the state database. There is no default account."""

    def __init__(
        self, engine: Engine, *, session_minutes: int = 30, lockout_failures: int = 5, lockout_minutes: int = 15,
        clock: Callable[[], float] = time.time, hasher: argon2.PasswordHasher | None = None,
    ) -> None:  # fmt: skip
        self._engine = engine
        self._session_seconds = session_minutes * 60.0
        self._failures, self._lockout_minutes = lockout_failures, lockout_minutes
        self._clock = clock
        self._hasher = hasher or argon2.PasswordHasher()
        # Verified for unknown names too, so that the time of the answer does not tell whether a name exists.
        self._decoy = self._hasher.hash(secrets.token_hex(16))

    def add(self, name: str, password: str, role: Role, districts: Iterable[str] | None = None) -> Viewer:
        """A new user; `districts` None is the whole city. Raises BadRequest (name taken; name or district malformed), WeakPassword."""
        if not _NAME.fullmatch(name):
            raise BadRequest(name="用户名", value=name, reason="只能用字母、数字、汉字和 . _ @ -，至多 64 个")
        _check_password(name, password)
        scope = "*" if districts is None else ",".join(map(_checked_district, sorted(districts)))
        row = {"name": name, "password": self._hasher.hash(password), "role": role.value, "districts": scope,
               "failures": 0, "locked_until": 0.0, "created_at": self._clock()}  # fmt: skip
        try:
            with writing(self._engine) as connection:
                connection.execute(insert(users).values(row))
        except IntegrityError:
            raise BadRequest(name="用户名", value=name, reason="已有同名用户") from None
        return Viewer(name=name, role=role, districts=None if districts is None else frozenset(districts))

    def sign_in(self, name: str, password: str) -> tuple[Viewer, str]:
        """The viewer and a new session secret. Raises WrongPassword, AccountLocked (also while the password is right)."""
        now = self._clock()
        if not _NAME.fullmatch(name):
            name = ""  # nobody's; PostgreSQL would refuse the question itself for some
        with reading(self._engine) as connection:
            row = connection.execute(select(users).where(users.c.name == name)).first()
        if row is not None and row.locked_until > now:
            raise AccountLocked(minutes=max(1, round((row.locked_until - now) / 60)))
        if not self._matches(row.password if row else self._decoy, password) or row is None:
            self._count_failure(name, now)
            raise WrongPassword(limit=self._failures, minutes=self._lockout_minutes)
        with writing(self._engine) as connection:
            connection.execute(update(users).where(users.c.name == name).values(failures=0, locked_until=0.0))
        return _viewer(row), self._issue(name, "session", now + self._session_seconds)

    def _matches(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except argon2.exceptions.VerificationError:
            return False

    def _count_failure(self, name: str, now: float) -> None:
        with writing(self._engine) as connection:
            connection.execute(update(users).where(users.c.name == name).values(failures=users.c.failures + 1))
            connection.execute(
                update(users).where(users.c.name == name, users.c.failures >= self._failures)
                .values(locked_until=now + self._lockout_minutes * 60.0, failures=0)
            )  # fmt: skip

    def _issue(self, user: str, kind: str, expires_at: float, label: str = "") -> str:
        secret = ("ms_" if kind == "token" else "") + secrets.token_urlsafe(32)
        values = {"digest": _digest(secret), "kind": kind, "user": user, "label": label,
                  "created_at": self._clock(), "expires_at": expires_at}  # fmt: skip
        with writing(self._engine) as connection:
            connection.execute(insert(secrets_table).values(values))
        return secret

    def issue_token(self, user: str, label: str = "") -> str:
        """A new API token of the user; shown once, kept as a digest."""
        if not any(account.name == user for account in self.list()):
            raise NotFound(what=f"用户 {user}")
        return self._issue(user, "token", _FAR, label)

    def viewer(self, secret: str, kind: str) -> Viewer:
        """Whose session or token this is; a session's time starts anew. Raises NotSignedIn."""
        now, digest = self._clock(), _digest(secret)
        found = (secrets_table.c.digest == digest) & (secrets_table.c.kind == kind) & (secrets_table.c.expires_at > now)
        with reading(self._engine) as connection:
            joined = secrets_table.join(users, users.c.name == secrets_table.c.user)
            row = connection.execute(select(users, secrets_table.c.expires_at).select_from(joined).where(found)).first()
        if row is None:
            raise NotSignedIn()
        # Written at most once a minute: reading a page must not cost a disk flush every time.
        if kind == "session" and row.expires_at < now + self._session_seconds - 60:
            with writing(self._engine) as connection:
                connection.execute(update(secrets_table).where(found).values(expires_at=now + self._session_seconds))
        return _viewer(row)

    def sign_out(self, session: str) -> None:
        with writing(self._engine) as connection:
            connection.execute(delete(secrets_table).where(secrets_table.c.digest == _digest(session)))

    def set_password(self, name: str, password: str) -> None:
        """A new password; every session of the user ends. Raises NotFound, WeakPassword."""
        _check_password(name, password)
        with writing(self._engine) as connection:
            values = {"password": self._hasher.hash(password), "failures": 0, "locked_until": 0.0}
            if not connection.execute(update(users).where(users.c.name == name).values(values)).rowcount:
                raise NotFound(what=f"用户 {name}")
            connection.execute(
                delete(secrets_table).where(secrets_table.c.user == name, secrets_table.c.kind == "session")
            )

    def unlock(self, name: str) -> None:
        with writing(self._engine) as connection:
            if not connection.execute(
                update(users).where(users.c.name == name).values(failures=0, locked_until=0.0)
            ).rowcount:
                raise NotFound(what=f"用户 {name}")

    def remove(self, name: str) -> None:
        """The account with its sessions and tokens; what it did stays in the audit log."""
        with writing(self._engine) as connection:
            connection.execute(delete(secrets_table).where(secrets_table.c.user == name))
            if not connection.execute(delete(users).where(users.c.name == name)).rowcount:
                raise NotFound(what=f"用户 {name}")

    def list(self) -> list[Account]:
        with reading(self._engine) as connection:
            rows = connection.execute(select(users).order_by(users.c.name)).all()
        now = self._clock()
        return [
            Account(
                name=r.name,
                role=Role(r.role),
                districts=_viewer(r).districts,
                locked=r.locked_until > now,
                created_at=r.created_at,
            )
            for r in rows
        ]

    def expire(self) -> int:
        """Remove sessions that ended; how many."""
        with writing(self._engine) as connection:
            return connection.execute(delete(secrets_table).where(secrets_table.c.expires_at <= self._clock())).rowcount

    def count(self) -> int:
        with reading(self._engine) as connection:
            return connection.execute(select(func.count()).select_from(users)).scalar_one()


def _check_password(name: str, password: str) -> None:
    if len(password) < _MIN_PASSWORD:
        raise WeakPassword(reason=f"只有 {len(password)} 位")
    if not (re.search(r"[A-Za-z]", password) and re.search(r"\d", password)):
        raise WeakPassword(reason="缺少字母或数字")
    if len(name) >= _TELLING_NAME and name.lower() in password.lower():
        raise WeakPassword(reason="包含用户名")
