import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from indices.database import connect, create_tables
from indices.incidents.changes import Changes, log_of
from indices.incidents.register import find, list_incidents, living, numbers_of, records_of, take_in
from models.errors import NotFound
from models.figures import Hotspot
from models.labels import Level

MakeHotspot = Callable[..., Hotspot]
AT = datetime(2026, 9, 10, tzinfo=UTC)


def ids(*numbers: int) -> list[str]:
    return [f"{number:032x}" for number in numbers]


def test_an_incident_keeps_its_number_when_it_grows(state: Engine, hotspot: MakeHotspot) -> None:
    first = take_in(state, [hotspot(1, 2, 3)], at=AT)
    assert first.opened == ("SJ2026-00001",)
    later = take_in(state, [hotspot(2, 3, 4, 5, title="搅拌站扰民", level=Level.RED)], at=AT)
    assert (later.opened, later.grown) == ((), ("SJ2026-00001",))
    assert records_of(state, "SJ2026-00001") == ids(1, 2, 3, 4, 5)
    one = find(state, "SJ2026-00001")
    assert (one.title, one.level, one.place, one.topic) == ("搅拌站扰民", Level.RED, "栖湖湾小区", "环境保护")
    assert one.last - one.first == timedelta(hours=4)
    assert {"搅拌站", "栖湖湾小区"} <= one.words


def test_the_same_figure_again_changes_nothing(state: Engine, hotspot: MakeHotspot) -> None:
    found = [hotspot(1, 2, 3), hotspot(7, 8, 9, title="公交站台积水", places=("云溪路",))]
    take_in(state, found, at=AT)
    before = [find(state, one.number) for one in list_incidents(state)], log_of(state, "SJ2026-00001")
    again = take_in(state, found[::-1], at=AT + timedelta(hours=1))
    assert (again.opened, again.grown, again.merged, again.reopened) == ((), (), (), ())
    assert ([find(state, one.number) for one in list_incidents(state)], log_of(state, "SJ2026-00001")) == before


def test_two_that_prove_to_be_one_are_merged_and_the_younger_number_leads_on(
    state: Engine, hotspot: MakeHotspot
) -> None:
    take_in(state, [hotspot(1, 2, 3), hotspot(5, 6)], at=AT)
    done = take_in(state, [hotspot(1, 2, 3, 4, 5, 6)], at=AT)
    assert done.merged == (("SJ2026-00002", "SJ2026-00001"),)
    assert living(state, "SJ2026-00002").number == "SJ2026-00001"
    assert records_of(state, "SJ2026-00001") == ids(1, 2, 3, 4, 5, 6)
    assert [one.number for one in list_incidents(state)] == ["SJ2026-00001"]
    assert take_in(state, [hotspot(20, 21, 22)], at=AT).opened == ("SJ2026-00003",)  # a number is never used again


def test_the_machine_leaves_alone_what_a_person_touched(state: Engine, hotspot: MakeHotspot) -> None:
    take_in(state, [hotspot(1, 2, 3), hotspot(5, 6)], at=AT)
    Changes(state, "王").rename("SJ2026-00002", "夜间施工")
    assert take_in(state, [hotspot(1, 2, 3, 5, 6)], at=AT).merged == ()
    assert find(state, "SJ2026-00002").title == "夜间施工"
    take_in(state, [hotspot(5, 6, 7, title="机器的名字")], at=AT)
    assert find(state, "SJ2026-00002").title == "夜间施工"
    fresh = Changes(state, "王").split("SJ2026-00001", ids(3)).other
    assert fresh is not None
    take_in(state, [hotspot(1, 2, 3)], at=AT)
    assert records_of(state, fresh) == ids(3)
    assert take_in(state, [hotspot(3)], at=AT).opened == ()  # all of it was placed by a person


def test_a_closed_incident_of_which_more_is_heard_is_open_again(state: Engine, hotspot: MakeHotspot) -> None:
    take_in(state, [hotspot(1, 2, 3)], at=AT)
    person = Changes(state, "王")
    person.step("SJ2026-00001", "confirm")
    person.step("SJ2026-00001", "close")
    assert take_in(state, [hotspot(1, 2, 3)], at=AT).reopened == ()
    assert take_in(state, [hotspot(1, 2, 3, 4)], at=AT).reopened == ("SJ2026-00001",)
    assert find(state, "SJ2026-00001").state == "new"
    person.step("SJ2026-00001", "reject")
    assert take_in(state, [hotspot(1, 2, 3, 4, 5)], at=AT).reopened == ()
    assert find(state, "SJ2026-00001").state == "rejected"


def test_numbers_begin_anew_each_year(state: Engine, hotspot: MakeHotspot) -> None:
    new_year = datetime(2026, 12, 31, 16, 0, tzinfo=UTC)  # midnight in the city
    assert take_in(state, [hotspot(1, 2)], at=new_year - timedelta(seconds=1)).opened == ("SJ2026-00001",)
    assert take_in(state, [hotspot(3, 4)], at=new_year).opened == ("SJ2027-00001",)


def test_unknown_numbers(state: Engine) -> None:
    for ask in (find, living):
        with pytest.raises(NotFound):
            ask(state, "SJ2026-00001")
    assert records_of(state, "SJ2026-00001") == []
    assert numbers_of(state, ids(1, 2)) == {}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    groups=st.lists(st.sets(st.integers(1, 30), min_size=1, max_size=8), min_size=1, max_size=6, unique_by=frozenset),
    rng=st.randoms(use_true_random=False),
)
def test_disjoint_groups_are_taken_in_alike_in_any_order(
    hotspot: MakeHotspot, groups: list[set[int]], rng: random.Random, tmp_path_factory: pytest.TempPathFactory
) -> None:
    taken: set[int] = set()
    disjoint = []
    for group in groups:
        part = group - taken
        taken |= part
        if part:
            disjoint.append(hotspot(*sorted(part)))
    results = []
    for shuffle in (False, True):
        engine = connect(f"sqlite:///{tmp_path_factory.mktemp('register') / 'state.db'}")
        create_tables(engine)
        order = list(disjoint)
        if shuffle:
            rng.shuffle(order)
        take_in(engine, order, at=AT)
        results.append({one.number: records_of(engine, one.number) for one in list_incidents(engine)})
        engine.dispose()
    assert results[0] == results[1]
    assert sorted(record for held in results[0].values() for record in held) == ids(*sorted(taken))


@pytest.mark.server
def test_many_take_in_at_once(database_url: str, hotspot: MakeHotspot) -> None:
    engine = connect(database_url)
    create_tables(engine)
    found = [hotspot(*range(10 * i + 1, 10 * i + 4), title=f"第{i}件事") for i in range(6)]
    threads = [threading.Thread(target=take_in, args=(engine, found), kwargs={"at": AT}) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list_incidents(engine)) == 6
    assert sum(len(records_of(engine, one.number)) for one in list_incidents(engine)) == 18
    engine.dispose()
