"""The configuration in effect as plain maps, for `config dump`: every key with its value, defaults included.

Owns the way back from what the program uses to what a person writes; what comes out may be loaded again, but for
secrets, which are masked. Must not know which those are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from dsari_like.config import notify_keys, reactions
from dsari_like.config.flows import dumped as dumped_flow
from dsari_like.config.hooks import dumped
from dsari_like.config.schema import JOB, TOP
from dsari_like.core.model import Configuration, Job
from dsari_like.core.secrets import ALWAYS, MASK, Secrets


def dump(configuration: Configuration) -> dict[str, Any]:
    """All of it, keys in the order of the table, jobs by name."""
    special = {name: view(configuration) for name, view in _VIEWS.items()}
    values = {
        key.name: special[key.name] if key.name in special else _plain(getattr(configuration, key.name))
        for key in TOP.keys
        if key.name not in _WRITTEN_ONLY
    }
    values["environment"] = configuration.secrets.variables(configuration.environment, configuration.secret_names)
    return dict(hidden(values, configuration.secrets))


def hidden(value: Any, secrets: Secrets) -> Any:
    """Configured values without secrets: those of variables by their names, of which only the maps called
    `environment` and `parameters` have any, and in all other text what is known to be one."""
    if isinstance(value, str):
        return secrets.text(value)
    if isinstance(value, list):
        return [hidden(inner, secrets) for inner in value]
    if not isinstance(value, Mapping):
        return value
    return {name: _hidden(name, inner, secrets) for name, inner in value.items()}


def _hidden(name: Any, value: Any, secrets: Secrets) -> Any:
    if name == "environment":
        return secrets.data(value)
    if name == "parameters" and isinstance(value, Mapping):
        return {key: _parameter(inner, secrets.is_secret(str(key)), secrets) for key, inner in value.items()}
    return hidden(value, secrets)


def _parameter(value: Any, secret: bool, secrets: Secrets) -> Any:
    if secret and isinstance(value, str):  # of a task, which gives a value to a parameter
        return MASK if value else value
    if not secret or not isinstance(value, Mapping):
        return hidden(value, secrets)
    return {key: MASK if key in ("default", "allowed") and inner else inner for key, inner in value.items()}


def dump_job(job: Job) -> dict[str, Any]:
    """One job, keys in the order of the table."""
    values = {key.name: _plain(_made(job, key.name)) for key in JOB.keys}
    values |= {key.name: None for key in JOB.keys if key.default is None and values[key.name] == []}
    values["schedule_timezone"] = job.schedule_timezone or None
    values["umask"] = None if job.umask is None else f"{job.umask:04o}"
    values["environment"] = ALWAYS.variables(job.environment, job.secret_names)
    values["blackout"] = [{key: value for key, value in one.items() if value is not None} for one in values["blackout"]]
    return values


def _made(job: Job, key: str) -> Any:
    if key == "callbacks":
        return [reactions.dumped(callback) for callback in job.callbacks]
    if key == "notify":
        return [notify_keys.dumped(rule) for rule in job.notify]
    return reactions.dumped_blocking(job.blocked_until) if key == "blocked_until" else getattr(job, key)


#: Keys that say how to read, and leave no trace of their own.
_WRITTEN_ONLY = frozenset({"config_d", "environment_file", "job_groups", "shutdown_kill_runs"})
_VIEWS: Mapping[str, Callable[[Configuration], Any]] = {
    "timezone": lambda configuration: configuration.timezone or None,
    "jobs": lambda configuration: {name: dump_job(job) for name, job in configuration.jobs.items() if not job.flow},
    "orchestrations": lambda configuration: {
        name: _plain(dumped_flow(job)) for name, job in configuration.jobs.items() if job.flow
    },
    "concurrency_groups": lambda configuration: {name: {"max": size} for name, size in configuration.groups.items()},
    "database": lambda configuration: {"type": "sqlite3", "file": configuration.database_file},
    "webhooks": lambda configuration: {name: _plain(dumped(hook)) for name, hook in configuration.webhooks.items()},
    "mail": lambda configuration: reactions.dumped_mail(configuration.mail),
    "callbacks": lambda configuration: [_plain(reactions.dumped(one)) for one in configuration.callbacks],
    "notify": lambda configuration: [_plain(notify_keys.dumped(rule)) for rule in configuration.notify],
    "secret_names": lambda configuration: list(configuration.secrets.patterns),
    "render": lambda configuration: "auto" if configuration.render else "never",
}


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, (tuple, list)):
        return [_plain(element) for element in value]
    if isinstance(value, Mapping):
        return {name: _plain(element) for name, element in value.items()}
    if is_dataclass(value):
        return {part.name: _plain(getattr(value, part.name)) for part in fields(value)}
    return value
