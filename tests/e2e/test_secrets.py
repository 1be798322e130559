"""P18: what is secret is planted wherever a secret can be, and then looked for wherever anybody looks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dsari_like.core.secrets import MASK
from tests.e2e.site import Site

#: Where each was planted; none may be seen.
FROM_FILE, OF_ALL = "canary-file-7f3a", "canary-top-file-91bc"
CONFIGURED, DEFAULT, ALLOWED = "canary-configured-5d", "canary-default-e0", "canary-allowed-22"
TRIGGERED, NESTED, RETURNED = "canary-triggered-c4", "canary-nested-aa", "canary-returned-bb"
REFUSED, PINNED = "canary-refused-10", "canary-pinned-33"
CANARY = "canary-"

LOOKS = (
    ("status",), ("status", "--format", "json"), ("jobs",), ("jobs", "--format", "json"), ("runs",),
    ("runs", "--format", "json"), ("show", "deploy"), ("show", "deploy", "--format", "json"), ("explain", "deploy"),
    ("config", "dump"), ("config", "dump", "--raw"), ("config", "dump", "--format", "json"), ("check",), ("plan",),
    ("next",),
)  # fmt: skip


#: A command line stands in the configuration for everybody to see; what it reads does not.
SCRIPT = f"""
echo "got $ANOTHER and $PLAIN_NAME"
echo '{{"access_token": "{RETURNED}", "note": "kept"}}' > "$RETURN_DATA_FILE"
exit 3
"""


def plant(site: Site) -> None:
    site.write("etc/top.env", f"PLAIN_NAME={OF_ALL}\n").chmod(0o600)
    site.write("etc/job.env", f"ANOTHER='{FROM_FILE}'\nSHORT=12\n").chmod(0o600)
    deploy = {
        "command": ["sh", str(site.write("etc/job.sh", SCRIPT))],
        "environment": {"DB_PASSWORD": CONFIGURED, "REF": "main"},
        "environment_file": "job.env",
        "parameters": {"API_KEY": {"default": DEFAULT}, "SIGNING_KEY": {"allowed": [ALLOWED]}},
        "trigger_environment": ["*"],
    }
    site.configure({"deploy": deploy}, environment_file="top.env", secret_names=["LICENCE_*"])


def drop_all(site: Site) -> None:
    environment = {"GIT_TOKEN": TRIGGERED, "LICENCE_CODE": PINNED, "BRANCH": "dev"}
    told = {"auth": {"password": NESTED}, "note": f"uses {TRIGGERED} and {FROM_FILE}"}
    site.drop("deploy", {"environment": environment, "description": f"with {TRIGGERED}", "id": "one", **told})
    site.ended("deploy")
    site.drop("deploy", {"environment": {"DB_PASSWORD": [REFUSED]}, "id": "two"})
    site.drop("deploy", {"environment": {"SIGNING_KEY": REFUSED}, "id": "three"}, "b.json")
    site.drop("deploy", {"environment": f"PASSWORD={REFUSED}"}, "c.json")
    site.drop("deploy", {"schedule_time": f"at {FROM_FILE}"}, "d.json")
    site.drop("deploy", b'{"PASSWORD": "' + REFUSED.encode() + b'" "x"}', "e.json")
    site.until_refused("deploy", 5)
    site.write("var/control/.pause.part", json.dumps({"action": "pause", "job": "deploy", "reason": f"see {OF_ALL}"}))
    (site.var / "control/.pause.part").rename(site.var / "control/pause.json")
    site.until("the pause", lambda: "paused" in site.command("status", "--format", "json").stdout and (
        "see" in site.command("status").stdout))  # fmt: skip
    site.quiet()


def said(site: Site, *command: str) -> str:
    done = site.command(*command)
    return done.stdout + done.stderr


@pytest.mark.parametrize("form", ["text", "json"])
def test_P18_no_secret_is_seen_anywhere(site: Site, form: str) -> None:
    plant(site)
    site.start("--log-format", form)
    drop_all(site)
    places: dict[str, str] = {"the log": site.log_text()}
    for path in [*site.var.glob("html/**/*"), *site.var.glob("receipts/*"), *site.var.glob("corrupt/*/*.reason")]:
        if path.is_file():
            places[str(path.relative_to(site.var))] = path.read_text()
    places |= {" ".join(command): said(site, *command) for command in LOOKS}
    assert len([name for name in places if name.startswith("receipts/")]) == 3
    found = [f"{name}: {line}" for name, text in places.items() for line in text.splitlines() if CANARY in line]
    assert not found
    page = places[next(name for name in places if name.startswith("html/jobs/deploy/") and name.count("/") == 4)]
    assert f"got {MASK} and {MASK}" in page and "kept" in page and "dev" in page
    assert "main" in places["config dump"] and MASK in places["config dump --raw"]


def test_P16_what_a_job_is_given_and_what_it_printed_stays_what_it_is(site: Site) -> None:
    plant(site)
    site.start()
    site.drop("deploy", {"environment": {"GIT_TOKEN": TRIGGERED}})
    (row,) = site.ended("deploy")
    assert site.output(row) == f"got {FROM_FILE} and {OF_ALL}\n"
    assert json.loads(row["trigger_data"])["environment"] == {"GIT_TOKEN": TRIGGERED}
    assert json.loads(row["environment"])["API_KEY"] == DEFAULT
    assert RETURNED in site.run_file(row, "return_data.json").read_text()
    assert site.command("output", row["run_id"]).stdout == site.output(row)


def test_P18_a_new_value_is_hidden_from_the_reload_on(site: Site) -> None:
    plant(site)
    site.start()
    site.write("etc/job.env", "ANOTHER=canary-of-the-second-file\n")
    site.send(1)
    site.until("the reload", lambda: "reloaded" in site.log_text())
    site.drop("deploy", {"schedule_time": "at canary-of-the-second-file"})
    assert CANARY not in "".join(site.until_refused("deploy").values())
    assert CANARY not in site.log_text()


def test_a_fault_of_the_configuration_shows_no_secret(site: Site, tmp_path: Path) -> None:
    site.configure({"a": {"command": "true", "environment": {"API_TOKEN": ["canary"]},
                          "parameters": {"PIN_TOKEN": {"default": "canary-x", "allowed": ["canary-y"]}}}})  # fmt: skip
    shown = said(site, "check")
    assert "API_TOKEN" in shown and "PIN_TOKEN" in shown and "canary" not in shown
