"""From candidates to the proven cheapest plan; ties are broken by speed so that the plan is unique."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from optimizer.candidates import CandidateSet, RoutedSpeed
from optimizer.formulation import Case, CaseRow, build_case, reduce_case, shortlist
from optimizer.schema.plan import Status
from optimizer.schema.problem import Limits, Survive
from optimizer.solve.apart import apart, may_fall_apart
from optimizer.solve.prove import Clock, Proven, SolveSettings, cost_of, prove
from optimizer.solve.reach import within_reach
from optimizer.solve.trust import best_known
from optimizer.traffic.class_split import Split, class_loads, least_utilisation, losses
from optimizer.units import largest_holding


@dataclass(frozen=True)
class Chosen:
    """Nodes of one row in a solution."""

    row: CaseRow
    nodes: int


@dataclass(frozen=True)
class Solution:
    """What the solver found."""

    status: Status
    chosen: tuple[Chosen, ...]
    cost: int | None
    """Micro-dollars an hour, recomputed from the counts."""
    bound: int | None
    """No plan costs less than this."""
    targets: tuple[float, ...]
    """Speed targets of the services that were solved for (raised by the tie-break)."""
    survive: Survive
    """Losses after which the demand must still be carried."""
    spot_share: Fraction | None = None
    """Share of each demand that may rest on spot nodes."""
    class_demands: tuple[tuple[Fraction, ...], ...] = ()
    """By service, where classes are routed apart (as in the case)."""
    idle: tuple[Chosen, ...] = ()
    """Nodes that must be held and serve nothing."""

    @property
    def every(self) -> tuple[Chosen, ...]:
        """All nodes, those that serve and those that are held idle."""
        return (*self.chosen, *self.idle)

    @property
    def idle_nodes(self) -> int:
        """How many nodes are held idle."""
        return sum(chosen.nodes for chosen in self.idle)

    def of(self, service: int) -> tuple[Chosen, ...]:
        """Return the nodes of a service."""
        return tuple(chosen for chosen in self.chosen if chosen.row.service == service)

    def is_routed(self, service: int) -> bool:
        """Say whether a service's classes are routed apart."""
        return bool(self.class_demands and self.class_demands[service])

    @property
    def has_plan(self) -> bool:
        """Whether there are nodes to show."""
        return self.status in ("optimal", "feasible")


def solution_of(case: Case, found: Proven, targets: tuple[float, ...], survive: Survive) -> Solution:
    """Read the outcome of a case back as a solution."""
    every = [Chosen(row, n) for row, n in zip(case.rows, found.counts, strict=False) if n]
    chosen, idle = (tuple(one for one in every if one.row.is_idle is rests) for rests in (False, True))
    cost = cost_of(case, found.counts) if found.counts else None
    return Solution(
        found.status, chosen, cost, found.bound, targets, survive, case.spot_share, case.class_demands, idle)


def solve_at(
    candidates: CandidateSet, limits: Limits, targets: tuple[float, ...], budget: int | None, settings: SolveSettings,
    clock: Clock | None = None, in_order: bool = True,
) -> Solution:
    """Find the cheapest plan at given speed targets: fewest nodes, then first offers by id, among equals in cost."""
    clock = clock or Clock(settings)
    if may_fall_apart(candidates, limits, settings):
        found = apart(candidates, limits, targets, budget, settings, clock, in_order)
        if found is not None:
            return solution_of(*found, targets, limits.survive)
    case = _case_at(candidates, limits, targets, budget, settings)
    return _solve_case(case, targets, limits, settings, clock, in_order)


def _case_at(
    candidates: CandidateSet, limits: Limits, targets: tuple[float, ...], budget: int | None, settings: SolveSettings
) -> Case:
    """Turn candidates at speed targets into integers, offers that another of the same node replaces left out."""
    if settings.reduced:
        return build_case(shortlist(candidates, limits), limits, targets, budget)
    return build_case(candidates, limits, targets, budget, unreduced=True)


def _solve_case(
    case: Case, targets: tuple[float, ...], limits: Limits, settings: SolveSettings, clock: Clock, in_order: bool = True
) -> Solution:
    case = reduce_case(case) if settings.reduced else case
    return solution_of(case, prove(case, settings, clock, in_order), targets, limits.survive)


