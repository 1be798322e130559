"""What pages and commands say about runs and decisions: one word, or one whole sentence.

Owns the English. Plain functions over rows, so that `explain` and a page can never tell two stories. Must not know
how a sentence is shown: no markup, no terminal.
"""

from __future__ import annotations

import shlex
import signal
from datetime import tzinfo

from dsari_like.report.moments import duration, moment
from dsari_like.store.reader import DecisionRow, RunRow

_REASONS = {
    "exit": "the command ended with exit code {code}",
    "signal": "the command was ended by {signal}",
    "start_failed": "it could not be started (exit code {code})",
    "max_execution": "it ran longer than its max_execution and was ended",
    "deadline": "it gave no sign of life before its deadline",
    "lost": "its process vanished while no daemon watched, so how it ended cannot be known",
    "callback": "a callback failed",
    "before_start": "before it started",
    "while_running": "while it was running",
    "shutdown": "because the daemon was shutting down",
}
_TRIGGERS = {
    "schedule": "the schedule",
    "webhook": "a webhook",
    "chain": "the step before it",
    "callback": "a callback",
    "orchestration": "an orchestration",
    "event": "an event",
    "retry": "a retry",
}


def state_word(status: str) -> str:
    """The state as a reader sees it: the word of the run log with its underscores gone."""
    return status.replace("_", " ")


def reason_words(run: RunRow) -> str:
    """Why it failed or was cancelled, as half a sentence; empty when there is nothing to say."""
    if run.items and run.reason == "exit":  # its items have exit codes, and it has counted them
        return run.message
    if run.reason == "max_execution" and run.message:  # which names the limit that was reached
        return run.message
    code = run.exit_code if run.exit_code is not None else "unknown"
    text = _REASONS.get(run.reason or "", run.reason or "")
    return text.format(code=code, signal=signal_name(run.exit_code))


def reason_short(run: RunRow) -> str:
    """The same for a table: `exit code 3`, `SIGKILL`, `lost`."""
    match run.reason:
        case "exit":
            return f"exit code {run.exit_code}"
        case "signal":
            return signal_name(run.exit_code)
        case "max_execution":
            return "ran longer than max_execution"
        case "lost":
            return "lost: how it ended cannot be known"
        case _:
            return run.message or reason_words(run)


def signal_name(exit_code: int | None) -> str:
    """`signal 9 (SIGKILL)` for exit code 137."""
    if exit_code is None or exit_code <= 128:
        return "a signal"
    try:
        return f"signal {exit_code - 128} ({signal.Signals(exit_code - 128).name})"
    except ValueError:
        return f"signal {exit_code - 128}"


def run_label(run: RunRow) -> str:
    """What a run is called among those of its job: its number, or its item. Ids that begin with a time look all
    alike."""
    if run.item is not None:
        return f"item {run.item}"
    return f"run {run.number}" if run.number is not None else f"run {run.run_id[-8:]}"


def shortened(text: str, most: int = 140) -> str:
    """The beginning of a text, for a row that is one among many."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def trigger_word(run: RunRow) -> str:
    """What kind of trigger it was, in the producer's own word where it gave one (D-35)."""
    label = run.trigger.get("type")
    return label if isinstance(label, str) and label else run.trigger_type


def description_of(run: RunRow) -> str:
    """The producer's own words about the run."""
    text = run.trigger.get("description")
    return text if isinstance(text, str) else ""


def progress_words(run: RunRow) -> str:
    """What the run said of itself last: percent and message."""
    percent = f"{run.progress:g} %" if run.progress is not None else ""
    return ": ".join(part for part in (percent, run.progress_message or "") if part)


# --- sentences --------------------------------------------------------------------------------------------------


