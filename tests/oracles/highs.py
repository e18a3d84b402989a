"""The same question put to HiGHS through ortools' MathOpt, gap 0, on the unreduced model."""

from __future__ import annotations

import math
from collections import defaultdict
from fractions import Fraction

from ortools.math_opt.python import mathopt

from tests.oracles.brute_force import Answer, Way, cost_of, enough_of, micro, ways_of
from tests.oracles.instances import Instance


def highs_cost(problem: Instance) -> Answer:
    """Return status and cost of the cheapest plan at the services' targets."""
    ways, limits = ways_of(problem), problem.limits
    model = mathopt.Model()
    nodes = [model.add_integer_variable(lb=0, ub=enough_of(way, problem)) for way in ways]
    pairs = list(zip(ways, nodes, strict=True))
    for service, demand in enumerate(problem.candidates.demands):
        mine = [(way, count) for way, count in pairs if way.option.service == service]
        _cover(model, problem, mine, demand.amount)
    by_offer: dict[str, list[tuple[Way, mathopt.Variable]]] = defaultdict(list)
    for way, count in pairs:
        by_offer[way.offer.offer_id].append((way, count))
    for same in by_offer.values():
        stock = same[0][0].offer.stock
        if stock is not None:
            model.add_linear_constraint(ub=stock, expr=sum(count for _, count in same))
    cost = _cost(model, problem, pairs)
    if problem.budget is not None:
        model.add_linear_constraint(ub=problem.budget, expr=cost)
    for offer_id, least in limits.at_least.items():
        model.add_linear_constraint(lb=least, expr=sum(c for way, c in pairs if way.offer.offer_id == offer_id) + 0.0)
    model.add_linear_constraint(lb=limits.nodes.min, expr=sum(nodes))
    if limits.nodes.max is not None:
        model.add_linear_constraint(ub=limits.nodes.max, expr=sum(nodes))
    if limits.max_gpu_types is not None:
        _choose(model, problem, pairs, lambda way: way.offer.gpu_id, limits.max_gpu_types)
    serving = [(way, count) for way, count in pairs if way.carries]
    if limits.engine_policy == "fleet":
        _choose(model, problem, serving, lambda way: way.option.engine_id, 1)
    if limits.engine_policy == "per_gpu":
        for gpu in {way.offer.gpu_id for way in ways}:
            same = [(way, count) for way, count in serving if way.offer.gpu_id == gpu]
            _choose(model, problem, same, lambda way: way.option.engine_id, 1)
    if limits.power_kw is not None:
        watts = sum(way.offer.watts * count for way, count in pairs)
        model.add_linear_constraint(ub=round(limits.power_kw * 1000), expr=watts)
    model.minimize(cost)
    result = mathopt.solve(model, mathopt.SolverType.HIGHS, params=mathopt.SolveParameters(relative_gap_tolerance=0.0))
    if result.termination.reason == mathopt.TerminationReason.OPTIMAL:
        found = tuple((way, round(result.variable_values(count))) for way, count in pairs)
        return Answer("optimal", cost_of(found, problem))
    if result.termination.reason in (
        mathopt.TerminationReason.INFEASIBLE, mathopt.TerminationReason.INFEASIBLE_OR_UNBOUNDED
    ):
        return Answer("infeasible", None)
    raise AssertionError(f"HiGHS ended with {result.termination}")


def _cost(model: mathopt.Model, problem: Instance, pairs):  # type: ignore[no-untyped-def]
    """The nodes' prices; for providers with a contract its bill: at least minimum + fee, and one line of its tiers."""
    contracts = problem.limits.contracts
    cost = sum(way.offer.micro_usd_per_hour * n for way, n in pairs if way.offer.provider not in contracts) + 0.0
    for provider, contract in contracts.items():
        mine = [(way, count) for way, count in pairs if way.offer.provider == provider]
        spend = sum(way.offer.micro_usd_per_hour * count for way, count in mine) + 0.0
        most = sum(way.offer.micro_usd_per_hour * enough_of(way, problem) for way, _ in mine)
        used, billed = model.add_binary_variable(), model.add_integer_variable(lb=0, ub=math.inf)
        for way, count in mine:
            model.add_linear_constraint(ub=0, expr=count - enough_of(way, problem) * used)
        if contract.signed:
            model.add_linear_constraint(lb=1, expr=used)
        fee = micro(contract.fee_usd_per_month)
        model.add_linear_constraint(lb=0, expr=billed - (micro(contract.minimum_usd_per_month) + fee) * used)
        lines, slope, constant = [(1.0, 0.0)], Fraction(1), Fraction(0)
        for tier in contract.tiers:
            left = 1 - Fraction(str(tier.discount_fraction))
            constant += (slope - left) * micro(tier.above_usd_per_month)
            slope = left
            lines.append((float(slope), float(constant)))
        picks = [model.add_binary_variable() for _ in lines]
        model.add_linear_constraint(lb=1, ub=1, expr=sum(picks))
        for (share, rest), pick in zip(lines, picks, strict=True):
            model.add_linear_constraint(
                lb=0, expr=billed - fee * used - share * spend - rest + (most + rest) * (1 - pick))
        cost += billed
    return cost


def _choose(model: mathopt.Model, problem: Instance, pairs, kind, most: int) -> None:  # type: ignore[no-untyped-def]
    """At most so many kinds of node are used."""
    chosen = {name: model.add_binary_variable() for name in sorted({kind(way) for way, _ in pairs})}
    for way, count in pairs:
        model.add_linear_constraint(ub=0, expr=count - enough_of(way, problem) * chosen[kind(way)])
    model.add_linear_constraint(ub=most, expr=sum(chosen.values()))


def _cover(model: mathopt.Model, problem: Instance, mine, demand: int) -> None:  # type: ignore[no-untyped-def]
    """The demand is met, also after each loss to survive.

    The k largest of the nodes may go: with z_t = 1 if the k-th largest has capacity t, the sum of min(C, t) over all
    nodes less k t is what is left.
    """
    survive, share = problem.limits.survive, problem.limits.spot_share_fraction
    if share is not None:
        firm = sum(way.carries * count for way, count in mine if way.offer.kind != "spot") + 0.0
        model.add_linear_constraint(lb=math.ceil((1 - Fraction(str(share))) * demand), expr=firm)
    model.add_linear_constraint(lb=demand, expr=sum(way.carries * count for way, count in mine))
    if survive.nodes:
        levels = sorted({way.carries for way, _ in mine})
        picks = [model.add_binary_variable() for _ in levels]
        model.add_linear_constraint(lb=1, ub=1, expr=sum(picks))
        for level, pick in zip(levels, picks, strict=True):
            needed = demand + survive.nodes * level
            left = sum(min(way.carries, level) * count for way, count in mine)
            model.add_linear_constraint(lb=0, expr=left - needed * pick)
    if survive.provider:
        for lost in {way.offer.provider for way, _ in mine}:
            left = sum(w.carries * x for w, x in mine if w.offer.provider != lost)
            model.add_linear_constraint(lb=demand, expr=left)
    if survive.region:
        for lost_place in {way.offer.place for way, _ in mine}:
            left = sum(w.carries * x for w, x in mine if w.offer.place != lost_place)
            model.add_linear_constraint(lb=demand, expr=left)
