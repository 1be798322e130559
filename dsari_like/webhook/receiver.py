"""The WSGI application: a request is proved, mapped, and dropped as one durable file, or becomes nothing.

Owns the order of the checks, and what is told to whom: the sender learns a status and a word, the operator's log the
reason. Success is said only when the trigger file and its directory are on the disk. Must not know which server calls.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC
from hashlib import sha256
from typing import Any, NamedTuple

from dsari_like.config import files
from dsari_like.config.places import Places
from dsari_like.core.hooks import DELIVERY_HEADERS, Hook, HookKey, Scheme
from dsari_like.core.messages import Now
from dsari_like.core.model import Configuration
from dsari_like.core.names import is_job_name
from dsari_like.core.request import WEBHOOK, read_trigger
from dsari_like.errors import TriggerError, UserError
from dsari_like.spool.complaints import Complaints
from dsari_like.spool.drop import drop_trigger
from dsari_like.system.clock import Clock
from dsari_like.system.ids import new_id
from dsari_like.system.logs import LOG
from dsari_like.webhook.asked import Asked, Refused, read_body, read_head
from dsari_like.webhook.keeping import kept
from dsari_like.webhook.mapping import parameters
from dsari_like.webhook.proof import Guard, decoy, guards_of
from dsari_like.webhook.seen import Seen
from dsari_like.webhook.wording import Answer, refusal, success, verified

_PLACE = "/hook/"
_LONGEST_ID = 128

StartResponse = Callable[[str, list[tuple[str, str]]], object]


class _Served(NamedTuple):
    """What is in force, exchanged as a whole by a reload."""

    configuration: Configuration
    guards: Mapping[str, Guard]


class _Delivery(NamedTuple):
    """A request that was proved: by which key, for which target, as what."""

    key: HookKey
    target: str
    id: str
    digest: str  # of what must not be taken twice


class Receiver:
    """See the module. Raises ConfigError when the configuration or a secret cannot be used."""

    def __init__(self, places: Places, clock: Clock | None = None) -> None:
        self._places = places
        self._clock = clock or Clock()
        self._decoy = decoy()
        self._seen = Seen()
        self._complaints = Complaints()
        self._telling = threading.Lock()
        #: Held from the mapping of a request to its durable file: so that of two that are the same one is the second,
        #: and so that the memory all of this takes is that of one request.
        self._one = threading.Lock()
        self._served = self._load()

    @property
    def hooks(self) -> Mapping[str, Hook]:
        """What is served."""
        return {name: guard.hook for name, guard in self._served.guards.items()}

    def reload(self) -> None:
        """Read configuration and secrets anew; ConfigError, and then nothing has changed."""
        self._served = self._load()

    def _load(self) -> _Served:
        configuration = files.load(self._places, whole=False)
        return _Served(configuration, guards_of(configuration.webhooks))

    def __call__(self, wsgi: Mapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """The WSGI interface."""
        answer = self._answer(wsgi)
        start_response(answer.status_line, [*answer.headers, ("Content-Length", str(len(answer.body)))])
        return [answer.body]

    def _answer(self, wsgi: Mapping[str, Any]) -> Answer:
        try:
            return self._taken(wsgi)
        except Refused as refused:
            remote = wsgi.get("REMOTE_ADDR", "somebody")
            self.complain((refused.status, str(refused)), f"a request from {remote} became nothing: {refused}")
            return refusal(refused.status, refused.headers)
        except Exception:
            LOG.exception("a request became nothing by an error of ours")
            return refusal(503)

    def complain(self, cause: object, text: str) -> None:
        """A line in the log, but of one cause no more than one each minute: else a stranger could fill the disk."""
        with self._telling:
            self._complaints.each_minute(cause, text, self._clock.now())
            for line in self._complaints.take():
                LOG.warning("%s", line)

    # --- the checks, in their order ---------------------------------------------------------------------------------

    def _taken(self, wsgi: Mapping[str, Any]) -> Answer:
        served = self._served
        asked = read_head(wsgi)
        guard = self._guard(served, asked)
        if asked.method not in guard.hook.methods:
            allowed = ", ".join(guard.hook.methods)
            raise Refused(405, f"{_named(guard)} answers {allowed} only", (("Allow", allowed),))
        if asked.method == "GET":
            return verified(guard.hook, asked)
        asked = replace(asked, body=read_body(wsgi))
        now = self._clock.now()
        delivery = self._proved(guard, asked, now)
        with self._one:
            return self._dropped(served, guard.hook, asked, delivery, now)

    def _guard(self, served: _Served, asked: Asked) -> Guard:
        name = asked.path.removeprefix(_PLACE)
        if name == asked.path or not is_job_name(name):
            raise Refused(404, "nothing is served at its path")
        guard = served.guards.get(name)
        return guard if guard is not None and guard.hook.enabled else self._decoy

    def _proved(self, guard: Guard, asked: Asked, now: Now) -> _Delivery:
        hook = guard.hook
        stamp = asked.header(hook.timestamp_header) if hook.timestamp_header else ""
        signed = (f"{stamp}.".encode(), asked.body) if hook.timestamp_header else (asked.body,)
        keys = guard.knows(asked.header(hook.signature_header), signed)
        if not hook.name:
            raise Refused(401, "there is no such hook, or it is switched off")
        target = _target(hook, asked) if keys else ""
        key = _usable(hook, keys, target, now.wall)
        if hook.timestamp_header and not _is_fresh(stamp, hook.replay_window, now.wall):
            raise Refused(403, f"{_named(guard)}: it is older or newer than the replay_window, or tells no time")
        digest = sha256("\0".join((hook.name, target, stamp)).encode() + b"\0" + asked.body).hexdigest()
        delivery = _delivery_id(hook, asked) or self._made_id(hook, digest, now)
        if hook.scheme is Scheme.TOKEN:  # whose holder may send the same again: only the delivery tells
            digest = f"{hook.name}/{target}/{delivery}"
        return _Delivery(key, target, delivery, digest)

    def _made_id(self, hook: Hook, digest: str, now: Now) -> str:
        """Of a delivery that has none. What is signed names itself, and so is taken once for ever."""
        return new_id(now.wall) if hook.scheme is Scheme.TOKEN else f"{WEBHOOK}-{digest[:40]}"

    def _dropped(self, served: _Served, hook: Hook, asked: Asked, delivery: _Delivery, now: Now) -> Answer:
        if self._is_known(hook, delivery, now.mono):
            return success(hook, delivery.id)
        mapping = {
            "trigger_type": WEBHOOK,
            "id": delivery.id,
            "environment": parameters(hook, asked),
            "webhook": {"hook": hook.name, "verified_by": delivery.key.name, "from": asked.remote},
            "request": kept(asked, hook),
        }
        _check(served.configuration, hook, delivery.target, mapping)
        try:
            path = drop_trigger(served.configuration.data_dir, delivery.target, mapping)
        except UserError as error:
            raise Refused(503, f"hook '{hook.name}': {error}") from None
        self._seen.remember(delivery.id, delivery.digest, now.mono + hook.replay_window)
        text = "hook '%s': dropped %s for '%s' as %s, proved by the key '%s'"
        LOG.info(text, hook.name, path, delivery.target, delivery.id, delivery.key.name)
        return success(hook, delivery.id)

    def _is_known(self, hook: Hook, delivery: _Delivery, mono: float) -> bool:
        """Whether the file is there already. What was recorded on the way and is sent again under another id is not
        the sender's, however well it is signed; nor is another body under an id that was used."""
        known = self._seen.id_of(delivery.digest, mono), self._seen.digest_of(delivery.id, mono)
        if known == (delivery.id, delivery.digest):
            LOG.info("hook '%s': %s came again; it was taken already", hook.name, delivery.id)
            return True
        if known != (None, None):
            raise Refused(403, f"hook '{hook.name}': the body or the id of an earlier delivery came again with another")
        return False


