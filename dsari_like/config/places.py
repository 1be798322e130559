"""Where the configuration and the data are, when nobody or only half of it is said.

Owns the list of places. Must not know: what is in them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from dsari_like.errors import ConfigError

#: The main files in the order they are merged, ours and those of an existing dsari configuration.
OWN_FILES = ("dsari_like.yaml", "dsari_like.json")
DSARI_FILES = ("dsari.yaml", "dsari.json")
DROP_INS = "config.d"

_SYSTEM = (
    ("/usr/local/etc/dsari_like", "/var/local/dsari_like"),
    ("/etc/dsari_like", "/var/lib/dsari_like"),
)
#: Directories named `etc` whose neighbour `var` belongs to the system and not to us.
_NOT_OURS = frozenset({"/etc", "/usr/etc", "/usr/local/etc"})


class Places(NamedTuple):
    """A configuration directory, and where data is kept unless the configuration says otherwise."""

    config_dir: str
    data_dir: str


def locate(explicit: str | None, environ: Mapping[str, str]) -> Places:
    """The places to use: those of the option, of `DSARI_LIKE_HOME`, or the first of the usual ones that is filled.

    With the option alone the data directory is the partner of that directory if it is one of the usual ones, else the
    neighbour `var` of a directory named `etc`, else root's /var/lib/dsari_like or a user's ~/.dsari_like/var.
    """
    home = environ.get("DSARI_LIKE_HOME", "")
    usual = _usual(environ)
    if explicit is not None:
        config_dir = os.path.abspath(explicit)
        data_dir = os.path.join(os.path.abspath(home), "var") if home else _partner(config_dir, usual)
        return Places(config_dir, data_dir)
    if home:
        return Places(os.path.join(os.path.abspath(home), "etc"), os.path.join(os.path.abspath(home), "var"))
    for config_dir, data_dir in usual:
        if holds_configuration(config_dir):
            return Places(config_dir, data_dir)
    looked = ", ".join(config_dir for config_dir, _ in usual)
    raise ConfigError(
        [f"there is no configuration in any of {looked}; write one with 'dsari-like init', or name its directory "
         "with --config-dir or DSARI_LIKE_HOME"]
    )  # fmt: skip


def holds_configuration(directory: str) -> bool:
    """True when a main file or the folder of drop-ins is there, readable or not: an error beats a silent step aside."""
    names = (*OWN_FILES, *DSARI_FILES, DROP_INS)
    return any(os.path.lexists(os.path.join(directory, name)) for name in names)


def _usual(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    own = os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".dsari_like")
    return [(os.path.join(own, "etc"), os.path.join(own, "var")), *_SYSTEM]


def _partner(config_dir: str, usual: list[tuple[str, str]]) -> str:
    pairs = dict(usual)
    if config_dir in pairs:
        return pairs[config_dir]
    parent, name = os.path.split(config_dir)
    if name == "etc" and config_dir not in _NOT_OURS:
        return os.path.join(parent, "var")
    return _SYSTEM[-1][1] if os.geteuid() == 0 else usual[0][1]
