"""What the store does not bear out is left out of the paper: seeded lies, and what a check must not take for one."""

import random
import re
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from dashboards.briefing import Briefing, Claim, Section, Statement, compose, last_complete, period_of
from dashboards.briefing_check import check, loose_numbers, recount
from indices.civic.metrics import measure
from indices.stores.memory import MemoryStore
from models.clock import day_start
from models.figures import Hotspot, Hotspots, Sentence, Source
from models.labels import Level
from models.query import Query
from models.record import Annotation, Record

DAY = date(2026, 3, 10)
NOON = datetime(2026, 3, 10, 4, tzinfo=UTC)
LIES = 200


def order(number: int, back: int = 0, **fields: object) -> Record:
    note = Annotation(
        model="m", topic=("城乡建设", "环境保护", "交通运输")[number % 3], demand_type=("投诉", "求助")[number % 2]
    )
    base = {"id": f"{number:032x}", "revision": 1, "intake": "1", "source": "热线", "native_id": f"A{number}", "annotation": note,
            "created_at": NOON - timedelta(days=back, minutes=number), "title": f"路灯不亮{number}", "text": "x", "speaker": f"s{number % 7}",
            "channel": ("hotline", "web")[number % 2], "rating": 1 + number % 5, "contacted": True}  # fmt: skip
    return Record.model_validate({**base, **fields})


@pytest.fixture(scope="module")
def store() -> MemoryStore:
    found = MemoryStore()
    found.upsert([order(100 * back + n, back) for back in range(40) for n in range(9 + back % 5)])
    return found


def paper(store: MemoryStore, kind: str = "day") -> Briefing:
    one = Hotspot.model_validate({
        "rank": 1, "title": "柳堤路 3 号楼路灯不亮", "heat": 80.0, "parts": {}, "count": 3, "people": 3, "first": NOON - timedelta(days=2),
        "last": NOON, "places": ("柳堤路",), "topic": "城乡建设", "level": Level.ORANGE, "members": ("A0", "A1", "A2"), "key": "k",
        "sentences": (Sentence(text="3 栋楼 20 天没有灯。", id="A1"),), "record_ids": tuple(f"{n:032x}" for n in range(3)), "expected": 0.4,
    })  # fmt: skip
    query = Query(since=day_start(DAY - timedelta(days=6)), until=day_start(DAY + timedelta(days=1)))
    found = Hotspots(hotspots=(one,), source=Source(query=query, n=30, computed_at=NOON, versions={"rules": "1"}))
    metrics = [measure(store, name, query) for name in ("satisfaction_rate", "resolution_rate")]
    return compose(store, DAY, found, metrics, city="云溪市", kind=kind)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["day", "week", "month"])
def test_an_honest_paper_is_left_as_it_is(store: MemoryStore, kind: str) -> None:
    made = paper(store, kind)
    checked = check(made, paper(store, kind), store)
    assert checked.problems == ()
    assert checked.briefing.sections == made.sections
    assert "没有出处" not in "".join(checked.problems)


Lie = Callable[[random.Random, Statement], Statement]


def other_number(rng: random.Random, one: Statement) -> Statement:
    """Another number in the sentence."""
    spots = list(re.finditer(r"\d+", one.text))
    spot = rng.choice(spots)
    return one.model_copy(
        update={"text": f"{one.text[: spot.start()]}{int(spot[0]) + rng.randint(1, 9)}{one.text[spot.end() :]}"}
    )


def other_value(rng: random.Random, one: Statement) -> Statement:
    """Another value of a claim."""
    return with_claim(rng, one, lambda claim: claim.model_copy(update={"value": claim.value + rng.randint(1, 50)}))


def other_query(rng: random.Random, one: Statement) -> Statement:
    """A claim that asks of other days."""
    shift = timedelta(days=rng.randint(1, 5))

    def moved(claim: Claim) -> Claim:
        query = claim.query
        return claim.model_copy(
            update={"query": query.model_copy(update={"since": query.since and query.since - shift})}
        )

    return with_claim(rng, one, moved)


def other_ids(rng: random.Random, one: Statement) -> Statement:
    """Ids that have nothing to do with it."""
    return with_claim(
        rng, one, lambda claim: claim.model_copy(update={"ids": (*claim.ids[:-1], f"X{rng.randint(0, 99)}")})
    )


def both(rng: random.Random, one: Statement) -> Statement:
    """The same wrong number in sentence and claim."""
    number = rng.randrange(len(one.claims))
    claim = one.claims[number]
    wrong = claim.value + rng.randint(1, 30)
    claims = (*one.claims[:number], claim.model_copy(update={"value": wrong}), *one.claims[number + 1 :])
    text = one.text.replace(f"{claim.value:,.0f}", f"{wrong:,.0f}", 1)
    return Statement(text=text, claims=claims)


def more(rng: random.Random, one: Statement) -> Statement:
    """A number that nobody counted."""
    return one.model_copy(update={"text": f"{one.text}其中 {rng.randint(100, 999)} 件已办结。"})


def with_claim(rng: random.Random, one: Statement, change: Callable[[Claim], Claim]) -> Statement:
    number = rng.randrange(len(one.claims))
    return one.model_copy(
        update={"claims": (*one.claims[:number], change(one.claims[number]), *one.claims[number + 1 :])}
    )


KINDS: tuple[Lie, ...] = (other_number, other_value, other_query, other_ids, both, more)


