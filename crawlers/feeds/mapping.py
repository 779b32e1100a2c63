"""Named mappings: which column of a source is which field. TOML files; three ship for the feeds that were tried."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError

from crawlers.feeds.values import parse_value
from models.errors import BadFile, BadRequest
from models.item import Payload
from models.labels import Grade
from models.record import Frozen

SHIPPED: Final = Path(__file__).with_name("mappings")
OWN_FIELDS: Final = ("native_id", "revision")
MAX_NAME: Final = 100
FIELDS: Final = (*OWN_FIELDS, *Payload.model_fields)


class Mapping(Frozen):
    """How rows of one source become items.

    `columns`: column → field; a text may be joined from several columns, in their order. `values`: field → cell → value.
    `constants`: field → value for every row. Times are read in all the forms of `crawlers.feeds.times`.
    """

    name: str = Field(min_length=1, max_length=MAX_NAME)
    source: str = Field(min_length=1, max_length=MAX_NAME)
    title: str = ""
    legal_basis: str | None = None
    grade: Grade = Grade.GENERAL_3
    sheet: str | None = None
    columns: dict[str, str]
    values: dict[str, dict[str, str]] = Field(default_factory=dict)
    constants: dict[str, str] = Field(default_factory=dict)

    def fits(self, columns: Iterable[str]) -> bool:
        """Whether every column that this mapping reads is there."""
        return set(self.columns) <= set(columns)

    def problems(self) -> list[str]:
        """What is wrong with it, in sentences."""
        named = [*self.columns.values(), *self.values, *self.constants]
        found = [f"没有字段 {field!r}，可用 {'、'.join(FIELDS)}" for field in sorted(set(named) - set(FIELDS))]
        single = [field for field in self.columns.values() if field not in ("title", "text", "reply")]
        found += [f"字段 {field} 由多列给出" for field in sorted({f for f in single if single.count(f) > 1})]
        for field, value in self.constants.items():
            try:
                parse_value(field, value)
            except ValueError as error:
                found.append(f"常量 {field} 的值 {value!r} 不可用：{error}")
        if not {"title", "text"} & {*self.columns.values(), *self.constants}:
            found.append("没有一列对应 title（标题）或 text（内容）")
        return found

    def to_toml(self) -> str:
        """The mapping as a file that a person can correct."""
        lines = [f"name = {_quoted(self.name)}", f"source = {_quoted(self.source)}"]
        lines += [
            f"{key} = {_quoted(value)}" for key in ("title", "legal_basis", "sheet") if (value := getattr(self, key))
        ]
        tables = [
            ("columns", self.columns),
            ("constants", self.constants),
            *((f"values.{f}", v) for f, v in self.values.items()),
        ]
        for title, table in tables:
            if table or title == "columns":
                lines += ["", f"[{title}]", *(f"{_quoted(key)} = {_quoted(value)}" for key, value in table.items())]
        return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return '"' + "".join(escapes.get(c, c if c.isprintable() else f"\\U{ord(c):08x}") for c in text) + '"'


def load_mapping(path: Path) -> Mapping:
    """Raises BadFile naming what is wrong and where."""
    try:
        mapping = Mapping.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadFile(file=path.name, reason=f"映射读不出来（{error}）") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadFile(
            file=path.name, reason=f"映射的 {place} 有误：{first['msg']}，见到 {str(first['input'])[:60]!r}"
        ) from None
    if problems := mapping.problems():
        raise BadFile(file=path.name, reason="；".join(problems))
    return mapping


def mappings(folder: Path | None = None) -> list[Mapping]:
    """The city's own mappings (HOME/mappings), then the shipped ones."""
    own = sorted(folder.glob("*.toml")) if folder and folder.is_dir() else []
    return [load_mapping(path) for path in (*own, *sorted(SHIPPED.glob("*.toml")))]


def find_mapping(name: str, folder: Path | None = None) -> Mapping:
    """By name, or by the path of a TOML file. Raises BadRequest with the names that there are."""
    if name.endswith(".toml"):
        return load_mapping(Path(name))
    known = mappings(folder)
    for mapping in known:
        if mapping.name == name:
            return mapping
    raise BadRequest(name="--mapping", value=name, reason=f"应为 TOML 文件或 {'、'.join(m.name for m in known)}")


def fitting(columns: Sequence[str], known: Sequence[Mapping]) -> Mapping | None:
    """The mapping that reads most of the columns, among those whose columns are all there."""
    return max((m for m in known if m.fits(columns)), key=lambda m: len(m.columns), default=None)
