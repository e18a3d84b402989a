"""Put replicas on single nodes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from optimizer.fleet.case import FleetCase, is_chain
from optimizer.fleet.solution import Placement
from optimizer.formulation.cp_sat import cp_model
from optimizer.question.fillings import fillings
from optimizer.solve.solver import cp_solver


@dataclass(frozen=True, order=True)
class Layout:
    """Nodes of one offer that hold the same replicas."""

    supply: int
    replicas: tuple[tuple[int, int], ...]
    """(item, how many)."""
    nodes: int


@dataclass
class _Node:
    supply: int
    free: int
    holds: Counter[int]


def layouts_of(case: FleetCase, placement: Placement) -> tuple[Layout, ...]:
    """Put every replica on a node, the largest first, where it leaves the least room.

    Raises:
        ValueError: they do not fit, which no solution may allow.
    """
    nodes: list[_Node] = []
    for group in case.groups:
        mine = [
            _Node(i, case.supplies[i].gpus, Counter())
            for i in case.supplies_of[group] for _ in range(placement.nodes[i])]
        items = [i for i in case.by_group[group] if placement.replicas[i]]
        if is_chain(case.sizes(group)):
            _largest_first(case, placement, items, mine)
        else:
            _by_filling(case, placement, items, mine)
        nodes += mine
    counted = Counter((node.supply, tuple(sorted(node.holds.items()))) for node in nodes)
    return tuple(sorted(Layout(supply, holds, count) for (supply, holds), count in counted.items()))


def _largest_first(case: FleetCase, placement: Placement, items: Sequence[int], nodes: Sequence[_Node]) -> None:
    """Place by falling size; where sizes divide one another this never fails."""
    for i in sorted(items, key=lambda i: (-case.items[i].gpus, i)):
        for _ in range(placement.replicas[i]):
            size = case.items[i].gpus
            room = [node for node in nodes if node.free >= size]
            if not room:
                raise ValueError(f"no node has room for {case.names[case.items[i].service]}")
            best = min(room, key=lambda node: node.free)
            best.free -= size
            best.holds[i] += 1


def _by_filling(case: FleetCase, placement: Placement, items: Sequence[int], nodes: Sequence[_Node]) -> None:
    """Choose for every node how many replicas of each size it holds, then hand them out."""
    sizes = sorted({case.items[i].gpus for i in items})
    waiting = {size: [i for i in items if case.items[i].gpus == size for _ in range(placement.replicas[i])]
               for size in sizes}
    kinds = Counter(node.free for node in nodes)
    ways = _chosen_ways(kinds, {size: len(waiting[size]) for size in sizes})
    for node in nodes:
        for size, count in zip(sizes, ways[node.free].pop(), strict=True):
            for i in waiting[size][:count]:
                node.free -= size
                node.holds[i] += 1
            waiting[size] = waiting[size][count:]
    if any(waiting.values()):
        raise ValueError("replicas do not fit on the nodes")


def _chosen_ways(kinds: Counter[int], replicas: dict[int, int]) -> dict[int, list[tuple[int, ...]]]:
    """Return, for nodes of so many GPUs, the filling of each, so that all replicas by size have room."""
    sizes = tuple(sorted(replicas))
    cp = cp_model.CpModel()
    ways = {gpus: fillings(gpus, sizes) for gpus in kinds}
    chosen = {(gpus, way): cp.new_int_var(0, kinds[gpus], "") for gpus, found in ways.items() for way in found}
    for gpus, count in kinds.items():
        cp.add(sum(chosen[gpus, way] for way in ways[gpus]) <= count)
    for position, size in enumerate(sizes):
        cp.add(sum(way[position] * chosen[gpus, way] for gpus, way in chosen) >= replicas[size])
    solver = cp_solver(presolve=True)
    if solver.solve(cp) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        raise ValueError("replicas do not fit on the nodes")
    empty = (0,) * len(sizes)
    found: dict[int, list[tuple[int, ...]]] = defaultdict(list)
    for gpus, count in kinds.items():
        for way in ways[gpus]:
            found[gpus] += [way] * solver.value(chosen[gpus, way])
        found[gpus] = [empty] * (count - len(found[gpus])) + found[gpus]
    return found
