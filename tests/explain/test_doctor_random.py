"""The doctor against brute force, on random infeasible problems over small catalogs on disk.

Feasibility is asked of the problem's text with the requirements left out, solved without reductions: nothing is shared
with the way the doctor lifts and searches.
"""

from __future__ import annotations

import copy
import math
import random
from collections import Counter
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from optimizer.explain.doctor import Diagnosis, Relaxation, diagnose
from optimizer.load import Catalog
from optimizer.units import usd_per_month
from tests.oracles.shops import SETTINGS, SHOPS, Stated, drawn_problem, prepared_from, shop, solved_from, without


class Asked:
    """Which requirements of a problem hold together, each subset solved once."""

    def __init__(self, stated: Stated, catalog: Catalog, keys: Iterable[str]) -> None:
        self.stated, self.catalog, self.keys = stated, catalog, tuple(keys)
        self.known: dict[frozenset[str], bool] = {}

    def holds(self, kept: Iterable[str]) -> bool:
        """Say whether a plan keeps these and no others."""
        subset = frozenset(kept)
        if subset not in self.known:
            text = without(self.stated, [key for key in self.keys if key not in subset], self.catalog)
            self.known[subset] = solved_from(text, self.catalog).has_plan
        return self.known[subset]


def keys_of(found: Diagnosis) -> list[str]:
    """List every requirement that a diagnosis looked at."""
    return sorted({*found.useless, *(one.key for one in found.relaxations)})


def check_conflict(asked: Asked, found: Diagnosis) -> None:
    """The conflict is one, each member counts, and none is smaller."""
    conflict = [key for key, _ in found.conflict]
    if not conflict:
        assert not asked.holds(())
        return
    assert not asked.holds(conflict)
    for key in conflict:
        assert asked.holds(other for other in conflict if other != key), key
    for size in range(len(conflict)):
        assert all(asked.holds(subset) for subset in combinations(asked.keys, size))


def check_useless(asked: Asked, found: Diagnosis) -> None:
    """Lifting a useless one gives no plan, lifting one with a relaxation does; `together` is a smallest correction."""
    helps = {one.key for one in found.relaxations}
    for key in asked.keys:
        assert asked.holds(other for other in asked.keys if other != key) == (key in helps), key
    together = [key for key, _ in found.together]
    assert bool(together) == (bool(found.conflict) and not helps)
    if together:
        assert asked.holds(key for key in asked.keys if key not in together)
        for size in range(len(together)):
            for subset in combinations(asked.keys, size):
                assert not asked.holds(key for key in asked.keys if key not in subset)
        lifted = solved_from(without(asked.stated, together, asked.catalog), asked.catalog)
        assert found.usd_per_month_together == usd_per_month(lifted.cost or 0)


def set_at(stated: Stated, path: str, value: Any) -> Stated:
    """Return a problem with one key set."""
    found: Any = copy.deepcopy(stated)
    part = found
    *parents, last = path.split(".")
    for name in parents:
        part = part[int(name)] if name.isdigit() else part.setdefault(name, {})
    part[last] = value
    return found  # type: ignore[no-any-return]


def at_speed(stated: Stated, one: Relaxation, value: float) -> Stated:
    """Ask for a speed and no grade."""
    slo = set_at(stated, f"{one.key.rsplit('.', 1)[0]}.tokens_per_s_per_user", value)
    slo["services"][int(one.key.split(".")[1])]["slo"].pop("grade", None)
    return slo


def numbers(stated: Stated, one: Relaxation) -> tuple[Stated, Stated | None] | None:
    """Return the problem at a relaxation's number, and one step short of it; None for those without a number."""
    name, value = one.key.split(".", 2)[2] if one.key.startswith("services") else one.key, one.value
    if value is None:
        return None
    step: dict[str, float] = {
        "limits.budget": -1 if stated["limits"].get("budget", {}).get("currency") == "JPY" else -0.01,
        "demand.peak_concurrency": 1, "demand.peak_rps": 1e-6, "headroom_fraction": 0.001, "context_tokens": 1,
        "limits.max_gpu_types": -1, "limits.nodes.max": -1, "limits.nodes.min": 1, "limits.power_kw": -0.001,
        "limits.speed_confidence": 0.01, "slo.e2e_ms": -1,
    }
    whole = {"demand.peak_concurrency", "context_tokens", "limits.max_gpu_types", "limits.nodes.max",
             "limits.nodes.min"}
    if name in ("slo.grade", "slo.tokens_per_s_per_user"):
        return at_speed(stated, one, value), at_speed(stated, one, math.nextafter(value, math.inf))
    if name == "slo.ttft_ms":
        return set_at(stated, one.key, value), set_at(stated, one.key, math.nextafter(value, 0.0))
    if name not in step:
        return None
    short = round(value + step[name], 6)
    key = f"{one.key}.amount" if name == "limits.budget" else one.key
    if name in whole:
        return set_at(stated, key, int(value)), set_at(stated, key, int(short)) if short > 0 else None
    return set_at(stated, key, value), set_at(stated, key, short) if short > 0 else None


