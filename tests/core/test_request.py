"""A trigger file's map becomes a trigger, or every reason why not."""

from __future__ import annotations

import json
import re
from datetime import UTC, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsari_like.core.control import read_control
from dsari_like.core.flows import Orchestration, Phase, Task
from dsari_like.core.model import Job, Parameter, Trigger
from dsari_like.core.names import RESERVED, SWAYING, is_job_name, is_trigger_id
from dsari_like.core.request import LONGEST_VARIABLE, read_trigger
from dsari_like.core.secrets import Secrets
from dsari_like.errors import TriggerError

NOW = 1_790_000_000.0
BERLIN = ZoneInfo("Europe/Berlin")
JOB = Job("build", ("true",))
PARAMETERS = {
    "BRANCH": Parameter(default="main", allowed=("main", "dev")),
    "TARGET": Parameter(required=True),
    "NOTE": Parameter(),
}


def zone_of(name: str) -> tzinfo | None:
    return {"Europe/Berlin": BERLIN, "UTC": UTC, "Asia/Tokyo": ZoneInfo("Asia/Tokyo")}.get(name)


def read(data: object, job: Job = JOB, trusted: bool = True) -> Trigger:
    return read_trigger(data, job, BERLIN, NOW, trusted, zone_of)


def faults(data: object, job: Job = JOB, trusted: bool = True) -> tuple[str, ...]:
    with pytest.raises(TriggerError) as caught:
        read(data, job, trusted)
    return caught.value.problems


def test_the_empty_map_is_enough() -> None:
    assert read({}) == Trigger("file")


def test_everything_that_is_said_is_kept() -> None:
    data = {
        "type": "git push",
        "description": "main moved",
        "environment": {"GIT_REF": "refs/heads/main", "COUNT": 3, "RATIO": 0.5},
        "schedule_time": NOW + 60,
        "id": "push-1",
        "priority": -5,
        "anything": {"else": [1]},
    }
    trigger = read(data)
    assert (trigger.type, trigger.label, trigger.description) == ("file", "git push", "main moved")
    assert trigger.environment == {"GIT_REF": "refs/heads/main", "COUNT": "3", "RATIO": "0.5"}
    assert (trigger.schedule_time, trigger.id, trigger.priority) == (NOW + 60, "push-1", -5)
    assert trigger.data == data


def test_all_faults_are_told_at_once_each_with_its_key() -> None:
    data = {
        "type": 5,
        "description": ["x"],
        "environment": {"PATH": "/tmp", "OK": True, "RUN_ID": "1"},
        "schedule_time": [1],
        "schedule_timezone": "Mars/Olympus",
        "id": "../x",
        "priority": "high",
        "tasks": ["a"],
        "items": [1],
    }
    found = faults(data)
    keys = [problem.split(":")[0] for problem in found]
    assert keys.count("environment") == 3
    assert set(keys) == set(data)
    assert len(found) == 11


@pytest.mark.parametrize("data", [None, 1, "text", [], [{}], True])
def test_what_is_no_map_is_no_trigger(data: object) -> None:
    assert "expected a map" in faults(data)[0]


@pytest.mark.parametrize("value", [True, None, [], {}, float("nan"), float("inf"), "a\0b", "x" * LONGEST_VARIABLE])
def test_a_variable_is_text_or_a_number_that_a_run_can_be_given(value: object) -> None:
    assert len(faults({"environment": {"NAME": value}})) == 1


def test_true_and_false_come_with_a_hint() -> None:
    assert 'write "true" or 1 or 0' in faults({"environment": {"FLAG": True}})[0]


@pytest.mark.parametrize("name", ["", "A=B", "A\0", "A B", "A\nB", "A\u202eB", 5])
def test_a_variable_has_a_name_that_an_environment_can_carry(name: object) -> None:
    assert "no name of a variable" in faults({"environment": {name: "x"}})[0]


@pytest.mark.parametrize("value", ["", " leading", "a=b", "ü €", "$(rm -rf /)", "a\nb", "'\"\\"])
def test_values_arrive_byte_for_byte(value: str) -> None:
    assert read({"environment": {"VALUE": value}}).environment["VALUE"] == value


