"""`minsheng corrections`: what people decided at the desk, as a labelled table that `minsheng train heads --labels` takes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from indices.civic.decisions import Decision, Decisions
    from models.ports import Reader
    from models.record import Record

COLUMNS: Final = ("编号", "标题", "内容", "承办单位", "模型建议", "决定", "决定时间")
WORDS: Final = {"accept": "采用", "department": "改派"}
AT_ONCE: Final = 500  # records asked for in one query


def register(app: typer.Typer) -> None:
    app.command("corrections")(corrections)


def corrections(output: Annotated[Path, typer.Option("--output", "-o", help="写入的 CSV 文件")]) -> None:
    """把分派台上采用或改派的承办单位写成标注表（文本已脱敏，不含处理人），可直接用于 minsheng train heads --labels。"""
    from api.questions import output_path
    from api.wiring import House
    from models.errors import NotFound

    output_path(output)
    with House(read_only=True) as house:
        decided = standing(house.decisions)
        if not decided:
            raise NotFound(what="分派台上采用或改派过的工单")
        found = {record.id: record for record in records_of(house.console, list(decided))}
        house.audit.note("console", "corrections.export", f"{len(found)} {output.name}")
    rows = [row(found[record_id], decision) for record_id, decision in decided.items() if record_id in found]
    write(output, rows)
    counts = "，".join(f"{name} {sum(line[5] == name for line in rows):,} 行" for name in WORDS.values())
    typer.echo(f"写出 {len(rows):,} 行（{counts}）→ {output}")
    if gone := len(decided) - len(rows):
        typer.echo(f"{gone:,} 件已不在库中，未写。", err=True)


def standing(decisions: Decisions) -> dict[str, Decision]:
    """Record id → the decision that stands, of those that name a department; in the order in which they were made."""
    ids = list(dict.fromkeys(decision.record_id for decision in decisions.labels()))
    found: dict[str, Decision] = {}
    for start in range(0, len(ids), AT_ONCE):
        found |= decisions.standing(ids[start : start + AT_ONCE])
    kept = [decision for decision in found.values() if decision.action in WORDS]
    return {decision.record_id: decision for decision in sorted(kept, key=lambda decision: decision.number)}


def records_of(reader: Reader, ids: Sequence[str]) -> Iterator[Record]:
    from models.query import Query

    for start in range(0, len(ids), AT_ONCE):
        yield from reader.scan(Query(filters={"id": tuple(ids[start : start + AT_ONCE])}))


def row(record: Record, decision: Decision) -> list[str]:
    """Under `COLUMNS`; no cell is a formula."""
    from datetime import datetime

    from dashboards.exports import neutral
    from models.clock import CITY_TIME

    when = datetime.fromtimestamp(decision.at, CITY_TIME).strftime("%Y-%m-%d %H:%M:%S")
    cells = (record.native_id or record.id, record.title, record.text, decision.department, decision.suggested)
    return [*map(neutral, cells), WORDS[decision.action], when]


def write(path: Path, rows: Sequence[Sequence[str]]) -> None:
    """Beside the target and moved there at the end, so that half a file never looks like a whole one."""
    table = io.StringIO()
    csv.writer(table).writerows([COLUMNS, *rows])
    partial = path.with_name(f"{path.name}.part")
    partial.write_text(
        "\ufeff" + table.getvalue(), encoding="utf-8", newline=""
    )  # with this mark spreadsheets read UTF-8
    partial.replace(path)
