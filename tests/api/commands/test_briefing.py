"""`minsheng briefing`: the paper of a day is made, checked against the store, kept, and never overwritten."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docx
import pytest
from sqlalchemy import select
from typer.testing import Result

import api.briefings
from api.wiring import House
from indices.figures import figures
from models.errors import BadRequest, BriefingUnsupported, NotFound
from models.figures import Hotspots
from models.query import Query

Minsheng = Callable[..., Result]


def claims_of(briefing: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for section in briefing["sections"]:
        for statement in (*section["statements"], *(one for item in section["items"] for one in item)):
            yield from statement["claims"]


def text_of(path: Path) -> str:
    """What is printed, without the spaces that Chinese typesetting leaves out."""
    return "".join("".join(paragraph.text.split()) for paragraph in docx.Document(str(path)).paragraphs)


def files(home: Path) -> set[str]:
    return {path.name for path in (home / "briefings").iterdir()} if (home / "briefings").exists() else set()


def test_the_newest_day_is_the_default_and_paper_and_claims_are_kept(
    minsheng: Minsheng, orders: Path, home: Path
) -> None:
    output = minsheng("briefing").stdout
    assert files(home) == {"2026-03-04.docx", "2026-03-04.json"}
    assert "（2026-03-04）" in output
    assert str(home / "briefings" / "2026-03-04.docx") in output
    text = text_of(home / "briefings" / "2026-03-04.docx")
    assert "共受理2件" in text
    assert "较前一日（1件）增加1件" in text
    kept = json.loads((home / "briefings" / "2026-03-04.json").read_text("utf-8"))
    assert kept["day"] == "2026-03-04"
    assert f"{len(list(claims_of(kept)))} 个数字已核对" in output


def test_every_number_can_be_asked_again(minsheng: Minsheng, orders: Path) -> None:
    """What `--json` gives is enough to find each plain count again, and the orders behind it."""
    briefing = json.loads(minsheng("briefing", "--json").stdout)
    claims = [claim for claim in claims_of(briefing) if not claim["computed"]]
    assert len(claims) >= 5
    with House(read_only=True) as house:
        for claim in claims:
            page = house.store.search(Query.model_validate(claim["query"]).model_copy(update={"size": 100}))
            assert page.total == claim["value"], claim["words"]
            assert set(claim["ids"]) <= {hit.record.native_id for hit in page.hits}
    assert [c["ids"] for c in claims if c["words"] == "当日受理"] == [["S05", "S04"]]


def test_showing_the_json_keeps_no_paper(minsheng: Minsheng, orders: Path, home: Path) -> None:
    minsheng("briefing", "--json")
    assert files(home) == set()


def test_a_second_paper_of_the_day_is_a_correction_and_the_first_stays(
    minsheng: Minsheng, orders: Path, home: Path, write_csv: Callable[..., Path], rows: list[list[str]]
) -> None:
    minsheng("briefing", "--day", "2026-03-04")
    first = (home / "briefings" / "2026-03-04.docx").read_bytes()
    minsheng(
        "ingest",
        write_csv([*rows, ["S06", "2026-03-04 12:00:00", "井盖松动", "向阳小区门口井盖松动。", "河东区", "", ""]]),
    )
    assert "2026-03-04-更正1.docx" in minsheng("briefing", "--day", "20260304").stdout
    assert (
        "2026-03-04-更正1.docx" in minsheng("briefing", "--day", "2026-03-04").stdout
    )  # nothing new: no second correction
    assert files(home) == {f"2026-03-04{mark}.{kind}" for mark in ("", "-更正1") for kind in ("docx", "json")}
    assert (home / "briefings" / "2026-03-04.docx").read_bytes() == first
    text = text_of(home / "briefings" / "2026-03-04-更正1.docx")
    assert "共受理3件" in text
    assert "更正第1号" in text
    assert "一、更正说明" in text
    assert "原文“3月4日周三共受理2件" in text


def test_a_paper_is_made_from_what_is_there_now(
    minsheng: Minsheng, orders: Path, write_csv: Callable[..., Path], rows: list[list[str]]
) -> None:
    """A page may show hotspots ten minutes old; a paper that corrects another may not."""
    minsheng("briefing")
    minsheng(
        "ingest",
        write_csv([*rows, ["S06", "2026-03-04 12:00:00", "井盖松动", "向阳小区门口井盖松动。", "河东区", "", ""]]),
    )
    minsheng("briefing")
    with House(read_only=True) as house, house.database.connect() as connection:
        kept = connection.execute(select(figures).where(figures.c.name == "hotspots")).one()
    assert Hotspots.model_validate_json(kept.body).source.n == 6


def test_a_paper_can_be_put_elsewhere(minsheng: Minsheng, orders: Path, home: Path, tmp_path: Path) -> None:
    path = tmp_path / "paper.docx"
    assert str(path) in minsheng("briefing", "-o", path).stdout
    assert "共受理2件" in text_of(path)
    assert files(home) == set()


def test_a_day_without_orders_is_a_paper_that_says_so(minsheng: Minsheng, orders: Path, home: Path) -> None:
    output = minsheng("briefing", "--day", "2026-03-20").stdout
    assert "0 个热点" in output
    assert "没有受理记录，请先核对数据源是否中断" in text_of(home / "briefings" / "2026-03-20.docx")


def test_the_city_is_named(minsheng: Minsheng, orders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINSHENG_CITY", "栖湖市")
    assert "栖湖市民生诉求每日简报" in minsheng("briefing").stdout


def test_an_empty_house_has_no_day(minsheng: Minsheng, home: Path) -> None:
    with pytest.raises(NotFound) as caught:
        minsheng("briefing")
    assert "minsheng ingest" in caught.value.message
    assert files(home) == set()


def test_a_day_that_is_none_is_named(minsheng: Minsheng, orders: Path) -> None:
    with pytest.raises(BadRequest) as caught:
        minsheng("briefing", "--day", "2026-02-30")
    assert "'2026-02-30'" in caught.value.message


def test_a_number_that_does_not_hold_is_not_printed(
    minsheng: Minsheng, orders: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compose = api.briefings.compose

    def wrong(*args: Any, **kwargs: Any) -> Any:
        made = compose(*args, **kwargs)
        first = made.sections[0].statements[0]
        claim = first.claims[0].model_copy(update={"value": 7})
        statement = first.model_copy(update={"claims": (claim, *first.claims[1:])})
        section = made.sections[0].model_copy(update={"statements": (statement, *made.sections[0].statements[1:])})
        return made.model_copy(update={"sections": (section, *made.sections[1:])})

    monkeypatch.setattr(api.briefings, "compose", wrong)
    told = minsheng("briefing")
    assert "已略去：受理概况" in told.output
    assert "当日受理：简报写 7，现查为 2" in told.output
    text = text_of(home / "briefings" / "2026-03-04.docx")
    assert "共受理" not in text
    assert "按渠道" in text  # what holds is printed


def test_a_paper_of_which_hardly_anything_holds_is_not_printed(
    minsheng: Minsheng, orders: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compose, drafts = api.briefings.compose, []

    def another(*args: Any, **kwargs: Any) -> Any:
        made = compose(*args, **kwargs)
        drafts.append(made)
        sections = tuple(
            part.model_copy(
                update={
                    "statements": tuple(
                        one.model_copy(update={"text": f"{len(drafts)} {one.text}"}) for one in part.statements
                    )
                }
            )
            for part in made.sections
        )
        return made.model_copy(update={"sections": sections})

    monkeypatch.setattr(api.briefings, "compose", another)
    with pytest.raises(BriefingUnsupported):
        minsheng("briefing")
    assert files(home) == set()


def test_a_week_and_a_month_are_papers_of_their_own(minsheng: Minsheng, orders: Path, home: Path) -> None:
    assert "每周简报（2026-03-01）" in minsheng("briefing", "--kind", "week").output  # the last week that is over
    assert "每月简报（2026-03-04）" in minsheng("briefing", "--kind", "month", "--day", "2026-03-04").output
    assert files(home) == {
        f"{name}.{kind}" for name in ("2026-03-01-每周", "2026-03-04-每月") for kind in ("docx", "json")
    }
    text = text_of(home / "briefings" / "2026-03-04-每月.docx")
    assert "民生诉求每月简报" in text
    assert "（2026年3月1日至2026年3月4日）" in text
    with pytest.raises(BadRequest, match="year"):
        minsheng("briefing", "--kind", "year")


def test_reading_for_the_paper_is_in_the_audit_log(minsheng: Minsheng, orders: Path) -> None:
    minsheng("briefing", "--json")
    with House(read_only=True) as house:
        rows = house.audit.rows()
    assert {row.who for row in rows} == {"console"}
    assert any(row.action == "record.search" and row.success for row in rows)
