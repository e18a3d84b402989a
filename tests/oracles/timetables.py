"""Tiny timetables, every roster of them one after the other, and the same question put to HiGHS."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

from ortools.math_opt.python import mathopt

from optimizer.candidates import Candidate
from optimizer.formulation import CaseRow
from optimizer.schema.problem import Limits
from optimizer.timetable.case import TimeCase, bounded
from optimizer.timetable.reduction import undominated
from optimizer.timetable.slots import Slot, Work
from tests.oracles.instances import offer, random_limits, runs

SCHEDULES = ((2, 1), (1, 2, 1))
"""Hours of each slot."""


def time_case(
    rows: Iterable[CaseRow], elastic: dict[str, bool], slots: Iterable[tuple[int, tuple[int, ...]]], *,
    kinds: tuple[Any, ...] = ("sync",), works: Iterable[Work] = (), stock: Iterable[int | None] = (),
    budget: int | None = None, reduced: bool = False, limits: Limits | None = None,
) -> TimeCase:
    """Put rows and slots (hours, demand of each service) together."""
    listed, start, made = list(rows), 0, []
    for weight, demand in slots:
        made.append(Slot(tuple(range(start, start + weight)), demand))
        start += weight
    rules, stocks = limits or Limits(), tuple(stock)
    if reduced:
        listed = undominated(listed, elastic, stocks, rules)
    case = TimeCase(start, tuple(made), tuple(works), tuple(listed), (), (), (), kinds, stocks, budget, rules)
    return bounded(case, elastic)


def time_row(name: str, price: int, capacity: int, position: int, *, service: int = 0, **facts: Any) -> CaseRow:
    """Return one way to use an offer: so much of a service's demand for so many micro-dollars an hour."""
    engine = facts.pop("engine", "vllm")
    made = offer(name, price, **facts)
    candidate = Candidate(made, runs(made.gpu_id, capacity, engine=engine, service=service), capacity)
    return CaseRow(
        service, position, price, capacity, 0, made.gpu_id, made.provider, made.place, engine, made.watts,
        (name, engine, "bf16", 1, 1), candidate)


def random_time_case(seed: int, rules: Iterable[str] = (), kinds: tuple[str, ...] = ("sync",), offers: int = 4,
                     reduced: bool = False) -> TimeCase:
    """Draw a tiny timetable under the rules named (those of CONSTRAINTS)."""
    rng, active = random.Random(seed), frozenset(rules)
    weights = rng.choice(SCHEDULES) if len(kinds) == 1 else (2, 1)
    demands = [tuple(rng.randint(0, 9) if kind == "sync" else 0 for kind in kinds) for _ in weights]
    demands[0] = tuple(max(1, amount) if kind == "sync" else 0 for amount, kind in zip(demands[0], kinds, strict=True))
    works = [
        Work(service, (weights[0], *(weight * rng.choice([0, 1, 1]) for weight in weights[1:])), rng.randint(1, 12))
        for service, kind in enumerate(kinds) if kind == "async"]
    rows, elastic, stock = [], {}, []
    engines = ["sglang", "vllm"] if "choose_engines" in active else ["vllm"]
    for position in range(rng.randint(2, offers)):
        name, price = f"o{position}", rng.randint(1, 12)
        elastic[name] = rng.random() < 0.6
        facts: dict[str, Any] = {
            "gpu": rng.choice(["ant", "bee"]), "provider": rng.choice(["acme", "bolt"]),
            "region": rng.choice(["east", "west"]),
            "spot": "cap_spot_share" in active and elastic[name] and rng.random() < 0.6,
            "watts": 0 if elastic[name] or "cap_power" not in active else rng.choice([300, 700])}
        stock.append(rng.choice([None, 1, 2]) if "respect_stock" in active else None)
        for service in range(len(kinds)):
            for engine in engines if "choose_engines" in active else [engines[0]]:
                if rng.random() < 0.9:
                    rows.append(time_row(
                        name, price, rng.randint(2, 7), position, service=service, engine=engine, **facts))
    rows.sort(key=lambda row: (row.service, row.rank))
    drawn = random_limits(rng, active, 60)
    budget = drawn.pop("budget", None)
    return time_case(rows, elastic, list(zip(weights, demands, strict=True)), kinds=kinds, works=works, stock=stock,
                     budget=budget, reduced=reduced, limits=Limits(**drawn))


Choice = tuple[int, frozenset[str], frozenset[tuple[str, str]], tuple[tuple[int, ...], ...]]
"""(micro-dollars an hour, GPU types, engines by their group, work rate of each service under each loss)."""


def brute_force_cost(case: TimeCase) -> int | None:
    """Return the least cost over every roster, None when there is none."""
    best: int | None = None
    for base in product(*(range(one.most + 1) for one in case.bases)):
        found = _cheapest_with(case, base)
        if found is not None and (best is None or found < best):
            best = found
    return best


