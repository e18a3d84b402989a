"""The whole answer: warnings first, proposals beside the plan, what it depends on, reasons when there is none."""

from __future__ import annotations

import pytest

from optimizer.answer import answer
from optimizer.load import load_catalog, load_problem
from optimizer.schema.plan import Plan
from optimizer.solve import SolveSettings


def answer_to(name: str, *overrides: str) -> Plan:
    loaded = load_problem(name, overrides)
    references = {service.model for service in loaded.problem.services}
    return answer(loaded, load_catalog(references=references), SolveSettings())


@pytest.fixture(scope="module")
def seed() -> Plan:
    return answer_to("helpdesk-llama3-8b")


def proposal(plan: Plan, name: str):  # type: ignore[no-untyped-def]
    return next(p for p in plan.proposals if p.name == name)


def test_the_seed_question_is_proven_and_says_first_that_it_rests_on_estimates(seed: Plan) -> None:
    assert seed.status == "optimal"
    assert seed.gap_fraction == 0
    assert seed.bound_usd_per_month == seed.cost.usd_per_month
    assert "estimated" in seed.warnings[0]


def test_the_model_of_a_catalog_is_said_with_the_precision_of_every_part(seed: Plan) -> None:
    said = seed.models[0]
    assert (said.counted_from, said.verified) == ("published total", True)
    assert said.stored["kv_cache"] == "16-bit"
    assert set(said.planned) == {one.precision for one in seed.deployments}


def test_the_seed_question_compares_the_three_gpus_that_were_asked_about(seed: Plan) -> None:
    for gpu in ("rtx-a5000-24gb", "a100-sxm-80gb", "h100-sxm-80gb"):
        found = proposal(seed, f"only {gpu}")
        assert found.status == "optimal"
        assert {node.gpu_id for node in found.nodes} == {gpu}


def test_no_proposal_is_cheaper_than_the_plan(seed: Plan) -> None:
    for found in seed.proposals:
        if found.usd_per_month is not None and "low end" not in found.name:
            assert found.usd_per_month >= (seed.cost.usd_per_month or 0)


def test_the_measured_proposal_uses_no_estimate_and_costs_more(seed: Plan) -> None:
    measured = proposal(seed, "measured and interpolated only")
    same = answer_to("helpdesk-llama3-8b", "limits.evidence=interpolated")
    # asking for that evidence outright gives the very plan that stands beside
    assert (measured.status, measured.usd_per_month) == (same.status, same.cost.usd_per_month)
    assert all(d.evidence in ("measured", "interpolated") for d in same.deployments)


def test_price_ends_bracket_the_plan_and_equal_asking_for_them() -> None:
    owned = "limits.kinds=[owned]"  # every owned node rests on assumed prices
    plan = answer_to("helpdesk-llama3-8b", owned)
    low, high = (proposal(plan, f"assumed prices at their {end} end") for end in ("low", "high"))
    assert low.usd_per_month < plan.cost.usd_per_month < high.usd_per_month
    assert low.usd_per_month == answer_to("helpdesk-llama3-8b", owned, "assumptions.price_end=low").cost.usd_per_month


def test_three_decisive_figures_ranked_by_what_they_cost(seed: Plan) -> None:
    assert len(seed.depends_on) == 3
    worst = [f.usd_per_month_at_bad_end for f in seed.depends_on]
    ranked = [float("inf") if cost is None else cost for cost in worst]
    assert ranked == sorted(ranked, reverse=True)
    assert all(cost >= (seed.cost.usd_per_month or 0) for cost in ranked)


def test_a_budget_too_small_says_what_the_cheapest_plan_costs() -> None:
    plan = answer_to("helpdesk-llama3-8b", "limits.budget.amount=100")
    free = answer_to("helpdesk-llama3-8b", "limits.budget=null")
    assert plan.status == "infeasible"
    assert plan.nodes == ()
    assert plan.cost.usd_per_month is None
    assert any(
        reason.startswith("limits.budget") and f"${free.cost.usd_per_month:,.2f}" in reason for reason in plan.reasons
    )


def test_a_service_no_node_can_serve_names_the_step_that_drops_it() -> None:
    plan = answer_to("helpdesk-llama3-8b", "services.0.slo.tokens_per_s_per_user=5000")
    assert plan.status == "infeasible"
    assert any("no node can serve it" in reason and "speed" in reason for reason in plan.reasons)


def test_rules_that_do_not_help_are_said_to_be_useless() -> None:
    plan = answer_to("helpdesk-llama3-8b", "services.0.slo.tokens_per_s_per_user=5000")
    assert any("does not help" in reason and "limits.budget" in reason for reason in plan.reasons)


def test_speed_confidence_never_makes_a_plan_cheaper(seed: Plan) -> None:
    careful = answer_to("helpdesk-llama3-8b", "limits.speed_confidence=0.9")
    assert careful.cost.usd_per_month is not None
    assert careful.cost.usd_per_month >= (seed.cost.usd_per_month or 0)