class TestWhoMaySetWhat:
    def test_a_trusted_dropper_sets_any_plain_name(self) -> None:
        assert read({"environment": {"ANYTHING": "x"}}).environment == {"ANYTHING": "x"}

    def test_another_user_sets_declared_parameters_only(self) -> None:
        job = Job("build", ("true",), parameters={"NOTE": Parameter()})
        assert read({"environment": {"NOTE": "x"}}, job, trusted=False).environment == {"NOTE": "x"}
        (problem,) = faults({"environment": {"NOTES": "x"}}, job, trusted=False)
        assert "did you mean 'NOTE'?" in problem

    def test_a_list_takes_the_place_of_the_default_for_everybody(self) -> None:
        job = Job("build", ("true",), trigger_environment=("GIT_*",))
        for trusted in (True, False):
            assert read({"environment": {"GIT_REF": "x"}}, job, trusted).environment == {"GIT_REF": "x"}
            assert "neither listed" in faults({"environment": {"OTHER": "x"}}, job, trusted)[0]

    def test_an_empty_list_leaves_the_parameters(self) -> None:
        job = Job("build", ("true",), trigger_environment=(), parameters={"NOTE": Parameter()})
        assert read({"environment": {"NOTE": "x"}}, job).environment == {"NOTE": "x"}
        assert faults({"environment": {"OTHER": "x"}}, job)

    @pytest.mark.parametrize("name", [*sorted(RESERVED), "DSARI_ANYTHING", "WORKFLOW_X", "TRIGGER_X"])
    def test_what_the_daemon_says_nobody_else_says(self, name: str) -> None:
        job = Job("build", ("true",), trigger_environment=("*", name), parameters={name: Parameter()})
        assert "set by the daemon alone" in faults({"environment": {name: "x"}}, job)[0]

    @pytest.mark.parametrize(
        "name",
        [*sorted(SWAYING), "LD_PRELOAD", "LD_LIBRARY_PATH", "BASH_ENV", "BASH_FUNC_ls%%", "PYTHONPATH", "PERL5OPT"],
    )
    def test_what_decides_which_code_runs_needs_its_full_name_in_the_list(self, name: str) -> None:
        data = {"environment": {name: "x"}}
        assert faults(data)
        assert faults(data, Job("build", ("true",), parameters={name: Parameter()}))
        assert faults(data, Job("build", ("true",), trigger_environment=("*", name[:-1] + "*")))
        assert read(data, Job("build", ("true",), trigger_environment=(name,))).environment == {name: "x"}


class TestParameters:
    job = Job("build", ("true",), parameters=PARAMETERS)

    def test_defaults_are_filled_in(self) -> None:
        assert read({"environment": {"TARGET": "a"}}, self.job).environment == {"TARGET": "a", "BRANCH": "main"}

    def test_what_is_required_must_be_given(self) -> None:
        assert faults({}, self.job) == ("environment: 'TARGET' is required by 'build' and was not given",)

    def test_what_is_not_on_the_list_is_refused(self) -> None:
        (problem,) = faults({"environment": {"TARGET": "a", "BRANCH": "mian"}}, self.job)
        assert problem == "environment: 'BRANCH': expected one of main and dev, found 'mian'"


@pytest.mark.parametrize("word", ["schedule", "chain", "retry", "", 5, None, ["file"]])
def test_a_file_cannot_pass_for_what_it_is_not(word: object) -> None:
    assert "expected 'file', 'manual', 'webhook' or 'callback'" in faults({"trigger_type": word})[0]


def test_our_own_command_says_that_it_was_by_hand() -> None:
    assert read({"trigger_type": "manual"}).type == "manual"


def test_P19_what_a_webhook_dropped_is_trusted_with_declared_parameters_only_whoever_owns_the_file() -> None:
    job = Job("build", ("true",), parameters={"REF": Parameter()})
    assert read({"trigger_type": "webhook", "environment": {"REF": "main"}}, job).environment == {"REF": "main"}
    (problem,) = faults({"trigger_type": "webhook", "environment": {"DEPLOY": "1"}}, job)
    assert problem == (
        "environment: 'DEPLOY' is not declared, and a webhook may set parameters only: 'build' declares REF"
    )
    assert read({"environment": {"DEPLOY": "1"}}, job).environment == {"DEPLOY": "1"}


def test_a_job_that_is_switched_off_takes_no_trigger() -> None:
    assert "switched off" in faults({}, Job("build", ("true",), enabled=False))[0]


@pytest.mark.parametrize("value", [True, 1.5, "1", None, 10**30, -(10**30)])
def test_a_priority_is_an_integer_that_the_run_log_can_hold(value: object) -> None:
    assert "priority: expected an integer" in faults({"priority": value})[0]


@pytest.mark.parametrize("text", ["a", "A-b_c.9", "x" * 128])
def test_an_id_names_a_receipt(text: str) -> None:
    assert read({"id": text}).id == text and is_trigger_id(text)


@pytest.mark.parametrize("value", ["", ".", "..", "a/b", "a b", "x" * 129, "ä", "a\n", 5, None])
def test_what_cannot_name_a_receipt_is_no_id(value: object) -> None:
    assert "id: expected" in faults({"id": value})[0]


def test_names_of_jobs() -> None:
    assert all(map(is_job_name, ["a", "a b", "x" * 64, "-_+.:@ 9", "..."]))
    assert not any(map(is_job_name, ["", ".", "..", "a/b", "x" * 65, "ä", "a\n", "a\0"]))