def lied(made: Briefing, rng: random.Random, lie: Lie) -> tuple[Briefing, Statement]:
    """The paper with one sentence made false."""
    spots = [
        (number, None, place)
        for number, section in enumerate(made.sections)
        for place, one in enumerate(section.statements)
        if one.claims
    ] + [
        (number, item, place)
        for number, section in enumerate(made.sections)
        for item, parts in enumerate(section.items)
        for place, one in enumerate(parts)
        if one.claims
    ]
    number, item, place = rng.choice(spots)
    section = made.sections[number]
    before = section.statements[place] if item is None else section.items[item][place]
    false = lie(rng, before)
    assert false != before
    if item is None:
        changed = section.model_copy(update={"statements": replaced(section.statements, place, false)})
    else:
        changed = section.model_copy(
            update={"items": replaced(section.items, item, replaced(section.items[item], place, false))}
        )
    return made.model_copy(update={"sections": replaced(made.sections, number, changed)}), false


def replaced(values: tuple, at: int, value: object) -> tuple:  # type: ignore[type-arg]
    return (*values[:at], value, *values[at + 1 :])


def sentences(made: Briefing) -> list[Statement]:
    return [
        one
        for section in made.sections
        for one in (*section.statements, *(part for item in section.items for part in item))
    ]


def test_two_hundred_lies_are_caught_and_left_out(store: MemoryStore) -> None:
    rng = random.Random(200)
    papers = {kind: paper(store, kind) for kind in ("day", "week", "month")}
    caught = 0
    for number in range(LIES):
        kind = ("day", "week", "month")[number % 3]
        made = papers[kind]
        false_paper, false = lied(made, rng, KINDS[number % len(KINDS)])
        checked = check(false_paper, made, store)
        caught += bool(checked.problems) and false not in sentences(checked.briefing)
        assert len(sentences(checked.briefing)) == len(sentences(made)) - 1  # nothing true is lost
        assert checked.briefing.dropped == checked.problems
    sys.stdout.write(f"简报核对：{LIES} 处假话，查出 {caught}\n")
    assert caught == LIES


def test_most_lies_are_caught_without_composing_the_paper_anew(store: MemoryStore) -> None:
    """By counting again and by looking for numbers without a claim: this does not lean on the code that wrote the paper."""
    rng, made, caught, tried = random.Random(7), paper(store), 0, 0
    for lie in (other_number, both, more):
        for _ in range(30):
            false_paper, false = lied(made, rng, lie)
            del false_paper
            tried += 1
            caught += bool(list(recount(false.claims, store)) or loose_numbers(false))
    assert caught >= 0.7 * tried  # the rest are dates, which only the paper composed anew gives away


def test_a_paper_without_its_store_keeps_nothing_that_has_a_number(store: MemoryStore) -> None:
    made, empty = paper(store), MemoryStore()
    checked = check(
        made, compose(empty, DAY, Hotspots(hotspots=(), source=Source(query=Query(), n=0, computed_at=NOON)), []), empty
    )
    assert not any(one.claims for one in sentences(checked.briefing))
    assert len(checked.problems) >= 5


def test_numbers_of_dates_quotations_and_periods_are_no_figures() -> None:
    claims = (Claim(value=12, words="本期受理", query=Query()), Claim(value=9, words="上周同期受理", query=Query()))
    good = Statement(
        text="3 月 2 日至 3 月 8 日共受理 12 件，较上周同期（9 件）增加 3 件；“3 栋楼 20 天没有灯”。近 7 日、前 4 周同期、3 次以上。",
        claims=claims,
    )
    assert loose_numbers(good) == []
    assert loose_numbers(good.model_copy(update={"text": good.text + "另有 40 件。"})) == ["40"]


@pytest.mark.parametrize(
    ("kind", "day", "first", "before"),
    [
        ("day", date(2026, 3, 10), date(2026, 3, 10), (date(2026, 3, 3), date(2026, 3, 3))),
        ("week", date(2026, 3, 15), date(2026, 3, 9), (date(2026, 3, 2), date(2026, 3, 8))),
        ("week", date(2026, 3, 11), date(2026, 3, 9), (date(2026, 3, 2), date(2026, 3, 4))),
        ("month", date(2026, 3, 31), date(2026, 3, 1), (date(2026, 2, 1), date(2026, 2, 28))),
        ("month", date(2026, 1, 10), date(2026, 1, 1), (date(2025, 12, 1), date(2025, 12, 10))),
    ],
)
def test_periods_and_the_ones_before(kind: str, day: date, first: date, before: tuple[date, date]) -> None:
    period = period_of(kind, day)  # type: ignore[arg-type]
    assert (period.first, period.last) == (first, day)
    asked = period.before(1, None)
    assert (asked.since, asked.until) == (day_start(before[0]), day_start(before[1] + timedelta(days=1)))


def test_the_last_complete_period() -> None:
    assert last_complete("week", date(2026, 3, 15)) == date(2026, 3, 15)  # a Sunday
    assert last_complete("week", date(2026, 3, 16)) == date(2026, 3, 15)
    assert last_complete("month", date(2026, 3, 31)) == date(2026, 3, 31)
    assert last_complete("month", date(2026, 3, 30)) == date(2026, 2, 28)
    assert last_complete("day", date(2026, 3, 30)) == date(2026, 3, 30)


def test_a_week_and_a_month_say_so(store: MemoryStore) -> None:
    week, month = paper(store, "week"), paper(store, "month")
    assert week.title == "云溪市民生诉求每周简报"
    assert week.span == "2026年3月9日至2026年3月10日"
    texts = [one.text for one in sentences(month)]
    assert any("较上月同期" in text for text in texts)
    assert any(text.startswith("本期") for text in texts)
    assert Section(heading="x").statements == ()
