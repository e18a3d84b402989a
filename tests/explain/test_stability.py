"""The ranges of demand, speed target and speeds: inside the plan costs the same, one step outside it does not."""

from __future__ import annotations

import copy
import csv
import random
import shutil
from pathlib import Path

import pytest
import yaml

from optimizer.explain.entering import engine_verdicts
from optimizer.explain.stability import Stability, stabilities
from optimizer.load import Catalog, load_catalog
from optimizer.solve import solve
from tests.oracles.shops import (
    SETTINGS,
    SHOPS,
    Stated,
    drawn_problem,
    prepared_from,
    shop,
    solved_from,
    write_shop,
)


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the catalogs are written."""
    return tmp_path_factory.mktemp("shops")


def cost_of(stated: Stated, catalog: Catalog) -> int | None:
    """Return the least cost of a problem, from its text on."""
    return solved_from(stated, catalog).cost


def ranges(stated: Stated, catalog: Catalog) -> dict[str, Stability]:
    """Solve a problem and measure its ranges, by the name of the figure."""
    prepared = prepared_from(stated, catalog)
    best = solve(prepared.candidates, prepared.problem.limits, prepared.budget, SETTINGS)
    return {one.figure: one for one in stabilities(prepared, best, SETTINGS)}


def with_demand(stated: Stated, index: int, value: float) -> Stated:
    """State another demand."""
    found = copy.deepcopy(stated)
    demand = found["services"][index]["demand"]
    (key,) = demand
    demand[key] = round(value) if key == "peak_concurrency" else round(value, 6)
    return found


def with_target(stated: Stated, index: int, value: float) -> Stated:
    """State another speed target."""
    found = copy.deepcopy(stated)
    slo = found["services"][index]["slo"]
    slo.pop("grade", None)
    slo["tokens_per_s_per_user"] = value
    return found


def check_demand(stated: Stated, catalog: Catalog, index: int, found: Stability, cost: int) -> None:
    """The same cost from the low end to the high end; less below, more or nothing above."""
    step = 1 if "peak_concurrency" in found.figure else 1e-6
    assert cost_of(with_demand(stated, index, found.low), catalog) == cost
    assert found.high is None or cost_of(with_demand(stated, index, found.high), catalog) == cost
    if found.low > step:
        below = cost_of(with_demand(stated, index, found.low - step), catalog)
        assert below is not None
        assert below < cost
    if found.high is not None:
        above = cost_of(with_demand(stated, index, found.high + step), catalog)
        assert above is None or above > cost


def check_target(stated: Stated, catalog: Catalog, index: int, found: Stability, cost: int) -> None:
    """The same for a speed target, in hundredths of a token/s."""
    assert found.high is not None
    for value in (found.low, found.high):
        assert cost_of(with_target(stated, index, value), catalog) == cost
    if found.low > 0.01:
        below = cost_of(with_target(stated, index, round(found.low - 0.01, 6)), catalog)
        assert below is not None
        assert below < cost
    above = cost_of(with_target(stated, index, round(found.high + 0.01, 6)), catalog)
    assert above is None or above > cost


def check(stated: Stated, catalog: Catalog) -> int:
    """Check every range of demand and target of a problem that has a plan; return how many."""
    best = solved_from(stated, catalog)
    if best.cost is None:
        return 0
    checked = 0
    for name, found in ranges(stated, catalog).items():
        parts = name.split(".")
        if parts[0] == "services" and parts[2] == "demand":
            check_demand(stated, catalog, int(parts[1]), found, best.cost)
        elif parts[0] == "services":
            check_target(stated, catalog, int(parts[1]), found, best.cost)
        else:
            continue
        checked += 1
    return checked


def many(folder: Path, seed: str, count: int) -> int:
    """Check so many problems that have a plan; return how many ranges."""
    rng, problems, checked = random.Random(seed), 0, 0
    while problems < count:
        catalog = shop(folder, rng.randrange(SHOPS))
        found = check(drawn_problem(rng, catalog), catalog)
        problems, checked = problems + (found > 0), checked + found
    return checked


def test_ranges_hold_inside_and_break_outside(shops: Path) -> None:
    assert many(shops, "ranges", 12) > 12


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_many_ranges_hold_inside_and_break_outside(shops: Path, seed: int) -> None:
    assert many(shops, f"many ranges {seed}", 25) > 25


DESK: Stated = {
    "schema_version": 1, "name": "desk",
    "services": [{
        "service_id": "chat", "model": "llama-8b", "slo": {"tokens_per_s_per_user": 25},
        "workload": [{"isl_tokens": 512, "osl_tokens": 256}], "demand": {"peak_concurrency": 40},
        "headroom_fraction": 0.0, "engines": ["vllm"],
    }],
    "limits": {"kinds": ["on_demand"], "gpus": {"allow": ["big-80gb"]}, "evidence": "interpolated"},
}


def desk_catalog(folder: Path) -> Catalog:
    """The small catalog as it is: one node of cloud-big-x1 at 2.50 USD an hour has 16 ms at 64 requests in flight."""
    shutil.copytree(Path(__file__).parents[1] / "data" / "small_catalog", folder)
    return load_catalog(folder)


def test_ranges_by_hand(tmp_path: Path) -> None:
    # one node carries 1 to 64 requests at 1000 / 16 = 62.5 tokens/s. At 40 it has 12.5 ms: 80 tokens/s and no more.
    # Its speed may fall until 40 requests have 25 tokens/s: a factor of 25 / 80 = 0.3125, found to a thousandth.
    found = ranges(DESK, desk_catalog(tmp_path / "catalog"))
    demand, target = found["services.0.demand.peak_concurrency"], found["services.0.slo"]
    assert (demand.value, demand.low, demand.high) == (40, 1, 64)
    assert (target.value, target.low, target.high) == (25, 0.01, 80.0)
    assert found["speed of big-80gb"].low == pytest.approx(0.3125, rel=0.001)
    assert found["speed of big-80gb"].low >= 0.3125
    assert found["speed of big-80gb"].high is None


def test_a_slow_target_is_followed_as_far_as_the_plan_goes(tmp_path: Path) -> None:
    # from 1 token/s the same plan reaches 80: more than 64 times the target
    found = ranges(with_target(DESK, 0, 1), desk_catalog(tmp_path / "catalog"))
    assert found["services.0.slo"].high == 80.0


def scaled(folder: Path, factor: float) -> Catalog:
    """Write the first shop with every time per output token, measured or estimated, divided by a factor."""
    write_shop(folder, 0)
    path = folder / "calibration.yaml"
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name in told["tpot"]["coefficients"]:
        told["tpot"]["coefficients"][name] /= factor
    path.write_text(yaml.safe_dump(told), encoding="utf-8")
    path = folder / "throughput" / "lab.csv"
    header, *rows = csv.reader(path.read_text(encoding="utf-8").splitlines())
    at = header.index("tpot_ms")
    for row in rows:
        row[at] = repr(float(row[at]) / factor)
    with path.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([header, *rows])
    return load_catalog(folder)


FLEET: Stated = {
    **DESK, "services": [{**DESK["services"][0], "slo": {"tokens_per_s_per_user": 60}}],
    "limits": {"kinds": ["on_demand", "reserved", "spot", "marketplace"], "max_term_months": 24},
}


@pytest.mark.parametrize("gpu", ["big-80gb", "mid-48gb"])  # estimates on small-24gb end at its memory bandwidth
@pytest.mark.parametrize(("demand", "target"), [
    ({"peak_concurrency": 90}, 40), ({"peak_concurrency": 12}, 20), ({"peak_concurrency": 12}, 60),
])
def test_speeds_may_move_as_far_as_a_catalog_of_other_speeds_says(
    tmp_path: Path, gpu: str, demand: Stated, target: float
) -> None:
    """The catalog itself is written with speeds at the ends of the range, and a little beyond them."""
    stated = with_target({**FLEET, "limits": {**FLEET["limits"], "gpus": {"allow": [gpu]}}}, 0, target)
    stated["services"][0]["demand"] = demand
    stated["services"][0].pop("engines")
    cost = cost_of(stated, scaled(tmp_path / "now", 1.0))
    if cost is None:
        return
    found = ranges(stated, scaled(tmp_path / "again", 1.0))[f"speed of {gpu}"]
    assert cost_of(stated, scaled(tmp_path / "slow", found.low * 1.00001)) == cost
    assert cost_of(stated, scaled(tmp_path / "slower", found.low * 0.998)) != cost
    if found.high is not None:
        assert cost_of(stated, scaled(tmp_path / "fast", found.high * 0.99999)) == cost
        assert cost_of(stated, scaled(tmp_path / "faster", found.high * 1.002)) != cost


@pytest.mark.parametrize(("demand", "target"), [({"peak_concurrency": 90}, 40), ({"peak_concurrency": 12}, 60)])
def test_an_engine_enters_when_the_catalog_has_it_so_much_faster(tmp_path: Path, demand: Stated, target: float) -> None:
    stated = with_target(FLEET, 0, target)
    stated["services"][0]["demand"] = demand
    stated["services"][0].pop("engines")
    prepared = prepared_from(stated, scaled(tmp_path / "now", 1.0))
    best = solve(prepared.candidates, prepared.problem.limits, prepared.budget, SETTINGS)
    assert best.cost is not None
    lost = [one for one in engine_verdicts(prepared, best, SETTINGS) if one.verdict == "lost"]
    for one in lost:
        alone = copy.deepcopy(stated)
        alone["services"][0]["engines"] = [one.engine_id]
        if one.speed_factor is None:
            continue
        enough = cost_of(alone, scaled(tmp_path / f"{one.engine_id} enough", one.speed_factor * 1.00001))
        short = cost_of(alone, scaled(tmp_path / f"{one.engine_id} short", one.speed_factor * 0.998))
        assert enough is not None
        assert enough <= best.cost
        assert short is None or short > best.cost
