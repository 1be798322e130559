"""A job as it was when a run was started, small enough to be kept with the run log (J-22).

Owns which keys decide how a run is carried out, and the way of them into a map of plain values and back. Secrets are
left out, by where they came from and by their names: they are taken from the present configuration again. Must not
know where the map is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from dsari_like.core.choices import LockMode, OnInterrupt
from dsari_like.core.clauses import Heartbeat, Stage
from dsari_like.core.model import Job
from dsari_like.core.secrets import ALWAYS

#: What is kept as it is.
_PLAIN = (
    "command_append_run", "runtime", "log_level", "working_directory", "max_execution", "max_execution_grace",
    "cancel_grace", "retries", "retry_delay", "retry_backoff", "items_parallel", "jenkins_environment", "job_group",
    "keeper", "user", "group", "umask", "nice", "max_output",
)  # fmt: skip
#: What is a tuple, and a list when it is kept.
_LISTS = ("command", "resume_command", "on_cancelled", "retry_exit_codes", "concurrency_groups", "items")


def record(job: Job) -> str:
    """The job as text. The same job gives the same text."""
    data: dict[str, Any] = {name: getattr(job, name) for name in (*_PLAIN, *_LISTS)}
    data["environment"] = {name: text for name, text in job.environment.items() if not _is_secret(job, name)}
    data["locks"] = {name: mode.value for name, mode in job.locks.items()}
    data["heartbeat"] = asdict(job.heartbeat) if job.heartbeat else None
    data["stages"] = [{**asdict(stage), "on_interrupt": stage.on_interrupt.value} for stage in job.stages]
    return json.dumps(data, ensure_ascii=False, sort_keys=True)


def digest_of(text: str) -> str:
    """The name of a recorded job."""
    from hashlib import sha256  # 3 ms, which a start does not wait for

    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _is_secret(job: Job, name: str) -> bool:
    return name in job.secret_names or ALWAYS.is_secret(name)


def restore(present: Job, text: str) -> Job:
    """The job as it was recorded; for the rest, secrets among it, as it is at present."""
    data: dict[str, Any] = json.loads(text)
    known = {name: data[name] for name in _PLAIN if name in data}
    known |= {name: tuple(data[name]) for name in _LISTS if name in data}
    secrets = {name: text for name, text in present.environment.items() if _is_secret(present, name)}
    return replace(
        present,
        **known,
        environment={**data["environment"], **secrets},
        locks={name: LockMode(mode) for name, mode in data["locks"].items()},
        heartbeat=Heartbeat(**data["heartbeat"]) if data["heartbeat"] else None,
        stages=tuple(_stage(stage) for stage in data["stages"]),
    )


def _stage(data: Mapping[str, Any]) -> Stage:
    command, on_interrupt = tuple(data["command"]), OnInterrupt(data["on_interrupt"])
    return Stage(data["name"], command, on_interrupt, data["continue_on_failure"])


class Definitions:
    """The digests of jobs that runs were started as, each computed once."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Job, str]] = {}

    def of(self, job: Job) -> tuple[str, str | None]:
        """The digest of the job as it is, and its text when it was not asked for before."""
        known = self._known.get(job.name)
        if known is not None and known[0] is job:
            return known[1], None
        text = record(job)
        digest = digest_of(text)
        self._known[job.name] = (job, digest)
        return digest, text