def outcome_sentence(run: RunRow, zone: tzinfo) -> str:
    """How it ended and why, or what it is doing, in one sentence."""
    why = reason_words(run)
    took = f" after {duration(run.duration)}" if run.duration is not None else ""
    match run.status:
        case "completed" | "warning":
            text = f"{run.status.capitalize()} in {duration(run.duration)}"
        case "failed":
            text = f"Failed{took}" + (f": {why}" if why else "")
        case "cancelled":
            text = f"Cancelled{took}" + (f", {why}" if why else "")
        case "running" | "timed_out":
            text = f"{state_word(run.status).capitalize()}; it started {_moment(run.start_time, zone)}"
        case "scheduled":
            text = f"Not due before {moment(run.schedule_time, zone)}"
        case _:
            text = f"{state_word(run.status).capitalize()} since {moment(run.queue_time, zone)}"
    return _sentence(text, run.message if run.status in ("failed", "cancelled", "timed_out") else "")


def cause_sentence(run: RunRow, zone: tzinfo) -> str:
    """Why there is this run: which slot, or who asked for it, how and when."""
    if run.trigger_type == "schedule":
        return f"The schedule made it due {moment(run.schedule_time, zone)}."
    text = _asked(run) + _label(run) + f", {moment(run.queue_time, zone)}"
    if run.schedule_time - run.queue_time >= 1:
        text += f", for {moment(run.schedule_time, zone)}"
    return _sentence(text + _again(run), "")


def drop_words(run: RunRow) -> str:
    """What was dropped, where and by whom, for whoever has to prove it; empty where nothing of it is recorded."""
    path, size, digest, uid, user = (run.came_from.get(key) for key in ("path", "size", "sha256", "uid", "user"))
    if path is None:
        return ""
    who = f"by {user} (uid {uid})" if user != str(uid) else f"by uid {uid}"
    return f"{path} {who}, {size} bytes, SHA-256 {digest}"


def decision_sentence(decision: DecisionRow, zone: tzinfo) -> str:
    """What was decided about a slot or a trigger, and why."""
    slot = decision.token is None and decision.schedule_time is not None
    what = f"The slot of {moment(decision.schedule_time or 0.0, zone)}" if slot else "The trigger"
    what += f" (standing for {decision.count} instances)" if decision.count > 1 else ""
    what += "" if slot else f" that was taken {moment(decision.time, zone)}"
    return _sentence(f"{what} {_outcome_words(decision)}", decision.reason, joint=": ")


# --- commands ---------------------------------------------------------------------------------------------------


def command(*words: str) -> str:
    """A command line that can be pasted."""
    return shlex.join(("dsari-like", *words))


def _label(run: RunRow) -> str:
    word = trigger_word(run)
    return f" ({word})" if word != run.trigger_type else ""


def _asked(run: RunRow) -> str:
    """Who dropped which file, as far as that is recorded."""
    name, user, uid = (run.came_from.get(key) for key in ("file", "user", "uid"))
    who = f"User {user}" if user else f"User id {uid}" if uid is not None else ""
    if run.trigger_type == "manual":
        return f"{who or 'Somebody'} asked for it on the command line"
    if run.trigger_type == "file":
        file = f"the trigger file {name}" if name else "a trigger file"
        return f"{who} dropped {file}" if who else f"{file.capitalize() if not name else 'The' + file[3:]} was dropped"
    return f"Triggered by {_TRIGGERS.get(run.trigger_type, run.trigger_type)}" + (f", {who.lower()}" if who else "")


def _again(run: RunRow) -> str:
    return (
        f", attempt {run.attempt}" + (f" after run {run.retry_of}" if run.retry_of else "") if run.attempt > 1 else ""
    )


def _outcome_words(decision: DecisionRow) -> str:
    run = f" run {decision.run_id}" if decision.run_id else ""
    return {
        "started": f"became{run}",
        "folded": f"was folded into{run}",
        "skipped": "was skipped",
        "missed": "was missed",
        "dropped": "was dropped" + (f" in favour of{run}" if run else ""),
        "refused": "was refused",
    }.get(decision.outcome, decision.outcome)


def _moment(time: float | None, zone: tzinfo) -> str:
    return "at an unknown time" if time is None else moment(time, zone)


def _sentence(text: str, more: str, joint: str = "; ") -> str:
    """One sentence with one full stop; what was said already is not said again."""
    return (text + (joint + more if more and more not in text else "")).rstrip(".") + "."
