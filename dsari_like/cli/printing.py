"""The two forms of an answer: a table for people, JSON for programs.

Owns `--format`. JSON is plain ASCII, so that no terminal and no locale can spoil it, and never holds a NaN. Must not
know what is answered.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from typing import Any

from dsari_like.cli.table import Column, print_table


def add_format(parser: argparse.ArgumentParser) -> None:
    """The option of every listing."""
    parser.add_argument(
        "--format", choices=("table", "json"), default="table", help="for people, or for programs (default: table)"
    )


def print_json(value: Any) -> None:
    """One document on standard output."""
    json.dump(_finite(value), sys.stdout, indent=2, allow_nan=False)
    print()


def print_listing(
    args: argparse.Namespace,
    objects: Sequence[dict[str, Any]],
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    nothing: str,
) -> None:
    """A listing in the form that was asked for; what there is to say of an empty one goes to standard error."""
    if args.format == "json":
        print_json(objects)
    elif rows:
        print_table(columns, rows)
    if not objects:
        say(nothing)


def say(text: str) -> None:
    """Talk: one line on standard error, which is not part of the answer."""
    print("".join(char if char.isprintable() else ascii(char)[1:-1] for char in text), file=sys.stderr)


def _finite(value: Any) -> Any:
    """Data of a run may hold what JSON cannot: it becomes null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(inner) for key, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list | tuple) else value
