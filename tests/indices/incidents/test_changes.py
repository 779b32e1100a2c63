from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import Engine, select

from indices.database import connect, create_tables, reading
from indices.incidents.changes import LONGEST_NOTE, LONGEST_TITLE, STEPS, Changes, log_of
from indices.incidents.register import find, list_incidents, living, records_of, take_in
from indices.incidents.tables import incidents, members
from models.errors import BadRequest, MinshengError, NotFound
from models.figures import Hotspot

MakeHotspot = Callable[..., Hotspot]
AT = datetime(2026, 9, 10, tzinfo=UTC)
ONE, TWO = "SJ2026-00001", "SJ2026-00002"


def ids(*numbers: int) -> list[str]:
    return [f"{number:032x}" for number in numbers]


@pytest.fixture
def person(state: Engine, hotspot: MakeHotspot) -> Changes:
    take_in(state, [hotspot(1, 2, 3), hotspot(7, 8, title="积水")], at=AT)
    return Changes(state, "王")


def test_steps_lead_where_they_are_allowed(state: Engine, person: Changes) -> None:
    for kind, state_name in (
        ("confirm", "confirmed"),
        ("handle", "handling"),
        ("close", "closed"),
        ("reopen", "new"),
        ("reject", "rejected"),
    ):
        person.step(ONE, kind, note=f"因为{kind}")
        assert find(state, ONE).state == state_name
    with pytest.raises(BadRequest, match="不是热点"):
        person.step(ONE, "close")
    with pytest.raises(BadRequest, match="explode"):
        person.step(ONE, "explode")
    assert [one.kind for one in log_of(state, ONE)] == ["open", "confirm", "handle", "close", "reopen", "reject"]
    assert log_of(state, ONE)[-1].note == "因为reject"
    assert {one.who for one in log_of(state, ONE)} == {"machine", "王"}


@pytest.mark.parametrize("kind", STEPS)
def test_a_step_is_undone(state: Engine, person: Changes, kind: str) -> None:
    way = {"close": ["confirm"], "reopen": ["reject"]}
    for before in way.get(kind, []):
        person.step(ONE, before)
    stood = find(state, ONE)
    person.step(ONE, kind)
    person.undo(ONE)
    assert find(state, ONE) == stood


def test_merge_and_back(state: Engine, person: Changes) -> None:
    person.merge(TWO, ONE)
    assert records_of(state, ONE) == ids(1, 2, 3, 7, 8)
    assert living(state, TWO).number == ONE
    with pytest.raises(BadRequest, match=ONE):
        person.step(TWO, "confirm")
    person.undo(ONE)
    assert records_of(state, TWO) == ids(7, 8)
    assert living(state, TWO).number == TWO
    with pytest.raises(NotFound):
        person.undo(ONE)


def test_split_and_back(state: Engine, person: Changes) -> None:
    fresh = person.split(ONE, ids(2), "另一件事").other
    assert fresh == "SJ2026-00003"
    assert (find(state, fresh).title, records_of(state, fresh), records_of(state, ONE)) == (
        "另一件事",
        ids(2),
        ids(1, 3),
    )
    person.undo(ONE)
    assert records_of(state, ONE) == ids(1, 2, 3)
    assert living(state, fresh).number == ONE


def test_move_and_back(state: Engine, person: Changes) -> None:
    person.move(ONE, ids(1, 3), TWO)
    assert records_of(state, TWO) == ids(1, 3, 7, 8)
    person.undo(TWO)  # from either side
    assert records_of(state, ONE) == ids(1, 2, 3)


def test_a_later_change_on_the_other_side_stands_in_the_way(state: Engine, person: Changes) -> None:
    person.move(ONE, ids(1), TWO)
    person.move(TWO, ids(7), ONE)
    assert records_of(state, ONE) == ids(2, 3, 7)
    person.rename(TWO, "新名")
    with pytest.raises(BadRequest, match="改名"):
        person.undo(ONE)
    person.undo(TWO)
    person.undo(ONE)
    person.undo(ONE)
    assert (records_of(state, ONE), records_of(state, TWO)) == (ids(1, 2, 3), ids(7, 8))


def test_notes_and_folding_are_kept(state: Engine, person: Changes) -> None:
    person.note(ONE, "  已电话核实  ")
    person.judge_fold(ONE, ids(1, 2), fold=True)
    person.judge_fold(ONE, ids(2, 3), fold=False)
    assert [(one.kind, one.note) for one in log_of(state, ONE)[1:]] == [
        ("note", "已电话核实"), ("fold", " ".join(ids(1, 2))), ("keep", " ".join(ids(2, 3))),
    ]  # fmt: skip
    person.undo(ONE)
    assert [one.undone for one in log_of(state, ONE)[1:4]] == [False, False, True]


