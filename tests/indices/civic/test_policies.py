"""Policies: told where there is an effect, not told where there is none, refused where there is too little."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import Engine

from crawlers.simulation.ratings import simulate_policy
from indices.civic.policies import Policies, policy_effect, week_table, weekly_difference
from indices.civic.policy_effect import effect
from indices.stores.memory import MemoryStore
from models.errors import BadRequest, NotFound
from models.query import Query
from models.record import Annotation, Record
from models.satisfaction import Policy

BEGIN = datetime(2025, 1, 6, 2, tzinfo=UTC)  # a Monday
START = date(2026, 1, 5)
CITY = ("河东区", "河西区", "河北区", "河南区")


def city(gain: float, *, weeks: int = 80, topic: str | None = None, seed: int = 1) -> MemoryStore:
    """Four districts with a season; in 河东区 ratings rise by `gain` points from the 53rd week on (of one topic, where it is given)."""
    random, store, records = np.random.default_rng(seed), MemoryStore(), []
    for week in range(weeks):
        season = 4 * np.sin(2 * np.pi * week / 52)
        for place, district in enumerate(CITY):
            for k in range(40):
                of = "城乡建设" if k % 2 else "交通运输"
                up = gain if district == CITY[0] and week >= 52 and topic in (None, of) else 0.0
                chance = (60 + 5 * place + season + up) / 100
                rating = 1 + int(random.binomial(4, chance))
                records.append(
                    Record(id=f"{week}-{place}-{k}", revision=1, intake="1", source="t", text="x", created_at=BEGIN + timedelta(weeks=week),
                           district=district, rating=rating, annotation=Annotation(model="m", topic=of))
                )  # fmt: skip
    store.upsert(records)
    return store


LAST = (BEGIN + timedelta(weeks=80)).date()


def test_an_effect_is_told_with_its_size_against_the_others() -> None:
    found = policy_effect(city(6), Policy(title="路灯整治", start=START, districts=(CITY[0],)), LAST)
    assert found.told
    assert found.effect.low <= 6 <= found.effect.high
    assert found.against == "未实施的区县"
    assert "上升" in found.words
    assert f"{found.effect.value:.1f} 分" in found.words
    assert found.weeks[found.place] >= START > found.weeks[found.place - 1]
    assert len(found.weeks) == len(found.reached) == len(found.others) == len(found.expected)
    after = [
        r - e
        for r, e in zip(found.reached[found.place :], found.expected[found.place :], strict=True)
        if r is not None and e is not None
    ]
    assert np.mean(after) == pytest.approx(found.effect.value, abs=1.5)


def test_no_effect_is_said_not_to_be_told_from_chance() -> None:
    found = policy_effect(city(0), Policy(title="路灯整治", start=START, districts=(CITY[0],)), LAST)
    assert not found.told
    assert "与偶然波动分不开" in found.words
    assert len(found.placebos) >= 10


def test_a_policy_on_a_topic_of_the_whole_city_is_compared_with_other_topics() -> None:
    found = policy_effect(city(0), Policy(title="工地治理", start=START, topics=("城乡建设",)), LAST)
    assert found.against == "其他分类"
    narrow = policy_effect(
        city(8, topic="城乡建设"), Policy(title="工地", start=START, districts=(CITY[0],), topics=("城乡建设",)), LAST
    )
    assert narrow.told
    assert narrow.n_before == pytest.approx(52 * 20, abs=20)


def test_without_anything_to_compare_with_it_says_so() -> None:
    found = policy_effect(city(0), Policy(title="全市", start=START), LAST)
    assert (found.against, found.others) == ("", ())
    assert "没有可比的" in found.words


@pytest.mark.parametrize(
    ("start", "words"),
    [(date(2026, 7, 6), "之后有 2 周"), (date(2025, 2, 3), "之前有 4 周"), (date(2031, 1, 1), "之前有 0 周")],
)
def test_too_short_a_time_is_named(start: date, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        policy_effect(city(0), Policy(title="路灯整治", start=start, districts=(CITY[0],)), LAST)


def test_an_empty_store_is_refused_with_the_same_words() -> None:
    with pytest.raises(BadRequest, match="之前有 0 周"):
        policy_effect(MemoryStore(), Policy(title="路灯整治", start=START), LAST)


def test_a_district_that_is_not_there_has_no_weeks() -> None:
    with pytest.raises(BadRequest, match="0 周"):
        policy_effect(city(0), Policy(title="错区", start=START, districts=("河冻区",)), LAST)


@pytest.mark.parametrize(("truth", "least", "most"), [(0.0, 0, 2), (3.0, 9, 12)])
def test_told_of_twelve(truth: float, least: int, most: int) -> None:
    told = 0
    for seed in range(12):
        values, n, reached = simulate_policy(500 + seed, effect=truth)
        difference, noise, _ = weekly_difference(values, n, reached)
        told += effect(difference, noise, 64).told
    assert least <= told <= most


def test_the_table_of_weeks_is_what_the_records_are() -> None:
    from indices.civic.cells import cells

    store = city(0, weeks=4)
    counted = cells(store, Query(), ["district", "week", "rating"])
    weeks = [(BEGIN + timedelta(weeks=k)).date() for k in range(4)]
    values, n = week_table(counted, "district", weeks)
    assert n.tolist() == [[40] * 4] * 4
    records = [r for r in store.scan(Query()) if r.district == CITY[1] and r.created_at == BEGIN + timedelta(weeks=2)]
    mean = np.mean([25 * ((r.rating or 0) - 1) for r in records])
    assert values[counted.names["district"].index(CITY[1]), 2] == pytest.approx(mean)


def test_the_register_keeps_what_was_entered(database: Engine) -> None:
    register = Policies(database)
    first = register.add(
        Policy(title=" 路灯整治 ", text="全面更换", start=START, districts=(CITY[0],), topics=("城乡建设",)), "analyst"
    )
    later = register.add(Policy(title="停车", start=START + timedelta(days=9)), "analyst")
    assert (first.title, first.who) == ("路灯整治", "analyst")
    assert register.get(first.number) == first
    assert [one.number for one in register.all()] == [later.number, first.number]
    with pytest.raises(NotFound):
        register.get(99)
    for title in ("", " ", "长" * 101):
        with pytest.raises(BadRequest, match="title"):
            register.add(Policy(title=title, start=START), "analyst")
