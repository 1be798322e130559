"""What is never shown: values of variables with names such as PASSWORD, and values that came from an environment_file.

Owns the one rule, for whoever shows anything: the log, refusals, receipts, commands, pages. A name is judged by its
words, so that `DB_PASSWORD`, `apiKey` and `X-Auth-Token` are secret while `KEYBOARD`, `PUBLIC_KEY`, `PWD` and
`PASSWORD_FILE` are not; in doubt it is secret, for what is hidden can be looked up where it was written. What is
recorded stays true: nothing here is ever applied to what a run is given. Must not know where a text will be shown.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from fnmatch import translate
from functools import lru_cache
from types import MappingProxyType
from typing import Any

MASK = "••••••"

#: A shorter value is hidden under its name alone. Hidden wherever it occurs, `1` or `true` would tear every sentence.
SHORTEST = 6
_LEAST_PIECE = 4
#: Values that are looked for one by one.
_FEW = 100

_ANYWHERE = (
    r"PASS[_-]?WORD|PASSWD|PASS[_-]?PHRASE|PASS[_-]?CODE|SECRET|TOKEN|CREDENTIAL|(?:API|PRIVATE|ACCESS)[_-]?KEY"
)
_AS_A_WORD = frozenset({"PASS", "PWD", "PW", "KEY", "KEYS", "AUTH", "AUTHORIZATION", "COOKIE", "BEARER"})
_NAME_PART = re.compile(r"[A-Za-z0-9]+")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
#: One of these is in every text that the rule, without patterns and values, could change.
_STEMS = ("PASS", "PW", "SECRET", "TOKEN", "CREDENTIAL", "KEY", "AUTH", "COOKIE", "BEARER", "://")
#: Keys that open nothing.
_HARMLESS_KEY = frozenset("PUBLIC PRIMARY FOREIGN UNIQUE SORT PARTITION CACHE ROUTING IDEMPOTENCY OBJECT HOST".split())
_HARMLESS = frozenset({"PWD", "OLDPWD"})
#: The last word of a name that says where the secret is, and not what it is.
_WHERE = frozenset({"FILE", "FILES", "PATH", "DIR", "DIRECTORY", "SOCK"})

#: `PASSWORD=…` within a sentence: up to the quotation mark that stands before it, or to the next blank. And as it
#: stands in JSON, for text that is or holds some, whole or cut.
_ASSIGNED = (
    r"(?P<mark>['\"])(?P<quoted>[\w.-]+)=(?:(?!(?P=mark)).)+(?P=mark)"
    r"|(?P<name>[A-Za-z_][\w.-]*)=(?:\"[^\"]*\"|'[^']*'|[^\s'\",;)}\]]+)"
    r"|(?P<key>\"(?P<inner>[\w.-]+)\"\s*:\s*)(?:\"(?:[^\"\\]|\\.)*\"?|[\d.]+)"
)
_IN_URL = r"(://[^/\s:@]*:)[^/\s@]+@"


@lru_cache(maxsize=8)
def _compiled(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Compiled when it is needed first: a start whose log is harmless never needs it, and waits 4 ms less."""
    return re.compile(pattern, flags)


