"""The language `qube`: which verbs there are, what each asks for, and why the others are refused."""

from __future__ import annotations

from typing import Any

import pytest

from dsari_like.core.reactions import Call, Language
from dsari_like.core.verbs import Drop, Verb, VerbError, drops_of, parse


def call(code: str, **event: Any) -> Call:
    """A call of this code, on the completion of A."""
    who = {"self": {"run_id": "r2", "job_name": "C"}, "parent": {"run_id": "r1"}}
    told = {"text": "complete-job-A", **who, **event}
    return Call("c1", "C/1", "r2", "C", "complete-job-A", told, Language.QUBE, code, 0.0)


WHY = "by callback C/1 on complete-job-A"


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        ("unblock-self", {"action": "unblock", "run": "r2", "reason": WHY}),  # Q-60
        ("unblock-work-self", {"action": "unblock", "run": "r2", "reason": WHY}),  # Q-67: self is the item's run
        ("kill-self", {"action": "cancel", "run": "r2", "reason": WHY}),  # Q-62
        ("cancel-parent", {"action": "cancel", "run": "r1", "reason": WHY}),
        ("retry-work-self", {"action": "retry", "run": "r2", "reason": WHY}),
        ("resume-self", {"action": "resume", "run": "r2", "reason": WHY}),
        ("pause-self", {"action": "pause", "job": "C", "reason": WHY}),
        ("unpause-self", {"action": "unpause", "job": "C"}),
        ("skip-next-self", {"action": "skip_next", "job": "C", "reason": WHY}),
    ],
)
def test_q_60_to_q_67_a_verb_becomes_a_request(code: str, asked: dict[str, str]) -> None:
    assert list(drops_of(call(code))) == [Drop("", asked)]


@pytest.mark.parametrize("code", ["trigger-clean up", 'trigger-"clean up"', "trigger-'clean up' ; "])
def test_q_70_a_callback_can_start_a_job_without_code(code: str) -> None:
    (drop,) = drops_of(call(code))
    assert drop.job_name == "clean up"
    assert drop.mapping["trigger_type"] == "callback" and drop.mapping["callback_id"] == "c1"


def test_several_verbs_are_divided_by_lines_or_semicolons() -> None:
    assert parse("unblock-self\ntrigger-A; kill-self") == (
        Verb("unblock", "self"),
        Verb("trigger", "A"),
        Verb("cancel", "self"),
    )


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("", "found nothing"),
        ("block-self", "not held again"),  # Q-61
        ("migrate-self", "one host"),  # Q-63
        ("preempt-self", "one host"),
        ("interrupt-self", "retry-self on killed-job-self"),
        ("suspend-self", "pause the job"),  # Q-66
        ("complete-work-self", "nobody but a run"),
        ("requeue-work-self", "stays as it is recorded"),
        ("unblock-subjob-self-single", "one process"),  # Q-68
        ("mail-status", "language: mail"),  # Q-69
        ("explode-self", "expected one of"),
    ],
)
def test_a_verb_without_a_meaning_here_is_refused_with_a_way_out(code: str, words: str) -> None:
    with pytest.raises(VerbError, match=words):
        parse(code)


def test_a_verb_about_a_run_that_is_not_there_says_so() -> None:
    with pytest.raises(VerbError, match="no run that 'self' could mean"):
        list(drops_of(call("unblock-self", self=None)))
