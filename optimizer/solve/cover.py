"""An exact search for cases of one covering row: what CP-SAT proves, found faster where only a few rows are left.

Branch and bound over node counts, rows in rising price for what they carry. No plan below a branch costs less than what
is spent plus the rest of the demand at the price of the next row (the LP bound), so a branch that cannot get below the
best plan, nor equal it, is left. What the search leaves is proven; it gives up where it would take long.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from optimizer.formulation import Case, CaseRow

MOST_BRANCHES = 4000
"""Branches looked at before CP-SAT takes over: some ten milliseconds."""

MOST_ROWS = 64


Rank = tuple[int, int, tuple[int, ...]]
"""(cost, nodes, -counts in the order of the tie-break): less is better."""


@dataclass
class _Search:
    """The state of one search."""

    case: Case
    rows: list[CaseRow]
    """In rising price for what they carry."""
    order: list[int]
    """Position of each row in the order of the last tie-break."""
    largest: list[int]
    """Largest capacity from each row on."""
    counts: list[int]
    best: Rank | None = None
    branches: int = 0
    used: dict[str, int] = field(default_factory=dict)
    """Nodes by GPU type."""

    def limit(self) -> float:
        """Return the most that a plan may cost to be of interest."""
        cap = float("inf") if self.case.budget is None else self.case.budget
        return cap if self.best is None else min(cap, self.best[0])

    def descend(self, depth: int, left: int, cost: int, nodes: int, watts: int) -> bool:
        """Try every number of nodes of a row; false when the search gives up."""
        self.branches += 1
        if self.branches > MOST_BRANCHES:
            return False
        if left <= 0:
            self._note(cost, nodes)
            return True
        if depth == len(self.rows) or not self._worth(depth, left, cost, nodes):
            return True
        row, case = self.rows[depth], self.case
        free = row.most - self.counts[depth]
        most = min(free, -(-left // row.capacity))
        if case.max_nodes is not None:
            most = min(most, case.max_nodes - nodes)
        if case.watts is not None and row.watts:
            most = min(most, (case.watts - watts) // row.watts)
        if not self._may_use(row):
            most = 0
        for count in range(most, -1, -1):
            self._take(depth, row, count)
            done = self.descend(
                depth + 1, left - count * row.capacity, cost + count * row.price, nodes + count,
                watts + count * row.watts,
            )
            self._take(depth, row, -count)
            if not done:
                return False
        return True

    def _worth(self, depth: int, left: int, cost: int, nodes: int) -> bool:
        """Say whether some plan below may be as good as the best one."""
        row = self.rows[depth]
        if cost + -(-left * row.price // row.capacity) > self.limit():
            return False
        return self.case.max_nodes is None or nodes + -(-left // self.largest[depth]) <= self.case.max_nodes

    def _may_use(self, row: CaseRow) -> bool:
        most = self.case.max_gpu_types
        return most is None or bool(self.used.get(row.gpu)) or sum(1 for count in self.used.values() if count) < most

    def _take(self, depth: int, row: CaseRow, count: int) -> None:
        self.counts[depth] += count
        if count:
            self.used[row.gpu] = self.used.get(row.gpu, 0) + count

    def _note(self, cost: int, nodes: int) -> None:
        if cost > self.limit():
            return
        ranked = [0] * len(self.counts)
        for position, count in zip(self.order, self.counts, strict=True):
            ranked[position] = -count
        found = (cost, nodes, tuple(ranked))
        if self.best is None or found < self.best:
            self.best = found


def is_one_cover(case: Case) -> bool:
    """Say whether a case is one covering row with rules that the search knows."""
    if case.class_demands or any(row.is_idle for row in case.rows):
        return False
    if len(case.demand) != 1 or case.min_nodes > 1 or len(case.rows) > MOST_ROWS or case.engine_policy == "per_gpu":
        return False
    if case.spot_share is not None or case.bills:
        return False
    if case.lose_provider or case.lose_region or (case.lose_nodes and case.at_least):
        return False
    if case.engine_policy == "fleet" and case.at_least:
        return False
    contested = [(row.engine, row.offer) for row in case.rows if case.stock[row.offer] is not None]
    distinct = {(row.engine if case.engine_policy == "fleet" else "", row.offer_id) for row in case.rows}
    return len(distinct) == len(case.rows) and len(set(contested)) == len(contested)


@dataclass(frozen=True)
class Cover:
    """Nodes of each row of the best plan, in the case's order; None when there is proven to be no plan."""

    counts: tuple[int, ...] | None


