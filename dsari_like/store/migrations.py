"""The schema of the run log, as a list of named steps that is only ever appended to.

Owns every CREATE and ALTER. A step and the number that says it was taken share one transaction, so a half-migrated
run log cannot exist; a newer number than ours is refused unread. Must not know what the rows mean.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable

from dsari_like.errors import StoreError

FIRST = """
create table runs (
    run_id text primary key not null,
    job_name text not null,
    status text not null,
    reason text,
    exit_code integer,
    schedule_time real not null,
    queue_time real not null,
    start_time real,
    stop_time real,
    trigger_type text not null,
    trigger_data text not null,
    run_data text,
    flow_id text,
    previous_run_id text,
    retry_of text,
    attempt integer not null default 1,
    item text,
    concurrency_group text,
    user_seconds real,
    system_seconds real,
    max_rss integer,
    message text not null default '',
    environment text not null default '{}',
    origin text not null default '{}',
    trigger_id text,
    priority integer not null default 0,
    sequence integer not null,
    ending text,
    pid integer,
    start_ticks integer,
    boot_id text,
    revision integer not null,
    number integer
) without rowid;
create unique index runs_by_number on runs (job_name, number) where number is not null;
create index runs_verdict on runs (job_name, status, stop_time) where stop_time is not null;
create index runs_by_job on runs (job_name, queue_time, run_id);
create index runs_by_time on runs (queue_time, run_id);
create index runs_good on runs (job_name, stop_time) where exit_code = 0;
create index runs_bad on runs (job_name, stop_time) where exit_code <> 0;
create index runs_open on runs (sequence, status) where status in ('scheduled', 'blocked', 'queued', 'waiting_for_lock',
    'running', 'timed_out');
create index runs_failed on runs (stop_time) where status = 'failed';
create index runs_by_revision on runs (revision);
create index runs_by_flow on runs (flow_id) where flow_id is not null;

create table decisions (
    decision_id integer primary key,
    job_name text not null,
    schedule_time real,
    outcome text not null,
    run_id text,
    reason text not null,
    time real not null,
    count integer not null default 1,
    token text,
    trigger_id text
);
create unique index decisions_by_slot on decisions (job_name, schedule_time) where token is null;
create unique index decisions_by_token on decisions (token) where token is not null;
create index decisions_by_job on decisions (job_name, time);
create index decisions_by_run on decisions (run_id) where run_id is not null;

create table events (
    event_id integer primary key,
    run_id text not null,
    time real not null,
    from_state text,
    to_state text not null,
    cause text not null
);
create index events_by_run on events (run_id, event_id);

create table callback_history (
    callback_id text not null,
    run_id text,
    job_name text,
    triggers text not null,
    event text not null,
    language text not null,
    start_time real,
    stop_time real,
    exit_code integer,
    output text
);
create index callback_history_by_run on callback_history (run_id);

create table flows (
    flow_id text primary key not null,
    kind text not null,
    name text not null,
    status text not null,
    start_time real,
    stop_time real
) without rowid;

create table trigger_ids (
    id text primary key not null,
    job_name text not null,
    run_id text not null,
    time real not null
) without rowid;

create table rests (
    job_name text not null,
    kind text not null,
    time real not null,
    until real,
    reason text not null,
    primary key (job_name, kind)
) without rowid;

create table plans (
    job_name text primary key not null,
    schedule text not null,
    timezone text not null,
    dst text not null,
    enabled integer not null,
    blackout text not null,
    rest text not null,
    made text
) without rowid;

create table slots (
    job_name text primary key not null,
    last_slot real,
    anchor real
) without rowid;
"""

#: A run's place in its job's history, counted from 1: what keeps page 7 of a job page 7 for ever, without counting
#: rows. A writer that fills the column itself saves the second write; one that does not cannot forget it.
NUMBER = """
create trigger runs_are_numbered after insert on runs when new.number is null
begin
    update runs set number = 1 + coalesce(
        (select max(number) from runs where job_name = new.job_name and number is not null), 0)
        where run_id = new.run_id;
