"""An inbox on both engines, and small stand-ins for the parts around the worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import Engine

from indices.intake.inbox import Inbox
from indices.intake.worker import Worker
from indices.stores.memory import MemoryStore
from models.item import Item, Payload
from models.ports import Store
from models.record import Annotation
from models.settings import Settings

KEY = b"k" * 32


def item(native_id: str | None = "1", source: str = "热线", revision: int | None = None, **fields: Any) -> Item:
    payload = Payload(**({"title": "路灯不亮", "text": "南门外的路灯连续三晚不亮。"} | fields))
    return Item(source=source, native_id=native_id, revision=revision, payload=payload)


def harmless(text: str) -> None:
    return None


@dataclass
class FakeAnnotator:
    """Reads nothing; raises where `poison` says so of a draft's text. Counts the drafts that it was given."""

    poison: Callable[[str], Exception | None] = harmless
    seen: int = 0
    sizes: list[int] = field(default_factory=list)

    def annotate(self, drafts: Sequence[Any]) -> list[Any]:
        from nlp.annotate import Reading

        self.seen += len(drafts)
        self.sizes.append(len(drafts))
        for draft in drafts:
            if error := self.poison(draft.text):
                raise error
        note = Annotation(model="none")
        return [Reading(title=d.title, text=d.text, reply=d.reply, annotation=note, probabilities={}) for d in drafts]


def plain_store() -> MemoryStore:
    """The reference store without its dictionary: splitting at spaces is enough here."""
    return MemoryStore(segmenter=lambda text: text.lower().split())


@pytest.fixture(name="item")
def item_fixture() -> Callable[..., Item]:
    return item


@pytest.fixture
def inbox(database: Engine) -> Inbox:
    return Inbox(database, limit=1_000, lease_seconds=60)


@pytest.fixture
def store() -> MemoryStore:
    return plain_store()


@pytest.fixture
def annotator() -> FakeAnnotator:
    return FakeAnnotator()


def assemble(inbox: Inbox, store: Store, annotator: FakeAnnotator, **settings: Any) -> Worker:
    return Worker(inbox, store, annotator, KEY, Settings(**settings), name="t")


@pytest.fixture(name="assemble")
def assemble_fixture() -> Callable[..., Worker]:
    return assemble


@pytest.fixture
def make_worker(inbox: Inbox, store: MemoryStore, annotator: FakeAnnotator) -> Callable[..., Worker]:
    """A worker on the inbox; settings by name, other parts by `store=`, `annotator=`, `inbox=`."""

    def make(**changes: Any) -> Worker:
        parts: dict[str, Any] = {"inbox": inbox, "store": store, "annotator": annotator}
        parts |= {name: changes.pop(name) for name in list(changes) if name in parts}
        return assemble(**parts, **changes)

    return make
