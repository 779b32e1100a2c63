"""`minsheng ingest` and `minsheng feed`: another city's file comes in, again, changed, broken, hostile."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import Result

from api.intake import take_in
from api.wiring import House
from indices.intake.watch import WatchedFolder
from models.errors import BadFile, BadRequest, HostileFile, MappingUnclear
from models.item import Item, Payload
from models.query import Query
from models.record import Record
from models.settings import Settings

Minsheng = Callable[..., Result]
WriteCsv = Callable[..., Path]
KEYS = ["received", "stored", "duplicate", "quarantined", "refused", "waiting", "updated"]


def counts(result: Result) -> dict[str, int]:
    """The counts on stdout, which holds nothing else."""
    found: dict[str, int] = json.loads(result.stdout)
    assert list(found) == KEYS
    assert found["received"] == sum(found[name] for name in KEYS[1:6]), "the books balance"
    return found


def kept(query: Query | None = None) -> dict[str, Record]:
    with House(read_only=True) as house:
        return {hit.record.native_id or "": hit.record for hit in house.store.search(query or Query()).hits}


# --- taking in --------------------------------------------------------------------------------------------------------
def test_another_citys_file_comes_in_without_a_mapping(minsheng: Minsheng, write_csv: WriteCsv) -> None:
    assert counts(minsheng("ingest", write_csv(), "--json")) == {
        "received": 5, "stored": 5, "duplicate": 0, "quarantined": 0, "refused": 0, "waiting": 0, "updated": 0,
    }  # fmt: skip
    records = kept()
    assert set(records) == {"S01", "S02", "S03", "S04", "S05"}
    first = records["S01"]
    assert (first.source, first.title, first.district) == ("orders", "青松路路灯不亮", "河东区")
    assert (first.department, first.rating) == ("市城管局", 4)
    assert first.created_at == datetime.fromisoformat("2026-03-02T09:15:00+08:00"), "a time without zone is the city's"
    assert records["S03"].rating is None
    assert first.annotation is not None
    assert "路灯" in first.annotation.text_tokens


def test_the_same_file_again_is_all_duplicates(minsheng: Minsheng, orders: Path) -> None:
    again = counts(minsheng("ingest", orders, "--json"))
    assert (again["received"], again["duplicate"], again["stored"]) == (5, 5, 0)
    assert len(kept()) == 5


def test_a_rating_added_later_updates_the_order(
    minsheng: Minsheng, orders: Path, write_csv: WriteCsv, rows: list[list[str]]
) -> None:
    rows[2][-1] = "非常满意"
    again = counts(minsheng("ingest", write_csv(rows), "--json"))
    assert (again["stored"], again["updated"], again["duplicate"]) == (1, 1, 4)
    assert kept()["S03"].rating == 5
    back = counts(minsheng("ingest", write_csv(), "--json"))
    assert (back["duplicate"], kept()["S03"].rating) == (5, 5), "the former state does not come back"


def test_a_row_whose_time_is_none_goes_to_quarantine_and_the_others_come_in(
    minsheng: Minsheng, write_csv: WriteCsv, rows: list[list[str]]
) -> None:
    rows[1][1] = "改天再说"
    result = minsheng("ingest", write_csv(rows), "--json")
    found = counts(result)
    assert (found["stored"], found["quarantined"]) == (4, 1)
    assert "改天再说" in result.stderr
    assert "S02" not in kept()
    assert "orders：MS206 1 件" in minsheng("quarantine", "list").output


def test_a_row_without_any_text_goes_to_quarantine(
    minsheng: Minsheng, write_csv: WriteCsv, rows: list[list[str]]
) -> None:
    rows[0][2] = rows[0][3] = "  "
    assert counts(minsheng("ingest", write_csv(rows), "--json"))["quarantined"] == 1


def test_a_cell_that_cannot_be_read_is_told_and_the_row_kept(
    minsheng: Minsheng, write_csv: WriteCsv, rows: list[list[str]]
) -> None:
    rows[2][-1] = rows[4][-1] = "满意"
    rows[0][-1] = "马马虎虎吧"
    result = minsheng("ingest", write_csv(rows), "--json")
    assert counts(result)["stored"] == 5
    assert "马马虎虎吧" in result.stderr
    assert [record.rating for _, record in sorted(kept().items())] == [None, 2, 4, 1, 4]


def test_a_column_that_no_field_took_is_named(minsheng: Minsheng, write_csv: WriteCsv, rows: list[list[str]]) -> None:
    """Also one that looks like a field by its name but not by its values: nothing is left aside in silence."""
    for row in rows:
        row[-1] = "马马虎虎吧"
    result = minsheng("ingest", write_csv(rows), "--json")
    assert counts(result)["stored"] == 5
    assert "「满意度」" in result.stderr
    assert "「编号」" not in result.stderr


def test_for_people_the_counts_are_a_sentence(minsheng: Minsheng, write_csv: WriteCsv, rows: list[list[str]]) -> None:
    rows[1][1] = "改天再说"
    output = minsheng("ingest", write_csv(rows)).stdout
    assert "收到 5 件 = 入库 4（其中更新 0）+ 重复 0 + 隔离 1 + 拒收 0 + 等待 0" in output
    assert "minsheng quarantine list" in output


@pytest.mark.parametrize(
    ("name", "encoding"), [("三月.csv", "gb18030"), ("三月.csv.gz", "utf-8-sig"), ("三月.tsv", "utf-16")]
)
def test_files_as_offices_export_them(minsheng: Minsheng, write_csv: WriteCsv, name: str, encoding: str) -> None:
    path = write_csv(name=name, encoding=encoding)
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(path.read_bytes()))
    assert counts(minsheng("ingest", path, "--json"))["stored"] == 5
    assert kept()["S01"].source == "三月"


def test_the_source_can_be_named(minsheng: Minsheng, write_csv: WriteCsv) -> None:
    minsheng("ingest", write_csv(), "--source", "石桥热线")
    assert {record.source for record in kept().values()} == {"石桥热线"}


def test_personal_information_is_masked_before_it_is_kept(
    minsheng: Minsheng, write_csv: WriteCsv, rows: list[list[str]]
) -> None:
    rows[0][3] = "请回电13912345678，谢谢。"
    minsheng("ingest", write_csv(rows))
    assert "13912345678" not in kept()["S01"].text


def test_a_full_inbox_makes_the_file_wait_and_loses_nothing(home: Path) -> None:
    with House(Settings(inbox_limit=100, store="memory")) as house:
        items = [Item(source="s", native_id=str(n), payload=Payload(text="路灯不亮")) for n in range(250)]
        books = take_in(house, items, "s")
    assert (books.received - books.refused, books.stored, books.waiting, books.difference) == (250, 250, 0, 0)


# --- mappings ---------------------------------------------------------------------------------------------------------
def test_a_file_that_leaves_a_doubt_stops_with_what_to_decide(minsheng: Minsheng, write_csv: WriteCsv) -> None:
    path = write_csv([["1", "也许", "内容", "", "", "", ""]], columns=["工单编号", "甲", "乙", "丙", "丁", "戊", "己"])
    with pytest.raises(MappingUnclear) as caught:
        minsheng("ingest", path)
    assert "受理时间" in caught.value.message
    assert f"minsheng feed inspect {path.name}" in caught.value.message
    assert kept() == {}


def test_inspecting_shows_mapping_and_rows_and_writes_nothing(minsheng: Minsheng, write_csv: WriteCsv) -> None:
    output = minsheng("feed", "inspect", write_csv()).output
    for column, field in (
        ("编号", "native_id"),
        ("受理时间", "created_at"),
        ("承办单位", "department"),
        ("满意度", "rating"),
    ):
        assert any(column in line and field in line for line in output.splitlines()), column
    assert '"native_id": "S01"' in output
    assert kept() == {}
    with House(read_only=True) as house:
        assert house.inbox.books().received == 0


def test_a_saved_mapping_is_corrected_and_used(minsheng: Minsheng, write_csv: WriteCsv, tmp_path: Path) -> None:
    orders, mapping = write_csv(), tmp_path / "石桥.toml"
    assert str(mapping) in minsheng("feed", "inspect", orders, "-o", mapping).output
    text = mapping.read_text(encoding="utf-8")
    assert '"承办单位" = "department"' in text
    mapping.write_text(
        text.replace('source = "orders"', 'source = "石桥热线"').replace('"department"', '"place"'), "utf-8"
    )
    assert counts(minsheng("ingest", orders, "--mapping", mapping, "--json"))["stored"] == 5
    first = kept()["S01"]
    assert (first.source, first.place, first.department) == ("石桥热线", "市城管局", None)


def test_a_mapping_in_the_house_is_taken_by_its_columns_and_listed(
    minsheng: Minsheng, write_csv: WriteCsv, home: Path
) -> None:
    (home / "mappings").mkdir(parents=True)
    minsheng("feed", "inspect", write_csv(name="石桥.csv"), "-o", home / "mappings" / "shiqiao.toml")
    assert "石桥" in minsheng("feed", "list").output
    assert "message-board" in minsheng("feed", "list").output
    assert "已有映射石桥" in "".join(minsheng("feed", "inspect", write_csv(name="another.csv")).output.split())
    minsheng("ingest", write_csv(name="another.csv"))
    assert {record.source for record in kept().values()} == {"石桥"}


def test_a_mapping_that_does_not_fit_names_the_columns_missing(minsheng: Minsheng, write_csv: WriteCsv) -> None:
    with pytest.raises(MappingUnclear) as caught:
        minsheng("ingest", write_csv(), "--mapping", "message-board")
    assert "留言编号" in caught.value.message
    assert "承办单位" in caught.value.message


def test_an_unknown_mapping_is_refused_with_the_names_that_are(minsheng: Minsheng, write_csv: WriteCsv) -> None:
    with pytest.raises(BadRequest) as caught:
        minsheng("ingest", write_csv(), "--mapping", "moon")
    assert "'moon'" in caught.value.message
    assert "message-board" in caught.value.message


def test_a_broken_mapping_says_where(minsheng: Minsheng, write_csv: WriteCsv, tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text('name = "x"\nsource = "x"\n[columns]\n"编号" = "farbe"\n', "utf-8")
    with pytest.raises(BadFile) as caught:
        minsheng("ingest", write_csv(), "--mapping", bad)
    assert "'farbe'" in caught.value.message


# --- refused ----------------------------------------------------------------------------------------------------------
def test_no_file_and_no_watching_is_refused(minsheng: Minsheng) -> None:
    with pytest.raises(BadRequest) as caught:
        minsheng("ingest")
    assert "--watch-once" in caught.value.message


@pytest.mark.parametrize(("name", "content", "seen"), [("orders.exe", b"MZ", ".exe"), ("gone.csv", None, "不存在"), ("empty.csv", b"", "空"),
                                                       ("broken.xlsx", b"PK\x03\x04rubbish", "broken.xlsx")])  # fmt: skip
@pytest.mark.parametrize("command", [("ingest",), ("feed", "inspect")], ids=["ingest", "inspect"])
def test_a_file_that_is_none_is_refused_by_name(
    minsheng: Minsheng, tmp_path: Path, name: str, content: bytes | None, seen: str, command: tuple[str, ...]
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises((BadFile, HostileFile)) as caught:
        minsheng(*command, path)
    assert name in caught.value.message
    assert seen in caught.value.message


def test_a_workbook_that_would_burst_is_refused_before_it_is_read(minsheng: Minsheng, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"\0" * 20_000_000)
    with pytest.raises(HostileFile) as caught:
        minsheng("ingest", bomb)
    assert "CSV" in caught.value.message
    assert kept() == {}


# --- the watched folder -----------------------------------------------------------------------------------------------
def test_the_watched_folder_is_taken_in_once(
    minsheng: Minsheng, write_csv: WriteCsv, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WatchedFolder.__init__, "__kwdefaults__", {"stable_seconds": 0.05})
    incoming = home / "incoming"
    incoming.mkdir(parents=True)
    write_csv().rename(incoming / "orders.csv")
    (incoming / "strange.exe").write_bytes(b"MZ")
    result = minsheng("ingest", "--watch-once")
    assert len(kept()) == 5
    assert "收入 1 个文件共 5 件，失败 1 个" in result.stdout
    assert "strange.exe" in result.stderr, "which one failed, and why"
    assert "后缀 .exe 不受支持" in result.stderr
    assert (incoming / "done" / "orders.csv").exists()
    assert (incoming / "failed" / "strange.exe").exists()
    minsheng("ingest", "--watch-once")
    with House(read_only=True) as house:
        assert house.inbox.books("orders").received == 5
