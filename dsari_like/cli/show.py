"""`dsari-like show`: everything that is recorded of one run, as a page of sentences or as one object.

Owns the order of the page. The sentences are those of the reports, so that both tell one story.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from typing import Any

from dsari_like.cli.exits import DONE
from dsari_like.cli.look import Look, looking
from dsari_like.cli.objects import full_object
from dsari_like.cli.printing import add_format, print_json
from dsari_like.cli.standing import why_waiting
from dsari_like.cli.table import in_colour, painted, tone_of, visible
from dsari_like.cli.times import stamp
from dsari_like.report import words
from dsari_like.report.moments import duration
from dsari_like.report.requests import request_lines, sender
from dsari_like.report.shapes import parsed
from dsari_like.store.called import Called, CallRow
from dsari_like.store.reader import RunRow, mapping_of

#: So many items that did not complete are listed one by one.
_MOST_ITEMS = 20
_WAITING = ("scheduled", "blocked", "queued", "waiting_for_lock")


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "show",
        description="Shows one run, which is named by its id, by enough of its beginning, or by its job, which stands"
        " for the job's last run: why it ran, how it ended, each change of its state, the decisions about it, and"
        " what its trigger said. Values of variables with names such as PASSWORD are hidden.",
    )
    parser.add_argument("run_id", metavar="RUN", help="the run")
    add_format(parser)


def run(args: argparse.Namespace) -> int:
    """Show it."""
    with looking(args) as look:
        row = look.run(args.run_id)
        if args.format == "json":
            waits = why_waiting(row, look.reader.running(), look) if row.status in _WAITING else None
            print_json(full_object(row, look.reader, _calls(row, look)) | {"wait_reason": waits})
        else:
            for line in _page(row, look):
                print(line)
    return DONE


def _page(row: RunRow, look: Look) -> Iterator[str]:
    colour = in_colour()
    yield visible(f"Run {row.run_id} of {row.job_name}")
    yield painted(visible(words.outcome_sentence(row, look.zone)), tone_of(row.status) if colour else "")
    yield visible(words.cause_sentence(row, look.zone))
    if words.description_of(row):
        yield visible(words.description_of(row))
    if row.status in _WAITING:
        yield visible(why_waiting(row, look.reader.running(), look))
    yield ""
    facts = [(name, value) for name, value in _facts(row, look) if value]
    width = max(len(name) for name, _ in facts)
    yield from (f"{name:{width}}  {visible(value)}" for name, value in facts)
    yield from _section("Changes of state", _steps(row, look))
    yield from _section("Stages", _stages(row))
    yield from _section("Items", _items(row, look))
    yield from _section("Decisions", _decisions(row, look))
    yield from _section("Callbacks", (_call_line(call, look) for call in _calls(row, look)))
    yield from _section("Variables of its trigger", _map(row.variables))
    yield from _section("Other data of its trigger", _map(_other(row)))
    yield from _section("The request of its webhook", iter(request_lines(row)))
    yield from _section("Data it returned", _returned(row))


def _facts(row: RunRow, look: Look) -> Iterator[tuple[str, str]]:
    yield "state", words.state_word(row.status) + (f" ({row.reason})" if row.reason else "")
    yield "exit code", "" if row.exit_code is None else str(row.exit_code)
    for name, time in (("due", row.schedule_time), ("queued", row.queue_time), ("started", row.start_time)):
        yield name, stamp(time, look.zone) if time is not None else ""
    yield "ended", stamp(row.stop_time, look.zone) if row.stop_time is not None else ""
    yield "waited", duration(row.waited) if row.waited is not None else ""
    yield "took", duration(row.duration) if row.duration is not None else ""
    yield "processor", _processor(row)
    yield "memory", "" if row.max_rss is None else f"{row.max_rss / 2**20:.1f} MiB at most"
    for name in ("concurrency_group", "trigger_id", "flow_id", "retry_of", "item"):
        yield name.replace("_", " "), getattr(row, name) or ""
    yield "progress", words.progress_words(row)
    yield "stage", row.stage or ""
    yield "locks", ", ".join(f"{name} ({mode})" for name, mode in mapping_of(row.locks).items())
    yield "resumed", row.resume or ""
    yield "dropped as", words.drop_words(row)
    yield "webhook", sender(row)
    yield "priority", str(row.priority or "")
    yield "attempt", str(row.attempt) if row.attempt > 1 else ""
    yield "pid", str(row.pid) if row.pid and row.stop_time is None else ""
    yield "directory", look.run_directory(row)


def _processor(row: RunRow) -> str:
    if row.user_seconds is None:
        return ""
    return f"{row.user_seconds:.2f} s user, {row.system_seconds or 0.0:.2f} s system"


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    shown = [visible(line) for line in lines]
    if shown:
        yield ""
        yield f"{title}:"
        yield from (f"  {line}" for line in shown)


def _steps(row: RunRow, look: Look) -> Iterator[str]:
    for event in look.reader.events(row.run_id):
        yield f"{stamp(event.time, look.zone)}  {words.state_word(event.to_state)}: {event.cause}"


def _stages(row: RunRow) -> Iterator[str]:
    for stage in parsed(row.stages) or ():
        stop, code = stage.get("stop_time"), stage.get("exit_code")
        took = f" after {duration(max(0.0, stop - stage['start_time']))}" if stop is not None else ""
        ended = "its end is not known" if stop is not None else "goes on"
        yield f"{stage['name']}: {f'exit {code}' if code is not None else ended}{took}"


def _items(row: RunRow, look: Look) -> Iterator[str]:
    """Of many items those that did not complete: the others are counted."""
    if not row.items:
        return
    counts = parsed(row.items)
    kinds = ("completed", "failed", "cancelled")
    yield f"{counts['total']} in all: " + ", ".join(f"{counts[kind]} {kind}" for kind in kinds)
    told = [item for item in look.reader.items_of(row.run_id) if item.status != "completed"]
    for item in told[:_MOST_ITEMS]:
        again = f", attempt {item.attempt}" if item.attempt > 1 else ""
        yield f"{item.item}: {words.state_word(item.status)}{again} (run {item.run_id})"
    if len(told) > _MOST_ITEMS:
        yield f"… and {len(told) - _MOST_ITEMS} more; see dsari-like runs --items --job {row.job_name}"


def _decisions(row: RunRow, look: Look) -> Iterator[str]:
    for decision in reversed(look.reader.decisions(run_id=row.run_id)):
        yield words.decision_sentence(decision, look.zone)


def _calls(row: RunRow, look: Look) -> tuple[CallRow, ...]:
    return Called(look.connection, look.configuration.secrets).of_run(row.run_id)


def _call_line(call: CallRow, look: Look) -> str:
    """The end of a call, or how far it has come."""
    how = call.state if call.exit_code is None else f"{call.state} with exit {call.exit_code}"
    why = f" ({call.reason})" if call.reason else ""
    return f"{stamp(call.time, look.zone)}  {call.callback} on {call.event_text}: {how}{why}"


def _map(values: Mapping[str, Any]) -> Iterator[str]:
    for name, shown in values.items():
        yield f"{name} = {shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)}"


def _other(row: RunRow) -> Mapping[str, Any]:
    elsewhere = {"environment", "trigger_type"} | ({"request", "webhook"} if request_lines(row) else set())
    elsewhere |= {"items"} if row.items else set()  # they may be thousands, and are counted
    return {name: value for name, value in row.trigger.items() if name not in elsewhere}


def _returned(row: RunRow) -> Iterator[str]:
    if row.run_data not in (None, "null"):
        yield from json.dumps(parsed(row.run_data), ensure_ascii=False, indent=1).splitlines()