class TestControl:
    def test_a_request_with_its_arguments(self) -> None:
        control = read_control({"action": "cancel", "run": "r1", "reason": "wrong branch", "id": "c1"})
        assert (control.action, dict(control.arguments), control.id) == (
            "cancel",
            {"run": "r1", "reason": "wrong branch"},
            "c1",
        )

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            ([], "expected a map"),
            ({}, "action: expected one of"),
            ({"action": "cancle"}, "did you mean 'cancel'?"),
            ({"action": "cancel"}, "expected run, flow, job, status or since"),
            ({"action": "cancel", "rnu": "x", "run": "y"}, "did you mean 'run'?"),
            ({"action": "cancel", "run": ""}, "expected text"),
            ({"action": "cancel", "run": 7}, "expected text"),
            ({"action": "cancel", "run": "x" * 1001}, "expected text"),
            ({"action": "retry", "run": "x", "only": "yes"}, "expected true or false"),
            ({"action": "pause", "until": float("nan")}, "expected a time"),
            ({"action": "skip_next", "job": "x", "id": "/"}, "id: expected"),
            ({"action": ["cancel"]}, "action: expected one of"),
        ],
    )
    def test_a_request_that_is_wrong_says_how(self, data: object, words: str) -> None:
        with pytest.raises(TriggerError, match=None) as caught:
            read_control(data)
        assert words in str(caught.value)

    def test_pausing_everything_is_allowed_to_name_nothing(self) -> None:
        assert read_control({"action": "pause"}).action == "pause"


_ANY_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
_KEYS = ["type", "description", "environment", "schedule_time", "schedule_timezone", "id", "priority", "trigger_type"]


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(_KEYS) | st.text(max_size=8), _ANY_JSON, max_size=6) | _ANY_JSON, st.booleans())
def test_any_json_is_a_trigger_or_is_refused(data: object, trusted: bool) -> None:
    for job in (JOB, Job("build", ("true",), parameters=PARAMETERS, trigger_environment=("*",))):
        try:
            trigger = read(data, job, trusted)
        except TriggerError as error:
            assert error.problems
        else:
            assert all(isinstance(value, str) for value in trigger.environment.values())
            assert trigger.schedule_time is None or trigger.schedule_time >= NOW
            json.dumps(dict(trigger.data))


@settings(max_examples=200, deadline=None)
@given(
    _ANY_JSON | st.dictionaries(st.sampled_from(["action", "run", "job", "id", "until"]), _ANY_JSON | st.just("cancel"))
)
def test_any_json_is_a_request_or_is_refused(data: object) -> None:
    try:
        assert read_control(data).action
    except TriggerError as error:
        assert error.problems


class TestSecrets:
    """P18: a refusal is shown to many, and never tells the value of a secret."""

    job = Job("build", ("true",), parameters={"TOKEN": Parameter(allowed=("canary-a", "canary-b"))})

    @pytest.mark.parametrize("value", ["canary-c", ["canary-c"], {"a": "canary-c"}, "canary\0c", "canary-" * 30_000])
    def test_no_fault_shows_the_value_of_a_secret_variable(self, value: object) -> None:
        (problem,) = faults({"environment": {"TOKEN": value}}, self.job)
        assert problem.startswith("environment: 'TOKEN'") and "canary" not in problem

    def test_what_is_no_map_of_variables_is_not_shown_either(self) -> None:
        assert faults({"environment": "canary"}) == ("environment: expected a map of variables, found text",)

    def test_a_site_may_call_more_names_secret(self) -> None:
        ours = Secrets(["PIN"])
        with pytest.raises(TriggerError) as caught:
            read_trigger({"environment": {"PIN": float("inf")}}, JOB, BERLIN, NOW, True, zone_of, ours)
        assert "inf" not in str(caught.value)


def test_a_trigger_of_an_orchestration_may_choose_tasks_and_is_told_of_those_there_are_not() -> None:
    flow = Orchestration("n", (Phase("load", (Task("fetch", "a"),)), Phase("build", (Task("make", "b"),))))
    one = Job("n", (), flow=flow)
    trigger = read_trigger({"tasks": ["fetch"], "skip": "build/make"}, one, UTC, 0.0, True, lambda name: UTC)
    assert trigger.data["tasks"] == ["fetch"]
    for data, said in (
        ({"tasks": "fetsh"}, "there is no task 'fetsh' in n (did you mean 'fetch'?)"),
        ({"skip": ["fetch", "make"]}, "nothing of n would be run"),
        ({"phase": 3}, "phase: expected a name or a list of names"),
    ):
        with pytest.raises(TriggerError, match=re.escape(said)):
            read_trigger(data, one, UTC, 0.0, True, lambda name: UTC)


@pytest.mark.parametrize("value", ["configured", "a@example.org", ["a@example.org", "b@example.org"]])
def test_who_is_to_be_told_may_be_said(value: object) -> None:
    assert read({"notify": value}).data == {"notify": value}


@pytest.mark.parametrize("value", ["nobody", 7, None, ["a@example.org", "https://example.org/hook"], {}])
def test_a_message_to_nobody_is_refused(value: object) -> None:
    (fault,) = faults({"notify": value})
    assert fault.startswith("notify: ")
