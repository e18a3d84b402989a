"""The timetable as one CP-SAT model; every rule has its twin in `verify/timetable/`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field

from optimizer.formulation import CaseRow
from optimizer.formulation.case import firm_demand
from optimizer.formulation.cp_sat import CpModel, IntVar, LinearExpr, cp_model
from optimizer.timetable.case import TimeCase


@dataclass
class TimeVariables:
    """The decisions."""

    base: list[IntVar]
    """r: nodes of each standing offer."""
    use: list[list[IntVar | int]]
    """a: by row, by slot: nodes that run, or standing nodes that serve the row's service."""
    uses_gpu: dict[str, IntVar] = field(default_factory=dict)

    @classmethod
    def of(cls, cp: CpModel, case: TimeCase) -> TimeVariables:
        """Create the counts; standing nodes with a single way to be used are always in use."""
        base = [cp.new_int_var(0, one.most, "") for one in case.bases]
        use: list[list[IntVar | int]] = []
        for i, place in enumerate(case.base_of):
            if place is not None and len(case.bases[place].rows) == 1:
                use.append([base[place]] * len(case.slots))
            else:
                use.append([cp.new_int_var(0, most, "") if most else 0 for most in case.most[i]])
        return cls(base, use)


def _weighted(terms: Iterable[tuple[IntVar | int, int]]) -> LinearExpr:
    kept = [(one, weight) for one, weight in terms if not isinstance(one, int) and weight]
    return LinearExpr.weighted_sum([one for one, _ in kept], [weight for _, weight in kept])


def _there(case: TimeCase, x: TimeVariables, slot: int) -> LinearExpr:
    """Return how many nodes are there in a slot, standing ones included."""
    return _weighted([*((one, 1) for one in x.base), *((x.use[i][slot], 1) for i in case.elastic)])


def use_nodes_there(cp: CpModel, case: TimeCase, x: TimeVariables) -> None:
    """In each slot a standing node serves one service, and no more serve than stand."""
    for base, count in zip(case.bases, x.base, strict=True):
        if len(base.rows) > 1:
            for slot in range(len(case.slots)):
                cp.add(_weighted((x.use[i][slot], 1) for i in base.rows) <= count)


def meet_demand(cp: CpModel, case: TimeCase, x: TimeVariables) -> None:
    """In each slot every interactive service gets at least what it asks then."""
    for slot, asked in enumerate(case.slots):
        for service, demand in enumerate(asked.demand):
            if demand:
                cp.add(_weighted((x.use[i][slot], case.carries(i, slot)) for i in case.of_service(service)) >= demand)


def finish_work(cp: CpModel, case: TimeCase, x: TimeVariables) -> None:
    """The nodes of an async service get its work done within each window."""
    for work in case.works:
        mine = case.of_service(work.service)
        cp.add(_weighted(
            (x.use[i][slot], case.rows[i].capacity * seconds)
            for slot, seconds in enumerate(work.seconds) for i in mine) >= work.amount)


def respect_stock(cp: CpModel, case: TimeCase, x: TimeVariables) -> None:
    """No offer is used beyond its stock in any slot."""
    for pool, stock in enumerate(case.stock):
        stands = [count for base, count in zip(case.bases, x.base, strict=True) if base.pool == pool]
        comes = [i for i in case.elastic if case.rows[i].offer == pool]
        for slot in range(len(case.slots)) if stock is not None and (comes or len(stands) > 1) else ():
            cp.add(_weighted([*((one, 1) for one in stands), *((x.use[i][slot], 1) for i in comes)]) <= stock)


def total_cost(case: TimeCase, x: TimeVariables) -> LinearExpr:
    """Micro-dollars a cycle: standing nodes in every hour, the others in the hours they run."""
    return _weighted([
        *((count, base.price * case.hours) for base, count in zip(case.bases, x.base, strict=True)),
        *((x.use[i][slot], case.rows[i].price * asked.weight)
          for slot, asked in enumerate(case.slots) for i in case.elastic),
    ])


def node_hours(case: TimeCase, x: TimeVariables) -> LinearExpr:
    """Node-hours a cycle: the tie-break after cost."""
    return _weighted([
        *((count, case.hours) for count in x.base),
        *((x.use[i][slot], asked.weight) for slot, asked in enumerate(case.slots) for i in case.elastic),
    ])


