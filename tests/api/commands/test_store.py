"""`minsheng store status|copy|rebuild`, on a folder and a real Elasticsearch."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli import load_commands
from api.commands.store import opened
from indices.stores.embedded import EmbeddedStore
from models.errors import BadRequest, BadSetting, StoreUnavailable
from models.query import Query
from models.record import Annotation, Record

Run = Callable[..., Any]
AT = datetime(2026, 3, 1, tzinfo=UTC)


def record(number: int, **fields: Any) -> Record:
    note = Annotation(model="test", title_tokens=("路灯",), text_tokens=("不", "亮"))
    known = {"id": f"r{number:04}", "revision": 1, "intake": "row", "source": "test", "annotation": note}
    return Record(**(known | {"created_at": AT + timedelta(minutes=number), "title": "路灯", "text": "不亮"} | fields))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("MINSHENG_HOME", str(tmp_path))
    runner = CliRunner()
    return lambda *arguments: runner.invoke(load_commands(), ["store", *arguments])


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    store = EmbeddedStore(tmp_path / "index", segmenter=str.split)
    store.upsert([record(n) for n in range(30)])
    store.close()
    return tmp_path / "index"


def in_folder(folder: Path) -> list[Record]:
    store = EmbeddedStore(folder, read_only=True)
    try:
        return list(store.scan(Query()))
    finally:
        store.close()


def test_status_of_the_embedded_engine(run: Run, filled: Path) -> None:
    shown = json.loads(run("status", "--json").stdout)
    assert (shown["engine"], shown["records"], shown["folder"]) == ("embedded", 30, str(filled))
    assert shown["size_bytes"] > 0
    assert "件数：30" in run("status").stdout


def test_an_unknown_engine_is_refused(run: Run) -> None:
    assert isinstance(run("copy", "--to", "oracle").exception, BadRequest)
    assert isinstance(run("status", "--engine", "memory").exception, BadRequest)


def test_a_server_that_is_away_is_said(run: Run, filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINSHENG_ELASTIC_URL", "http://user:swordfish@127.0.0.1:9")
    for arguments in (("status", "--engine", "elastic"), ("copy", "--to", "elastic"), ("rebuild",)):
        error = run(*arguments).exception
        assert isinstance(error, StoreUnavailable)
        assert "swordfish" not in str(error)


# --- with a server ----------------------------------------------------------------------------------------------
@pytest.fixture
def alias(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    pytest.importorskip("elasticsearch")
    from tests.servers.elastic import ask, server_or_skip

    server, name = server_or_skip("9"), f"copy-{secrets.token_hex(6)}"
    monkeypatch.setenv("MINSHENG_ELASTIC_URL", server.url)
    monkeypatch.setenv("MINSHENG_ELASTIC_INDEX", name)
    yield name
    ask(server, f"/{name}-0*", "DELETE")
    ask(server, f"/_index_template/{name}*", "DELETE")


@pytest.mark.server
def test_there_and_back_again(run: Run, filled: Path, alias: str, tmp_path: Path) -> None:
    before = in_folder(filled)
    done = run("copy", "--to", "elastic", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {
        "read": 30, "stored": 30, "updated": 0, "duplicate": 0, "rejected": 0, "held": 30,
    }  # fmt: skip
    shown = json.loads(run("status", "--engine", "elastic", "--json").stdout)
    assert (shown["records"], shown["index"], shown["health"]) == (30, f"{alias}-000001", "green")
    assert "已有 30" in run("copy", "--to", "elastic").stdout, "a second run changes nothing"

    filled.rename(tmp_path / "old")
    assert "新存 30" in run("copy", "--to", "embedded").stdout
    assert in_folder(filled) == before


@pytest.mark.server
def test_status_shows_no_credentials(run: Run, alias: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from models.settings import Settings

    with_password = Settings().elastic_url.replace("//", "//user:swordfish@")
    monkeypatch.setenv("MINSHENG_ELASTIC_URL", with_password)
    done = run("status", "--engine", "elastic")
    assert done.exit_code == 0
    assert "swordfish" not in done.output


@pytest.mark.server
def test_rebuild_moves_the_alias_to_a_new_version(run: Run, filled: Path, alias: str) -> None:
    assert isinstance(run("rebuild").exception, BadSetting), "there is no index yet"
    run("copy", "--to", "elastic")
    done = run("rebuild", "--shards", "2", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["old_index"], told["new_index"], told["held"]) == (f"{alias}-000001", f"{alias}-000002", 30)
    shown = json.loads(run("status", "--engine", "elastic", "--json").stdout)
    assert (shown["index"], shown["records"]) == (f"{alias}-000002", 30)
    assert f"{alias}-000003" in run("rebuild").output


@pytest.mark.server
def test_an_older_mapping_is_renewed_by_rebuild(run: Run, filled: Path, alias: str) -> None:
    from models.settings import Settings
    from tests.servers.elastic import Server, ask

    run("copy", "--to", "elastic")
    server = Server("9", (Settings().elastic_url,))
    ask(server, f"/{alias}/_mapping", "PUT", {"_meta": {"minsheng": {"version": 0}}})
    refused = run("status", "--engine", "elastic").exception
    assert isinstance(refused, StoreUnavailable)
    assert "minsheng store rebuild" in str(refused)
    assert run("rebuild").exit_code == 0
    assert json.loads(run("status", "--engine", "elastic", "--json").stdout)["records"] == 30


@pytest.mark.server
def test_a_new_version_holds_what_a_replay_changed(run: Run, filled: Path, alias: str) -> None:
    """Replaced, added and left out in one copy; the alias leads to it at once."""
    from indices.stores.elastic_rebuild import rebuild
    from indices.stores.overlay import Change
    from models.settings import Settings

    run("copy", "--to", "elastic")
    settings = Settings().model_copy(update={"store": "elastic"})
    with opened(settings, "elastic", read_only=True) as store:
        first, second, *rest = store.scan(Query())
    added = first.model_copy(update={"id": "f" * 32})
    change = Change({first.id: first.model_copy(update={"department": "市水务局"}), added.id: added}, {second.id})
    made = rebuild(settings, change=change)
    assert made.new == f"{alias}-000002"
    with opened(settings, "elastic", read_only=True) as store:
        found = {record.id: record for record in store.scan(Query())}
    assert set(found) == {first.id, added.id, *(record.id for record in rest)}
    assert found[first.id].department == "市水务局"
