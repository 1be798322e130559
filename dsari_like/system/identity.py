"""Who a run is: another user, group and priority than the daemon's, by the tools of util-linux and coreutils.

Owns the words put before a command, what the run's directory must look like to its user, and what takes root. Code of
ours between fork and exec would lose vfork, which is seventeen times slower in a large daemon; and `setpriv` that
cannot change the identity runs nothing at all. Must not know states.
"""

from __future__ import annotations

import functools
import grp
import os
import pwd
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dsari_like.core.model import Configuration, Job

#: Not the PATH of the daemon, let alone the run's: this is run as root.
_TOOLS = "/usr/bin:/bin:/usr/sbin:/sbin"

#: Variables that decide which code, or whose messages, a program of the C library loads. What runs as root before the
#: identity changes must not be given them: a trigger may have set them, where a job allows it.
_SWAYS_LOADER = re.compile(
    "(?:LD_|GLIBC_|MALLOC_)[A-Za-z0-9_]*|GCONV_PATH|GETCONF_DIR|LOCPATH|NLSPATH|LANGUAGE|HOSTALIASES|LOCALDOMAIN"
    "|RES_OPTIONS|RESOLV_HOST_CONF|NIS_PATH"
)
_HELD = "DSARI_LIKE_HELD_"


@dataclass(frozen=True, slots=True)
class Identity:
    """A user and group that is not the daemon's own; `name` and `home` are None when the job names a group only."""

    uid: int
    gid: int
    name: str | None
    home: str | None

    def __str__(self) -> str:
        return f"group {self.gid}" if self.name is None else f"user {self.name}"


def identity_of(job: Job) -> Identity | None:
    """Who the runs of this job are; None for the daemon itself. KeyError when there is no such user or group any
    more: they were there when the configuration was read."""
    return None if job.user is None and job.group is None else _found(job.user, job.group)


def prefix(job: Job, identity: Identity | None) -> list[str]:
    """The words before the command line. The priority first: to raise it takes root too."""
    words = [] if job.nice is None else [_tool("nice"), "-n", str(job.nice)]
    if identity is None:
        return words
    groups = "--clear-groups" if identity.name is None else "--init-groups"
    user = [] if identity.name is None else [f"--reuid={identity.uid}"]
    return [*words, _tool("setpriv"), *user, f"--regid={identity.gid}", groups, "--inh-caps=-all", "--"]


def hold_back(variables: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """The variables with those under another name that must not be seen as root, and the lines of shell that give
    them their names again."""
    held = [name for name in variables if _SWAYS_LOADER.fullmatch(name)]
    passed = {_HELD + name if name in held else name: value for name, value in variables.items()}
    return passed, "".join(f"{name}=${_HELD}{name}; export {name}; unset {_HELD}{name}\n" for name in held)


def take_back(run_dir: str, begun: bool = False) -> None:
    """Before a start that is tried again: the directory was handed over already, and what its user may have put there
    since, a link in the place of a file of ours, goes. Of a run that has begun, and gets another process, all stays
    that is its user's own; what is not would be handed over with the rest."""
    owner = os.stat(run_dir, follow_symlinks=False).st_uid
    if owner != os.geteuid():
        os.chown(run_dir, os.geteuid(), os.getegid(), follow_symlinks=False)
        for entry in os.scandir(run_dir):
            own = begun and entry.stat(follow_symlinks=False).st_uid == owner
            if not own and not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.path)


def hand_over(identity: Identity, run_dir: str) -> None:
    """Give a run directory and the files in it to their user, and let others pass through, though not look into, the
    directories above it. Last of all that is done there: from now on its user can put anything in the place of
    anything."""
    path = run_dir
    for _ in ("the job's", "runs", "the data directory"):
        path = os.path.dirname(path)
        mode = os.stat(path).st_mode & 0o7777
        if not mode & 0o001:
            os.chmod(path, mode | 0o001)
    for name in os.listdir(run_dir):
        os.chown(os.path.join(run_dir, name), identity.uid, identity.gid, follow_symlinks=False)
    os.chown(run_dir, identity.uid, identity.gid, follow_symlinks=False)


def is_borrowed(descriptor: int, path: str) -> bool:
    """True for a file that was lent a second name in a directory of somebody else. Where the system allows it, the
    user of a run could so have a daemon that is root show a file that no one else may read. A second name alone says
    nothing: backups give one to everything."""
    found = os.fstat(descriptor)
    return found.st_nlink > 1 and found.st_uid != os.stat(os.path.dirname(path)).st_uid


def why_not_changed(identity: Identity, code: int, output: str) -> str | None:
    """What `setpriv` said when it did not run the command; None when it seems to have run it."""
    if code not in (1, 126, 127):
        return None
    try:
        descriptor = os.open(output, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        said = os.read(descriptor, 500)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    line = said.partition(b"\n")[0].decode("utf-8", "replace")
    return f"it cannot be run as {identity}: {line}" if re.match(r"(?:\S*/)?setpriv: ", line) else None


def faults(configuration: Configuration) -> Iterator[str]:
    """What this process is not allowed to do for its jobs, one line for each fault, with its place."""
    root = os.geteuid() == 0
    for job in configuration.jobs.values():
        if job.user is None and job.group is None and job.nice is None:
            continue
        place = f"{job.where}: jobs.{job.name}"
        changed = [key for key in ("user", "group") if getattr(job, key) is not None]
        if changed and identity_of(job) is not None:
            if not root:
                yield f"{place}.{changed[0]}: only a daemon that runs as root can become another{_us()}"
            elif shutil.which("setpriv", path=_TOOLS) is None:
                yield f"{place}.{changed[0]}: takes the program setpriv of util-linux, which is not there"
        if job.nice is not None and job.nice < 0 and not root:
            yield f"{place}.nice: only a daemon that runs as root can raise a priority{_us()}"


def forget() -> None:
    """Users and groups may have changed: the configuration is read anew."""
    _found.cache_clear()


def _us() -> str:
    return f"; this is uid {os.geteuid()}"


@functools.lru_cache(maxsize=256)
def _found(user: str | None, group: str | None) -> Identity | None:
    """Asked once: the question may go over the network, and it is on the way of every start."""
    who = None if user is None else pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
    uid, gid = (os.geteuid(), os.getegid()) if who is None else (who.pw_uid, who.pw_gid)
    if group is not None:
        gid = (grp.getgrgid(int(group)) if group.isdigit() else grp.getgrnam(group)).gr_gid
    if uid == os.geteuid() and gid == os.getegid():
        return None
    return Identity(uid, gid, who and who.pw_name, who and who.pw_dir)


@functools.cache
def _tool(name: str) -> str:
    return shutil.which(name, path=_TOOLS) or f"/usr/bin/{name}"
