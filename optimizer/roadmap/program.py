"""A roadmap's rules as linear rows, one function each; every one has its twin in `verify/roadmap/rules.py`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field

from optimizer.roadmap.case import RoadmapCase, Supply


@dataclass(frozen=True)
class Row:
    """Least and most of a weighted sum of counts."""

    columns: tuple[int, ...]
    weights: tuple[int, ...]
    least: int | None = None
    most: int | None = None


Serves = tuple[tuple[int, ...], Hashable]
"""What nodes share that may take each other's work: what they carry, and where they are lost together."""


@dataclass
class Program:
    """min cost x, so that every row holds, 0 <= x <= most, whole x: first the stays, then who serves what."""

    costs: list[int]
    most: list[int]
    rows: list[Row] = field(default_factory=list)
    serving: dict[tuple[Serves, int, int], int] = field(default_factory=dict)
    """(kind of node, service, quarter) -> column: nodes that serve. With one service too: these few counts, in place of
    many stays, are what the demand's rows, their roundings and the search look at."""

    def column(self, most: int) -> int:
        """Add a count that costs nothing."""
        self.costs.append(0)
        self.most.append(most)
        return len(self.costs) - 1

    def row(self, terms: Iterable[tuple[int, int]], least: int | None = None, most: int | None = None) -> None:
        """Add a row of (column, weight)."""
        kept = [(column, weight) for column, weight in terms if weight]
        self.rows.append(Row(tuple(column for column, _ in kept), tuple(weight for _, weight in kept), least, most))


def serve_with_what_stands(case: RoadmapCase, program: Program) -> None:
    """In each quarter the nodes that serve, of all services together, are nodes that stand."""
    by_kind: dict[Serves, list[int]] = defaultdict(list)
    for column, stay in enumerate(case.stays):
        by_kind[serves_as(case, case.supplies[stay.supply])].append(column)
    for kind, columns in by_kind.items():
        for quarter in range(case.quarters):
            stand = [(column, -1) for column in columns if case.stays[column].covers(quarter)]
            serve = []
            for service, demand in enumerate(case.demand):
                if stand and kind[0][service]:
                    most = case.needed(demand[quarter], kind[0][service], service)
                    column = program.serving[kind, service, quarter] = program.column(most)
                    serve.append((column, 1))
            if serve:
                program.row([*serve, *stand], most=0)


def serves_as(case: RoadmapCase, supply: Supply) -> Serves:
    """Return the kind of node of a supply."""
    return supply.carries, case.lost_with(supply.offer)


def _carriers(case: RoadmapCase, program: Program, service: int, quarter: int) -> list[tuple[int, int, Hashable]]:
    """Return (column, what one node carries, where it is lost) of what may serve a service in a quarter."""
    asked = case.demand[service][quarter]
    return [
        (column, min(carries[service], asked), place)
        for ((carries, place), one, when), column in program.serving.items() if (one, when) == (service, quarter)
    ]


def meet_demand(case: RoadmapCase, program: Program) -> None:
    """Every service gets at least its demand in every quarter."""
    for service, demand in enumerate(case.demand):
        for quarter, asked in enumerate(demand):
            carriers = _carriers(case, program, service, quarter)
            program.row(((column, carried) for column, carried, _ in carriers), least=asked)


def respect_stock(case: RoadmapCase, program: Program) -> None:
    """Rented nodes stay within their stock in every quarter, bought ones in all; nodes there already are so many.

    The sites of an owned machine share its stock; a site may have a stock of its own beside it.
    """
    pools: dict[str, list[int]] = defaultdict(list)
    for column, stay in enumerate(case.stays):
        if case.supplies[stay.supply].stock is not None:
            pools[case.supplies[stay.supply].pool].append(column)
    for number, supply in enumerate(case.supplies):
        own = supply.offer.own_stock
        if own is not None and supply.stock is not None:
            program.row(((column, 1) for column, stay in enumerate(case.stays) if stay.supply == number), most=own)
    for columns in pools.values():
        first = case.supplies[case.stays[columns[0]].supply]
        if first.way in ("buy", "keep"):
            program.row(((column, 1) for column in columns), most=first.stock)
            continue
        for quarter in range(case.quarters):
            standing = [(column, 1) for column in columns if case.stays[column].covers(quarter)]
            if standing:
                program.row(standing, most=first.stock)


def cap_spending(case: RoadmapCase, program: Program) -> None:
    """Purchases, and rents with the running of own nodes, stay within the caps of each fiscal year."""
    for (kind, year), cents in case.caps.items():
        terms = [(column, case.spends(stay, kind, year)) for column, stay in enumerate(case.stays)]
        if sum(weight * program.most[column] for column, weight in terms) > cents:
            program.row(terms, most=cents)