def check_relaxation(stated: Stated, catalog: Catalog, one: Relaxation) -> str:
    """What is given is enough, and costs what is said; one step less is not enough."""
    pair = numbers(stated, one) or named(stated, catalog, one)
    assert pair is not None, one
    enough, short = pair
    solution = solved_from(enough, catalog)
    assert solution.has_plan, one
    assert usd_per_month(solution.cost or 0) == pytest.approx(one.usd_per_month, abs=1e-6), one
    if short is not None:
        assert not solved_from(short, catalog).has_plan, one
    return one.key.split(".", 2)[2] if one.key.startswith("services") else one.key


def named(stated: Stated, catalog: Catalog, one: Relaxation) -> tuple[Stated, Stated | None] | None:
    """Return the problem with what a relaxation without a number names, and the next stricter one."""
    limits = stated["limits"]
    if one.key == "limits.evidence":
        stricter = {"estimated": "interpolated", "interpolated": "measured"}[one.gives]
        return set_at(stated, one.key, one.gives), set_at(stated, one.key, stricter)
    if one.key == "limits.engine_policy":
        stricter = {"any": "per_gpu", "per_gpu": "fleet"}[one.gives]
        return set_at(stated, one.key, one.gives), set_at(stated, one.key, stricter)
    if one.key == "limits.max_term_months":
        months = int(one.value or 0)
        return set_at(stated, one.key, months), set_at(stated, one.key, months - 1)
    if one.key == "limits.stock":
        more = {part.split(" of ")[1]: int(part.split(" of ")[0]) for part in one.gives.split(", ")}
        now = {name: offer.stock or 0 for name, offer in catalog.offers.items()}
        given = {name: now[name] + count for name, count in more.items()}
        first = next(iter(given))
        return set_at(stated, one.key, given), set_at(stated, one.key, {**given, first: given[first] - 1})
    if one.key == "limits.speed_confidence":
        return without(stated, [one.key], catalog), set_at(stated, one.key, 0.5)
    if one.key == "limits.survive":
        said = dict(part.split(": ") for part in one.gives.split(", "))
        kept = {**limits["survive"], **{k: int(v) if k == "nodes" else v == "true" for k, v in said.items()}}
        short = {**kept, "nodes": kept["nodes"] + 1} if "nodes" in said else None
        return set_at(stated, one.key, kept), short and set_at(stated, one.key, short)
    if one.key == "limits.at_least":
        given_up = one.gives.split(" (")[0]
        left = {n: c for n, c in limits["at_least"].items() if given_up not in ("none", f"without {n}")}
        return set_at(stated, one.key, left), None
    return with_name(stated, catalog, one)


def with_name(stated: Stated, catalog: Catalog, one: Relaxation) -> tuple[Stated, Stated | None]:
    """Return the problem that admits the name of a relaxation as well."""
    if one.gives == "all of them":
        return without(stated, [one.key], catalog), None
    name = one.gives.removeprefix("with ").split(" (")[0]
    part: Any = stated
    for step in one.key.split("."):
        part = part[int(step)] if step.isdigit() else part.get(step, {})
    if isinstance(part, list) or one.key.endswith("precisions"):
        return set_at(stated, one.key, [*(part or ["bf16"]), name]), None
    allow = [*part["allow"], name] if part.get("allow") else []
    return set_at(stated, one.key, {"allow": allow, "forbid": [n for n in part.get("forbid", ()) if n != name]}), None


def check(stated: Stated, catalog: Catalog) -> list[str] | None:
    """Diagnose a problem that has no plan and hold every claim against brute force; None when it has one."""
    prepared = prepared_from(stated, catalog)
    if solved_from(stated, catalog).has_plan:
        return None
    found = diagnose(prepared, SETTINGS)
    assert found.proven
    asked = Asked(stated, catalog, keys_of(found))
    check_conflict(asked, found)
    check_useless(asked, found)
    return [check_relaxation(stated, catalog, one) for one in found.relaxations]


def many(folder: Path, seed: str, count: int) -> Counter[str]:
    """Check so many infeasible problems; count the relaxations by their key."""
    rng, kinds, done = random.Random(seed), Counter[str](), 0
    while done < count:
        catalog = shop(folder, rng.randrange(SHOPS))
        stated = drawn_problem(rng, catalog)
        checked = check(stated, catalog)
        if checked is not None:
            done += 1
            kinds.update(checked)
    return kinds


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the catalogs are written."""
    return tmp_path_factory.mktemp("shops")


@pytest.mark.parametrize("seed", range(3))
def test_doctor_is_right(shops: Path, seed: int) -> None:
    assert many(shops, f"few {seed}", 4)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_doctor_is_right_on_hundreds(shops: Path, seed: int) -> None:
    assert len(many(shops, f"many {seed}", 20)) > 4
