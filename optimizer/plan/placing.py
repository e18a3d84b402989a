"""Put what serves on the nodes that stand, situation by situation."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from optimizer.question.fillings import fillings
from optimizer.question.question import NOTHING, Host, Question, Situation
from optimizer.question.rules import is_chain
from optimizer.strategies.found import Effort
from optimizer.strategies.search import Found


@dataclass(frozen=True)
class Held:
    """Nodes of one supply that hold the same things in one situation."""

    supply: int
    nodes: int
    holds: tuple[tuple[int, int], ...]
    """(way, how many on each node)."""


@dataclass
class _Node:
    supply: int
    free: int
    holds: Counter[int]


def standing_nodes(found: Found, situation: Situation) -> dict[int, int]:
    """Return supply -> nodes that stand in a situation; of nodes alike the first are lost."""
    question, counts = found.question, defaultdict[int, int](int)
    for stay, count in found.chosen:
        if stay.covers(situation.period) and not situation.loss.takes(question.supplies[stay.supply]):
            counts[stay.supply] += count
    gone = Counter(situation.loss.nodes)
    for number in sorted(counts, key=lambda number: question.supplies[number].offer.offer_id):
        kind = (str(question.supplies[number].host), question.supplies[number].gpus)
        lost = min(counts[number], gone[kind])
        counts[number] -= lost
        gone[kind] -= lost
    return {number: count for number, count in counts.items() if count}


def placed(found: Found, situation: Situation) -> tuple[Held, ...]:
    """Put everything that serves in a situation on nodes, host by host.

    Raises:
        ValueError: it does not fit, which no answer may allow.
    """
    question, nodes = found.question, standing_nodes(found, situation)
    uses = {way: count for (where, way), count in found.uses.items() if where == situation and count}
    held: list[Held] = []
    for host in dict.fromkeys(question.supplies[number].host for number in nodes):
        mine = {number: count for number, count in nodes.items() if question.supplies[number].host == host}
        wanted = {way: count for way, count in uses.items() if question.ways[way].host == host}
        shared = any(question.ways[way].gpus for way in question.ways_of.get(host, ()))
        held += _packed(question, host, mine, wanted) if shared else _handed_out(question, situation, mine, wanted)
    return tuple(sorted(held, key=lambda one: (question.supplies[one.supply].offer.offer_id, one.supply, one.holds)))


def _handed_out(
    question: Question, situation: Situation, nodes: dict[int, int], wanted: dict[int, int]
) -> Iterator[Held]:
    """Give whole nodes to what serves on them, the rest to a service that asks for something, as spare capacity.

    Nodes that come and go stand only where they serve; those that stand all the time serve as well as they can.
    """
    order = sorted(nodes, key=lambda number: (question.supplies[number].offer.offer_id, number))
    free, left = dict(nodes), dict(sorted(wanted.items()))
    given: Counter[tuple[int, int]] = Counter()
    if situation.loss == NOTHING:
        spare = sum(free.values()) - sum(left.values())
        useful = [way for way in left if question.ways[way].service not in question.waiting]
        if spare > 0 and useful:
            left[useful[0]] += spare
    for way, count in left.items():
        for number in order:
            some = min(count, free[number])
            if some:
                given[number, way] += some
                free[number] -= some
                count -= some
        if count:
            raise ValueError("what serves exceeds the nodes that stand")
    for (number, way), count in given.items():
        yield Held(number, count, ((way, 1),))
    for number, count in free.items():
        if count:
            yield Held(number, count, ())


def _packed(
    question: Question, host: Host, nodes: dict[int, int], wanted: dict[int, int]
) -> Iterator[Held]:
    """Put replicas on single nodes: by falling size where sizes divide one another, else by patterns."""
    single = [
        _Node(number, question.supplies[number].gpus, Counter())
        for number in sorted(nodes, key=lambda number: (question.supplies[number].offer.offer_id, number))
        for _ in range(nodes[number])]
    sizes = sorted({question.ways[way].gpus for way in wanted})
    if is_chain(sizes):
        for way in sorted(wanted, key=lambda way: (-question.ways[way].gpus, way)):
            for _ in range(wanted[way]):
                _put(question, way, [node for node in single if node.free >= question.ways[way].gpus])
    else:
        _by_patterns(question, wanted, sizes, single)
    counted = Counter((node.supply, tuple(sorted(node.holds.items()))) for node in single)
    for (number, holds), count in counted.items():
        yield Held(number, count, holds)


def _put(question: Question, way: int, room: Sequence[_Node]) -> None:
    if not room:
        raise ValueError("no node has room for a replica")
    best = min(room, key=lambda node: node.free)
    best.free -= question.ways[way].gpus
    best.holds[way] += 1


def _by_patterns(question: Question, wanted: dict[int, int], sizes: list[int], nodes: list[_Node]) -> None:
    """Choose for every node how many replicas of each size it holds, then hand them out."""
    from optimizer.question.program import Program
    from optimizer.strategies.cp_sat import by_cp_sat

    kinds, program = Counter(node.free for node in nodes), Program([], [])
    columns = {(gpus, filled): program.column(kinds[gpus]) for gpus in sorted(kinds)
               for filled in fillings(gpus, tuple(sizes))}
    for gpus, count in kinds.items():
        program.row(((column, 1) for (size, _), column in columns.items() if size == gpus), most=count)
    waiting = {size: [way for way in sorted(wanted) if question.ways[way].gpus == size for _ in range(wanted[way])]
               for size in sizes}
    for place, size in enumerate(sizes):
        program.row(((column, filled[place]) for (_, filled), column in columns.items()), least=len(waiting[size]))
    found = by_cp_sat(program, Effort())
    if not found.values:
        raise ValueError("replicas do not fit on the nodes")
    chosen: dict[int, list[tuple[int, ...]]] = defaultdict(list)
    for (gpus, filled), column in columns.items():
        chosen[gpus] += [filled] * found.values[column]
    for node in nodes:
        pattern = chosen[node.free].pop() if chosen[node.free] else (0,) * len(sizes)
        for size, count in zip(sizes, pattern, strict=True):
            for way in waiting[size][:count]:
                node.free -= size
                node.holds[way] += 1
            waiting[size] = waiting[size][count:]
    if any(waiting.values()):
        raise ValueError("replicas do not fit on the nodes")
