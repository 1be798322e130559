"""The pages in a real browser, from `file://`: nothing of what is planted runs, nothing is fetched, nothing is missing
(P17), and everybody can use them (WCAG 2.2 AA, as far as axe-core can tell)."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dsari_like.core.model import Parameter, Pause
from tests.shell.test_report import NOON, Place, attacked, job

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
        assert all(url.startswith(("file://", "data:image/svg+xml")) for url in asked), asked
        scripts = {"search.js", "live.js", "jobs-1.js"}
        assert {url.rsplit("/", 1)[1] for url in asked if url.startswith("file://")} <= {
            path.name,
            "style.css",
            *scripts,
        }
        assert browser.get_log("browser") == [], path
        assert browser.title != "owned"
        assert browser.find_elements("css selector", "iframe, object, embed, form, img, base") == []
        for script in browser.find_elements("css selector", "script"):
            assert script.get_attribute("src").rsplit("/", 1)[1] in scripts


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


# --- as people use them -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A place with something of everything that pages show."""
    parameters = {"WHO": Parameter(default="all", allowed=("all", "me"), description="Whom")}
    place = Place(
        tmp_path_factory.mktemp("busy"),
        job("nightly", schedule=("0 2 * * *",), description="Dumps the databases"),
        job("build", parameters=parameters),
        job("deploy"),
        warnings=("something is doubtful",),
        timezone="Europe/Berlin",
    )
    history = place.history
    for number in range(60):
        at = NOON - 86_400 * (60 - number)
        history.run("nightly", f"n{number:02}", at=at, took=600 + number * (3 if number < 50 else 20))
    for number in range(90):
        status = "failed" if number % 9 == 4 else "completed"
        text = b"one\n\x1b[31merror: connection refused\x1b[0m\ntwo\n" * 12
        run_id = history.run(
            "build", f"b{number:02}", status, at=NOON - 1000 * (90 - number), took=300, waited=20, output=text,
            data={"type": "push", "description": f"Commit {number}"}, environment={"GIT_REF": f"branch-{number}"},
        )  # fmt: skip
        history.event(run_id, NOON - 1000 * (90 - number), "queued", "dropped")
        history.event(run_id, NOON - 1000 * (90 - number) + 20, "running", "started")
        history.event(run_id, NOON - 1000 * (90 - number) + 320, status, "it ended")
    for number, status in enumerate(("completed", "failed", "failed", "cancelled", "running", "queued")):
        history.run("deploy", f"d{number}", status, at=NOON - 600 + 100 * number, output=b"working\n", data={})
    history.decision("nightly", "missed", NOON - 3600, slot=NOON - 7200, reason="no daemon was running")
    history.rest(Pause("nightly", NOON - 60, None, "migration"))
    place.render()
    return place


def axe_source() -> str:
    """The text of axe-core, which the package brings for another driver: the package itself is not needed."""
    found = importlib.util.find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        pytest.skip("needs axe-playwright-python, for the axe-core that it brings")
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


AXE = """
const done = arguments[0];
axe.run(document, {preload: false, runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
  .then(found => done(found.violations.map(
    it => [it.id, it.nodes.length, it.nodes[0].html, it.nodes[0].failureSummary])));
"""

#: One page of each kind.
KINDS = (
    "index.html", "timeline.html", "failures.html", "search.html", "all-jobs.html", "days/2026-11-20.html",
    "jobs/nightly/index.html", "jobs/build/index.html", "jobs/build/page-1.html", "jobs/build/b04/index.html",
    "jobs/build/b89/index.html", "jobs/deploy/index.html", "jobs/deploy/d4/index.html", "jobs/deploy/d5/index.html",
)  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Any, busy: Place, scheme: str) -> None:
    source = axe_source()
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    for page in KINDS:
        browser.get((busy.html / page).as_uri() + ("#q=commit" if page == "search.html" else ""))
        browser.execute_script(source)
        assert browser.execute_async_script(AXE) == [], page


def test_every_kind_of_page_is_calm(browser: Any, busy: Place) -> None:
    """No word on the console, no request but for its own files, at any width, with letters twice as large."""
    for page in KINDS:
        look(browser, busy.html / page)
        assert browser.get_log("browser") == [], page
    for width, zoom in ((360, 1), (720, 2)):
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        try:
            for page in KINDS:
                browser.get((busy.html / page).as_uri())
                browser.execute_script(f"document.documentElement.style.fontSize = '{100 * zoom}%'")
                assert browser.execute_script("return document.documentElement.scrollWidth") <= width, (page, width)
        finally:
            browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def found(browser: Any) -> list[str]:
    """What the search has found when it has come to rest."""
    script = """
    const done = arguments[0], began = Date.now();
    const ask = () => { const told = document.getElementById("progress").textContent;
      if (told.includes("found.") || told.includes("shown") || Date.now() - began > 5000)
        done([...document.querySelectorAll("#found a")].map(a => a.textContent + " -> " + a.getAttribute("href")));
      else setTimeout(ask, 20); };
    setTimeout(ask, 200);
    """
    return list(browser.execute_async_script(script))


