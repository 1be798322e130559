"""The keeper: a few lines of shell around the command of a run, which write down how it ended (`exit_status`), for
the day the daemon dies meanwhile.

Owns that script and the reading of its file. No daemon of its own and nothing to talk to: it waits for one command
and exits with the same status, so for the launcher it is the command. It leaves no pid file: who it is stands in the
run log, and, should the daemon die before that is written, in the RUN_ID of its environment. A file more would be
made between the drop and the first instruction of every command.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

from dsari_like.core.model import Exit
from dsari_like.system.process import SHORTAGE

STATUS_FILE = "exit_status"

#: The traps keep the keeper alive when the group is told to end: it must still write how the command ended. A trap
#: with a command (unlike an ignored signal) is back at its default in the command itself. The file is one line by
#: one `write`; its newline says that it is whole, which spares an `mv` and so a process.
SCRIPT = f"""\
trap : HUP INT QUIT TERM USR1 USR2 ALRM
d=$KEEPER_DIR; unset KEEPER_DIR
"$@"
s=$?
echo $s >"$d/${{f-{STATUS_FILE}}}"
exit $s
"""


def status_file(launch: int) -> str:
    """Where the end of this process of a run is written, by its number: were it one file for all of them, the end of
    one stage could pass for the end of the next."""
    return STATUS_FILE if launch == 1 else f"{STATUS_FILE}.{launch}"


def wrap(argv: tuple[str, ...], umask: int | None = None, before: str = "", launch: int = 1) -> list[str]:
    """The command line of a keeper around this one. `$0` names the product in what the shell itself says.

    The umask is that of the command alone: `exit_status` must be readable whatever it is. `before` is run first.
    """
    before += "" if launch == 1 else f"f={status_file(launch)}\n"
    script = SCRIPT if umask is None else SCRIPT.replace('"$@"', f'(umask {umask:04o}; exec "$@")')
    return ["/bin/sh", "-c", before + script, "dsari-like", *argv]


def unkept(argv: tuple[str, ...], umask: int | None, before: str, launch: int = 1) -> list[str]:
    """The same without a keeper: a shell that becomes the command, or no shell when there is nothing for it to do."""
    if umask is None and not before:
        return list(argv)
    script = before + ("" if umask is None else f"umask {umask:04o}\n") + 'exec "$@"'
    return ["/bin/sh", "-c", script, "dsari-like", *argv]


def decode(code: int) -> Exit:
    """What a keeper's exit status says of its command: a shell reports signal n as 128 + n (D-55).

    A command that *exits* with such a number cannot be told apart; `keeper: false` can.
    """
    number = code - 128
    return Exit(code, number) if number in _SIGNALS else Exit(code)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a keeper left: how the command ended, and when (UTC epoch seconds)."""

    exit: Exit
    time: float


def read_status(run_dir: str, launch: int = 1) -> Kept | None:
    """How the command ended, if the keeper saw it end. Raises OSError when the machine is short of what it takes to
    look: an end that is there would pass for none."""
    line = _whole_line(os.path.join(run_dir, status_file(launch)))
    return Kept(decode(int(line[0])), line[1]) if line else None


def _whole_line(path: str) -> tuple[str, float] | None:
    """The digits of a regular file that ends in a newline, and its time. A run may leave anything under this name,
    but a link is not followed and what is no number is not believed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            text = os.read(descriptor, 32)
            time = os.fstat(descriptor).st_mtime
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno in SHORTAGE:
            raise
        return None
    digits = text.removesuffix(b"\n")
    return (digits.decode(), time) if text.endswith(b"\n") and digits.isdigit() and len(digits) < 10 else None


_SIGNALS = frozenset(int(number) for number in signal.valid_signals())