def limit_nodes(cp: CpModel, case: TimeCase, x: TimeVariables) -> None:
    """In each slot at least the fewest and at most the most nodes allowed are there."""
    allowed = case.limits.nodes
    for slot in range(len(case.slots)) if allowed.min or allowed.max is not None else ():
        there = _there(case, x, slot)
        if allowed.min:
            cp.add(there >= allowed.min)
        if allowed.max is not None:
            cp.add(there <= allowed.max)


def hold_nodes(cp: CpModel, case: TimeCase, x: TimeVariables) -> None:
    """The nodes that are bought or committed already are there in every slot."""
    for offer_id, nodes in sorted(case.limits.at_least.items()):
        mine = [i for i, row in enumerate(case.rows) if row.offer_id == offer_id]
        place = case.base_of[mine[0]] if mine else None
        if place is not None:
            cp.add(x.base[place] >= nodes)
        else:
            for slot in range(len(case.slots)):
                cp.add(_weighted((x.use[i][slot], 1) for i in mine) >= nodes)


def _counts(case: TimeCase, x: TimeVariables, i: int) -> list[tuple[IntVar, int]]:
    """Return the counts that a row stands behind, each with its most."""
    place = case.base_of[i]
    if place is not None:
        return [(x.base[place], case.bases[place].most)]
    return [(one, most) for one, most in zip(x.use[i], case.most[i], strict=True) if not isinstance(one, int)]


def limit_gpu_types(cp: CpModel, case: TimeCase, x: TimeVariables) -> None:
    """At most K different GPU types are used over the whole cycle."""
    gpus = sorted({row.gpu for row in case.rows})
    if case.limits.max_gpu_types is None or case.limits.max_gpu_types >= len(gpus):
        return
    x.uses_gpu |= {gpu: cp.new_bool_var("") for gpu in gpus}
    for i, row in enumerate(case.rows):
        for count, most in _counts(case, x, i):
            cp.add(count <= most * x.uses_gpu[row.gpu])
    cp.add(sum(x.uses_gpu.values()) <= case.limits.max_gpu_types)


def choose_engines(cp: CpModel, case: TimeCase, x: TimeVariables) -> None:
    """One engine serves the whole fleet, or each GPU type, over the whole cycle."""
    policy = case.limits.engine_policy
    groups: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for i, row in enumerate(case.rows) if policy != "any" else ():
        groups[row.gpu if policy == "per_gpu" else ""][row.engine].append(i)
    for engines in groups.values():
        chosen = {engine: cp.new_bool_var("") for engine in engines}
        cp.add_exactly_one(chosen.values())
        for engine, mine in engines.items():
            for i in mine:
                for count in {id(one): one for one in x.use[i] if not isinstance(one, int)}.values():
                    most = max((*case.most[i], *((case.bases[b].most,) if (b := case.base_of[i]) is not None else ())))
                    cp.add(count <= most * chosen[engine])


def survive_node_loss(cp: CpModel, case: TimeCase, x: TimeVariables) -> None:
    """In each slot every service keeps its demand when any k of its nodes are lost, and async work its window.

    What is left is the most that sum min(C, t) x - k t reaches over the capacities t; one t is chosen in each slot.
    """
    lost = case.limits.survive.nodes
    for service, kind in enumerate(case.kinds) if lost else ():
        if kind == "async":
            _finish_after_losses(cp, case, x, service, lost)
            continue
        for slot, asked in enumerate(case.slots):
            if demand := asked.demand[service]:
                for level, held in _levels(cp, case, x, service, slot):
                    cp.add(held >= demand + lost * level[1]).only_enforce_if(level[0])


def _levels(
    cp: CpModel, case: TimeCase, x: TimeVariables, service: int, slot: int
) -> list[tuple[tuple[IntVar, int], LinearExpr]]:
    """Return ((whether a level is chosen, level), what is carried when no node counts more) for each level."""
    mine = case.of_service(service)
    levels = sorted({case.carries(i, slot) for i in mine})
    chosen = [cp.new_bool_var("") for _ in levels]
    cp.add_exactly_one(chosen)
    return [
        ((literal, level), _weighted((x.use[i][slot], min(case.carries(i, slot), level)) for i in mine))
        for level, literal in zip(levels, chosen, strict=True)
    ]


