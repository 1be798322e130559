"""Array runs with real processes: selection, limits, retries of what failed, cancels, and deaths of the daemon."""

from __future__ import annotations

import json
import signal
from typing import Any

from tests.e2e.lives import GATED, SAY, SH, begun, kill, open_gate, settled, shown, until_state, wholes, witnessed
from tests.e2e.site import Site

#: Item 3 fails until somebody has mended it.
FLAKY = [*SH, f'{SAY}say +; say -; [ "$ITEM" != 3 ] || [ -e "$DATA_DIR/mended" ]']


def array(command: object = None, **more: Any) -> dict[str, Any]:
    return {"a": {"command": command or GATED, "items": "1-5", "items_parallel": 2, **more}}


def items(site: Site) -> list[str]:
    """Those whose processes have begun, in that order."""
    return [line[2] for line in witnessed(site) if line[0] == "+"]


def done(site: Site, count: int = 1) -> list[Any]:
    ended = ("completed", "failed", "cancelled")
    return list(
        site.until(
            f"{count} array runs at their end",
            lambda: len(found := [row for row in wholes(site, "a") if row["status"] in ended]) >= count and found,
        )
    )


def test_each_item_is_a_run_with_its_own_end_and_output(site: Site) -> None:
    """Q-81, Q-86."""
    site.configure(array([*SH, 'echo "$ITEM of $FLOW_ID"; exit $((ITEM == 4 ? 9 : 0))']))
    site.start()
    site.drop("a")
    (row,) = done(site)
    assert (row["status"], row["reason"], row["exit_code"]) == ("failed", "exit", 1)
    assert row["message"] == "1 of 5 items failed: 4"
    parts = sorted((one for one in site.runs("a") if one["item"]), key=lambda one: one["item"])
    assert [(one["item"], one["exit_code"]) for one in parts] == [("1", 0), ("2", 0), ("3", 0), ("4", 9), ("5", 0)]
    assert [site.output(one) for one in parts] == [f"{one['item']} of {row['run_id']}\n" for one in parts]
    assert all(one["user_seconds"] is not None and one["max_rss"] > 500_000 for one in parts)
    assert {one["previous_run_id"] for one in parts} == {one["flow_id"] for one in parts} == {row["run_id"]}


def test_what_failed_is_repeated_alone(site: Site) -> None:
    """Q-88: and `retry --wait` ends with how that ended."""
    site.configure(array(FLAKY))
    site.start()
    site.drop("a", {"items": "2-4"})
    (row,) = done(site)
    assert (row["status"], sorted(items(site))) == ("failed", ["2", "3", "4"])
    again = site.command("retry", row["run_id"], "--wait")
    assert again.returncode == 1, again.stderr
    site.write("var/mended", "")
    newest = done(site, 2)[-1]
    again = site.command("retry", newest["run_id"], "--wait")
    assert again.returncode == 0, again.stderr
    assert items(site)[3:] == ["3", "3"]
    assert [row["retry_of"] for row in wholes(site, "a")][1:] == [row["run_id"], newest["run_id"]]


def test_an_item_is_tried_again_by_itself(site: Site) -> None:
    """Q-87."""
    site.configure(array(FLAKY, retries=20, retry_delay="0.2s"))
    site.start()
    site.drop("a")
    site.until("several attempts", lambda: items(site).count("3") > 2)
    kill(site)
    site.write("var/mended", "")
    (row,) = done(site)
    assert (row["status"], row["attempt"]) == ("completed", 1)
    assert all(items(site).count(name) == 1 for name in "1245")


def test_one_item_is_cancelled_and_the_others_go_on(site: Site) -> None:
    """J-23."""
    site.configure(array())
    site.start()
    site.drop("a")
    begun(site, 2)
    (row,) = wholes(site, "a")
    for name in ("5", "1"):
        said = site.command("cancel", row["run_id"], "--item", name, "--wait")
        assert said.returncode == 0, said.stderr
    begun(site, 3)
    open_gate(site)
    (row,) = done(site)
    assert (row["status"], row["message"]) == ("cancelled", "2 of 5 items were cancelled")
    states = {one["item"]: (one["status"], one["reason"]) for one in site.runs("a") if one["item"]}
    assert states["1"] == ("cancelled", "while_running") and states["5"] == ("cancelled", "before_start")
    assert sorted(name for name, state in states.items() if state[0] == "completed") == ["2", "3", "4"]


def test_the_daemon_dies_again_and_again(site: Site) -> None:
    site.configure(array([*SH, f"{SAY}say +; sleep 0.1; say -"], items="1-12", items_parallel=3))
    site.start()
    site.drop("a")
    for count in (2, 6, 9):
        begun(site, count)
        kill(site)
    (row,) = done(site)
    counts = json.loads(row["items"])
    assert (row["status"], counts["completed"], counts["made"]) == ("completed", 12, 12)
    assert sorted(items(site), key=int) == [str(number) for number in range(1, 13)]


def test_stopped_in_the_middle_the_next_daemon_does_the_rest(site: Site) -> None:
    site.configure(array(), on_shutdown="wait")
    site.start()
    site.drop("a")
    begun(site, 2)
    site.send(signal.SIGTERM)
    site.until("its word", lambda: "stopping when" in site.log_text())
    open_gate(site)
    assert site.stop() == 0
    assert (len(items(site)), wholes(site, "a")[0]["status"]) == (2, "running")
    site.start()
    assert done(site)[0]["status"] == "completed"


def test_hundreds_of_items_are_shown_on_a_screen_of_80_columns(site: Site) -> None:
    names = [f"file-{number:04d}" for number in range(600)]
    site.configure(array("true", items=names, items_parallel=4, max_output=1000))
    site.start()
    site.drop("a", {"items": names[:400]})
    until_state(site, "a", "running")
    (row,) = wholes(site, "a")
    site.environ["COLUMNS"] = "80"
    for argv in (["status"], ["runs"], ["show", row["run_id"]], ["jobs"]):
        said = site.command(*argv).stdout
        assert max(len(line) for line in said.splitlines() if "/" not in line) <= 120, said
        assert len(said.splitlines()) < 60, f"{argv}: the items are counted, and not listed one by one"
    assert site.command("cancel", row["run_id"], "--wait").returncode == 0
    settled(site)
    found = shown(site, row["run_id"])
    assert found["item_counts"]["total"] == found["item_counts"]["made"] <= 400
    assert found["status"] == "cancelled"


def test_bad_selections_are_refused_with_what_there_is(site: Site) -> None:
    """Q-82, and what bad input gets."""
    site.configure(array("true"))
    site.start()
    for number, wanted in enumerate(("1-1000000000", "7", ["1", ""], {"a": 1}, "1-3x0")):
        site.drop("a", {"items": wanted}, f"{number}.json")
    said = site.until_refused("a", 5)
    assert "more than 100000 items" in said["0.json"]
    assert "'7' is none of the job's items" in said["1.json"] and "1, 2, 3, 4, 5" in said["1.json"]
    assert "a step of 0" in said["4.json"]
    assert not site.runs("a")
