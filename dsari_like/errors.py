"""The two families of failure: the user's, told in one line without a traceback, and ours, which keep it.

Owns nothing else. Whoever raises a `UserError` says what could not be done, to what, why, and what happens now.
"""

from __future__ import annotations

from collections.abc import Sequence


class UserError(Exception):
    """Something a person outside the program can put right."""


class ConfigError(UserError):
    """A configuration that cannot be used; `problems` holds every fault found, one line each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class TriggerError(UserError):
    """A dropped file that is refused; `problems` holds every fault found, one line each. The sentence has the first of
    them: it stands in a log line, a receipt and a row, and a file of a megabyte can have 50,000 faults."""

    MOST = 20

    def __init__(self, problems: Sequence[str]) -> None:
        more = [f"and {len(problems) - self.MOST} more faults"] if len(problems) > self.MOST else []
        super().__init__("; ".join([*problems[: self.MOST], *more]))
        self.problems = tuple(problems)


class StoreError(UserError):
    """A data directory or run log that cannot be used: in use, damaged, or written by a newer version."""


class IllegalTransition(Exception):
    """Our mistake: an event that the state table does not list for the state a run is in."""
