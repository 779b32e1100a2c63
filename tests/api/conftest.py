"""A house in memory with records of two districts, and clients signed in as anybody."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer.testing
from fastapi.testclient import TestClient

from api.app import create_app
from api.auth import SESSION_COOKIE
from api.wiring import House
from indices.stores.memory import MemoryStore
from indices.users import csrf_token
from models.clock import now
from models.labels import Role
from models.query import Query
from models.record import Annotation, Candidate, Record
from models.settings import Settings
from nlp.classifier import HEADS

PASSWORD = "open-sesame-2026"
EAST, WEST = "河东区", "河西区"
CANARY = "金丝雀柳梢巷"


def order(number: int, district: str, **fields: Any) -> Record:
    note = Annotation(model="test-1", topic="城乡建设", topics=(Candidate(label="城乡建设", probability=0.8),), title_tokens=("路灯", "不亮"),
                      text_tokens=("路灯", "不亮", "三天"), demand_type="投诉", keywords=("路灯",), urgency=number % 3,
                      departments=(Candidate(label="城管", probability=0.7), Candidate(label="住建", probability=0.2)))  # fmt: skip
    base = {"id": f"{number:032x}", "revision": 1, "intake": "1", "source": "热线", "native_id": f"A{number}", "district": district,
            "created_at": now() - timedelta(hours=number), "title": f"路灯不亮 {number}", "text": f"路灯不亮三天 {number}",
            "annotation": note, "rating": 1 + number % 5, "status": "待派单" if number < 20 else "已办结", "speaker": f"s{number}"}  # fmt: skip
    return Record.model_validate({**base, **fields})


def records() -> list[Record]:
    east = [order(n, EAST) for n in range(0, 120, 2)]
    hidden = [order(n, WEST, title=f"{CANARY} {n}", text=f"{CANARY}路灯不亮", street=CANARY, place=CANARY, department=CANARY, source=f"热线{CANARY}")
              for n in range(1, 120, 2)]  # fmt: skip
    return east + hidden


class Reads:
    """An annotator that always says the same: the routes are under test, not the model."""

    version = "test-1"
    classifier = SimpleNamespace(heads=HEADS)

    def annotate(self, drafts: Any) -> list[Any]:
        from nlp.annotate import Reading

        note = order(1, EAST).annotation
        assert note is not None
        return [
            Reading(
                title=d.title,
                text=d.text,
                reply=d.reply,
                annotation=note,
                probabilities={"department": {"城管": 0.7, "住建": 0.3}},
            )
            for d in drafts
        ]

    def explain(self, *_: Any, **__: Any) -> list[tuple[str, float]]:
        return [("路灯", 1.5)]


@pytest.fixture(scope="session", autouse=True)
def command_line_built_once() -> Iterator[None]:
    """Typer reads the signature of every command anew at each call of its runner; a command line does it once in its process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.testing, "_get_command", cache(typer.testing._get_command))
        yield


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    settings = Settings(home=tmp_path, store="memory", requests_per_minute=100_000, lockout_failures=3)
    with House(settings, read_only=True) as house:
        store = house.store
        assert isinstance(store, MemoryStore)
        store.upsert(records())
        house.__dict__["annotator"] = Reads()
        assert store.search(Query(size=0)).total == 120
        yield house


Client = Callable[..., TestClient]


@pytest.fixture
def client(house: House) -> Iterator[Client]:
    """`client()` is nobody; `client(Role.LEADER, [EAST])` is signed in with a session and sends its form token."""
    app = create_app(house)
    made: dict[str, str] = {}
    opened = ExitStack()

    def sign_in(role: Role | None = None, districts: list[str] | None = None, **kwargs: Any) -> TestClient:
        # Entered, so that all its requests run in one event loop; else each of them would begin a thread and a loop of its own.
        browser = opened.enter_context(TestClient(app, follow_redirects=False, raise_server_exceptions=False, **kwargs))
        if role is not None:
            name = f"{role.value}-{'-'.join(districts) if districts is not None else 'all'}"
            if name not in made:
                house.users.add(name, PASSWORD, role, districts)
                made[name] = house.users.sign_in(name, PASSWORD)[1]
            browser.cookies.set(SESSION_COOKIE, made[name])
            browser.headers["X-CSRF-Token"] = csrf_token(made[name])
        return browser

    with opened:
        yield sign_in
