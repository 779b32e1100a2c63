"""A browser, and the pages served on a port of this machine: the product's own policy and files, made-up data."""

from __future__ import annotations

import importlib.util
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CHROMIUM_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-dev-shm-usage", "--font-render-hinting=none",
)  # fmt: skip


def _load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def city() -> ModuleType:
    return _load("tests_dashboards_city", ROOT / "tests" / "dashboards" / "city.py")


@pytest.fixture(scope="session")
def demo(city: ModuleType) -> Iterator[Any]:
    """The application with made-up data; `demo.hostile` fills every text of it with a payload."""
    made = _load("tests_browser_demo", Path(__file__).parent / "demo.py")
    pages = made.Demo(city)
    yield pages
    pages.close()


@pytest.fixture(scope="session")
def payloads() -> tuple[str, ...]:
    found: tuple[str, ...] = _load("tests_dashboards_payloads", ROOT / "tests" / "dashboards" / "payloads.py").PAYLOADS
    return found


@pytest.fixture(scope="session")
def address(demo: Any) -> Iterator[str]:
    """Where the pages are served. Whoever has another application serves it here."""
    yield from _serve(demo.application())


@pytest.fixture(scope="session")
def serve() -> Callable[[Any], Iterator[str]]:
    """Serves an ASGI application on a free port of this machine: `yield from serve(application)`."""
    return _serve


def _serve(application: Any) -> Iterator[str]:
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(application, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, name="pages")
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(
    scope="module"
)  # not longer: while it is open its event loop counts as running, and other tests could not start one
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed (pip install 'minsheng[dev]')"
    )
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium on this machine (Debian: apt install chromium)")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium, args=list(CHROMIUM_FLAGS))
        yield opened
        opened.close()


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Callable[..., Any]]:
    """Open a page in a context of its own. Afterwards nothing may have been said on the console or asked of another host."""
    contexts: list[Any] = []
    seen = SimpleNamespace(said=[], foreign=[])

    def open_page(path: str, *, width: int = 1280, height: int = 900, dark: bool = False, noisy: bool = False) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", locale="zh-CN"
        )
        context.set_default_timeout(60_000)
        contexts.append(context)
        page = context.new_page()
        if not noisy:
            page.on("console", lambda message: seen.said.append(f"{path}: {message.text}"))
        page.on("pageerror", lambda error: seen.said.append(f"{path}: {error}"))
        page.on(
            "request", lambda request: seen.foreign.append(request.url) if not _ours(request.url, address) else None
        )
        page.goto(address + path, wait_until="load")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert seen.said == []
    assert seen.foreign == []


def _ours(url: str, address: str) -> bool:
    return url.startswith((address + "/", "data:", f"blob:{address}"))
