"""Every page at three widths, light and dark: quiet console, no other host, nothing sideways, charts drawn, small."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

MAIN = ("/", "/hotspots", "/satisfaction", "/desk", "/search?q=供暖", "/sources", "/sources/x", "/admin", "/login")
MORE = (
    "/subscriptions", "/topics", "/instructions", "/streams", "/streams/weibo/e1", "/alerts", "/alerts/rules", "/alerts?state=empty",
    "/incidents", "/incidents?state=closed", "/incidents/SJ2026-00001", "/?wall=1", "/?state=empty", "/hotspots/hot-1",
    "/satisfaction?state=tiles",
    "/satisfaction/change", "/satisfaction/weights", "/satisfaction/metrics", "/satisfaction/policies", "/satisfaction/evaluation",
    f"/records/{3:032x}", "/error/503",
)  # fmt: skip
PATHS = (*MAIN, *MORE)
INK = """box => { const canvas = box.querySelector('canvas'); if (!canvas) return 0;
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let n = 0; for (let i = 3; i < data.length; i += 4) if (data[i]) n++; return n; }"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_every_page_fits_and_draws(visit: Callable[..., Any], address: str, width: int, dark: bool) -> None:
    page = visit("/login", width=width, dark=dark)
    for path in PATHS if (width, dark) in ((390, False), (1280, True)) else MAIN:
        page.goto(address + path, wait_until="load")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        for box in page.query_selector_all(".chart-canvas"):
            if box.is_visible():
                drawn = box.query_selector_all("svg.scatter circle")
                assert drawn or box.evaluate(INK) > 500, path
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(int(n) for n in ground[4:-1].split(",")) < 200) is dark, path


def test_a_page_is_at_most_400_kilobytes(visit: Callable[..., Any], address: str) -> None:
    """Everything transferred for a first visit, compressed as a browser asks for it."""
    page = visit("/login")
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    received: list[float] = []
    session.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    for path in ("/", "/hotspots/hot-1", "/satisfaction", "/desk", "/search?q=供暖", "/sources"):
        session.send("Network.clearBrowserCache")
        received.clear()
        page.goto(address + path, wait_until="load")
        assert 0 < sum(received) <= 400_000, path


def test_touch_targets_are_large_on_a_phone(visit: Callable[..., Any]) -> None:
    page = visit("/desk", width=390, height=844)
    small = page.evaluate(
        """[...document.querySelectorAll('button, .rail a, input:not([type=hidden]), select')]
           .filter(node => node.offsetParent && node.getBoundingClientRect().height < 40).map(node => node.outerHTML.slice(0, 80))"""
    )
    assert small == []
    bar = page.locator(".rail").bounding_box()
    assert round(bar["y"] + bar["height"]) == 844


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_serious_finding_of_axe(visit: Callable[..., Any], address: str, dark: bool) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.base", reason="axe is not installed (pip install axe-playwright-python)"
    )
    script = axe.AXE_FILE_PATH.read_text("utf-8")
    rules = "runOnly: ['color-contrast']," if dark else ""  # nothing else differs
    found: list[str] = []
    page = visit("/login", dark=dark)
    for path in MAIN if dark else PATHS:
        page.goto(address + path, wait_until="load")
        page.evaluate(script)
        result = page.evaluate(f"axe.run(document, {{{rules} resultTypes: ['violations']}})")
        found += [
            f"{path}: {one['id']}: {one['nodes'][0]['html'][:120]}"
            for one in result["violations"]
            if one["impact"] in ("serious", "critical")
        ]
    assert found == []


def test_inline_code_is_refused_by_the_policy(visit: Callable[..., Any]) -> None:
    page = visit("/login", noisy=True)
    page.evaluate(
        """() => { document.addEventListener('securitypolicyviolation', event => { globalThis.seen = event.violatedDirective; });
           const script = document.createElement('script'); script.textContent = 'globalThis.ran = 1'; document.body.append(script); }"""
    )
    page.wait_for_function("globalThis.seen")
    assert page.evaluate("globalThis.ran") is None
    assert page.evaluate("globalThis.seen").startswith("script-src")


def test_paper_is_light_and_has_no_rail(visit: Callable[..., Any]) -> None:
    page = visit("/satisfaction", dark=True)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator(".rail").is_visible()
    assert not page.locator(".chart-tools").first.is_visible()
    assert page.locator(".chart-summary").first.is_visible()
    assert page.evaluate("document.querySelector('.chart-canvas canvas').getBoundingClientRect().width") <= 794
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") == "auto"


def test_sixty_payloads_run_nothing_in_a_real_browser(
    visit: Callable[..., Any], demo: Any, address: str, payloads: tuple[str, ...]
) -> None:
    """S8 once more, with a parser that is not ours; every text of the page holds all sixty."""
    page = visit("/login")
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    count = "[...document.querySelectorAll('*')].filter(node => node.tagName !== 'MARK').length"
    paths = (
        "/",
        "/hotspots/hot-1",
        "/satisfaction",
        "/satisfaction/change",
        "/satisfaction/weights",
        "/satisfaction/policies",
        "/satisfaction/evaluation",
        "/desk",
        "/search",
        f"/records/{0:032x}",
        "/sources",
        "/admin",
        "/login",
        "/error/503",
    )
    try:
        for path in paths:
            demo.poison = "无害"
            page.goto(address + path, wait_until="load")
            plain = page.evaluate(count)
            demo.poison = " ".join(payloads).replace("\x00", "")
            page.goto(address + path, wait_until="load")
            assert page.evaluate(count) == plain, path
    finally:
        demo.poison = ""
    assert dialogs == []
