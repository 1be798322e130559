"""Where the configuration and the data are, and which zone the machine is in."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from dsari_like.config import places, plans
from dsari_like.config.checks import Unfit
from dsari_like.config.places import Places, locate
from dsari_like.core.model import Configuration, Job
from dsari_like.errors import ConfigError


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home directory with a configuration in it."""
    (tmp_path / ".dsari_like/etc").mkdir(parents=True)
    (tmp_path / ".dsari_like/etc/dsari_like.yaml").touch()
    return tmp_path


def environ(home: Path, **more: str) -> dict[str, str]:
    """The variables that matter."""
    return {"HOME": str(home), **more}


def test_the_users_own_place_is_the_first(home: Path) -> None:
    assert locate(None, environ(home)) == Places(f"{home}/.dsari_like/etc", f"{home}/.dsari_like/var")


def test_the_variable_wins_over_the_usual_places_even_when_it_is_empty_there(home: Path) -> None:
    assert locate(None, environ(home, DSARI_LIKE_HOME="/x")) == Places("/x/etc", "/x/var")


def test_the_option_wins_over_the_variable_for_the_configuration_alone(home: Path) -> None:
    assert locate("/y", environ(home, DSARI_LIKE_HOME="/x")) == Places("/y", "/x/var")


def test_with_the_option_the_data_is_where_that_place_keeps_it(home: Path) -> None:
    assert locate("/usr/local/etc/dsari_like", environ(home)).data_dir == "/var/local/dsari_like"
    assert locate("/etc/dsari_like", environ(home)).data_dir == "/var/lib/dsari_like"
    assert locate(f"{home}/site/etc", environ(home)).data_dir == f"{home}/site/var"


def test_with_another_directory_the_data_is_roots_or_the_users_own(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    either = {f"{home}/.dsari_like/var", "/var/lib/dsari_like"}
    assert locate("/somewhere", environ(home)).data_dir in either
    assert locate("/etc", environ(home)).data_dir in either, "not /var itself"


def test_a_relative_place_is_made_absolute(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    assert locate("site/etc", environ(home)) == Places(f"{home}/site/etc", f"{home}/site/var")
    assert locate(None, environ(home, DSARI_LIKE_HOME="x")) == Places(f"{home}/x/etc", f"{home}/x/var")


@pytest.mark.parametrize("name", ["dsari_like.yaml", "dsari_like.json", "dsari.yaml", "dsari.json", "config.d"])
def test_what_holds_a_configuration(tmp_path: Path, name: str) -> None:
    assert not places.holds_configuration(str(tmp_path))
    (tmp_path / name).mkdir()
    assert places.holds_configuration(str(tmp_path))


def test_nowhere_a_configuration_is_told_with_the_places_and_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_SYSTEM", ((f"{tmp_path}/system", "/v"),))
    with pytest.raises(ConfigError) as refused:
        locate(None, environ(tmp_path))
    assert refused.value.problems == (
        f"there is no configuration in any of {tmp_path}/.dsari_like/etc, {tmp_path}/system; write one with "
        "'dsari-like init', or name its directory with --config-dir or DSARI_LIKE_HOME",
    )


# --- zones and rules -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["Europe/Berlin", ":Europe/Berlin", ":/usr/share/zoneinfo/Europe/Berlin"])
def test_the_machines_zone_is_found_by_name(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("TZ", written)
    plans.local_zone.cache_clear()
    try:
        assert plans.zone("") == ZoneInfo("Europe/Berlin")
    finally:
        plans.local_zone.cache_clear()


@pytest.mark.parametrize("name", ["Mars", "../etc/passwd", "/etc/passwd", "Europe", "é", "a" * 300])
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(Unfit, match="expected a zone"):
        plans.zone(name)


def test_rules_are_bound_for_enabled_jobs_with_a_schedule() -> None:
    jobs = {
        "daily": Job("daily", ("x",), schedule=("0 4 * * *", "0 5 * * *")),
        "off": Job("off", ("x",), schedule=("@daily",), enabled=False),
        "triggered": Job("triggered", ("x",)),
    }
    bound = plans.bind_all(Configuration(jobs, timezone="UTC"), {}, now=0.0)
    assert {name: [rule.text for rule in rules] for name, rules in bound.items()} == {
        "daily": ["0 4 * * *", "0 5 * * *"]
    }


def test_each_job_is_bound_to_its_own_zone() -> None:
    here = Job("here", ("x",), schedule=("0 4 * * *",))
    there = Job("there", ("x",), schedule=("0 4 * * *",), schedule_timezone="Asia/Tokyo")
    bound = plans.bind_all(Configuration({"here": here, "there": there}, timezone="UTC"), {}, now=0.0)
    slots = {name: rules[0].next_after(0.0) for name, rules in bound.items()}
    assert {name: slot and slot.time for name, slot in slots.items()} == {"here": 4 * 3600.0, "there": 19 * 3600.0}


def test_a_recurrence_starts_from_the_anchor_that_was_kept() -> None:
    jobs = {"a": Job("a", ("x",), schedule=("RRULE:FREQ=WEEKLY",))}
    bound = plans.bind_all(Configuration(jobs, timezone="UTC"), {"a": 86400.0 * 3}, now=86400.0 * 365)
    slot = bound["a"][0].next_after(86400.0 * 10)
    assert slot is not None and slot.time == 86400.0 * 17
