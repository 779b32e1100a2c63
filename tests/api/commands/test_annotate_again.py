"""`minsheng annotate --again`: the store read again by the model in use."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from api import answers
from api.wiring import House
from indices.intake import renewal
from models.errors import BadRequest
from models.query import Query
from nlp.training.linear import Trained

Minsheng = Callable[..., Result]


@pytest.fixture
def model(trained: Trained, tmp_path: Path, orders: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Another model is in use than the one that read the five orders; its version."""
    from nlp.annotate import Annotator

    annotator = Annotator(trained.model)
    monkeypatch.setattr(House, "annotator", annotator)
    return annotator.version


def models() -> set[str]:
    with House(read_only=True) as house:
        return {record.annotation.model for record in house.store.scan(Query()) if record.annotation}


def test_everything_is_read_by_the_model_in_use(minsheng: Minsheng, model: str) -> None:
    assert models() != {model}
    said = minsheng("annotate", "--again").stdout
    assert f"看过库中 5 件，用 {model} 重新标注了 5 件" in said
    assert models() == {model}
    assert "重新标注了 0 件" in minsheng("annotate", "--again").stdout
    with House(read_only=True) as house:
        books = house.inbox.books()
    assert (books.received, books.stored, books.difference) == (5, 5, 0)


def test_interrupted_the_line_does_the_rest(minsheng: Minsheng, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(renewal.Renewal, "step", interrupt)
        done = minsheng("annotate", "--again")
    assert done.exit_code == 130
    assert "已登记" in done.stderr
    assert models() != {model}
    with House() as house:
        while house.worker.turn():
            pass
    assert models() == {model}


def test_a_record_that_cannot_be_read_is_said(minsheng: Minsheng, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from nlp.annotate import Annotator

    whole = Annotator.annotate

    def picky(self: Any, drafts: Any) -> Any:
        if any("停水" in draft.title for draft in drafts):
            raise ValueError
        return whole(self, drafts)

    monkeypatch.setattr(Annotator, "annotate", picky)
    done = minsheng("annotate", "--again")
    assert done.exit_code == 1
    assert "重新标注了 4 件" in done.stdout
    assert "1 件读不了" in done.stderr


def test_figures_kept_from_before_are_computed_anew(minsheng: Minsheng, model: str) -> None:
    """Nothing came in, yet what the store says of topics and departments is another matter now."""
    since, until = date(2026, 3, 1), date(2026, 4, 1)

    def computed() -> Any:
        with House(read_only=True) as house:
            found = answers.hotspots(house, house.console, since, until, max_age_seconds=0)
        return found.source.computed_at

    first = computed()
    assert computed() == first
    minsheng("annotate", "--again")
    assert computed() != first


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--again", "orders.csv"), "只能单独使用"),
        (("--again", "-o", "x.jsonl"), "只能单独使用"),
        (("--again", "--model", "x"), "minsheng model use"),
        ((), "没有给出"),
        (("orders.csv",), "--output"),
    ],
)
def test_what_does_not_go_together_is_said(minsheng: Minsheng, words: tuple[str, ...], told: str) -> None:
    with pytest.raises(BadRequest, match=told):
        minsheng("annotate", *words)
