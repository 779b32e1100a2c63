"""All sources of a house: the TOML files of one folder, web sources and systems side by side."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from crawlers.systems.source import SystemSource
from crawlers.web.source import WebSource
from models.errors import BadFile, NotFound

Source = WebSource | SystemSource


def load(path: Path) -> Source:
    """Raises BadFile naming what is wrong and where."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadFile(file=path.name, reason=f"来源定义读不出来（{error}）") from None
    return parse(values, path.name)


def parse(values: dict[str, Any], file: str) -> Source:
    """As `load`, from a table that was read; one with `system` is a system's."""
    kind: type[Source] = SystemSource if "system" in values else WebSource
    try:
        source = kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        reason = f"来源定义的 {place} 有误：{first['msg']}，见到 {str(first['input'])[:60]!r}"
        raise BadFile(file=file, reason=reason) from None
    if problems := source.problems():
        raise BadFile(file=file, reason="；".join(problems))
    return source


def all_of(folder: Path) -> dict[str, Source]:
    """By name, in order. Raises BadFile for one that cannot be read, and where two have one name."""
    found, bad = usable(folder)
    if bad:
        raise bad[0]
    return found


def usable(folder: Path) -> tuple[dict[str, Source], list[BadFile]]:
    """Those that can be read, and what is wrong with the others: one bad file must not stop every source."""
    found: dict[str, Source] = {}
    bad: list[BadFile] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            source = load(path)
            if source.name in found:
                raise BadFile(file=path.name, reason=f"来源名 {source.name!r} 已被另一个文件用了")
            found[source.name] = source
        except BadFile as error:
            bad.append(error)
    return found, bad


def named(folder: Path, words: Iterable[str]) -> list[Source]:
    """Sources by their names, or by the paths of their files. Raises NotFound, BadFile."""
    known: dict[str, Source] | None = None
    found = []
    for word in words:
        if word.endswith(".toml"):
            found.append(load(Path(word)))
            continue
        known = known if known is not None else usable(folder)[0]
        if word not in known:
            raise NotFound(what=f"来源 {word}（有 {'、'.join(known) or '没有来源'}）")
        found.append(known[word])
    return found