def carried(solution: Solution, service: int, tokens_per_s: float) -> int:
    """Return the demand that a solution's nodes carry for a service at a speed."""
    return sum(
        chosen.nodes * amount_at(chosen, tokens_per_s) for chosen in solution.chosen if chosen.row.service == service
    )


def kept_by(solution: Solution, service: int, amount: Callable[[Chosen], int]) -> int:
    """Return the demand carried after the worst loss to survive, by what one node of a row carries.

    Where spot nodes are capped, no more than the others carry their share of. 0 when some node carries nothing (one
    kept for limits.nodes.min alone).
    """
    held = [(amount(c), c.nodes, c.row.candidate.offer.place) for c in solution.chosen if c.row.service == service]
    if any(capacity == 0 for capacity, _, _ in held):
        return 0
    total, survive = sum(capacity * nodes for capacity, nodes, _ in held), solution.survive
    lost, gone = 0, survive.nodes
    for capacity, nodes, _ in sorted(held, reverse=True):
        lost += capacity * min(nodes, gone)
        gone -= min(nodes, gone)
    for asked, parts in ((survive.provider, 1), (survive.region, 2)):  # a place is a provider and its region
        for name in {place[:parts] for _, _, place in held} if asked else ():
            lost = max(lost, sum(capacity * nodes for capacity, nodes, place in held if place[:parts] == name))
    firm = _held_up_by_firm(solution, service, amount)
    return total - lost if firm is None else min(total - lost, firm)


def _held_up_by_firm(solution: Solution, service: int, amount: Callable[[Chosen], int]) -> int | None:
    """Return the demand of which the nodes that are not spot carry their share; None where spot is not capped."""
    if solution.spot_share is None:
        return None
    firm = sum(amount(c) * c.nodes for c in solution.chosen if c.row.service == service and not c.row.is_spot)
    return math.floor(firm / (1 - solution.spot_share))


def amount_at(chosen: Chosen, tokens_per_s: float) -> int:
    """Return the demand that one node of a row carries at a speed."""
    option, offer = chosen.row.candidate.option, chosen.row.candidate.offer
    return option.replicas_on(offer) * option.speed.amount(tokens_per_s)


def _kept(solution: Solution, service: int, tokens_per_s: float) -> int:
    """Return the demand carried at a speed after the worst loss to survive."""
    return kept_by(solution, service, lambda chosen: amount_at(chosen, tokens_per_s))


def classes_at(chosen: Chosen, tokens_per_s: float) -> tuple[int, ...]:
    """Return what one node of a row carries of each class alone at a speed."""
    option, offer = chosen.row.candidate.option, chosen.row.candidate.offer
    if not isinstance(option.speed, RoutedSpeed):
        raise TypeError("classes are routed apart on nodes that know them apart")
    replicas = option.replicas_on(offer)
    return tuple(replicas * amount for amount in option.speed.amounts(tokens_per_s))


def split_at(solution: Solution, service: int, tokens_per_s: float) -> Split:
    """Split the classes of a service over its nodes at a speed, so that the fullest are filled least."""
    mine = solution.of(service)
    capacities = [classes_at(chosen, tokens_per_s) for chosen in mine]
    return least_utilisation(class_loads(solution.class_demands[service], capacities), [one.nodes for one in mine])


def filled_by_classes(
    solution: Solution, service: int, classes: Callable[[Chosen], tuple[int, ...]]
) -> Fraction | None:
    """Return how full the nodes are at most, after the worst loss to survive, by what one carries of each class alone.

    None when they cannot serve some class then, or when some node carries nothing.
    """
    mine, survive = solution.of(service), solution.survive
    capacities = [classes(chosen) for chosen in mine]
    if not all(any(node) for node in capacities):
        return None
    loads = class_loads(solution.class_demands[service], capacities)
    places = [chosen.row.candidate.offer.place for chosen in mine]
    groups = [[place[:parts] for place in places]
              for asked, parts in ((survive.provider, 1), (survive.region, 2)) if asked]
    fullest = Fraction(0)
    for loss in losses([one.nodes for one in mine], groups, survive.nodes):
        found = least_utilisation(loads, loss.counts).utilisation
        if found is None:
            return None
        fullest = max(fullest, found)
    return fullest


