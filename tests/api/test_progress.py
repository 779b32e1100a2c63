from __future__ import annotations

import io

import pytest
from rich.console import Console

from api.progress import LINE_SECONDS, Share, duration, share


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00:00"), (59.4, "0:00:59"), (59.6, "0:01:00"), (3_661, "1:01:01"), (360_000, "100:00:00")],
)
def test_a_duration_in_hours(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_time_left_is_reckoned_from_where_this_run_began() -> None:
    """A run that is resumed at a half has done nothing yet."""
    now = [100.0]
    lines: list[tuple[float, str]] = []
    progress = Share(lambda part, text: lines.append((part, text)), 30.0, lambda: now[0])
    progress.say("读取文本")
    for seconds, part in ((0, 0.5), (10, 0.51), (29, 0.53), (30, 0.55), (61, 0.6), (62, 1.0)):
        now[0] = 100.0 + seconds
        progress.at(part, "损失 4.000")
    assert lines == [
        (0.0, "读取文本"),
        (0.5, "50.0%  损失 4.000  还需 —"),
        (0.55, "55.0%  损失 4.000  还需 0:04:30"),
        (0.6, "60.0%  损失 4.000  还需 0:04:04"),
        (1.0, "100.0%  损失 4.000  还需 0:00:00"),
    ]


def test_without_a_terminal_there_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with share() as progress:
        progress.say("把文本变成词元")
        for step in range(1, 200):
            progress.at(step / 200, "损失 4.000  每秒 5,000 词元")
        progress.at(1.0, "损失 3.000  每秒 5,000 词元")
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert lines[0] == "把文本变成词元"
    assert lines[1] == "0.5%  损失 4.000  每秒 5,000 词元  还需 —"
    assert lines[-1].startswith("100.0%  损失 3.000")
    assert len(lines) == 3, f"not one line a step, one in {LINE_SECONDS} seconds"


def test_on_a_terminal_there_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=120)
    monkeypatch.setattr("rich.console.Console", lambda **_: terminal)
    with share() as progress:
        progress.say("把文本变成词元")
        progress.at(0.25, "损失 4.000")
        progress.at(0.5, "损失 3.500")
    assert "━" in screen.getvalue()
    assert "50.0%  损失 3.500  还需 0:00:00" in screen.getvalue()
