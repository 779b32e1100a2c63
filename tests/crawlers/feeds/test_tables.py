import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from crawlers.feeds import tables
from crawlers.feeds.tables import Cell, encoding_of, kind_of, open_sheet, with_header
from models.errors import BadFile, HostileFile

TEXT = "编号,标题,内容\n1,路灯不亮,柳堤路东段\n2,噪音,“夜间”施工\n"
ROWS = [{"编号": "1", "标题": "路灯不亮", "内容": "柳堤路东段"}, {"编号": "2", "标题": "噪音", "内容": "“夜间”施工"}]


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_csv_in_the_encodings_that_offices_use(tmp_path: Path, encoding: str) -> None:
    sheet = open_sheet(write(tmp_path / "a.csv", TEXT.encode(encoding)))
    assert sheet.columns == ("编号", "标题", "内容")
    assert list(sheet.rows) == ROWS


@pytest.mark.parametrize("delimiter", ["\t", ";", "|"])
def test_delimiters_are_seen(tmp_path: Path, delimiter: str) -> None:
    assert list(open_sheet(write(tmp_path / "a.csv", TEXT.replace(",", delimiter).encode())).rows) == ROWS


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".zst", zstandard.ZstdCompressor().compress)])
def test_packed_files(tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]) -> None:
    assert list(open_sheet(write(tmp_path / f"a.csv{suffix}", pack(TEXT.encode()))).rows) == ROWS


def test_quoted_line_breaks_and_nul_bytes(tmp_path: Path) -> None:
    rows = list(open_sheet(write(tmp_path / "a.csv", '编号,内容\n1,"第一行\n第二行"\n2,a\x00b\n'.encode())).rows)
    assert rows == [{"编号": "1", "内容": "第一行\n第二行"}, {"编号": "2", "内容": "ab"}]


def test_jsonl_and_parquet_give_the_same_rows(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS) + "\n\n"
    assert list(open_sheet(write(tmp_path / "a.jsonl", lines.encode())).rows) == ROWS
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    assert list(open_sheet(tmp_path / "a.parquet").rows) == ROWS


def test_half_a_surrogate_pair_in_json_is_a_question_mark_and_a_whole_pair_stays(tmp_path: Path) -> None:
    line = b'{"a\\uD801": "x\\ud800", "b": "\\ud83d\\ude00"}\n'
    assert list(open_sheet(write(tmp_path / "a.jsonl", line)).rows) == [{"a?": "x?", "b": "😀"}]


def test_titles_above_the_header_and_short_rows() -> None:
    rows: list[list[Cell]] = [
        ["2026年3月工单汇总表"],
        [None],
        ["编号", "受理时间", "内容"],
        ["1", "2026-03-01"],
        [None, None, None],
        ["2"],
    ]
    sheet = with_header(rows, "a")
    assert sheet.columns == ("编号", "受理时间", "内容")
    assert list(sheet.rows) == [
        {"编号": "1", "受理时间": "2026-03-01", "内容": None},
        {"编号": "2", "受理时间": None, "内容": None},
    ]


def test_a_merged_header_names_its_columns_by_group_where_they_would_be_the_same() -> None:
    rows: list[list[Cell]] = [
        ["编号", "受理", "受理", "回访", "回访"],
        ["编号", "时间", "渠道", "时间", "结果"],
        ["1", "a", "b", "c", "d"],
    ]
    assert with_header(rows, "a").columns == ("编号", "时间", "渠道", "回访时间", "结果")


def test_columns_with_the_same_or_no_name_stay_apart() -> None:
    assert with_header([["编号", "备注", "备注", None], ["1", "a", "b", "c"]], "a").columns == (
        "编号",
        "备注",
        "备注_2",
        "列4",
    )


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.csv", b"", "空"), ("a.csv", b"\n\n", "列名"), ("a.csv", b"1,2\n3,4\n", "列名"), ("a.jsonl", b"", "空"),
        ("a.jsonl", b"{}\n[1]\n", "第 2 行"), ("a.jsonl", b"not json\n", "第 1 行"), ("a.parquet", b"PAR1", "Parquet"),
        ("a.csv.gz", b"\x1f\x8bgarbage", "损坏"), ("a.csv.zst", b"garbage!", "损坏"), ("a.csv", b"\xff\xff\x80", "GB18030"),
        ("a.csv", b"\xff\xfea\x00,", "UTF-16"), ("a.jsonl", b"[" * 100_000, "第 1 行"), ("a.doc", b"", r"\.doc"), ("a", b"", "无"),
    ],
)  # fmt: skip
def test_bad_files_are_refused_with_the_reason(tmp_path: Path, name: str, data: bytes, why: str) -> None:
    with pytest.raises(BadFile, match=why):
        list(open_sheet(write(tmp_path / name, data)).rows)


def test_a_parquet_file_with_a_damaged_middle_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"标题": [str(n) * 9 for n in range(5_000)]}), path, compression="snappy")
    data = bytearray(path.read_bytes())
    data[4 : len(data) // 2] = b"\xff" * (len(data) // 2 - 4)
    with pytest.raises(BadFile, match="损坏"):
        list(open_sheet(write(path, bytes(data))).rows)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="不存在"):
        open_sheet(tmp_path / "none.csv")


def test_a_file_that_unpacks_without_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_INFLATED_BYTES", 1_000)
    with pytest.raises(HostileFile, match="1,000"):
        list(open_sheet(write(tmp_path / "a.csv.gz", gzip.compress(b"x," * 100_000))).rows)


def test_a_line_without_end_is_stopped_and_many_lines_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_LINE_BYTES", 100_000)
    with pytest.raises(HostileFile, match="一行超过 100,000"):
        list(open_sheet(write(tmp_path / "a.csv.gz", gzip.compress(TEXT.encode() + b"x," * 3_000_000))).rows)
    for end in (b"\n", b"\r", b"\r\n"):
        path = write(tmp_path / "b.csv", "编号,标题".encode() + end + ("1,路灯不亮".encode() + end) * 20_000)
        assert sum(1 for _ in open_sheet(path).rows) == 20_000


def test_the_packing_does_not_hide_the_kind() -> None:
    assert kind_of(Path("三月.导出.CSV.GZ")) == ".csv"


def test_encodings(tmp_path: Path) -> None:
    assert encoding_of(write(tmp_path / "a", "中".encode("gb18030"))) == "gb18030"
    assert encoding_of(write(tmp_path / "b", ("中" * 700_000).encode())) == "utf-8-sig"
