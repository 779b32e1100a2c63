"""Any interleaving of writes, questions, scans and restarts: an engine answers as the reference does (promise R12).

The figure of the promise: MINSHENG_STATE_MACHINE=500x50 (examples x steps) runs that many, with new random choices.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from indices.stores.memory import MemoryStore
from models.ports import Store
from models.query import FIELDS, MAX_PAGE, All, Exactly, Expression, Not, Query, Some, Sort, Tokens
from models.record import Record

Make = Callable[..., Record]
START = datetime(2026, 3, 1, tzinfo=UTC)
WORDS = ("噪音", "夜间", "施工", "物业")
NAMES = [f"id-{n:02}" for n in range(14)]
DISTRICTS = ("甲区", "乙 区", "")

MOMENTS = [START + timedelta(microseconds=n) for n in (-1, 0, 1)] + [START + timedelta(days=n) for n in (1, 2, 5)]
INSTANTS = st.sampled_from(MOMENTS)
TEXTS = st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join)
STATES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "name": st.sampled_from([*NAMES, "B", "𠮷", ""]),
        "revision": st.sampled_from((0, 1, 2, 3, 4, 0, 1, 2, 3, 4, -1)),
        "title": TEXTS,
        "text": TEXTS,
        "reply": TEXTS,
        "created_at": st.sampled_from([*MOMENTS, *MOMENTS, datetime(1, 1, 1, tzinfo=UTC)]),
        "district": st.sampled_from((None, *DISTRICTS)),
        "rating": st.sampled_from((None, 1, 5)),
        "topic": st.sampled_from((None, "环境保护", "其他")),
    }
)
LEAVES = st.one_of(
    st.builds(
        Tokens,
        tokens=st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(tuple),
        field=st.sampled_from((None, "title", "text", "reply")),
    ),
    st.builds(Exactly, field=st.just("district"), value=st.sampled_from((*DISTRICTS, "无"))),
    st.builds(Exactly, field=st.just("rating"), value=st.sampled_from("15")),
)


def _nodes(children: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    parts = st.lists(children, max_size=3).map(tuple)
    return st.one_of(st.builds(All, parts=parts), st.builds(Some, parts=parts), st.builds(Not, part=children))


FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "district": st.lists(st.sampled_from(DISTRICTS), max_size=2).map(tuple),
        "topic": st.lists(st.sampled_from(("环境保护", "其他")), max_size=2).map(tuple),
    },
)
QUERIES = st.builds(
    Query,
    match=st.one_of(st.none(), LEAVES, st.recursive(LEAVES, _nodes, max_leaves=6)),
    filters=st.one_of(st.just({}), st.just({}), FILTERS),
    since=st.one_of(st.none(), INSTANTS),
    until=st.one_of(st.none(), INSTANTS),
    sort=st.sampled_from(Sort),
    offset=st.integers(0, 6),
    size=st.sampled_from((0, 1, 3, MAX_PAGE)),
)
COUNTED = st.lists(
    st.sampled_from(("day", "week", "district", "rating", "topic", "id", "sentiment")),
    min_size=1,
    max_size=3,
    unique=True,
)


def machine(opener: Callable[[], Store], record: Make, lasting: bool) -> type[RuleBasedStateMachine]:
    """The machine for one engine; its store is emptied, not made anew, before each run."""

    class Engines(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.scans: list[tuple[Iterator[Record], Iterator[Record]]] = []
            self.reference = MemoryStore(segmenter=str.split)
            self.reader: Store | None = None

        @initialize(states=st.lists(STATES, min_size=4, max_size=9))
        def begin(self, states: list[dict[str, Any]]) -> None:
            self.store = opener()
            self.store.forget([r.id for r in self.store.scan(Query())])
            self.upsert(states)

        @rule(states=st.lists(STATES, max_size=9))
        def upsert(self, states: list[dict[str, Any]]) -> None:
            batch = [record(**state) for state in states]
            mine, its = self.store.upsert(batch), self.reference.upsert(batch)
            assert mine.outcomes == its.outcomes
            assert [bool(reason) for reason in mine.reasons] == [bool(reason) for reason in its.reasons]

        @rule(states=st.lists(STATES, max_size=9))
        def renew(self, states: list[dict[str, Any]]) -> None:
            """Of the states drawn some are kept, some are earlier, later or unknown ones."""
            kept = [one for state in states if (one := self.reference.get(state["name"]))][::2]
            batch = [record(**state) for state in states]
            batch += [
                one.model_copy(update={"annotation": new.annotation}) for one, new in zip(kept, batch, strict=False)
            ]
            mine, its = self.store.renew(batch), self.reference.renew(batch)
            assert mine.outcomes == its.outcomes
            assert [bool(reason) for reason in mine.reasons] == [bool(reason) for reason in its.reasons]

        @rule(names=st.lists(st.sampled_from([*NAMES, "B", "absent"]), max_size=5))
        def forget(self, names: list[str]) -> None:
            assert self.store.forget(names) == self.reference.forget(names)

        @rule(query=QUERIES)
        def search(self, query: Query) -> None:
            mine, its = self.store.search(query), self.reference.search(query)
            assert mine.total == its.total
            if query.sort is not Sort.RELEVANCE:
                assert [hit.record for hit in mine.hits] == [hit.record for hit in its.hits]
            elif query.offset == 0 and query.size == MAX_PAGE:
                assert {hit.record.id for hit in mine.hits} == {hit.record.id for hit in its.hits}
            else:
                assert len(mine.hits) == len(its.hits)

        @rule(query=QUERIES, by=COUNTED)
        def aggregate(self, query: Query, by: list[str]) -> None:
            assert self.store.aggregate(query, by) == self.reference.aggregate(query, by)

        @rule(query=QUERIES, by=COUNTED)
        def tabulate(self, query: Query, by: list[str]) -> None:
            assert self.store.tabulate(query, by) == self.reference.tabulate(query, by)

        @rule(query=QUERIES)
        def scan(self, query: Query) -> None:
            assert list(self.store.scan(query)) == list(self.reference.scan(query))

        @precondition(lambda self: len(self.scans) < 2)
        @rule(query=QUERIES)
        def begin_scan(self, query: Query) -> None:
            mine, its = self.store.scan(query), self.reference.scan(query)
            assert next(mine, None) == next(its, None)
            self.scans.append((mine, its))

        @precondition(lambda self: self.scans)
        @rule()
        def end_scan(self) -> None:
            mine, its = self.scans.pop()
            assert list(mine) == list(its)

        @precondition(lambda _: lasting)
        @rule()
        def reopen(self) -> None:
            self.scans.clear()
            self.store.close()
            self.store = opener()

        @precondition(lambda _: lasting)
        @rule(query=QUERIES)
        def another_reader(self, query: Query) -> None:
            """One that was opened before the writes sees them too."""
            if self.reader is None:
                self.reader = opener()
            assert self.reader.search(query).total == self.reference.search(query).total
            assert list(self.reader.scan(query)) == list(self.reference.scan(query))

        @invariant()
        def gets(self) -> None:
            if hasattr(self, "store"):
                assert self.store.get("id-00") == self.reference.get("id-00")

        def teardown(self) -> None:
            for store in (getattr(self, "store", None), self.reader):
                if store is not None:
                    store.close()

    return Engines


def effort() -> settings:
    """15 x 25 the same in every run; otherwise what the environment asks for, at random."""
    asked = os.environ.get("MINSHENG_STATE_MACHINE", "")
    examples, steps = (int(part) for part in (asked or "15x25").split("x"))
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=not asked,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.state_machine
@pytest.mark.timeout(0 if "MINSHENG_STATE_MACHINE" in os.environ else 120)
def test_answers_as_the_reference_does(opener: Callable[[], Store], record: Make, tmp_path: Path, request: Any) -> None:
    lasting = "memory" not in request.node.callspec.params.values()
    run_state_machine_as_test(machine(opener, record, lasting), settings=effort())


def test_the_fields_in_use_exist() -> None:
    assert {"day", "week", "district", "rating", "topic", "id", "sentiment"} <= set(FIELDS)
