"""A system as data: how it is reached, what its rows mean, from where they are read on. One TOML file a source, beside the web sources."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Protocol

from pydantic import Field

from crawlers.feeds.mapping import Mapping as Columns
from crawlers.feeds.mapping import find_mapping
from models.errors import BadRequest
from models.labels import Grade, Kind
from models.record import Frozen


class System(StrEnum):
    SQL = "sql"
    REST = "rest"
    IMAP = "imap"
    KAFKA = "kafka"
    FOLDER = "folder"
    WEBHOOK = "webhook"
    """It sends by itself, to POST /hooks/NAME."""


class SystemSource(Frozen):
    """`columns`: name in the row → field, as in a mapping; or `mapping`, the name of one. `${NAME}` in an address or header is read
    from the environment, so that no password stands in a file."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    title: str = ""
    owner: str = Field("", description="office that answers for this source")
    legal_basis: Annotated[str, Field(min_length=1, description="why this may be read, e.g. 数据共享协议 2026-08")]
    grade: Grade = Grade.GENERAL_3
    channel: str = "hotline"
    kind: Kind = Kind.DEMAND
    system: System
    every_minutes: int = Field(5, ge=1, le=100_000, description="least time between the beginnings of two runs")
    batch: int = Field(1_000, ge=1, le=10_000, description="rows that are read, archived and accepted together")

    url: str = Field(
        "",
        description="address: SQLAlchemy's for sql, with {cursor} {page} {from} {to} for rest, imaps://… for imap, servers for kafka",
    )
    mapping: str = ""
    columns: dict[str, str] = Field(default_factory=dict)
    values: dict[str, dict[str, str]] = Field(default_factory=dict)
    constants: dict[str, str] = Field(default_factory=dict)

    table: str = Field(
        "", description="sql: table or view, also schema.table; kafka: topic; imap: folder; folder: path"
    )
    cursor: str = Field(
        "",
        description="sql: column that only grows, a number or the time of the last change; rest: the same in a row (JMESPath)",
    )
    key: str = Field("", description="sql: column that tells rows with the same cursor apart, where cursor is a time")
    overlap: float = Field(0.0, ge=0, description="how far behind the last cursor the next run begins: seconds for a time, else a number; "
                                                  "for rows whose transaction ends after that of a later one")  # fmt: skip
    items: str = Field("", description="rest: JMESPath of the rows; empty: the answer is the list")
    next: str = Field("", description="rest: JMESPath of the next page's address or of its {cursor}")
    headers: dict[str, str] = Field(default_factory=dict)
    since_days: int = Field(30, ge=1, le=36_500, description="rest, imap: how far back the first run reads")
    secret: str = Field("", description="webhook: what both sides sign with, as ${NAME}")
    pages: int = Field(10_000, ge=1, description="rest: pages of one run at most")

    def problems(self) -> list[str]:
        """What is wrong with it, in sentences."""
        found = []
        if self.system is System.WEBHOOK and not re.fullmatch(r"\$\{\w+\}", self.secret):
            found.append("system = webhook 要写 secret，写成 ${环境变量名}，密钥本身不写在文件里")
        if self.system not in (System.FOLDER, System.WEBHOOK) and not self.url:
            found.append("缺少 url")
        if self.system in (System.SQL, System.KAFKA, System.FOLDER) and not self.table:
            found.append(f"system = {self.system.value} 要写 table（{_TABLE[self.system]}）")
        if self.system is System.SQL and not self.cursor:
            found.append("system = sql 要写 cursor（只增的编号列，或最后修改时间列）")
        names = (self.table, self.cursor, self.key) if self.system is System.SQL else ()
        found += [
            f"{name!r} 不是表名或列名" for name in names if name and not re.fullmatch(r"[\w$#]+(\.[\w$#]+)*", name)
        ]
        if self.mapping and self.columns:
            found.append("mapping 与 [columns] 只写一个")
        if (
            self.system is not System.FOLDER
            and not self.mapping
            and not self.columns
            and self.system is not System.IMAP
        ):
            found.append("要写 mapping 或 [columns]")
        if self.columns:
            found += self._own_mapping().problems()
        return found

    def read_as(self, folder: Path | None) -> Columns:
        """What its rows mean. `folder`: the city's own mappings."""
        if self.mapping:
            known = find_mapping(self.mapping, folder)
            return known.model_copy(update={"source": self.name, "legal_basis": self.legal_basis, "grade": self.grade})
        return self._own_mapping()

    def _own_mapping(self) -> Columns:
        columns = self.columns or (_LETTER if self.system is System.IMAP else {})
        constants = {"channel": self.channel, "kind": self.kind.value, **self.constants}
        return Columns(name=self.name, source=self.name, title=self.title, legal_basis=self.legal_basis, grade=self.grade, columns=columns,
                       values=self.values, constants={name: value for name, value in constants.items() if name not in columns.values()})  # fmt: skip

    def filled(self, text: str) -> str:
        """With what `${NAME}` means in the environment. Raises BadRequest for a name that is not set."""

        def value(match: re.Match[str]) -> str:
            if match[1] not in os.environ:
                raise BadRequest(
                    name=match[1], value="", reason=f"来源 {self.name} 用到环境变量 {match[1]}，但没有设置"
                )
            return os.environ[match[1]]

        return re.sub(r"\$\{(\w+)\}", value, text)


_TABLE = {System.SQL: "表或视图", System.KAFKA: "主题", System.FOLDER: "目录"}
_LETTER = {"message_id": "native_id", "subject": "title", "text": "text", "date": "created_at", "from": "speaker"}


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows as they came, and the position behind them, which holds once they are accepted."""

    rows: list[dict[str, Any]]
    position: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Span:
    """Only what happened from `begin` to `end`, both included; for a backfill, which leaves the position where it is."""

    begin: datetime
    end: datetime


class Connector(Protocol):
    """`batches` reads on from a position, oldest first, and ends when there is nothing more.

    Raises SourceUnavailable where the system does not answer or refuses, BadFile where it has no such table, column or folder.
    """

    def batches(self, position: Mapping[str, Any], span: Span | None = None) -> Iterator[Batch]: ...
