import io
import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indices.alerts.channels import Channel, read_channels
from indices.civic.workdays import is_workday
from models.clock import CITY_TIME
from models.errors import BadSetting
from models.labels import Level

GOOD = """
[[channel]]
name = "值班群"
url = "wecombot://abcdefgh-0000-1111-2222-333344445555"
levels = ["橙", "红"]
quiet = "22:00-07:00"
workdays = true
escalations = true

[[channel]]
name = "信箱"
url = "json://127.0.0.1:9/x"
"""


@pytest.fixture
def root_log() -> Iterator[io.StringIO]:
    """What the program's own log would hold."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CITY_TIME)


def test_a_file_of_two(tmp_path: Path) -> None:
    path = tmp_path / "channels.toml"
    assert read_channels(path) == ()
    path.write_text(GOOD, encoding="utf-8")
    first, second = read_channels(path)
    assert (first.levels, first.workdays, first.escalations) == (frozenset({Level.ORANGE, Level.RED}), True, True)
    assert (second.name, second.quiet, len(second.levels)) == ("信箱", None, 4)
    assert "abcdefgh" not in repr(first)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[channel", "TOML"),
        ('[[channel]]\nname = "a"', "url"),
        ('[[channel]]\nurl = "json://x"', "name"),
        ('[[channel]]\nname = "a"\nurl = "secret://key-123"', "apprise"),
        ('[[channel]]\nname = "a"\nurl = "json://x"\nlevels = ["紫"]', "蓝、黄、橙、红"),
        ('[[channel]]\nname = "a"\nurl = "json://x"\nlevels = []', "蓝、黄、橙、红"),
        ('[[channel]]\nname = "a"\nurl = "json://x"\nquiet = "晚上"', "22:00-07:00"),
        ('[[channel]]\nname = "a"\nurl = "json://x"\nworkdays = "yes"', "true"),
        ('[[channel]]\nname = "a"\nurl = "json://x"\ncolour = 1', "colour"),
        ('[[channel]]\nname = "a"\nurl = "json://x"\n[[channel]]\nname = "a"\nurl = "json://y"', "重复"),
    ],
)
def test_what_is_wrong_is_named_and_no_secret_told(tmp_path: Path, text: str, told: str, root_log: io.StringIO) -> None:
    path = tmp_path / "channels.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadSetting) as caught:
        read_channels(path)
    assert told in str(caught.value)
    assert "key-123" not in str(caught.value) + root_log.getvalue()


@pytest.mark.parametrize(
    ("moment", "level", "sent"),
    [
        ("2026-09-08 10:00", Level.BLUE, "2026-09-08 10:00"),
        ("2026-09-08 23:30", Level.BLUE, "2026-09-09 07:00"),
        ("2026-09-08 03:00", Level.ORANGE, "2026-09-08 07:00"),
        ("2026-09-08 23:30", Level.RED, "2026-09-08 23:30"),
        ("2026-09-12 10:00", Level.YELLOW, "2026-09-14 07:00"),  # a Saturday: Monday, after the quiet hours
        ("2026-10-01 09:00", Level.YELLOW, "2026-10-08 07:00"),  # the week of the national day
        ("2026-10-10 09:00", Level.YELLOW, "2026-10-10 09:00"),  # a Saturday that is made up for
        ("2026-10-01 09:00", Level.RED, "2026-10-01 09:00"),
    ],
)
def test_when_it_may_be_sent(moment: str, level: Level, sent: str) -> None:
    channel = Channel("群", "x", quiet=(time(22), time(7)), workdays=True)
    assert channel.earliest(level, at(moment)) == at(sent)


def test_years_that_the_calendar_does_not_know_have_weekends() -> None:
    assert is_workday(date(2099, 3, 2))
    assert not is_workday(date(2099, 3, 1))


@given(st.times(), st.times(), st.integers(0, 480_000), st.booleans())
def test_what_waits_waits_until_it_may_be_sent(begin: object, end: object, minutes: int, workdays: bool) -> None:
    channel = Channel("群", "x", quiet=(begin, end), workdays=workdays)  # type: ignore[arg-type]
    when = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    sent = channel.earliest(Level.BLUE, when)
    assert sent >= when
    assert channel.earliest(Level.BLUE, sent) == sent
    assert channel.earliest(Level.RED, when) == when
