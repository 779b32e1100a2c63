from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from indices.civic.satisfaction import satisfaction
from indices.stores.memory import MemoryStore
from models.query import Query
from models.record import Annotation, Record

START = datetime(2026, 3, 2, tzinfo=UTC)


def rated(unit: str, ratings: Iterable[int | None], *, speaker: str | None = None, day: int = 0) -> list[Record]:
    return [
        Record(id=f"{unit}-{day}-{number}", revision=1, intake="1", source="t", created_at=START + timedelta(days=day), text="x",
               department=unit, rating=rating, speaker=speaker and f"{speaker}{number % 4}")
        for number, rating in enumerate(ratings)
    ]  # fmt: skip


def store_of(*groups: list[Record]) -> MemoryStore:
    store = MemoryStore()
    store.upsert([record for group in groups for record in group])
    return store


def test_a_good_unit_is_above_a_bad_one_with_the_interval_around_the_value() -> None:
    random = np.random.default_rng(1)
    good, bad = random.choice([3, 4, 5], 300), random.choice([1, 2, 3, 4, 5], 300)
    index = satisfaction(store_of(rated("好", map(int, good)), rated("差", map(int, bad))), Query(), "department")
    values = {row.key: row for row in index.rows}
    assert values["好"].low > values["差"].high  # type: ignore[operator]
    for row in index.rows:
        assert 0 <= row.low < row.value < row.high <= 100  # type: ignore[operator]
        assert row.status == "ok"
    assert index.overall.key == "总体", "whose it is, is not known here: a viewer may see some districts only"
    assert values["好"].raw == pytest.approx(float(np.mean(good) - 1) * 25, abs=0.01)


def test_a_small_unit_has_no_value_and_says_why() -> None:
    index = satisfaction(store_of(rated("大", [5, 3] * 50), rated("小", [1] * 7)), Query(), "department")
    small = index.rows[-1]
    assert (small.key, small.value, small.low, small.high, small.n, small.status) == (
        "小",
        None,
        None,
        None,
        7,
        "样本不足",
    )


def test_a_wide_interval_is_not_ranked() -> None:
    groups = [rated(f"单位{i}", [1, 5, 2, 4, 1, 5] * (5 + 40 * (i < 4))) for i in range(5)]
    index = satisfaction(store_of(*groups, rated("另", [1] * 40), rated("又", [5] * 40)), Query(), "department")
    narrow, wide = index.rows[0], next(row for row in index.rows if row.key == "单位4")
    assert narrow.status == "ok"
    assert wide.status == "not_ranked"
    assert wide.high - wide.low > 15  # type: ignore[operator]


def test_ratings_of_few_people_are_not_ranked() -> None:
    index = satisfaction(store_of(rated("甲", [5] * 100, speaker="人"), rated("乙", [5] * 100)), Query(), "department")
    people = {row.key: (row.n, row.n_effective, row.status) for row in index.rows}
    assert people["甲"] == (100, 4.0, "not_ranked")
    assert people["乙"] == (100, 100.0, "ok")


@pytest.mark.parametrize("ratings", [7, 100])
def test_overall_counts_people_as_the_units_do_and_one_of_two_units_once(ratings: int) -> None:
    """Four people who rated both units, and a third unit whose raters are not known: each of its ratings is a person."""
    both = [rated(unit, [5] * ratings, speaker="人") for unit in ("甲", "乙")]
    nowhere = [record.model_copy(update={"department": None}) for record in rated("丙", [4] * 10, speaker="客")]
    index = satisfaction(store_of(*both, rated("丁", [4] * 20), nowhere), Query(), "department")
    assert (index.overall.n, index.overall.n_effective) == (2 * ratings + 30, 4 + 20 + 4)


def test_without_ratings_there_is_no_figure() -> None:
    index = satisfaction(store_of(rated("甲", [None] * 50)), Query(), "department")
    assert index.rows == ()
    assert (index.overall.value, index.overall.n, index.overall.status) == (None, 0, "样本不足")
    assert index.overall.n_effective == 0


def test_weeks_come_in_order_and_the_window_holds() -> None:
    store = store_of(*(rated("甲", [4, 5] * 20, day=day) for day in (14, 0, 7, 21)))
    query = Query(since=START, until=START + timedelta(days=20))
    index = satisfaction(store, query, "week")
    assert [row.key for row in index.rows] == ["2026-03-02", "2026-03-09", "2026-03-16"]
    assert index.source.n == index.overall.n == 120
    assert index.source.query == query


def answers(unit: str, channel: str, rated_share: float, rating: int, n: int, seed: int) -> list[Record]:
    random = np.random.default_rng(seed)
    return [
        Record(id=f"{unit}-{channel}-{rating}-{k}", revision=1, intake="1", source="t", created_at=START, text="x", department=unit,
               channel=channel, rating=rating if random.random() < rated_share else None)
        for k in range(n)
    ]  # fmt: skip


def test_orders_that_nobody_rated_count_as_others_of_their_channel_do() -> None:
    """Of the web's discontented half one in five answers: the plain mean is far too good, and stands beside."""
    units = [
        record
        for i in range(6)
        for record in (*answers(f"单位{i}", "hotline", 0.9, 5, 300, i), *answers(f"单位{i}", "web", 0.2, 2, 300, i))
    ]
    index = satisfaction(store_of(units), Query(), "department")
    assert index.overall.raw == pytest.approx(86, abs=2)
    assert index.overall.value == pytest.approx(62.5, abs=1.5)
    assert index.overall.weighted == pytest.approx(62.5, abs=1.5)
    assert index.overall.pessimistic == pytest.approx(index.overall.value - 4.5, abs=0.5)  # type: ignore[operator]
    assert index.overall.coverage == pytest.approx(55, abs=2)
    for row in index.rows:
        assert row.value == pytest.approx(62.5, abs=5)
        assert row.raw == pytest.approx(86, abs=5)
        assert (row.orders, row.coverage) == (600, pytest.approx(55, abs=5))
        assert row.low < row.low90 < row.value < row.high90 < row.high  # type: ignore[operator]


