"""Atom feeds: what ended, for those who would rather be told. One of all jobs, one of each.

Owns the XML. Links are whole where `base_url` says where the pages are served, else relative to the feed. An entry
never changes, so a reader shows it once; the time of a feed is that of its newest entry. Must not know which runs it
is made of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from itertools import islice
from uuid import UUID
from xml.sax.saxutils import escape, quoteattr

from dsari_like.report import moments, names, words
from dsari_like.report.scene import Scene
from dsari_like.store.reader import RunRow

ENTRIES, _LOOKED_AT, _AT_LEAST = 30, 100, 45
#: What XML 1.0 allows in no form.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def all_feed(scene: Scene, _now: float) -> str:
    """What ended last of all jobs."""
    rows = (
        row
        for row in scene.reader.changed_last(_LOOKED_AT if scene.overview.hides else _AT_LEAST)
        if scene.shows(row.job_name)
    )
    return _feed(scene, names.FEED, scene.configuration.title, names.front_page(), rows)


def job_feed(scene: Scene, name: str, rows: Iterable[RunRow]) -> str:
    """What ended last of a job; `rows` are its runs, newest first."""
    title = f"{name} · {scene.configuration.title}"
    return _feed(scene, names.job_feed(name), title, names.job_page(name), rows)


def absolute(scene: Scene, page: str, origin: str) -> str:
    """A link to a page from a file: whole where it is known where the pages are served."""
    base = scene.configuration.base_url
    return names.link(base.rstrip("/") + "/" if base else names.root_of(origin), page)


def _feed(scene: Scene, path: str, title: str, page: str, rows: Iterable[RunRow]) -> str:
    ended = list(islice((row for row in rows if row.is_sound and row.stop_time is not None), ENTRIES))
    entries = [
        scene.memo.of(("entry", path, row.run_id, row.revision), partial(_entry, scene, path, row)) for row in ended
    ]
    newest = max((row.stop_time for row in ended if row.stop_time is not None), default=0.0)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
        f"<title>{_text(title)}</title>\n<id>{_text(_tag(path))}</id>\n"
        f"<updated>{moments.iso(newest, scene.zone)}</updated>\n<author><name>{_text(scene.configuration.title)}</name>"
        f"</author>\n<generator>dsari_like</generator>\n"
        f'<link rel="self" href={_attribute(absolute(scene, path, path))}/>\n'
        f"<link href={_attribute(absolute(scene, page, path))}/>\n{''.join(entries)}</feed>\n"
    )


def _entry(scene: Scene, path: str, run: RunRow) -> str:
    url = absolute(scene, names.run_page(run.job_name, run.run_id), path)
    said = " · ".join(filter(None, (words.outcome_sentence(run, scene.zone), words.description_of(run))))
    return (
        f"<entry><title>{_text(words.state_word(run.status).capitalize())}: {_text(run.job_name)},"
        f" {_text(words.run_label(run))}</title><id>{_text(_id(run))}</id>"
        f"<updated>{moments.iso(run.stop_time or 0.0, scene.zone)}</updated>"
        f"<category term={_attribute(run.status)}/><link href={_attribute(url)}/>"
        f"<summary>{_text(said)}</summary></entry>\n"
    )


def _id(run: RunRow) -> str:
    try:
        return UUID(run.run_id).urn
    except ValueError:
        return _tag(names.run_page(run.job_name, run.run_id))


def _tag(path: str) -> str:
    """A name for ever, of something that may be served from anywhere (RFC 4151)."""
    return "tag:dsari-like.invalid,2026:" + names.link("", path)


def _text(text: str) -> str:
    return escape(_ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text))


def _attribute(text: str) -> str:
    return quoteattr(_ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text))