end
"""


def _first(connection: sqlite3.Connection) -> None:
    for statement in FIRST.split(";"):
        if statement.strip():
            connection.execute(statement)
    connection.execute(NUMBER)


#: What retention keeps. `bytes` is what a finished run's directory holds, once somebody had to know it. `pruned` tells
#: the pages which runs are gone; its ids are never given twice, or a page that slept would miss some. `clock` has one
#: row: how far the wall clock is believed.
RETENTION = """
alter table runs add column bytes integer;
create index runs_by_retry on runs (retry_of) where retry_of is not null;
create table pruned (
    pruned_id integer primary key autoincrement,
    run_id text not null,
    job_name text not null,
    number integer,
    time real not null
);
create table clock (
    only integer primary key check (only = 1),
    believed real not null,
    claimed real not null,
    watched real not null
)
"""


def _retention(connection: sqlite3.Connection) -> None:
    for statement in RETENTION.split(";"):
        connection.execute(statement)


#: What a run is while it lives. `locks`, `stages` and `items` are JSON as the documented columns are; `definition` is
#: the digest of the job as the run was started. Items of array runs have no number: a history is one of whole runs.
LIFE = """
alter table runs add column progress real;
alter table runs add column progress_message text;
alter table runs add column progress_time real;
alter table runs add column job_variables text not null default '{}';
alter table runs add column locks text not null default '{}';
alter table runs add column stage text;
alter table runs add column stages text not null default '[]';
alter table runs add column items text;
alter table runs add column selection text;
alter table runs add column launch integer not null default 1;
alter table runs add column resume text;
alter table runs add column definition text;
alter table runs add column as_recorded integer not null default 0;
create index runs_of_array on runs (previous_run_id, item) where item is not null;
create table definitions (
    digest text primary key not null,
    definition text not null
) without rowid;
drop trigger runs_are_numbered
"""


def _life(connection: sqlite3.Connection) -> None:
    for statement in LIFE.split(";"):
        connection.execute(statement)
    connection.execute(NUMBER.replace("new.number is null", "new.number is null and new.item is null"))


#: Requests to the daemon that were carried out or refused, with what their senders were told; and runs that were to
#: start, when nothing could be started.
REQUESTS = """
create table requests (
    token text primary key not null,
    request_id text,
    state text not null,
    job_name text not null,
    run_id text,
    flow_id text,
    reason text,
    time real not null
);
alter table runs add column put_off integer not null default 0
"""


def _requests(connection: sqlite3.Connection) -> None:
    for statement in REQUESTS.split(";"):
        connection.execute(statement)


#: Flows: `variables` is JSON. `topology` is the chains as they were known last, with the steps that are gone as long as
#: others are written to follow them. `readiness` is, of each job with an event trigger, what was updated when since its
#: last start, when it last fired, and how new the watched files were when they were looked at last.
FLOWS = """
alter table flows add column variables text not null default '{}';
create index flows_by_name on flows (name, start_time);
create table topology (
    job_name text primary key not null,
    follows text
) without rowid;
create table readiness (
    job_name text primary key not null,
    fired real,
    updated text not null default '{}',
    marks text not null default '{}'
) without rowid
"""


def _flows(connection: sqlite3.Connection) -> None:
    for statement in FLOWS.split(";"):
        connection.execute(statement)


#: Calls of callbacks: `detail` is, as JSON, what it takes to make one again. `latches` is what AND remembers.
CALLS = """
alter table callback_history add column callback text not null default '';
alter table callback_history add column state text not null default 'completed';
alter table callback_history add column reason text not null default '';
alter table callback_history add column time real;
alter table callback_history add column attempt integer not null default 1;
alter table callback_history add column flow_id text;
alter table callback_history add column detail text not null default '{}';
create unique index callback_history_by_id on callback_history (callback_id);
create index callback_history_by_time on callback_history (time, callback_id);
create index callback_history_by_job on callback_history (job_name, time);
create index callback_history_open on callback_history (time) where state in ('waiting', 'running');
create table latches (
    owner text not null,
    scope text not null,
    latches text not null,
    count integer not null,
    primary key (owner, scope)
) without rowid
"""


def _calls(connection: sqlite3.Connection) -> None:
    for statement in CALLS.split(";"):
        connection.execute(statement)


def _pages(connection: sqlite3.Connection) -> None:
    """The page of a callback asks for its own calls; that of a flow is told when a run of it is gone."""
    connection.execute("create index callback_history_by_callback on callback_history (callback, time)")
    connection.execute("alter table pruned add column flow_id text")


#: Never edit or reorder what was released: append.
MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    _first, _retention, _life, _requests, _flows, _calls, _pages,
)  # fmt: skip


def version_of(connection: sqlite3.Connection) -> int:
    """The schema number the file carries; 0 for a new one."""
    return int(connection.execute("pragma user_version").fetchone()[0])


def refuse_newer(connection: sqlite3.Connection, path: str) -> int:
    """The schema number; raises StoreError when a newer program wrote the file."""
    found = version_of(connection)
    if found > len(MIGRATIONS):
        raise StoreError(
            f"cannot use the run log {path}: it has schema {found}, written by a newer dsari_like than this one, which"
            f" knows schema {len(MIGRATIONS)}; nothing was changed, install the newer version to go on"
        )
    return found


def migrate(connection: sqlite3.Connection, path: str) -> None:
    """Bring the schema up to date in one transaction; an older run log is copied aside first (P23)."""
    found = refuse_newer(connection, path)
    if found == len(MIGRATIONS):
        return
    if found > 0:
        _copy_aside(connection, f"{path}.schema-{found}.bak")
    connection.execute("begin exclusive")
    for step in MIGRATIONS[found:]:
        step(connection)
    connection.execute(f"pragma user_version = {len(MIGRATIONS)}")
    connection.execute("commit")


def _copy_aside(connection: sqlite3.Connection, target: str) -> None:
    """A whole copy under a final name: SQLite's own backup sees pages that are still in the write-ahead log."""
    partial = target + ".tmp"
    copy = sqlite3.connect(partial)
    with copy:
        connection.backup(copy)
    copy.close()
    os.replace(partial, target)
