"""What each requirement costs, and one unit more or less of it, equals solving the changed problem from its text."""

from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Any

import pytest

from optimizer.costs import priced_offers
from optimizer.explain.doctor.search import Bench
from optimizer.explain.margins import Margin, margins
from optimizer.load import Catalog
from optimizer.solve import solve
from optimizer.units import usd_per_month
from tests.oracles.shops import SETTINGS, SHOPS, Stated, drawn_problem, prepared_from, shop, solved_from, without


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the catalogs are written."""
    return tmp_path_factory.mktemp("shops")


def measured(stated: Stated, catalog: Catalog) -> tuple[int, list[Margin]]:
    """Solve a problem and return its cost and margins."""
    prepared = prepared_from(stated, catalog)
    best = solve(prepared.candidates, prepared.problem.limits, prepared.budget, SETTINGS)
    assert best.cost is not None
    bench = Bench(prepared, tuple(priced_offers(catalog, prepared.problem)), SETTINGS)
    return best.cost, list(margins(bench, best))


def changed(stated: Stated, key: str, words: str, catalog: Catalog) -> Stated:
    """Change a problem's text by what a step says."""
    found: Any = copy.deepcopy(stated)
    sign = -1 if words.endswith("less") else 1
    if key.startswith("services"):
        service = found["services"][int(key.split(".")[1])]
        return found if change_service(service, key.split(".", 2)[2], words, sign) else {}
    limits, name = found["limits"], key.removeprefix("limits.")
    if name in ("nodes.max", "nodes.min"):
        limits["nodes"][name[6:]] += sign
    elif name == "max_gpu_types" or name == "power_kw":
        limits[name] += 1
    elif name == "survive":
        limits[name]["nodes"] = limits[name].get("nodes", 0) + sign
    elif name == "stock":
        pool = words.removeprefix("1 x ").removesuffix(" more in stock")
        limits["stock"] = {pool: (catalog.offers[pool].stock or 0) + 1}
    elif name == "at_least":
        offer_id = words.removeprefix("1 x ").removesuffix(" less")
        limits[name][offer_id] -= 1
        limits[name] = {name: count for name, count in limits[name].items() if count}
    else:
        return {}
    return found  # type: ignore[no-any-return]


def change_service(service: Stated, name: str, words: str, sign: int) -> bool:
    """Change a service by what a step says; False for a step that is not known."""
    slo, demand = service["slo"], service["demand"]
    if name in ("slo.grade", "slo.tokens_per_s_per_user"):
        grades = {"A": 70, "B": 30, "C": 15, None: 0}
        target = max(grades[slo.pop("grade", None)], slo.get("tokens_per_s_per_user", 0))
        slo["tokens_per_s_per_user"] = target + sign
    elif name == "slo.ttft_ms":
        slo["ttft_ms"] += 100
    elif name == "slo.e2e_ms":
        slo["e2e_ms"] += 1000
    elif name == "demand.peak_concurrency":
        demand["peak_concurrency"] += sign
    elif name == "demand.peak_rps":
        demand["peak_rps"] = round(demand["peak_rps"] * (1 + sign / 100), 6)
    elif name == "headroom_fraction":
        service["headroom_fraction"] = round(service["headroom_fraction"] - float(words.split()[0]), 9)
    else:
        return False
    return True


def check(stated: Stated, catalog: Catalog) -> int:
    """Check every margin of a problem that has a plan; return how many steps."""
    if not solved_from(stated, catalog).has_plan:
        return 0
    cost, found = measured(stated, catalog)
    steps = 0
    for one in found:
        lifted = solved_from(without(stated, [one.key], catalog), catalog).cost
        assert lifted is not None, one
        assert one.usd_per_month_lifted == usd_per_month(lifted), one
        assert one.binds == (lifted < cost), one
        for words, change in one.steps:
            after = solved_from(changed(stated, one.key, words, catalog), catalog).cost
            assert change == (None if after is None else usd_per_month(after - cost)), (one.key, words)
            steps += 1
    return steps


def many(folder: Path, seed: str, count: int) -> int:
    """Check so many problems that have a plan; return how many steps they had."""
    rng, problems, total = random.Random(seed), 0, 0
    while problems < count:
        catalog = shop(folder, rng.randrange(SHOPS))
        steps = check(drawn_problem(rng, catalog), catalog)
        problems, total = problems + (steps > 0), total + steps
    return total


def test_margins_equal_solving_the_changed_problem(shops: Path) -> None:
    assert many(shops, "margins", 5) > 10


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_many_margins_equal_solving_the_changed_problem(shops: Path, seed: int) -> None:
    assert many(shops, f"many margins {seed}", 25) > 50


def test_a_step_is_never_larger_than_what_is_left(shops: Path) -> None:
    """Of a headroom of 0.02 only 0.02 can go, and 1% of 30 users is less than one of them."""
    stated: Stated = {
        "schema_version": 1, "name": "left", "limits": {"kinds": ["on_demand", "owned"]},
        "services": [{
            "service_id": "chat", "model": "llama-8b", "slo": {"tokens_per_s_per_user": 10},
            "workload": [{"isl_tokens": 512, "osl_tokens": 256}], "headroom_fraction": 0.02,
            "demand": {"daily_active_users": 30, "uses_per_user_per_day": 5, "requests_per_use": 5, "active_hours": 8,
                       "peak_to_mean": 2},
        }],
    }
    _, found = measured(stated, shop(shops, 0))
    words = {one.key.split(".", 2)[2]: [said for said, _ in one.steps] for one in found if one.key[0] == "s"}
    assert words["headroom_fraction"] == ["0.02 less"]
    assert words["demand.daily_active_users"] == ["1 daily active users more", "1 daily active users less"]
