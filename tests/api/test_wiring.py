import subprocess
import sys
import threading
from pathlib import Path

import pytest

from api.wiring import House, open_store
from indices.stores.embedded import EmbeddedStore
from indices.stores.memory import MemoryStore
from models.errors import BadModel
from models.settings import Settings
from nlp.training.linear import Trained


def test_the_setting_chooses_the_engine(tmp_path: Path) -> None:
    for name, kind in (("memory", MemoryStore), ("embedded", EmbeddedStore)):
        store = open_store(Settings(home=tmp_path, store=name))
        assert isinstance(store, kind)
        store.close()


def test_the_pseudonym_key_is_random_kept_and_the_owners_only(tmp_path: Path) -> None:
    keys = []
    for folder in ("a", "a", "b"):
        with House(Settings(home=tmp_path / folder)) as house:
            keys.append(house.pseudonym_key)
    assert len(keys[0]) == 32
    assert keys[0] == keys[1] != keys[2]
    assert (tmp_path / "a" / "pseudonym.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700


@pytest.mark.slow
def test_processes_that_start_at_once_have_one_key(tmp_path: Path) -> None:
    code = "from api.wiring import House; print(House().pseudonym_key.hex())"
    environment = {"MINSHENG_HOME": str(tmp_path), "PATH": ""}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
        )
        for _ in range(4)
    ]
    assert len({process.communicate(timeout=60)[0] for process in started}) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["pseudonym.key"]


def test_a_house_gives_back_what_it_opened(tmp_path: Path) -> None:
    with House(Settings(home=tmp_path)) as house:
        house.store.close()  # a second close, by the house, does no harm
        engine = house.database
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_threads_that_ask_at_once_share_one_part(tmp_path: Path) -> None:
    with House(Settings(home=tmp_path)) as house:
        gate, seen = threading.Barrier(8), []

        def ask() -> None:
            gate.wait()
            seen.append(house.store)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({id(store) for store in seen}) == 1


# --- the model in use ---------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def model(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "ours"
    folder.mkdir()
    (folder / "linear.zst").write_bytes(trained.model.to_bytes())
    return folder


def test_the_annotator_is_that_of_the_model_in_use_and_loaded_once(tmp_path: Path, model: Path) -> None:
    with House(Settings(home=tmp_path)) as house:
        shipped = house.annotator
        assert house.annotator is shipped
        house.shelf.use(str(model))
        ours = house.annotator
        assert ours.version != shipped.version
        assert house.annotator is ours
        assert house.worker.annotator is ours
    with House(Settings(home=tmp_path)) as house:
        assert house.annotator.version == ours.version


def test_a_running_worker_takes_another_model_at_its_next_lease(tmp_path: Path, model: Path) -> None:
    """In the same process, without a restart; the annotation says who made it."""
    from models.item import Item, Payload
    from models.query import Query

    with House(Settings(home=tmp_path, store="memory")) as house:
        for step, choose in enumerate(("", str(model), "shipped")):
            if choose:
                with House(Settings(home=tmp_path)) as other:  # as the command does it: in a process of its own
                    other.shelf.use(choose)
            house.inbox.accept([Item(source="热线", native_id=str(step), payload=Payload(text=f"第{step}盏路灯不亮"))])
            house.worker.drain()
        versions = {r.native_id: r.annotation.model for r in house.store.scan(Query()) if r.annotation}
        assert versions["0"] == versions["2"] != versions["1"]
        assert versions["1"] == house.shelf.open("ours").version


def test_a_model_in_use_that_cannot_be_loaded_stops_the_line_and_leases_nothing(tmp_path: Path, model: Path) -> None:
    from models.item import Item, Payload

    with House(Settings(home=tmp_path, store="memory")) as house:
        worker = house.worker
        house.shelf.use(str(model))
        (tmp_path / "models" / "ours" / "linear.zst").write_bytes(b"damaged")
        house.inbox.accept([Item(source="热线", native_id="1", payload=Payload(text="路灯不亮"))])
        for _ in range(2):
            with pytest.raises(BadModel, match="ours"):
                worker.drain()
        with pytest.raises(BadModel, match="ours"):
            worker.run(threading.Event())
        assert house.inbox.books().waiting == 1
        house.shelf.use("shipped")
        assert worker.drain() == 1
        assert house.inbox.books().stored == 1
