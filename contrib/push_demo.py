"""The main job, for real: a push to a repository starts a run that tests what was pushed.

In a temporary directory: a configuration, the real daemon, a bare clone of this very repository with the shipped git
hook. A commit is pushed to it; the hook drops a trigger; the job checks that commit out and runs part of this
project's own tests. Meanwhile a schedule fires, and a broken trigger is refused. Started by contrib/demo.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from dsari_like.cli.playground import Playground, PlaygroundError, end_by_signal, run_table

TREE = Path(__file__).resolve().parents[1]
HOOK = TREE / "contrib/hooks/post-receive"
JOB, PACKAGE, HEARTBEAT, RELEASE = "build", "package", "heartbeat", "release"
VARIABLES = ("GIT_COMMIT", "GIT_PREVIOUS", "GIT_REF", "GIT_AUTHOR", "GIT_REPOSITORY")

#: What the job does. Nothing of the trigger is in it: values arrive as variables, and stay quoted.
BUILD = """\
echo "building $GIT_COMMIT of $GIT_REF by $GIT_AUTHOR"
git clone -q --no-checkout "$GIT_REPOSITORY" source
cd source
git checkout -q --detach "$GIT_COMMIT"
cat greeting.txt
cd tests/core
exec "$TEST_PYTHON" -m pytest -q -p no:cacheprovider test_admission.py test_engine.py test_request.py test_schedule.py
"""

#: A producer that wrote half of a file and went away.
BROKEN = '{"environment": {"GIT_COMMIT": "'


class Repository:
    """A bare clone with the hook, and a clone to push from; git itself sees no configuration but ours.

    Whoever runs this may have no name, no home, hooks and templates of their own, or a tree that belongs to another
    user: none of it may matter.
    """

    def __init__(self, place: Playground) -> None:
        self.bare, self.work = place.root / "project.git", place.root / "work"
        self.config = place.root / "gitconfig"
        self.config.write_text(
            "[user]\nname = Ada Demo\nemail = ada@example.org\n[safe]\ndirectory = *\n[advice]\ndetachedHead = false\n"
        )
        self._git("clone", "-q", "--bare", str(TREE), str(self.bare))
        shutil.copy(HOOK, self.bare / "hooks/post-receive")
        self._git("-C", str(self.bare), "config", "dsari-like.dataDir", str(place.var))
        self._git("-C", str(self.bare), "config", "dsari-like.job", JOB)

    @property
    def environment(self) -> dict[str, str]:
        """What git needs to see our configuration and no other."""
        return {"GIT_CONFIG_GLOBAL": str(self.config), "GIT_CONFIG_NOSYSTEM": "1"}

    def push(self) -> tuple[str, str]:
        """Clone, commit, push. The commit, and what the hook told."""
        self._git("clone", "-q", str(self.bare), str(self.work))
        (self.work / "greeting.txt").write_text("Hello from the commit that was pushed\n")
        here = ("-C", str(self.work))
        self._git(*here, "add", "greeting.txt")
        self._git(*here, "commit", "-q", "-m", "Say hello")
        told = self._git(*here, "push", "-q", "origin", "HEAD:refs/heads/demo").stderr
        return self._git(*here, "rev-parse", "HEAD").stdout.strip(), told

    def _git(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        done = subprocess.run(["git", *arguments], env=own | self.environment, capture_output=True, text=True)
        if done.returncode:
            raise PlaygroundError(f"git {' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()}")
        return done


def jobs(place: Playground, repository: Repository) -> dict[str, dict[str, Any]]:
    """The jobs of the story, as they stand in the configuration."""
    script = place.root / "build.sh"
    script.write_text(BUILD)
    return {
        JOB: {
            "command": ["sh", "-eu", str(script)],
            "description": "Checks the pushed commit out and runs the tests of the core",
            "parameters": {name: {"required": name == "GIT_COMMIT"} for name in VARIABLES},
            "environment": repository.environment | {"TEST_PYTHON": sys.executable},
            "max_execution": 300,
        },
        PACKAGE: {
            "command": ["sh", "-c", 'echo "packaged what run $PREVIOUS_STEP_RUN_ID has built"'],
            "after": JOB,
            "description": "The next step of the chain: runs when the build has passed",
        },
        HEARTBEAT: {"command": ["date"], "schedule": "* * * * * */2", "description": "Every other second"},
        "mirror": {"command": ["echo", "mirrored"], "description": "A task of the orchestration"},
        "audit": {"command": ["sh", "-c", "exit 1"], "description": "A task that is allowed to fail"},
        "announce": {"command": ["echo", "announced"], "description": "A task of the second phase"},
    }


#: Two phases, one after the other; the tasks of one run at the same time.
ORCHESTRATIONS = {
    RELEASE: {
        "phases": [
            {"name": "check", "tasks": [{"job": "mirror"}, {"job": "audit", "continue_on_failure": True}]},
            {"name": "tell", "tasks": [{"job": "announce"}]},
        ]
    }
}


def say(text: str = "") -> None:
    """One step of the story."""
    print(text, flush=True)


def tell(place: Playground) -> bool:
    """The story. True when all of it happened as it should."""
    repository = Repository(place)
    path = place.configure(jobs(place, repository), "dsari_like, built by itself", orchestrations=ORCHESTRATIONS)
    say(f"Configuration: {path}")
    say(f"Daemon: started, pid {place.start()}")
    say(f"Repository: {repository.bare}, a bare clone of {TREE} with contrib/hooks/post-receive")
    commit, told = repository.push()
    say(f"Pushed: {commit[:12]} 'Say hello'; the person who pushed was told:")
    say("  " + told.strip().replace("\n", "\n  "))
    place.drop(JOB, "half.json", BROKEN)
    say("Dropped: a trigger that is broken off in the middle")
    say(f"Started: the orchestration {RELEASE}, by hand")
    place.command("trigger", RELEASE, "--wait")
    say("Waiting for the tests of the pushed commit ...")
    build = wait_for_build(place)
    if build["exit_code"] == 0:
        place.wait_until("the chain to end", lambda: any(run["stop_time"] for run in place.runs("--job", PACKAGE)))
    place.wait_until("the broken trigger to be refused", lambda: bool(place.refusals()))
    place.wait_until("the schedule to fire", lambda: any(run["stop_time"] for run in place.runs("--job", HEARTBEAT)))
    place.wait_until("the report to show the run", place.page(build).exists)
    return show(place, build, commit)


def wait_for_build(place: Playground) -> dict[str, Any]:
    """The run that the push started, once it has ended."""
    place.wait_until("the build to end", lambda: any(run["stop_time"] for run in place.runs("--job", JOB)), 300)
    return place.runs("--job", JOB)[0]


def show(place: Playground, build: dict[str, Any], commit: str) -> bool:
    """What happened. True when the build passed, and was of the commit that was pushed."""
    output = place.command("output", build["run_id"]).splitlines()
    say()
    say("\n".join(run_table([run for run in place.runs() if run["stop_time"]])))
    say()
    say(f"The {JOB} run said:")
    say("\n".join(f"  {line}" for line in [*output[:2], "...", *output[-1:]]))
    for reason in place.refusals():
        say(f"Refused: {reason.with_suffix('').name}: {reason.read_text(encoding='utf-8').strip()}")
    return build["exit_code"] == 0 and bool(output) and commit in output[0]


def main() -> int:
    """Exit status 0: the push was built and passed, the broken trigger refused, the report written."""
    parser = argparse.ArgumentParser(prog="contrib/demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the directory behind, to look around in it")
    args = parser.parse_args()
    end_by_signal()
    try:
        # By its path: the caller's shell does not know the environment that this runs in.
        with Playground(keep=args.keep, program=str(Path(sys.executable).parent / "dsari-like")) as place:
            good = tell(place)
            looks = (("runs",), ("show", JOB), ("output", JOB), ("explain", JOB), ("next", HEARTBEAT))
            say("\n".join(place.farewell(*looks)))
    except PlaygroundError as error:
        print(f"contrib/demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if not good:
        print("contrib/demo: the build did not pass; its output is above", file=sys.stderr)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
