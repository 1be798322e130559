"""The keys of the daemon's house: what is kept and for how long, what is hidden, where the run log is, what is a storm.

Owns these sections of the table of keys and the checks on them. Must not know the other sections (`schema`).
"""

from __future__ import annotations

from typing import Any

from dsari_like.config.checks import PATH, SIZE, TEXTS, Check, Fault, Unfit, duration, found, unfit, whole_number
from dsari_like.config.section import Key, Section
from dsari_like.core.model import Retention, Storm

RETENTION = Section(
    "retention",
    Key("age", duration("every run would be removed at once; leave the key out for no limit"), None,
        "take the runs that ended longer ago than this, and decisions that old whose runs are gone"),
    Key("count", whole_number(1, "leave the key out for no limit"), None,
        "take the runs of a job that are older than so many finished ones"),
    Key("bytes", SIZE, None,
        "take the oldest runs when the run directories hold more: those of the job, or, at the top level, those of "
        "all jobs"),
    Key("keep_failed", duration(), None, "a run that failed is spared for so long, whatever the others say"),
)  # fmt: skip


def _take_retention(value: Any) -> Retention:
    if value is None:  # nothing written is no rule of its own, and that is not the same as `{}`
        raise unfit("a map of rules", value)
    taken, faults = RETENTION.read(value)
    if faults:
        raise Unfit(*faults)
    return Retention(**taken)


STORM = Section(
    "a storm",
    Key("starts", whole_number(1, "nothing could run twice"), Storm().starts,
        "how many starts of a job, each after the one before had begun, are no storm"),
    Key("seconds", duration("no start would ever count"), Storm().seconds, "within which time"),
)  # fmt: skip


def _take_storm(value: Any) -> Storm:
    taken, faults = STORM.read(value)
    if faults:
        raise Unfit(*faults)
    return Storm(**taken)


def _take_patterns(value: Any) -> tuple[str, ...]:
    patterns = TEXTS.take(value)
    if len(patterns) > _MOST_PATTERNS or any(len(pattern) > _MOST_PATTERNS for pattern in patterns):
        raise Unfit(Fault((), f"expected at most {_MOST_PATTERNS} patterns of {_MOST_PATTERNS} characters; every name "
                          "that is shown is compared with all of them"))  # fmt: skip
    return tuple(patterns)


_MOST_PATTERNS = 100
PATTERNS = Check(TEXTS.words, TEXTS.schema, _take_patterns)
RULES = Check("a map of rules", RETENTION.schema, _take_retention)
STORM_LIMITS = Check("a map of limits", STORM.schema, _take_storm)


def _take_database_type(value: Any) -> str:
    if value == "sqlite3":
        return "sqlite3"
    raise Unfit(Fault((), f"the database type {found(value)} is not supported; this version keeps its run log in "
                      "SQLite only: remove the key or write sqlite3"))  # fmt: skip


DATABASE = Section(
    "a database",
    Key("type", Check("sqlite3", {"enum": ["sqlite3"]}, _take_database_type), "sqlite3", "sqlite3 and no other"),
    Key("file", PATH, None, "the run log; none: dsari_like.sqlite3 in the data directory"),
)  # fmt: skip


def _take_database(value: Any) -> dict[str, Any]:
    # The keys of another type of database would be unknown here; its name alone is what the reader needs to see.
    if isinstance(value, dict) and value.get("type", "sqlite3") != "sqlite3":
        value = {"type": value["type"]}
    taken, faults = DATABASE.read(value)
    if faults:
        raise Unfit(*faults)
    return taken


DATABASE_MAP = Check("a map", DATABASE.schema, _take_database)
