import subprocess
import sys
import threading
from pathlib import Path

import pytest

from api.wiring import House, open_store
from indices.stores.embedded import EmbeddedStore
from indices.stores.memory import MemoryStore
from models.settings import Settings


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
