"""What is kept of a request to the daemon: that it was carried out or refused, and what its sender was told.

Owns the making of that row. It is written along with what the request led to, so that a request whose file comes back
after a crash is not carried out twice, and its receipt can be written when the daemon died before it was. Must not know
what requests mean.
"""

from __future__ import annotations

from collections.abc import Iterable

from dsari_like.core import messages as m

#: A request that is still under way when it has been handled keeps its claim, and is simply begun again.
_REQUESTS = (
    m.CancelAsked | m.RetryAsked | m.ResumeAsked | m.PauseAsked | m.UnpauseAsked | m.SkipNextAsked | m.TriggerRefused
)


def answered(message: m.Input, effects: Iterable[m.Effect], now: m.Now) -> m.RememberRequest | None:
    """The row of a request that these effects fulfil or refuse; None for everything else that can happen."""
    if not isinstance(message, _REQUESTS) or message.claim.name:
        return None
    request_id, state, told = None, "completed", None
    for effect in effects:
        match effect:
            case m.Quarantine():
                state, told = "refused", told or m.WriteReceipt("", "refused", "", now.wall, reason=effect.reason)
            case m.WriteReceipt() if effect.id == _id_of(message):
                request_id, told = effect.id, effect
    answer = told or m.WriteReceipt("", state, "", now.wall)
    return m.RememberRequest(message.claim.token, request_id, answer)


def _id_of(message: m.Input) -> str | None:
    return message.trigger_id if isinstance(message, m.TriggerRefused) else getattr(message, "request_id", None)
