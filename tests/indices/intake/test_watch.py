from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from indices.intake.watch import Taken, WatchedFolder, describe
from models.errors import BadFile, InboxFull


@pytest.fixture
def importer() -> Callable[[Path], int]:
    """Counts lines; refuses, delays or breaks by the file's first word."""

    def importer(path: Path) -> int:
        text = path.read_text()
        if text.startswith("坏"):
            raise BadFile(file=path.name, reason="没有表头")
        if text.startswith("满"):
            raise InboxFull(waiting=9, limit=9, retry_after_seconds=1)
        if text.startswith("虫"):
            raise KeyError("列")
        return len(text.splitlines())

    return importer


@pytest.fixture
def watch(tmp_path: Path, importer: Callable[[Path], int]) -> WatchedFolder:
    return WatchedFolder(tmp_path / "incoming", importer, stable_seconds=0.05)


def put(watch: WatchedFolder, name: str, text: str) -> Path:
    watch.folder.mkdir(exist_ok=True)
    path = watch.folder / name
    path.write_text(text)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_an_empty_folder_costs_no_waiting(watch: WatchedFolder) -> None:
    watch.stable_seconds = 60
    assert watch.look() == []
    assert watch.folder.is_dir()


def test_files_are_taken_in_and_moved(watch: WatchedFolder) -> None:
    put(watch, "b.csv", "一\n二\n")
    put(watch, "a.csv", "一\n")
    assert watch.look() == [Taken(watch.folder / "done/a.csv", 1), Taken(watch.folder / "done/b.csv", 2)]
    assert names(watch.folder) == ["done"]
    assert watch.look() == []


def test_refused_files_lie_beside_their_reason(watch: WatchedFolder) -> None:
    put(watch, "a.csv", "坏")
    put(watch, "b.csv", "虫")
    put(watch, "c.csv", "一\n")
    taken = watch.look()
    assert [bool(one.reason) for one in taken] == [True, True, False]
    assert names(watch.folder / "failed") == ["a.csv", "a.csv.reason.txt", "b.csv", "b.csv.reason.txt"]
    assert (watch.folder / "failed/a.csv.reason.txt").read_text() == "MS302 文件 a.csv 无法读取：没有表头。\n"
    assert "KeyError" in (watch.folder / "failed/b.csv.reason.txt").read_text()
    assert describe(taken) == "收入 1 个文件共 1 件，失败 2 个。"


def test_when_the_inbox_is_full_the_file_stays(watch: WatchedFolder) -> None:
    path = put(watch, "a.csv", "满")
    assert watch.look() == []
    assert path.exists()
    path.write_text("一\n")
    assert [one.items for one in watch.look()] == [1]


def test_a_file_that_still_grows_is_left_alone(watch: WatchedFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(watch, "a.csv", "一\n")
    put(watch, "b.csv", "一\n")
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr("indices.intake.watch.time.sleep", lambda _: path.write_text("一\n二\n"))
        assert [one.path.name for one in watch.look()] == ["b.csv"]
    assert [one.items for one in watch.look()] == [2]


def test_a_file_that_changes_while_it_is_read_is_read_again(
    watch: WatchedFolder, importer: Callable[[Path], int]
) -> None:
    path = put(watch, "a.csv", "一\n")

    def slow(path: Path) -> int:
        lines = importer(path)
        if lines == 1:
            path.write_text("一\n二\n")
        return lines

    watch.importer = slow
    assert watch.look() == []
    assert path.exists()
    assert [one.items for one in watch.look()] == [2]


@pytest.mark.parametrize("name", [".hidden", "~$a.xlsx", "a.csv.part", "a.TMP", "b.filepart"])
def test_unfinished_and_hidden_files_are_not_touched(watch: WatchedFolder, name: str) -> None:
    put(watch, name, "一\n")
    assert watch.look() == []
    assert names(watch.folder) == [name]


def test_links_and_folders_are_not_followed(watch: WatchedFolder, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("一\n")
    put(watch, "a.csv", "一\n")
    (watch.folder / "link.csv").symlink_to(secret)
    (watch.folder / "folder.csv").mkdir()
    os.mkfifo(watch.folder / "pipe.csv")
    assert [one.path.name for one in watch.look()] == ["a.csv"]


def test_the_same_name_again_keeps_both(watch: WatchedFolder) -> None:
    for _ in range(3):
        put(watch, "a.csv", "一\n")
        assert len(watch.look()) == 1
    assert names(watch.folder / "done") == ["a-2.csv", "a-3.csv", "a.csv"]


def test_a_file_taken_by_another_process_meanwhile_is_no_error(watch: WatchedFolder) -> None:
    put(watch, "a.csv", "一\n")

    def steal(path: Path) -> int:
        path.unlink()
        return 1

    watch.importer = steal
    assert watch.look() == []
    put(watch, "a.csv", "一\n")

    def steal_and_fail(path: Path) -> int:
        path.unlink()
        raise BadFile(file=path.name, reason="没有了")

    watch.importer = steal_and_fail
    assert watch.look() == []
    assert names(watch.folder / "failed") == []


def test_a_death_before_the_move_takes_the_file_in_again(watch: WatchedFolder, importer: Callable[[Path], int]) -> None:
    put(watch, "a.csv", "一\n")

    def die(path: Path) -> int:
        importer(path)
        raise SystemExit

    watch.importer = die
    with pytest.raises(SystemExit):
        watch.look()
    watch.importer = importer
    started = time.monotonic()
    assert [one.items for one in watch.look()] == [1]
    assert time.monotonic() - started < 2
