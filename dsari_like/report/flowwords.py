"""What is said of an execution of a chain or an orchestration: how it went, why, and what can be done about it.

Owns the words. Must not know the pages they stand on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dsari_like.core.flows import FlowKind
from dsari_like.report import moments, names, parts, views, words
from dsari_like.report.parts import MISSED, PASSED, Part, Picture, Told
from dsari_like.report.scene import Scene


def steps(scene: Scene, head: str) -> Iterator[str]:
    """The steps of a chain behind its head, those that are disabled too."""
    chains, queue, seen = scene.configuration.chains, [head], {head}
    while queue:
        for step in chains.steps.get(queue.pop(), ()):
            if step not in seen:
                seen.add(step)
                queue.append(step)
                yield step


def tone(part: Part) -> str:
    """The colour of what became of it."""
    if part.run is not None:
        return views.tone_of(part.run.status)
    return "odd" if part.absent == MISSED else "wait" if part.absent == parts.TO_COME else "still"


def run_url(part: Part, root: str) -> str:
    """The run that counts; without one, the job."""
    page = names.run_page(part.job, part.run.run_id) if part.run is not None else names.job_page(part.job)
    return names.link(root, page)


def sentence(it: Told, drawn: Sequence[Picture]) -> str:
    """How the execution went and why, in one sentence."""
    flow, all_parts = it.flow, [part for picture in drawn for part in picture.parts]
    if flow is None:
        count = len(drawn[0].parts) if drawn else 0
        kind = "step" if it.kind is FlowKind.CHAIN else "task"
        return f"It has not run yet. This is its plan: {count} {kind}{'s' * (count != 1)}."
    if not it.runs:
        return f"{words.state_word(flow.state.value).capitalize()}; its runs were removed by the rules of retention."
    word = words.state_word(flow.state.value).capitalize()
    took = f" after {moments.duration(flow.stop_time - flow.start_time)}" if flow.stop_time is not None else ""
    if flow.state.value == "completed":
        took = took.replace(" after ", " in ")
    elif flow.state.value == "warning":
        word = "Ended with a warning"
    why = [_why(part) for part in all_parts if part.is_bad][:3]
    missed = [part.name for part in all_parts if part.absent == MISSED]
    if missed:
        why.append(f"{listed(missed)} {'was' if len(missed) == 1 else 'were'} not executed")
    running = [part.name for part in all_parts if part.status in ("running", "timed_out")]
    if it.is_open and running:
        why.append(f"{listed(running)} {'runs' if len(running) == 1 else 'run'} now")
    return word + took + (": " + "; ".join(why) if why else "") + "."


def _why(part: Part) -> str:
    reason = words.reason_words(part.run) if part.run is not None else ""
    return f"{part.name} {words.state_word(part.status)}" + (f", {reason}" if reason else "")


def notes(scene: Scene, it: Told, drawn: Sequence[Picture], is_execution: bool) -> Iterator[str]:
    """What there is to say beside the drawing."""
    for part in (part for picture in drawn for part in picture.parts):
        if part.absent == PASSED:
            yield f"{part.name} was {part.absent}" + (f": {part.note}." if part.note else ".")
        if len(part.runs) > 1:
            tried = listed([words.state_word(run.status) for run in part.runs])
            yield f"{part.name} was tried {len(part.runs)} times: {tried}."
    attempts = [
        run for run in it.runs if it.kind is FlowKind.ORCHESTRATION and run.job_name == it.name and run.retry_of
    ]
    for run in attempts:
        yield f"{words.run_label(run).capitalize()} repeated what had not gone well; what had is kept."
    if not is_execution:
        members = {it.name, *steps(scene, it.name)}
        for repair in scene.configuration.chains.repairs if it.kind is FlowKind.CHAIN else ():
            if repair.step in members:
                yield f"Repaired: {repair.step}: {repair}."
        for name in sorted(members):
            job = scene.configuration.jobs.get(name)
            if it.kind is FlowKind.CHAIN and job is not None and not job.enabled:
                yield f"{name} is disabled: it is passed over, and the chain goes on with what follows it."


def listed(found: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    more = f" and {len(found) - 6} more" if len(found) > 6 else ""
    return ", ".join(found[:6]) + more


def commands(it: Told, drawn: Sequence[Picture]) -> Iterator[tuple[str, str]]:
    """What can be done about it, as commands to be pasted, and what each does."""
    listing = "chains" if it.kind is FlowKind.CHAIN else "orchestrations"
    yield words.command(listing, it.name), "its executions"
    if it.flow is not None and it.is_open:
        yield words.command("cancel", "--flow", it.flow.flow_id), "end all of it"
    elif it.flow is not None and it.flow.state.value != "completed":
        if it.kind is FlowKind.ORCHESTRATION:
            yield words.command("retry", "--flow", it.flow.flow_id), "run again what did not go well, and go on"
        for part in drawn[0].parts if it.kind is FlowKind.CHAIN and drawn else ():
            if part.is_bad and part.run is not None:
                yield words.command("retry", part.run.run_id), f"run {part.name} again, and go on behind it"
    yield words.command("trigger", it.name), "run it at once"


def short(it: Told, shown: Iterable[Part]) -> str:
    """The same for a line of a list."""
    found = list(shown)
    bad = [f"{part.name}: {words.reason_short(part.run)}" for part in found if part.is_bad and part.run is not None]
    missed = [part.name for part in found if part.absent == MISSED]
    again = [part.name for part in found if len(part.runs) > 1]
    told_of = [
        *bad[:3],
        f"{listed(missed)} not executed" if missed else "",
        f"{listed(again)} retried" if again else "",
    ]
    return words.shortened("; ".join(filter(None, told_of)) or (words.description_of(it.runs[0]) if it.runs else ""))
