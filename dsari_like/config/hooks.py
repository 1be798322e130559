"""The webhooks of a configuration: what each comes to, beside the jobs it may start.

Owns what several keys mean together. Must not know: how a secret is read, or what a request looks like on the wire.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import tzinfo
from posixpath import basename
from typing import Any, NamedTuple

from dsari_like.config.checks import Fault, KeyPath, Unfit, shown, take_name
from dsari_like.config.hook_keys import HOOK, HOOK_KEY
from dsari_like.core.hooks import TOKEN_HEADERS, Hook, HookKey, Scheme, Source
from dsari_like.core.model import Job


class Around(NamedTuple):
    """What the building of hooks asks of the rest. The functions raise `Unfit`."""

    absolute: Callable[[str], str]
    secret: Callable[[str], None]  # whether there is such a file, and nobody else can read it
    zone: Callable[[str], tzinfo]
    timezone: str  # of an `expires` that does not say another


def hooks_of(
    written: Mapping[str, Any], jobs: Mapping[str, Job], around: Around
) -> tuple[dict[str, Hook], list[Fault]]:
    """Every hook, and all faults of all of them; orchestrations are among the jobs."""
    maker = _Maker(jobs, around)
    return {name: maker.hook(name, value) for name, value in written.items()}, maker.faults


class _Maker:
    """One building of all hooks."""

    def __init__(self, jobs: Mapping[str, Job], around: Around) -> None:
        self.faults: list[Fault] = []
        self._jobs, self._around = jobs, around

    def hook(self, name: str, written: Any) -> Hook:
        """The hook of this name, as far as it can be made."""
        fields, faults = HOOK.read(written)
        self._judge((name,), take_name, name)
        self._add(faults, name)
        header = fields.get("signature_header", Hook.__dataclass_fields__["signature_header"].default)
        fields.setdefault("scheme", Scheme.TOKEN if header.lower() in TOKEN_HEADERS else Scheme.HMAC)
        fields.setdefault("target", ())
        fields["keys"] = tuple(self._keys(name, fields.pop("secret_files", ()), fields))
        self._look_at_the_targets(name, fields["target"], fields.get("map", {}))
        if fields["scheme"] is Scheme.TOKEN and "timestamp_header" in fields:
            self._fault((name, "timestamp_header"), "a token signs nothing, so no time could be believed; remove it")
        return Hook(name=name, **fields)

    def _keys(self, name: str, files: Sequence[str], fields: Mapping[str, Any]) -> Iterator[HookKey]:
        if not files and not fields.get("keys"):
            self._fault((name,), "expected secret_files or keys; without one nothing could be proved")
        for index, file in enumerate(files):
            at = (name, "secret_files", index) if len(files) > 1 else (name, "secret_files")
            yield HookKey(basename(file), secret_file=self._secret(at, file))
        for key, value in fields.get("keys", {}).items():
            yield self._key((name, "keys", key), key, value, fields)

    def _key(self, path: KeyPath, name: str, written: Any, hook: Mapping[str, Any]) -> HookKey:
        fields, faults = HOOK_KEY.read(written)
        self._judge(path, take_name, name)
        self._add(faults, *path)
        if not faults and ("secret_file" in fields) == ("sha256" in fields):
            self._fault(path, "expected one of secret_file and sha256")
        if "sha256" in fields and hook["scheme"] is not Scheme.TOKEN:
            self._fault((*path, "sha256"), "an HMAC needs the secret itself; give a secret_file, or say scheme: token")
        if "secret_file" in fields:
            fields["secret_file"] = self._secret((*path, "secret_file"), fields["secret_file"])
        if "expires" in fields:
            fields["expires"] = self._moment((*path, "expires"), fields["expires"])
        for target in fields.get("targets", ()):
            if target not in hook["target"]:
                self._fault((*path, "targets"), f"{shown(target)} is no target of this hook")
        return HookKey(name, **fields)

    def _secret(self, path: KeyPath, file: str) -> str:
        absolute = self._around.absolute(file)
        self._judge(path, self._around.secret, absolute)
        return absolute

    def _moment(self, path: KeyPath, written: str | float) -> float | None:
        """Read on two days, so that a time without a date gives itself away: it would never have come."""
        from dsari_like.core.when import read_when  # few keys expire

        try:
            zone = self._around.zone(self._around.timezone)
            times = {read_when(written, zone, self._zone_or_none, now) for now in (946_728_000.0, 1_000_000_000.0)}
        except (ValueError, Unfit) as error:
            self._fault(path, str(error) if isinstance(error, ValueError) else "the timezone is not known")
            return None
        if len(times) > 1:
            text = f"{shown(str(written))} is another time on each day; write a date, such as 2026-12-24 18:00"
            self._fault(path, text)
        return times.pop()

    def _zone_or_none(self, name: str) -> tzinfo | None:
        try:
            return self._around.zone(name)
        except Unfit:
            return None

    def _look_at_the_targets(self, name: str, targets: Sequence[str], mapped: Mapping[str, Source]) -> None:
        for target in targets:
            job = self._jobs.get(target)
            if job is not None:
                self._add(list(_of_parameters(job, mapped)), name, "map")
            else:
                text = f"there is no job {shown(target)} in the configuration"
                self._add([Fault((), text, target, tuple(self._jobs), context=True)], name, "target")

    def _judge(self, path: KeyPath, check: Callable[[str], Any], value: str) -> None:
        try:
            check(value)
        except Unfit as refusal:
            self._add(refusal.faults, *path)

    def _fault(self, path: KeyPath, text: str) -> None:
        self._add([Fault((), text)], *path)

    def _add(self, faults: Sequence[Fault], *path: str | int) -> None:
        self.faults += [fault.below(*path) for fault in faults]


def _of_parameters(job: Job, mapped: Mapping[str, Source]) -> Iterator[Fault]:
    """A request may set declared parameters and nothing else, whatever its file could set."""
    for name in mapped:
        if name not in job.parameters:
            text = f"'{job.name}' declares no parameter {shown(name)}, and a webhook sets nothing else"
            yield Fault((name,), text, name, tuple(job.parameters), context=True)
    for name, parameter in job.parameters.items():
        if parameter.required and parameter.default is None and name not in mapped:
            yield Fault((), f"'{job.name}' requires the parameter {shown(name)}, so it has to be mapped", context=True)


def dumped(hook: Hook) -> dict[str, Any]:
    """A hook key by key, as it could be written; its secrets stay where they are."""
    return {
        **{key.name: getattr(hook, key.name) for key in HOOK.keys if key.name != "secret_files"},
        "keys": {key.name: {part.name: getattr(key, part.name) for part in HOOK_KEY.keys} for key in hook.keys},
        "map": {name: str(source) for name, source in hook.map.items()},
    }
