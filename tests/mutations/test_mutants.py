"""Tests notice faults: each is put into a module alone, and the tests of its room must fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import cli
from tests.mutations.mutants import Mutant, named, thought_of

ROOT = Path(cli.__file__).resolve().parent

LEAST_NOTICED = 0.8
"""Share of the faults that a program thinks of which must be noticed; some change nothing."""


def is_noticed(mutant: Mutant, folder: Path) -> bool:
    """Say whether the tests fail with a mutant in place of its module."""
    path = folder / "mutant.json"
    path.write_text(json.dumps({"module": mutant.module, "source": mutant.source}), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-x", "-p", "tests.mutations.plugin",
               "-p", "no:cacheprovider", *mutant.tests]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "GPUMIX_MUTANT": str(path)}, capture_output=True,
                          text=True, timeout=1800, check=False)
    assert done.returncode in (0, 1), done.stdout[-2000:] + done.stderr[-2000:]
    return done.returncode == 1


@pytest.mark.slow
@pytest.mark.parametrize("mutant", list(named()), ids=lambda mutant: mutant.name)
def test_faults_that_once_passed_are_noticed(mutant: Mutant, tmp_path: Path) -> None:
    assert is_noticed(mutant, tmp_path)


@pytest.mark.slow
def test_most_faults_in_rules_are_noticed(tmp_path: Path) -> None:
    mutants = list(thought_of())
    passed = [mutant.name for mutant in mutants if not is_noticed(mutant, tmp_path)]
    assert not [name for name in passed if name.endswith("forgotten")]
    assert len(passed) <= (1 - LEAST_NOTICED) * len(mutants), passed


def test_every_fault_can_be_put_in() -> None:
    """The texts that the faults replace stand where they are looked for, once each, and what comes out is Python."""
    mutants = [*named(), *thought_of()]
    assert len({mutant.name for mutant in mutants}) == len(mutants) > 60
    for mutant in mutants:
        compile(mutant.source, mutant.module, "exec")
