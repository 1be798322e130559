"""What can be said of effects without carrying any out.

Owns the words for what failed, and which of them have become void by the time it is their turn. Must not do anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from dsari_like.core import messages as m
from dsari_like.core.reactions import StartCall
from dsari_like.core.secrets import Secrets

#: What an effect that failed was to do, as the log tells it.
INTENT: dict[type, str] = {
    m.DropClaim: "remove a recorded trigger from claimed/",
    m.Quarantine: "move a refused file to corrupt/",
    m.Start: "start a run",
    m.Signal: "signal a run",
    m.RequestCancel: "ask a run to end by a file in its directory",
    m.WriteReceipts: "write receipts",
    StartCall: "call a callback",
}


def discreet(receipts: Iterable[m.WriteReceipt], secrets: Secrets) -> list[m.WriteReceipt]:
    """The receipts as others may read them: what somebody gave as a reason may hold anything."""
    return [
        replace(receipt, reason=secrets.text(receipt.reason, receipt.job_name)) if receipt.reason else receipt
        for receipt in receipts
    ]


def is_called_off(effect: m.Effect) -> bool:
    """A start that was put off for want of something, of a run that was told to end meanwhile: it must not begin."""
    return isinstance(effect, m.Start) and effect.run.ending is not None


def one_receipt_each(effects: list[m.Effect]) -> list[m.Effect]:
    """The effects, with all receipts in one: only the newest of an `id` counts, and one sync serves all."""
    newest: dict[str, m.WriteReceipt] = {}
    others: list[m.Effect] = []
    for effect in effects:
        match effect:
            case m.WriteReceipt():
                newest[effect.id] = effect
            case m.WriteReceipts():
                newest.update({receipt.id: receipt for receipt in effect.receipts})
            case _:
                others.append(effect)
    return [*others, m.WriteReceipts(tuple(newest.values()))] if newest else others
