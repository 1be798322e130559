"""`dsari-like trigger`: drop a trigger for a job, and wait for its run if asked to.

Owns what is dropped and what is told of it. A producer of spool files like any other: nothing here speaks to the
daemon but through the drop place and the receipts.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from dsari_like.cli.exits import DONE, OWN_FAILURE, NoDaemon, UsageFault
from dsari_like.cli.following import Followed, Patience, follow
from dsari_like.cli.look import Look, looking
from dsari_like.cli.printing import print_json, say
from dsari_like.cli.receipts import TURNED_AWAY, Receipt, code_of_run, read_receipt, wait_for
from dsari_like.cli.selecting import names
from dsari_like.cli.standing import daemon_of
from dsari_like.cli.streams import Sink, Source
from dsari_like.cli.times import wish, zone_or_none
from dsari_like.core.model import Job
from dsari_like.core.orchestration import SELECTING, choice_of
from dsari_like.core.request import read_trigger
from dsari_like.errors import StoreError, TriggerError, UserError
from dsari_like.report.words import outcome_sentence
from dsari_like.spool.drop import drop_trigger
from dsari_like.store.reader import RunRow
from dsari_like.system.ids import new_id


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "trigger",
        description="Drops a trigger for a job into its drop place, after the same checks that the daemon makes, and"
        " returns when it is safely on the disk. With --wait or --follow the command ends when the run has ended,"
        " with the exit code of the run; its own failures then end with 125.",
    )
    parser.add_argument("name", metavar="NAME", help="the job or orchestration")
    parser.add_argument(
        "-e", "--environment", action="append", metavar="KEY=VALUE", help="a variable of the run; may be given again"
    )
    parser.add_argument("--description", metavar="TEXT", help="what the reports say of the run")
    parser.add_argument("--type", metavar="WORD", help="what the reports call the trigger instead of manual")
    parser.add_argument("--at", metavar="TIME", help="when the run is due: epoch seconds or a date (default: now)")
    parser.add_argument(
        "--id", metavar="ID", help="names the trigger: a second one with the same id starts nothing; also the receipt"
    )
    parser.add_argument("--priority", type=int, metavar="N", help="takes the place of the job's own priority")
    _add_choice(parser)
    parser.add_argument("--dry-run", action="store_true", help="check, print what would be dropped, drop nothing")
    parser.add_argument(
        "--wait", action="store_true",
        help="end when the run has ended, with its exit code; one that its job tries again ends with the last attempt",
    )  # fmt: skip
    parser.add_argument("--follow", action="store_true", help="as --wait, and print what the run prints")


def run(args: argparse.Namespace) -> int:
    """0 when it was dropped; with --wait the exit code of the run."""
    waits = args.wait or args.follow
    with looking(args) as look:
        job = look.job(args.name)
        mapping = _mapping(args, look.now, waits)
        _check(mapping, job, look)
        if args.dry_run:
            print_json(mapping)
            _tell_choice(mapping, job)
            say("nothing was dropped (--dry-run)")
            return DONE
        gone = _is_gone(look)
        if waits and gone:
            raise NoDaemon(f"no daemon is running, so the run of '{job.name}' would not start; nothing was dropped")
        before = read_receipt(look.configuration.data_dir, mapping["id"]) if waits else None
        path = _drop(look, job, mapping)
        if waits:
            return _wait(look, mapping["id"], before, args.follow)
        say(f"dropped {path}" + ("; no daemon is running, the next one takes it" if gone else ""))
    return DONE


def _is_gone(look: Look) -> bool:
    """True when no daemon runs; False too when that is not ours to know."""
    try:
        return not daemon_of(look.configuration).alive
    except StoreError:
        return False


def _mapping(args: argparse.Namespace, now: float, waits: bool) -> dict[str, Any]:
    """What is dropped. A trigger that is waited for needs an `id`, for its receipt."""
    given = {
        "trigger_type": "manual",
        "type": args.type,
        "description": args.description,
        "environment": _environment(args.environment or ()),
        "schedule_time": None if args.at is None else wish(args.at),
        "id": args.id if args.id is not None or not waits else new_id(now),
        "priority": args.priority,
        **{key: names(getattr(args, key)) for key in SELECTING},
    }
    return {key: value for key, value in given.items() if value is not None and value != {}}


def _add_choice(parser: argparse.ArgumentParser) -> None:
    """What of an orchestration is run."""
    helps = {
        "tasks": "of an orchestration, only these tasks, by name or as PHASE/TASK, with commas between them",
        "skip": "of an orchestration, all but these tasks",
        "phase": "of an orchestration, only this phase",
    }
    for key in SELECTING:
        parser.add_argument(f"--{key}", action="append", metavar=key.rstrip("s").upper(), help=helps[key])


def _tell_choice(mapping: Mapping[str, Any], job: Job) -> None:
    """What of an orchestration would be run, and what not."""
    if job.flow is None:
        return
    chosen = choice_of(job.flow, mapping).places
    left_out = [str(place) for place, _ in job.flow.places() if place not in chosen]
    say(f"would run {', '.join(map(str, chosen))}" + (f"; would leave out {', '.join(left_out)}" if left_out else ""))


def _environment(words: list[str] | tuple[()]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise UsageFault(f"-e {word}: expected NAME=VALUE")
        with suppress(UnicodeEncodeError):
            word.encode()
            found[name] = value
            continue
        raise UsageFault(f"-e {name}: the value is not UTF-8, and a trigger file holds text only")
    return found


def _check(mapping: Mapping[str, Any], job: Job, look: Look) -> None:
    """What the daemon would refuse is refused here, where somebody reads it."""
    try:
        read_trigger(dict(mapping), job, look.zone_of(job), look.now, _is_trusted(look), zone_or_none)
    except TriggerError as error:
        raise UsageFault(f"this trigger for '{job.name}' would be refused: {error}; nothing was dropped") from None


def _is_trusted(look: Look) -> bool:
    """Would the daemon trust a file of ours? It runs as the owner of the data directory, as far as can be seen."""
    try:
        owner = os.stat(look.configuration.data_dir).st_uid
    except OSError:
        return True
    return os.geteuid() in (0, owner)


def _drop(look: Look, job: Job, mapping: Mapping[str, Any]) -> str:
    data_dir = look.configuration.data_dir
    if not os.path.isdir(data_dir):
        raise StoreError(f"cannot drop a trigger for '{job.name}': there is no data directory {data_dir}; the first"
                         " start of the daemon makes it, or 'dsari-like init'")  # fmt: skip
    try:
        return drop_trigger(data_dir, job.name, mapping)
    except UserError as error:
        raise StoreError(str(error)) from None


# --- waiting ------------------------------------------------------------------------------------------------------


def _wait(look: Look, trigger_id: str, before: Receipt | None, prints: bool) -> int:
    data_dir, patience = look.configuration.data_dir, Patience()
    watch = _Watch(look)
    receipt = wait_for(data_dir, trigger_id, before, _is_known, patience, watch.look)
    if receipt.run_id is None:
        say(f"the trigger was {receipt.state}: {receipt.reason}")
        return OWN_FAILURE
    if receipt.state == "folded":
        say(f"the trigger was folded into run {receipt.run_id}")
    if not prints:
        print(receipt.run_id, flush=True)
    return _follow(look, receipt.run_id, prints, patience, watch)


def _is_known(receipt: Receipt) -> bool:
    """Enough to go on with: there is a run to look at, or there will be none."""
    return receipt.run_id is not None or receipt.state in TURNED_AWAY


def _follow(look: Look, run_id: str, prints: bool, patience: Patience, watch: _Watch) -> int:
    """From here on the run log tells: it knows the run before any receipt does, and a folded trigger's receipt says
    nothing of the end. A run that its job tries again has not ended for whoever waits: the last attempt counts."""
    while True:
        row = look.reader.run(run_id)
        source = Source(look.run_directory(row)) if row and prints else None
        followed = Followed(run_id, row.job_name if row else "", source)
        follow(look.reader, [followed], Sink(), patience, meanwhile=watch.look)
        code = _told(look.reader.run(run_id), look)
        again = look.reader.retries_of(run_id)  # the job's own retry is recorded together with the failure
        if not again:
            return code
        run_id = again[-1].run_id
        say(f"attempt {again[-1].attempt} follows: run {run_id}")


def _told(row: RunRow | None, look: Look) -> int:
    if row is None:
        say("the run is no longer recorded, so how it ended cannot be told")
        return OWN_FAILURE
    say(f"run {row.run_id}: {outcome_sentence(row, look.zone)}")
    return code_of_run(row.status, row.exit_code)


class _Watch:
    """Says when the daemon goes while somebody waits; the waiting goes on, for the next daemon takes the run over."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._looks = 0
        self._gone = False

    def look(self) -> None:
        """Look now and then: a daemon that starts at this very moment must not find us at its lock."""
        self._looks += 1
        if self._looks % 20 or self._gone:
            return
        if _is_gone(self._look):
            self._gone = True
            say("the daemon has gone; waiting for the next one, which takes the run over (Ctrl-C stops waiting)")
