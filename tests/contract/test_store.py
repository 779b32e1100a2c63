"""What every store does, whatever its engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from models.clock import day_start
from models.errors import BadRequest, StoreUnavailable
from models.ports import Reader, Store
from models.query import MAX_WINDOW, All, Bucket, Exactly, Not, Outcome, Query, Some, Sort, Tokens
from models.record import Annotation, Record

START = datetime(2026, 3, 1, 0, 0, tzinfo=UTC)
Make = Callable[..., Record]


def found(store: Reader, match: object = None, **fields: object) -> list[str]:
    """Ids that a query finds, in its order; the total says the same."""
    page = store.search(Query.model_validate({"match": match, "size": 100} | fields))
    assert page.total == len(page.hits)
    return [hit.record.id for hit in page.hits]


def found_in(store: Reader, question: Query, sort: Sort) -> list[str]:
    return [hit.record.id for hit in store.search(question.model_copy(update={"sort": sort})).hits]


# --- counting ---------------------------------------------------------------------------------------------------
def word(*tokens: str, field: str | None = None) -> Tokens:
    return Tokens.model_validate({"tokens": tokens, "field": field})


# --- writing ----------------------------------------------------------------------------------------------------
def test_is_a_store(store: Store) -> None:
    assert isinstance(store, Store)
    assert store.engine


def test_an_empty_store_answers(store: Store) -> None:
    assert store.search(Query()).total == 0
    assert store.aggregate(Query(), ["day"]) == []
    assert list(store.scan(Query())) == []
    assert store.get("absent") is None
    assert store.forget(["absent"]) == 0
    assert store.upsert([]).outcomes == ()


def test_a_record_comes_back_whole(store: Store, record: Make) -> None:
    whole = record(
        title="路灯 不亮",
        text="第一行\n第二行 \t“引号” 𠮷 \u200b \x01 <b>&amp;</b>",
        reply="已 修复",
        created_at=datetime(2026, 3, 1, 23, 59, 59, 999_999, tzinfo=UTC),
        replied_at=START + timedelta(days=2),
        longitude=113.123456789,
        latitude=22.9,
        contacted=True,
        resolved="部分解决",
        rating=4,
        likes=3,
        topics=({"label": "城乡建设", "probability": 0.1234567890123},),
        entities=({"text": "路灯", "kind": "object", "start": 0, "end": 2},),
    )
    store.upsert([whole])
    assert store.get("r1") == whole
    assert store.search(Query()).hits[0].record == whole
    assert list(store.scan(Query())) == [whole]


def test_a_record_without_annotation_is_segmented_by_the_store(store: Store, record: Make) -> None:
    store.upsert([record(title="路灯 不亮", text="三天 了").model_copy(update={"annotation": None})])
    assert found(store, word("路灯", "不亮", field="title")) == ["r1"]
    assert found(store, word("三天")) == ["r1"]


def test_revisions(store: Store, record: Make) -> None:
    assert store.upsert([record(revision=5, text="第五")]).outcomes == (Outcome.STORED,)
    assert store.upsert([record(revision=5, text="又五")]).outcomes == (Outcome.DUPLICATE,)
    assert store.upsert([record(revision=4, text="第四")]).outcomes == (Outcome.DUPLICATE,)
    assert store.upsert([record(revision=2**52, text="最后")]).outcomes == (Outcome.UPDATED,)
    kept = store.get("r1")
    assert kept is not None
    assert kept.text == "最后"
    assert found(store, word("第五")) == []
    assert found(store, word("最后")) == ["r1"]


def test_the_same_id_several_times_in_one_batch(store: Store, record: Make) -> None:
    batch = [record(revision=n, text=f"第{n}") for n in (3, 3, 7, 5)] + [record("r2", revision=0)]
    expected = (Outcome.STORED, Outcome.DUPLICATE, Outcome.UPDATED, Outcome.DUPLICATE, Outcome.STORED)
    assert store.upsert(batch).outcomes == expected
    assert found(store) == ["r1", "r2"]
    assert found(store, word("第7")) == ["r1"]


def test_ids_that_begin_alike_are_told_apart(store: Store, record: Make) -> None:
    names = [f"2026-03-01/hotline/{n}" for n in range(4)]
    store.upsert([record(name, revision=n) for n, name in enumerate(names)])
    receipt = store.upsert([record(name, revision=2, text="新") for name in reversed(names)])
    assert receipt.outcomes == (Outcome.DUPLICATE, Outcome.DUPLICATE, Outcome.UPDATED, Outcome.UPDATED)
    assert found(store, word("新")) == names[:2]
    assert store.forget([names[1]]) == 1
    assert found(store) == [names[0], *names[2:]]


def test_any_order_of_arrival_ends_alike(store: Store, record: Make) -> None:
    states = [record(revision=n, status=f"状态{n}") for n in range(6)]
    for order in ([2, 0, 5, 1], [5, 4], [3, 3, 0]):
        store.upsert([states[n] for n in order])
    kept = store.get("r1")
    assert kept is not None
    assert (kept.revision, kept.status) == (5, "状态5")
    assert store.aggregate(Query(), ["status"]) == [Bucket(keys=("状态5",), count=1)]


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"created_at": datetime(1, 1, 1, tzinfo=UTC)}, "0001"),
        ({"created_at": datetime(9999, 12, 31, 23, 59, tzinfo=UTC)}, "9999"),
        ({"created_at": datetime(2026, 3, 1)}, "时区"),  # noqa: DTZ001 - the case under test
        ({"replied_at": datetime(2026, 3, 1)}, "replied_at"),  # noqa: DTZ001
        ({"text": "啊" * 900_000}, "900000"),
        ({"place": "路" * 9_000}, "place"),
        ({"district": "a\ud800"}, "district"),
        ({"revision": -1}, "-1"),
        ({"revision": 2**63}, str(2**63)),
        ({"id": ""}, "标识"),
        ({"id": "长" * 200}, "512"),
    ],
)
def test_one_bad_record_is_rejected_and_the_rest_kept(
    store: Store, record: Make, fields: dict[str, object], shown: str
) -> None:
    bad = record("bad").model_copy(update=fields)
    receipt = store.upsert([record("r1"), bad, record("r2")])
    assert receipt.outcomes == (Outcome.STORED, Outcome.REJECTED, Outcome.STORED)
    assert [bool(reason) for reason in receipt.reasons] == [False, True, False]
    assert shown in receipt.reasons[1]
    assert found(store) == ["r1", "r2"]


def test_forget(store: Store, record: Make) -> None:
    store.upsert([record(name, revision=9) for name in ("r1", "r2", "r3")])
    assert store.forget(["r1", "absent", "r1", "r3"]) == 2
    assert found(store) == ["r2"]
    assert store.get("r1") is None
    assert store.forget([]) == 0
    assert store.upsert([record(revision=1)]).outcomes == (Outcome.STORED,), (
        "forgotten means that no revision is remembered"
    )
    assert found(store) == ["r1", "r2"]


# --- words ------------------------------------------------------------------------------------------------------
def test_words_and_fields(store: Store, record: Make) -> None:
    store.upsert(
        [
            record("r1", title="夜间 施工", text="噪音 很 大"),
            record("r2", title="噪音", text="夜间"),
            record("r3", reply="噪音 已 查处"),
        ]
    )
    assert found(store, word("噪音")) == ["r1", "r2", "r3"]
    assert found(store, word("噪音", field="title")) == ["r2"]
    assert found(store, word("噪音", field="text")) == ["r1"]
    assert found(store, word("噪音", field="reply")) == ["r3"]
    assert found(store, word("噪")) == []
    assert found(store, word("噪音 很")) == ["r1"], "white space parts tokens in queries as in records"
    assert found(store, word(" ")) == []


def test_phrases_stand_side_by_side_within_one_field(store: Store, record: Make) -> None:
    store.upsert(
        [
            record("r1", title="物业 收费", text="太 贵"),
            record("r2", text="物业 乱 收费"),
            record("r3", text="收费 物业"),
            record("r4", title="物业", text="收费"),
            record("r5", text="物业 物业 收费"),
        ]
    )
    assert found(store, word("物业", "收费")) == ["r1", "r5"]
    assert found(store, word("物业", "收费", field="text")) == ["r5"]
    assert found(store, word("收费", "太")) == []
    assert found(store, word("物业", "物业", "收费")) == ["r5"]


def test_tokens_of_any_kind(store: Store, record: Make) -> None:
    odd = ["c++", "@某人", "“", "a_b", "3.14", "𠮷野家", "é", "ﬁ", "a" * 300, "字" * 120, "*", "AND", "x:y", "\\"]
    store.upsert([record(f"r{n:02}", text=f"前 {token} 后") for n, token in enumerate(odd)])
    for n, token in enumerate(odd):
        assert found(store, word("前", token.lower())) == [f"r{n:02}"], token


def test_combinations(store: Store, record: Make) -> None:
    store.upsert(
        [record("r1", text="甲"), record("r2", text="甲 乙"), record("r3", text="乙"), record("r4", text="丙")]
    )
    a, b = word("甲"), word("乙")
    assert found(store, All(parts=(a, b))) == ["r2"]
    assert found(store, Some(parts=(a, b))) == ["r1", "r2", "r3"]
    assert found(store, Not(part=a)) == ["r3", "r4"]
    assert found(store, Not(part=Not(part=a))) == ["r1", "r2"]
    assert found(store, All(parts=(a, Not(part=b)))) == ["r1"]
    assert found(store, All(parts=(Not(part=a), Not(part=b)))) == ["r4"]
    assert found(store, Some(parts=(Not(part=a), Not(part=b)))) == ["r1", "r3", "r4"]
    assert found(store, Not(part=Some(parts=(a, b)))) == ["r4"]
    assert found(store, Not(part=All(parts=(a, b)))) == ["r1", "r3", "r4"]


def test_empty_combinations(store: Store, record: Make) -> None:
    store.upsert([record("r1"), record("r2")])
    assert found(store, All(parts=())) == ["r1", "r2"]
    assert found(store, Some(parts=())) == []
    assert found(store, Not(part=All(parts=()))) == []
    assert found(store, Not(part=Some(parts=()))) == ["r1", "r2"]
    assert found(store, All(parts=(Some(parts=()), All(parts=())))) == []
    assert found(store, Some(parts=(Some(parts=()), All(parts=())))) == ["r1", "r2"]


# --- filters and windows ----------------------------------------------------------------------------------------
def test_exact_values(store: Store, record: Make) -> None:
    store.upsert([record("r1", district="甲 区"), record("r2", district="甲"), record("r3", district=""), record("r4")])
    assert found(store, filters={"district": ("甲 区",)}) == ["r1"]
    assert found(store, filters={"district": ("甲",)}) == ["r2"]
    assert found(store, filters={"district": ("",)}) == ["r3"], "an empty value is a value"
    assert found(store, filters={"district": ("甲", "甲 区", "无")}) == ["r1", "r2"]
    assert found(store, filters={"district": ()}) == []
    assert found(store, Not(part=Exactly(field="district", value="甲"))) == ["r1", "r3", "r4"]


def test_every_filter_has_to_fit(store: Store, record: Make) -> None:
    store.upsert([record("r1", district="甲", rating=5), record("r2", district="甲", rating=1), record("r3", rating=5)])
    assert found(store, filters={"district": ("甲",), "rating": ("5",)}) == ["r1"]
    assert found(store, Exactly(field="rating", value="5"), filters={"district": ("甲",)}) == ["r1"]
    assert found(store, filters={"contacted": ("yes",)}) == []


def test_the_window_is_half_open_to_the_microsecond(store: Store, record: Make) -> None:
    tick = timedelta(microseconds=1)
    store.upsert(
        [record("r1", created_at=START - tick), record("r2", created_at=START), record("r3", created_at=START + tick)]
    )
    assert found(store, since=START) == ["r3", "r2"]
    assert found(store, until=START) == ["r1"]
    assert found(store, since=START, until=START + tick) == ["r2"]
    assert found(store, since=START, until=START) == []
    assert found(store, since=START + tick, until=START) == []


def test_windows_outside_any_record(store: Store, record: Make) -> None:
    store.upsert([record("r1")])
    early, late = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
    assert found(store, since=early, until=late) == ["r1"]
    assert found(store, until=early) == found(store, since=late) == []


def test_days_are_the_days_of_the_city(store: Store, record: Make) -> None:
    midnight = day_start(datetime(2026, 3, 2, 12, tzinfo=UTC).date())
    store.upsert([record("r1", created_at=midnight - timedelta(seconds=1)), record("r2", created_at=midnight)])
    assert found(store, filters={"day": ("2026-03-02",)}) == ["r2"]
    assert store.aggregate(Query(), ["week"]) == [
        Bucket(keys=("2026-02-23",), count=1),
        Bucket(keys=("2026-03-02",), count=1),
    ]


@pytest.mark.parametrize("name", ["annotation", "text", "_id", "created_at", "*"])
def test_unknown_fields_are_refused(store: Store, name: str) -> None:
    for question in (Query(filters={name: ("x",)}), Query(match=Not(part=Exactly(field=name, value="x")))):
        with pytest.raises(BadRequest):
            store.search(question)
        with pytest.raises(BadRequest):
            store.aggregate(question, ["day"])
        with pytest.raises(BadRequest):
            next(iter(store.scan(question)), None)


def test_times_without_a_zone_are_refused(store: Store) -> None:
    for question in (Query(since=datetime(2026, 3, 1)), Query(until=datetime(2026, 3, 1))):  # noqa: DTZ001 - the case under test
        with pytest.raises(BadRequest):
            store.search(question)


# --- order and pages --------------------------------------------------------------------------------------------
def test_order_by_time_with_ties_by_id(store: Store, record: Make) -> None:
    later = START + timedelta(microseconds=1)
    store.upsert([record("b"), record("ab", created_at=later), record("c"), record("a")])
    store.upsert([record("B"), record("éa", created_at=later), record("𠮷"), record("ﬁ")])
    same_time = ["B", "a", "b", "c", "ﬁ", "𠮷"]
    assert found(store, sort=Sort.NEWEST) == ["ab", "éa", *same_time]
    assert found(store, sort=Sort.OLDEST) == [*same_time, "ab", "éa"]
    assert [r.id for r in store.scan(Query())] == [*same_time, "ab", "éa"]


@pytest.mark.parametrize("sort", list(Sort))
def test_pages_put_together_are_the_whole(store: Store, corpus: list[Record], sort: Sort) -> None:
    same_time = [r.model_copy(update={"created_at": START}) if n % 2 else r for n, r in enumerate(corpus)]
    for part in range(0, len(same_time), 70):
        store.upsert(same_time[part : part + 70])
    match = Some(parts=(word("噪音"), word("夜间"), Exactly(field="channel", value="board")))
    whole = [
        hit.record.id
        for n in (0, 100, 200)
        for hit in store.search(Query(match=match, sort=sort, size=100, offset=n)).hits
    ]
    assert len(whole) == len(set(whole)) == store.search(Query(match=match)).total > 150
    paged = [
        h.record.id
        for n in range(0, 300, 23)
        for h in store.search(Query(match=match, sort=sort, size=23, offset=n)).hits
    ]
    assert paged == whole


def test_the_total_is_exact_whatever_the_page(store: Store, record: Make) -> None:
    store.upsert([record(f"r{n}") for n in range(30)])
    assert store.search(Query(size=0)).hits == ()
    for size, offset in ((0, 0), (3, 0), (3, 28), (100, 30), (1, MAX_WINDOW)):
        page = store.search(Query(size=size, offset=offset))
        assert page.total == 30
        assert len(page.hits) == max(0, min(size, 30 - offset))


def test_relevance(store: Store, record: Make) -> None:
    filler = [record(f"f{n}", text="小区 的 其他 事情") for n in range(20)]
    store.upsert(
        [
            *filler,
            record("r1", text="噪音 " * 5 + "扰民"),
            record("r2", text="噪音 " + "别的 " * 40),
            record("r3", text="夜间"),
        ]
    )
    assert found(store, word("噪音"), sort=Sort.RELEVANCE) == ["r1", "r2"]
    page = store.search(Query(match=Some(parts=(word("噪音"), word("小区"))), sort=Sort.RELEVANCE))
    assert page.hits[0].record.id == "r1", "the rare word counts more"
    scores = [hit.score for hit in page.hits]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0


def test_relevance_without_words_is_newest(store: Store, corpus: list[Record]) -> None:
    store.upsert(corpus)
    question = Query(filters={"channel": ("board",)}, size=100)
    assert found_in(store, question, Sort.RELEVANCE) == found_in(store, question, Sort.NEWEST)


def test_equal_relevance_is_ordered_by_time_and_id(store: Store, record: Make) -> None:
    store.upsert([record(name, text="噪音 扰民") for name in ("b", "c", "a")])
    store.upsert([record("d", text="噪音 扰民", created_at=START + timedelta(days=1))])
    assert found(store, word("噪音"), sort=Sort.RELEVANCE) == ["d", "a", "b", "c"]


def test_closing_twice_is_quiet_and_a_closed_store_says_so(opener: Callable[[], Store], record: Make) -> None:
    store = opener()
    store.upsert([record()])
    store.close()
    store.close()
    with pytest.raises(StoreUnavailable):
        store.upsert([record()])
    with pytest.raises(StoreUnavailable):
        store.search(Query())
    with pytest.raises(StoreUnavailable):
        store.get("r1")


def test_what_was_kept_is_there_after_reopening(lasting: Callable[[], Store], corpus: list[Record]) -> None:
    store = lasting()
    store.upsert(corpus)
    store.forget([corpus[0].id])
    store.close()
    again = lasting()
    try:
        assert again.search(Query()).total == len(corpus) - 1
        assert again.get(corpus[0].id) is None
        assert again.get(corpus[1].id) == corpus[1]
        assert again.upsert(corpus[:2]).outcomes == (Outcome.STORED, Outcome.DUPLICATE)
    finally:
        again.close()


def test_annotation_may_be_renewed_with_a_higher_revision(store: Store, record: Make) -> None:
    store.upsert([record(text="噪音", topic="其他")])
    renewed = record(revision=2, text="噪音").model_copy(
        update={"annotation": Annotation(model="new", text_tokens=("噪", "音"))}
    )
    store.upsert([renewed])
    assert found(store, word("噪", "音")) == ["r1"]
    assert found(store, word("噪音")) == []
    assert store.aggregate(Query(), ["topic"]) == []
