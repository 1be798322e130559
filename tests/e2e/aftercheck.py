"""What must hold after every end-to-end story, whatever happened in it.

Owns the list of checks. A story whose point is a site that is broken says which of them do not apply to it, by name and
with the reason: `site.without("trigger", because="its run log is damaged")`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.e2e.site import Site

ACTIVE = ("running", "timed_out")
JOB = "after-check"
#: What a daemon opens when it is first needed: to be told of drops and of output, and to read for the first page.
LATER = Counter({"inotify": 2, "pipe": 4, "sqlite3": 1, "sqlite3-wal": 1, "directory": 2, "null": 2})
#: What each run that goes on may hold: two pipes of the keeper, its process, a file.
OF_A_RUN = Counter({"pipe": 4, "pidfd": 1, "file": 1})
#: Between the first two looks and the next there is time for what is still ending.
PATIENCE = 3.0


def check(site: Site) -> None:
    """All of them that apply, cheapest first."""
    for name, one in CHECKS.items():
        if name not in site.excused:
            one(site)


def check_traceback(site: Site) -> None:
    assert "Traceback" not in site.log_text(), site.log_text()


def check_integrity(site: Site) -> None:
    path = site.var / "dsari_like.sqlite3"
    if path.exists():
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
            assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]


def check_alive(site: Site) -> None:
    if site.daemon is not None:
        assert site.daemon.poll() is None, f"the daemon has died:\n{site.log_text()}"


def check_trigger(site: Site) -> None:
    """A plain trigger of a job that nothing else of the site is about runs within 2 s."""
    if not _is_alive(site):
        return
    site.write(f"etc/config.d/zz-{JOB}.yaml", f'jobs: {{{JOB}: {{command: "true"}}}}')
    told = _reloads(site)
    site.send(signal.SIGHUP)
    site.until("the reload of the after-check", lambda: _reloads(site) != told)
    assert _reloads(site)[0] > told[0], (
        f"the configuration of the story is not fit for one more job:\n{site.log_text()}"
    )
    dropped = time.monotonic()
    site.drop(JOB)
    query = "select 1 from runs where job_name = ? and status = 'completed'"
    site.until("the run of a plain trigger within 2 s", lambda: site.rows(query, JOB), dropped + 2.0 - time.monotonic())


def check_zombies(site: Site) -> None:
    if _is_alive(site):
        _until_nothing("children that nobody reaps", lambda: [one for one in _children(site) if _is_zombie(one)])


def check_strays(site: Site) -> None:
    """Nothing is left of a run that has ended; what still runs has a row that says so."""
    _until_nothing("processes of runs that have ended", lambda: list(_strays(site)))


def check_descriptors(site: Site) -> None:
    """As many as when it was ready, but for what it opens later and what the runs that go on hold."""
    if not _is_alive(site) or site.at_ready is None:
        return
    _until_nothing("descriptors that were not given back", lambda: list(_leaked(site)))


CHECKS: dict[str, Callable[[Site], None]] = {
    "traceback": check_traceback,
    "alive": check_alive,
    "trigger": check_trigger,
    "zombies": check_zombies,
    "strays": check_strays,
    "descriptors": check_descriptors,
    "integrity": check_integrity,
}


def descriptors(pid: int) -> Counter[str]:
    """What a process holds open, by kind."""
    found: Counter[str] = Counter()
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            found[_kind(os.readlink(f"/proc/{pid}/fd/{name}"))] += 1
    return found


def processes_of(site: Site) -> Iterator[tuple[int, str]]:
    """Every process of a run of the site, and which run that is."""
    mark = f"DATA_DIR={site.var}".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                environ = (entry / "environ").read_bytes().split(b"\0")
                if mark in environ:
                    ids = [one for one in environ if one.startswith(b"RUN_ID=")]
                    yield int(entry.name), ids[0].decode().removeprefix("RUN_ID=") if ids else ""


def _reloads(site: Site) -> tuple[int, int]:
    log = site.log_text()
    return log.count("configuration reloaded"), log.count("the configuration was not reloaded")


def _is_alive(site: Site) -> bool:
    return site.daemon is not None and site.daemon.poll() is None


def _children(site: Site) -> list[str]:
    assert site.daemon is not None
    return Path(f"/proc/{site.daemon.pid}/task/{site.daemon.pid}/children").read_text().split()


def _is_zombie(pid: str) -> bool:
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def _strays(site: Site) -> Iterator[str]:
    found = list(processes_of(site))
    active = {row["run_id"] for row in site.rows() if row["status"] in ACTIVE} if found else set()
    for pid, run_id in found:
        if run_id not in active and not _is_zombie(str(pid)):
            with contextlib.suppress(OSError):
                yield f"{pid} of run {run_id}: {Path(f'/proc/{pid}/cmdline').read_bytes()!r}"


def _leaked(site: Site) -> Iterator[str]:
    assert site.daemon is not None and site.at_ready is not None
    active = sum(row["status"] in ACTIVE for row in site.rows())
    allowed = site.at_ready + LATER
    for kind, count in descriptors(site.daemon.pid).items():
        if count > allowed[kind] + active * OF_A_RUN[kind]:
            yield f"{count} of {kind}, and {site.at_ready[kind]} when it was ready"


def _kind(target: str) -> str:
    if target.startswith("anon_inode:"):
        return target.removeprefix("anon_inode:").strip("[]")
    if target.startswith(("pipe:", "socket:")):
        return target.split(":")[0]
    if ".sqlite3" in target:
        return "sqlite3" + target.rpartition(".sqlite3")[2]
    return "null" if target == "/dev/null" else "directory" if os.path.isdir(target) else "file"


def _until_nothing(what: str, look: Callable[[], list[str]]) -> None:
    deadline = time.monotonic() + PATIENCE
    while found := look():
        assert time.monotonic() < deadline, f"{what}: {found}"
        time.sleep(0.02)
