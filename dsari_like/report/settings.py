"""The configuration of a job as its page shows it: what was set, what holds unsaid, and what a trigger may say.

Owns how a value is written for people. Must not know where it is shown; what is secret never leaves this module.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from enum import Enum
from typing import Any

from dsari_like.core.model import Job, Retention
from dsari_like.core.retention import rule_words
from dsari_like.core.secrets import MASK, Secrets
from dsari_like.report import moments
from dsari_like.store.reader import RunRow

_SECONDS = ("catch_up_limit", "max_execution", "max_execution_grace", "retry_delay", "cancel_grace")
_ELSEWHERE = ("name", "description", "where", "blackout", "secret_names", "parameters")


@dataclass(frozen=True, slots=True)
class Setting:
    """A key of the configuration and its value, as text."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class ParameterLine:
    """A declared variable: what a trigger may make of it, and what the latest run was given."""

    name: str
    expects: str
    description: str
    used: str


def settings(job: Job, secrets: Secrets) -> tuple[Setting, ...]:
    """The keys that differ from their defaults; who reads them wants what was meant, not what could have been."""
    return tuple(
        Setting(name, text)
        for name, value, default in _keys(job)
        if value != default and (text := secrets.text(_text(name, _discreet(job, name, value, secrets)), job.name))
    )


def defaults(job: Job) -> tuple[Setting, ...]:
    """The other keys, for who wonders what holds."""
    return tuple(Setting(name, _text(name, value) or "none") for name, value, default in _keys(job) if value == default)


def parameters(job: Job, rows: Iterable[RunRow], secrets: Secrets) -> tuple[ParameterLine, ...]:
    """The declared variables, with what the latest run was given."""
    used = next((row.variables for row in rows), {})
    return tuple(
        ParameterLine(
            name, _expects(parameter, secrets.is_secret(name)), parameter.description, str(used.get(name, ""))
        )
        for name, parameter in job.parameters.items()
    )


def _expects(parameter: Any, secret: bool) -> str:
    parts = ["required"] if parameter.required else []
    parts += [f"one of {MASK if secret else ', '.join(parameter.allowed)}"] if parameter.allowed else []
    parts += [f"{MASK if secret else parameter.default} if it is not given"] if parameter.default is not None else []
    return "; ".join(parts)


def _keys(job: Job) -> Iterable[tuple[str, Any, Any]]:
    for field in fields(job):
        if field.name not in _ELSEWHERE:
            default = field.default if field.default is not MISSING else None
            if field.default_factory is not MISSING:
                default = field.default_factory()
            yield field.name, getattr(job, field.name), default


def _discreet(job: Job, key: str, value: Any, secrets: Secrets) -> Any:
    if key == "environment":
        return secrets.variables(value, job.secret_names)
    return secrets.data(value) if isinstance(value, Mapping) else value


def _text(key: str, value: Any) -> str:
    if key == "command":
        return shlex.join(value)
    if key in _SECONDS and value is not None:
        return moments.duration(value)
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return "\n".join(f"{name}={_plain(inner)}" for name, inner in value.items())
    if isinstance(value, Retention):
        return rule_words(value)
    if isinstance(value, tuple):
        return "\n".join(map(str, value))
    return str(_plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value
