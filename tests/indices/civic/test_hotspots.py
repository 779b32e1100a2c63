from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from indices.civic.hotspots import find_hotspots
from models.clock import city_day
from models.errors import BadRequest
from models.figures import Hotspots
from models.labels import Level
from models.query import Query
from models.record import Record

MakeRecords = Callable[..., list[Record]]
START = datetime(2026, 1, 1, tzinfo=UTC)
SINCE, UNTIL = START + timedelta(days=95), START + timedelta(days=110)


@pytest.fixture(scope="module")
def city(background: MakeRecords, event: MakeRecords) -> list[Record]:
    plant = event(count=30, district="东桥区", department="生态环境局", likes=2)
    return background(1, 400) + plant


@pytest.fixture(scope="module")
def found(city: list[Record], stored: Callable[..., Any]) -> Hotspots:
    return find_hotspots(stored(city), SINCE, UNTIL)


def test_the_event_is_first_and_whole(found: Hotspots) -> None:
    first = found.hotspots[0]
    assert first.rank == 1
    assert "搅拌站" in first.title
    assert first.count >= 28
    assert first.people >= 28
    assert first.topic == "环境保护"
    assert first.places[0].startswith("栖湖湾")
    assert first.department == "生态环境局"
    assert first.districts == ("东桥区",)
    assert first.p_value < 1e-6
    assert first.level in (Level.YELLOW, Level.ORANGE)
    assert sum("搅拌站" in one.title for one in found.hotspots) == 1


def test_every_word_really_stands_there(found: Hotspots, city: list[Record]) -> None:
    by_native = {record.native_id: record for record in city}
    for one in found.hotspots:
        assert one.title in {record.title for record in city}
        assert one.sentences
        for sentence in one.sentences:
            assert sentence.id in one.members
            assert sentence.text in by_native[sentence.id].text
        assert len({by_native[s.id].speaker for s in one.sentences}) == len(one.sentences)


def test_figures_agree_with_the_members(found: Hotspots, city: list[Record]) -> None:
    by_native = {record.native_id: record for record in city}
    for one in found.hotspots:
        members = [by_native[member] for member in one.members]
        assert one.count == len(set(one.members)) == len(one.record_ids)
        assert one.people == len({record.speaker for record in members})
        assert (one.first, one.last) == (min(r.created_at for r in members), max(r.created_at for r in members))
        assert all(SINCE <= record.created_at < UNTIL for record in members)
        assert one.heat == pytest.approx(sum(one.parts.values()), abs=0.02)
        assert [day.day for day in one.daily] == [city_day(SINCE) + timedelta(days=i) for i in range(16)]
        assert sum(day.count for day in one.daily) >= one.people
        assert "→" in one.rule
    heats = [one.heat for one in found.hotspots]
    assert heats == sorted(heats, reverse=True)
    assert [one.rank for one in found.hotspots] == list(range(1, len(heats) + 1))


def test_the_source_names_question_window_n_and_versions(found: Hotspots, city: list[Record]) -> None:
    source = found.source
    assert source.n == sum(SINCE <= record.created_at < UNTIL for record in city)
    assert (source.query.since, source.query.until) == (SINCE, UNTIL)
    assert source.versions["rules"] == "default-1"


def test_the_order_of_storing_does_not_matter(city: list[Record], found: Hotspots, stored: Callable[..., Any]) -> None:
    again = find_hotspots(stored(city[::-1]), SINCE, UNTIL)
    assert again.hotspots == found.hotspots


def test_top_and_query_narrow(city: list[Record], stored: Callable[..., Any]) -> None:
    store = stored(city)
    assert len(find_hotspots(store, SINCE, UNTIL, top=1).hotspots) == 1
    there = find_hotspots(store, SINCE, UNTIL, query=Query(filters={"district": ("东桥区",)}))
    assert len(there.hotspots) == 1
    assert there.source.n == 30
    nowhere = find_hotspots(store, SINCE, UNTIL, query=Query(filters={"district": ("西岭区",)}))
    assert nowhere.hotspots == ()


