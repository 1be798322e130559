"""Who may set which variable by a trigger, and what the run then sees: interface, sections 3, 4 and 7."""

from __future__ import annotations

import hashlib
import json
import os

import pytest

from tests.e2e.site import Site

#: The owner of a file that neither root nor the daemon's user dropped.
STRANGER = 54321
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")


def begin(site: Site, **job: object) -> None:
    site.configure({"a": {"command": "env", **job}})
    site.start()


def seen(site: Site, count: int = 1) -> dict[str, str]:
    """The environment of the newest run of so many."""
    row = site.ended("a", count)[-1]
    return dict(line.split("=", 1) for line in site.output(row).splitlines())


def drop(site: Site, file_name: str, environment: dict[str, object], owner: int | None = None) -> None:
    """A trigger, by rename, owned by whoever is to have dropped it."""
    partial = site.write("var/trigger/a/.partial", json.dumps({"environment": environment}))
    if owner is not None:
        os.chown(partial, owner, owner)
    partial.rename(partial.parent / file_name)


def verdicts(site: Site, names: list[str], owner: int | None = None) -> set[str]:
    """Which of these variables a trigger that sets nothing else is refused for; all others have run."""
    before = len(site.decisions("a"))
    for name in names:
        drop(site, f"{name}.json", {name: "x"}, owner)
    site.until("all decisions", lambda: len(site.decisions("a")) == before + len(names))
    found = site.until_refused("a", len([one for one in site.decisions("a") if one["outcome"] == "refused"]))
    for file_name, reason in found.items():
        assert f"'{file_name.removesuffix('.json')}'" in reason
    return {file_name.removesuffix(".json") for file_name in found} & set(names)


RESERVED = ["RUN_ID", "JOB_NAME", "PWD", "HOME", "TRIGGER_UID", "PREVIOUS_EXIT_CODE", "BUILD_ID", "DSARI_X",
            "WORKFLOW_X"]  # fmt: skip
SWAYING = ["PATH", "LD_PRELOAD", "LD_LIBRARY_PATH", "IFS", "ENV", "BASH_ENV", "BASH_FUNC_x%%", "PYTHONPATH", "PERL5OPT",
           "RUBYOPT", "NODE_OPTIONS", "JAVA_TOOL_OPTIONS", "GIT_SSH_COMMAND"]  # fmt: skip
PLAIN = ["GIT_COMMIT", "GIT_REF", "DEPLOY", "LANG", "lower", "ünicode"]


class TestByDefault:
    def test_the_daemons_own_user_sets_all_but_what_is_reserved_or_decides_which_code_runs(self, site: Site) -> None:
        begin(site)
        assert verdicts(site, [*RESERVED, *SWAYING, *PLAIN]) == {*RESERVED, *SWAYING}

    @as_root
    def test_another_user_sets_declared_parameters_and_nothing_else(self, site: Site) -> None:
        begin(site, parameters={"DEPLOY": {}, "PATH": {}, "RUN_ID": {}})
        names = [*RESERVED, *SWAYING, *PLAIN]
        assert verdicts(site, names, STRANGER) == set(names) - {"DEPLOY"}

    @as_root
    def test_the_run_is_told_whose_trigger_it_was(self, site: Site) -> None:
        begin(site, parameters={"DEPLOY": {}})
        drop(site, "theirs.json", {"DEPLOY": "x"}, STRANGER)
        told = seen(site)
        assert (told["TRIGGER_UID"], told["TRIGGER_USER"], told["DEPLOY"]) == (str(STRANGER), str(STRANGER), "x")
        drop(site, "ours.json", {"ANY": "y"})
        told = seen(site, 2)
        assert (told["TRIGGER_UID"], told["TRIGGER_USER"], told["ANY"]) == ("0", "root", "y")
        assert json.loads(site.runs("a")[0]["origin"])["uid"] == STRANGER

    def test_who_dropped_what_is_recorded_and_shown(self, site: Site) -> None:
        """Issue 4, item 6: uid, user, path, size, digest and time."""
        begin(site)
        content = b'{"environment": {"DEPLOY": "x"} }\n'
        path = site.drop("a", content, "who.json")
        row = site.ended("a")[0]
        digest = hashlib.sha256(content).hexdigest()
        origin = json.loads(row["origin"])
        assert origin.pop("time") == pytest.approx(row["queue_time"], abs=2)
        assert origin == {
            "file": "who.json", "path": str(path), "uid": os.geteuid(), "user": origin["user"],
            "size": len(content), "sha256": digest,
        }  # fmt: skip
        told = f"{path} by {origin['user']} (uid {os.geteuid()}), {len(content)} bytes, SHA-256 {digest}"
        assert told in site.command("show", row["run_id"]).stdout
        page = site.var / "html/jobs/a" / row["run_id"] / "index.html"
        site.until("the page", lambda: page.exists() and digest in page.read_text())

    @as_root
    def test_one_refused_name_refuses_the_whole_trigger_and_all_are_named(self, site: Site) -> None:
        begin(site, parameters={"DEPLOY": {}})
        drop(site, "x.json", {"DEPLOY": "x", "OTHER": "y", "PATH": "z", "RUN_ID": "1"}, STRANGER)
        reason = site.until_refused("a")["x.json"]
        assert all(f"'{name}'" in reason for name in ("OTHER", "PATH", "RUN_ID")) and "'DEPLOY'" not in reason
        assert site.runs("a") == []


