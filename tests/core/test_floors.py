"""The floors of the house: a module imports lower floors only, and the core knows no clock, file or process."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "dsari_like"

#: Floor of each module or package, the longest matching prefix decides.
FLOORS = {
    "dsari_like": 0,
    "dsari_like.errors": 0,
    "dsari_like.core": 1,
    "dsari_like.core.choices": 1,
    "dsari_like.core.model": 1,
    "dsari_like.core.hooks": 1,
    "dsari_like.core.flows": 1,
    "dsari_like.core.flow_messages": 1,
    "dsari_like.core.chain": 2,
    "dsari_like.core.orchestration": 2,
    "dsari_like.core.flowing": 2,
    "dsari_like.core.going": 2,
    "dsari_like.core.request": 2,
    "dsari_like.core.readiness": 2,
    "dsari_like.core.lifecycle": 1,
    "dsari_like.core.messages": 1,
    "dsari_like.core.terms": 1,
    "dsari_like.core.expression": 1,
    "dsari_like.core.reactions": 1,
    "dsari_like.core.happenings": 2,
    "dsari_like.core.instants": 1,
    "dsari_like.core.past": 2,
    "dsari_like.core.verbs": 1,
    "dsari_like.core.mail": 1,
    "dsari_like.core.notify": 1,
    "dsari_like.core.notices": 2,
    "dsari_like.core.streaks": 2,
    "dsari_like.core.usual": 2,
    "dsari_like.core.addresses": 1,
    "dsari_like.core.facts": 2,
    "dsari_like.core.owners": 2,
    "dsari_like.core.alarms": 2,
    "dsari_like.core.calling": 2,
    "dsari_like.core.reacting": 2,
    "dsari_like.core.matching": 2,
    "dsari_like.core.latches": 2,
    "dsari_like.core.releases": 2,
    "dsari_like.core.callbacks": 2,
    "dsari_like.core.slots": 2,
    "dsari_like.core.timetable": 2,
    "dsari_like.core.admission": 2,
    "dsari_like.core.pauses": 2,
    "dsari_like.core.pending": 2,
    "dsari_like.core.ledger": 2,
    "dsari_like.core.ending": 2,
    "dsari_like.core.locks": 2,
    "dsari_like.core.pulses": 2,
    "dsari_like.core.arrays": 2,
    "dsari_like.core.retrying": 2,
    "dsari_like.core.staging": 2,
    "dsari_like.core.storm": 2,
    "dsari_like.core.course": 3,
    "dsari_like.core.consequences": 3,
    "dsari_like.core.arrivals": 3,
    "dsari_like.core.asking": 3,
    "dsari_like.core.cancelling": 3,
    "dsari_like.core.eventing": 3,
    "dsari_like.core.retries": 3,
    "dsari_like.core.putoffs": 3,
    "dsari_like.core.lives": 3,
    "dsari_like.core.due": 3,
    "dsari_like.core.engine": 3,
    "dsari_like.core.forecast": 3,
    "dsari_like.config.schema": 1,
    "dsari_like.config.checks": 1,
    "dsari_like.config.accounts": 1,
    "dsari_like.config.section": 1,
    "dsari_like.config.blackouts": 1,
    "dsari_like.config.hook_keys": 1,
    "dsari_like.config.house_keys": 1,
    "dsari_like.config.flow_keys": 1,
    "dsari_like.config.notify_keys": 1,
    "dsari_like.config.hooks": 1,
    "dsari_like.config.reactions": 1,
    "dsari_like.config.reaction_keys": 1,
    "dsari_like.config.clauses": 1,
    "dsari_like.config.words": 1,
    "dsari_like.config": 4,
    "dsari_like.store": 4,
    "dsari_like.spool": 4,
    "dsari_like.system": 4,
    "dsari_like.report": 4,
    "dsari_like.webhook": 5,
    "dsari_like.callback": 5,
    "dsari_like.deliver": 5,
    "dsari_like.translate": 5,
    "dsari_like.requests": 5,
    "dsari_like.parts": 5,
    "dsari_like.orders": 5,
    "dsari_like.idle": 5,
    "dsari_like.measuring": 5,
    "dsari_like.upkeep": 5,
    "dsari_like.daemon": 5,
    "dsari_like.deeds": 5,
    "dsari_like.effects": 5,
    "dsari_like.transition": 5,
    "dsari_like.startup": 5,
    "dsari_like.cli": 6,
    "dsari_like.manual": 7,
    "dsari_like.__main__": 7,
}

#: What the core must not even be able to name. `zoneinfo` and `datetime` are values, not clocks, as long as nobody
#: calls their `now`; that is looked for too.
IMPURE = {
    "os", "time", "sqlite3", "subprocess", "logging", "pathlib", "socket", "selectors", "threading", "random",
    "shutil", "tempfile", "io", "sys", "uuid", "secrets", "asyncio",
}  # fmt: skip

CLOCK_CALLS = {"now", "utcnow", "today", "monotonic", "time_ns", "monotonic_ns", "perf_counter"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def floor_of(name: str) -> int:
    matching = [prefix for prefix in FLOORS if name == prefix or name.startswith(prefix + ".")]
    return FLOORS[max(matching, key=len)]


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def is_module(name: str) -> bool:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_module_imports_lower_floors_only(path: Path) -> None:
    name, ours = name_of(path), floor_of(name_of(path))
    for imported in imports_of(path):
        if imported.startswith("dsari_like.") and is_module(imported):
            assert floor_of(imported) <= ours, f"{name} (floor {ours}) imports {imported} (floor {floor_of(imported)})"


@pytest.mark.parametrize("path", sorted((PACKAGE / "core").rglob("*.py")), ids=name_of)
def test_the_core_brings_no_input_or_output(path: Path) -> None:
    assert not {name.split(".")[0] for name in imports_of(path)} & IMPURE


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_only_one_module_reads_clocks(path: Path) -> None:
    if name_of(path) == "dsari_like.system.clock":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            named = owner.id if isinstance(owner, ast.Name) else ""
            assert not (named in {"time", "datetime"} and node.func.attr in CLOCK_CALLS | {"time"}), (
                f"{name_of(path)}:{node.lineno} reads a clock"
            )
