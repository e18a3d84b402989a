"""A case as the linear program that CP-SAT is given, read back from its model: rules are stated nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from optimizer.formulation import CONSTRAINTS, OBJECTIVES, Case, CaseRow, Variables
from optimizer.formulation.constraints import split_classes
from optimizer.formulation.cp_sat import cp_model
from optimizer.proof.linear import Inequality, Linear
from optimizer.traffic.class_split import least_utilisation

Whole = dict[int, int]
"""Column -> its whole weight in a sum."""

ENDLESS = 2**62
"""Bounds of CP-SAT's domains beyond this are none."""


def model_of(case: Case) -> tuple[cp_model.CpModel, Variables, list[str]]:
    """State every rule of a case to CP-SAT; also return the rule of each of its constraints.

    The split of routed classes, which CP-SAT knows by cuts alone, is left to `with_shares`.
    """
    cp, names = cp_model.CpModel(), list[str]()
    x = Variables.of(cp, case)
    for rule in CONSTRAINTS:
        if rule.active(case) and rule.apply is not split_classes:
            rule.apply(cp, case, x)
            names += [rule.name] * (len(cp.proto.constraints) - len(names))
    return cp, x, names


def stated(case: Case, named: Callable[[CaseRow], str] = lambda row: row.offer_id) -> Linear:
    """Return the linear program of a case; routed classes only where no loss is to be survived.

    Args:
        case: reduced or not.
        named: what a row's column is called.
    """
    cp, x, names = model_of(case)
    cp.minimize(OBJECTIVES["cost"](case, x))
    program = read_back(cp, names, [named(row) for row in case.rows], [_free(row) for row in case.rows])
    return with_shares(program, case, named) if case.routed else program


def with_shares(program: Linear, case: Case, named: Callable[[CaseRow], str]) -> Linear:
    """Add the split of routed classes: sum_i s_ki >= 1; x_i - sum_k a_ki s_ki >= 0; 0 <= s <= 1.

    s_ki is the share of class k that row i serves, a_ki the nodes that the whole class fills.
    """
    names: list[str] = []
    rows, first = [*program.rows], len(program.costs)
    for service in case.routed:
        room: dict[int, dict[int, int | Fraction]] = {i: {i: 1} for i in service.rows}
        for number, loads in enumerate(service.loads):
            shares: dict[int, int | Fraction] = {}
            for i, load in zip(service.rows, loads, strict=True):
                if load is not None:
                    column = first + len(names)
                    names.append(f"share of class {number + 1} on {named(case.rows[i])}")
                    shares[column], room[i][column] = 1, -load
            rows.append(Inequality("split_classes", shares, 1))
        rows += [Inequality("split_classes", terms, 0) for terms in room.values() if len(terms) > 1]
    more = len(names)
    return replace(
        program, names=(*program.names, *names), costs=(*program.costs, *[0] * more), most=(*program.most, *[1] * more),
        rows=tuple(rows), free=(*program.free, *[False] * more), whole=(*program.whole, *[False] * more))


def shares_of(case: Case, counts: Sequence[int]) -> list[Fraction]:
    """Return the values of the columns that `with_shares` adds, for nodes of each row that carry the classes."""
    found = []
    for service in case.routed:
        split = least_utilisation(service.loads, [counts[i] for i in service.rows])
        found += [share for shares, loads in zip(split.shares, service.loads, strict=True)
                  for share, load in zip(shares, loads, strict=True) if load is not None]
    return found


def _free(row: CaseRow) -> bool:
    """Say whether a row's nodes never run out, so that its most only says that no cheapest plan needs more.

    Idle nodes are those that must be held, so that more of them are no plan.
    """
    offer = row.candidate.offer
    return offer.stock is None and row.own_stock is None and not row.is_idle