@pytest.mark.parametrize(
    "bad",
    [
        lambda p: p.rename(ONE, "  "),
        lambda p: p.rename(ONE, "长" * (LONGEST_TITLE + 1)),
        lambda p: p.note(ONE, "\n"),
        lambda p: p.note(ONE, "长" * (LONGEST_NOTE + 1)),
        lambda p: p.merge(ONE, ONE),
        lambda p: p.split(ONE, []),
        lambda p: p.split(ONE, ids(7)),
        lambda p: p.split(ONE, ids(1, 2, 3)),
        lambda p: p.move(ONE, ids(1, 2, 3), TWO),
        lambda p: p.judge_fold(ONE, ids(8), fold=True),
    ],
)
def test_bad_changes_change_nothing(state: Engine, person: Changes, bad: Callable[[Changes], Any]) -> None:
    with pytest.raises(BadRequest):
        bad(person)
    assert (records_of(state, ONE), records_of(state, TWO)) == (ids(1, 2, 3), ids(7, 8))
    assert len(log_of(state, ONE)) == 1


def test_unknown_numbers(person: Changes) -> None:
    for bad in (
        lambda: person.step("SJ2020-1", "confirm"),
        lambda: person.merge(ONE, "SJ2020-1"),
        lambda: person.undo("SJ2020-1"),
    ):
        with pytest.raises(NotFound):
            bad()  # type: ignore[no-untyped-call]


class Register(RuleBasedStateMachine):
    """Whatever machine and people do in whatever order."""

    @initialize()
    def begin(self) -> None:
        self._folder = TemporaryDirectory()
        self.engine = connect(f"sqlite:///{Path(self._folder.name) / 'state.db'}")
        create_tables(self.engine)
        self.person = Changes(self.engine, "王")
        self.ever: set[str] = set()

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            self.engine.dispose()
            self._folder.cleanup()

    def state(self) -> tuple[Any, ...]:
        with reading(self.engine) as connection:
            held = connection.execute(select(members.c.record_id, members.c.number).order_by(members.c.record_id)).all()
            kept = connection.execute(
                select(incidents.c.number, incidents.c.title, incidents.c.state, incidents.c.merged_into).order_by(
                    incidents.c.number
                )
            ).all()
        return [tuple(row) for row in held], [tuple(row) for row in kept]

    def some(self, at: int) -> str | None:
        numbers = [one.number for one in list_incidents(self.engine)]
        return numbers[at % len(numbers)] if numbers else None

    @rule(group=st.sets(st.integers(1, 12), min_size=1, max_size=5))
    def machine(self, group: set[int]) -> None:
        from datetime import timedelta

        one = Hotspot.model_validate({
            "rank": 1, "title": f"第 {min(group)} 件", "heat": 1.0, "parts": {}, "count": len(group), "people": len(group),
            "first": AT + timedelta(hours=min(group)), "last": AT + timedelta(hours=max(group)), "places": (), "topic": "其他", "level": "蓝",
            "members": (), "sentences": (), "key": str(min(group)), "record_ids": ids(*sorted(group)),
        })  # fmt: skip
        take_in(self.engine, [one], at=AT)
        before = self.state()
        take_in(self.engine, [one], at=AT)
        assert self.state() == before

    @rule(
        at=st.integers(0, 9),
        other=st.integers(0, 9),
        kind=st.sampled_from([*STEPS, "merge", "split", "move", "rename"]),
        size=st.integers(1, 3),
    )
    def someone(self, at: int, other: int, kind: str, size: int) -> None:
        number, second = self.some(at), self.some(other)
        if number is None or second is None:
            return
        chosen, before = records_of(self.engine, number)[:size], self.state()
        try:
            if kind in STEPS:
                self.person.step(number, kind)
            elif kind == "merge":
                self.person.merge(number, second)
            elif kind == "split":
                self.person.split(number, chosen)
            elif kind == "move":
                if number == second:
                    return
                self.person.move(number, chosen, second)
            else:
                self.person.rename(number, f"名{other}")
        except MinshengError:
            assert self.state() == before
            return
        if other % 2:
            self.person.undo(second if kind == "merge" else number)
            held, kept = self.state()
            assert held == before[0]
            now_standing = [row for row in kept if row[3] is None]
            assert now_standing == [row for row in before[1] if row[3] is None]

    @rule(at=st.integers(0, 9))
    def take_back(self, at: int) -> None:
        number = self.some(at)
        if number is not None:
            try:
                self.person.undo(number)
            except MinshengError:
                return

    @invariant()
    def every_record_lies_in_one_living_incident(self) -> None:
        if not hasattr(self, "engine"):
            return
        held, kept = self.state()
        standing = {number for number, _, _, into in kept if into is None}
        assert {number for _, number in held} <= standing
        assert len({record for record, _ in held}) == len(held)
        numbers = {row[0] for row in kept}
        assert self.ever <= numbers  # none is ever lost
        self.ever = numbers
        for number in numbers:
            assert living(self.engine, number).number in standing


TestRegister = Register.TestCase
TestRegister.settings = settings(max_examples=12, stateful_step_count=15, deadline=None)