def test_search_finds_from_a_disk_without_a_server(browser: Any, busy: Place) -> None:
    browser.get((busy.html / "search.html").as_uri())
    assert not browser.find_element("id", "needs-script").is_displayed()
    browser.find_element("id", "words").send_keys("branch-7 push")
    assert found(browser) == [
        f"build, run {number + 1} -> jobs/build/b{number:02}/index.html" for number in (*range(79, 69, -1), 7)
    ]
    browser.find_element("id", "words").clear()
    browser.find_element("id", "words").send_keys("connection refused")
    assert len(found(browser)) == 10
    assert browser.get_log("browser") == []


def test_what_is_searched_is_an_address_that_can_be_kept(browser: Any, busy: Place) -> None:
    browser.get((busy.html / "search.html").as_uri() + "#state=failed&job=deploy")
    assert found(browser) == [
        "deploy, run 3 -> jobs/deploy/d2/index.html", "deploy, run 2 -> jobs/deploy/d1/index.html",
    ]  # fmt: skip
    browser.get((busy.html / "search.html").as_uri() + "#q=dumps")
    browser.refresh()
    assert found(browser) == ["nightly -> jobs/nightly/index.html"]
    browser.get((busy.html / "search.html").as_uri() + "#day=2026-11-19&q=commit")
    browser.refresh()
    assert len(found(browser)) > 40


def test_without_scripts_nothing_is_missing_that_links_can_do(browser: Any, busy: Place) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get((busy.html / "search.html").as_uri())
        assert browser.find_element("id", "needs-script").is_displayed()
        assert not browser.find_element("id", "search").is_displayed()
        browser.find_element("link text", "Thu 19 Nov").click()
        assert browser.find_element("css selector", "h1").text == "Thu 19 Nov 2026"
        browser.get((busy.html / "index.html").as_uri())
        assert not browser.find_element("id", "live").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_a_page_looks_for_news_only_while_something_runs_and_can_be_stopped(browser: Any, busy: Place) -> None:
    browser.get((busy.html / "jobs/build/b04/index.html").as_uri())
    assert browser.find_elements("id", "live") == []
    browser.get((busy.html / "jobs/deploy/d4/index.html").as_uri())
    button = browser.find_element("id", "live")
    assert button.text == "Stop looking for news"
    button.click()
    assert button.text == "Look for news again" and browser.current_url.endswith("#still")


def test_everything_that_can_be_pointed_at_can_be_reached_by_keys(browser: Any, busy: Place) -> None:
    """Bars of charts are left out of the order of the keys on purpose: the tables beside them have the same links."""
    for page in KINDS:
        browser.get((busy.html / page).as_uri())
        script = "return document.querySelectorAll(\"a[href]:not([tabindex='-1'])\").length"
        assert browser.execute_script(script) > 5, page
    browser.get((busy.html / "index.html").as_uri())
    browser.switch_to.active_element.send_keys("\ue004")
    assert browser.switch_to.active_element.text == "Skip to the content"


#: What a colleague asks on the first day, the links to follow from the front page, and the words of the answer.
QUESTIONS = (
    ("what failed last night, and why", ("Failures", "deploy"), "the failed run"),
    ("is the nightly getting slower", ("nightly",), "its latest runs take"),
    ("what ran because of my push", ("Search",), "By day"),
    ("why did this not run", ("nightly",), "was missed: no daemon was running"),
)


@pytest.mark.parametrize(("question", "links", "answer"), QUESTIONS, ids=[it[0] for it in QUESTIONS])
def test_a_colleagues_question_is_answered_within_two_clicks(
    browser: Any, busy: Place, question: str, links: tuple[str, ...], answer: str
) -> None:
    browser.get((busy.html / "index.html").as_uri())
    for link in links:
        browser.find_elements("link text", link)[0].click()
    assert answer in browser.find_element("css selector", "main").text


def test_on_paper_nothing_is_dark_and_nothing_is_cut(browser: Any, busy: Place) -> None:
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": []})
    try:
        for page in KINDS:
            browser.get((busy.html / page).as_uri())
            script = "return getComputedStyle(document.querySelector('nav')).display"
            assert browser.execute_script(script) == "none", page
            script = "return [...document.querySelectorAll('.output, .scroll')].map(e => getComputedStyle(e).overflowX)"
            assert set(browser.execute_script(script)) <= {"visible"}, page
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
