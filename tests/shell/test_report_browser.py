"""The pages in a real browser, from `file://`: nothing runs, nothing is fetched, nothing is missing (P17)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.shell.test_report import Place, attacked

pytestmark = pytest.mark.browser
webdriver = pytest.importorskip("selenium.webdriver")

#: The contrast of every visible text with what lies behind it, by the formula of WCAG; returns those below 4.5.
CONTRAST = """
const luminance = c => { const [r, g, b] = c.map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
  return .2126 * r + .7152 * g + .0722 * b; };
const paint = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
const over = (colours) => { paint.clearRect(0, 0, 1, 1); for (const c of colours) { paint.fillStyle = c;
  paint.fillRect(0, 0, 1, 1); } return [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3); };
const low = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement, style = getComputedStyle(element);
  if (!walker.currentNode.data.trim() || style.visibility !== 'visible' || !element.checkVisibility()
      || element.closest('svg')) continue;
  const behind = [];
  for (let e = element; e; e = e.parentElement) behind.unshift(getComputedStyle(e).backgroundColor);
  const back = over(behind), front = over([...behind, style.color]);
  const [a, b] = [luminance(back), luminance(front)].sort((x, y) => y - x);
  if ((a + .05) / (b + .05) < 4.5) low.push([element.outerHTML.slice(0, 90), style.color, back.join()]);
}
return low;
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if not shutil.which("chromedriver") or not shutil.which("chromium"):
        pytest.skip("needs chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    profile = tmp_path_factory.mktemp("profile")
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
        f"--user-data-dir={profile}",
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return attacked(tmp_path_factory.mktemp("attacked"))


def pages(place: Place) -> list[Path]:
    return sorted(place.html.rglob("*.html"))


def look(browser: Any, path: Path) -> list[str]:
    """Open a page; returns the addresses it asked for."""
    browser.get_log("performance"), browser.get_log("browser")
    browser.get(path.as_uri())
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [message["params"] for message in messages if message["method"] == "Network.requestWillBeSent"]
    return [request["request"]["url"] for request in asked if request["documentURL"].startswith("file:")]


def test_nothing_planted_in_any_field_does_anything(browser: Any, place: Place) -> None:
    for path in pages(place):
        asked = look(browser, path)
        assert all(url.startswith(("file://", "data:image/svg+xml,")) for url in asked), asked
        assert {url.rsplit("/", 1)[1] for url in asked if url.startswith("file://")} <= {path.name, "style.css"}
        assert browser.get_log("browser") == [], path
        assert browser.title != "owned"
        assert browser.find_elements("css selector", "script, iframe, object, embed, form, img, base") == []


def test_the_style_sheet_is_obeyed_under_the_policy(browser: Any, place: Place) -> None:
    browser.get((place.html / "index.html").as_uri())
    script = "return getComputedStyle(document.querySelector('.card')).borderLeftStyle"
    assert browser.execute_script(script) == "solid"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(browser: Any, place: Place, scheme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    for path in pages(place):
        browser.get(path.as_uri())
        assert browser.execute_script(CONTRAST) == [], path


def test_a_narrow_screen_needs_no_sideways_scrolling(browser: Any, place: Place) -> None:
    size = {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        for path in pages(place):
            browser.get(path.as_uri())
            assert browser.execute_script("return document.documentElement.scrollWidth") <= 360, path
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_every_page_has_its_landmarks_and_one_heading(browser: Any, place: Place) -> None:
    for path in pages(place):
        browser.get(path.as_uri())
        for selector in ("header", "nav[aria-label]", "main", "footer", "h1"):
            assert len(browser.find_elements("css selector", selector)) >= 1, (path, selector)
        assert len(browser.find_elements("css selector", "h1")) == 1
        for table in browser.find_elements("css selector", "table"):
            assert table.find_elements("css selector", "thead th[scope]")
