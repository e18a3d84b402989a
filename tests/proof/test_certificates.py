"""Certificates: every kind is proven and accepted, every tampered one refused, by a file that stands alone."""

from __future__ import annotations

import ast
import copy
import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from optimizer.errors import InputError, LimitError
from optimizer.formulation import CONSTRAINTS
from optimizer.load import load_catalog, load_problem
from optimizer.messages.catalog import catalog_of
from optimizer.proof import check
from optimizer.proof.certificate import Claim, as_text, certificate_of
from optimizer.proof.check import RefusedError, checked
from optimizer.proof.search import prove_bound, prove_infeasible
from optimizer.reports.certificate_page import certificate_page
from optimizer.schema.problem import NodeCount
from optimizer.solve import SolveSettings, prepare, solve_prepared
from optimizer.solve.certify import certificate, certify, stated_program
from tests.oracles import Instance, cheapest, instance, offer, runs, small_instance
from tests.proof.programs import case_of, counts_of, program_of

PROBLEMS = Path(__file__).parents[2] / "problems"

NO_ONE_PEAK = {
    "office-day-profile", "tokyo-own-spot-in-yen", "tokyo-three-year-budget", "tokyo-week",
    "valley-filling"}
"""Shipped problems by the hour, over quarters, or with routed classes."""

QUICK = ("budget-too-small", "stock-too-short", "tokyo-cloud-only", "shared-node-small-models")

RULES = (
    "respect_stock", "keep_budget", "limit_nodes", "hold_nodes", "limit_gpu_types", "choose_engines",
    "survive_node_loss", "survive_provider_loss", "survive_region_loss", "cap_spot_share", "cap_power",
    "pay_contracts")

TAMPERED = int(os.environ.get("GPUMIX_TAMPER", "100"))
"""How many tampered certificates are tried; 1,000 for a release."""


def certified(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the certificate of a shipped problem, as it is read again, and the program that it must state."""
    prepared = prepare(load_problem(str(PROBLEMS / f"{name}.yaml"), ()), load_catalog())
    found = certify(prepared, solve_prepared(prepared, SolveSettings()))
    return json.loads(as_text(certificate(prepared, found))), stated_program(prepared)


@pytest.mark.parametrize("name", QUICK)
def test_shipped_problems_are_proven_about_their_own_program(name: str) -> None:
    found, own = certified(name)
    assert checked(json.dumps(found)).startswith("PROVEN")
    assert {key: found[key] for key in own} == own


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(
    {path.stem for path in PROBLEMS.glob("*.yaml")} - NO_ONE_PEAK - set(QUICK)))
def test_every_shipped_problem_of_one_peak_has_a_certificate_of_a_megabyte_at_most(name: str) -> None:
    prepared = prepare(load_problem(str(PROBLEMS / f"{name}.yaml"), ()), load_catalog())
    solution, start = solve_prepared(prepared, SolveSettings()), time.process_time()
    text = as_text(certificate(prepared, certify(prepared, solution)))
    spent = time.process_time() - start
    assert checked(text).startswith("PROVEN")
    assert len(text.encode()) <= 1_000_000
    assert spent < 5.0  # 1.1 s at most on a quiet core: docs/explanation/proof.md


@pytest.mark.parametrize("name", sorted(NO_ONE_PEAK))
def test_what_is_not_one_peak_is_refused_by_name(name: str) -> None:
    prepared = prepare(load_problem(str(PROBLEMS / f"{name}.yaml"), ()), load_catalog())
    with pytest.raises(InputError, match="a certificate is of one peak"):
        stated_program(prepared)


def proven(problem: Instance) -> dict[str, Any] | None:
    """Return the certificate of a small problem; None where there is nothing to prove."""
    solution, case = problem.solve_for_cost(), case_of(problem)
    program = program_of(problem)
    if solution.status == "infeasible":
        bound, counts = prove_infeasible(program), None
    else:
        assert solution.cost is not None
        bound, counts = prove_bound(program, solution.cost), counts_of(case, solution)
        if not solution.cost:
            return None
    assert bound.status == "proven"
    return json.loads(as_text(certificate_of(program, Claim("small", {}, counts), bound)))


@pytest.mark.parametrize("seed", range(40))
def test_every_rule_is_proven_and_agrees_with_every_plan_tried(seed: int) -> None:
    rng = random.Random(seed)
    problem = small_instance(rng, rng.sample(RULES, rng.choice([0, 1, 1, 2, 3])), services=1 + seed % 2, demand=9)
    expected, found = cheapest(problem), proven(problem)
    if found is None:
        assert expected.cost == 0
        return
    assert checked(json.dumps(found)).startswith("PROVEN")
    assert (found["claim"]["status"], found["claim"].get("cost")) == (expected.status, expected.cost)


@pytest.mark.parametrize("seed", range(20))
def test_a_goal_beyond_the_optimum_is_never_proven(seed: int) -> None:
    rng = random.Random(seed)
    problem = small_instance(rng, rng.sample(RULES[:5], 2), demand=9)
    best = cheapest(problem)
    if best.cost is not None:
        assert prove_bound(program_of(problem), best.cost + 1).status != "proven"
        assert prove_infeasible(program_of(problem)).status != "proven"


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of every leaf."""
    if isinstance(value, dict | list) and value:
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*path, key))
    else:
        yield path


