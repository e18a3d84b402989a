"""Ways to break one file of a workspace, and what must come of it: class, exit code, place, found, allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from optimizer.errors import CatalogError, ExitCode, InputError
from tests.load.workspace import Workspace

Change = Callable[[Path], None]


def swap(*pairs: str) -> Change:
    """Replace texts, given as old, new, old, new; each old one stands exactly once."""

    def change(path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        for old, new in zip(pairs[::2], pairs[1::2], strict=True):
            assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path.name}"
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")

    return change


def add(text: str) -> Change:
    """Append a text; a file that is not there is made."""

    def change(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((path.read_text(encoding="utf-8") if path.exists() else "") + text, encoding="utf-8")

    return change


def put(raw: bytes) -> Change:
    """Write bytes in place of the file."""
    return lambda path: (path.write_bytes(raw), None)[1]


def recode(encoding: str, comment: str) -> Change:
    """Write the file in another encoding, with a comment that differs there."""
    return lambda path: put((path.read_text(encoding="utf-8") + comment).encode(encoding))(path)


def drop(path: Path) -> None:
    """Delete the file or folder."""
    if path.is_dir():
        for inner in sorted(path.iterdir()):
            drop(inner)
        path.rmdir()
    else:
        path.unlink()


def make_folder(path: Path) -> None:
    """Put a folder in the file's place."""
    path.unlink(missing_ok=True)
    path.mkdir()


def make_file(path: Path) -> None:
    """Put a file in the folder's place."""
    drop(path)
    path.write_text("x", encoding="utf-8")


PROBLEM_NAME = "desk"

Expected = tuple[str, str, str]
"""Key or line, part of what was found, part of what is allowed."""


@dataclass(frozen=True)
class Bad:
    """One way to be wrong."""

    name: str
    file: str
    change: Change
    faults: tuple[Expected, ...]
    where: str | None = None
    """What the faults name instead of the changed file: another file, or the problem by its name."""


def problem(name: str, old: str, new: str, *faults: Expected, where: str | None = None) -> Bad:
    return Bad(name, "problem.yaml", swap(old, new), faults, where)


def refused(workspace: Workspace, *overrides: str) -> InputError:
    """Return the error that reading the workspace ends in."""
    with pytest.raises(InputError) as caught:
        workspace.read(overrides)
    return caught.value


def check(bad: Bad, workspace: Workspace) -> None:
    """Break a workspace, read it, and hold the error against what must come out."""
    bad.change(workspace / bad.file)
    error = refused(workspace)

    ours = bad.file.startswith("catalog") and bad.where != PROBLEM_NAME
    assert type(error) is (CatalogError if ours else InputError)
    assert error.exit_code == (ExitCode.BAD_CATALOG if ours else ExitCode.BAD_INPUT)

    assert [fault.key for fault in error.faults] == [key for key, _, _ in bad.faults]
    named = PROBLEM_NAME if bad.where == PROBLEM_NAME else str(workspace / (bad.where or bad.file))
    for fault, (_, found, allowed) in zip(error.faults, bad.faults, strict=True):
        assert fault.file == named
        assert found in fault.found
        assert allowed in fault.allowed
    assert str(error).splitlines() == [str(fault) for fault in error.faults]
