"""The archive's files: what is kept is read again, what a death left is cut off, what was changed is told."""

from __future__ import annotations

import multiprocessing
import os
import stat
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.archive.day_files import INDEX, Chunk, DayFiles
from models.errors import BadFile
from models.keys import kept_key

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC).timestamp()
DAY = date(2026, 3, 2)


@pytest.fixture
def files(tmp_path: Path) -> DayFiles:
    return DayFiles(tmp_path / "archive", kept_key(tmp_path / "key"))


def bodies(files: DayFiles, source: str = "m") -> list[bytes]:
    return [files.read(source, entry) for entry in files.entries(source)]


@given(parts=st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=8), sealed=st.booleans())
def test_what_is_kept_is_read_again(tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], sealed: bool) -> None:
    folder = Path(tmp_path_factory.mktemp("archive"))
    files = DayFiles(folder, b"k" * 32)
    for part in parts:
        files.append("m", ".x", [Chunk(NOON, part)], sealed=sealed)
    again = DayFiles(folder, b"k" * 32)
    assert bodies(again) == parts
    assert again.verify("m") == (len(parts), [])


def test_days_are_the_citys_and_are_found_by_date(files: DayFiles) -> None:
    evening = datetime(2026, 3, 2, 17, 0, tzinfo=UTC).timestamp()  # one o'clock of the third in the city
    files.append("m", ".x", [Chunk(NOON, b"a"), Chunk(evening, b"b")], sealed=False)
    assert files.days("m") == [DAY, date(2026, 3, 3)]
    assert [files.read("m", entry) for entry in files.entries("m", date(2026, 3, 3))] == [b"b"]


@pytest.mark.parametrize("sealed", [False, True])
def test_a_half_written_chunk_is_cut_off_by_the_next_writer(files: DayFiles, sealed: bool) -> None:
    files.append("m", ".x", [Chunk(NOON, b"first")], sealed=sealed)
    [path, index] = files.files("m", DAY)
    with path.open("ab") as file:
        file.write(b"half a chu")  # death before the index
    with index.open("a") as file:
        file.write('{"file": "2026')  # death in the index
    again = DayFiles(files.folder, files._key)
    assert bodies(again) == [b"first"]
    again.append("m", ".x", [Chunk(NOON, b"second")], sealed=sealed)
    assert bodies(again) == [b"first", b"second"]
    assert again.verify("m") == (2, [])


def test_a_changed_byte_is_told_with_its_place(files: DayFiles) -> None:
    files.append("m", ".x", [Chunk(NOON, b"first"), Chunk(NOON, b"second")], sealed=False)
    [path, _] = files.files("m", DAY)
    body = bytearray(path.read_bytes())
    body[7] ^= 1
    path.write_bytes(bytes(body))
    good, bad = files.verify("m")
    assert good == 1
    assert "第 5 字节起的 6 字节与校验和不符" in bad[0]


def test_sealed_files_tell_nothing_without_the_key(files: DayFiles, tmp_path: Path) -> None:
    files.append("m", ".x", [Chunk(NOON, "张三的电话".encode())], sealed=True)
    [path, _] = files.files("m", DAY)
    assert "张三".encode() not in path.read_bytes()
    [entry] = files.entries("m")
    with pytest.raises(BadFile, match="密钥换过"):
        DayFiles(files.folder, b"x" * 32).read("m", entry)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(tmp_path / "key").st_mode) == 0o600


@pytest.mark.parametrize("name", ["..", "a/b", "../up", "信箱", "."])
def test_a_source_is_one_folder_whatever_its_name(files: DayFiles, name: str) -> None:
    files.append(name, ".x", [Chunk(NOON, b"a")], sealed=False)
    assert bodies(files, name) == [b"a"]
    assert files.sources() == [name]
    assert all(path.parent.parent == files.folder for path in files.files(name, DAY))


def test_old_days_go_and_with_them_their_indices(files: DayFiles) -> None:
    for day in (1, 2, 3):
        files.append("m", ".x", [Chunk(datetime(2026, 3, day, 4, tzinfo=UTC).timestamp(), b"a")], sealed=False)
    assert files.forget("m", date(2026, 3, 3)) == 2
    assert files.days("m") == [date(2026, 3, 3)]
    assert len(list(files.folder.rglob(f"*{INDEX}"))) == 1


def _append(folder: Path, number: int) -> None:
    files = DayFiles(folder, b"k" * 32)
    for _ in range(50):
        files.append("m", ".x", [Chunk(NOON, bytes([number]) * 100)], sealed=False)


def test_two_processes_write_one_file(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_append, args=(tmp_path, n)) for n in (1, 2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert DayFiles(tmp_path, b"k" * 32).verify("m") == (100, [])
