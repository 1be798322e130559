"""`dsari-like config dump` and `config schema`: the configuration in effect, and what may be written in one.

Owns the two forms of output. Must not know any key.
"""

from __future__ import annotations

import argparse
import os
from typing import Any

from dsari_like.cli.exits import DONE
from dsari_like.cli.printing import print_json
from dsari_like.config import files
from dsari_like.config.places import locate


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "config",
        description="Prints the configuration in effect, or the JSON Schema of its files, for editors.",
    )
    below = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    dump = below.add_parser(
        "dump",
        help="the configuration in effect",
        description="Prints every key with the value that is in effect, defaults included and jobs by their names."
        " Secrets are masked: values of variables with names such as PASSWORD, and those of an environment_file.",
    )
    dump.add_argument("--raw", action="store_true", help="the merged files as they were written, unchecked")
    dump.add_argument("--format", choices=("yaml", "json"), default="yaml", help="form of the output (default: yaml)")
    below.add_parser(
        "schema",
        help="the JSON Schema of a configuration file",
        description="Prints the JSON Schema of a configuration file, which editors use to complete and check keys.",
    )


def run(args: argparse.Namespace) -> int:
    """Print one of the two."""
    if args.what == "schema":
        from dsari_like.config.schema import json_schema

        print_json(json_schema())
        return DONE
    places = locate(args.config_dir, os.environ)
    found = files.raw(places) if args.raw else files.dump(files.load(places))
    if args.format == "json":
        print_json(found)
    else:
        import yaml

        print(yaml.safe_dump(found, sort_keys=False, allow_unicode=True, default_flow_style=False), end="")
    return DONE
