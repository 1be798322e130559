"""What a command's end tells its caller: the exit codes, and the failures that stand for them.

Owns the numbers, which scripts rely on. Must not know any command.
"""

from __future__ import annotations

from dsari_like.errors import ConfigError, StoreError, TriggerError, UserError

DONE = 0
NO = 1  # the answer is no, or the run failed
USAGE = 2  # the command line or the configuration is wrong
NOT_FOUND = 3  # no such job or run
NO_DAEMON = 4
NO_DATA = 5  # the data directory cannot be used
OWN_FAILURE = 125  # with `--wait`, where every other number may be that of the run
INTERRUPTED = 130
BROKEN_PIPE = 141


class UsageFault(UserError):
    """The command line asks for something that cannot be."""


class NotFound(UserError):
    """There is no job or run of this name."""


class NoDaemon(UserError):
    """What was asked for needs a daemon, and none is running."""


class No(UserError):
    """The answer is no."""


_CODES: tuple[tuple[type[UserError], int], ...] = (
    (NotFound, NOT_FOUND),
    (NoDaemon, NO_DAEMON),
    (StoreError, NO_DATA),
    (UsageFault, USAGE),
    (ConfigError, USAGE),
    (TriggerError, USAGE),
)


def code_of(error: UserError) -> int:
    """The exit code a failure stands for; what has none of its own has just not succeeded."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), NO)
