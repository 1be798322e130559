"""Documents that are nearly right: valid ones with bytes changed, cut out, doubled, moved and mixed.

Owns how a document is spoilt. What is random all through is refused at its first byte and shows little; what is wrong
in one place gets far.
"""

from __future__ import annotations

from hypothesis import strategies as st

TRIGGERS = (
    b"{}",
    b'{"type": "push", "description": "by hand", "environment": {"BRANCH": "main", "A1": 1, "TOKEN": "x"}}',
    b'{"schedule_time": "2026-11-20 14:02", "schedule_timezone": "Europe/Berlin", "id": "a-1", "priority": 5}',
    b'{"schedule_time": 1790000000.5, "data": [1, 2.5e3, null, true, "\\u00e4\\ud83d\\ude00"], "n": {"m": {"k": []}}}',
    b'{"schedule_time": "next friday at noon", "trigger_type": "manual", "items": ["a"], "tasks": ["p/t"]}',
    b"type: push\nenvironment:\n  BRANCH: main\n  A1: 0o17\nschedule_time: 2026-11-20T14:02:03Z\n",
    b"defaults: &d {A1: x, A2: &e [1, 2]}\nenvironment: {<<: *d, PATH: /bin}\nlist: [*e, *e]\nwhen: 2026-11-20\n",
    b'description: |\n  several\n  lines\ntext: >-\n  folded\n  text\nquoted: "a\\x41\\u00e4\\\n  b"\n? key\n: value\n',
)
CONTROLS = (
    b'{"action": "cancel", "run": "01a1", "reason": "enough", "id": "c1"}',
    b'{"action": "retry", "job": "a", "status": "failed", "since": 1790000000, "cascade": true, "tasks": ["x"]}',
    b'{"action": "pause", "until": "tomorrow 8:00", "reason": "deploying"}',
    b"action: skip_next\njob: nightly\n",
)
CONFIGURATIONS = (
    b"jobs: {a: {command: 'true'}}\n",
    b"title: x\ntimezone: Europe/Berlin\nmax_running: 4\nenvironment: {A: b, N: 5}\nconcurrency_groups: {g: {max: 2}}\n"
    b"jobs:\n  nightly:\n    command: [sh, -c, 'echo hi']\n    schedule: ['H 2 * * *', '@every 90s', '0 0 12 L * ?']\n"
    b"    concurrency_groups: [g]\n    parameters: {REF: {default: main, allowed: [main]}}\n    max_execution: 1h\n",
    b"job_defaults: &d {command: x, max_execution: 90s, merge: fold}\njobs:\n  a: {<<: *d, dst: skip}\n  b: *d\n",
    b"job_groups: {g: {job_names: [a, b, c], command: make, environment: {X: '1'}, catch_up: last}}\n"
    b"retention: {age: 30d, count: 5, bytes: 10M, keep_failed: 90d}\nruntimes: {py: {wrapper: python3}}\n",
    b"jobs:\n  r: {command: x, schedule: 'RRULE:FREQ=MONTHLY;BYDAY=-1FR;COUNT=5', runtime: sh}\n"
    b"  q: {command: x, schedule: \"DTSTART:20260101T000000\\nRRULE:FREQ=DAILY\",\n"
    b"    blackout: [{start: '22:00', end: '6:0'}]}\n"
    b"  h: {command: x, schedule: 'H(0-29)/10 H * * 1-5', umask: 0027, nice: 5, secret_names: x}\nruntimes: {sh: {}}\n",
    b"secret_names: [A*, '[']\nwebhooks: {h: {target: a, secret_files: [s], map: {REF: body.ref}}}\n",
    b'{"jobs": {"a": {"command": ["true"], "schedule": "*/5 * * * *", "priority": -1, "locks": {"l": "shared"}}}}',
    b'{"max_running": 3, "jobs": {"a b": {"command": "x y", "blackout": [{"schedule": "@daily", "duration": "1h"}]}}}',
)
RETURNED = (b'{"message": "ok", "job_variables": {"a": 1}, "n": [1, {"x": null}]}', b"- 1\n- {a: b}\n", b"3.5\n")
PROGRESS = (
    b'{"progress": 40, "message": "half"}\n{"progress": 1e2}\n{"message": "\\u00e4"}\n',
    b'{"progress": 5}\r\n\r\n{"job_variables": {"a": 1}}\n{"progress": 99.5, "message": ',
)
VARIABLES = (
    b'A=1\n# note\nB=\'two\nlines\'\nC="a \\" b\\\n c" \n; e\n F = g h \r\n',
    b'TOKEN=x=y\nEMPTY=\nQ="open\n',
)
CALENDARS = (
    b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART;TZID=Europe/Berlin:20261120T120000\r\n"
    b"DURATION:PT1H30M\r\nRRULE:FREQ=WEEKLY;BYDAY=MO\r\nEXDATE:20261127T120000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227\nSUMMARY:f\n olded\n"
    b"END:VEVENT\nEND:VCALENDAR\n",
)
SEEDS = {
    "trigger": TRIGGERS,
    "control": CONTROLS,
    "configuration": CONFIGURATIONS,
    "raw": CONFIGURATIONS,
    "returned": RETURNED,
    "progress": PROGRESS,
    "variables": VARIABLES,
    "calendar": CALENDARS,
}