def test_an_ordinary_period_has_no_hotspot(city: list[Record], stored: Callable[..., Any]) -> None:
    ordinary = find_hotspots(stored(city), START + timedelta(days=60), START + timedelta(days=67))
    assert [one for one in ordinary.hotspots if one.level is not Level.NONE] == []


@pytest.mark.parametrize("count", [0, 1, 2])
def test_an_empty_and_a_tiny_period(event: MakeRecords, stored: Callable[..., Any], count: int) -> None:
    few = find_hotspots(stored(event(count=count) if count else []), SINCE, UNTIL)
    assert few.hotspots == ()
    assert few.source.n == count


def test_an_event_without_any_past_is_found(
    event: MakeRecords, background: MakeRecords, stored: Callable[..., Any]
) -> None:
    fresh = [record for record in background(1, 400) if record.created_at >= SINCE] + event(count=12)
    found = find_hotspots(stored(fresh), SINCE, UNTIL)
    assert "搅拌站" in found.hotspots[0].title


def test_without_annotation_and_titles(event: MakeRecords, background: MakeRecords, stored: Callable[..., Any]) -> None:
    bare = [r.model_copy(update={"title": "", "text": f"{r.title}。{r.text}"})
            for r in background(1, 150, annotated=False) + event(count=15, annotated=False)]  # fmt: skip
    first = find_hotspots(stored(bare), SINCE, UNTIL).hotspots[0]
    texts = {record.native_id: record.text for record in bare}
    assert first.count >= 12
    assert any(first.title in texts[member] for member in first.members)
    assert first.topic == "其他"


def test_one_caller_and_a_copied_letter_make_no_hotspot(event: MakeRecords, stored: Callable[..., Any]) -> None:
    one_caller = [record.model_copy(update={"speaker": "s"}) for record in event(count=20)]
    assert find_hotspots(stored(one_caller), SINCE, UNTIL).hotspots == ()
    text = event(count=1)[0].text
    copied = [record.model_copy(update={"text": text, "title": "同一封信"}) for record in event(count=20)]
    assert find_hotspots(stored(copied), SINCE, UNTIL).hotspots == ()


def test_a_year_at_once_measures_the_whole(city: list[Record], stored: Callable[..., Any]) -> None:
    whole = find_hotspots(stored(city), START, START + timedelta(days=119, hours=16))
    first = whole.hotspots[0]
    assert "搅拌站" in first.title
    assert "全期 120 天" in first.rule
    assert first.expected < first.people


@pytest.mark.parametrize(
    ("since", "until", "top", "name"),
    [(UNTIL, SINCE, 5, "since"), (SINCE, SINCE, 5, "since"), (SINCE, UNTIL, 0, "top")],
)
def test_impossible_questions_are_refused(
    stored: Callable[..., Any], since: datetime, until: datetime, top: int, name: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        find_hotspots(stored([]), since, until, top=top)
    assert refused.value.fields["name"] == name


def test_a_wave_over_the_whole_city_is_said(
    record: Callable[..., Record], event: MakeRecords, stored: Callable[..., Any]
) -> None:
    def elsewhere(first: int, days: int, a_day: int, base: int) -> list[Record]:
        return [
            record(base + 100 * day + n, START + timedelta(days=first + day, minutes=n), f"第{day}街{n}号空气难闻",
                   f"空气里有味道，第{day * 31 + n}户反映。", topic="环境保护")
            for day in range(days) for n in range(a_day)
        ]  # fmt: skip

    happened = event()  # thirty people in days 100–107
    quiet = elsewhere(60, 50, 4, 2_000_000)
    wave = elsewhere(100, 8, 12, 3_000_000)
    calm = find_hotspots(stored(happened + quiet), SINCE, UNTIL).hotspots
    stormy = find_hotspots(stored(happened + quiet + wave), SINCE, UNTIL).hotspots
    assert "搅拌站" in calm[0].title
    assert "全市" not in calm[0].rule
    [plant] = [one for one in stormy if "搅拌站" in one.title]
    assert "此间全市其他地方同类为平常的" in plant.rule
    assert "期望已随之放大" in plant.rule
