"""管理: who may sign in. More halves of it come with their issues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboards import formats
from models.labels import ROLE_NAMES, Role


@dataclass(frozen=True, slots=True)
class UserInput:
    """An account, without anything secret. `districts` None: the whole city."""

    name: str
    role: Role
    districts: frozenset[str] | None = None
    active: bool = True
    locked_until: datetime | None = None
    last_seen: datetime | None = None
    created_at: datetime | None = None
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class UserRow:
    name: str
    role: str
    scope: str
    state: str
    last_seen: str
    created: str
    tokens: int


@dataclass(frozen=True, slots=True)
class AdminView:
    users: tuple[UserRow, ...]
    counts: tuple[tuple[str, int], ...]


def admin_view(users: Sequence[UserInput], *, now: datetime) -> AdminView:
    """The list of accounts, by role and name."""
    order = list(Role)
    ordered = sorted(users, key=lambda user: (order.index(user.role), user.name))
    counts = [(ROLE_NAMES[role], sum(user.role is role for user in users)) for role in order]
    return AdminView(tuple(_row(user, now) for user in ordered), tuple((name, n) for name, n in counts if n))


def _row(user: UserInput, now: datetime) -> UserRow:
    locked = user.locked_until is not None and user.locked_until > now
    state = "已停用" if not user.active else f"锁定至 {formats.moment(user.locked_until)}" if locked else "可用"
    return UserRow(
        name=user.name,
        role=ROLE_NAMES[user.role],
        scope="全市" if user.districts is None else "、".join(sorted(user.districts)) or "无",
        state=state,
        last_seen=formats.full_moment(user.last_seen),
        created=formats.full_moment(user.created_at),
        tokens=user.tokens,
    )
