from collections.abc import Iterator
from pathlib import Path

import pytest

from indices.civic.decisions import Decisions, Tally
from indices.database import connect, metadata
from models.errors import BadRequest, NotFound


@pytest.fixture
def decisions(tmp_path: Path) -> Iterator[Decisions]:
    engine = connect(f"sqlite:///{tmp_path / 'state.db'}")
    metadata.create_all(engine)
    times = iter(range(100, 1_000))
    yield Decisions(engine, clock=lambda: float(next(times)))
    engine.dispose()


def test_the_latest_decision_stands(decisions: Decisions) -> None:
    decisions.decide("r1", "wang", "accept", department="城管", suggested="城管")
    decisions.decide("r1", "li", "department", department="生态", suggested="城管")
    decisions.decide("r2", "wang", "person")
    standing = decisions.standing(["r1", "r2", "r3"])
    assert {key: (d.action, d.department) for key, d in standing.items()} == {
        "r1": ("department", "生态"),
        "r2": ("person", ""),
    }


def test_undo_takes_back_ones_own_last_and_the_former_stands_again(decisions: Decisions) -> None:
    decisions.decide("r1", "wang", "accept", department="城管")
    decisions.decide("r1", "wang", "department", department="生态")
    decisions.decide("r2", "li", "accept", department="水务")
    assert decisions.undo("wang").department == "生态"
    assert decisions.standing(["r1"])["r1"].department == "城管"
    assert decisions.undo("wang").department == "城管"
    assert decisions.standing(["r1", "r2"]).keys() == {"r2"}
    with pytest.raises(NotFound):
        decisions.undo("wang")


def test_the_tally_counts_what_stands_since(decisions: Decisions) -> None:
    decisions.decide("r0", "wang", "accept", department="城管")
    for number, action in enumerate(("accept", "department", "person", "merge", "accept")):
        decisions.decide(f"r{number}", "wang", action, department="城管")  # type: ignore[arg-type]
    decisions.undo("wang")
    assert decisions.tally("wang", since=101.0) == Tally(accepted=1, changed=1, to_person=1, merged=1)
    assert decisions.tally("li", since=0) == Tally(0, 0, 0, 0)


def test_labels_are_departments_that_stand(decisions: Decisions) -> None:
    decisions.decide("r1", "wang", "accept", department="城管")
    decisions.decide("r2", "wang", "person")
    decisions.decide("r3", "wang", "department", department="生态", suggested="城管")
    assert [(d.record_id, d.department, d.suggested) for d in decisions.labels()] == [
        ("r1", "城管", ""),
        ("r3", "生态", "城管"),
    ]


@pytest.mark.parametrize(
    ("action", "department"), [("accept", ""), ("department", ""), ("merge", ""), ("drop", "城管")]
)
def test_what_cannot_be_decided_is_refused(decisions: Decisions, action: str, department: str) -> None:
    with pytest.raises(BadRequest):
        decisions.decide("r1", "wang", action, department=department)  # type: ignore[arg-type]


def test_the_last_decision_is_the_one_that_undo_takes_back(decisions: Decisions) -> None:
    assert decisions.last("wang") is None
    decisions.decide("r1", "wang", "accept", department="城管")
    decisions.decide("r2", "wang", "person")
    decisions.decide("r3", "li", "person")
    last = decisions.last("wang")
    assert last is not None
    assert last.record_id == "r2"
    assert decisions.undo("wang") == last
    assert decisions.last("wang").record_id == "r1"  # type: ignore[union-attr]
