from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indices.streams.ranks import Taken, load_ranks, ranks_path, read_ranks, sources_of, take_in
from models.errors import BadFile, BadRequest

HOUR = int(datetime(2026, 5, 1, 2, tzinfo=UTC).timestamp())  # ten in the morning in the city


def csv(path: Path, *lines: str, head: str = "date,hour,rank,title,hot,ads") -> Path:
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return path


def test_days_and_hours_are_the_citys(tmp_path: Path) -> None:
    path = csv(tmp_path / "a.csv", "2026-05-01,10,1,柳堤路停水,900,false", "2026-05-01,11,3,柳堤路停水,700,false")
    table, read, left_out = read_ranks(path)
    assert (read, left_out) == (2, 0)
    assert table.to_pylist() == [
        {"at": HOUR, "rank": 1, "title": "柳堤路停水", "heat": 900},
        {"at": HOUR + 3_600, "rank": 3, "title": "柳堤路停水", "heat": 700},
    ]


def test_times_with_and_without_a_zone(tmp_path: Path) -> None:
    plain = csv(tmp_path / "a.csv", "2026-05-01 10:25:31,1,停水", head="时间,排名,标题")
    assert read_ranks(plain)[0]["at"].to_pylist() == [HOUR]
    zoned = pa.table({"time": pa.array([datetime(2026, 5, 1, 2, 40, tzinfo=UTC)]), "rank": [1], "title": ["停水"]})
    pq.write_table(zoned, tmp_path / "b.parquet")
    assert read_ranks(tmp_path / "b.parquet")[0]["at"].to_pylist() == [HOUR]
    days = pa.table({"date": pa.array([date(2026, 5, 1)]), "hour": [10], "pos": [1], "title": ["停水"]})
    pq.write_table(days, tmp_path / "c.parquet")
    assert read_ranks(tmp_path / "c.parquet")[0]["at"].to_pylist() == [HOUR]


def test_paid_places_and_empty_titles_are_left_out(tmp_path: Path) -> None:
    path = csv(
        tmp_path / "a.csv",
        "2026-05-01,10,1,停水,9,false",
        "2026-05-01,10,2,好物推荐,9,true",
        "2026-05-01,10,3,  ,9,false",
        "2026-05-01,10,,停电,9,false",
    )
    assert take_in(tmp_path, "weibo", path) == Taken(4, 3, 1, 1)


@pytest.mark.parametrize(
    ("head", "line", "told"),
    [
        ("date,title", "2026-05-01,x", "rank 可写作"),
        ("a,b", "1,2", "缺少列 time、rank、title"),
        ("date,hour,rank,title", "2026-05-01,10,第一,x", "读不懂"),
        ("date,hour,rank,title", "五月,10,1,x", "读不懂"),
    ],
)
def test_what_cannot_be_read_names_the_column_and_the_repair(tmp_path: Path, head: str, line: str, told: str) -> None:
    with pytest.raises(BadFile, match=told):
        read_ranks(csv(tmp_path / "a.csv", line, head=head))


@pytest.mark.parametrize(
    ("name", "content"), [("a.parquet", b"no"), ("a.xlsx", b"x"), ("a.csv", b"\xff\xfe\x00"), ("a.csv", b"")]
)
def test_other_files_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadFile):
        read_ranks(tmp_path / name)


@pytest.mark.parametrize("source", ["", "../x", "Weibo", "a" * 41, "微博"])
def test_source_names_are_plain(tmp_path: Path, source: str) -> None:
    with pytest.raises(BadRequest):
        take_in(tmp_path, source, csv(tmp_path / "a.csv", "2026-05-01,10,1,停水,9,false"))


def test_the_same_hours_again_change_nothing_and_later_ones_are_added(tmp_path: Path) -> None:
    first = csv(tmp_path / "a.csv", "2026-05-01,10,1,停水,9,false", "2026-05-01,10,2,停电,8,false")
    assert take_in(tmp_path, "weibo", first).fresh == 2
    assert take_in(tmp_path, "weibo", first) == Taken(2, 0, 0, 2)
    later = csv(tmp_path / "b.csv", "2026-05-01,10,4,停电,99,false", "2026-05-01,09,1,停水,9,false")
    assert take_in(tmp_path, "weibo", later) == Taken(2, 0, 1, 3)
    table = load_ranks(tmp_path, "weibo")
    assert table is not None
    assert [(row["rank"], row["title"], row["heat"]) for row in table.to_pylist()] == [
        (1, "停水", 9),
        (1, "停水", 9),
        (2, "停电", 99),
    ]
    assert sources_of(tmp_path) == ["weibo"]
    assert [path.name for path in tmp_path.glob(".*")] == []  # no half-written file
    assert load_ranks(tmp_path, "other") is None


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9), st.sampled_from("甲乙丙丁")), min_size=1, max_size=20),
    st.integers(0, 20),
)
def test_a_file_in_two_parts_is_the_file(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, int, str]], cut: int
) -> None:
    folder = tmp_path_factory.mktemp("ranks")
    lines = [f"2026-05-01,{hour},{rank},{title},{rank * 10},false" for hour, rank, title in rows]
    take_in(folder, "whole", csv(folder / "whole.csv", *lines))
    for number, part in enumerate((lines[:cut], lines[cut:])):
        if part:
            take_in(folder, "parts", csv(folder / f"{number}.csv", *part))
    whole, parts = load_ranks(folder, "whole"), load_ranks(folder, "parts")
    assert whole is not None
    assert parts is not None
    assert whole.to_pylist() == parts.to_pylist()
    assert ranks_path(folder, "whole").stat().st_size > 0
