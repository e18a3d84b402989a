"""The rules of the formulation, one function each; every one has its twin in `verify/rules.py`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from optimizer.costs.contracts import Bill
from optimizer.formulation.case import Case, CaseRow, firm_demand, scale_of
from optimizer.formulation.cp_sat import CpModel, IntVar, LinearExpr
from optimizer.formulation.objectives import total_cost
from optimizer.formulation.variables import Variables
from optimizer.traffic.class_split import ClassCut, TooFew

Scope = Literal["all", "provider", "region", "gpu", "engine", "firm", "none"]
"""Within what an offer may replace another that is no cheaper and carries no more."""


def _weighted(x: Variables, indices: Iterable[int], weights: Iterable[int]) -> LinearExpr:
    return LinearExpr.weighted_sum([x.nodes[i] for i in indices], list(weights))


def meet_demand(cp: CpModel, case: Case, x: Variables) -> None:
    """Every service whose classes share all nodes gets at least its demand."""
    for service, demand in enumerate(case.demand):
        if case.is_routed(service):
            continue
        mine = [i for i, row in enumerate(case.rows) if row.service == service]
        cp.add(_weighted(x, mine, [case.rows[i].capacity for i in mine]) >= demand)


def split_classes(cp: CpModel, case: Case, x: Variables) -> None:
    """Nodes carry every request class that is routed apart, after the losses to survive too, as far as cuts say so.

    The split itself is continuous and has no variables here: sum_i w_i x_i >= r holds for all nodes that carry the
    classes, and nodes that do not carry them although they keep all cuts give one more cut (`solve.prove`). After the
    loss of any k nodes: for some t among the weights sum min(w, t) x >= r + k t, as in `survive_node_loss`.
    """
    for service in case.routed:
        mine = [x.nodes[i] for i in service.rows]
        for cut in service.cuts:
            if isinstance(cut, TooFew):
                more_than(cp, mine, cut.counts)
            elif cut.lose_nodes:
                _cut_after_loss(cp, mine, cut)
            else:
                cp.add(LinearExpr.weighted_sum(mine, list(cut.weights)) >= cut.least)


def more_than(cp: CpModel, nodes: Sequence[IntVar], counts: Sequence[int]) -> None:
    """Of some kind of node there are more than so many: these counts, and all that are no larger, are ruled out."""
    ways = [cp.new_bool_var("") for _ in nodes]
    for variable, count, more in zip(nodes, counts, ways, strict=True):
        cp.add(variable >= count + 1).only_enforce_if(more)
    cp.add_bool_or(ways)


def _cut_after_loss(cp: CpModel, nodes: Sequence[IntVar], cut: ClassCut) -> None:
    levels = sorted({weight for weight in cut.weights if weight})
    chosen = [cp.new_bool_var("") for _ in levels]
    cp.add_exactly_one(chosen)
    for level, literal in zip(levels, chosen, strict=True):
        held = LinearExpr.weighted_sum(list(nodes), [min(weight, level) for weight in cut.weights])
        cp.add(held >= cut.least + cut.lose_nodes * level).only_enforce_if(literal)


def respect_stock(cp: CpModel, case: Case, x: Variables) -> None:
    """No offer is used beyond its stock, nor a site of a machine beyond its own, all services together."""
    groups: dict[tuple[Hashable, int | None], list[int]] = defaultdict(list)
    for i, row in enumerate(case.rows):
        groups[row.offer, case.stock[row.offer]].append(i)
        if row.own_stock is not None:
            groups[row.offer_id, row.own_stock].append(i)
    for (_, stock), mine in groups.items():
        if stock is not None and (len(mine) > 1 or case.rows[mine[0]].most > stock):
            cp.add(_weighted(x, mine, [1] * len(mine)) <= stock)


def pay_contracts(cp: CpModel, case: Case, x: Variables) -> None:
    """A provider with a contract bills max(minimum, spend less volume tiers) + fee.

    With spend S: b >= minimum + fee if used or signed, and L (b - fee) >= L a_k S + L c_k for one tier k of slope a_k
    and constant c_k, L making them whole. What tiers leave of S is concave, so the least of these lines is the bill; b
    is minimised, so it ends there, rounded up.
    """
    for bill in case.bills:
        mine = [i for i, row in enumerate(case.rows) if row.provider == bill.provider]
        most = sum(case.rows[i].price * case.rows[i].most for i in mine)
        billed = cp.new_int_var(0, max(most, bill.minimum) + bill.fee, "")
        x.billed[bill.provider] = billed
        used = cp.new_bool_var("")
        for i in mine:
            cp.add(x.nodes[i] <= case.rows[i].most * used)
        if bill.signed:
            cp.add(used == 1)
        cp.add(billed >= bill.minimum + bill.fee).only_enforce_if(used)
        spend = _weighted(x, mine, [case.rows[i].price for i in mine])
        _follow_tiers(cp, bill.within(most), billed - bill.fee * used, spend)


def _follow_tiers(cp: CpModel, bill: Bill, billed: LinearExpr, spend: LinearExpr) -> None:
    """A bill is no less than one of the lines of its tiers."""
    scale, chosen = scale_of(bill), []
    for _, slope, constant in bill.pieces():
        chosen.append(cp.new_bool_var(""))
        least = int(slope * scale) * spend + int(constant * scale)
        cp.add(scale * billed >= least).only_enforce_if(chosen[-1])
    cp.add_exactly_one(chosen)


def keep_budget(cp: CpModel, case: Case, x: Variables) -> None:
    """All nodes together cost no more than the budget."""
    if case.budget is not None and case.budget < case.cost_bound:  # larger ones bind nothing, and may exceed 63 bits
        cp.add(total_cost(case, x) <= case.budget)


def limit_nodes(cp: CpModel, case: Case, x: Variables) -> None:
    """The plan has at least the fewest and at most the most nodes allowed."""
    total = _weighted(x, range(len(case.rows)), [1] * len(case.rows))
    if case.min_nodes:
        cp.add(total >= case.min_nodes)
    if case.max_nodes is not None:
        cp.add(total <= case.max_nodes)


def hold_nodes(cp: CpModel, case: Case, x: Variables) -> None:
    """The plan holds the nodes that are bought or committed already, idle where no service can use them."""
    for offer_id, nodes in case.at_least:
        mine = [i for i, row in enumerate(case.rows) if row.offer_id == offer_id]
        if mine:
            cp.add(_weighted(x, mine, [1] * len(mine)) >= nodes)
        else:
            cp.add_bool_or([])  # no such node can be had: infeasible


def limit_gpu_types(cp: CpModel, case: Case, x: Variables) -> None:
    """At most K different GPU types are used."""
    gpus = sorted({row.gpu for row in case.rows})
    if case.max_gpu_types is None or case.max_gpu_types >= len(gpus):
        return
    for gpu in gpus:
        x.uses_gpu[gpu] = cp.new_bool_var("")
    for i, row in enumerate(case.rows):
        cp.add(x.nodes[i] <= row.most * x.uses_gpu[row.gpu])
    cp.add(sum(x.uses_gpu.values()) <= case.max_gpu_types)


def choose_engines(cp: CpModel, case: Case, x: Variables) -> None:
    """One engine serves the whole fleet, or each GPU type."""
    if case.engine_policy == "any":
        return
    rows_of: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for i, row in enumerate(case.rows):
        if not row.is_idle:
            rows_of[row.gpu if case.engine_policy == "per_gpu" else ""][row.engine].append(i)
    for engines in rows_of.values():
        if len(engines) < 2:
            continue
        chosen = {engine: cp.new_bool_var("") for engine in engines}
        cp.add_exactly_one(chosen.values())
        for engine, mine in engines.items():
            for i in mine:
                cp.add(x.nodes[i] <= case.rows[i].most * chosen[engine])


def survive_node_loss(cp: CpModel, case: Case, x: Variables) -> None:
    """Every service keeps its demand when any k of its nodes are lost.

    The k largest nodes may go if, for some t among the capacities, sum min(C, t) x >= D + k t: the k lost count t
    each at most. One t is chosen for each service.
    """
    if case.lose_nodes == 0:
        return
    for service, demand in enumerate(case.demand):
        if case.is_routed(service):
            continue
        mine = [i for i, row in enumerate(case.rows) if row.service == service]
        levels = sorted({case.rows[i].capacity for i in mine})
        chosen = [cp.new_bool_var("") for _ in levels]
        cp.add_exactly_one(chosen)
        for level, literal in zip(levels, chosen, strict=True):
            held = _weighted(x, mine, [min(case.rows[i].capacity, level) for i in mine])
            cp.add(held >= demand + case.lose_nodes * level).only_enforce_if(literal)


def _survive_group_loss(cp: CpModel, case: Case, x: Variables, group: Callable[[CaseRow], Hashable]) -> None:
    for service, demand in enumerate(case.demand):
        if case.is_routed(service):
            continue
        mine = [i for i, row in enumerate(case.rows) if row.service == service]
        for lost in sorted({group(case.rows[i]) for i in mine}, key=str):
            left = [i for i in mine if group(case.rows[i]) != lost]
            cp.add(_weighted(x, left, [case.rows[i].capacity for i in left]) >= demand)


def survive_provider_loss(cp: CpModel, case: Case, x: Variables) -> None:
    """Every service keeps its demand when any one provider is lost."""
    if case.lose_provider:
        _survive_group_loss(cp, case, x, lambda row: row.provider)


def survive_region_loss(cp: CpModel, case: Case, x: Variables) -> None:
    """Every service keeps its demand when any one region of a provider is lost."""
    if case.lose_region:
        _survive_group_loss(cp, case, x, lambda row: row.place)


def cap_spot_share(cp: CpModel, case: Case, x: Variables) -> None:
    """The nodes of every service that are not spot carry at least 1 - share of its demand."""
    if case.spot_share is None:
        return
    for service, demand in enumerate(case.demand):
        firm = [i for i, row in enumerate(case.rows) if row.service == service and not row.is_spot]
        cp.add(_weighted(x, firm, [case.rows[i].capacity for i in firm]) >= firm_demand(demand, case.spot_share))


def cap_power(cp: CpModel, case: Case, x: Variables) -> None:
    """Owned nodes together draw no more than the power cap at full load."""
    if case.watts is not None:
        cp.add(_weighted(x, range(len(case.rows)), [row.watts for row in case.rows]) <= case.watts)


@dataclass(frozen=True)
class Rule:
    """A rule, when it is in force, and which reductions stay exact under it."""

    apply: Callable[[CpModel, Case, Variables], None]
    active: Callable[[Case], bool]
    dominance: Scope
    """Scope within which dominated offers may be dropped."""

    @property
    def name(self) -> str:
        """The rule's name, shared with its twin `check_<name>`."""
        return self.apply.__name__


CONSTRAINTS: tuple[Rule, ...] = (
    Rule(meet_demand, lambda case: True, "all"),
    Rule(split_classes, lambda case: bool(case.class_demands), "all"),
    Rule(respect_stock, lambda case: any(stock is not None for stock in case.stock), "all"),
    Rule(pay_contracts, lambda case: bool(case.bills), "provider"),
    Rule(keep_budget, lambda case: case.budget is not None, "all"),
    Rule(limit_nodes, lambda case: case.min_nodes > 0 or case.max_nodes is not None, "all"),
    Rule(hold_nodes, lambda case: bool(case.at_least), "all"),
    Rule(limit_gpu_types, lambda case: case.max_gpu_types is not None, "gpu"),
    Rule(choose_engines, lambda case: case.engine_policy != "any", "engine"),
    Rule(survive_node_loss, lambda case: case.lose_nodes > 0, "all"),
    Rule(survive_provider_loss, lambda case: case.lose_provider, "provider"),
    Rule(survive_region_loss, lambda case: case.lose_region, "region"),
    Rule(cap_spot_share, lambda case: case.spot_share is not None, "firm"),
    Rule(cap_power, lambda case: case.watts is not None, "none"),
)
