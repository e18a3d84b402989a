"""Memory does not grow with the number of variants."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from optimizer.batch import Facts, Variants, run_batch
from optimizer.batch.ledger import Task, open_existing
from optimizer.batch.outcome import Outcome
from optimizer.batch.pivot import pivot_of
from optimizer.batch.waiting import Done
from tests.batch.conftest import PEAK

MIB = 2**20


class Instant:
    """A worker that is told the answers."""

    def outcomes(self, tasks: Iterator[Task], count: int) -> Iterator[Done]:
        for number, variant in tasks:
            yield number, Outcome(variant.name, "optimal", 1.0, 1.0, plan_json="{}" * 500), 0.0


def peak_mib(variants: Variants, facts: Facts, folder: Path) -> float:
    """Run a batch and its report; the most memory that Python held meanwhile."""
    tracemalloc.start()
    try:
        finished = run_batch(variants, facts, folder, Instant)
        assert finished.counts == {"optimal": len(variants)}
        ledger = open_existing(folder)
        pivot_of(ledger, ["horizon_months"], ["status"], "usd_per_month")
        ledger.close()
        return tracemalloc.get_traced_memory()[1] / MIB
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_a_hundred_thousand_variants_take_the_memory_of_ten_thousand(
    tmp_path: Path, swept: Callable[..., Variants], facts_of: Callable[[Variants], Facts],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("optimizer.batch.run.RECORD_EVERY_S", 0.01)  # here thousands come within half a second
    few, many = (swept(f"{PEAK}=1:{last}:1", "limits.horizon_months=1:100:1") for last in (100, 1000))
    assert (len(few), len(many)) == (10_000, 100_000)
    facts = facts_of(few)
    small, large = peak_mib(few, facts, tmp_path / "few"), peak_mib(many, facts, tmp_path / "many")
    assert large < small + 2.0, f"{small:.1f} MiB for 10,000, {large:.1f} MiB for 100,000"
