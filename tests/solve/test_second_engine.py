"""What CP-SAT calls the optimum is held against a second engine; where they disagree nobody is believed."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from optimizer.errors import DisagreementError, ExitCode
from optimizer.formulation import build_case, reduce_case
from optimizer.solve import prove, second
from optimizer.solve.prove import Clock, SolveSettings
from optimizer.solve.second import confirm
from tests.oracles import Instance, instance, offer, random_instance, runs

RULES = (
    "respect_stock", "keep_budget", "limit_nodes", "hold_nodes", "limit_gpu_types", "choose_engines",
    "survive_node_loss", "survive_provider_loss", "survive_region_loss", "cap_spot_share", "cap_power",
    "pay_contracts")

TWO_SERVICES = instance(
    [offer("a", 3, gpu="ant", stock=2), offer("b", 5, gpu="bee")],
    [runs("ant", 4), runs("bee", 6), runs("ant", 4, service=1), runs("bee", 6, service=1)], [8, 9])
"""Two a and four b would serve each alone; the stock of a is shared: 2 a + 2 b = 16."""


def case_of(problem: Instance):  # type: ignore[no-untyped-def]
    return reduce_case(build_case(
        problem.candidates, problem.limits, problem.candidates.targets(), problem.budget))


def test_both_engines_agree_whatever_the_rules() -> None:
    said = Counter[str]()
    for seed in range(80):
        rng = random.Random(seed)
        problem = random_instance(
            rng, rng.sample(RULES, rng.choice([0, 1, 2, 3])), services=rng.choice([1, 1, 2, 3]), offers=6, demand=40,
            largest=12, price=900)
        case, settings = case_of(problem), SolveSettings()
        if {row.service for row in case.rows if not row.is_idle} == set(range(len(case.demand))):
            run, _, _ = prove._minimise_cost(case, settings, Clock(settings))
            said[confirm(case, prove.cost_of(case, run.counts) if run.counts else None, 5.0)] += 1
    assert said["proven"] > 0.9 * said.total()


@pytest.mark.parametrize("wrong", [1, -1, None])
def test_a_wrong_optimum_is_contradicted(wrong: int | None) -> None:
    for problem in (TWO_SERVICES, instance([offer("a", 3)], [runs("small", 4)], [9])):
        case, best = case_of(problem), problem.solve_for_cost().cost
        assert best is not None
        claimed = None if wrong is None else best + wrong
        if wrong == -1 and problem is TWO_SERVICES:
            assert confirm(case, claimed, 1.0) == "proven"  # nothing costs less; that a plan costs it is recounted
            continue
        with pytest.raises(DisagreementError) as raised:
            confirm(case, claimed, 1.0)
        assert set(raised.value.models) == {"cp_sat_model.txt", "program.json"}
        assert all(raised.value.models.values())


def test_highs_is_asked_where_cp_sat_took_long_and_its_counts_are_recounted(monkeypatch: pytest.MonkeyPatch) -> None:
    case, best = case_of(TWO_SERVICES), TWO_SERVICES.solve_for_cost().cost
    assert best is not None
    monkeypatch.setattr(second, "MOST_CASES", 0)  # the search of our own leaves it open at once
    assert confirm(case, best, 0.1) == "not contradicted"
    assert confirm(case, best + 1, 0.1) == "not contradicted"
    assert confirm(case, best, 1.0) == "not contradicted"
    with pytest.raises(DisagreementError, match="two solvers disagree"):
        confirm(case, best + 1, 1.0)


def test_routed_classes_are_checked_by_their_cuts_alone() -> None:
    case = replace(case_of(TWO_SERVICES), class_demands=((), ()))
    assert confirm(case, TWO_SERVICES.solve_for_cost().cost, 1.0) == "proven"


LIAR = """
import sys
from optimizer.solve import prove
true = prove._attempt

def lie(cp, x, settings, clock, presolve):
    run = true(cp, x, settings, clock, presolve)
    more = tuple(n + 1 if n else n for n in run.counts)
    return prove.Run(run.status, more, run.bound)

prove._attempt = lie
sys.argv = ["gpumix", "solve", sys.argv[1]]
from optimizer.commands.main import main
main()
"""


def test_a_solver_that_errs_ends_with_exit_4_and_both_models_saved(tmp_path: Path) -> None:
    problem = Path(__file__).parents[2] / "problems" / "survive-provider-loss.yaml"
    run = subprocess.run(
        [sys.executable, "-c", LIAR, str(problem)], capture_output=True, text=True, check=False,
        env={"TMPDIR": str(tmp_path), "PATH": ""})
    assert run.returncode == ExitCode.OWN_FAULT, run.stderr
    assert "two solvers disagree" in run.stderr
    (folder,) = tmp_path.glob("gpumix-disagreement-*")
    assert {file.name for file in folder.iterdir()} == {"cp_sat_model.txt", "program.json"}
    assert str(folder) in run.stderr
