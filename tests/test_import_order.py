"""The tree is the data flow: a module imports only from rooms above its own, and only the maths imports the solver."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import cli
import optimizer

PACKAGE = Path(optimizer.__file__).parent

ROOMS = (
    "errors", "units", "schema", "load", "demand", "traffic", "memory", "engines", "throughput", "costs", "candidates",
    "integrity", "accuracy", "verify", "formulation", "solve", "timetable", "frontier", "explain", "answer", "replay",
    "compare", "roadmap", "fleet", "batch", "loadtest", "referee", "deploy", "reports", "commands", "cli",
)
"""Top to bottom; a room is a module of the package or a folder of modules."""

SOLVER_ROOMS = {"formulation", "solve", "timetable", "roadmap", "fleet"}
MODULES = [*sorted(PACKAGE.rglob("*.py")), Path(cli.__file__)]


def room_of(path: Path) -> str:
    """Return the room a file belongs to; the package itself has none."""
    if path == Path(cli.__file__):
        return "cli"
    first = path.relative_to(PACKAGE).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def dotted(path: Path) -> str:
    """Return a file's module name."""
    if path == Path(cli.__file__):
        return "cli"
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_for_types_only(node: ast.AST) -> bool:
    """Say whether a statement is `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imports(path: Path, at_run_time: bool = False) -> Iterator[str]:
    """Yield the full names of what a file imports, wherever in the file, imported names included."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {id(inner) for node in ast.walk(tree) if is_for_types_only(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if at_run_time and id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: a relative import hides its room"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_part_of(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_a_module_imports_only_from_rooms_above(path: Path) -> None:
    room = room_of(path)
    allowed = set(ROOMS[: ROOMS.index(room) + 1]) if room else set()
    for name in imports(path):
        if is_part_of(name, "cli"):
            assert room == "cli", f"{dotted(path)} imports {name}"
        if is_part_of(name, "optimizer") and name != "optimizer.__version__":
            assert name.split(".")[1] in allowed, f"{dotted(path)} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_only_the_maths_imports_the_solver(path: Path) -> None:
    if room_of(path) not in SOLVER_ROOMS:
        assert not [name for name in imports(path) if is_part_of(name, "ortools")]


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_only_the_commands_print(path: Path) -> None:
    if room_of(path) not in {"commands", "cli"}:
        calls = [node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
        assert not [call for call in calls if isinstance(call, ast.Name) and call.id == "print"]
        assert not [name for name in imports(path) if is_part_of(name, "typer")]


def test_every_room_stands_in_the_order() -> None:
    found = {room_of(path) for path in MODULES} - {""}
    assert found <= set(ROOMS)


def test_there_is_no_import_cycle_between_modules() -> None:
    names = {dotted(path) for path in MODULES}
    needs: dict[str, set[str]] = defaultdict(set)
    for path in MODULES:
        for name in imports(path, at_run_time=True):
            module = name if name in names else name.rpartition(".")[0]
            if module in names and module != dotted(path):
                needs[dotted(path)].add(module)
    settled: set[str] = set()
    while names - settled:
        free = {name for name in names - settled if needs[name] <= settled}
        assert free, f"these import each other: {sorted(names - settled)}"
        settled |= free
