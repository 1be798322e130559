"""The verbs of the language `qube` (Q-60 to Q-70), as far as they mean something on one host, and `trigger-JOB`.

Owns which there are, why the others are refused, and what each asks of the daemon. A verb is no door of its own: it
becomes a request or a trigger, dropped like anybody's. Must not know files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from dsari_like.core.reactions import Call
from dsari_like.core.record import record

#: What a verb asks for: the request it becomes.
_ACTIONS = {
    "unblock": "unblock",
    "kill": "cancel",
    "cancel": "cancel",
    "retry": "retry",
    "resume": "resume",
    "pause": "pause",
    "unpause": "unpause",
    "skip-next": "skip_next",
}
#: Requests that are about a job and not about one of its runs.
_OF_JOBS = {"pause", "unpause", "skip_next"}
#: Verbs of Qube that there are not, and what to do instead.
_REFUSED = {
    "block": "a run that was released is not held again; pause the job, or give it a blocked_until",
    "fail": "a run ends as it ends; write kill-self",
    "complete": "nobody but a run itself can say that it completed; write kill-self to end it",
    "migrate": "there is one host; write kill-self, and retry-self on killed-job-self",
    "preempt": "there is one host; write kill-self, and retry-self on killed-job-self",
    "interrupt": "write kill-self, and retry-self on killed-job-self",
    "requeue": "a run that has ended stays as it is recorded; write retry-self, which makes a new one",
    "suspend": "a stopped process would run into its limits; pause the job",
    "mail": "write language: mail, or notify",
}
_VERB = re.compile(rf"({'|'.join(_ACTIONS)})-(?:(work|job)-)?(self|parent)")
_TRIGGER = re.compile(r"""trigger-(?:"([^"]+)"|'([^']+)'|(.+))""")


class VerbError(ValueError):
    """What is wrong with the code of a callback in the language `qube`."""


@record
class Verb:
    """One thing to ask for: an action on the run (or its job) that is called `self` or `parent`, or a trigger."""

    action: str
    target: str


@record
class Drop:
    """A file to be dropped: a trigger for a job, or a request where that is empty."""

    job_name: str
    mapping: Mapping[str, Any]


def parse(code: str) -> tuple[Verb, ...]:
    """The verbs of some code, which are divided by lines or semicolons; raises VerbError."""
    found = tuple(_verb(part.strip()) for part in re.split(r"[;\n]", code) if part.strip())
    if not found:
        raise VerbError("expected a verb such as unblock-self or trigger-JOB, found nothing")
    return found


def drops_of(call: Call) -> Iterator[Drop]:
    """What a call in this language asks for. Raises VerbError when there is no run that it could be about."""
    for verb in parse(call.code):
        if verb.action == "trigger":
            yield Drop(verb.target, trigger_of(call.callback_id, str(call.event["text"])))
        else:
            yield Drop("", _request(verb, call))


def trigger_of(callback_id: str, text: str) -> dict[str, Any]:
    """The trigger that a callback drops; its id says which call it came from, and with that how deep the chain is."""
    return {"trigger_type": "callback", "callback_id": callback_id, "description": f"by a callback on {text}"}


def _request(verb: Verb, call: Call) -> dict[str, Any]:
    who: Mapping[str, Any] = call.event.get(verb.target) or {}
    key = "job_name" if verb.action in _OF_JOBS else "run_id"
    if not who.get(key):
        raise VerbError(f"{verb.action}: there is no run that '{verb.target}' could mean")
    subject = {"job" if verb.action in _OF_JOBS else "run": who[key]}
    reason = {} if verb.action == "unpause" else {"reason": f"by callback {call.callback} on {call.event['text']}"}
    return {"action": verb.action, **subject, **reason}


def _verb(text: str) -> Verb:
    trigger = _TRIGGER.fullmatch(text)
    if trigger is not None:
        return Verb("trigger", (trigger[1] or trigger[2] or trigger[3]).strip())
    verb = _VERB.fullmatch(text)
    if verb is not None:
        return Verb(_ACTIONS[verb[1]], verb[3])
    word = text.partition("-")[0]
    if "subjob" in text.split("-"):
        raise VerbError(f"'{text}': a run has one process here; write it without subjob")
    if word in _REFUSED:
        raise VerbError(f"'{text}' is no verb here: {_REFUSED[word]}")
    known = ", ".join([*(f"{name}-self" for name in _ACTIONS), "trigger-JOB"])
    raise VerbError(f"expected one of {known}, found {text[:60]!r}")
