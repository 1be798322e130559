"""What is recorded of a configuration while it is in force: what a later one is compared with.

Owns what counts as a difference. Of each job its times are kept as they were written, so that its coming slots can be
told again, and of every other key a digest, which is enough to name what changed: a run log may be read by people who
may not read the configuration. Values that came from an `environment_file` are not even digested: a digest of a short
secret gives the secret away. Must not know where the entries are kept.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, fields
from operator import attrgetter
from typing import Any, NamedTuple
from zlib import crc32

from dsari_like.core.choices import BlackoutPolicy
from dsari_like.core.model import NOTHING, Blackout, Configuration, Job

#: The entry of what is no job's: limits and groups, the top-level environment. No job has an empty name.
OVERALL = ""

_OF_TIMES = {"name", "schedule", "schedule_timezone", "dst", "enabled", "blackout", "blackout_policy"}
_NO_KEYS = {"where", "secret_names"}
#: Where things are is no part of what they do; a zone is told with each job, and jobs have entries of their own.
_NOT_OVERALL = frozenset(
    "jobs config_dir data_dir database_file timezone zone files warnings secret_names secrets".split()
)
_NO_BLACKOUT = "[]"
_encoded = json.JSONEncoder(separators=(",", ":")).encode


class Entry(NamedTuple):
    """One job in force, as flat as its row; None stands for nothing rather than for an empty text."""

    job_name: str
    schedule: str = "[]"
    timezone: str = ""
    dst: str = ""
    enabled: int = 1
    blackout: str = _NO_BLACKOUT
    rest: str = ""  # words of a key, an equals sign and a digest, for each key that is not as by default
    made: str | None = None  # calendar times that had their run under earlier times of the job, as a list

    @property
    def texts(self) -> tuple[str, ...]:
        """The schedules."""
        return tuple(json.loads(self.schedule))

    @property
    def blackouts(self) -> tuple[Blackout, ...]:
        """The blackouts."""
        return tuple(Blackout(**one) for one in json.loads(self.blackout) if isinstance(one, dict))

    @property
    def policy(self) -> BlackoutPolicy:
        """What becomes of a slot in one of them; it stands behind them."""
        written = json.loads(self.blackout)
        return BlackoutPolicy(written[-1]) if written else BlackoutPolicy.SKIP

    @property
    def made_times(self) -> frozenset[str]:
        """Calendar times that are not owed again."""
        return frozenset(json.loads(self.made or "[]"))

    @property
    def times(self) -> tuple[object, ...]:
        """What makes slots what they are."""
        return self.schedule, self.timezone, self.dst

    def job(self) -> Job:
        """As much of the job as can be told from here: its times."""
        settings: dict[str, Any] = {"schedule_timezone": self.timezone, "enabled": bool(self.enabled)}
        settings |= {"dst": self.dst, "blackout": self.blackouts, "blackout_policy": self.policy}
        return Job(self.job_name, (), schedule=self.texts, **settings)

    def with_made(self, times: Collection[str]) -> Entry:
        """The same with other calendar times that are not owed again."""
        return self._replace(made=_encoded(sorted(times)) if times else None)

    def differences(self, other: Entry) -> tuple[str, ...]:
        """The keys in which another entry of the same job says something else."""
        ours, theirs = _digests(self.rest), _digests(other.rest)
        rest = sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key))
        of_times = ("schedule", "timezone", "dst", "enabled", "blackout")
        return (*(name for name in of_times if getattr(self, name) != getattr(other, name)), *rest)


def entry(job: Job, zone: str) -> Entry:
    """The entry of one job."""
    return Entry(
        job.name,
        _encoded(job.schedule),
        zone if job.schedule else "",
        job.dst,
        int(job.enabled),
        _blackout(job) if job.blackout else _NO_BLACKOUT,
        _JOB(job, job.secret_names),
    )


def overall(configuration: Configuration) -> Entry:
    """The entry of what is no job's."""
    return Entry(OVERALL, rest=_CONFIGURATION(configuration, configuration.secret_names))


class _Rest:
    """Digests of the fields that are not what they are by default: three microseconds a job."""

    def __init__(self, default: Job | Configuration, leave: Collection[str]) -> None:
        self._names = tuple(one.name for one in fields(default) if one.name not in leave)
        self._values = attrgetter(*self._names)
        self._defaults = self._values(default)

    def __call__(self, found: Job | Configuration, secret: Collection[str]) -> str:
        return " ".join(
            f"{name}={_digest(value, secret)}"
            for name, value, default in zip(self._names, self._values(found), self._defaults, strict=True)
            if value is not default and value != default
        )


_JOB = _Rest(Job("", ()), _OF_TIMES | _NO_KEYS)
_CONFIGURATION = _Rest(Configuration(jobs=NOTHING), _NOT_OVERALL)


def _digest(value: object, secret: Collection[str]) -> str:
    """Of a form in which equal values are written alike. A checksum is enough: nobody makes these to deceive."""
    if isinstance(value, Mapping):
        value = sorted((key, None if key in secret else inner) for key, inner in value.items())
    elif isinstance(value, frozenset):
        value = sorted(value)
    return f"{crc32(repr(value).encode('utf-8', 'surrogatepass')):08x}"


def _digests(rest: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in rest.split())


def _blackout(job: Job) -> str:
    written = [{key: value for key, value in asdict(one).items() if value is not None} for one in job.blackout]
    return _encoded([*written, job.blackout_policy.value])