def read_back(cp: cp_model.CpModel, rules: list[str], named: list[str], free: list[bool]) -> Linear:
    """Return a CP-SAT model of linear constraints, conditions and choices as a linear program.

    Args:
        cp: the model, with an objective to be minimised.
        rules: name of each constraint.
        named: names of the first variables; the others are choices that rules make.
        free: of the same variables, see `Linear`.
    """
    proto: Any = cp.proto
    domains = [list(one.domain) for one in proto.variables]
    if any(len(domain) != 2 or domain[0] != 0 for domain in domains):
        raise ValueError("every column counts from 0")
    if proto.objective.offset or proto.objective.scaling_factor not in (0.0, 1.0):
        raise ValueError("a plain sum is minimised")
    most = [domain[1] for domain in domains]
    rows = [Inequality(rule, {**terms}, least)
            for rule, constraint in zip(rules, proto.constraints, strict=True)
            for terms, least in _inequalities(constraint, most)]
    costs = [0] * len(most)
    for column, weight in zip(proto.objective.vars, proto.objective.coeffs, strict=True):
        costs[column] += weight
    more = len(most) - len(named)
    return Linear(
        (*named, *(f"choice {number}" for number in range(1, more + 1))), tuple(costs), tuple(most), tuple(rows),
        (*free, *([False] * more)), (True,) * len(most), frozenset(range(len(named), len(most))))


def _inequalities(constraint: Any, most: list[int]) -> Iterator[tuple[Whole, int]]:
    """Yield a constraint as (terms, least): sums of columns that are at least so much.

    Only the part that a constraint has is read: reading another would put it in its place.
    """
    if not constraint.has_linear():
        just_one = constraint.has_exactly_one()
        if list(constraint.enforcement_literal) or not (just_one or constraint.has_bool_or()):
            raise ValueError("a linear constraint, or a choice without a condition, is expected")
        literals = list(constraint.exactly_one.literals if just_one else constraint.bool_or.literals)
        found, least = _of_literals(literals, [1] * len(literals))
        yield found, 1 + least
        if just_one:
            yield {column: -weight for column, weight in found.items()}, -1 - least
        return
    terms: Whole = {}
    for column, weight in zip(constraint.linear.vars, constraint.linear.coeffs, strict=True):
        terms[column] = terms.get(column, 0) + weight
    low, high = constraint.linear.domain
    if low > -ENDLESS:
        yield _only_if(terms, low, list(constraint.enforcement_literal), most)
    if high < ENDLESS:
        less = {column: -weight for column, weight in terms.items()}
        yield _only_if(less, -high, list(constraint.enforcement_literal), most)


def _of_literals(literals: list[int], weights: list[int]) -> tuple[Whole, int]:
    """Return a sum of literals as terms, and by how much its least moves: not b is 1 - b."""
    terms: Whole = {}
    moved = 0
    for literal, weight in zip(literals, weights, strict=True):
        column = literal if literal >= 0 else -literal - 1
        terms[column] = terms.get(column, 0) + (weight if literal >= 0 else -weight)
        moved -= 0 if literal >= 0 else weight
    return terms, moved


def _only_if(terms: Whole, least: int, literals: list[int], most: list[int]) -> tuple[Whole, int]:
    """Return an inequality that asks for nothing where one of its conditions is not met.

    With low the least that the sum can be: sum + (least - low) (number of conditions not met) >= least.
    """
    if not literals:
        return {column: weight for column, weight in terms.items() if weight}, least
    low = sum(min(0, weight) * most[column] for column, weight in terms.items())
    room = max(0, least - low)
    more, moved = _of_literals([-literal - 1 for literal in literals], [room] * len(literals))
    whole = dict(terms)
    for column, weight in more.items():
        whole[column] = whole.get(column, 0) + weight
    return {column: weight for column, weight in whole.items() if weight}, least + moved


def without_needless_most(program: Linear, case: Case) -> Linear:
    """Leave out how many nodes a cheapest plan needs at most, where no rule looks at it; stocks stay.

    Such numbers are conclusions, not rules; only conditions (a GPU type in use, an engine chosen) need them as bounds.
    """
    if program.choices:
        return program
    nodes = [row.most if row.is_idle else None if free else row.candidate.offer.obtainable
             for free, row in zip(program.free, case.rows, strict=False)]
    return replace(program, most=(*nodes, *program.most[len(nodes):]))
