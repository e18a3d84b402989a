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


@dataclass
class Program:
    """min cost x, so that every row holds, 0 <= x <= most, whole x: first the stays, then who serves what."""

    costs: list[int]
    most: list[int]
    rows: list[Row] = field(default_factory=list)
    serving: dict[tuple[tuple[int, ...], int, int], int] = field(default_factory=dict)
    """(what a node carries, service, quarter) -> column: nodes that serve; only with several services."""

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
    if len(case.demand) == 1:
        return
    kinds = sorted({supply.carries for supply in case.supplies if any(supply.carries)})
    for carries in kinds:
        for quarter in range(case.quarters):
            stand = [
                (column, 1) for column, stay in enumerate(case.stays)
                if stay.covers(quarter) and case.supplies[stay.supply].carries == carries
            ]
            if not stand:
                continue
            serve = []
            for service, demand in enumerate(case.demand):
                if carries[service]:
                    column = program.column(-(-demand[quarter] // carries[service]))
                    program.serving[carries, service, quarter] = column
                    serve.append((column, 1))
            program.row([*serve, *((column, -1) for column, _ in stand)], most=0)


def _carried(
    case: RoadmapCase, program: Program, service: int, quarter: int, counts: Callable[[Supply], bool]
) -> list[tuple[int, int]]:
    """Return (column, demand carried) of the nodes of some supplies for a service in a quarter."""
    return [
        (column, case.clipped(stay.supply, service, quarter)) for column, stay in enumerate(case.stays)
        if stay.covers(quarter) and counts(case.supplies[stay.supply])
    ]


def meet_demand(case: RoadmapCase, program: Program) -> None:
    """Every service gets at least its demand in every quarter."""
    for service, demand in enumerate(case.demand):
        for quarter, asked in enumerate(demand):
            if len(case.demand) == 1:
                terms = _carried(case, program, service, quarter, lambda supply: True)
            else:
                terms = [
                    (column, min(carries[service], asked))
                    for (carries, one, when), column in program.serving.items() if (one, when) == (service, quarter)
                ]
            program.row(terms, least=asked)


def respect_stock(case: RoadmapCase, program: Program) -> None:
    """Rented nodes stay within their stock in every quarter, bought ones in all; nodes there already are so many.

    The sites of an owned machine share its stock.
    """
    pools: dict[str, list[int]] = defaultdict(list)
    for column, stay in enumerate(case.stays):
        if case.supplies[stay.supply].stock is not None:
            pools[case.supplies[stay.supply].pool].append(column)
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


def _survive_loss(case: RoadmapCase, program: Program, group: Callable[[Supply], Hashable]) -> None:
    for service, demand in enumerate(case.demand):
        for quarter, asked in enumerate(demand):
            for lost in sorted({group(supply) for supply in case.supplies}, key=str):
                terms = _carried(
                    case, program, service, quarter, lambda supply, lost=lost: group(supply) != lost  # type: ignore[misc]
                )
                program.row(terms, least=asked)


def survive_provider_loss(case: RoadmapCase, program: Program) -> None:
    """In every quarter the service keeps its demand when any one provider is lost."""
    if case.lose_provider:
        _survive_loss(case, program, lambda supply: supply.offer.provider)


def survive_region_loss(case: RoadmapCase, program: Program) -> None:
    """In every quarter the service keeps its demand when any one region of a provider, or site, is lost."""
    if case.lose_region:
        _survive_loss(case, program, lambda supply: supply.offer.place)


ROADMAP_RULES: tuple[Callable[[RoadmapCase, Program], None], ...] = (
    serve_with_what_stands, meet_demand, respect_stock, cap_spending, limit_nodes, cap_power, survive_provider_loss,
    survive_region_loss,
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