def test_a_channel_by_which_nobody_is_asked_is_no_part_of_the_index() -> None:
    asked = [record for i in range(3) for record in answers(f"单位{i}", "hotline", 0.8, 4, 100, i)]
    board = answers("单位0", "board", 0.0, 1, 500, 9)
    index = satisfaction(store_of(asked, board), Query(), "department")
    assert index.overall.orders == 300
    assert {row.orders for row in index.rows} == {100}


def test_tiers_compare_units_as_if_they_had_the_same_matters() -> None:
    """Unit 0 has the hard matters and does as well as the others with each of them: low value, but not the lowest tier."""
    random = np.random.default_rng(4)
    records = []
    for i in range(8):
        for k in range(600):
            hard = random.random() < (0.9 if i == 0 else 0.2)
            rating = int(random.choice(5, p=[0.3, 0.2, 0.2, 0.2, 0.1] if hard else [0.02, 0.03, 0.1, 0.25, 0.6])) + 1
            if i == 7:
                rating = max(1, rating - 1)
            records.append(
                Record(id=f"{i}-{k}", revision=1, intake="1", source="t", created_at=START, text="x", department=f"单位{i}", rating=rating,
                       district="山区" if hard else "平原")
            )  # fmt: skip
    rows = {row.key: row for row in satisfaction(store_of(records), Query(), "department").rows}
    assert min(rows.values(), key=lambda row: row.value or 0).key == "单位0"
    assert rows["单位0"].tier == "中档"
    assert rows["单位7"].tier == "下档"
    assert (rows["单位7"].p_lowest or 0) > 0.9 > (rows["单位0"].p_lowest or 0)


def test_a_small_unit_is_drawn_towards_its_peers_not_towards_everybody() -> None:
    random = np.random.default_rng(5)
    groups = [
        rated(f"{kind}{i}", map(int, random.choice([3, 4, 5] if kind == "城" else [1, 2, 3], 80)))
        for kind in "城乡"
        for i in range(6)
    ]
    new = rated("乡新", [3] * 31)
    store, peers = store_of(*groups, new), {f"{kind}{i}": kind for kind in "城乡" for i in [*range(6), "新"]}
    alone = {row.key: row for row in satisfaction(store, Query(), "department").rows}
    among = {row.key: row for row in satisfaction(store, Query(), "department", peers=peers).rows}
    assert among["乡新"].value < alone["乡新"].value  # type: ignore[operator]
    assert among["乡新"].high - among["乡新"].low < alone["乡新"].high - alone["乡新"].low  # type: ignore[operator]


@pytest.mark.parametrize("tells", [True, False])
def test_what_a_text_sounds_like_enters_as_far_as_it_predicts(tells: bool) -> None:
    """Who does not answer sounds angry. Where angry texts go with low ratings the whole is lower than the answers; where they do not, it is not."""
    random, records = np.random.default_rng(6), []
    for k in range(3_000):
        angry = random.random() < 0.5
        low = angry if tells else random.random() < 0.3
        rating = int(random.choice([1, 2, 3] if low else [4, 5]))
        answered = random.random() < (0.15 if angry else 0.8)
        note = Annotation(model="m", positive=0.1 if angry else 0.9)
        records.append(
            Record(id=str(k), revision=1, intake="1", source="t", created_at=START, text="x", department=f"单位{k % 5}", annotation=note,
                   rating=rating if answered else None)
        )  # fmt: skip
    store = store_of(records)
    within, without = (satisfaction(store, Query(), "department", text=text).overall for text in (True, False))
    assert without.value == pytest.approx(without.raw, abs=1), "switched off, the texts tell nothing"
    moved = within.raw - within.value  # type: ignore[operator]
    assert (moved > 10) if tells else (abs(moved) < 2.5)
    assert satisfaction(store, Query(), "department", text=False).source.versions["text"] == "out"


@pytest.mark.parametrize("by", ["department", "week"])
def test_the_mean_of_the_units_by_their_orders_is_the_whole(by: Any) -> None:
    random, records = np.random.default_rng(8), []
    for i, n in enumerate((900, 600, 400, 300)):
        records += answers(f"单位{i}", "hotline", 0.5, 5 - i % 3, n, i)
        records += answers(f"单位{i}", "web", 0.2, 2, n // 2, i)
    spread = [r.model_copy(update={"created_at": START + timedelta(weeks=int(random.integers(0, 4)))}) for r in records]
    index = satisfaction(store_of(spread), Query(), by)
    known = [row for row in index.rows if row.value is not None]
    assert len(known) == len(index.rows)
    mean = sum((row.value or 0) * row.orders for row in known) / sum(row.orders for row in known)
    assert mean == pytest.approx(index.overall.value, abs=0.02)


def test_news_and_posts_of_a_channel_that_has_ratings_are_no_orders() -> None:
    """The web brings letters, which are rated, and news, which nobody is asked about."""
    letters = [record for i in range(3) for record in answers(f"单位{i}", "web", 0.8, 4, 100, i)]
    news = [one.model_copy(update={"id": f"news{k}", "kind": "news", "rating": None}) for k, one in enumerate(letters)]
    index = satisfaction(store_of(letters, news), Query(), "department")
    assert index.overall.orders == 300
    assert index.overall.coverage == pytest.approx(80, abs=6)
    assert {row.orders for row in index.rows} == {100}
