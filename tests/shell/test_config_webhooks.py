"""Webhooks as they are written: what each comes to, and what is said to the rest, all of it at once."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml

from dsari_like.config import files
from dsari_like.config.places import Places
from dsari_like.core.hooks import Hook, HookKey, HookResponse, Scheme, Source
from dsari_like.core.model import Configuration
from tests.shell.test_config import faults, load

JOBS = "jobs: {a: {command: x, parameters: {REF: , WHO: }}, b: {command: x, parameters: {NEED: {required: true}}}}\n"


def secret(directory: Path, name: str = "s", mode: int = 0o600) -> Path:
    path = directory / "etc" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("hush\n")
    path.chmod(mode)
    return path


def hooks(directory: Path, text: str) -> Configuration:
    secret(directory)
    return load(directory, f"{JOBS}webhooks: {{h: {{{text}}}}}")


def told(directory: Path, text: str) -> list[str]:
    secret(directory)
    lines = faults(directory, f"{JOBS}webhooks: {{h: {{{text}}}}}")
    return [line.removeprefix("dsari_like.yaml:2: webhooks.h").lstrip(".: ") for line in lines]


def test_two_keys_are_enough(tmp_path: Path) -> None:
    made = hooks(tmp_path, "target: a, secret_files: s").webhooks
    assert made == {"h": Hook("h", ("a",), (HookKey("s", f"{tmp_path}/etc/s"),))}


def test_every_key_arrives(tmp_path: Path) -> None:
    secret(tmp_path, "two")
    made = hooks(
        tmp_path,
        "target: [a], secret_files: [s, two],"
        " keys: {ci: {secret_file: s, targets: a, expires: '2030-01-01 00:00 UTC'}},"
        " signature_header: X-Sig, scheme: hmac-sha256, delivery_header: X-Id, timestamp_header: X-Time,"
        " replay_window: 2m, methods: [GET, PUT], map: {REF: body.a.0.b, WHO: headers.X-Who},"
        " response: {status: 204, headers: {X-A: b}, body: done, challenge: c}, enabled: false",
    ).webhooks["h"]
    assert made == Hook(
        "h",
        ("a",),
        (
            HookKey("s", f"{tmp_path}/etc/s"),
            HookKey("two", f"{tmp_path}/etc/two"),
            HookKey("ci", f"{tmp_path}/etc/s", targets=("a",), expires=1893456000.0),
        ),
        signature_header="X-Sig",
        delivery_header="X-Id",
        timestamp_header="X-Time",
        replay_window=120.0,
        methods=("GET", "PUT"),
        map={"REF": Source("body", ("a", "0", "b")), "WHO": Source("headers", ("X-Who",))},
        response=HookResponse(204, {"X-A": "b"}, "done", "c"),
        enabled=False,
    )


@pytest.mark.parametrize(
    ("header", "scheme"),
    [("X-Gitlab-Token", Scheme.TOKEN), ("authorization", Scheme.TOKEN), ("X-Gitea-Signature", Scheme.HMAC)],
)
def test_the_header_says_what_it_holds_unless_that_is_said(tmp_path: Path, header: str, scheme: Scheme) -> None:
    made = hooks(tmp_path, f"target: a, secret_files: s, signature_header: {header}").webhooks["h"]
    assert made.scheme is scheme


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("secret_files: s", "'target' is missing; a webhook needs it"),
        ("target: a", "expected secret_files or keys; without one nothing could be proved"),
        ("target: aa, secret_files: s", "target: there is no job 'aa' in the configuration (did you mean 'a'?)"),
        ("target: a, secret_files: none", "secret_files: the secret {etc}/none cannot be used: No such file"),
        ("target: a, secret_files: [s, .]", "secret_files[1]: expected a file that holds a secret, found"),
        ("target: a, secret_files: s, map: {REV: body.ref}",
         "map.REV: 'a' declares no parameter 'REV', and a webhook sets nothing else (did you mean 'REF'?)"),
        ("target: a, secret_files: s, map: {REF: ref}", "map.REF: expected body.PATH, headers.NAME or query.NAME"),
        ("target: a, secret_files: s, map: {REF: body.a..b}", "map.REF: expected body.PATH"),
        ("target: b, secret_files: s", "map: 'b' requires the parameter 'NEED', so it has to be mapped"),
        ("target: a, secret_files: s, signature_header: X_Sig", "signature_header: expected the name of a header"),
        ("target: a, secret_files: s, methods: [GET, HEAD]", "methods[1]: expected GET, POST or PUT, found 'HEAD'"),
        ("target: a, secret_files: s, methods: []", "methods: expected GET, POST or PUT, or a list of these"),
        ("target: a, secret_files: s, replay_window: 0", "replay_window: expected a duration"),
        ("target: a, secret_files: s, response: {status: 404}", "response.status: expected a status of success"),
        ("target: a, secret_files: s, response: {headers: {Content-Length: '1'}}",
         "response.headers.Content-Length: Content-Length is set by the server"),
        ('target: a, secret_files: s, response: {headers: {X: "a\\r\\nb"}}', "response.headers.X: expected printable"),
        ("target: a, keys: {k: {}}", "keys.k: expected one of secret_file and sha256"),
        ("target: a, keys: {k: {sha256: " + "a" * 64 + "}}", "keys.k.sha256: an HMAC needs the secret itself"),
        ("target: a, scheme: token, keys: {k: {sha256: '12'}}", "keys.k.sha256: expected the 64 hexadecimal digits"),
        ("target: a, keys: {k: {secret_file: s, targets: b}}", "keys.k.targets: 'b' is no target of this hook"),
        ("target: a, keys: {k: {secret_file: s, expires: '18:00'}}", "keys.k.expires: '18:00' is another time on each"),
        ("target: a, keys: {k: {secret_file: s, expires: soon}}", "keys.k.expires: "),
        ("target: a, secret_files: s, scheme: token, timestamp_header: T",
         "timestamp_header: a token signs nothing, so no time could be believed"),
        ("target: a, secret_files: s, secret: x", "secret: unknown key (did you mean 'secret_files'?)"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said(tmp_path: Path, text: str, said: str) -> None:
    (line,) = told(tmp_path, text)
    assert line.startswith(said.replace("{etc}", f"{tmp_path}/etc").replace(f"{tmp_path}/etc/", "")), line


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o666, 0o644])
def test_P24_a_secret_that_everybody_may_read_or_change_is_none(tmp_path: Path, mode: int) -> None:
    secret(tmp_path, mode=mode)
    (line,) = faults(tmp_path, f"{JOBS}webhooks: {{h: {{target: a, secret_files: s}}}}")
    assert "everybody may read or change the secret" in line and "hush" not in line


def test_all_faults_of_all_hooks_are_told_at_once(tmp_path: Path) -> None:
    written = "  one: {target: x, secret_files: y}\n  two: {target: b, keys: {k: {}}}\n  a/b: {}\n"
    lines = faults(tmp_path, f"{JOBS}webhooks:\n{written}")
    assert [line.split(":")[1] for line in lines] == ["3", "3", "4", "4", "5", "5", "5"]


def test_what_the_dump_says_can_be_loaded_again(tmp_path: Path) -> None:
    key = "{secret_file: s, expires: '2030-01-01 00:00 UTC'}"
    made = hooks(tmp_path, f"target: a, map: {{REF: query.r}}, keys: {{k: {key}}}")
    dumped = files.dump(made)
    assert "hush" not in json.dumps(dumped)
    (tmp_path / "etc/dsari_like.yaml").write_text(yaml.safe_dump(dumped))
    again = files.load(Places(str(tmp_path / "etc"), str(tmp_path / "var")))
    assert again.webhooks == made.webhooks


def test_who_starts_nothing_needs_no_environment_file_no_calendar_and_no_user(tmp_path: Path) -> None:
    job = "command: x, environment_file: none, blackout: {calendar: none.ics}, user: nobody-here, schedule: '@daily'"
    text = f"jobs: {{a: {{{job}}}}}\nwebhooks: {{h: {{target: a, secret_files: s}}}}"
    secret(tmp_path)
    assert len(faults(tmp_path, text)) == 3
    made = files.load(Places(str(tmp_path / "etc"), str(tmp_path / "var")), whole=False)
    assert list(made.webhooks) == ["h"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look everywhere")
def test_a_secret_out_of_sight_is_left_to_who_reads_it(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    assert hooks(tmp_path, f"target: a, secret_files: {tmp_path}/closed/s").webhooks


def test_a_hook_may_start_an_orchestration_but_set_nothing_in_it(tmp_path: Path) -> None:
    secret(tmp_path)
    text = f"{JOBS}orchestrations: {{night: {{phases: [{{name: p, tasks: [a]}}]}}}}\nwebhooks: {{h: {{%s}}}}\n"
    made = load(tmp_path, text % "target: night, secret_files: s").webhooks
    assert made["h"].target == ("night",)
    told = faults(tmp_path, text % "target: night, secret_files: s, map: {REF: body.ref}")
    assert told == [
        "dsari_like.yaml:3: webhooks.h.map.REF: 'night' declares no parameter 'REF', and a webhook sets nothing else"
    ]
    (told,) = faults(tmp_path, text % "target: nigth, secret_files: s")
    assert told.endswith("there is no job 'nigth' in the configuration (did you mean 'night'?)")