def limit_nodes(case: RoadmapCase, program: Program) -> None:
    """In every quarter at least the fewest and at most the most nodes stand."""
    if not case.min_nodes and case.max_nodes is None:
        return
    for quarter in range(case.quarters):
        standing = ((column, 1) for column, stay in enumerate(case.stays) if stay.covers(quarter))
        program.row(standing, least=case.min_nodes or None, most=case.max_nodes)


def cap_power(case: RoadmapCase, program: Program) -> None:
    """In every quarter own nodes together draw no more than the cap at full load."""
    for quarter in range(case.quarters if case.watts is not None else 0):
        program.row(
            ((column, case.supplies[stay.supply].offer.watts) for column, stay in enumerate(case.stays)
             if stay.covers(quarter)), most=case.watts)


def limit_gpu_types(case: RoadmapCase, program: Program) -> None:
    """In every quarter nodes of at most K different GPU types stand."""
    gpus: dict[str, list[int]] = defaultdict(list)
    for column, stay in enumerate(case.stays):
        gpus[case.supplies[stay.supply].offer.gpu_id].append(column)
    if case.max_gpu_types is None or case.max_gpu_types >= len(gpus):
        return
    for quarter in range(case.quarters):
        used = []
        for columns in gpus.values():
            standing = [column for column in columns if case.stays[column].covers(quarter)]
            used.append(program.column(1))
            for column in standing:
                program.row([(column, 1), (used[-1], -program.most[column])], most=0)
        program.row(((column, 1) for column in used), most=case.max_gpu_types)


def survive_node_loss(case: RoadmapCase, program: Program) -> None:
    """In every quarter every service keeps its demand when any k of its nodes are lost.

    As in `formulation.constraints`: for one t among what nodes carry, sum min(C, t) x >= D + k t. Whatever t is, at
    least D / (the largest C) nodes are left, which lifts the relaxation.
    """
    for service, demand in enumerate(case.demand if case.lose_nodes else ()):
        for quarter, asked in enumerate(demand):
            carriers = _carriers(case, program, service, quarter)
            picks, levels = [], sorted({carried for _, carried, _ in carriers})
            if not levels:
                continue  # the row of the demand says so
            fewest = -(-asked // levels[-1]) + case.lose_nodes
            program.row(((column, 1) for column, _, _ in carriers), least=fewest)
            program.row(
                ((column, carried) for column, carried, _ in carriers), least=asked + case.lose_nodes * levels[0])
            for level in levels:
                picks.append(program.column(1))
                terms = [(column, min(carried, level)) for column, carried, _ in carriers]
                program.row([*terms, (picks[-1], -(asked + case.lose_nodes * level))], least=0)
            program.row(((column, 1) for column in picks), least=1)


def survive_group_loss(case: RoadmapCase, program: Program) -> None:
    """In every quarter every service keeps its demand when any one provider, or region of one, or site is lost."""
    for service, demand in enumerate(case.demand if case.lose_group != "none" else ()):
        for quarter, asked in enumerate(demand):
            carriers = _carriers(case, program, service, quarter)
            for lost in sorted({place for _, _, place in carriers}, key=str):
                program.row(((column, carried) for column, carried, place in carriers if place != lost), least=asked)


ROADMAP_RULES: tuple[Callable[[RoadmapCase, Program], None], ...] = (
    serve_with_what_stands, meet_demand, respect_stock, cap_spending, limit_nodes, cap_power, limit_gpu_types,
    survive_node_loss, survive_group_loss,
)
"""All of them; the first adds the columns that others use."""


def program_of(case: RoadmapCase) -> Program:
    """State a case as linear rows."""
    program = Program([stay.cost for stay in case.stays], [stay.most for stay in case.stays])
    for rule in ROADMAP_RULES:
        rule(case, program)
    return program


def cost_of(program: Program, counts: Iterable[int]) -> int:
    """Return what counts cost in cents."""
    return sum(cost * count for cost, count in zip(program.costs, counts, strict=True))


def is_kept(program: Program, counts: list[int]) -> bool:
    """Say whether counts keep every row."""
    for row in program.rows:
        total = sum(weight * counts[column] for column, weight in zip(row.columns, row.weights, strict=True))
        if (row.least is not None and total < row.least) or (row.most is not None and total > row.most):
            return False
    return all(0 <= count <= most for count, most in zip(counts, program.most, strict=True))
