"""Whether the wall clock may be believed where believing it wrongly would destroy something.

Owns the judgement, as a small state that is kept from one daemon to the next. A clock that leaps, forwards or back, by
more than a day is not believed before it has stood for a day in which the monotonic clock agreed: time enough for
somebody, or for NTP, to put it right. A machine that was off for a week is treated alike, because from inside the two
look alike; it costs one day's delay. Must not know what depends on it.
"""

from __future__ import annotations

from dsari_like.core.record import record

#: Seconds. What is smaller than a leap is a correction, a night's suspend, or summer time put on by hand.
LEAP = 86_400.0
STANDS = 86_400.0


@record
class Trust:
    """`believed` is the last time that was believed; `claimed` what the clock says since it leapt, and `watched` how
    long it has been seen to go on from there as clocks do."""

    believed: float
    claimed: float
    watched: float = 0.0

    @property
    def is_whole(self) -> bool:
        """True when the clock is believed."""
        return self.believed == self.claimed

    @property
    def leap(self) -> float:
        """Seconds between what is claimed and what was believed; negative when the clock went back."""
        return self.claimed - self.believed


def at_first(wall: float, recorded: float | None) -> Trust:
    """Where nothing is kept: the newest time that was recorded is believed, or the clock when there is none."""
    return observed(Trust(recorded, recorded), wall, 0.0) if recorded is not None else Trust(wall, wall)


def observed(trust: Trust, wall: float, elapsed: float) -> Trust:
    """One more look at the clock, `elapsed` seconds of the monotonic clock after the last one (0 after a start)."""
    if trust.is_whole:
        if abs(wall - trust.believed - elapsed) <= LEAP:
            return Trust(wall, wall)
        return Trust(trust.believed, wall)
    if abs(wall - trust.claimed - elapsed) <= LEAP:
        watched = trust.watched + elapsed
        return Trust(wall, wall) if watched >= STANDS else Trust(trust.believed, wall, watched)
    if abs(wall - trust.believed) <= LEAP:  # it was put right
        return Trust(wall, wall)
    return Trust(trust.believed, wall)
