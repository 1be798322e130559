"""Output that has a limit: cut when it has outgrown it, while the job talks on into the same file and knows nothing.

Owns a second descriptor of each such `output.txt`, and when to look at it. A pipe and somebody who counts would be
exact, and would slow every job, lose the end of the output with the daemon, and hold the run open for every stray.
A limit on the size of files would stop the job. So the job writes as fast as it can, and what is too much is given
back: up to a second of writing the first time, then what is written in a twentieth of a second.

Law "nothing polls": this is looking by the clock, there being no event "grown beyond", so it is paid for by runs with
a limit alone. All are looked at together, at least once a second and the oftener the closer one is to its limit; a
look is one `fstat` each. Without such a run there is no deadline.
"""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass

from dsari_like.system.logs import LOG

_SHORTEST, _LONGEST = 0.05, 1.0

#: Beyond its limit a file may grow by so much between two looks, if it can be helped.
_ALLOWANCE = 4 << 20

#: Seconds without growth after which nobody is believed to write into the output of an ended run.
_QUIET = 5.0


@dataclass(slots=True)
class _Output:
    descriptor: int
    limit: int
    size: int = 0
    wait: float = _SHORTEST
    cut: bytes = b""  # the mark, once it stands in the file
    leave_at: float | None = None  # set when the run has ended


class OutputLimits:
    """The outputs that have a limit."""

    def __init__(self) -> None:
        self._outputs: dict[str, _Output] = {}
        self._look_at = 0.0
        self._looked_at = 0.0

    def watch(self, run_id: str, path: str, limit: int, mono: float) -> None:
        """Hold this output to its limit from now on. Raises OSError."""
        self.forget(run_id)  # a start that is tried again
        self._outputs[run_id] = _Output(_open(path), limit)
        self._look_at = mono + _SHORTEST if len(self._outputs) == 1 else min(self._look_at, mono + _SHORTEST)

    def ended(self, run_id: str, mono: float) -> None:
        """The run has ended: its output is at its limit now, and is watched on only while somebody who was left
        behind goes on writing."""
        output = self._outputs.get(run_id)
        if output is not None:
            _look(run_id, output, mono - self._looked_at)
            output.leave_at, output.wait = mono + _SHORTEST / 2, _SHORTEST
            self._look_at = min(self._look_at, mono + _SHORTEST)

    def forget(self, run_id: str) -> None:
        """It could not be started."""
        output = self._outputs.pop(run_id, None)
        if output is not None:
            os.close(output.descriptor)

    def next_deadline(self) -> float | None:
        """When `look` is to be called, by the monotonic clock; None for never."""
        return self._look_at if self._outputs else None

    def look(self, mono: float) -> None:
        """Cut what has outgrown its limit."""
        if not self._outputs or mono < self._look_at:
            return
        elapsed, self._looked_at = mono - self._looked_at, mono
        wait = _LONGEST
        for run_id, output in list(self._outputs.items()):
            grown = _look(run_id, output, elapsed)
            if output.leave_at is not None and grown:
                output.leave_at = mono + _QUIET
            if output.leave_at is not None and mono >= output.leave_at:
                self.forget(run_id)
            else:
                wait = min(wait, output.wait)
        self._look_at = mono + wait


def _look(run_id: str, output: _Output, elapsed: float) -> bool:
    """Whether it has grown; and if so too far, it is cut."""
    try:
        size = os.fstat(output.descriptor).st_size
        grown, room = size - output.size, output.limit - size
        output.size = size
        if size > output.limit + len(output.cut):
            output.size, room = _cut(output), _ALLOWANCE
    except OSError as error:
        LOG.warning("cannot cut the output of run %s: %s; trying again", run_id, error)
        return True
    # Half the time it would take at the rate that was seen: it may talk faster than that.
    soon = max(room, 0) * elapsed / (2 * grown) if grown > 0 else _LONGEST
    output.wait = max(_SHORTEST, min(soon, 2 * output.wait, _LONGEST))
    return grown > 0


def _cut(output: _Output) -> int:
    """Give back what is beyond the limit. Returns the size that is left.

    The mark is written over what the job has there already, and the file is cut behind it: the other way round the
    job's next line would stand before the mark.
    """
    if not output.cut:
        ends = os.pread(output.descriptor, 1, output.limit - 1) == b"\n"
        output.cut = b"%s[dsari_like: output cut at %d bytes]\n" % (b"" if ends else b"\n", output.limit)
    os.pwrite(output.descriptor, output.cut, output.limit)
    os.ftruncate(output.descriptor, output.limit + len(output.cut))
    return output.limit + len(output.cut)


def _open(path: str) -> int:
    """The file by a descriptor of ours, made when it is not there yet. What a job may have put in its place since is
    not followed, and a file with a second name is not ours alone to cut."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o640)
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
        return descriptor
    with contextlib.suppress(OSError):
        os.close(descriptor)
    raise OSError(f"{path} is not the file it was")
