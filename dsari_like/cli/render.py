"""`dsari-like render`: bring the reports up to date.

Owns the progress that is told. Must not know which pages there are. Works beside a running daemon: pages are written
by rename, and equal bytes are not written at all.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from typing import Any

from dsari_like.cli.exits import DONE
from dsari_like.cli.look import looking
from dsari_like.cli.printing import say
from dsari_like.errors import StoreError

#: Pages from which on the work is long, after how many the bar moves, and its width.
_LONG, _STEP, _WIDTH = 300, 50, 30


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "render",
        description="Writes the pages of the reports that are out of date. The daemon does so by itself unless the"
        " configuration says render: never.",
    )
    parser.add_argument("--regenerate", action="store_true", help="make every page anew")
    parser.add_argument("--output", metavar="DIR", help="write to this directory instead of html in the data directory")


def run(args: argparse.Namespace) -> int:
    """Render; 5 when the pages cannot be written."""
    from dsari_like.report.renderer import Renderer

    with looking(args) as look:
        data_dir = look.configuration.data_dir
        html_dir = os.path.abspath(args.output) if args.output else os.path.join(data_dir, "html")
        runs_dir = os.path.join(data_dir, "runs")
        renderer = Renderer(look.configuration, look.plans(), look.reader, html_dir, runs_dir, windows=look.windows)
        progress, done = _progress()
        try:
            renderer.all(look.now, progress, args.regenerate)
        except OSError as error:
            raise StoreError(f"cannot write the reports to {html_dir}: {error.strerror}") from None
        finally:
            done()
        count = renderer.count
    say(f"{count} file{'s' * (count != 1)} written: {os.path.join(html_dir, 'index.html')}")
    return DONE


def _progress() -> tuple[Callable[[int, int], None], Callable[[], None]]:
    """A bar on a terminal, once the work turns out to be long; nothing anywhere else."""
    shown = False

    def tell(count: int, total: int) -> None:
        nonlocal shown
        if count % _STEP == 0 and total >= _LONG and sys.stderr.isatty():
            shown = True
            print(f"\r{bar(count, total)}", end="", file=sys.stderr, flush=True)

    def done() -> None:
        if shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    return tell, done


def bar(count: int, total: int) -> str:
    """`[########............]  40 %, 4,000 of about 10,000 pages`."""
    full = _WIDTH * count // total
    return f"[{'#' * full}{'.' * (_WIDTH - full)}] {100 * count // total:3} %, {count:,} of about {total:,} pages"