def changed(rng: random.Random, value: Any) -> Any:
    """Return another leaf of a similar kind."""
    if isinstance(value, bool) or value is None:
        return rng.choice([7, False, "x"])
    if isinstance(value, int):
        return value + rng.choice([-3, -1, 1, 2, 1000])
    if isinstance(value, str) and re.fullmatch("[0-9]+(/[0-9]+)?", value):
        top, _, bottom = value.partition("/")
        return rng.choice([f"{int(top) + 1}/{bottom or 1}", f"{int(top) * 2}", f"{top}/{int(bottom or 1) + 1}", "0"])
    return rng.choice(["c0", "s0", "other", -1])


def test_tampered_certificates_are_refused() -> None:
    """Whatever is changed: the check refuses it, or the program is no longer the problem's, or it proves the same."""
    rng, accepted = random.Random(14), 0
    originals = [certified(name) for name in QUICK]
    for _ in range(TAMPERED):
        found, own = rng.choice(originals)
        other = copy.deepcopy(found)
        *path, last = rng.choice(list(leaves(found)) if rng.random() < 0.3 else list(
            leaves({key: found[key] for key in ("claim", "sums", "rounded", "proof")})))
        place = other
        for key in path:
            place = place[key]
        place[last] = changed(rng, place[last])
        try:
            checked(json.dumps(other))
        except RefusedError:
            continue
        if {key: other.get(key) for key in own} != own:
            continue  # `--problem` refuses it
        assert other["claim"] == found["claim"]  # other multipliers that prove the same
        accepted += 1
    assert accepted < TAMPERED / 4


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda c: c["claim"].update(cost=c["claim"]["cost"] - 1), "the plan costs something else"),
        (lambda c: c["claim"].update(status="infeasible"), "claim"),
        (lambda c: c["claim"].update(plan={}), "breaks rows"),
        (lambda c: c.update(proof={"add": {}}), "adds up to 0"),
        (lambda c: c.update(proof={"add": {"c0": "-1"}}), "no fraction above 0"),
        (lambda c: c.update(proof={"add": {"c0": "1000000000"}}), "weighs more than it costs"),
        (lambda c: c.update(proof={"add": {"a0": "1"}}), "not known here"),
        (lambda c: c.update(proof={"add": {"u0": "1"}}), "not known here"),
        (lambda c: c.update(rounded=[{"k0": "1"}]), "not known here"),
        (lambda c: c.update(proof={"sum": "s0", "most": 0, "low": c["proof"]}), "no step"),
        (lambda c: c["columns"][0].update(cost=-5), "below 0"),
        (lambda c: c["columns"][0].update(cost=1.5), "no whole number"),
        (lambda c: c["rows"][0]["terms"].update({"99999": 4}), "no column"),
        (lambda c: c.update(format="other"), "format"),
        (lambda c: c["sums"].update(s0=[0, 0]), "twice"),
    ],
)
def test_each_way_to_cheat_is_named(change: Any, told: str) -> None:
    found, _ = certified("tokyo-cloud-only")
    change(found)
    with pytest.raises(RefusedError, match=told):
        checked(json.dumps(found))


