"""Callbacks and blocked_until in the configuration: what they come to, and every fault with its place and column."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dsari_like.config.dump import dump
from dsari_like.config.files import load
from dsari_like.config.places import Places
from dsari_like.core.expression import parse
from dsari_like.core.instants import QUBE_EPOCH
from dsari_like.core.model import Configuration
from dsari_like.core.reactions import UNIVERSAL, Freshness, Language
from dsari_like.errors import ConfigError


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def loaded(home: Path, **top: Any) -> Configuration:
    """Jobs A, B and nightly-load, and what is given of C and of the top level."""
    jobs = {name: {"command": "true"} for name in ("A", "B", "nightly-load")}
    jobs["C"] = {"command": "true", **top.pop("C", {})}
    (home / "dsari_like.json").write_text(json.dumps({"timezone": "UTC", "jobs": jobs, **top}))
    return load(Places(str(home), str(home / "var")))


def faults(home: Path, **top: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(home, **top)
    return "\n".join(caught.value.problems)


def test_q_54_callbacks_of_a_job_and_of_the_site(home: Path) -> None:
    own = {"triggers": "complete-job-A && complete-job-B", "language": "qube", "code": "unblock-self", "maximum": 1}
    site = {"triggers": "failed-job-*", "language": "shell", "code": "echo no", "timeout": "5s", "name": "tell"}
    found = loaded(home, C={"callbacks": [own], "universal_callbacks": False}, callbacks=[site])
    (one,) = found.jobs["C"].callbacks
    assert (one.key, one.language, one.maximum, one.timeout) == ("C/1", Language.QUBE, 1, 60.0)
    assert one.expression == parse("complete-job-A && complete-job-B")
    assert not found.jobs["C"].universal_callbacks
    (other,) = found.callbacks
    assert (other.owner, other.name, other.timeout) == (UNIVERSAL, "tell", 5.0)


def test_q_05_a_list_of_triggers_is_all_of_them(home: Path) -> None:
    one = {"triggers": ["complete-job-A", "done-job-B or done-job-C"], "language": "shell", "code": "true"}
    (made,) = loaded(home, C={"callbacks": one}).jobs["C"].callbacks
    assert made.expression == parse("complete-job-A && (done-job-B or done-job-C)") == parse(made.triggers)


def test_blocked_until_is_text_or_a_map(home: Path) -> None:
    plain = loaded(home, C={"blocked_until": "complete-job-nightly-load"}).jobs["C"].blocked_until
    assert plain is not None and plain.freshness == Freshness()
    long = {"triggers": "done-job-A && done-job-B", "within": "24h", "since": "last_run"}
    fresh = loaded(home, C={"blocked_until": long}).jobs["C"].blocked_until
    assert fresh is not None and fresh.freshness == Freshness(86400.0, True)


def test_q_26_and_q_29_times_are_those_of_the_zone_or_of_qube(home: Path) -> None:
    found = loaded(home, C={"blocked_until": "time-self-2026-01-01T12:00", "schedule_timezone": "Europe/Berlin"})
    assert found.jobs["C"].blocked_until is not None
    assert found.jobs["C"].blocked_until.expression == parse("time-self-1767265200")
    qube = {"triggers": "dummy-time-self-1000", "times": "qube"}
    old = loaded(home, C={"blocked_until": qube}).jobs["C"].blocked_until
    assert old is not None and old.expression == parse(f"time-self-{QUBE_EPOCH + 1000:.0f}") == parse(old.triggers)


def test_each_job_of_a_group_has_callbacks_of_its_own(home: Path) -> None:
    one = {"triggers": "failed-job-self", "language": "shell", "code": "true"}
    group = {"job_names": ["x", "y"], "command": "true", "callbacks": [one]}
    found = loaded(home, job_groups={"g": group})
    assert [found.jobs[name].callbacks[0].key for name in "xy"] == ["x/1", "y/1"]


def test_what_is_dumped_can_be_loaded_again(home: Path) -> None:
    one = {"triggers": "done-job-A && done-job-B", "language": "qube", "code": "trigger-A", "within": 60, "name": "n"}
    first = loaded(home, C={"callbacks": [one], "blocked_until": "done-job-A"}, callback_languages=["qube"])
    written = dump(first)
    (home / "dsari_like.json").write_text(json.dumps(written))
    second = load(Places(str(home), str(home / "var")))
    assert second.jobs["C"].callbacks == first.jobs["C"].callbacks
    assert second.jobs["C"].blocked_until == first.jobs["C"].blocked_until
    assert dump(second) == written


@pytest.mark.parametrize(
    ("callback", "words"),
    [
        ({"triggers": "complete-job-A &&"}, "triggers: 'complete-job-A &&': column 18"),
        ({"triggers": "complete-job-nightly-lod"}, "no job 'nightly-lod' (did you mean 'nightly-load'?)"),
        ({"triggers": "done-job-A && done-work-nightly-load-*"}, "column 15: there is no job 'nightly'; a name with"),
        ({"triggers": "time-self-18:00"}, "another time on each day"),
        ({"triggers": "globaltime-1800000000"}, "for callbacks of the top level"),
        ({"language": "perl"}, "expected qube, shell, python, mail or webhook"),
        ({"language": "qube", "code": "migrate-self"}, "there is one host"),
        ({"language": "qube", "code": "trigger-B2"}, "no job 'B2' that could be triggered (did you mean 'B'?)"),
        ({"code": ""}, "'code' is missing"),
        ({"maximum": 0}, "at least 1"),
        ({"language": "mail", "code": "nobody"}, "expected an address"),
        ({"language": "mail", "code": "https://h/secret"}, "expected addresses for mail, found https://h"),
        ({"language": "webhook", "code": "a@b.example"}, "expected addresses for webhook, found a@b.example"),
        ({"trigger": "x"}, "did you mean 'triggers'?"),
    ],
)
def test_a_fault_of_a_callback_is_told_with_its_place(home: Path, callback: dict[str, Any], words: str) -> None:
    one = {"triggers": "done-job-A", "language": "shell", "code": "true", **callback}
    told = faults(home, C={"callbacks": [one]})
    assert "jobs.C.callbacks" in told and words in told


def test_q_48_a_language_that_is_not_allowed_is_an_error(home: Path) -> None:
    one = {"triggers": "done-job-A", "language": "python", "code": "1"}
    told = faults(home, C={"callbacks": [one]}, callback_languages=["qube", "mail"])
    assert "callback_languages allows qube, mail, and this is python" in told


def test_q_58_how_mail_leaves(home: Path) -> None:
    smtp = {"host": "mail.example", "user": "me", "password_file": "pw"}
    mail = loaded(home, mail={"smtp": smtp, "from": "ci@x.example"}).mail
    assert (mail.host, mail.tls, mail.sender) == ("mail.example", "starttls", "ci@x.example")
    assert mail.password_file == str(home / "pw")
    assert loaded(home, mail={"sendmail": "msmtp -a site"}).mail.sendmail == ("msmtp", "-a", "site")
    assert "remove one" in faults(home, mail={"sendmail": "x", "smtp": smtp})


def test_two_callbacks_of_one_name_are_refused(home: Path) -> None:
    one = {"triggers": "done-job-A", "language": "shell", "code": "true", "name": "x"}
    assert "there is a callback 'x' before" in faults(home, callbacks=[one, one])


def test_run_ids_and_wildcards_need_no_job(home: Path) -> None:
    text = "done-job-018f3c1e-7d1c-7abc-8def-0123456789ab or done-job-* or done-job-parent or running-host-*-*"
    assert loaded(home, C={"blocked_until": text}).jobs["C"].blocked_until is not None
