"""Kills (-9) of the main process and of workers at random moments: nothing is lost, nobody is left behind."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from optimizer.batch import Facts, Variants, run_batch, variants_of
from optimizer.batch.ledger import FILE
from optimizer.batch.processes import InThisProcess
from tests.batch.conftest import PEAK
from tests.cli.conftest import finished, process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks processes up in /proc")

PATIENCE_S = 60.0

UNHURRIED = """
import time, cli
from optimizer.batch import processes, run
heard = processes.Processes._heard
def slowly(*given):
    time.sleep(0.01)
    return heard(*given)
processes.Processes._heard = slowly
run.RECORD_EVERY_S = 0.1
cli.main()
"""
"""The command, taking 100 outcomes a second at most, so that a small batch lasts long enough on any machine."""


def workers_of(main: int) -> list[int]:
    """List the processes that solve for a batch."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            line = (folder / "cmdline").read_bytes()
        except OSError:
            continue  # no process, or one that is gone
        if int(fields[1]) == main and b"spawn_main" in line and fields[0] != "Z":
            found.append(int(folder.name))
    return sorted(found)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def recorded(folder: Path) -> int:
    """Return how many outcomes a ledger has."""
    if not (folder / FILE).exists():
        return 0
    connection = sqlite3.connect(folder / FILE, timeout=PATIENCE_S)
    try:
        return int(connection.execute("SELECT COUNT(*) FROM outcomes").fetchone()[0])
    except sqlite3.OperationalError:  # killed before its tables stood
        return 0
    finally:
        connection.close()


