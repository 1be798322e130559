"""What is worth a line in the log, and how often: once for a thing that stays as it is, once a minute for a shortage.

Owns the memory of what was said. Must not know what the sentences mean.
"""

from __future__ import annotations

from dsari_like.core.messages import Now

_EACH = 60.0
_MOST_REMEMBERED = 10_000
_MOST_AT_ONCE = 20


class Complaints:
    """Sentences on their way to the log; a hundred thousand bad files are not a hundred thousand lines."""

    def __init__(self) -> None:
        self._said: dict[object, float] = {}
        self._lines: list[str] = []
        self._unsaid = 0

    def once(self, text: str, now: Now, key: object = None) -> None:
        """Say it, unless it was said: of a thing (`key`) that stays as it is, there is nothing new to say."""
        self._say(text if key is None else key, text, now.mono, float("inf"))

    def each_minute(self, cause: object, text: str, now: Now) -> None:
        """Say it, unless this cause was named less than a minute ago."""
        self._say(("cause", cause), text, now.mono, _EACH)

    def _say(self, key: object, text: str, mono: float, again_after: float) -> None:
        if key in self._said and mono - self._said[key] < again_after:
            return
        if len(self._said) >= _MOST_REMEMBERED:
            self._said.clear()
        self._said[key] = mono
        if len(self._lines) < _MOST_AT_ONCE:
            self._lines.append(text)
        else:
            self._unsaid += 1

    def take(self) -> list[str]:
        """The sentences since the last call."""
        lines, self._lines = self._lines, []
        if self._unsaid:
            lines.append(f"and {self._unsaid} more complaints of the same kind")
            self._unsaid = 0
        return lines
