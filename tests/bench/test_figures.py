"""How figures are held against their targets."""

from __future__ import annotations

import pytest

from tests.bench.figures import Figure, middle, percentile, table


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(value) for value in range(200, 0, -1)]
    assert (percentile(values, 50), percentile(values, 99), percentile([7.0], 99)) == (100.0, 198.0, 7.0)


@pytest.mark.parametrize(
    ("figure", "reached"),
    [
        (Figure("latency", "ms", 3.0, 1.0, at_most=3.0), True),
        (Figure("latency", "ms", 3.1, 1.0, at_most=3.0), False),
        (Figure("burst", "runs/s", 40.0, 100.0, at_least=0.4), True),
        (Figure("burst", "runs/s", 39.0, 100.0, at_least=0.4), False),
        (Figure("memory", "MiB", 39.0, at_most=40.0), True),
        (Figure("memory", "MiB", 41.0, at_most=40.0), False),
        (Figure("something to read", "ms", 1.0, 1.0), None),
    ],
)
def test_a_bound_is_of_the_ratio_or_without_a_floor_of_the_value(figure: Figure, reached: bool | None) -> None:
    assert figure.reached is reached


def test_the_round_with_the_middle_ratio_counts_whole() -> None:
    rounds = [[Figure("a", "ms", 2.0, 1.0)], [Figure("a", "ms", 9.0, 3.0)], [Figure("a", "ms", 8.0, 1.0)]]
    assert middle(rounds) == rounds[1]


def test_a_missed_target_is_called_missed() -> None:
    lines = table([Figure("latency", "ms", 4.0, 1.0, at_most=3.0), Figure("read this", "ms", 1.0)]).splitlines()
    assert lines[0].split() == ["figure", "ours", "floor", "ratio", "target", "reached"]
    assert lines[1].split() == ["latency", "4", "ms", "1", "4.00", "<=", "3x", "MISSED"]
    assert lines[2].split() == ["read", "this", "1", "ms"]
