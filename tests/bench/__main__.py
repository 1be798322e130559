"""`python -m tests.bench [NAME...]`: run benchmarks, print a table on stdout, the talk on stderr.

Exit status 1 when a target was missed (but never with --quick), else 0.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench.adoption import adoption
from tests.bench.burst import burst
from tests.bench.figures import Figure, middle, table
from tests.bench.flood import flood
from tests.bench.idle import idle
from tests.bench.latency import growth, latency
from tests.bench.recovery import recovery
from tests.bench.report import report, report_latency, report_pages
from tests.bench.retention import retention
from tests.bench.seconds import seconds
from tests.bench.startup import startup
from tests.bench.workshop import Workshop

#: In this order, because making many files right after deleting many is slow on ext4, and `startup` deletes some.
BENCHMARKS: dict[str, Callable[[Workshop], list[Figure]]] = {
    "latency": latency,
    "burst": burst,
    "growth": growth,
    "seconds": seconds,
    "idle": idle,
    "startup": startup,
    "retention": retention,
    "report": report,
    "report_latency": report_latency,
    "report_pages": report_pages,
    "adoption": adoption,
    "recovery": recovery,
    "flood": flood,
}


def main(argv: Sequence[str]) -> int:
    """Run what is asked for."""
    options = _options(argv)
    directory = Path(tempfile.mkdtemp(prefix="dsari-like-bench-", dir=options.directory))
    try:
        figures = _run(options, Workshop(directory, options.quick))
    finally:
        if not options.keep:
            shutil.rmtree(directory, ignore_errors=True)
    print(table(figures))
    if options.json:
        Path(options.json).write_text(json.dumps([figure.as_json() for figure in figures], indent=2) + "\n")
    return int(not options.quick and any(figure.reached is False for figure in figures))


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    parser.add_argument("--quick", action="store_true", help="small counts: shows that it works, measures nothing")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="so often each; the median ratio counts")
    parser.add_argument("--directory", metavar="DIR", help="work there (default: the system's temporary directory)")
    parser.add_argument("--keep", action="store_true", help="leave the working directory for inspection")
    options = parser.parse_args(argv)
    unknown = sorted(set(options.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    return options


def _run(options: argparse.Namespace, workshop: Workshop) -> list[Figure]:
    figures = []
    for name in options.names or BENCHMARKS:
        rounds = []
        for number in range(options.repeat):
            load = os.getloadavg()[0]
            print(f"{name} {number + 1}/{options.repeat}, load {load:.2f}", file=sys.stderr, flush=True)
            begin = time.monotonic()
            rounds.append(BENCHMARKS[name](workshop))
            print(f"{table(rounds[-1])}\n{time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
        figures += middle(rounds)
    return figures


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
