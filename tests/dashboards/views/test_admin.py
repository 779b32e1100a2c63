from __future__ import annotations

from datetime import timedelta
from types import ModuleType

from dashboards.views.admin import UserInput, admin_view
from models.labels import Role


def test_users_are_listed_by_role_with_their_state(city: ModuleType) -> None:
    view = admin_view(city.users(), now=city.NOW)
    assert [(row.name, row.role, row.scope, row.state) for row in view.users] == [
        ("lin.hao", "领导", "全市", "可用"),
        ("chen.yu", "政策研究", "东桥区、南浦区", "可用"),
        ("wu.min", "热线坐席", "全市", "锁定至 11月24日 10:16"),
        ("audit", "审计管理员", "无", "已停用"),
    ]
    assert view.counts == (("领导", 1), ("政策研究", 1), ("热线坐席", 1), ("审计管理员", 1))


def test_a_lock_that_is_over_is_no_lock(city: ModuleType) -> None:
    user = UserInput("x", Role.OPERATOR, locked_until=city.NOW - timedelta(seconds=1))
    assert admin_view([user], now=city.NOW).users[0].state == "可用"
    assert admin_view([], now=city.NOW).users == ()
