"""Another annotation of the state that is kept: the same in every engine, and never at the cost of a later state."""

from __future__ import annotations

from collections.abc import Callable

from models.ports import Store
from models.query import Bucket, Exactly, Outcome, Query, Tokens
from models.record import Annotation, Record

Make = Callable[..., Record]


def found(store: Store, match: Tokens | Exactly) -> list[str]:
    return [hit.record.id for hit in store.search(Query(match=match, size=100)).hits]


def test_the_annotation_of_the_kept_state_is_replaced_with_all_that_is_indexed_of_it(
    store: Store, record: Make
) -> None:
    store.upsert([record(revision=7, text="路灯 不亮", topic="环境保护"), record("r2", text="别的")])
    new = record(revision=7, text="路灯 不亮", topic="城乡建设", text_tokens=("路灯不亮",), model="second")
    receipt = store.renew([new])
    assert receipt.outcomes == (Outcome.UPDATED,)
    assert receipt.reasons in ((), ("",))
    assert store.get("r1") == new
    assert found(store, Exactly(field="topic", value="环境保护")) == []
    assert found(store, Exactly(field="topic", value="城乡建设")) == ["r1"]
    assert found(store, Tokens(tokens=("路灯",))) == []
    assert found(store, Tokens(tokens=("路灯不亮",))) == ["r1"]
    assert store.aggregate(Query(), ["topic"]) == [Bucket(keys=("城乡建设",), count=1)]
    assert store.search(Query(size=0)).total == 2


def test_a_state_that_came_meanwhile_wins(store: Store, record: Make) -> None:
    store.upsert([record(revision=7, status="旧")])
    store.upsert([record(revision=8, status="新")])
    assert store.renew([record(revision=7, status="旧", model="second")]).outcomes == (Outcome.DUPLICATE,)
    kept = store.get("r1")
    assert kept is not None
    assert (kept.revision, kept.status, kept.annotation and kept.annotation.model) == (8, "新", "test")


def test_it_brings_no_later_state_and_no_new_record(store: Store, record: Make) -> None:
    store.upsert([record(revision=7)])
    receipt = store.renew([record(revision=8, model="second"), record("absent", revision=7)])
    assert receipt.outcomes == (Outcome.DUPLICATE, Outcome.DUPLICATE)
    assert store.get("r1") == record(revision=7)
    assert store.get("absent") is None
    assert store.search(Query(size=0)).total == 1


def test_what_was_forgotten_stays_forgotten(store: Store, record: Make) -> None:
    store.upsert([record(revision=7)])
    store.forget(["r1"])
    assert store.renew([record(revision=7, model="second")]).outcomes == (Outcome.DUPLICATE,)
    assert store.get("r1") is None
    assert store.search(Query(size=0)).total == 0


def test_later_states_are_still_taken_and_the_same_one_is_still_a_duplicate(store: Store, record: Make) -> None:
    store.upsert([record(revision=7)])
    for model in ("second", "third"):
        assert store.renew([record(revision=7, model=model)]).outcomes == (Outcome.UPDATED,)
    assert store.upsert([record(revision=7), record(revision=6)]).outcomes == (Outcome.DUPLICATE,) * 2
    kept = store.get("r1")
    assert kept is not None
    assert kept.annotation is not None
    assert kept.annotation.model == "third"
    assert store.upsert([record(revision=8)]).outcomes == (Outcome.UPDATED,)


def test_one_bad_record_is_rejected_and_the_rest_renewed(store: Store, record: Make) -> None:
    store.upsert([record("r1"), record("r2"), record("r3")])
    long = Annotation(model="x" * 9_000)
    bad = record("r2").model_copy(update={"annotation": long})
    receipt = store.renew([record("r1", model="second"), bad, record("r3", model="second")])
    assert receipt.outcomes == (Outcome.UPDATED, Outcome.REJECTED, Outcome.UPDATED)
    assert [bool(reason) for reason in receipt.reasons] == [False, True, False]
    assert store.get("r2") == record("r2")


def test_many_at_once_and_none(store: Store, record: Make, corpus: list[Record]) -> None:
    assert store.renew([]).outcomes == ()
    assert store.renew(corpus).outcomes == (Outcome.DUPLICATE,) * len(corpus), "nothing is kept yet"
    store.upsert(corpus)
    new = [one.model_copy(update={"annotation": Annotation(model="second", topic="其他")}) for one in corpus]
    assert set(store.renew(new).outcomes) == {Outcome.UPDATED}
    assert list(store.scan(Query())) == sorted(new, key=lambda one: (one.created_at, one.id))
    assert store.aggregate(Query(), ["topic"]) == [Bucket(keys=("其他",), count=len(corpus))]


def test_it_lasts(lasting: Callable[[], Store], record: Make) -> None:
    store = lasting()
    store.upsert([record(revision=7)])
    store.renew([record(revision=7, model="second")])
    store.close()
    store = lasting()
    assert store.get("r1") == record(revision=7, model="second")
    store.close()