def _kept_by_classes(solution: Solution, service: int, tokens_per_s: float) -> bool:
    """Say whether nodes carry every class at a speed, after every loss to survive, and each carries some class."""
    found = filled_by_classes(solution, service, lambda chosen: classes_at(chosen, tokens_per_s))
    return found is not None and found <= 1


def _achieved_by_classes(solution: Solution, service: int) -> float:
    """Return the largest speed at which the nodes carry every class: halve the list of speeds at which less fits."""
    target = solution.targets[service]
    speeds = [chosen.row.candidate.option.speed for chosen in solution.of(service)]
    levels = sorted({level for one in speeds if isinstance(one, RoutedSpeed) for level in one.levels(target)})
    count = largest_holding(len(levels), lambda c: _kept_by_classes(solution, service, levels[c - 1]))
    return levels[count - 1] if count else target


def achieved_speed(solution: Solution, service: int, demand: int) -> float:
    """Return v*: the largest speed at which all nodes serve and carry a service's demand, losses included."""
    if solution.is_routed(service):
        return _achieved_by_classes(solution, service)
    options = [chosen.row.candidate.option.speed for chosen in solution.chosen if chosen.row.service == service]

    def next_level(tokens_per_s: float) -> float | None:
        levels = (option.next_speed(tokens_per_s) for option in options)
        return min((level for level in levels if level is not None), default=None)

    reached, step = solution.targets[service], 1.0
    while (level := next_level(reached)) is not None and _kept(solution, service, level) >= demand:
        reached = level
        while _kept(solution, service, reached * (1 + step)) >= demand:  # leap over levels, in ever smaller steps
            reached *= 1 + step
        step = max(step / 4, 1e-9)
    return reached


def solve(
    candidates: CandidateSet, limits: Limits, budget: int | None, settings: SolveSettings, trusting: bool = True
) -> Solution:
    """Find the proven cheapest plan; among equals the best known, of highest plan speed, fewest nodes, first by id.

    Args:
        trusting: whether evidence, bars and support come before speed among equals in cost.
    """
    clock = Clock(settings)
    targets, case = candidates.targets(), None
    if may_fall_apart(candidates, limits, settings):
        solution = solve_at(candidates, limits, targets, budget, settings, clock)
    else:
        case = _case_at(candidates, limits, targets, budget, settings)
        solution = _solve_case(case, targets, limits, settings, clock)
    if solution.status != "optimal" or solution.cost is None:
        return solution
    if settings.reduced and not (limits.contracts or any(solution.class_demands)):  # a discount brings nodes into reach
        case = case or _case_at(candidates, limits, targets, budget, settings)
        candidates = within_reach(candidates, case, solution.cost)
        if trusting:
            candidates, solution = best_known(candidates, solution, lambda kept: solve_at(
                kept, limits, kept.targets(), budget, settings, clock, in_order=False))
    for service, demand in enumerate(candidates.demands):
        if candidates.services[service].kind == "async" or not solution.targets[service]:
            continue
        solution = _fastest_at_this_cost(candidates, limits, budget, solution, service, demand.amount, settings, clock)
    return solution


def _fastest_at_this_cost(
    candidates: CandidateSet, limits: Limits, budget: int | None, solution: Solution, service: int, demand: int,
    settings: SolveSettings, clock: Clock,
) -> Solution:
    """Raise one service's speed as far as the cost stays the same."""
    while not clock.expired():
        reached = achieved_speed(solution, service, demand)
        targets = tuple(reached if i == service else target for i, target in enumerate(solution.targets))
        solution = replace(solution, targets=targets)
        above = math.nextafter(reached, math.inf)
        higher = tuple(above if i == service else target for i, target in enumerate(targets))
        better = solve_at(candidates, limits, higher, budget, settings, clock)
        if better.status != "optimal" or better.cost != solution.cost or better.idle_nodes > solution.idle_nodes:
            return solution
        solution = better
    return solution
