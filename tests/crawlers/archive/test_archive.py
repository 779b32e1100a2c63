"""Answers as WARC records that other tools read, rows as JSON lines, both by days; where they go when they are old or far away."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from crawlers.archive.archive import Answer, Archive
from crawlers.archive.shipping import fetch, ship
from models.errors import BadSetting, StoreUnavailable
from models.labels import Grade

pytest.importorskip("warcio", reason="warcio is not installed (pip install 'minsheng[crawl]')")
NOON = datetime(2026, 3, 2, 4, 0, 0, 250_000, tzinfo=UTC).timestamp()


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive", tmp_path / "archive.key")


def answer(n: int = 1) -> Answer:
    headers = (
        ("Content-Type", "text/html; charset=gb18030"),
        ("Content-Encoding", "gzip"),
        ("Content-Length", "7"),
        ("ETag", '"x"'),
    )
    page = {"role": "detail", "depth": 0, "context": {"status": "办理中"}}
    return Answer(f"http://city.example/{n}?a=1", NOON + n, 200, headers, "<h1>第一封</h1>".encode("gb18030"), page)


@pytest.mark.parametrize("sealed", [False, True])
def test_an_answer_comes_back_as_it_was(archive: Archive, sealed: bool) -> None:
    archive.add("m", [answer(1), answer(2)], sealed=sealed)
    first, second = archive.answers("m")
    assert (first.url, first.status, first.body, first.asked_at) == (answer(1).url, 200, answer(1).body, NOON + 1)
    assert first.page == answer(1).page
    assert first.header("content-type") == "text/html; charset=gb18030"
    assert first.header("content-length") == str(len(answer(1).body))
    assert first.header("content-encoding") == "", "the body is unpacked"
    assert second.url.endswith("/2?a=1")


def test_public_pages_are_a_file_that_any_tool_reads(archive: Archive) -> None:
    from warcio.archiveiterator import ArchiveIterator

    archive.add("m", [answer(1), answer(2)])
    [path, _] = archive.files.files("m", date(2026, 3, 2))
    assert path.name == "2026-03-02.warc.gz"
    records = [(record.rec_type, record.rec_headers.get_header("WARC-Date"), record.content_stream().read())
               for record in ArchiveIterator(io.BytesIO(path.read_bytes()), check_digests="raise")]  # fmt: skip
    assert records[0] == ("response", "2026-03-02T04:00:01.250000Z", answer(1).body)
    assert len(records) == 2


def test_rows_come_back_in_their_batches(archive: Archive) -> None:
    archive.add_rows("hall", [{"n": 1, "name": "张三"}, {"n": 2}], NOON, part="a")
    archive.add_rows("hall", [{"n": 3}], NOON + 90_000)
    archive.add_rows("hall", [], NOON)
    batches = list(archive.rows("hall"))
    assert [rows for _, _, rows in batches] == [[{"n": 1, "name": "张三"}, {"n": 2}], [{"n": 3}]]
    assert batches[0][1] == {"rows": 2, "part": "a"}
    assert [rows for _, _, rows in archive.rows("hall", date(2026, 3, 3))] == [[{"n": 3}]]
    assert all("张三".encode() not in path.read_bytes() for path in archive.files.files("hall", date(2026, 3, 2)))


def test_separators_of_lines_within_a_text_end_no_row(archive: Archive) -> None:
    row = {"text": "一\u2028二\x85三\x0b四\r\n五\x1e"}
    archive.add_rows("hall", [row, row], NOON)
    assert [rows for _, _, rows in archive.rows("hall")] == [[row, row]]


def test_what_was_shipped_is_not_overwritten(archive: Archive, tmp_path: Path) -> None:
    url = f"file://{tmp_path / 'share'}"
    archive.add_rows("hall", [{"n": 1}], NOON)
    list(ship(archive.files, url, date(2026, 3, 3)))
    archive.add_rows("hall", [{"n": 2}], NOON)  # came late, for a day that is gone
    with pytest.raises(StoreUnavailable, match="没有覆盖"):
        list(ship(archive.files, url, date(2026, 3, 3)))
    assert [rows for _, _, rows in archive.rows("hall")] == [[{"n": 2}]]


def test_the_more_sensitive_the_shorter_it_is_kept(archive: Archive) -> None:
    for source in ("public", "orders", "unknown"):
        archive.add_rows(source, [{"n": 1}], NOON)
    gone = archive.forget({"public": Grade.GENERAL_1, "orders": Grade.GENERAL_4}, date(2026, 10, 1))
    assert gone == {"orders": 1}
    assert archive.forget({"public": Grade.GENERAL_1}, date(2027, 4, 1)) == {"unknown": 1}


# --- another place -----------------------------------------------------------------------------------------------------
@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An address in a server that speaks S3."""
    pytest.importorskip("s3fs", reason="s3fs is not installed (pip install 'minsheng[s3]')")
    server_module = pytest.importorskip("moto.server", reason="moto is not installed: no S3 server to ask")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    for name, value in {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
                        "AWS_DEFAULT_REGION": "us-east-1"}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    system = s3fs.S3FileSystem()
    system.mkdir("bucket")
    yield "s3://bucket/minsheng"
    system.session and s3fs.S3FileSystem.close_session(system.loop, system._s3)
    server.stop()


def move_and_return(archive: Archive, url: str) -> None:
    archive.add("m", [answer(1)])
    archive.add_rows("hall", [{"n": 1}], NOON)
    archive.add_rows("hall", [{"n": 2}], NOON + 90_000)
    shipped = {(source, day) for source, day, _ in ship(archive.files, url, date(2026, 3, 3))}
    assert shipped == {("m", date(2026, 3, 2)), ("hall", date(2026, 3, 2))}
    assert archive.files.days("hall") == [date(2026, 3, 3)], "the open day stays"
    assert list(archive.answers("m")) == []
    assert fetch(archive.files, url, "hall", date(2026, 3, 1), date(2026, 3, 31)) == 2
    assert fetch(archive.files, url, "m", date(2026, 3, 1), date(2026, 3, 31)) == 2
    assert fetch(archive.files, url, "nothing", date(2026, 3, 1), date(2026, 3, 31)) == 0
    assert [rows for _, _, rows in archive.rows("hall")] == [[{"n": 1}], [{"n": 2}]]
    assert archive.files.verify("m") == (1, [])


def test_closed_days_go_to_a_share_and_come_back(archive: Archive, tmp_path: Path) -> None:
    move_and_return(archive, f"file://{tmp_path / 'share'}")


@pytest.mark.slow  # starts a server
@pytest.mark.filterwarnings("ignore")  # what botocore, moto and flask warn of among themselves
def test_closed_days_go_to_s3_and_come_back(archive: Archive, s3: str) -> None:
    move_and_return(archive, s3)


def test_what_does_not_arrive_stays(archive: Archive, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from fsspec.implementations.local import LocalFileSystem

    archive.add_rows("hall", [{"n": 1}], NOON)
    monkeypatch.setattr(LocalFileSystem, "cat_file", lambda *_, **__: b"something else")
    with pytest.raises(StoreUnavailable, match="送到后与原件不符"):
        list(ship(archive.files, f"file://{tmp_path / 'share'}", date(2026, 3, 3)))
    assert archive.files.days("hall") == [date(2026, 3, 2)]


def test_a_place_of_no_kind_is_refused(archive: Archive) -> None:
    with pytest.raises(BadSetting, match="MINSHENG_ARCHIVE_URL"):
        list(ship(archive.files, "nosuch://x", date(2026, 3, 3)))
