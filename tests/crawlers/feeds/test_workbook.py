import io
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from crawlers.feeds import workbook as module
from crawlers.feeds.workbook import check_archive, read_workbook
from models.errors import BadFile, HostileFile

Write = Callable[..., Path]


def test_cells_keep_their_kind(workbook: Write) -> None:
    path = workbook([["编号", "时间", "数", "真", "空"], [1, datetime(2026, 3, 1, 8, 5), 1.5, True, None]])  # noqa: DTZ001
    assert list(read_workbook(path))[1] == [1, datetime(2026, 3, 1, 8, 5), 1.5, True, None]  # noqa: DTZ001


def test_a_formula_is_its_last_value_or_nothing(workbook: Write) -> None:
    path = workbook([["标题"], ["=1+1"], ['=HYPERLINK("http://x")'], ["路灯"]])
    assert [row[0] for row in read_workbook(path)] == ["标题", None, None, "路灯"]


def test_merged_cells_are_filled(workbook: Write) -> None:
    path = workbook([["受理情况", None, "内容"], ["a", "b", "c"], ["d", None, "e"]], merge=["A1:B1", "A2:A3"])
    assert list(read_workbook(path)) == [["受理情况", "受理情况", "内容"], ["a", "b", "c"], ["a", None, "e"]]


def test_the_named_sheet_is_read_and_a_wrong_name_answered_with_the_right_ones(workbook: Write) -> None:
    path = workbook([["标题"], ["x"]], sheet="三月")
    assert len(list(read_workbook(path, "三月"))) == 2
    with pytest.raises(BadFile, match="三月"):
        list(read_workbook(path, "四月"))


@pytest.mark.parametrize("content", [b"", b"<html>", b"PK\x03\x04garbage", b"\xd0\xcf\x11\xe0garbage" * 100])
def test_what_is_no_workbook_is_named_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "orders.xlsx"
    path.write_bytes(content)
    with pytest.raises(BadFile, match=r"orders\.xlsx"):
        list(read_workbook(path))


def bomb(path: Path, size: int, *, declared: int | None = None) -> Path:
    """An archive whose one part inflates to `size` zeros, declaring `declared` in both headers."""
    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"\0" * size)
    data = bytearray(plain.getvalue())
    if declared is not None:
        central = data.index(b"PK\x01\x02")
        struct.pack_into("<I", data, 22, declared)
        struct.pack_into("<I", data, central + 24, declared)
    path.write_bytes(data)
    return path


def test_a_declared_bomb_is_refused_without_inflating_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = bomb(tmp_path / "bomb.xlsx", 50_000_000)
    monkeypatch.setattr(zlib, "decompressobj", lambda *_: pytest.fail("inflated"))
    with pytest.raises(HostileFile, match="压缩比"):
        check_archive(path)


def test_too_much_in_all_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_INFLATED_BYTES", 1_000)
    with pytest.raises(HostileFile, match="声明解压后"):
        check_archive(bomb(tmp_path / "bomb.xlsx", 2_000))


def test_a_lying_bomb_is_found_at_the_first_byte_too_many(tmp_path: Path) -> None:
    path = bomb(tmp_path / "liar.xlsx", 200_000_000, declared=1_000)
    started = time.process_time()
    with pytest.raises(HostileFile, match="实际更多"):
        check_archive(path)
    assert time.process_time() - started < 5  # a bound against inflating it all, not a benchmark


def test_many_parts_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "many.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(module.MAX_ENTRIES + 1):
            archive.writestr(f"{number}.xml", b"")
    with pytest.raises(HostileFile, match="部件"):
        check_archive(path)


def test_a_child_at_its_limit_ends_as_hostile(workbook: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = workbook([["标题"], ["x"]])
    monkeypatch.setattr(module, "MEMORY_BYTES", 16 << 20)  # too little for the parser itself
    with pytest.raises(HostileFile, match="限度"):
        list(read_workbook(path))


def test_a_reader_who_stops_early_leaves_no_process(workbook: Write) -> None:
    path = workbook([["标题"]] + [[f"第{n}件"] for n in range(20_000)])
    rows = read_workbook(path)
    assert next(rows) == ["标题"]
    rows.close()  # type: ignore[attr-defined]
