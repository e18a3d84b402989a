"""How many variants a second a batch solves on one and two workers, and how much memory it takes.

python -m tests.benchmarks.batch [VARIANTS]     # 10,000 unless said
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from optimizer.batch import Facts, Sources, Variants, run_batch, variants_of
from optimizer.batch.ledger import Task
from optimizer.batch.processes import Processes
from optimizer.batch.waiting import Done
from optimizer.load import load_catalog
from optimizer.solve import SolveSettings

SOURCE = "helpdesk-llama3-8b"
MODELS = "llama-3-8b-instruct,qwen2.5-7b-instruct,qwen2.5-32b-instruct,mistral-7b-instruct-v0.3,llama-3.1-70b-instruct"
WARM = 300
"""Outcomes that are not counted: catalog and first curves of each worker are loaded meanwhile."""

MARKS = (1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)


def variants(count: int) -> Variants:
    """Sweep models, grades and peaks."""
    each = count // (3 * len(MODELS.split(",")))
    return variants_of([SOURCE], [
        f"services.0.demand.peak_concurrency=1:{each}:1", f"services.0.model={MODELS}", "services.0.slo.grade=A,B,C",
    ])


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process, 0 where the system does not say."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return 0.0


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used, which a busy machine does not stretch much."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Watched:
    """A backend that notes times and memory."""

    pool: Processes
    started: float = 0.0
    ended: float = 0.0
    cpu: float = 0.0
    """Processor seconds, main process included, between those two."""
    found: int = 0
    memory: dict[int, tuple[float, float]] = field(default_factory=dict)
    """Outcomes -> MiB of the main process and of the largest worker."""

    def outcomes(self, tasks: Iterator[Task], count: int) -> Iterator[Done]:
        """Pass outcomes on."""
        for done in self.pool.outcomes(tasks, count):
            self.found += 1
            if self.found == WARM:
                self.started, self.cpu = time.perf_counter(), -self._cpu()
            if self.found == count:
                self.ended, self.cpu = time.perf_counter(), self.cpu + self._cpu()
            if self.found in MARKS:
                workers = [resident_mib(worker.process.pid) for worker in self.pool.workers]
                self.memory[self.found] = resident_mib(os.getpid()), max(workers)
            yield done

    def _cpu(self) -> float:
        return sum(map(cpu_seconds, [os.getpid(), *(worker.process.pid for worker in self.pool.workers)]))

    @property
    def rate(self) -> float:
        """Variants a second once loaded."""
        return (self.found - WARM) / (self.ended - self.started)


def measured(count: int, workers: int) -> Watched:
    """Run a batch in a folder of its own."""
    asked = variants(count)
    facts = Facts(Sources.read(asked.sources), None, (), SolveSettings(), load_catalog().sha256)
    watched = Watched(Processes(facts, workers))
    with tempfile.TemporaryDirectory() as folder:
        run_batch(asked, facts, Path(folder), lambda: watched)
    return watched


def main() -> None:
    """Print the tables."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}\n")
    print("| workers | variants | variants a second, once loaded | for each processor second |\n|---|---|---|---|")
    runs = {workers: measured(count, workers) for workers in (1, 2)}
    for workers, run in runs.items():
        print(f"| {workers} | {run.found:,} | {run.rate:.0f} | {(run.found - WARM) / run.cpu:.0f} |")
    print(f"\nTwo workers over one: {runs[2].rate / runs[1].rate:.2f}\n")
    print("| after variants | main process, MiB | a worker, MiB |\n|---|---|---|")
    for found, (own, worker) in runs[1].memory.items():
        print(f"| {found:,} | {own:.0f} | {worker:.0f} |")


if __name__ == "__main__":
    main()
