"""Weights and cache against what vLLM logged at start-up, at the version that logged it."""

from __future__ import annotations

import csv
import statistics
from dataclasses import dataclass

import pytest

from optimizer.memory import MemoryFit, overhead_in_force
from optimizer.units import GIB
from tests.conftest import DATA
from tests.memory.parts import Parts


@dataclass(frozen=True)
class Log:
    """What one start-up of vLLM logged."""

    model_id: str
    precision: str
    gpu_id: str
    tp_size: int
    memory_fraction: float
    engine_version: str
    weights_gib: float | None
    kv_cache_gib: float
    kv_cache_tokens: int | None
    tolerance_fraction: float
    as_of: str


def logs() -> list[Log]:
    with (DATA / "vllm_startup_logs.csv").open(encoding="utf-8", newline="") as stream:
        return [
            Log(row["model_id"], row["precision"], row["gpu_id"], int(row["tp_size"]), float(row["memory_fraction"]),
                row["engine_version"], float(row["weights_gib"]) if row["weights_gib"] else None,
                float(row["kv_cache_gib"]), int(row["kv_cache_tokens"]) if row["kv_cache_tokens"] else None,
                float(row["tolerance_fraction"]), row["as_of"])
            for row in csv.DictReader(stream)
        ]


def fit_of(parts: Parts, log: Log) -> MemoryFit:
    rules = overhead_in_force(parts.vllm, log.engine_version, log.as_of)
    return parts.fit(log.model_id, log.precision, log.gpu_id, log.tp_size, memory_fraction=log.memory_fraction,
                     overhead=rules)


def log_errors(parts: Parts, log: Log) -> tuple[float, float | None]:
    """Relative errors of (KV cache: tokens where logged, else GiB; weights where logged)."""
    fit = fit_of(parts, log)
    cache = fit.kv_cache_gib / log.tp_size / log.kv_cache_gib
    if log.kv_cache_tokens is not None:
        cache = fit.kv_cache_tokens / log.kv_cache_tokens
    return cache - 1, None if log.weights_gib is None else fit.weights_gib / log.tp_size / log.weights_gib - 1


@pytest.mark.parametrize("log", logs(),
                         ids=lambda log: f"{log.model_id} {log.precision} on {log.tp_size} x {log.gpu_id}")
def test_kv_cache_and_weights_are_those_that_vllm_logged(parts: Parts, log: Log) -> None:
    cache, weights = log_errors(parts, log)
    assert abs(cache) <= log.tolerance_fraction
    assert weights is None or abs(weights) <= 0.02


def test_the_median_log_is_met_within_a_percent(parts: Parts) -> None:
    assert statistics.median(abs(log_errors(parts, log)[0]) for log in logs()) <= 0.01


@pytest.mark.parametrize("log", [log for log in logs() if log.kv_cache_tokens],
                         ids=lambda log: f"{log.model_id} {log.precision} {log.gpu_id}")
def test_logged_gib_over_logged_tokens_are_the_bytes_of_a_token(parts: Parts, log: Log) -> None:
    assert log.kv_cache_tokens is not None
    per_token = fit_of(parts, log).kv_bytes_per_token / log.tp_size
    assert log.kv_cache_gib * GIB / log.kv_cache_tokens == pytest.approx(per_token, rel=0.002)
