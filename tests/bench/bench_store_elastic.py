"""The same measurements on a real Elasticsearch, started for the run and ended after it (see bench_store.py and tests/servers/elastic.py)."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

TESTS = Path(__file__).parents[1]


def load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def main() -> None:
    servers = load("elastic_servers", TESTS / "servers" / "elastic.py")
    bench = load("bench_store", TESTS / "bench" / "bench_store.py")
    try:
        server = servers.start("8.19.5")
    except servers.NoServer as error:
        print(f"left out: {error}")
        return
    try:
        sys.argv[1:] = ["--engine", "elastic", "--url", server.urls[0], *sys.argv[1:]]
        bench.main()
    finally:
        servers.stop(server)


if __name__ == "__main__":
    main()