def _parts(case: Case) -> Iterator[Case]:
    """Yield simpler cases whose best plan is the case's own.

    One engine for the fleet: the rows of each engine alone. k nodes may be lost: a plan keeps its demand if for some t
    among the capacities sum min(C, t) x >= D + k t, so one cover for each t.
    """
    engines = sorted({row.engine for row in case.rows}) if case.engine_policy == "fleet" else [""]
    for engine in engines:
        rows = tuple(row for row in case.rows if engine in ("", row.engine))
        of_engine = replace(case, rows=rows, engine_policy="any", lose_nodes=0)
        if not case.lose_nodes:
            yield of_engine
            continue
        for level in sorted({row.capacity for row in rows}):
            clipped = tuple(replace(row, capacity=min(row.capacity, level)) for row in rows)
            yield replace(of_engine, rows=clipped, demand=(case.demand[0] + case.lose_nodes * level,))


def cheapest_cover(case: Case) -> Cover | None:
    """Return the plan of least cost, then fewest nodes, then first offers by id; None when the search gives up.

    Args:
        case: reduced or not; `is_one_cover` holds for it.
    """
    ranks = [row.rank for row in case.rows]
    best: Rank | None = None
    counts: dict[tuple[object, ...], int] = {}
    for part in _parts(case):
        found = _cover_of(part if best is None else replace(part, budget=best[0]))
        if found is None:
            return None
        if found.counts is None:
            continue
        mine = dict(zip((row.rank for row in part.rows), found.counts, strict=True))
        cost = sum(row.price * count for row, count in zip(part.rows, found.counts, strict=True))
        rank = (cost, sum(found.counts), tuple(-mine.get(name, 0) for name in sorted(ranks)))
        if best is None or rank < best:
            best, counts = rank, mine
    return Cover(None if best is None else tuple(counts.get(name, 0) for name in ranks))


def _cover_of(case: Case) -> Cover | None:
    """Search a case without losses."""
    held = dict(case.at_least)
    if held.keys() - {row.offer_id for row in case.rows}:
        return Cover(None)
    order = sorted(range(len(case.rows)), key=lambda i: case.rows[i].price / case.rows[i].capacity)
    rows = [case.rows[i] for i in order]
    largest, most = [0] * len(rows), 0
    for depth in range(len(rows) - 1, -1, -1):
        most = largest[depth] = max(most, rows[depth].capacity)
    ranks = sorted(range(len(case.rows)), key=lambda i: case.rows[i].rank)
    position = {i: place for place, i in enumerate(ranks)}
    counts = [held.get(row.offer_id, 0) for row in rows]
    search = _Search(case, rows, [position[i] for i in order], largest, counts)
    if any(count > row.most for count, row in zip(counts, rows, strict=True)):
        return Cover(None)
    for row, count in zip(rows, counts, strict=True):
        search.used[row.gpu] = search.used.get(row.gpu, 0) + count
    start = [
        sum(count * value for count, value in zip(counts, values, strict=True))
        for values in ([r.capacity for r in rows], [r.price for r in rows], [1] * len(rows), [r.watts for r in rows])
    ]
    if _broken(case, search, start):
        return Cover(None)
    if not search.descend(0, case.demand[0] - start[0], start[1], start[2], start[3]):
        return None
    if search.best is None:
        return Cover(None)
    ranked = search.best[2]
    return Cover(tuple(-ranked[position[i]] for i in range(len(case.rows))))


def _broken(case: Case, search: _Search, start: list[int]) -> bool:
    """Say whether the nodes that must be held break a rule by themselves."""
    _, cost, nodes, watts = start
    types = sum(1 for count in search.used.values() if count)
    return (
        cost > search.limit()
        or (case.max_nodes is not None and nodes > case.max_nodes)
        or (case.watts is not None and watts > case.watts)
        or (case.max_gpu_types is not None and types > case.max_gpu_types)
    )
