"""The merged maps into a `Configuration`: what keys mean together, and what each job comes to.

Owns the rules that need more than one value: names that clash, groups, runtimes, schedules, paths made absolute.
Reads nothing itself; what needs a look at the machine is asked of `Surroundings`. Must not know: files and lines of
the configuration, beyond handing `Where` on.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Any, NamedTuple

from dsari_like.config import clauses, flows, hooks, reactions
from dsari_like.config.blackouts import Judge
from dsari_like.config.checks import MOST_FAULTS, Fault, KeyPath, Unfit, shown, take_name, take_variable_name
from dsari_like.config.schema import CONCURRENCY_GROUP, JOB, JOB_GROUP, PARAMETER, RUNTIME, TOP
from dsari_like.config.section import Section
from dsari_like.core import schedule
from dsari_like.core.choices import OnShutdown
from dsari_like.core.mail import Mail
from dsari_like.core.model import NOTHING, Blackout, Configuration, Job, Parameter, Runtime, Where
from dsari_like.core.reactions import LANGUAGES, UNIVERSAL, Callback
from dsari_like.core.secrets import ALWAYS, Secrets

if TYPE_CHECKING:
    from dsari_like.core.flows import Chains, Remembered
    from dsari_like.core.hooks import Hook
    from dsari_like.core.ical import Calendar

#: The keys of a job whose value is not yet what the job holds.
_UNFINISHED = frozenset(
    "blackout blocked_until callbacks environment environment_file group parameters runtime schedule_timezone user"
    " working_directory".split()
)


class Surroundings(NamedTuple):
    """What the build asks of the machine. The functions raise `Unfit`."""

    config_dir: str
    data_dir: str  # where data is kept unless the configuration says otherwise
    zone: Callable[[str], tzinfo]
    variables: Callable[[str], Mapping[str, str]]  # those of an environment file
    calendar: Callable[[str], Calendar]
    user: Callable[[str], None]  # whether there is one
    group: Callable[[str], None]
    is_executable: Callable[[str, Mapping[str, Any]], bool]  # a command, with the keys of its job
    secret: Callable[[str], None]  # whether it is a file that is closed to others
    remembered: Callable[[str], Remembered | None]  # the chains that a run log knows; None when it cannot be read


class Unsound(Exception):
    """There are as many faults as the caller had patience for; looking on would be of no use."""


class Build:
    """One building of one configuration; `faults` and `warnings` name the paths they are about."""

    def __init__(self, around: Surroundings, where: Mapping[str, Mapping[str, Where]], patience: int) -> None:
        self.faults: list[Fault] = []
        self.warnings: list[Fault] = []
        self._patience = patience
        self._around = around
        self._where = where
        self._top: dict[str, Any] = {}
        self._runtimes: dict[str, Runtime] = {}
        self._shared: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        self._told: dict[str, tuple[str, ...]] = {}
        self._unsound: dict[str, str] = {}
        self._blackout = Judge(around.zone, around.calendar)
        self._owners: dict[str, str] = {}  # of each job that is in a group, the group
        self._lone: frozenset[str] = frozenset()  # those that are in none, when there are groups at all

    def configuration(self, raw: Mapping[str, Any]) -> Configuration:
        """All of it, using `raw` up. Of use only when there are no faults; `Unsound` when patience ended."""
        self._top, faults = TOP.read(raw)
        self._add(faults)
        self._runtimes = dict(self._each("runtimes", RUNTIME, lambda fields: Runtime(**fields)))
        top = self._top
        data_dir = self._absolute(top.get("data_dir", self._around.data_dir))
        environment, secrets = self._environment((), top)
        if "timezone" in top:
            self._judge(("timezone",), self._around.zone, top["timezone"])
        self._reactions = self._maker()
        jobs = self._jobs()
        database = top.get("database", {}).get("file") or posixpath.join(data_dir, "dsari_like.sqlite3")
        database_file = self._absolute(database)
        chains = self._flows(jobs, database_file)
        plain = {name: top[name] for name in _PLAIN if name in top}
        return Configuration(
            jobs=jobs,
            groups=self._groups(),
            runtimes=self._runtimes,
            calendars=self._blackout.calendars or NOTHING,
            webhooks=self._webhooks(jobs),
            callbacks=self._universal(jobs),
            zone=self._zone_of_day(),
            mail=self._mail(),
            chains=chains,
            environment=environment,
            secret_names=secrets,
            secrets=self._secrets(jobs, environment, secrets, data_dir),
            config_dir=self._around.config_dir,
            data_dir=data_dir,
            database_file=database_file,
            template_dir=self._absolute(top["template_dir"]) if "template_dir" in top else None,
            on_shutdown=self._on_shutdown(),
            render=top.get("render", "auto") == "auto",
            **plain,
        )

    def _jobs(self) -> dict[str, Job]:
        jobs: dict[str, Job] = {}
        written = self._top.get("jobs", {})
        self._lone = frozenset(written) if self._top.get("job_groups") else frozenset()
        for name in list(written):
            path = ("jobs", name)
            # Taken out, so that the next job can be put where this map was: of 100,000 jobs that is 30 MiB.
            fields, faults = JOB.read(written.pop(name))
            self._add(faults, *path)
            self._judge(path, take_name, name)
            jobs[name] = self._job(path, name, fields)
        for group, written in self._top.get("job_groups", {}).items():
            self._job_group(group, written, jobs)
        return jobs

    def _job_group(self, group: str, written: Any, jobs: dict[str, Job]) -> None:
        path = ("job_groups", group)
        fields, faults = JOB_GROUP.read(written)
        self._add(faults, *path)
        self._judge(path, take_name, group)
        names = fields.pop("job_names", ())
        if not names:
            return
        first = self._job(path, names[0], {"job_group": group, **fields})
        for name in names:
            owner = self._owners.setdefault(name, group)
            if owner == group and name not in self._lone:
                jobs[name] = first if name == names[0] else reactions.owned(replace(first, name=name))
                continue
            # One of the two would silently win, and nobody could tell which from either place (B-68).
            by = f"in the group '{owner}'" if owner != group else "under jobs"
            self._fault((*path, "job_names"), f"the job '{name}' is defined {by} already; rename or remove one")

    def _job(self, path: KeyPath, name: str, fields: dict[str, Any]) -> Job:
        share = self._shared.setdefault
        command = fields.setdefault("command", ())  # there is a fault already when there is none
        fields["command"] = share(command, command)
        if "schedule" in fields:
            fields["schedule"] = share(fields["schedule"], fields["schedule"])
            self._schedules(path, fields["schedule"])
        if not _UNFINISHED.isdisjoint(fields):
            self._finish(path, name, fields)
        self._add([*clauses.faults(fields, self._around.is_executable)], *path)
        where = self._where.get(str(path[0]), NOTHING).get(path[1], _NOWHERE)
        return Job(name=name, where=where, **fields)

    def _finish(self, path: KeyPath, name: str, fields: dict[str, Any]) -> None:
        fields["environment"], fields["secret_names"] = self._environment(path, fields)
        if "environment_file" in fields:
            fields["environment_file"] = self._absolute(fields["environment_file"])
        if "working_directory" in fields:
            fields["working_directory"] = self._absolute(fields["working_directory"])
        if "schedule_timezone" in fields:
            self._judge((*path, "schedule_timezone"), self._around.zone, fields["schedule_timezone"])
        for key, known in (("user", self._around.user), ("group", self._around.group)):
            if key in fields:
                self._judge((*path, key), known, fields[key])
        if "parameters" in fields:
            fields["parameters"] = self._parameters((*path, "parameters"), fields["parameters"])
        self._react(path, name, fields)
        if "blackout" in fields:
            fields["blackout"] = self._blackouts((*path, "blackout"), name, fields)
        runtime = fields.get("runtime")
        if runtime is not None and runtime not in self._runtimes:
            text = f"expected one of the runtimes, found {shown(runtime)}"
            fault = Fault(("runtime",), text, runtime, tuple(self._runtimes), context=True)
            self._add([fault], *path)

    def _environment(self, path: KeyPath, fields: Mapping[str, Any]) -> tuple[Mapping[str, str], frozenset[str]]:
        own: Mapping[str, str] = fields.get("environment", NOTHING)
        if "environment_file" not in fields:
            return own or NOTHING, frozenset()
        file = self._absolute(fields["environment_file"])
        secret: Mapping[str, str] = NOTHING
        try:
            secret = self._around.variables(file)
        except Unfit as refusal:
            self._add(refusal.faults, *path, "environment_file")
        return {**secret, **own}, frozenset(secret.keys() - own.keys())

    def _secrets(
        self, jobs: Mapping[str, Job], environment: Mapping[str, str], closed: frozenset[str], data_dir: str
    ) -> Secrets:
        rule = Secrets(self._top.get("secret_names", ()))
        values: dict[str, list[str]] = {"": _hidden(rule, environment, closed)}
        for runtime in self._runtimes.values():
            values[""] += _hidden(rule, runtime.environment, ())
        for name, job in jobs.items():
            if job.environment or job.parameters:
                defaults = {key: one.default for key, one in job.parameters.items() if one.default is not None}
                values[name] = _hidden(rule, {**defaults, **job.environment}, job.secret_names)
        for name, told in flows.parameters_of_tasks(jobs):
            values.setdefault(name, []).extend(_hidden(rule, told, ()))
        public = (*jobs, self._around.config_dir, data_dir)
        return Secrets(rule.patterns, values, public) if any(values.values()) or rule.patterns else ALWAYS

    def _blackouts(self, path: KeyPath, name: str, fields: Mapping[str, Any]) -> tuple[Blackout, ...]:
        zone = fields.get("schedule_timezone") or self._top.get("timezone", "")
        written, faults, warnings = self._blackout.taken(name, fields["blackout"], zone, self._absolute)
        self._add(faults, *path)
        self._warn(*(warning.below(*path) for warning in warnings))
        return self._shared.setdefault(written, written)

    def _parameters(self, path: KeyPath, written: Mapping[str, Any]) -> Mapping[str, Parameter]:
        parameters = {}
        for name, value in written.items():
            self._judge((*path, name), take_variable_name, name)
            fields, faults = PARAMETER.read(value)
            self._add(faults, *path, name)
            parameter = parameters[name] = Parameter(**fields)
            if parameter.default is not None and parameter.default not in (parameter.allowed or [parameter.default]):
                self._fault((*path, name, "default"), f"{shown(parameter.default)} is not one of the values allowed")
        return parameters

    def _schedules(self, path: KeyPath, texts: tuple[str, ...]) -> None:
        for index, text in enumerate(texts):
            if text not in self._told and text not in self._unsound:
                self._learn(text)
            at = (*path, "schedule", index) if len(texts) > 1 else (*path, "schedule")
            if text in self._unsound:
                self._fault(at, self._unsound[text])
            else:
                self._warn(*(Fault(at, warning) for warning in self._told[text]))

    def _learn(self, text: str) -> None:
        # Once for each text and not for each job: what is to be told of it depends on neither name nor zone.
        try:
            parsed = schedule.parse(text)
            rule = schedule.bind(parsed, "", UTC, schedule.DstPolicy.ONCE, anchor=0.0, zones=self._zone_of_start)
            self._told[text] = rule.warnings()
        except schedule.ScheduleError as error:
            self._unsound[text] = str(error)

    def _zone_of_start(self, name: str) -> tzinfo:
        try:
            return self._around.zone(name)
        except Unfit as refusal:
            raise schedule.ScheduleError(f"DTSTART: {refusal.faults[0].text}") from None

    def _groups(self) -> dict[str, int]:
        groups = {}
        for name, fields in self._each("concurrency_groups", CONCURRENCY_GROUP, dict):
            groups[name] = fields.get("max", 1)
            if groups[name] == 0:
                text = "the group is paused (max: 0); runs that need it wait until this is raised"
                self._warn(Fault(("concurrency_groups", name, "max"), text))
        return groups

    def _each(self, key: str, section: Section, make: Callable[[dict[str, Any]], Any]) -> Iterator[tuple[str, Any]]:
        for name, written in self._top.get(key, {}).items():
            fields, faults = section.read(written)
            self._add(faults, key, name)
            self._judge((key, name), take_name, name)
            yield name, make(fields)

    def _maker(self) -> reactions.Maker:
        around, languages = self._around, self._top.get("callback_languages", LANGUAGES)
        return reactions.Maker(reactions.Around(around.zone, self._top.get("timezone", ""), languages))

    def _react(self, path: KeyPath, name: str, fields: dict[str, Any]) -> None:
        zone, made = fields.get("schedule_timezone", ""), self._reactions
        if "blocked_until" in fields:
            fields["blocked_until"] = made.blocking((*path, "blocked_until"), fields["blocked_until"], zone)
        if "callbacks" in fields:
            fields["callbacks"] = made.callbacks((*path, "callbacks"), name, fields["callbacks"], zone)

    def _universal(self, jobs: Mapping[str, Job]) -> tuple[Callback, ...]:
        """The callbacks of the whole site; all names are known now, and are looked up."""
        made = self._reactions.callbacks(("callbacks",), UNIVERSAL, self._top.get("callbacks", ()), "")
        self._reactions.look_up(jobs)
        self._add(self._reactions.faults)
        return made

    def _zone_of_day(self) -> tzinfo | None:
        """Of quiet hours and digests; a zone that does not exist was told where it stands."""
        try:
            return self._around.zone(self._top.get("timezone", ""))
        except Unfit:
            return None

    def _mail(self) -> Mail:
        mail: Mail = self._top.get("mail", Mail())
        return replace(mail, password_file=self._absolute(mail.password_file)) if mail.password_file else mail

    def _webhooks(self, jobs: Mapping[str, Job]) -> Mapping[str, Hook]:
        written = self._top.get("webhooks")
        if not written:
            return NOTHING
        around = hooks.Around(self._absolute, self._around.secret, self._around.zone, self._top.get("timezone", ""))
        made, faults = hooks.hooks_of(written, jobs, around)
        self._add(faults, "webhooks")
        return made

    def _flows(self, jobs: dict[str, Job], database_file: str) -> Chains:
        """Puts the orchestrations among the jobs, and tells who follows whom."""
        made = flows.Flows(
            flows.Around(
                self._absolute,
                lambda name: ("job_groups", self._owners[name]) if name in self._owners else ("jobs", name),
                self._where.get("orchestrations", NOTHING),
                self._timed,
                lambda: self._around.remembered(database_file),
            )
        )
        made.orchestrations(self._top.get("orchestrations", {}), jobs)
        made.watched(jobs)
        chains = made.chains(jobs)
        self._add(made.faults)
        self._warn(*made.warnings)
        return chains

    def _timed(self, path: KeyPath, texts: tuple[str, ...], zone: str) -> None:
        self._schedules(path, texts)
        self._judge((*path, "schedule_timezone"), self._around.zone, zone)

    def _on_shutdown(self) -> OnShutdown:
        chosen: OnShutdown = self._top.get("on_shutdown", OnShutdown.LEAVE)
        if not self._top.get("shutdown_kill_runs", False):
            return chosen
        if self._top.get("on_shutdown", OnShutdown.KILL) is not OnShutdown.KILL:
            self._fault(("shutdown_kill_runs",), f"true means kill, and on_shutdown says {chosen.value}; remove one")
        return OnShutdown.KILL

    def _absolute(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self._around.config_dir, path))

    def _judge(self, path: KeyPath, check: Callable[[str], Any], value: str) -> None:
        try:
            check(value)
        except Unfit as refusal:
            self._add(refusal.faults, *path)

    def _fault(self, path: KeyPath, text: str) -> None:
        self._add([Fault(path, text)])

    def _warn(self, *warnings: Fault) -> None:
        if warnings and len(self.warnings) < MOST_FAULTS:
            self.warnings += warnings

    def _add(self, faults: Sequence[Fault], *path: str | int) -> None:
        if faults:
            self.faults += [fault.below(*path) for fault in faults]
            if len(self.faults) >= self._patience:
                raise Unsound


def _hidden(rule: Secrets, environment: Mapping[str, str], closed: Collection[str]) -> list[str]:
    return [value for name, value in environment.items() if name in closed or rule.is_secret(name)]


_NOWHERE = Where("", 0)
_PLAIN = (
    "timezone",
    "max_running",
    "shutdown_kill_grace",
    "max_output",
    "callback_languages",
    "notify",
    "drop_rights",
    "storm",
    "retention",
    "title",
    "base_url",
    "report_run_output_start",
    "report_run_output_end",
    "report_html_gz",
)
