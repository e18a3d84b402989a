"""Mélange's instances: small ones worked out by hand, and a folder of them where one is named."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpumix_referee.melange import judge
from optimizer.errors import InputError

FOLDER = os.environ.get("GPUMIX_MELANGE_INSTANCES", "")


def config(**changes: Any) -> dict[str, Any]:
    """6 requests/s: 3 short, 3 long. Small ($1): 2 short/s, no long. Big ($3): 6 short/s, 4 long/s."""
    return {
        "gpu_info": {
            "small": {"cost": 1, "tputs": [[2, 1e-4]]},
            "big": {"cost": 3, "tputs": [[6, 4]]},
        },
        "workload_distribution": [[0.5, 0.5]],
        "total_request_rate": 6.0,
        "slice_factor": 2,
        **changes,
    }


def written(folder: Path, data: Any) -> Path:
    path = folder / "instance.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


@pytest.mark.parametrize("wrapped", [False, True])
def test_slices_against_a_free_split(tmp_path: Path, wrapped: bool) -> None:
    # long: 3/4 of a big node. Free: 1/4 of big takes 1.5 short/s, small the other 1.5: 1 + 1 nodes, $4.
    # Two slices of 1.5 short/s each: one fills the other 1/4 of big, one takes 3/4 of small: $4 as well.
    # One slice: 3 short/s on two small nodes: $5 (on big: two of them, $6)
    path = written(tmp_path, {"melange_config": config()} if wrapped else config())
    free, sliced = judge(path, sliced=False), judge(path, sliced=True)
    assert (free.status, free.usd_per_hour, free.bound, free.nodes) == ("optimal", 4.0, 4.0, {"small": 1, "big": 1})
    assert (sliced.usd_per_hour, sliced.nodes) == (4.0, {"small": 1, "big": 1})
    assert sliced.routing == {"0.0": {"small": 0.5, "big": 0.5}, "0.1": {"big": 1.0}}
    assert judge(written(tmp_path, config(slice_factor=1)), sliced=True).nodes == {"small": 2, "big": 1}


@pytest.mark.parametrize("impossible", [0, None, 1e-4, 0.00005])
def test_an_impossible_pair_is_forbidden_not_slow(tmp_path: Path, impossible: float | None) -> None:
    data = config()
    data["gpu_info"]["big"]["tputs"] = [[6, impossible]]
    found = judge(written(tmp_path, data), sliced=False)
    assert (found.status, found.usd_per_hour, found.bound, found.nodes) == ("infeasible", None, None, {})
    assert found.unserved == ("0.1",)


def test_buckets_without_requests_ask_for_nothing(tmp_path: Path) -> None:
    found = judge(written(tmp_path, config(workload_distribution=[[1.0, 0]])), sliced=True)
    # 6 short/s: three small nodes or one big, $3 either way; slices of 3/s fit 1.5 small: 2 + 2 only apart
    assert (found.status, found.usd_per_hour) == ("optimal", 3.0)
    nothing = judge(written(tmp_path, config(total_request_rate=0)), sliced=True)
    assert (nothing.status, nothing.usd_per_hour, nothing.nodes) == ("optimal", 0.0, {})


def test_what_the_file_states_is_shown_for_its_own_model(tmp_path: Path) -> None:
    data = {"melange_config": config(), "exact_sliced_highs": {"cost": 4}, "exact_continuous_split_highs": None}
    path = written(tmp_path, data)
    assert judge(path, sliced=True).stated_optimum_usd_per_hour == 4.0
    assert judge(path, sliced=False).stated_optimum_usd_per_hour is None


def set_at(*keys: Any) -> Callable[[dict[str, Any], Any], None]:
    def change(data: dict[str, Any], value: Any) -> None:
        for key in keys[:-1]:
            data = data[key]
        data[keys[-1]] = value

    return change


@pytest.mark.parametrize(("change", "value", "key"), [
    (set_at("total_request_rate"), "fast", "total_request_rate"),
    (set_at("total_request_rate"), float("nan"), "total_request_rate"),
    (set_at("slice_factor"), 0, "slice_factor"),
    (set_at("slice_factor"), True, "slice_factor"),
    (set_at("workload_distribution"), [[0.5], [0.2, 0.3]], "workload_distribution"),
    (set_at("workload_distribution", 0, 1), -0.5, "workload_distribution.0.1"),
    (set_at("gpu_info"), {}, "gpu_info"),
    (set_at("gpu_info", "big"), 3, "gpu_info.big.cost"),
    (set_at("gpu_info", "big", "cost"), 0, "gpu_info.big.cost"),
    (set_at("gpu_info", "big", "tputs"), [[6, 4], [1, 1]], "gpu_info.big.tputs"),
    (set_at("gpu_info", "big", "tputs", 0, 0), "quick", "gpu_info.big.tputs.0.0"),
])
def test_a_fault_is_named_with_its_place(
    tmp_path: Path, change: Callable[[dict[str, Any], Any], None], value: Any, key: str
) -> None:
    data = config()
    change(data, value)
    with pytest.raises(InputError) as raised:
        judge(written(tmp_path, data), sliced=True)
    assert key in [fault.key for fault in raised.value.faults]


@pytest.mark.parametrize("text", ["{", "[]", "null", '{"melange_config": 3}'])
def test_a_file_that_is_no_config_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError):
        judge(path, sliced=False)


@pytest.mark.skipif(not FOLDER, reason="GPUMIX_MELANGE_INSTANCES names no folder of instances with stated optima")
@pytest.mark.parametrize("sliced", [True, False])
def test_every_instance_of_the_folder_comes_out_at_its_stated_optimum(sliced: bool) -> None:
    verdicts = [judge(path, sliced) for path in sorted(Path(FOLDER).glob("*.json"))]
    assert verdicts
    for verdict in verdicts:
        assert verdict.status == "optimal", verdict.name
        assert verdict.usd_per_hour == pytest.approx(verdict.stated_optimum_usd_per_hour, abs=1e-6), verdict.name
