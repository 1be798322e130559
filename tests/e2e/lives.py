"""What the stories about the lives of runs share: commands that bear witness, gates, and a daemon that is killed."""

from __future__ import annotations

import json
import signal
from typing import Any

from tests.e2e.site import Site

SH = ["sh", "-c"]
#: One short line by one `write` in append mode is never torn.
SAY = 'say() { echo "$1 $JOB_NAME ${STAGE:-${ITEM:--}} $RUN_ID" >>"$DATA_DIR/witness"; }; '
SHORT = [*SH, f"{SAY}say +; sleep 0.05; say -"]
#: Goes on until a gate is opened: the one of all, or that of its stage or item.
GATED = [
    *SH,
    f'{SAY}say +; o="$DATA_DIR/open"; until [ -e "$o" ] || [ -e "$o.${{STAGE:-$ITEM}}" ]; do sleep 0.02; done; say -',
]


def open_gate(site: Site, name: str = "") -> None:
    site.write(f"var/open{'.' if name else ''}{name}", "")


def witnessed(site: Site) -> list[list[str]]:
    path = site.var / "witness"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def begun(site: Site, count: int) -> list[list[str]]:
    """Wait until so many processes have begun."""
    return list(
        site.until(
            f"{count} beginnings", lambda: len(seen := [w for w in witnessed(site) if w[0] == "+"]) >= count and seen
        )
    )


def kill(site: Site) -> None:
    """The daemon dies without a word, and another takes over."""
    assert site.stop(signal.SIGKILL) == -signal.SIGKILL
    site.start()


def until_state(site: Site, job: str, state: str, count: int = 1) -> Any:
    return site.until(f"{count} of {job} {state}", lambda: len(found := site.runs(job, state)) >= count and found)


def wholes(site: Site, job: str) -> list[Any]:
    """The runs of a job without the items of its array runs."""
    return [row for row in site.runs(job) if row["item"] is None]


def shown(site: Site, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(site.command("show", run_id, "--format", "json").stdout)
    return found


def settled(site: Site) -> None:
    """Nothing is open any more."""
    site.until("the end of everything", lambda: not site.rows("select 1 from runs where stop_time is null"), 30.0)


def events(site: Site, run_id: str) -> list[tuple[str | None, str]]:
    """The changes of a run's state."""
    rows = site.rows("select from_state, to_state from events where run_id = ? order by event_id", run_id)
    return [(row["from_state"], row["to_state"]) for row in rows if row["from_state"] != row["to_state"]]
