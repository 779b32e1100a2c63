"""A web source as data: where its list is, how its letters are recognised, how often one may ask."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, HttpUrl, ValidationError

from crawlers.feeds.mapping import FIELDS
from crawlers.web.addresses import refusal
from models.errors import BadFile
from models.labels import Grade, Kind
from models.record import Frozen


class WebSource(Frozen):
    """`fields`: field → CSS selector on the detail page (Scrapy's `::text` and `::attr(name)` allowed; all matches are joined)."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    start: HttpUrl
    items: Annotated[str, Field(min_length=1, description="selector of the links to detail pages")]
    next_page: str = Field("", description="selector of the link to the next list page; empty: one list page")
    fields: dict[str, str]
    channel: str = "web"
    kind: Kind = Kind.DEMAND
    legal_basis: Annotated[str, Field(min_length=1, description="why this may be collected, e.g. 公开渠道")]
    grade: Grade = Grade.GENERAL_1
    contact: Annotated[str, Field(min_length=3, description="address or page that the site's operator can turn to")]
    delay_seconds: float = Field(1.0, ge=0.0, le=3_600, description="least pause between two requests")
    inside: bool = Field(
        False, description="the site lies in the house's own network; else nothing inside is ever asked"
    )
    max_pages: int = Field(500, ge=1, le=100_000, description="pages of one run")

    @property
    def host(self) -> str:
        """Of its list."""
        return urlsplit(str(self.start)).hostname or ""

    def problems(self) -> list[str]:
        """What is wrong with it, in sentences."""
        unknown = [f"没有字段 {name!r}，可用 {'、'.join(FIELDS)}" for name in self.fields if name not in FIELDS]
        if not self.inside and (reason := refusal(str(self.start))):
            unknown.append(f"start：{reason}；本单位内网的网站请写 inside = true")
        return unknown + ([] if {"title", "text"} & set(self.fields) else ["fields 里要有 title 或 text"])


def load_source(path: Path) -> WebSource:
    """Raises BadFile naming what is wrong and where."""
    try:
        source = WebSource.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadFile(file=path.name, reason=f"来源定义读不出来（{error}）") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadFile(
            file=path.name, reason=f"来源定义的 {place} 有误：{first['msg']}，见到 {str(first['input'])[:60]!r}"
        ) from None
    if problems := source.problems():
        raise BadFile(file=path.name, reason="；".join(problems))
    return source
