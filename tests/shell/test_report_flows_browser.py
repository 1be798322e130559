"""The pages of flows, callbacks and the life of a run in a real browser: inert, legible, narrow, and clean to axe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.shell.test_report_browser import AXE, CONTRAST, axe_source, browser, look
from tests.shell.test_report_flows import House, attacked_flows, chained, grown

pytestmark = pytest.mark.browser
assert browser  # a fixture, found by its name


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> House:
    return attacked_flows(tmp_path_factory.mktemp("attacked"))


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> House:
    house = chained(tmp_path_factory.mktemp("calm"))
    grown(house)
    return house


def pages(house: House) -> list[Path]:
    """All that show something of flows and callbacks."""
    places = ("chains", "orchestrations", "callbacks", "jobs")
    found = [path for place in places for path in (house.html / place).rglob("*.html")]
    return sorted([*found, house.html / "flows.html"])


def test_nothing_planted_does_anything(browser: Any, attacked: House) -> None:
    for path in pages(attacked):
        asked = look(browser, path)
        assert all(url.startswith(("file://", "data:image/svg+xml")) for url in asked), asked
        assert browser.get_log("browser") == [], path
        assert browser.title != "owned"
        assert browser.find_elements("css selector", "iframe, object, embed, form, img, base") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_text_can_be_read(browser: Any, calm: House, attacked: House, scheme: str) -> None:
    source = axe_source()
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    for path in (*pages(calm), *pages(attacked)):
        browser.get(path.as_uri())
        assert browser.execute_script(CONTRAST) == [], path
        browser.execute_script(source)
        assert browser.execute_async_script(AXE) == [], path


@pytest.mark.parametrize(("width", "zoom"), [(360, 1), (720, 2)])
def test_a_narrow_screen_needs_no_sideways_scrolling(
    browser: Any, calm: House, attacked: House, width: int, zoom: int
) -> None:
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        for path in (*pages(calm), *pages(attacked)):
            browser.get(path.as_uri())
            browser.execute_script(f"document.documentElement.style.fontSize = '{100 * zoom}%'")
            assert browser.execute_script("return document.documentElement.scrollWidth") <= width, path
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
