"""`minsheng doctor`: what is in force, and what is broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from api.wiring import House

FIGURE_DAYS = 90


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)


def doctor(
    expire: Annotated[bool, typer.Option("--expire", help="清理过期的会话、审计与指标缓存（定时任务用）")] = False,
) -> None:
    """检查：设置（密码遮住）、状态库、检索库、模型、账、审计链；有一项不通则以 1 退出。"""
    from api.wiring import House

    with House(read_only=True) as house:
        if expire:
            sessions, rows = house.users.expire(), house.audit.expire(house.settings.audit_days)
            typer.echo(f"清理了 {sessions} 个会话、{rows} 条审计、{house.figures.expire(FIGURE_DAYS)} 个指标")
            return
        for name, value in shown_settings(house):
            typer.echo(f"{name}={value}")
        typer.echo("")
        broken = 0
        for title, check in CHECKS.items():
            good, words = examine(check, house)
            broken += not good
            typer.secho(f"{'✓' if good else '✗'} {title}：{words}", fg=None if good else typer.colors.RED)
    if broken:
        raise typer.Exit(1)


def shown_settings(house: House) -> Iterator[tuple[str, str]]:
    """Each setting as it is in force; secrets and passwords within addresses are masked."""
    import re

    from pydantic import SecretStr

    for name in type(house.settings).model_fields:
        value = getattr(house.settings, name)
        text = ("******" if value.get_secret_value() else "") if isinstance(value, SecretStr) else str(value)
        yield f"MINSHENG_{name.upper()}", re.sub(r"(://[^:/@\s]*):[^@/\s]+@", r"\1:******@", text)


def examine(check: Callable[[House], str], house: House) -> tuple[bool, str]:
    """Whether a check passed, and its finding or the sentence of its error."""
    from sqlalchemy.exc import SQLAlchemyError

    from models.errors import MinshengError

    try:
        return True, check(house)
    except (MinshengError, OSError, SQLAlchemyError) as error:
        return False, str(error).splitlines()[0]


def _folder(house: House) -> str:
    probe = house.folder / ".doctor"
    probe.write_bytes(b"")
    probe.unlink()
    return str(house.folder)


def _database(house: House) -> str:
    return f"{house.database.dialect.name}，账户 {house.users.count()} 个" + (
        "" if house.users.count() else "（还没有账户：minsheng user add）"
    )


def _store(house: House) -> str:
    from models.query import Query

    return f"{house.store.engine}，{house.store.search(Query(size=0)).total:,} 件"


def _books(house: House) -> str:
    from models.errors import BadRequest

    books = house.inbox.books()
    if books.difference:
        raise BadRequest(name="账", value=books.difference, reason="收到 ≠ 入库 + 重复 + 隔离 + 拒收 + 等待")
    return f"平：收到 {books.received:,}，入库 {books.stored:,}，等待 {books.waiting:,}，隔离 {books.quarantined:,}"


def _model(house: House) -> str:
    import importlib.util

    fast = "rjieba" if importlib.util.find_spec("rjieba") else "jieba（安装 minsheng[fast] 可快约 12 倍）"
    chosen = house.shelf.choice()
    return f"{chosen.name if chosen else '随程序自带'}（{house.annotator.version}），分词 {fast}"


def _audit(house: House) -> str:
    from models.errors import BadRequest

    if (broken := house.audit.verify()) is not None:
        raise BadRequest(name="审计链", value=broken, reason="此条或其前一条被改动或删除")
    last = house.audit.rows(limit=1)
    return f"完整，{last[0].number if last else 0} 条"


CHECKS: dict[str, Callable[[House], str]] = {
    "数据文件夹": _folder, "状态库": _database, "检索库": _store, "收件账": _books, "语言模型": _model, "审计链": _audit,
}  # fmt: skip
