"""The command as a process: exit codes, pipes that close, interruption, the same bytes whatever the hash seed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, finished, process


def test_exit_0_a_plan(desk: Path, small_catalog: Path) -> None:
    result = finished(process("solve", "--details", desk, "--catalog", small_catalog))
    assert (result.code, result.err) == (0, "")
    assert "OPTIMAL" in result.out


def test_exit_1_proven_infeasible(desk: Path, small_catalog: Path) -> None:
    result = finished(process(
        "solve", "--details", desk, "--catalog", small_catalog, "--set", "limits.budget.amount=1824.99"))
    assert (result.code, result.err) == (1, "")
    assert "- limits.budget: 1,824.99 USD a month -> 1,825.00 USD a month (+0.01): a plan" in result.out.splitlines()


def test_exit_2_bad_problem(desk: Path, small_catalog: Path) -> None:
    result = finished(process("solve", "--details", desk, "--catalog", small_catalog, "--set", "limits.nodes.max=0"))
    assert (result.code, result.out) == (2, "")
    assert "limits.nodes.max: found 0" in result.err


def test_exit_3_broken_catalog(desk: Path, tmp_path: Path) -> None:
    result = finished(process("solve", "--details", desk, GPUMIX_CATALOG=str(tmp_path / "nowhere")))
    assert (result.code, result.out) == (3, "")
    assert "found no such folder" in result.err


def test_exit_5_limit_reached_without_a_plan(desk: Path, small_catalog: Path) -> None:
    limited = ("--deterministic-limit", "1e-9", "--set", "limits.survive.nodes=1")
    result = finished(process("solve", "--details", desk, "--catalog", small_catalog, *limited))
    assert (result.code, result.err) == (5, "")


def test_exit_130_interrupted(desk: Path) -> None:
    """The command says that it reads its problem, waits there, and is interrupted."""
    script = (
        "import time\nfrom optimizer.commands import planning\n"
        "planning.load_inputs = lambda *_, **__: (print('reading', flush=True), time.sleep(60))\n"
        "import cli\ncli.main()")
    started = subprocess.Popen(
        [sys.executable, "-c", script, "solve", str(desk)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": ""})
    assert started.stdout is not None
    assert started.stdout.readline() == "reading\n"
    started.send_signal(signal.SIGINT)
    out, err = started.communicate(timeout=30)
    assert (started.returncode, out) == (130, "")
    assert "interrupted" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments", [("problems", "list"), ("solve", "--details", "office-a5000-workstations")], ids=" ".join)
def test_a_pipe_that_closes_is_no_failure(arguments: tuple[str, ...]) -> None:
    started = process(*arguments)
    assert started.stdout is not None
    assert started.stderr is not None
    started.stdout.close()  # as `| head -0` does
    err = started.stderr.read()
    assert (started.wait(), err) == (0, "")
    started.stderr.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device here")
def test_a_full_disk_is_not_our_fault(desk: Path, small_catalog: Path) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        result = finished(process("check", desk, "--catalog", small_catalog, output=full))
    assert result.code == 2
    assert "No space left" in result.err


def test_the_hash_seed_changes_no_byte() -> None:
    runs = [finished(process("solve", "chat-and-code", "--format", "json", PYTHONHASHSEED=seed)) for seed in ("1", "2")]
    assert runs[0] == runs[1]
    assert runs[0].code == 0


@pytest.mark.parametrize("encoding", ["ascii", "cp932"])
def test_a_terminal_that_knows_few_letters_shows_yen(encoding: str) -> None:
    result = finished(process("solve", "--details", "office-a5000-workstations", PYTHONIOENCODING=encoding))
    assert (result.code, result.err) == (0, "")
    assert "  JPY " in result.out


def test_an_interruption_after_a_solve_is_still_ours(desk: Path, small_catalog: Path) -> None:
    """A command that has solved once is interrupted while it goes on: it must be able to clean up and say so."""
    script = (
        "import os, signal, sys, cli, optimizer.answer as module\n"
        "found = module.answer\n"
        "def interrupted(*given):\n"
        "    found(*given)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "module.answer = interrupted\n"
        "cli.main()\n"
    )
    result = finished(process("solve", "--details", desk, "--catalog", small_catalog, script=script))
    assert (result.code, result.out) == (130, "")
    assert "interrupted" in result.err
