"""Calls of the running daemon fail for two seconds: nothing is lost, nothing runs twice, and it says so once (P14)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.crash.weather import SPELLS, Weather, endure

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("strace")]

CHOSEN = [weather for weather in SPELLS if weather.name in ("sync-eio", "disk-full", "open-emfile", "spawn-eagain")]


@pytest.mark.parametrize("weather", CHOSEN, ids=lambda weather: weather.name)
def test_a_shortage_passes_and_leaves_no_trace_but_a_line(tmp_path: Path, weather: Weather) -> None:
    climate = endure(tmp_path, weather, 2.0)
    causes = Counter(line.split(": ")[1] for line in climate.lines)
    assert climate.injected > 0
    assert causes.most_common(1)[0][1] == 1, f"said more than once: {climate.lines}"
    assert len(climate.lines) <= 8, climate.lines
    assert climate.cpu < 0.35  # the same work without a shortage takes 0.2, the tracer's share included; a spin 1.0
    assert climate.recovery < 30.0