def widened(case: TimeCase) -> TimeCase:
    """Return the same case with one node more everywhere, to see that no bound cuts the optimum off."""
    bases = tuple(replace(one, most=one.most + 1) for one in case.bases)
    return replace(case, bases=bases, most=tuple(tuple(count + 1 for count in counts) for counts in case.most))


def _cheapest_with(case: TimeCase, base: tuple[int, ...]) -> int | None:
    limits = case.limits
    drawn = sum(one.watts * count for one, count in zip(case.bases, base, strict=True))
    if case.watts is not None and drawn > case.watts:
        return None
    held = {one.offer_id: count for one, count in zip(case.bases, base, strict=True)}
    known = {row.offer_id for row in case.rows}
    if any(name not in known or held.get(name, least) < least for name, least in limits.at_least.items()):
        return None
    standing = sum(one.price * count for one, count in zip(case.bases, base, strict=True)) * case.hours
    gpus = frozenset(case.rows[one.rows[0]].gpu for one, count in zip(case.bases, base, strict=True) if count)
    choices = [list(_choices(case, base, slot)) for slot in range(len(case.slots))]
    costs = [
        standing + sum(choice[0] * slot.weight for choice, slot in zip(picked, case.slots, strict=True))
        for picked in product(*choices) if _fit(case, picked, gpus)]
    within = [cost for cost in costs if case.budget is None or cost <= case.budget]
    return min(within, default=None)


def _fit(case: TimeCase, picked: tuple[Choice, ...], gpus: frozenset[str]) -> bool:
    """Say whether the choices of all slots together keep the rules that look at the cycle."""
    types = gpus.union(*(choice[1] for choice in picked))
    if case.limits.max_gpu_types is not None and len(types) > case.limits.max_gpu_types:
        return False
    engines: dict[str, set[str]] = defaultdict(set)
    for group, engine in frozenset().union(*(choice[2] for choice in picked)):
        engines[group].add(engine)
    if case.limits.engine_policy != "any" and any(len(names) > 1 for names in engines.values()):
        return False
    return all(
        sum(choice[3][number][work.service] * seconds for choice, seconds in zip(picked, work.seconds, strict=True))
        >= needed(work.amount, outcome) for work in case.works for number, outcome in enumerate(losses(case)))


def _choices(case: TimeCase, base: tuple[int, ...], slot: int) -> Iterator[Choice]:
    """Yield what a slot may do, the cheapest of those alike."""
    best: dict[Hashable, int] = {}
    spaces = [
        range(case.most[i][slot] + 1) if place is None
        else ([base[place]] if len(case.bases[place].rows) == 1 else range(base[place] + 1))
        for i, place in enumerate(case.base_of)]
    for use in product(*spaces):
        if not _keeps_slot(case, base, slot, use):
            continue
        cost = sum(case.rows[i].price * use[i] for i in case.elastic)
        used = [row for row, count in zip(case.rows, use, strict=True) if count]
        policy = case.limits.engine_policy
        key = (frozenset(row.gpu for row in used),
               frozenset((row.gpu if policy == "per_gpu" else "", row.engine) for row in used),
               tuple(tuple(left_after(case, slot, use, service, outcome) for service in range(len(case.kinds)))
                     for outcome in losses(case)))
        best[key] = min(cost, best.get(key, cost))
    for (types, engines, rates), cost in best.items():  # type: ignore[misc]
        yield cost, types, engines, rates


def _keeps_slot(case: TimeCase, base: tuple[int, ...], slot: int, use: tuple[int, ...]) -> bool:
    for one, count in zip(case.bases, base, strict=True):
        if sum(use[i] for i in one.rows) > count:
            return False
    there = sum(base) + sum(use[i] for i in case.elastic)
    nodes = case.limits.nodes
    if there < nodes.min or (nodes.max is not None and there > nodes.max):
        return False
    taken: dict[int, int] = defaultdict(int)
    for one, count in zip(case.bases, base, strict=True):
        taken[one.pool] += count
    for i in case.elastic:
        taken[case.rows[i].offer] += use[i]
    if any((cap := case.stock[pool]) is not None and count > cap for pool, count in taken.items()):
        return False
    elastic = {case.rows[i].offer_id for i in case.elastic}
    for name, least in case.limits.at_least.items():
        if name in elastic and sum(use[i] for i in case.elastic if case.rows[i].offer_id == name) < least:
            return False
    return all(
        left_after(case, slot, use, service, outcome) >= needed(demand, outcome)
        for service, demand in enumerate(case.slots[slot].demand) if demand for outcome in losses(case))


def losses(case: TimeCase) -> list[tuple[str, Any]]:
    """List what may be lost, nothing first."""
    survive = case.limits.survive
    found: list[tuple[str, Any]] = [("nothing", None)]
    found += [("nodes", survive.nodes)] if survive.nodes else []
    found += [("provider", name) for name in sorted({row.provider for row in case.rows})] if survive.provider else []
    share = case.limits.spot_share_fraction
    found += [("spot", Fraction(str(share)))] if share is not None else []
    return found + ([("place", place) for place in sorted({row.place for row in case.rows})] if survive.region else [])


