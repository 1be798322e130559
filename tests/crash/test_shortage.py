"""Shortage at one exact moment: the calls of a single step fail, and that step alone is put off."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.crash.kit import House, Tracer, house
from tests.crash.verdict import faults

pytestmark = pytest.mark.usefixtures("strace")


def at_rest(place: House) -> None:
    """Everything that is loaded in the first idle moments is loaded."""
    place.start()
    place.give("free")
    place.settle(faults)


def test_a_zone_that_cannot_be_read_just_now_refuses_no_trigger(tmp_path: Path) -> None:
    """The drop place and the file can be opened, and nothing after them."""
    with house(tmp_path / "house", {"free": {}}) as place:
        at_rest(place)
        with Tracer(place, "openat:error=EMFILE:when=3+"):
            place.give("free", schedule_time="2020-01-01 05:00", schedule_timezone="Asia/Tokyo")
            place.until("the complaint", lambda: not place.lives or "cannot" in place.log_text())
        place.settle(faults, 30)


@pytest.mark.parametrize("first", [1, 2, 4, 6])
def test_a_reload_in_bad_weather_leaves_the_daemon_as_it_was(tmp_path: Path, first: int) -> None:
    with house(tmp_path / "house", {"free": {}}) as place:
        at_rest(place)
        with Tracer(place, f"openat:error=EMFILE:when={first}+"):
            place.send(signal.SIGHUP)
            time.sleep(0.3)
        place.give("free")
        place.settle(faults, 30)


@pytest.mark.parametrize("first", [1, 5, 9])
def test_a_daemon_that_has_just_become_ready_survives_bad_weather(tmp_path: Path, first: int) -> None:
    """It loads in its first idle moments what it did not need before."""
    with house(tmp_path / "house", {"free": {}}) as place:
        place.start()
        with Tracer(place, f"openat:error=EMFILE:when={first}+"):
            place.give("free")
            time.sleep(0.5)
        place.settle(faults, 30)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_start_that_is_put_off_when_the_daemon_ends_is_made_up_by_the_next_one(tmp_path: Path, number: int) -> None:
    """P22 and P2: what waits stays, for want of a process too, and runs once."""
    with house(tmp_path / "house", {"free": {}}) as place:
        at_rest(place)
        with Tracer(place, "?vfork,?clone,?clone3:error=EAGAIN"):
            place.give("free")
            place.until("the record", lambda: place.rows("select 1 from runs where put_off"))
            place.send(number)
            assert place.daemon is not None
            place.daemon.wait(10)
        place.start()
        place.settle(faults, 30)
        assert not place.rows("select run_id from runs where status <> 'completed'")
