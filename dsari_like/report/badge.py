"""A badge: how a job stands, as a picture for other people's pages.

Owns the drawing. Fonts are the reader's, so widths are guessed from the letters and the text is fitted to them.
"""

from __future__ import annotations

from markupsafe import Markup, escape

from dsari_like.report import views, words
from dsari_like.report.scene import Scene

#: Dark enough for white letters.
_COLOURS = {"good": "#17734a", "bad": "#b3202a", "odd": "#8a4b00", "live": "#1f55c0"}
_NARROW, _PAD, _LONGEST = "iljtfr.,:;|!'I -", 8, 40


def badge(scene: Scene, name: str) -> str:
    """The badge of a job, as it stands now: a run that goes on says nothing yet, the last verdict does."""
    standing = scene.overview.of(name)
    status = "failed" if standing.is_failing else "completed" if standing.good_run_id else standing.status
    word, tone = words.state_word(status) or "never ran", views.tone_of(status)
    return _drawn(words.shortened(name, _LONGEST), word, _COLOURS.get(tone, "#59636f"))


def _drawn(name: str, word: str, colour: str) -> str:
    left, right = _width(name), _width(word)
    label = escape(f"{name}: {word}")
    return Markup(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" aria-label="{label}">'
        f'<title>{label}</title><clipPath id="r"><rect width="{left + right}" height="20" rx="4"/></clipPath>'
        f'<g clip-path="url(#r)"><rect width="{left}" height="20" fill="#39424d"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{colour}"/></g>'
        '<g fill="#fff" font-family="system-ui,DejaVu Sans,Verdana,sans-serif" font-size="11">'
        f'<text x="{_PAD}" y="14" textLength="{left - 2 * _PAD}">{escape(name)}</text>'
        f'<text x="{left + _PAD}" y="14" textLength="{right - 2 * _PAD}">{escape(word)}</text></g></svg>\n'
    )


def _width(text: str) -> int:
    return round(sum(3.6 if letter in _NARROW else 6.7 for letter in text)) + 2 * _PAD
