"""Which units are alike (同类单位): a city's own file of two columns, unit and group."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

from models.errors import BadFile

COLUMNS: Final = ("单位", "组")


def read_peers(path: Path) -> dict[str, str]:
    """Unit → group; empty where there is no file. Raises BadFile naming the line and the value."""
    if not path.exists():
        return {}
    found: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if missing := set(COLUMNS) - set(reader.fieldnames or ()):
                raise BadFile(file=path.name, reason=f"缺少列 {'、'.join(sorted(missing))}，应有 {'、'.join(COLUMNS)}")
            for number, row in enumerate(reader, start=2):
                unit, group = ((row[name] or "").strip() for name in COLUMNS)
                if not unit or not group:
                    raise BadFile(file=path.name, reason=f"第 {number} 行的单位或组是空的")
                if found.setdefault(unit, group) != group:
                    raise BadFile(
                        file=path.name, reason=f"第 {number} 行把 {unit} 归入 {group}，前面已归入 {found[unit]}"
                    )
    except UnicodeDecodeError:
        raise BadFile(file=path.name, reason="不是 UTF-8；请另存为“CSV UTF-8”") from None
    return found