def needed(amount: int, outcome: tuple[str, Any]) -> Fraction:
    """Return what must be left of a demand or work after a loss: all of it, but when spot nodes go."""
    return amount * (1 - outcome[1]) if outcome[0] == "spot" else Fraction(amount)


def left_after(case: TimeCase, slot: int, use: tuple[int, ...], service: int, outcome: tuple[str, Any]) -> int:
    """Return what a service's nodes carry in a slot after a loss."""
    kind, what = outcome
    mine = [(row, count) for row, count in zip(case.rows, use, strict=True) if row.service == service]
    each = sorted(row.capacity for row, count in mine for _ in range(count)
                  if not (kind == "spot" and row.is_spot)
                  and not (kind == "provider" and row.provider == what) and not (kind == "place" and row.place == what))
    return sum(each[: max(0, len(each) - what)] if kind == "nodes" else each)


def highs_time_cost(case: TimeCase, time_limit_s: float | None = None) -> int | None:
    """Return the least cost by HiGHS, None when there is no roster.

    It looks at demand, work, stock, held nodes, node limits and the budget.
    """
    model = mathopt.Model()
    base = [model.add_integer_variable(lb=case.limits.at_least.get(one.offer_id, 0), ub=one.most) for one in case.bases]
    use = [
        [base[place] if place is not None and len(case.bases[place].rows) == 1
         else model.add_integer_variable(lb=0, ub=case.most[i][slot]) for slot in range(len(case.slots))]
        for i, place in enumerate(case.base_of)]
    for slot, asked in enumerate(case.slots):
        for one, count in zip(case.bases, base, strict=True):
            if len(one.rows) > 1:
                model.add_linear_constraint(ub=0, expr=sum(use[i][slot] for i in one.rows) - count)
        for service, demand in enumerate(asked.demand):
            mine = case.of_service(service)
            if demand:
                model.add_linear_constraint(lb=demand, expr=sum(case.carries(i, slot) * use[i][slot] for i in mine))
        _limit_slot(model, case, base, use, slot)
    for work in case.works:
        mine = case.of_service(work.service)
        model.add_linear_constraint(lb=1, expr=sum(
            (case.rows[i].capacity * seconds / work.amount) * use[i][slot]
            for slot, seconds in enumerate(work.seconds) if seconds for i in mine))
    cost = sum(one.price * case.hours * count for one, count in zip(case.bases, base, strict=True)) + sum(
        case.rows[i].price * asked.weight * use[i][slot] for slot, asked in enumerate(case.slots) for i in case.elastic)
    if case.budget is not None:
        model.add_linear_constraint(ub=case.budget, expr=cost)
    model.minimize(cost)
    import datetime

    limit = None if time_limit_s is None else datetime.timedelta(seconds=time_limit_s)
    result = mathopt.solve(
        model, mathopt.SolverType.HIGHS,
        params=mathopt.SolveParameters(relative_gap_tolerance=0.0, time_limit=limit))
    if result.termination.reason == mathopt.TerminationReason.OPTIMAL:
        values = result.variable_values()
        standing = sum(one.price * round(values[count]) for one, count in zip(case.bases, base, strict=True))
        return standing * case.hours + sum(
            case.rows[i].price * asked.weight * round(values[use[i][slot]])
            for slot, asked in enumerate(case.slots) for i in case.elastic)
    if result.termination.reason in (
        mathopt.TerminationReason.INFEASIBLE, mathopt.TerminationReason.INFEASIBLE_OR_UNBOUNDED
    ):
        return None
    raise TimeoutError(f"HiGHS ended with {result.termination}")


def _limit_slot(model: mathopt.Model, case: TimeCase, base, use, slot: int) -> None:  # type: ignore[no-untyped-def]
    """Stock and node limits of a slot."""
    nodes = case.limits.nodes
    there = sum(base) + sum(use[i][slot] for i in case.elastic)
    if nodes.min:
        model.add_linear_constraint(lb=nodes.min, expr=there)
    if nodes.max is not None:
        model.add_linear_constraint(ub=nodes.max, expr=there)
    for pool, stock in enumerate(case.stock):
        if stock is not None:
            taken = sum(c for one, c in zip(case.bases, base, strict=True) if one.pool == pool) + sum(
                use[i][slot] for i in case.elastic if case.rows[i].offer == pool)
            if not isinstance(taken, int):
                model.add_linear_constraint(ub=stock, expr=taken + 0.0)
    for name, least in case.limits.at_least.items():
        mine = [use[i][slot] for i in case.elastic if case.rows[i].offer_id == name]
        if mine:
            model.add_linear_constraint(lb=least, expr=sum(mine) + 0.0)