class Secrets:
    """The rule of one configuration: more patterns of names, and the values that are known, by job; those of all jobs
    stand under an empty name. Without any of them it is the rule that always holds."""

    __slots__ = ("_all", "_by_job", "_index", "_pattern", "patterns")

    def __init__(
        self,
        patterns: Iterable[str] = (),
        values: Mapping[str, Iterable[str]] = MappingProxyType({}),
        public: Iterable[str] = (),
    ) -> None:
        self.patterns = tuple(patterns)
        self._pattern = re.compile("|".join(translate(one) for one in self.patterns), re.IGNORECASE)
        # What anybody can read in the name of a job is no secret, and a log whose names are hidden is none.
        told = frozenset(word for name in public for word in (name, *_NAME_PART.findall(name)))
        common = _needles(values.get("", ()), told)
        self._by_job = {job: kept for job, some in values.items() if (kept := _needles((*some, *common), told))}
        self._all = _longest_first(value for some in self._by_job.values() for value in some)
        self._index = _index(self._all)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secrets) and (self.patterns, self._by_job) == (other.patterns, other._by_job)

    def __hash__(self) -> int:
        return hash((self.patterns, self._all))

    def is_secret(self, name: str) -> bool:
        """Whether what stands under this name is hidden."""
        return _is_credential(name) or (self.patterns != () and self._pattern.match(name) is not None)

    def values(self, job: str | None = None) -> tuple[str, ...]:
        """What is hidden wherever it occurs: of one job and of all jobs together, or, without a job, all there is."""
        return self._all if job is None else self._by_job.get(job) or self._by_job.get("", ())

    def suspects(self, text: str, job: str | None = None) -> bool:
        """False when there is certainly nothing to hide in it, or in the data it is the JSON of: most rows are asked no
        more than this."""
        if self.patterns or self.values(job):
            return True
        upper = text.upper()
        return any(stem in upper for stem in _STEMS)

    def output(self, text: str, job: str, cut: bool = False) -> str:
        """What a run of the job printed, without the values that are known; of a piece that was `cut` out of it, also
        without what is left of one at either end."""
        values = tuple(value for value in self.values(job) if "\n" not in value)  # lines stay as many as they are
        text = _without(text, values)
        return _without_pieces(text, values) if cut else text

    def variables(self, environment: Mapping[str, str], closed: Collection[str]) -> dict[str, str]:
        """A configured environment, of which the names in `closed` came from a file."""
        shown: dict[str, str] = self.data(environment)
        return {name: MASK if name in closed else value for name, value in shown.items()}

    def text(self, text: str, job: str | None = None, more: tuple[str, ...] = ()) -> str:
        """A sentence without secrets: known values, `more` of them, and what is assigned to a secret name in it."""
        text = _without(text, more)
        values = self.values(job)
        # A job's own values are few. Where they are not, what everybody's values are looked for in is as good.
        text = _without(text, values) if len(values) <= _FEW else _without_any(text, self._index)
        if "=" in text or '":' in text:
            text = _compiled(_ASSIGNED).sub(self._assigned, text)
        return _compiled(_IN_URL).sub(rf"\1{MASK}@", text) if "://" in text else text

    def data(self, value: Any, job: str | None = None, more: tuple[str, ...] = (), name: str = "") -> Any:
        """The same for a value of any shape; what stands under a secret name is hidden, at any depth."""
        if name and self.is_secret(name):
            return _hidden(value)
        if isinstance(value, str):
            return self.text(value, job, more)
        if isinstance(value, Mapping):
            return {
                self.text(str(key), job, more): self.data(inner, job, more, str(key)) for key, inner in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.data(inner, job, more) for inner in value]
        return value

    def within(self, value: Any) -> tuple[str, ...]:
        """The texts that stand under secret names, at any depth, as far as they are long enough to be looked for."""
        return _needles(self._under(value, ""), frozenset())

    def _under(self, value: Any, name: str) -> Iterator[str]:
        secret = name != "" and self.is_secret(name)
        if isinstance(value, Mapping):
            for key, inner in value.items():
                yield from self._under(inner, name if secret else str(key))
        elif isinstance(value, list | tuple):
            for inner in value:
                yield from self._under(inner, name)
        elif secret and isinstance(value, str | int | float):
            yield str(value)

    def _assigned(self, found: re.Match[str]) -> str:
        name, mark = found["quoted"] or found["name"] or found["inner"], found["mark"] or ""
        if not self.is_secret(name):
            return found[0]
        return f'{found["key"]}"{MASK}"' if found["key"] else f"{mark}{name}={MASK}{mark}"


@lru_cache(maxsize=4096)
def _is_credential(name: str) -> bool:
    words = [word.upper() for word in _WORD.findall(name)]
    if name.upper() in _HARMLESS or (words and words[-1] in _WHERE):
        return False
    if _compiled(_ANYWHERE, re.IGNORECASE).search(name):
        return True
    found = _AS_A_WORD.intersection(words)
    return bool(found) and not (found <= {"KEY", "KEYS"} and _HARMLESS_KEY.intersection(words))


def _needles(values: Iterable[str], told: Collection[str]) -> tuple[str, ...]:
    """What to look for, the longest first. A value of several lines is looked for line by line: output is shown by
    lines, and a key in PEM form is as open when its first line is missing."""
    lines = {line.strip() for value in values for line in (value, *value.splitlines())}
    return _longest_first(line for line in lines if len(line) >= SHORTEST and line not in told)


def _longest_first(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values), key=lambda value: (-len(value), value)))


def _hidden(value: Any) -> Any:
    """Nothing stays nothing and a list a list, so that whoever reads the shape is not led astray."""
    if isinstance(value, list | tuple):
        return [_hidden(inner) for inner in value]
    return value if value in (None, "", {}) else MASK


def _without_pieces(text: str, values: tuple[str, ...]) -> str:
    for value in values:
        for size in range(len(value) - 1, _LEAST_PIECE - 1, -1):
            if text.startswith(value[-size:]):
                text = MASK + text[size:]
            if text.endswith(value[:size]):
                text = text[:-size] + MASK
    return text


def _index(values: tuple[str, ...]) -> dict[str, list[str]]:
    """The values by how they begin, those that begin alike the longest first."""
    found: dict[str, list[str]] = {}
    for value in values:
        found.setdefault(value[:SHORTEST], []).append(value)
    return found


def _without_any(text: str, index: Mapping[str, list[str]]) -> str:
    """The same for any number of values: the cost is that of the text."""
    pieces, done, at = [], 0, 0
    while at + SHORTEST <= len(text):
        found = next((one for one in index.get(text[at : at + SHORTEST], ()) if text.startswith(one, at)), None)
        if found is None:
            at += 1
            continue
        pieces += [text[done:at], MASK]
        done = at = at + len(found)
    return "".join([*pieces, text[done:]])


def _without(text: str, values: tuple[str, ...]) -> str:
    # One search for each value: for a few of them a tenth of what one pattern of them all would take.
    for value in values:
        if value in text:
            text = text.replace(value, MASK)
    return text


#: The rule without a configuration.
ALWAYS = Secrets()
