"""The one place where the daemon sleeps, and the one pipe that wakes it.

Owns the wake-up pipe, the signals and the file descriptors that are waited for. A wake-up carries no information but
"look": signals are read as numbers from the pipe, and a full pipe is fine, because one byte in it is enough. Must not
know what anything means.

Why not signalfd: Python has none before 3.13, and a blocked mask would be inherited by children. Why not handlers
that act: they run between any two bytecodes, in the middle of whatever is half done (dsari's handlers changed the
lists its loop walked, B-09).
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Callable, Iterable
from types import FrameType

#: What a thread writes to say "look"; no signal has this number.
LOOK = 0

#: Ignored by Python itself, and put at their default in every child by `subprocess`.
_RESTORED = {signal.SIGPIPE, signal.SIGXFSZ}

_OF_TERMINAL = {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}


class Wakeup:
    """Sleeps until a deadline, a signal, a thread's `poke`, or a descriptor that became readable."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._read, select.POLLIN)
        self._callbacks: dict[int, Callable[[], None]] = {}

    def catch(self, signals: Iterable[signal.Signals]) -> None:
        """From now on these signals are numbers in the pipe and nothing else.

        Whatever else the daemon was started with, by `nohup` or a shell script, ends with it: what is ignored or
        blocked here would be so in every run, and no run can tell. A signal that has a handler is at its default in a
        child, so one that was ignored gets a handler that does nothing and is ignored still. Those of the terminal
        are put at their default: a write that is refused for SIGTTOU would be tried again for ever by a handler's.
        """
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in signals:
            signal.signal(number, _note)
        for number in signal.valid_signals() - _RESTORED:
            if signal.getsignal(number) is signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL if number in _OF_TERMINAL else _note)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    def poke(self) -> None:
        """Wake the sleeper; may be called from any thread."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._write, bytes((LOOK,)))

    def watch(self, descriptor: int, callback: Callable[[], None]) -> None:
        """Wake, and call back from `wait`, when the descriptor becomes readable."""
        self._poll.register(descriptor, select.POLLIN)
        self._callbacks[descriptor] = callback

    def forget(self, descriptor: int) -> None:
        """Watch the descriptor no more."""
        if self._callbacks.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)

    def wait(self, seconds: float | None, punctual: bool = True) -> set[int]:
        """Sleep so long at the most (None: until woken). Returns the signals that came meanwhile."""
        for descriptor, _ in self._poll.poll(_milliseconds(seconds, punctual)):
            callback = self._callbacks.get(descriptor)
            if callback is not None:
                callback()
        return self._drain()

    def close(self) -> None:
        """Give the descriptors back."""
        signal.set_wakeup_fd(-1)
        os.close(self._read)
        os.close(self._write)

    def _drain(self) -> set[int]:
        try:
            return set(os.read(self._read, 65536)) - {LOOK}
        except BlockingIOError:
            return set()


def _note(number: int, frame: FrameType | None) -> None:
    """Python has written the number to the pipe by now; there is nothing else to do here."""


def _milliseconds(seconds: float | None, punctual: bool = True) -> int | None:
    """Rounded up, lest a deadline half a millisecond away be met by a spin of zero timeouts.

    The kernel lets a long sleep end late by 0.1 % (30 ms in 30 s), so a punctual one of more than a second stops a
    little early; the loop finds nothing due and sleeps the rest, which is short enough to be in time.
    """
    if seconds is None:
        return None
    if punctual and seconds > 1.0:
        seconds -= seconds * 0.0015
    return max(0, min(int(seconds * 1000) + 1, 2**31 - 1)) if seconds > 0 else 0

