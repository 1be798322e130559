"""From what was written of reactions to what it comes to: callbacks, and what blocks a run.

Owns the settling of times, and the looking up of names when all jobs are known. Must not know when a callback fires, or
how it is carried out. What may be written at all is in `reaction_keys`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import tzinfo
from typing import Any, NamedTuple

from dsari_like.config.checks import Fault, KeyPath, Unfit, read_duration, shown
from dsari_like.config.reaction_keys import CALLBACK, SMTP, Written
from dsari_like.core import addresses, verbs
from dsari_like.core.expression import Expression, terms_of, unparse
from dsari_like.core.instants import Reading, settled
from dsari_like.core.mail import Mail
from dsari_like.core.model import Job
from dsari_like.core.reactions import UNIVERSAL, Blocking, Callback, Freshness, Language
from dsari_like.core.terms import ANY, GLOBAL, PARENT, SELF, EventType, ExpressionError, Term
from dsari_like.core.when import read_when

#: A run id, of this program or another: what looks like one is not looked for among the jobs.
_RUN_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
#: A time that means something else on another day, such as "18:00", would never come again: read on two days, it gives
#: itself away.
_SOME_DAY, _ANOTHER_DAY = 946_728_000.0, 1_000_000_000.0


class Around(NamedTuple):
    """What the making of reactions asks of the rest. The function raises `Unfit`."""

    zone: Callable[[str], tzinfo]
    timezone: str  # of times that do not say another
    languages: Sequence[Language]


class Maker:
    """One building of all reactions; `faults` name the paths they are about."""

    def __init__(self, around: Around) -> None:
        self.faults: list[Fault] = []
        self._around = around
        self._made: list[tuple[KeyPath, Expression]] = []  # to be looked up when all names are known
        self._triggered: list[tuple[KeyPath, str]] = []

    def blocking(self, path: KeyPath, written: Mapping[str, Any], zone: str) -> Blocking:
        """What blocks the runs of a job."""
        triggers: Written = written["triggers"]
        expression = self._settled(path, triggers, written, zone)
        return Blocking(_text(triggers, expression, written), expression, _freshness(written))

    def callbacks(
        self, path: KeyPath, owner: str, written: Sequence[Mapping[str, Any]], zone: str
    ) -> tuple[Callback, ...]:
        """The callbacks of a job, or of the whole site."""
        made = tuple(self._callback((*path, index), owner, index, one, zone) for index, one in enumerate(written))
        names = [callback.name for callback in made]
        for index, name in enumerate(names):
            if name in names[:index]:
                self._fault((*path, index, "name"), f"there is a callback {shown(name)} before; each needs a name")
        return made

    def look_up(self, jobs: Mapping[str, object], others: Iterable[str] = ()) -> None:
        """All names are known now: what expressions and verbs are about has to be among them."""
        known = (*jobs, *others)
        names = {*known, SELF, PARENT, ANY}
        for path, expression in self._made:
            for term in _named(expression):
                if term.context not in names and not _RUN_ID.fullmatch(term.context):
                    self.faults.append(_unknown(path, term, known))
        for path, name in self._triggered:
            if name not in names:
                text = f"there is no job {shown(name)} that could be triggered"
                self.faults.append(Fault(path, text, name, known, context=True))

    def _callback(self, path: KeyPath, owner: str, index: int, written: Mapping[str, Any], zone: str) -> Callback:
        triggers: Written = written["triggers"]
        fields = {key: written[key] for key in _PLAIN if key in written}
        expression = self._settled((*path, "triggers"), triggers, written, zone)
        callback = Callback(
            name=written.get("name", str(index + 1)),
            owner=owner,
            triggers=_text(triggers, expression, written),
            expression=expression,
            language=written["language"],
            freshness=_freshness(written),
            **fields,
        )
        self._look_at_time((*path, "triggers"), callback)
        self._look_at_code(path, callback)
        return callback

    def _settled(self, path: KeyPath, triggers: Written, written: Mapping[str, Any], zone: str) -> Expression:
        reading = Reading(lambda text: self._moment(text, zone), _seconds, written.get("times") == "qube")
        expression = triggers.expression
        try:
            expression = settled(expression, reading)
        except ExpressionError as error:
            self._fault(path, f"{shown(triggers.text)}: {error}")
        self._made.append((path, expression))
        return expression

    def _look_at_time(self, path: KeyPath, callback: Callback) -> None:
        for term in terms_of(callback.expression):
            if term.type in GLOBAL and callback.owner != UNIVERSAL:
                text = f"column {term.column}: {term.type.value} is for callbacks of the top level; write time-self-…"
                self._fault(path, text)

    def _look_at_code(self, path: KeyPath, callback: Callback) -> None:
        if callback.language not in self._around.languages:
            allowed = ", ".join(one.value for one in self._around.languages)
            text = f"callback_languages allows {allowed or 'none'}, and this is {callback.language.value}"
            self._fault((*path, "language"), text)
        elif callback.language is Language.QUBE:
            self._look_at_verbs((*path, "code"), callback.code)
        elif not callback.code.strip():
            self._fault(path, f"'code' is missing; a callback in {callback.language.value} needs it")
        elif callback.language in (Language.MAIL, Language.WEBHOOK):
            self._look_at_addresses((*path, "code"), callback)

    def _look_at_verbs(self, path: KeyPath, code: str) -> None:
        try:
            found = verbs.parse(code)
        except verbs.VerbError as error:
            self._fault(path, str(error))
            return
        self._triggered += [(path, verb.target) for verb in found if verb.action == "trigger"]

    def _look_at_addresses(self, path: KeyPath, callback: Callback) -> None:
        kind = callback.language.value
        try:
            wrong = [one for one in addresses.read_all(callback.code) if one.kind != kind]
        except addresses.AddressError as error:
            self._fault(path, str(error))
            return
        if wrong:
            self._fault(path, f"expected addresses for {kind}, found {addresses.shown(wrong[0])}")

    def _moment(self, text: str, zone: str) -> float:
        try:
            of = self._around.zone(zone or self._around.timezone)
        except Unfit:  # that there is no such zone is told where it stands
            return _SOME_DAY
        found, again = (read_when(text, of, self._zone_or_none, now) for now in (_SOME_DAY, _ANOTHER_DAY))
        if found != again:
            raise ValueError("it is another time on each day; write date and time, such as '2026-12-24 18:00'")
        return found

    def _zone_or_none(self, name: str) -> tzinfo | None:
        try:
            return self._around.zone(name)
        except Unfit:
            return None

    def _fault(self, path: KeyPath, text: str) -> None:
        self.faults.append(Fault(path, text))


def owned(job: Job) -> Job:
    """A job that was made in the likeness of another: its callbacks are its own."""
    if all(callback.owner == job.name for callback in job.callbacks):
        return job
    return replace(job, callbacks=tuple(replace(callback, owner=job.name) for callback in job.callbacks))


def dumped(callback: Callback) -> dict[str, Any]:
    """A callback key by key, as it could be written."""
    plain = {key.name: getattr(callback, key.name) for key in CALLBACK.keys if hasattr(callback, key.name)}
    return {**plain, "language": callback.language.value, **_dumped_freshness(callback.freshness)}


def dumped_blocking(blocking: Blocking | None) -> dict[str, Any] | str | None:
    """The same for what blocks a run."""
    if blocking is None or not blocking.freshness.across_flows:
        return None if blocking is None else blocking.triggers
    return {"triggers": blocking.triggers, **_dumped_freshness(blocking.freshness)}


_PLAIN = ("code", "maximum", "timeout", "retries", "retry_delay")


def dumped_mail(mail: Mail) -> dict[str, Any]:
    """The same for how mail leaves."""
    smtp = {key.name: getattr(mail, key.name) for key in SMTP.keys} if mail.host else None
    return {"sendmail": list(mail.sendmail) or None, "smtp": smtp, "from": mail.sender or None}


def _dumped_freshness(freshness: Freshness) -> dict[str, Any]:
    since = {"since": "last_run"} if freshness.since_last_run else {}
    return since if freshness.within is None else {"within": freshness.within, **since}


def _text(triggers: Written, expression: Expression, written: Mapping[str, Any]) -> str:
    """As it was written, unless its numbers mean something else than in other expressions."""
    return unparse(expression) if written.get("times") == "qube" else triggers.text


def _freshness(written: Mapping[str, Any]) -> Freshness:
    return Freshness(written.get("within"), written.get("since") == "last_run")


def _named(expression: Expression) -> Iterator[Term]:
    """The events that are about somebody who has a name."""
    return (term for term in terms_of(expression) if term.type in (EventType.JOB, EventType.WORK))


def _unknown(path: KeyPath, term: Term, known: Sequence[str]) -> Fault:
    text = f"column {term.column}: there is no job {shown(term.context)}; a name with dashes before an item is quoted"
    if term.type is EventType.JOB:
        text = text.partition(";")[0]
    return Fault(path, text, term.context, tuple(known), context=True)


def _seconds(text: str) -> float:
    found = read_duration(text)
    if found is None:
        raise ValueError("expected a duration such as 90s, 15m or 2h")
    return found