class TestWithAList:
    @pytest.mark.parametrize("owner", [None, pytest.param(STRANGER, marks=as_root)])
    def test_it_holds_for_everybody_and_a_pattern_opens_nothing_that_decides_which_code_runs(
        self, site: Site, owner: int | None
    ) -> None:
        begin(site, trigger_environment=["GIT_*", "LANG"])
        allowed = {"GIT_COMMIT", "GIT_REF", "LANG"}
        assert verdicts(site, [*RESERVED, *SWAYING, *PLAIN], owner) == {*RESERVED, *SWAYING, *PLAIN} - allowed

    def test_everything_is_still_not_everything(self, site: Site) -> None:
        begin(site, trigger_environment=["*"])
        assert verdicts(site, [*RESERVED, *SWAYING, *PLAIN]) == {*RESERVED, *SWAYING}

    def test_the_full_name_opens_what_decides_which_code_runs_but_never_what_is_reserved(self, site: Site) -> None:
        begin(site, trigger_environment=["PYTHONPATH", "LD_LIBRARY_PATH", *RESERVED])
        assert verdicts(site, ["PYTHONPATH", "LD_LIBRARY_PATH", *RESERVED]) == set(RESERVED)

    def test_a_listed_path_is_where_the_command_is_looked_up(self, site: Site) -> None:
        site.write("tools/tool", "#!/bin/sh\necho the tool ran\n").chmod(0o755)
        begin(site, command="tool", trigger_environment=["PATH"])
        site.drop("a", {"environment": {"PATH": f"{site.root}/tools:/usr/bin:/bin"}})
        assert site.output(site.ended("a")[0]) == "the tool ran\n"


class TestParameters:
    def test_defaults_are_filled_in_and_what_is_given_wins(self, site: Site) -> None:
        begin(site, parameters={"TARGET": {"default": "test", "allowed": ["test", "live"]}, "N": {"default": 3}})
        drop(site, "1.json", {})
        assert (seen(site)["TARGET"], seen(site)["N"]) == ("test", "3")
        drop(site, "2.json", {"TARGET": "live", "N": 4.5})
        assert (seen(site, 2)["TARGET"], seen(site, 2)["N"]) == ("live", "4.5")

    def test_what_is_missing_or_not_allowed_refuses_the_trigger(self, site: Site) -> None:
        begin(site, parameters={"TARGET": {"allowed": ["test", "live"]}, "WHO": {"required": True}})
        drop(site, "missing.json", {"TARGET": "test"})
        drop(site, "other.json", {"TARGET": "life", "WHO": "x"})
        found = site.until_refused("a", 2)
        assert "'WHO' is required" in found["missing.json"]
        assert "expected one of test and live, found 'life'" in found["other.json"]
        drop(site, "good.json", {"TARGET": "live", "WHO": "x"})
        assert seen(site)["WHO"] == "x"


class TestValues:
    def test_a_trigger_wins_over_the_job_and_the_top_level_and_arrives_byte_for_byte(self, site: Site) -> None:
        value = "a  b\t'\"$HOME`id`\\n;|&*? ü €"
        job = {"command": "env", "environment": {"ONE": "job", "TWO": "job"}}
        site.configure({"a": job}, environment={"ONE": "top", "THREE": "top"})
        site.start()
        drop(site, "x.json", {"ONE": value, "NUMBER": 7, "FRACTION": 0.5, "EMPTY": ""})
        told = seen(site)
        wanted = {"ONE": value, "TWO": "job", "THREE": "top", "NUMBER": "7", "FRACTION": "0.5", "EMPTY": ""}
        assert {name: told[name] for name in wanted} == wanted

    def test_what_no_variable_can_hold_is_refused(self, site: Site) -> None:
        begin(site)
        wrong: dict[str, tuple[str, object]] = {
            "boolean": ("A", True),
            "null": ("A", None),
            "list": ("A", []),
            "nul": ("A", "a\0b"),
            "long": ("A", "x" * 140_000),
            "equals": ("A=B", "x"),
            "empty": ("", "x"),
            "newline": ("A\nB", "x"),
        }
        for name, (variable, value) in wrong.items():
            drop(site, f"{name}.json", {variable: value})
        assert site.until_refused("a", len(wrong)).keys() == {f"{name}.json" for name in wrong}
        assert site.runs("a") == []
