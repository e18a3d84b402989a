"""Services of one peak solved one by one, where the rules that they share happen to hold for all plans together.

No plan of all services costs less than the cheapest of each, so that these together are the optimum if they keep the
shared rules. What a service's own plan rests on is its options, the offers, its target and the limits: as long as a
variant of a problem leaves them as they are, the plan of another variant stands, and only services that are touched
are solved again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from optimizer.candidates import CandidateSet
from optimizer.formulation import Case, CaseRow, build_case, reduce_case, shortlist
from optimizer.schema.problem import Limits
from optimizer.solve.prove import INFEASIBLE, Clock, Proven, SolveSettings, cost_of, keeps_shared_rules, prove_reduced


@dataclass(frozen=True)
class Alone:
    """The cheapest plan of one service by itself."""

    case: Case
    """Of the service as the only one; its rows are those in use."""
    found: Proven
    limits: Limits
    """That it was solved under; kept so that its identity tells it from others."""
    in_order: bool
    """Whether ties are broken; without them any optimum stands."""
    enumerated: bool
    """Whether it may be proven by enumeration."""


def may_fall_apart(candidates: CandidateSet, limits: Limits, settings: SolveSettings) -> bool:
    """Say whether services may be solved one by one: nothing that is held or billed belongs to all of them."""
    return len(candidates.services) > 1 and settings.reduced and not (limits.at_least or limits.contracts)


def apart(
    candidates: CandidateSet, limits: Limits, targets: Sequence[float], budget: int | None, settings: SolveSettings,
    clock: Clock, in_order: bool,
) -> tuple[Case, Proven] | None:
    """Solve each service by itself: all rows in use with their counts, or a proof that there is no plan.

    None where a shared rule is broken (stock, nodes, GPU types, engines, power, sums), or a limit was reached.
    """
    few, parts = shortlist(candidates, limits), list[Alone]()
    for service, target in enumerate(targets):
        part = _alone(candidates, few, limits, service, target, settings, clock, in_order)
        if part.found.status == "infeasible":
            return replace(part.case, rows=()), INFEASIBLE
        if part.found.status != "optimal":
            return None
        parts.append(part)
    rows = tuple(row for part in parts for row in part.case.rows)
    counts = tuple(count for part in parts for count in part.found.counts)
    splits = tuple(split for part in parts for split in part.case.class_demands or ((),))
    whole = replace(
        parts[0].case, rows=rows, demand=tuple(part.case.demand[0] for part in parts), budget=budget,
        min_nodes=limits.nodes.min, class_demands=splits if any(splits) else ())
    cost = cost_of(whole, counts)
    if budget is not None and cost > budget:
        return whole, INFEASIBLE
    return (whole, Proven("optimal", counts, cost)) if keeps_shared_rules(whole, counts) else None


def _alone(
    candidates: CandidateSet, few: CandidateSet, limits: Limits, service: int, target: float, settings: SolveSettings,
    clock: Clock, in_order: bool,
) -> Alone:
    """Solve one service as if it were the only one, unless these candidates have seen it."""
    key = (service, target, id(limits))
    known = candidates.solved.get(key)
    if isinstance(known, Alone) and known.limits is limits and (
            not in_order or (known.in_order and known.enumerated == settings.enumerated)):
        return known
    case = build_case(few, limits, tuple(target for _ in few.services), None, only=service)
    splits = (case.class_demands[service],) if case.is_routed(service) else ()
    case = reduce_case(replace(case, demand=(case.demand[service],), min_nodes=0, class_demands=splits))
    found = prove_reduced(case, settings, clock, in_order)
    used: list[tuple[CaseRow, int]] = [
        (replace(row, service=service), count) for row, count in zip(case.rows, found.counts, strict=False) if count]
    part = Alone(replace(case, rows=tuple(row for row, _ in used)),
                 replace(found, counts=tuple(count for _, count in used)), limits, in_order, settings.enumerated)
    if found.status in ("optimal", "infeasible"):
        candidates.solved[key] = part
    return part
