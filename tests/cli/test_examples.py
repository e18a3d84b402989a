"""Every example that a help text shows runs as it stands."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from optimizer.commands.examples import EXAMPLES
from tests.cli.conftest import Run

LINES = [line for lines in EXAMPLES.values() for line in lines]


@pytest.mark.parametrize("command", EXAMPLES)
def test_help_shows_its_examples(run: Run, command: str) -> None:
    shown = run(*command.split(), "--help").out
    assert len(EXAMPLES[command]) >= (1 if command in ("schema", "problems list") else 2)
    assert all(line in shown for line in EXAMPLES[command])


@pytest.mark.parametrize("line", LINES)
def test_examples_run(run: Run, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*shlex.split(line)[1:])
    assert result.code == 0, result.err
    assert result.out or list(tmp_path.iterdir())
