"""The catalogue of what is kept (政务信息资源目录): title, owner, period and grade of every table, index and folder of files."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Literal

from models.labels import Grade
from models.record import Frozen


class Resource(Frozen):
    """`personal`: whether it holds something about a person, masked or not."""

    name: str
    title: str
    kind: Literal["table", "index", "files"]
    owner: str
    period: str
    grade: Grade
    personal: bool
    about: str


@cache
def data_catalogue(path: Path = Path(__file__).with_name("data_catalogue.toml")) -> tuple[Resource, ...]:
    """Every resource, in the file's order."""
    return tuple(Resource.model_validate(row) for row in tomllib.loads(path.read_text(encoding="utf-8"))["resource"])