#: What parsers have fallen over before, ours and others'.
SPLINTERS = (
    b"\0", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b"\xef\xbb\xbf", b"\xe2\x80\xa8",
    b"\xc2\x85", b"{", b"}", b"[", b"]", b",", b":", b": ", b'"', b"'", b"\\", b"#", b"- ", b"? ", b"| ", b">+9\n",
    b"\t", b"\r", b"\n", b"\n---\n", b"\n...\n", b"%YAML 9.9\n---\n", b"%TAG ! x:\n", b"&a ", b"*a", b"<<: *a",
    b"<<: [", b"!!binary x", b"! ", b"!!python/object/apply:os.system [x]", b"!!set", b"!!omap",
    b"!!timestamp 2026-13-45", b"!<x>", b"@", b"`", b"=", b"NaN", b"Infinity", b"-Infinity", b".nan", b".inf",
    b"1e999", b"-1e999", b"1E400", b"-0", b"0x", b"0b", b"0o8", b"1_0", b"9" * 30, b"9" * 400, b"9" * 5000, b"1:2:3",
    b"190:20:30", b"1.5:3", b"0.1e", b"null", b"~", b"yes", b"True", b"on", b"2026-02-30", b"9999-12-31T23:59:60Z",
    b"0000-00-00", b"2026-03-29 02:30", b"24:00", b"1w", b"-1s", b"1e9d", b"H", b"R", b"L", b"W", b"*/0", b"0-99",
    b"5-1", b"*/999999999", b"@reboot", b"@every 0s", b"RRULE:", b"FREQ=SECONDLY", b"BYDAY=9MO", b"COUNT=0",
    b"UNTIL=x", b"INTERVAL=99999999999", b"../", b"/", b"$(x)", b"${A}", b"{{x}}", b"%s", b"LD_PRELOAD", b"RUN_ID",
    b"environment", b"jobs", b"command", b"schedule", b"id", b"\xf0\x9f\x98\x80",
)  # fmt: skip


@st.composite
def spoilt(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """A valid document after a few accidents."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 6))):
        data = _accident(draw, data, seeds)
    return data


def _accident(draw: st.DrawFn, data: bytes, seeds: tuple[bytes, ...]) -> bytes:
    at, end = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
    match draw(st.sampled_from("insert replace bytes cut double move splice flip wrap".split())):
        case "insert":
            return data[:at] + draw(st.sampled_from(SPLINTERS)) + data[at:]
        case "replace":
            return data[:at] + draw(st.sampled_from(SPLINTERS)) + data[end:]
        case "bytes":
            return data[:at] + draw(st.binary(max_size=8)) + data[at:]
        case "cut":
            return data[:at] + data[end:]
        case "double":
            return data[:end] + data[at:end] * draw(st.integers(1, 40)) + data[end:]
        case "move":
            return data[end:] + data[at:end] + data[:at]
        case "splice":
            other = draw(st.sampled_from(seeds))
            return data[:at] + other[draw(st.integers(0, len(other))) :]
        case "wrap":
            return data[:at] + b"[" * 60 + data[at:end] + b"]" * 60 + data[end:]
    return data[:at] + bytes([data[at] ^ (1 << draw(st.integers(0, 7)))]) + data[at + 1 :] if at < len(data) else data
