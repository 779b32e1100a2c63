"""`minsheng quarantine list|retry|drop`: items that could not be stored, and what a person decides about them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from indices.intake.quarantine import Held, QuarantineRoom, Which

room = typer.Typer(help="隔离区：查看、重试、丢弃无法入库的件。", no_args_is_help=True)

Rows = Annotated[list[int] | None, typer.Argument(help="编号（list 的第一列）；不给则须用 --all 或条件")]
Source = Annotated[str, typer.Option(help="只限此来源")]
Code = Annotated[str, typer.Option(help="只限此错误码，如 MS203")]
All = Annotated[bool, typer.Option("--all", help="全部")]
Json = Annotated[bool, typer.Option("--json", help="输出 JSON")]
SHOWN_CHARACTERS = 40


def register(app: typer.Typer) -> None:
    app.add_typer(room, name="quarantine")


@room.command("list")
def list_held(source: Source = "", code: Code = "", limit: Annotated[int, typer.Option(min=1, max=10_000, help="最多列出")] = 50,
              json: Json = False) -> None:  # fmt: skip
    """列出隔离的件：编号、时间、来源、原因、脱敏后的开头。"""
    import json as codec

    from api.wiring import House
    from indices.intake.quarantine import QuarantineRoom, Which

    with House() as house:
        quarantine = QuarantineRoom(house.database, limit=house.settings.inbox_limit)
        which = Which(source=source, code=code)
        lines = [line(held) for held in quarantine.held(which, limit=limit)]
        if json:
            typer.echo(codec.dumps({"total": quarantine.count(which), "items": lines}, ensure_ascii=False))
            return
        _print(lines, quarantine.reasons(which), quarantine.count(which))
        if bad := house.inbox.halted():
            typer.secho(
                f"处理线已停：连续 {bad} 件无法入库。查明原因后 retry 或 drop，处理线随即继续。", fg=typer.colors.RED
            )


@room.command("retry")
def retry(rows: Rows = None, source: Source = "", code: Code = "", all_: All = False) -> None:
    """放回收件箱重新处理。"""
    _decide(lambda quarantine, which: quarantine.retry(which), "已放回收件箱 {n} 件。", rows, source, code, all_)


@room.command("drop")
def drop(rows: Rows = None, source: Source = "", code: Code = "", all_: All = False) -> None:
    """丢弃内容；账目仍记为隔离。"""
    _decide(lambda quarantine, which: quarantine.drop(which), "已丢弃 {n} 件。", rows, source, code, all_)


def _decide(act: Callable[[QuarantineRoom, Which], int], sentence: str, rows: list[int] | None, source: str, code: str,
            everything: bool) -> None:  # fmt: skip
    from api.wiring import House
    from indices.intake.quarantine import QuarantineRoom, Which
    from models.errors import BadRequest

    which = Which(tuple(rows or ()), source, code)
    if which == Which() and not everything:
        raise BadRequest(name="编号", value="", reason="请给出编号、--source、--code，或用 --all 表示全部")
    with House() as house:
        typer.echo(sentence.format(n=act(QuarantineRoom(house.database, limit=house.settings.inbox_limit), which)))


def line(held: Held) -> dict[str, str | int | None]:
    """What is shown of an item: masked and short."""
    from models.clock import CITY_TIME
    from nlp.mask import mask

    payload = held.item.payload if held.item else None
    text = f"{payload.title} {payload.text}".strip() if payload else "（无法读取）"
    return {
        "row": held.row,
        "at": held.quarantined_at.astimezone(CITY_TIME).isoformat(timespec="seconds"),
        "source": held.source,
        "native_id": held.item.native_id if held.item else None,
        "code": held.code,
        "reason": mask(held.reason[:200]).text,
        "attempts": held.attempts,
        "text": mask(text[: 4 * SHOWN_CHARACTERS]).text[:SHOWN_CHARACTERS],
    }


def _print(lines: list[dict[str, str | int | None]], reasons: list[tuple[str, str, int]], total: int) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    if not total:
        typer.echo("隔离区是空的。")
        return
    table = Table("编号", "时间", "来源", "单号", "错误码", "原因", "内容（脱敏）")
    for one in lines:
        cells = (
            one["row"],
            str(one["at"])[5:16],
            one["source"],
            one["native_id"] or "无",
            one["code"],
            one["reason"],
            one["text"],
        )
        table.add_row(*(escape(str(cell)) for cell in cells))
    Console().print(table)
    for source, code, n in reasons:
        typer.echo(f"{source}：{code} {n:,} 件")
    if total > len(lines):
        typer.echo(f"共 {total:,} 件，显示 {len(lines)} 件。")
