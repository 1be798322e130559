"""The `H` and `R` forms: a value from the job's name, or a drawn one, in place of a number somebody chose.

Owns the scheme. That of `H` is stable for ever (D-57, D10): CRC-32 of the name in UTF-8, shifted right by the number
of the field (minute 0, hour 1, day 2, month 3, weekday 4, second 5), modulo the size of the range. Vector: the name
`hello` has minute 10, hour 11, second 32. Must not know cron's grammar.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from zlib import crc32

from dsari_like.core.record import record

BIT = tuple(1 << value for value in range(64))
"""One shared object a value: a hundred thousand jobs then hold no integers of their own."""

Numbers = Callable[[int], int]
"""From a field's number to the number whose remainder is taken."""


@record
class Hashed:
    """One `H`, `H(a-b)`, `H/n` or `H(a-b)/n`, or the same with `R`."""

    low: int
    high: int
    step: int = 0
    drawn: bool = False

    def mask(self, number: int) -> int:
        """The set of values, as bits.

        A step hashes over exactly `step` offsets. dsari hashes over one more, so about one name in sixteen gets
        three runs an hour from `H/15` (B-27); that is the one place where our values move against its own.
        """
        if not self.step:
            return BIT[self.low + number % (self.high - self.low + 1)]
        return _stepped(self.low + number % self.step, self.high, self.step)


@cache
def _stepped(start: int, end: int, step: int) -> int:
    """Kept: there are only a few hundred such sets, and rules share them."""
    return sum(BIT[value] for value in range(start, end + 1, step))


def name_number(name: str) -> int:
    """CRC-32 of a name. `surrogateescape`, because a name may come from a file name that is not UTF-8."""
    return crc32(name.encode("utf-8", "surrogateescape"))


def numbers(name: str, *, independent: bool = False) -> Numbers:
    """The numbers of one job for its `H`: dsari's shifted CRC.

    Shifting one CRC correlates the fields of a job (B-34), and yet it is the default: times then stay equal after a
    migration. `independent` gives every field a digest of its own instead.
    """
    number = name_number(name)

    def of_field(field: int) -> int:
        return _digest(name, field) if independent else number >> field

    return of_field


def no_numbers(field: int) -> int:
    """For an expression without hashes, which then pays for none."""
    return 0


def drawn(name: str, text: str, field: int, period: int) -> int:
    """The number of an `R` in one period: another one in the next (D-59), the same one whoever asks (B-30).

    Nothing is kept for that, and nothing can be lost: it is a digest of all that it may hang on.
    """
    return _digest(f"{name}\0{text}\0{period}", field)


def _digest(text: str, field: int) -> int:
    """Not CRC again: it is linear, so two fields of one name would differ by a constant."""
    from hashlib import blake2b

    data = text.encode("utf-8", "surrogateescape")
    return int.from_bytes(blake2b(data, digest_size=8, salt=bytes([field])).digest(), "big")
