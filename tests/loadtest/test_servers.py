"""What `gpumix loadtest run` measures, against servers that know better: llama.cpp's own timings, and exact speeds.

Tests of accuracy are slow ones, for a machine that has nothing else to do.
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean

import pytest

from optimizer.loadtest.running import Endpoint, LevelResult, RunResult, Schedule, run_levels
from tests.loadtest.conftest import Start, needs_client
from tests.loadtest.known_server import step_ms

pytestmark = needs_client


def silent(_: str) -> None:
    """Say nothing."""


def test_llama_cpp_is_measured_and_its_own_timings_are_kept(llama_server: str, tmp_path: Path) -> None:
    records = tmp_path / "records.jsonl"
    found = run_levels(Endpoint(llama_server, "completions", "", 96, 8), Schedule((2,), until=0.5, runs=1), {}, records,
                       silent)
    assert found.trouble == []
    (level,) = found.levels
    assert level.runs[0].osl_tokens == 8
    assert level.runs[0].isl_tokens == pytest.approx(96, rel=0.1)
    served = [json.loads(line)["srv"] for line in records.read_text(encoding="utf-8").splitlines()
              if '"measured"' in line]
    assert all(timings["predicted_n"] == 8 for timings in served)


def own_tpot_ms(records: Path, users: int) -> float:
    """Return the mean TPOT by the server's own clock: predicted_ms / (n - 1), of the measured requests."""
    lines = [json.loads(line) for line in records.read_text(encoding="utf-8").splitlines()]
    own = [line["srv"] for line in lines if line.get("part") == "measured" and line["level"] == users]
    return fmean(timings["predicted_ms"] / (timings["predicted_n"] - 1) for timings in own)


@pytest.mark.slow
@pytest.mark.parametrize("users", [1, 2, 4, 8])
def test_tpot_is_within_one_percent_of_llama_cpps_own(llama_server: str, tmp_path: Path, users: int) -> None:
    records = tmp_path / "records.jsonl"
    endpoint = Endpoint(llama_server, "completions", "", 96, 64)
    found = run_levels(endpoint, Schedule((users,), runs=1), {}, records, silent)
    (level,) = found.levels
    assert level.tpot.mean == pytest.approx(own_tpot_ms(records, users), rel=0.01)


KNOTS, SLOTS, PREFILL_MS, OSL = [[1, 10], [2, 12], [4, 16], [8, 32]], 8, 200, 64
"""Ten ms a step alone, 32 ms with seven others, eight at most."""


def truth(users: int) -> tuple[float, float]:
    """Return exact (TTFT, TPOT) in ms of a closed loop on the known server.

    Above its slots a request is in flight users / slots times as long as it is served (Little), and the rest of that
    is its wait.
    """
    tpot = step_ms(KNOTS, min(users, SLOTS))
    served = PREFILL_MS + (OSL - 1) * tpot
    return served * max(1.0, users / SLOTS) - (OSL - 1) * tpot, tpot


def on_known_server(start: Start, folder: Path, users: int, workers: int = 1) -> tuple[RunResult, LevelResult]:
    url = start(knots=KNOTS, slots=SLOTS, prefill_ms=PREFILL_MS)
    endpoint = Endpoint(url, "completions", "", 64, OSL, workers=workers)
    found = run_levels(endpoint, Schedule((users,), runs=1), {}, folder / "records.jsonl", silent)
    return found, found.levels[0]


@pytest.mark.slow
@pytest.mark.parametrize("users", [1, 2, 4, 8, 16])
def test_speeds_are_the_known_ones_above_saturation_too(known_server: Start, tmp_path: Path, users: int) -> None:
    _, level = on_known_server(known_server, tmp_path, users)
    ttft, tpot = truth(users)
    assert level.tpot.mean == pytest.approx(tpot, rel=0.005)
    assert level.ttft.mean == pytest.approx(ttft, rel=0.05)
    # users x 64 tokens in TTFT + 63 x TPOT
    assert level.output_tokens_per_s == pytest.approx(1000 * users * OSL / (ttft + 63 * tpot), rel=0.03)


@pytest.mark.slow
def test_workers_share_the_users(known_server: Start, tmp_path: Path) -> None:
    found, level = on_known_server(known_server, tmp_path, 8, workers=2)
    assert found.trouble == []
    assert level.tpot.mean == pytest.approx(truth(8)[1], rel=0.01)
    assert level.runs[0].requests >= 80


def test_the_truth_of_the_known_server_is_worked_out_by_hand() -> None:
    assert truth(1) == (200.0, 10.0)
    assert truth(3) == (200.0, 14.0)
    # 200 + 63 x 32 = 2216 ms served; 16 users on 8 slots are in flight for 4432 ms, 2016 ms of them decoding
    assert truth(16) == (2416.0, 32.0)


@pytest.mark.slow
def test_run_to_run_spread_makes_the_interval_of_several_runs(known_server: Start, tmp_path: Path) -> None:
    url = known_server(knots=[[1, 5]], prefill_ms=20)
    found = run_levels(Endpoint(url, "chat", "", 32, 32), Schedule((2,), until=0.2, runs=3), {},
                       tmp_path / "records.jsonl", silent)
    (level,) = found.levels
    assert len(level.runs) == 3
    means = [run.tpot.mean or 0.0 for run in level.runs]
    assert level.tpot.mean == pytest.approx(fmean(means))
    assert (level.tpot.error_fraction or 0.0) > 0
