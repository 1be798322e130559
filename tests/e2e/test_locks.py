"""Locks with real processes: whatever the daemon does, no two hold together what only one may."""

from __future__ import annotations

from collections import Counter

from tests.e2e.lives import GATED, SHORT, begun, kill, open_gate, settled, shown, until_state, witnessed
from tests.e2e.site import Site

SHARED, EXCLUSIVE = "shared", "exclusive"


def no_lock_was_violated(site: Site, locks: dict[str, dict[str, str]]) -> int:
    """Read the witness: alone or together, as every job asked. Returns how many held something."""
    held: dict[str, Counter[str]] = {}
    for sign, job, *_ in witnessed(site):
        for name, mode in locks.get(job, {}).items():
            modes = held.setdefault(name, Counter())
            modes[mode] += 1 if sign == "+" else -1
            assert modes[EXCLUSIVE] <= 1 and not (modes[EXCLUSIVE] and modes[SHARED]), f"{name}: {modes}"
    assert not any(count for modes in held.values() for count in modes.values())
    return sum(sign == "+" for sign, *_ in witnessed(site))


def test_alone_and_together_through_three_deaths_of_the_daemon(site: Site) -> None:
    """J-32, J-34, J-35: with items, groups and a limit on everything."""
    locks = {
        "read": {"db": SHARED},
        "write": {"db": EXCLUSIVE},
        "both": {"db": EXCLUSIVE, "disk": EXCLUSIVE},
        "items": {"db": SHARED, "disk": EXCLUSIVE},
    }
    jobs = {name: {"command": SHORT, "concurrent_runs": True, "locks": names} for name, names in locks.items()}
    jobs["items"] |= {"items": "1-4", "items_parallel": 3}
    jobs["read"]["concurrency_groups"] = ["readers"]
    site.configure(jobs, max_running=6, concurrency_groups={"readers": {"max": 3}})
    site.start()
    for number in range(6):
        for name in locks:
            site.drop(name, file_name=f"{number}.json")
    for seen in (5, 15, 30):
        begun(site, seen)
        kill(site)
    settled(site)
    assert {row["status"] for row in site.runs()} == {"completed"}
    assert no_lock_was_violated(site, locks) == 6 * (3 + 4)


def test_what_is_waited_for_is_told_and_survives(site: Site) -> None:
    """J-34: the state, who holds it and how many are before it; the line and the lock are kept over a restart."""
    one = {"command": GATED, "concurrent_runs": True, "locks": {"db": EXCLUSIVE}}
    site.configure({"first": one, "second": one, "third": {**one, "locks": {"db": SHARED}}})
    site.start()
    for name in ("first", "second", "third"):
        site.drop(name)
        until_state(site, name, "running" if name == "first" else "waiting_for_lock")
    (holder,) = site.runs("first")
    for _ in range(2):
        assert f"lock db (shared), held by run {holder['run_id']} since" in site.command("status").stdout
        (third,) = site.runs("third")
        assert holder["run_id"] in site.command("explain", third["run_id"]).stdout
        assert shown(site, third["run_id"])["status"] == "waiting_for_lock"
        kill(site)
    assert [row["status"] for row in site.runs()] == ["running", "waiting_for_lock", "waiting_for_lock"]
    open_gate(site)
    settled(site)
    assert [line[1] for line in witnessed(site) if line[0] == "+"] == ["first", "second", "third"]


def test_a_lock_for_each_asset(site: Site) -> None:
    """J-33."""
    site.configure({"a": {"command": GATED, "concurrent_runs": True, "locks": {"asset ${ASSET}": EXCLUSIVE}}})
    site.start()
    for number, asset in enumerate(("pump", "valve")):
        site.drop("a", {"environment": {"ASSET": asset}}, f"{number}.json")
    begun(site, 2)
    site.drop("a", {"environment": {"ASSET": "pump"}}, "again.json")
    until_state(site, "a", "waiting_for_lock")
    site.drop("a", {}, "none.json")
    until_state(site, "a", "failed")
    states = [row["status"] for row in site.runs("a")]
    assert states == ["running", "running", "waiting_for_lock", "failed"]
    assert "has no variable ASSET" in site.runs("a")[3]["message"]
    open_gate(site)
    settled(site)
