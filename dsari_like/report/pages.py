"""Templates to text: the one place that knows Jinja2.

Owns the environment, and what is put in the place of a page that cannot be made. Jinja2 is imported by whoever
imports this, which the renderer does at its first page: a daemon with nothing to show does not pay for it.

Templates of `template_dir` are looked for first, so one can be replaced and the others kept. Escaping is always on,
whatever a template is called. What the templates and their blocks are is told in `templates/README`.
"""

from __future__ import annotations

import errno
import logging
import re
from typing import Any

import jinja2
from jinja2.compiler import CodeGenerator, Frame
from jinja2.nodes import Expr
from markupsafe import Markup, escape

from dsari_like.report.ansi import visible
from dsari_like.report.memo import Memo
from dsari_like.report.views import Head

#: What is copied beside the pages as it stands.
COPIED = ("style.css", "search.js", "live.js")
_SHORTAGE = {errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM}

_is_markup = re.compile("[&<>\"']").search

_log = logging.getLogger(__name__)


class Pages:
    """Compiled templates, the user's before ours."""

    def __init__(self, template_dir: str | None) -> None:
        self._told: set[str] = set()
        own = jinja2.PackageLoader("dsari_like.report", "templates")
        self._own = _environment(own)
        theirs = [jinja2.FileSystemLoader(template_dir)] if template_dir else []
        self._environment = _environment(jinja2.ChoiceLoader([*theirs, own])) if theirs else self._own

    def render(self, template: str, head: Head, view: object) -> tuple[str, str]:
        """The page, and what was wrong: a template of the user that fails is replaced by ours, ours by a few plain
        words, so that a link never leads nowhere and one page never stops the others (B-53). Raises OSError when the
        machine is short of something: that is no fault of a template, and the page is made later."""
        problem = ""
        for environment in (self._environment, self._own):
            try:
                return environment.get_template(template).render(head=head, view=view), problem
            except Exception as error:
                if isinstance(error, OSError) and error.errno in _SHORTAGE:
                    raise
                problem = problem or f"template {template}: {type(error).__name__}: {error}"
                self._tell(head.title, problem)
        return plain_page(head.title, problem), problem

    def _tell(self, title: str, problem: str) -> None:
        """Once for each fault: a template that fails for one page fails for all."""
        if problem not in self._told:
            self._told.add(problem)
            _log.warning("cannot make the page '%s' as it should be, ours is taken: %s", title, problem)

    def source(self, name: str) -> str:
        """The style sheet or the script, the user's or ours, as it stands."""
        return _source(self._environment, name) or _source(self._own, name)


def plain_page(title: str, problem: str) -> str:
    """What stands where a page could not be made."""
    text = "This page could not be made. The others are not affected; the daemon's log says more."
    return Markup(
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>{0}</title><h1>{0}</h1><p>{1}</p><pre>{2}</pre>\n'
    ).format(title, text, problem)


def _environment(loader: jinja2.BaseLoader) -> jinja2.Environment:
    environment = _Environment(
        loader=loader,
        autoescape=True,  # not by file name: a template called otherwise must not be the way in
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,  # looked at again when a configuration is read, not at each of 100,000 pages
    )
    environment.filters["visible"] = _visible
    environment.filters["lines"] = _lines
    environment.globals["once"] = _Once()
    return environment


def _escaped(value: object) -> str:
    """What `escape` makes of it, in a third of the time for the plain words that nearly all values are: a page has a
    hundred of them."""
    if (type(value) is str and _is_markup(value) is None) or type(value) is Markup:
        return value
    return escape(value)


class _Generator(CodeGenerator):
    """Compiles `{{ value }}` to our `escaped`. It is joined with the text around it at once, so nobody can take the
    plain string for text that is yet to be escaped."""

    def _output_child_pre(self, node: Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo) -> None:
        if frame.eval_ctx.volatile or not frame.eval_ctx.autoescape or finalize.src is not None:
            super()._output_child_pre(node, frame, finalize)
        else:
            self.write("environment.escaped(")


class _Environment(jinja2.Environment):
    code_generator_class = _Generator
    escaped = staticmethod(_escaped)


class _Once:
    """`once(macro, thing)` in a template is `macro(thing)`, remembered: of a list of fifty, one line is new."""

    def __init__(self) -> None:
        self._memo = Memo()

    def __call__(self, macro: Any, *things: Any) -> Any:
        return self._memo.of((macro, things), lambda: macro(*things))


def _visible(value: Any) -> Markup:
    """Text from outside in one line of a page: what could deceive the reader is shown by number."""
    return value if isinstance(value, Markup) else visible(str(value))


def _lines(value: object) -> Markup:
    """The same for text of several lines."""
    return Markup("\n").join(visible(line) for line in str(value).split("\n"))


def _source(environment: jinja2.Environment, name: str) -> str:
    """The text of a template; empty when it cannot be read, which is told where it is used."""
    try:
        return environment.loader.get_source(environment, name)[0] if environment.loader else ""
    except (jinja2.TemplateError, UnicodeDecodeError, OSError):
        return ""
