"""The tree is the data flow: a module imports only from rooms above its own, and only the maths imports the solver."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import cli
import gpumix_referee
import optimizer

PACKAGE = Path(optimizer.__file__).parent

ROOMS = (
    "errors",
    "messages",
    "units",
    "schema",
    "load",
    "demand",
    "traffic",
    "memory",
    "engines",
    "throughput",
    "costs",
    "candidates",
    "integrity",
    "accuracy",
    "verify",
    "formulation",
    "proof",
    "solve",
    "question",
    "strategies",
    "plan",
    "frontier",
    "explain",
    "recommend",
    "starting",
    "answer",
    "replay",
    "compare",
    "batch",
    "loadtest",
    "deploy",
    "documents",
    "reports",
    "commands",
    "cli",
)
"""Top to bottom; a room is a module of the package or a folder of modules."""

SOLVER_ROOMS = {"formulation", "solve", "strategies", "fleet"}
REFEREE = "gpumix_referee"
"""Solves other tools' instances, beside the package: it may import all of it but the commands that others have."""

REFEREE_PATH = Path(gpumix_referee.__file__).parent
MODULES = [*sorted(PACKAGE.rglob("*.py")), *sorted(REFEREE_PATH.rglob("*.py")), Path(cli.__file__)]


def room_of(path: Path) -> str:
    """Return the room a file belongs to; the package itself has none."""
    if path == Path(cli.__file__):
        return "cli"
    if path.is_relative_to(REFEREE_PATH):
        return REFEREE
    first = path.relative_to(PACKAGE).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def dotted(path: Path) -> str:
    """Return a file's module name."""
    if path == Path(cli.__file__):
        return "cli"
    root = REFEREE_PATH if path.is_relative_to(REFEREE_PATH) else PACKAGE
    parts = path.relative_to(root.parent).with_suffix("").parts
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


def faults_of(path: Path) -> Iterator[str]:
    """Yield what a module imports from rooms below its own, and what it does that only other rooms may."""
    room, names = room_of(path), list(imports(path))
    allowed = set(ROOMS[: ROOMS.index(room) + 1]) if room in ROOMS else set(ROOMS) if room == REFEREE else set()
    for name in names:
        below = is_part_of(name, "cli") and room != "cli"
        below |= is_part_of(name, REFEREE) and room not in (REFEREE, "commands")
        below |= is_part_of(name, "optimizer") and name != "optimizer.__version__" and name.split(".")[1] not in allowed
        if below:
            yield f"{dotted(path)} imports {name}"
    if room not in SOLVER_ROOMS | {REFEREE}:
        yield from (f"{dotted(path)} imports {name}" for name in names if is_part_of(name, "ortools"))
    if room not in {"commands", "cli"} and path != REFEREE_PATH / "commands.py":
        yield from (f"{dotted(path)} imports {name}" for name in names if is_part_of(name, "typer"))
        calls = [node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
        yield from (f"{dotted(path)} prints" for call in calls if isinstance(call, ast.Name) and call.id == "print")


def test_modules_import_from_rooms_above_and_only_the_maths_imports_the_solver_and_only_commands_print() -> None:
    assert [fault for path in MODULES for fault in faults_of(path)] == []


def test_the_referee_is_loaded_only_when_it_is_asked_for() -> None:
    """The package that solves other tools' instances may be absent: one function of one module imports it."""
    importing = [path for path in MODULES if room_of(path) != REFEREE and any(
        is_part_of(name, REFEREE) for name in imports(path))]
    assert [dotted(path) for path in importing] == ["optimizer.commands.referee"]
    at_the_top = [node for node in ast.parse(importing[0].read_text("utf-8")).body
                  if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not any(REFEREE in ast.unparse(node) for node in at_the_top)


def test_every_room_stands_in_the_order() -> None:
    found = {room_of(path) for path in MODULES} - {"", REFEREE}
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
