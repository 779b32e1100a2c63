"""Reading a workbook that may be hostile (S5).

First the archive's own declarations: entries, sizes, ratio. Then every entry is inflated once, counted and thrown away, so
that an archive that declares less than it holds is found before anything parses it. Only then a child process with
limits on memory and time parses the sheet and hands the rows over as JSON lines.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Final, NoReturn

from models.errors import BadFile, HostileFile

Cell = str | float | int | bool | datetime | None
MAX_ENTRIES: Final = 2_000
MAX_INFLATED_BYTES: Final = 1 << 30  # a million orders of 500 characters stay below it
MAX_RATIO: Final = 200  # ordinary sheets lie between 3 and 40
MAX_ROWS: Final = 1_048_576
MEMORY_BYTES: Final = 6 << 30
TIME_SECONDS: Final = 300
_CHUNK = 1 << 20
_ZIP, _OLD = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"


def read_workbook(path: Path, sheet: str | None = None) -> Iterator[list[Cell]]:
    """Rows of the sheet (default: the first that has rows), merged cells filled with their first value.

    Raises:
        HostileFile: it declares or holds too much, or the child that parsed it hit a limit.
        BadFile: it is no workbook, is encrypted, or has no such sheet.
    """
    with path.open("rb") as file:
        magic = file.read(4)
    if magic == _ZIP:
        check_archive(path)
    elif magic != _OLD:
        raise BadFile(file=path.name, reason="内容不是 Excel 工作簿（可能改了后缀）；请用 Excel 另存为 .xlsx 或 CSV")
    return _from_child(path, sheet)


def check_archive(path: Path) -> None:
    """Raise HostileFile unless the archive declares and holds a sane amount."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise BadFile(file=path.name, reason=f"压缩结构损坏（{error}）；请重新导出") from None
    if len(entries) > MAX_ENTRIES:
        raise HostileFile(file=path.name, reason=f"内含 {len(entries)} 个部件，上限 {MAX_ENTRIES}")
    declared = sum(entry.file_size for entry in entries)
    if declared > MAX_INFLATED_BYTES:
        raise HostileFile(file=path.name, reason=f"声明解压后 {declared:,} 字节，上限 {MAX_INFLATED_BYTES:,}")
    for entry in entries:
        if entry.flag_bits & 1:
            raise BadFile(file=path.name, reason="工作簿有密码；请去掉密码后再导入")
        if entry.file_size > MAX_RATIO * max(entry.compress_size, 1) and entry.file_size > _CHUNK:
            ratio = entry.file_size / max(entry.compress_size, 1)
            raise HostileFile(file=path.name, reason=f"部件 {entry.filename} 压缩比 {ratio:,.0f}，上限 {MAX_RATIO}")
    for entry in entries:
        _count(path, entry)


def _count(path: Path, entry: zipfile.ZipInfo) -> None:
    """Inflate an entry without keeping it; more than it declared is a lie."""
    with path.open("rb") as file:
        file.seek(entry.header_offset)
        head = file.read(30)
        file.seek(int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little"), 1)
        if entry.compress_type == zipfile.ZIP_STORED:
            return
        if entry.compress_type != zipfile.ZIP_DEFLATED:
            raise BadFile(file=path.name, reason=f"部件 {entry.filename} 的压缩方式 {entry.compress_type} 不受支持")
        inflater, seen, left = zlib.decompressobj(-15), 0, entry.compress_size
        pending = b""
        while not inflater.eof and (pending or left):
            if not pending:
                pending = file.read(min(_CHUNK, left))
                left -= len(pending)
                if not pending:
                    break
            try:
                seen += len(inflater.decompress(pending, _CHUNK))
            except zlib.error as error:
                raise BadFile(file=path.name, reason=f"部件 {entry.filename} 损坏（{error}）") from None
            pending = inflater.unconsumed_tail
            if seen > entry.file_size:
                raise HostileFile(
                    file=path.name, reason=f"部件 {entry.filename} 声明 {entry.file_size:,} 字节，实际更多"
                )


def _from_child(path: Path, sheet: str | None) -> Iterator[list[Cell]]:
    command = [sys.executable, "-I", "-c", f"import sys; sys.path[:0] = {sys.path!r}; "
               "from crawlers.feeds.workbook import _child; _child(*sys.argv[1:])", str(path), sheet or "", str(MEMORY_BYTES), str(TIME_SECONDS)]  # fmt: skip
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"PATH": "", "LANG": "C.UTF-8"}
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        try:
            for line in child.stdout:
                yield [_decode(cell) for cell in json.loads(line)]
            reason = child.stderr.read().decode("utf-8", "replace").strip()
            status = child.wait(TIME_SECONDS)
        finally:
            child.kill()
    if status == 3:
        raise BadFile(file=path.name, reason=reason)
    if status != 0:
        raise HostileFile(
            file=path.name, reason=f"解析超出内存或时间限度（{reason.splitlines()[-1] if reason else status}）"
        )


def _child(path: str, sheet: str, memory_bytes: str, time_seconds: str) -> None:
    """In the child: limits first, then parse and print rows. Exit 3 and a sentence where the file is bad."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (int(memory_bytes), int(memory_bytes)))
    resource.setrlimit(resource.RLIMIT_CPU, (int(time_seconds), int(time_seconds)))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_path(path)
        names = book.sheet_names
        if sheet and sheet not in names:
            _refuse(f"没有工作表 {sheet!r}，有：{'、'.join(names)}")
        for name in [sheet] if sheet else names:
            found = book.get_sheet_by_name(name)
            if found.total_height:
                break
        else:
            sys.exit(0)
        if found.total_height > MAX_ROWS:
            _refuse(f"共 {found.total_height:,} 行，上限 {MAX_ROWS:,}")
        _print_rows(found)
    except CalamineError as error:
        _refuse(f"工作簿结构无法识别（{error}）；请用 Excel 另存为 .xlsx 或 CSV")


def _refuse(sentence: str) -> NoReturn:
    sys.stderr.write(sentence)
    sys.exit(3)


def _print_rows(sheet: object) -> None:
    top, _ = sheet.start or (0, 0)  # type: ignore[attr-defined]
    filled: dict[int, list[tuple[int, int, object]]] = {}
    for (row, left), (bottom, right) in sheet.merged_cell_ranges or ():  # type: ignore[attr-defined]
        for inner in range(row, min(bottom, row + 10_000) + 1):
            filled.setdefault(inner, []).append((left, right, (row, left)))
    first: dict[object, object] = {}
    for number, row in enumerate(sheet.iter_rows(), start=top):  # type: ignore[attr-defined]
        for left, right, origin in filled.get(number, ()):
            if origin == (number, left) and left < len(row):
                first[origin] = row[left]
            for column in range(left, min(right, len(row) - 1) + 1):
                row[column] = first.get(origin, row[column])
        sys.stdout.write(json.dumps([_encode(cell) for cell in row], ensure_ascii=False) + "\n")


def _encode(cell: object) -> object:
    if isinstance(cell, datetime):
        return {"t": cell.isoformat()}
    if isinstance(cell, date):
        return {"t": datetime(cell.year, cell.month, cell.day).isoformat()}  # noqa: DTZ001 - workbooks know no zone
    if isinstance(cell, time | timedelta):
        return str(cell)
    if isinstance(cell, str):
        return cell.encode("utf-8", "replace").decode()
    return cell


def _decode(cell: object) -> Cell:
    if isinstance(cell, dict):
        return datetime.fromisoformat(cell["t"])
    if cell == "":
        return None
    return cell  # type: ignore[return-value]
