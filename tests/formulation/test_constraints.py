"""Every rule alone, on plans that keep it and plans that break it, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import pytest

from optimizer import verify
from optimizer.formulation import CONSTRAINTS, OBJECTIVES, Case, Rule, Variables, build_case
from optimizer.formulation.constraints import more_than
from optimizer.formulation.cp_sat import cp_model
from optimizer.schema.problem import Contract, NodeCount, Survive, Tier
from tests.oracles import Instance, instance, offer, runs
from tests.oracles.instances import a_month
from tests.oracles.routed import routed_instance, routes

OFFERS = (
    offer("a", 3, gpu="ant", provider="acme", region="east"),
    offer("b", 5, gpu="bee", provider="acme", region="west"),
    offer("c", 4, gpu="cat", provider="bolt", region="east", stock=2),
    offer("d", 6, gpu="bee", provider="core", region="east", watts=600),
    offer("s", 1, gpu="bee", provider="acme", region="east", spot=True),
)
OPTIONS = (
    runs("ant", 4, engine="vllm"), runs("ant", 4, engine="sglang"),
    runs("bee", 6, engine="vllm"), runs("bee", 6, engine="sglang"),
    runs("cat", 5, engine="vllm"),
)
"""A node of a carries 4, of b, d and s 6, of c 5; the demand is 12."""

Nodes = dict[tuple[str, str], int]
"""(offer, engine) -> nodes; what is not named is 0."""


def farm(**limits: object) -> Instance:
    return instance(OFFERS, OPTIONS, [12], **limits)  # type: ignore[arg-type]


def routed_farm(**limits: object) -> Instance:
    return routed_instance(OFFERS, (routes("ant", (6, None)), routes("bee", (8, 6))), [0.5, 0.5], 12, **limits)


def vllm(**counts: int) -> Nodes:
    return {(offer_id, "vllm"): count for offer_id, count in counts.items()}


def contract(*tiers: tuple[int, float], minimum: int = 0, fee: int = 0, signed: bool = False) -> Contract:
    """Return a contract in micro-dollars an hour: tiers as (spend above which, discount)."""
    return Contract(
        minimum_usd_per_month=a_month(minimum), fee_usd_per_month=a_month(fee), signed=signed,
        tiers=tuple(Tier(above_usd_per_month=a_month(above), discount_fraction=share) for above, share in tiers))


class Pair(NamedTuple):
    problem: Instance
    kept: tuple[Nodes, ...]
    broken: tuple[Nodes, ...]


PAIRS = {
    # 3 x 4 = 12 and 2 x 6 = 12 are enough; 4 + 6 = 10 and nothing are not
    "meet_demand": [Pair(farm(), (vllm(a=3), vllm(b=2)), (vllm(a=1, b=1), {}))],
    # of 12 requests half are long: 6 on one b (which carries 6 long ones or 8 short ones), none on a (6 short ones);
    # one node of b is lost, or one of a: 2 b carry the long class, and with one a left the short one
    "split_classes": [
        Pair(routed_farm(), (vllm(a=1, b=1), vllm(b=2)), (vllm(a=9), vllm(a=0), {})),
        Pair(routed_farm(survive=Survive(nodes=1)), (vllm(a=2, b=2),), (vllm(a=9, b=1), {})),
        Pair(routed_farm(survive=Survive(region=True)), (vllm(b=2, d=2),), (vllm(a=9, b=9), vllm(d=9))),
    ],
    # two of c are in stock; the stock of a is endless
    "respect_stock": [Pair(farm(), (vllm(c=2), vllm(a=9)), (vllm(c=3),))],
    # 4 x 3 = 12 and 2 x 6 = 12 stay in 12; 3 x 3 + 4 = 13 does not
    "keep_budget": [Pair(farm(budget=12), (vllm(a=4), vllm(d=2)), (vllm(a=3, c=1),))],
    # two or three nodes, of whatever kind
    "limit_nodes": [
        Pair(farm(nodes=NodeCount(min=2, max=3)), (vllm(a=2), vllm(a=1, b=1, c=1)), (vllm(a=1), {}, vllm(a=2, d=2))),
        Pair(farm(nodes=NodeCount(min=2)), (vllm(a=9),), (vllm(d=1),)),
        Pair(farm(nodes=NodeCount(max=2)), ({}, vllm(a=2)), (vllm(a=3),)),
    ],
    "hold_nodes": [
        # two of a are committed, whatever engine they run, and one of c: 8 + 5 = 13
        Pair(
            farm(at_least={"a": 2, "c": 1}), (vllm(a=2, c=1), {("a", "vllm"): 1, ("a", "sglang"): 1, ("c", "vllm"): 1}),
            (vllm(a=1, c=1), vllm(a=3), {})),
    ],
    # b and d are both bees; a and b are an ant and a bee
    "limit_gpu_types": [
        Pair(farm(max_gpu_types=1), (vllm(b=1, d=1), vllm(a=5), {}), (vllm(a=1, b=1),)),
        Pair(farm(max_gpu_types=2), (vllm(a=1, b=1, d=1),), (vllm(a=1, b=1, c=1),)),
    ],
    "choose_engines": [
        # one engine everywhere
        Pair(
            farm(engine_policy="fleet"), (vllm(a=1, b=1), {("a", "sglang"): 2}),
            ({("a", "vllm"): 1, ("b", "sglang"): 1},)),
        # ants and bees may differ; the two bees b and d may not, nor two nodes of a
        Pair(
            farm(engine_policy="per_gpu"), ({("a", "vllm"): 1, ("b", "sglang"): 1, ("d", "sglang"): 1},),
            ({("b", "vllm"): 1, ("d", "sglang"): 1}, {("a", "vllm"): 1, ("a", "sglang"): 1})),
    ],
    "survive_node_loss": [
        # 16 - 4 = 12 and 8 + 12 - 6 = 14 are enough; 12 - 4 = 8 and 15 - 6 = 9 are not
        Pair(
            farm(survive=Survive(nodes=1)), (vllm(a=4), vllm(a=2, b=2)), (vllm(a=3), vllm(a=1, b=1, c=1), {})),
        # two lost: 20 - 8 = 12 and 12 + 12 - 6 - 6 = 12 are enough; 8 + 12 - 12 = 8 is not
        Pair(farm(survive=Survive(nodes=2)), (vllm(a=5), vllm(a=3, b=2)), (vllm(a=4), vllm(a=2, b=2))),
    ],
    # without acme 2 x 6 = 12 are left, without core 3 x 4 = 12; two regions of acme are one provider
    "survive_provider_loss": [
        Pair(farm(survive=Survive(provider=True)), (vllm(a=3, d=2),), (vllm(a=3, b=2), vllm(a=3, d=1), vllm(a=9))),
    ],
    # without acme's west 3 x 4 = 12 are left, without its east 2 x 6 = 12; with one b only 6
    "survive_region_loss": [
        Pair(farm(survive=Survive(region=True)), (vllm(a=3, b=2), vllm(a=3, d=2)), (vllm(a=3, b=1), vllm(a=9))),
    ],
    "pay_contracts": [
        # acme's a, b and s for 3, 5 and 1: beyond a spend of 8 half is left, and 1 is billed beside. 2 x 5 = 10 are
        # billed 8 + 1 + 1 = 10, 3 x 3 = 9 are billed 8 + 1 (a half is rounded up) + 1; with d beside 6 more
        Pair(farm(budget=10, contracts={"acme": contract((8, 0.5), fee=1)}), (vllm(b=2), vllm(a=3), vllm(a=1), {}),
             (vllm(a=1, d=1, s=1), vllm(b=3))),
        Pair(farm(budget=16, contracts={"acme": contract((8, 0.5), fee=1)}), (vllm(b=2, d=1), vllm(b=4)), (vllm(b=6),)),
        # at least 9 are billed as soon as a node of acme is used: 9, and 9 + 6 with d
        Pair(farm(budget=9, contracts={"acme": contract(minimum=9)}), (vllm(a=1), vllm(a=3), vllm(d=1), {}),
             (vllm(a=1, d=1), vllm(b=2))),
        # signed: it is billed without any node of acme too
        Pair(farm(budget=9, contracts={"acme": contract(minimum=9, signed=True)}), (vllm(a=1), {}), (vllm(d=1),)),
        # two tiers: 4 at full price, 4 at half, the rest for nothing: 4 + 2 however much more
        Pair(farm(budget=6, contracts={"acme": contract((4, 0.5), (8, 1.0))}), (vllm(b=9), vllm(b=1)),
             (vllm(b=9, c=1),)),
    ],
    # s is spot and carries 6: of 12 at most half may rest on it, so that others carry 6
    "cap_spot_share": [
        Pair(farm(spot_share_fraction=0.5), (vllm(s=1, b=1), vllm(s=9, a=2), vllm(b=1)),
             (vllm(s=2), vllm(s=9, a=1), {})),
        Pair(farm(spot_share_fraction=0.0), (vllm(a=3), vllm(s=1, b=2)), (vllm(s=2, b=1),)),
        Pair(farm(spot_share_fraction=0.9), (vllm(s=2, a=1),), (vllm(s=2),)),  # 1.2 is rounded up to 2
    ],
    # d draws 600 W: two draw 1.2 kW, three 1.8 kW; rented nodes draw nothing of ours
    "cap_power": [
        Pair(farm(power_kw=1.2), (vllm(d=2, a=9), {}), (vllm(d=3),)),
        Pair(farm(power_kw=0.0), (vllm(a=3),), (vllm(d=1),)),
    ],
}


def roomy_case(problem: Instance) -> Case:
    """Return the whole case with room for nine nodes of each kind, so that only the rule itself refuses."""
    case = build_case(problem.candidates, problem.limits, problem.candidates.targets(), problem.budget, unreduced=True)
    return replace(case, rows=tuple(replace(row, most=9) for row in case.rows))


def keeps(rule: Rule, problem: Instance, nodes: Nodes) -> bool:
    """Say whether a plan keeps one rule, no other being there."""
    case = roomy_case(problem)
    cp = cp_model.CpModel()
    x = Variables.of(cp, case)
    rule.apply(cp, case, x)
    for row, count in zip(case.rows, x.nodes, strict=True):
        cp.add(count == nodes.get((row.candidate.offer.offer_id, row.engine), 0))
    if rule.name == "pay_contracts":  # what it says is what a plan costs, so that a budget tells
        cp.add(OBJECTIVES["cost"](case, x) <= problem.budget)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    status = solver.solve(cp)
    assert status in (cp_model.OPTIMAL, cp_model.INFEASIBLE)
    return bool(status == cp_model.OPTIMAL)


CASES = [
    pytest.param(rule, pair.problem, nodes, kept, id=f"{rule.name}-{'kept' if kept else 'broken'}-{i}-{j}")
    for rule in CONSTRAINTS
    for i, pair in enumerate(PAIRS.get(rule.name, ()))
    for kept, plans in ((True, pair.kept), (False, pair.broken))
    for j, nodes in enumerate(plans)
]


@pytest.mark.parametrize(("rule", "problem", "nodes", "kept"), CASES)
def test_rule_alone(rule: Rule, problem: Instance, nodes: Nodes, kept: bool) -> None:
    assert keeps(rule, problem, nodes) is kept


@pytest.mark.parametrize("rule", CONSTRAINTS, ids=lambda rule: rule.name)
def test_every_rule_is_complete(rule: Rule) -> None:
    assert rule.apply.__doc__, "a rule says in a sentence what must hold"
    twin = getattr(verify, f"check_{rule.name}", None)
    assert twin in verify.CHECKS
    assert twin.__doc__
    assert all(pair.kept and pair.broken for pair in PAIRS[rule.name])
    assert any(rule.active(roomy_case(pair.problem)) for pair in PAIRS[rule.name])


def test_rules_have_distinct_names_and_no_pair_is_left_over() -> None:
    assert sorted(PAIRS) == sorted({rule.name for rule in CONSTRAINTS})
    assert len(PAIRS) == len(CONSTRAINTS)


@pytest.mark.parametrize("rule", CONSTRAINTS, ids=lambda rule: rule.name)
def test_a_rule_that_is_not_in_force_refuses_nothing(rule: Rule) -> None:
    case = roomy_case(instance([offer("a", 3, gpu="ant")], [runs("ant", 4)], [12]))
    assert rule.active(case) is (rule.name == "meet_demand")
    cp = cp_model.CpModel()
    rule.apply(cp, case, Variables.of(cp, case))
    assert len(cp.proto.constraints) == (1 if rule.name == "meet_demand" else 0)


def test_stock_is_shared_by_services() -> None:
    # one c for each service uses up its stock of two; a second one for either does not fit
    problem = instance(OFFERS, [runs("cat", 5, service=0), runs("cat", 5, service=1)], [5, 5])
    case = roomy_case(problem)
    stock = next(rule for rule in CONSTRAINTS if rule.name == "respect_stock")
    for counts, kept in (((1, 1), True), ((2, 0), True), ((2, 1), False)):
        cp = cp_model.CpModel()
        x = Variables.of(cp, case)
        stock.apply(cp, case, x)
        for count, node in zip(counts, x.nodes, strict=True):
            cp.add(node == count)
        assert (cp_model.CpSolver().solve(cp) == cp_model.OPTIMAL) is kept


OBJECTIVE_TWINS = {"cost": verify.check_total_cost, "nodes": verify.check_node_count}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_is_complete(name: str) -> None:
    objective = OBJECTIVES[name]
    assert objective.__doc__
    twin = OBJECTIVE_TWINS[name]
    assert twin.__name__ == f"check_{objective.__name__}"
    assert twin in verify.CHECKS
    assert twin.__doc__


# 2 x 3 + 1 x 5 + 3 x 6 = 29 micro-dollars for 6 nodes
@pytest.mark.parametrize(("name", "worth"), [("cost", 29), ("nodes", 6)])
def test_objective_of_a_plan(name: str, worth: int) -> None:
    case, nodes = roomy_case(farm()), vllm(a=2, b=1, d=3)
    cp = cp_model.CpModel()
    x = Variables.of(cp, case)
    for row, count in zip(case.rows, x.nodes, strict=True):
        cp.add(count == nodes.get((row.candidate.offer.offer_id, row.engine), 0))
    cp.minimize(OBJECTIVES[name](case, x))
    solver = cp_model.CpSolver()
    assert solver.solve(cp) == cp_model.OPTIMAL
    assert solver.objective_value == worth


def test_a_held_node_that_serves_nothing_is_not_forgotten() -> None:
    """No option runs on a node that must be held: no plan without it stands."""
    problem = farm(at_least={"a": 1})
    case = replace(roomy_case(problem), at_least=(("a", 1), ("idle", 1)))
    rule = next(rule for rule in CONSTRAINTS if rule.name == "hold_nodes")
    cp = cp_model.CpModel()
    rule.apply(cp, case, Variables.of(cp, case))
    assert cp_model.CpSolver().solve(cp) == cp_model.INFEASIBLE


def test_nodes_that_are_too_few_are_ruled_out_with_all_fewer_ones() -> None:
    """Of two kinds 1 and 2 are too few: so are 0 and 2; 2 and 0 are not known to be."""
    for counts, kept in (((1, 2), False), ((0, 2), False), ((1, 0), False), ((2, 0), True), ((0, 3), True)):
        cp = cp_model.CpModel()
        nodes = [cp.new_int_var(0, 5, "") for _ in counts]
        more_than(cp, nodes, (1, 2))
        for count, node in zip(counts, nodes, strict=True):
            cp.add(node == count)
        assert (cp_model.CpSolver().solve(cp) == cp_model.OPTIMAL) is kept