def _finish_after_losses(cp: CpModel, case: TimeCase, x: TimeVariables, service: int, lost: int) -> None:
    mine = case.of_service(service)
    kept: dict[int, IntVar] = {}
    for slot in {slot for work in case.works if work.service == service for slot, s in enumerate(work.seconds) if s}:
        most = sum(case.rows[i].capacity * max(case.most[i][slot], 0) for i in mine)
        kept[slot] = cp.new_int_var(0, max(most, 0), "")
        nothing = cp.new_bool_var("")
        cp.add(kept[slot] == 0).only_enforce_if(nothing)
        for (literal, level), held in _levels(cp, case, x, service, slot):
            cp.add(kept[slot] <= held - lost * level).only_enforce_if([literal, nothing.negated()])
    for work in case.works:
        if work.service == service:
            cp.add(_weighted((kept[slot], seconds) for slot, seconds in enumerate(work.seconds) if seconds)
                   >= work.amount)


def _survive_group_loss(
    cp: CpModel, case: TimeCase, x: TimeVariables, group: Callable[[CaseRow], Hashable]
) -> None:
    for service in range(len(case.kinds)):
        mine = case.of_service(service)
        for lost in sorted({group(case.rows[i]) for i in mine}, key=str):
            left = [i for i in mine if group(case.rows[i]) != lost]
            for slot, asked in enumerate(case.slots):
                if demand := asked.demand[service]:
                    cp.add(_weighted((x.use[i][slot], case.carries(i, slot)) for i in left) >= demand)
            for work in (work for work in case.works if work.service == service):
                cp.add(_weighted(
                    (x.use[i][slot], case.rows[i].capacity * seconds)
                    for slot, seconds in enumerate(work.seconds) for i in left) >= work.amount)


def survive_provider_loss(cp: CpModel, case: TimeCase, x: TimeVariables) -> None:
    """Demand and work are kept when any one provider is lost."""
    if case.limits.survive.provider:
        _survive_group_loss(cp, case, x, lambda row: row.provider)


def survive_region_loss(cp: CpModel, case: TimeCase, x: TimeVariables) -> None:
    """Demand and work are kept when any one region of a provider is lost."""
    if case.limits.survive.region:
        _survive_group_loss(cp, case, x, lambda row: row.place)


def cap_spot_share(cp: CpModel, case: TimeCase, x: TimeVariables) -> None:
    """The nodes of every service that are not spot carry 1 - share of its demand in each slot, and of its work."""
    if case.spot_share is None:
        return
    for service in range(len(case.kinds)):
        firm = [i for i in case.of_service(service) if not case.rows[i].is_spot]
        for slot, asked in enumerate(case.slots):
            if demand := asked.demand[service]:
                carried = _weighted((x.use[i][slot], case.carries(i, slot)) for i in firm)
                cp.add(carried >= firm_demand(demand, case.spot_share))
        for work in (work for work in case.works if work.service == service):
            done = _weighted(
                (x.use[i][slot], case.rows[i].capacity * seconds)
                for slot, seconds in enumerate(work.seconds) for i in firm)
            cp.add(done >= firm_demand(work.amount, case.spot_share))


def cap_power(cp: CpModel, case: TimeCase, x: TimeVariables) -> None:
    """Owned nodes together draw no more than the power cap at full load."""
    if case.watts is not None:
        cp.add(_weighted((count, base.watts) for base, count in zip(case.bases, x.base, strict=True)) <= case.watts)


TIME_RULES: tuple[Callable[[CpModel, TimeCase, TimeVariables], None], ...] = (
    use_nodes_there, meet_demand, finish_work, respect_stock, limit_nodes, hold_nodes, limit_gpu_types, choose_engines,
    survive_node_loss, survive_provider_loss, survive_region_loss,
    cap_spot_share, cap_power,
)
"""All of them; the budget is a bound of the objective, which the search adds."""


def time_model(case: TimeCase) -> tuple[CpModel, TimeVariables]:
    """Build variables and rules."""
    cp = cp_model.CpModel()
    x = TimeVariables.of(cp, case)
    for rule in TIME_RULES:
        rule(cp, case, x)
    return cp, x
