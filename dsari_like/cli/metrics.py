"""`dsari-like metrics`: numbers for a monitoring system, in the text format of Prometheus.

Owns nothing but the printing. The daemon keeps the same text in `metrics.prom` of the data directory.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from dsari_like.cli.exits import DONE
from dsari_like.cli.look import looking


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    subparsers.add_parser(
        "metrics",
        description="Prints numbers of all jobs in the text format of Prometheus. The daemon writes the same to"
        " metrics.prom in the data directory, for a textfile collector, at most every ten seconds.",
    )


def run(args: argparse.Namespace) -> int:
    """Print them."""
    from dsari_like.report.metrics import Meter

    with looking(args) as look:
        sys.stdout.write(Meter(look.reader).text(sorted(look.configuration.jobs), look.now))
    return DONE
