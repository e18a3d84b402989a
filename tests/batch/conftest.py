"""Batches over the small catalog, whose answers are known by heart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from optimizer.batch import Facts, Sources, Variants, run_batch, variants_of
from optimizer.batch.ledger import Task
from optimizer.batch.run import Backend
from optimizer.batch.solver import VariantSolver
from optimizer.batch.waiting import Done
from optimizer.load import load_catalog
from optimizer.solve import SolveSettings

DESK = """\
schema_version: 1
name: desk
description: Readers of an 8B model.
services:
  - service_id: chat
    model: llama-8b
    slo: {tokens_per_s_per_user: 25}
    workload: [{isl_tokens: 512, osl_tokens: 256}]
    demand: {peak_concurrency: 40}
    headroom_fraction: 0.0
limits: {kinds: [on_demand], gpus: {allow: [big-80gb]}, evidence: interpolated}
"""
"""One node of cloud-big-x1 carries 64 requests for 2.50 USD/h x 730 h = 1,825.00 USD/month."""

PEAK, GRADE = "services.0.demand.peak_concurrency", "services.0.slo.grade"

NODE_USD = 1825.0


class Turned:
    """A worker in this process that takes what it is given in another order."""

    def __init__(self, facts: Facts, order: Callable[[list[Task]], Sequence[Task]]) -> None:
        self.solver, self.order = VariantSolver(facts), order

    def outcomes(self, tasks: Iterator[Task], count: int) -> Iterator[Done]:
        for number, variant in self.order(list(tasks)):
            yield number, *self.solver.timed(variant)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """The template."""
    path = tmp_path / "desk.yaml"
    path.write_text(DESK, encoding="utf-8")
    return path


@pytest.fixture
def facts_of(small_catalog: Path) -> Callable[[Variants], Facts]:
    """How to make what workers are given."""
    sha256 = load_catalog(small_catalog).sha256
    return lambda variants: Facts(Sources.read(variants.sources), small_catalog, (), SolveSettings(), sha256)


@pytest.fixture
def results(tmp_path: Path, facts_of: Callable[[Variants], Facts]) -> Callable[..., tuple[bytes, bytes]]:
    """How to run a batch in a folder of its own; the bytes of its results."""
    runs = iter(range(1000))

    def run(variants: Variants, backend: Callable[[Facts], Backend], folder: Path | None = None) -> tuple[bytes, bytes]:
        facts = facts_of(variants)
        finished = run_batch(variants, facts, folder or tmp_path / f"out-{next(runs)}", lambda: backend(facts))
        assert finished.parquet is not None
        return finished.csv.read_bytes(), finished.parquet.read_bytes()

    return run


@pytest.fixture
def swept(desk: Path) -> Callable[..., Variants]:
    """How to sweep the template."""
    return lambda *assignments: variants_of([str(desk)], assignments)
