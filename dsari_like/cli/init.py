"""`dsari-like init`: a commented starter configuration, and the three commands that come next.

Owns the text of the starter. Never overwrites anything.
"""

from __future__ import annotations

import argparse
import os
import shlex
from typing import Any

from dsari_like.cli.exits import DONE, No
from dsari_like.cli.parser import PROG
from dsari_like.config.places import OWN_FILES, Places, holds_configuration, locate
from dsari_like.errors import StoreError

STARTER = """\
# dsari_like: what is run, when, and within which limits. All keys: man dsari_like.yaml
# After a change: dsari-like check, then reload the daemon (kill -HUP, or systemctl reload dsari-like).

# Where runs, triggers, reports and the run log are kept.
{data_dir}

# The zone of all schedules; the default is that of the machine.
#timezone: Europe/Berlin

# How many runs at once, all jobs together.
#max_running: 8

jobs:
  # Runs when a file is dropped into trigger/hello/ of the data directory, by any program:
  #   echo '{{"environment": {{"WHOM": "you"}}}}' > trigger/hello/mine.json
  # or by the command that does it safely:  dsari-like trigger hello -e WHOM=you
  hello:
    description: Says hello to whoever is named
    command: [sh, -c, 'echo "Hello, $WHOM"']
    parameters:
      WHOM: {{default: world, description: Whom to greet}}

  # Runs by itself: minute, hour, day of month, month, day of week. H is a number made of the job's name, so that
  # not all jobs start at once.
  disk-space:
    description: Fails when a file system is nearly full
    command: [sh, -c, 'df -P -x tmpfs -x devtmpfs | awk "NR > 1 && \\$5 + 0 > 90 {{print; bad = 1}} END {{exit bad}}"']
    schedule: H 6 * * *
    max_execution: 5m
"""


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "init",
        description="Writes a commented starter configuration and makes the data directory. Nothing is overwritten."
        " Without DIR and --config-dir it goes to the usual place: /etc/dsari_like for root, else ~/.dsari_like/etc.",
    )
    parser.add_argument("directory", metavar="DIR", nargs="?", help="the directory of the configuration")


def run(args: argparse.Namespace) -> int:
    """Write it; 1 when there is one already."""
    places, extra = _places(args)
    if holds_configuration(places.config_dir):
        raise No(f"there is a configuration in {places.config_dir} already; nothing was changed")
    data_dir = extra or places.data_dir
    line = f"data_dir: {_quoted(data_dir)}" if extra else f"#data_dir: {_quoted(data_dir)}"
    path = os.path.join(places.config_dir, OWN_FILES[0])
    try:
        os.makedirs(places.config_dir, exist_ok=True)
        with open(path, "x", encoding="utf-8") as file:
            file.write(STARTER.format(data_dir=line))
        os.makedirs(data_dir, 0o750, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot write a configuration: {error.filename}: {error.strerror}") from None
    _tell(path, data_dir, _option(args, places))
    return DONE


def _places(args: argparse.Namespace) -> tuple[Places, str]:
    """Where to write, and the data directory where it has to be said: beside a configuration in an unusual place,
    for without a word it would share that of the usual one."""
    explicit = args.directory or args.config_dir
    if explicit is None and not os.environ.get("DSARI_LIKE_HOME"):
        explicit = "/etc/dsari_like" if os.geteuid() == 0 else os.path.expanduser("~/.dsari_like/etc")
    places = locate(explicit, os.environ)
    shared = locate(os.path.join(os.sep, "nowhere", "else"), os.environ).data_dir
    usual = {"/etc/dsari_like", os.path.expanduser("~/.dsari_like/etc")}
    if places.data_dir != shared or places.config_dir in usual or os.environ.get("DSARI_LIKE_HOME"):
        return places, ""
    return places, os.path.join(places.config_dir, "var")


def _option(args: argparse.Namespace, places: Places) -> str:
    """The option that the next commands need to find what was written, or nothing."""
    if args.directory is None and args.config_dir is None:
        return ""
    return f" --config-dir {shlex.quote(places.config_dir)}"


def _tell(path: str, data_dir: str, option: str) -> None:
    print(f"written: {path}", f"data directory: {data_dir}", "", "Next:", sep="\n")
    print(f"  {PROG} check{option}", f"  {PROG} daemon{option}", sep="\n")
    print(f"  {PROG} trigger hello{option} -e WHOM=you --follow      (in another terminal)")


def _quoted(path: str) -> str:
    """A path as a YAML value."""
    return "'" + path.replace("'", "''") + "'"