def wait_until(true: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < until, f"still not: {what}"
        time.sleep(0.02)


class Disturbed:
    """A batch that is killed again and again."""

    def __init__(self, desk: Path, catalog: Path, last: int, folder: Path) -> None:
        self.arguments = ("batch", desk, "--set", f"{PEAK}=1:{last}:1", "--out", folder, "--workers", "2")
        self.catalog, self.folder = str(catalog), folder
        self.random = random.Random(7)
        self.main: subprocess.Popen[str] | None = None

    def running(self) -> subprocess.Popen[str]:
        if self.main is None:
            self.main = process(*self.arguments, script=UNHURRIED, GPUMIX_CATALOG=self.catalog, OMP_NUM_THREADS="1")
        assert self.main.poll() is None, f"ended too early: {self.main.communicate()}"
        return self.main

    def kill(self, main_too: bool) -> None:
        """Kill a worker, or the main process, at a random moment: while it starts up or while it solves."""
        main = self.running()
        if self.random.random() < 0.75:
            known = recorded(self.folder)
            wait_until(lambda: recorded(self.folder) > known or main.poll() is not None, "one more outcome")
        time.sleep(self.random.uniform(0.0, 0.6))
        workers = workers_of(self.running().pid)
        if main_too or not workers:
            main.kill()
            main.communicate()
            wait_until(lambda: not any(alive(pid) for pid in workers), "workers without a main process are gone")
            self.main = None
        else:
            os.kill(self.random.choice(workers), signal.SIGKILL)

    def finish(self) -> tuple[bytes, bytes]:
        result = finished(self.running())
        assert result.code == 0, result.err
        return (self.folder / "results.csv").read_bytes(), (self.folder / "results.parquet").read_bytes()


@pytest.mark.parametrize(("kills", "last"), [
    (4, 600), pytest.param(25, 4000, marks=pytest.mark.slow),
])
def test_results_equal_those_of_an_undisturbed_run(
    tmp_path: Path, desk: Path, small_catalog: Path, results: Callable[..., tuple[bytes, bytes]], kills: int, last: int
) -> None:
    batch = Disturbed(desk, small_catalog, last, tmp_path / "killed")
    for number in range(kills):
        batch.kill(main_too=number % 3 == 1)
    assert batch.finish() == results(variants_of([str(desk)], [f"{PEAK}=1:{last}:1"]), InThisProcess)


def test_ctrl_c_stops_cleanly_and_the_same_command_goes_on(
    tmp_path: Path, desk: Path, small_catalog: Path, results: Callable[..., tuple[bytes, bytes]]
) -> None:
    batch = Disturbed(desk, small_catalog, 300, tmp_path / "out")
    main = batch.running()
    wait_until(lambda: recorded(tmp_path / "out") > 0 or main.poll() is not None, "a first outcome")
    workers = workers_of(main.pid)
    for pid in (*workers, main.pid):  # as a terminal does: to the whole group
        os.kill(pid, signal.SIGINT)
    stopped = finished(main)
    known = recorded(tmp_path / "out")
    assert stopped.code == 130
    assert 0 < known < 300
    assert stopped.err.splitlines() == [
        f"gpumix: {known:,} of 300 variants are done; the same command goes on", "gpumix: interrupted",
    ]
    assert not any(alive(pid) for pid in workers)
    batch.main = None
    assert batch.finish() == results(variants_of([str(desk)], [f"{PEAK}=1:300:1"]), InThisProcess)


def test_ctrl_c_while_workers_start_shows_no_traceback(tmp_path: Path, desk: Path, small_catalog: Path) -> None:
    batch = Disturbed(desk, small_catalog, 300, tmp_path / "out")
    main = batch.running()
    wait_until(lambda: bool(workers_of(main.pid)) or main.poll() is not None, "a worker")
    for pid in (*workers_of(main.pid), main.pid):
        os.kill(pid, signal.SIGINT)
    stopped = finished(main)
    assert (stopped.code, "Traceback" in stopped.err) == (130, False), stopped.err


def test_a_variant_that_kills_its_worker_three_times_is_a_row(
    tmp_path: Path, swept: Callable[..., Variants], facts_of: Callable[[Variants], Facts]
) -> None:
    """Whoever solves the variant of 3 requests is killed; its neighbours are not lost."""
    from optimizer.batch.processes import Processes

    variants = swept(f"{PEAK}=1:12:1")
    facts = facts_of(variants)

    class Deadly(Processes):
        def _feed(self, worker: object, waiting: object) -> None:
            super()._feed(worker, waiting)  # type: ignore[arg-type]
            if any(f"{PEAK}=3" in variant.overrides for _, variant in list(worker.given)[:1]):  # type: ignore[attr-defined]
                self._lose(worker)

        def _lose(self, worker: Any) -> None:
            """Kill a worker, and lose what it may have answered just before."""
            worker.process.kill()
            worker.process.join()
            worker.connection, theirs = self.context.Pipe()
            theirs.close()

    def rows(backend: Callable[[], object], name: str) -> list[list[str]]:
        done = run_batch(variants, facts, tmp_path / name, backend)  # type: ignore[arg-type]
        return [line.split(",") for line in done.csv.read_text().splitlines()[1:]]

    found, undisturbed = rows(lambda: Deadly(facts, 1), "deadly"), rows(lambda: InThisProcess(facts), "alone")
    assert [row for row in found if row[1] == "error"] == [found[2]]
    assert "its worker died 3 times (exit code -9)" in found[2]
    assert found[:2] + found[3:] == undisturbed[:2] + undisturbed[3:]


def test_workers_that_cannot_start_end_the_batch_with_their_reason(
    tmp_path: Path, swept: Callable[..., Variants], facts_of: Callable[[Variants], Facts], small_catalog: Path
) -> None:
    from optimizer.batch.processes import Processes
    from optimizer.batch.waiting import WorkersError

    variants = swept(f"{PEAK}=1:3:1")
    facts = facts_of(variants)
    with (small_catalog / "fx.csv").open("a", encoding="utf-8") as fx:
        fx.write("EUR,0.9,2026-08-21,https://example.org/fx\n")
    with pytest.raises(WorkersError, match="another catalog than the one this batch began with"):
        run_batch(variants, facts, tmp_path / "out", lambda: Processes(facts, 2))
    assert recorded(tmp_path / "out") == 0
