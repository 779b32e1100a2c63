"""`minsheng user …`, `minsheng audit …`: accounts and what they did."""

from __future__ import annotations

import secrets
import sys
from typing import Annotated

import typer

users = typer.Typer(help="账户：新增、列出、解锁、改密码、令牌、删除。", no_args_is_help=True)
audit = typer.Typer(help="审计日志：查看、校验。", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(users, name="user")
    app.add_typer(audit, name="audit")


def random_password() -> str:
    """16 characters that satisfy the password rule."""
    while True:
        password = secrets.token_urlsafe(12)
        if any(c.isdigit() for c in password) and any(c.isalpha() for c in password):
            return password


def _ask_password(given: str | None) -> tuple[str, bool]:
    """The password and whether it was made here; `-` reads one line of standard input."""
    if given == "-":
        return sys.stdin.readline().rstrip("\n"), False
    return (given, False) if given else (random_password(), True)


@users.command("add")
def add(name: Annotated[str, typer.Argument(help="用户名")],
        role: Annotated[str, typer.Option(help="leader analyst operator researcher system_admin security_admin audit_admin")],
        district: Annotated[list[str] | None, typer.Option(help="只看这个区县，可重复；不给则全市")] = None,
        password: Annotated[str | None, typer.Option(help="密码；- 从标准输入读；不给则随机生成并显示一次")] = None) -> None:  # fmt: skip
    """新增账户。"""
    from api.wiring import House
    from models.errors import BadRequest
    from models.labels import ROLE_NAMES, Role

    if role not in set(Role):
        raise BadRequest(name="--role", value=role, reason=f"应为 {'、'.join(Role)} 之一")
    secret, made = _ask_password(password)
    with House() as house:
        viewer = house.users.add(name, secret, Role(role), district or None)
        house.audit.note("console", "user.add", f"{name} {role}")
    typer.echo(
        f"已新增 {name}（{ROLE_NAMES[viewer.role]}，{'、'.join(sorted(viewer.districts)) if viewer.districts else '全市'}）"
    )
    if made:
        typer.echo(f"密码（只显示这一次）：{secret}")


@users.command("list")
def list_users() -> None:
    """列出账户。"""
    from api.wiring import House
    from models.labels import ROLE_NAMES

    with House() as house:
        accounts = house.users.list()
    if not accounts:
        typer.echo("还没有账户。新增：minsheng user add 名字 --role leader")
    for account in accounts:
        scope = "全市" if account.districts is None else "、".join(sorted(account.districts)) or "（无区县）"
        typer.echo("\t".join([account.name, ROLE_NAMES[account.role], scope, *(["已锁定"] if account.locked else [])]))


@users.command("token")
def token(
    name: Annotated[str, typer.Argument(help="用户名")], label: Annotated[str, typer.Option(help="用途")] = ""
) -> None:
    """给账户一个接口令牌（只显示一次）。"""
    from api.wiring import House

    with House() as house:
        secret = house.users.issue_token(name, label)
        house.audit.note("console", "user.token", f"{name} {label}")
    typer.echo(secret)


@users.command("quota")
def quota(name: Annotated[str, typer.Argument(help="用户名")],
          items: Annotated[int | None, typer.Argument(min=0, help="每天最多推送多少件；不给则看现在的")] = None,
          none: Annotated[bool, typer.Option("--none", help="取消限额")] = False) -> None:  # fmt: skip
    """账户每天可以推送多少件（POST /items）。"""
    from api.wiring import House
    from models.errors import BadRequest

    with House() as house:
        if name not in {account.name for account in house.users.list()}:
            raise BadRequest(name="NAME", value=name, reason="没有这个账户")
        if items is not None or none:
            house.quotas.set(name, None if none else items)
            house.audit.note("console", "user.quota", f"{name} {items}")
        set_to, used = house.quotas.get(name), house.quotas.used(name)
    typer.echo(f"{name}：{'不限' if set_to is None else f'每天 {set_to:,} 件，今天已用 {used:,} 件'}")


@users.command("password")
def password(
    name: str, new: Annotated[str | None, typer.Option("--password", help="- 从标准输入读；不给则随机生成")] = None
) -> None:
    """改密码，并结束该账户的所有登录。"""
    from api.wiring import House

    secret, made = _ask_password(new)
    with House() as house:
        house.users.set_password(name, secret)
        house.audit.note("console", "user.password", name)
    typer.echo(f"{name} 的密码已更改。" + (f"新密码（只显示这一次）：{secret}" if made else ""))


@users.command("unlock")
def unlock(name: str) -> None:
    """解除因多次密码错误造成的锁定。"""
    from api.wiring import House

    with House() as house:
        house.users.unlock(name)
        house.audit.note("console", "user.unlock", name)
    typer.echo(f"{name} 已解锁。")


@users.command("remove")
def remove(name: str) -> None:
    """删除账户、登录和令牌；审计记录保留。"""
    from api.wiring import House

    with House() as house:
        house.users.remove(name)
        house.audit.note("console", "user.remove", name)
    typer.echo(f"{name} 已删除。")


@audit.command("list")
def list_audit(limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50) -> None:
    """最近的审计记录，新的在前。"""
    from datetime import datetime

    from api.wiring import House
    from models.clock import CITY_TIME

    with House() as house:
        for row in house.audit.rows(limit=limit):
            at = datetime.fromtimestamp(row.at, CITY_TIME).strftime("%Y-%m-%d %H:%M:%S")
            typer.echo(
                f"{row.number}\t{at}\t{row.who}\t{row.action}\t{'成功' if row.success else '拒绝'}\t{row.object}"
            )


@audit.command("verify")
def verify() -> None:
    """校验审计链；被改动或删除的记录会被指出。"""
    from api.wiring import House

    with House() as house:
        broken, last = house.audit.verify(), house.audit.rows(limit=1)
    if broken is not None:
        typer.secho(f"审计链在第 {broken} 条断开：此条或其前一条被改动或删除。", fg=typer.colors.RED, err=True)
        raise typer.Exit(1)
    typer.echo(f"审计链完整，共到第 {last[0].number} 条，末条封签 {last[0].seal}" if last else "审计链是空的。")