def _named(guard: Guard) -> str:
    return f"hook '{guard.hook.name}'" if guard.hook.name else "a hook that is not there"


def _target(hook: Hook, asked: Asked) -> str:
    if len(hook.target) == 1:
        return hook.target[0]
    wanted = asked.query.get("target", ())
    if len(wanted) != 1 or wanted[0] not in hook.target:
        raise Refused(400, f"hook '{hook.name}': the query names none of its targets")
    return wanted[0]


def _usable(hook: Hook, keys: Iterable[HookKey], target: str, now: float) -> HookKey:
    """The first of the keys that were proved which is good for this, now."""
    keys = tuple(keys)
    if not keys:
        raise Refused(401, f"hook '{hook.name}': {hook.signature_header} proves no key")
    current = [key for key in keys if not key.is_over(now)]
    if not current:
        raise Refused(401, f"hook '{hook.name}': the key '{keys[0].name}' has expired")
    usable = [key for key in current if key.may_start(target)]
    if not usable:
        raise Refused(403, f"hook '{hook.name}': the key '{current[0].name}' may not start '{target}'")
    return usable[0]


def _is_fresh(stamp: str, window: float, now: float) -> bool:
    plain = stamp.isascii() and stamp.isdigit() and len(stamp) <= 12
    return plain and abs(now - int(stamp)) <= window


def _delivery_id(hook: Hook, asked: Asked) -> str:
    """The sender's own id of the delivery in the alphabet of ids; one that does not fit keeps a digest of itself."""
    names = (hook.delivery_header,) if hook.delivery_header else DELIVERY_HEADERS
    given = next((text for name in names if (text := asked.header(name))), "")
    if "," in given:
        raise Refused(400, f"hook '{hook.name}': it has two ids of a delivery")
    plain = "".join(char if char.isascii() and (char.isalnum() or char in "._-") else "_" for char in given)
    if plain == given and len(given) <= _LONGEST_ID and given not in (".", ".."):
        return given
    return f"{plain[:80]}-{sha256(given.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _check(configuration: Configuration, hook: Hook, target: str, mapping: Mapping[str, Any]) -> None:
    """What the daemon would refuse is refused here, where the sender hears of it."""
    job = configuration.jobs.get(target)
    try:
        json.dumps(mapping).encode()
        if job is not None:
            read_trigger(dict(mapping), job, UTC, 0.0, False, lambda name: None)
    except (TriggerError, UnicodeEncodeError) as error:
        raise Refused(400, f"hook '{hook.name}': {error}") from None