def test_what_is_no_certificate_is_refused_and_never_crashes() -> None:
    deep = '{"a":' * 3000 + "1" + "}" * 3000
    for text in ("", "[]", "{}", "null", '{"format": "gpumix-certificate-1"}', '{"a": 1, "a": 2}', "1" * 5000, deep,
                 '{"format": "gpumix-certificate-1", "columns": [1], "rows": [], "rounded": []}'):
        with pytest.raises(RefusedError):
            checked(text)


def test_the_check_is_a_file_of_its_own_of_at_most_200_lines(tmp_path: Path) -> None:
    source = Path(check.__file__).read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 200
    named = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = {alias.name for node in named if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module for node in named if isinstance(node, ast.ImportFrom) and node.module}
    assert modules <= {"json", "math", "re", "sys", "fractions", "typing"}
    found, _ = certified("tokyo-cloud-only")
    good, bad, alone = tmp_path / "good.json", tmp_path / "bad.json", tmp_path / "check.py"
    good.write_text(json.dumps(found))
    found["claim"]["cost"] -= 1
    bad.write_text(json.dumps(found))
    alone.write_text(source)
    run = [subprocess.run([sys.executable, "-I", str(alone), str(file)], capture_output=True, text=True, check=False)
           for file in (good, bad)]
    assert [(one.returncode, "PROVEN" in one.stdout, one.stderr) for one in run] == [(0, True, ""), (1, False, "")]


@pytest.mark.parametrize(("language", "told"), [("en", "Why nothing cheaper exists"), ("ja", "これより安い構成")])
def test_the_page_names_every_kind_and_the_sums_in_numbers(language: str, told: str) -> None:
    prepared = prepare(load_problem(str(PROBLEMS / "tokyo-cloud-only.yaml"), ()), load_catalog())
    found = certify(prepared, solve_prepared(prepared, SolveSettings()))
    page = certificate_page("tokyo-cloud-only", found.program, found.counts, found.bound, language)
    assert told in page
    assert all(name in page for name in found.program.names)
    assert f"{found.program.rows[0].least}" in page
    nowhere = prepare(load_problem(str(PROBLEMS / "stock-too-short.yaml"), ()), load_catalog())
    found = certify(nowhere, solve_prepared(nowhere, SolveSettings()))
    assert found.counts is None
    assert told in certificate_page("stock-too-short", found.program, None, found.bound, language)


def test_a_plan_that_is_not_proven_has_no_certificate() -> None:
    prepared = prepare(load_problem(str(PROBLEMS / "tokyo-cloud-only.yaml"), ()), load_catalog())
    solution = solve_prepared(prepared, SolveSettings(deterministic_limit=1e-9))
    if solution.status != "optimal":
        with pytest.raises(LimitError):
            certify(prepared, solution)


def test_idle_nodes_beyond_those_held_are_no_plan() -> None:
    """Three nodes at the least: idle ones that must be held count, further idle ones would be cheap but are none."""
    problem = instance(
        [offer("a", 5, gpu="ant"), offer("old", 1, gpu="old", stock=9)], [runs("ant", 9)], [9],
        at_least={"old": 1}, nodes=NodeCount(min=3))
    found = proven(problem)
    assert found is not None
    assert found["claim"]["cost"] == 11  # one idle node for 1, two that serve for 10
    assert checked(json.dumps(found)).startswith("PROVEN")


def test_every_rule_has_a_name_on_the_page() -> None:
    for language in ("en", "ja"):
        forms = catalog_of(language).forms
        assert [rule.name for rule in CONSTRAINTS if f"proof.rule-{rule.name.replace('_', '-')}" not in forms] == []
