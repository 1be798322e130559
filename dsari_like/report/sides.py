"""The pages of flows and callbacks, one at a time, by the press; and which there are.

Owns which template and which view each of them has. Imports the views, so it is imported at the first such page and not
before. Must not know which page is stale.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from dsari_like.core.flows import Flow, FlowKind
from dsari_like.report import calls, flow, flows, life, names
from dsari_like.report.scene import Scene
from dsari_like.store.rows import RunRow

if TYPE_CHECKING:
    from dsari_like.report.press import Press


def execution(press: Press, found: Flow) -> None:
    """One execution of a chain or an orchestration."""
    page = names.execution_page(found.kind.value, found.name, found.flow_id)
    press.page(page, "flow.html", partial(flow.execution_page, press.scene, found))


def history(press: Press, kind: FlowKind, name: str, number: int) -> None:
    """A page of executions."""
    page = names.flow_history_page(kind.value, name, number)
    press.page(page, "executions.html", partial(flow.history_page, press.scene, kind, name, number))


def whole_flow(press: Press, kind: FlowKind, name: str) -> None:
    """A chain or an orchestration."""
    page = names.flow_page(kind.value, name)
    press.page(page, "flow.html", partial(flow.flow_page, press.scene, kind, name))


def callback(press: Press, key: str) -> None:
    """A callback."""
    press.page(names.callback_page(key), "callback.html", partial(calls.callback_page, press.scene, key))


def lists(press: Press) -> Iterator[None]:
    """The lists of all flows and of all callbacks; rests after each."""
    press.page(names.FLOWS, "flows.html", partial(flows.flows_page, press.scene, press.now))
    yield
    press.page(names.CALLBACKS, "callbacks.html", partial(calls.callbacks_page, press.scene))
    yield


def all_flows(scene: Scene) -> list[tuple[FlowKind, str]]:
    """Those that have a page."""
    return flows.all_flows(scene)


def all_callbacks(scene: Scene) -> list[str]:
    """Those that have a page."""
    return calls.all_keys(scene)


def in_line(scene: Scene) -> tuple[RunRow, ...]:
    """The runs whose pages say what they wait for now."""
    return life.in_line(scene)
