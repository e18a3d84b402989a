"""Whether nodes of one service keep the rules that the staircases leave out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from optimizer.question.question import Question, Supply


def keeps_rules(question: Question, nodes: Sequence[int]) -> bool:
    """Say whether nodes, by stay, that meet demand, stock, held nodes and lost nodes keep every other rule.

    Each supply has one way to be used, all nodes serve the one service, and the budget is looked at elsewhere.
    """
    by_period = _standing(question, nodes)
    groups = by_period if question.types_by_period else [{number: 1 for here in by_period for number in here}]
    return (all(_counted(question, here) for here in by_period)
            and all(_few_types(question, here) for here in groups)
            and _one_engine(question, {number for here in by_period for number in here})
            and all(_carried(question, here, period) for period, here in enumerate(by_period)))


def _standing(question: Question, nodes: Sequence[int]) -> list[dict[int, int]]:
    """Return supply -> nodes that stand, period by period."""
    found: list[dict[int, int]] = [defaultdict(int) for _ in question.periods]
    for stay, count in zip(question.stays, nodes, strict=True):
        for period in range(stay.first, stay.last) if count else ():
            found[period][stay.supply] += count
    return found


def _counted(question: Question, here: dict[int, int]) -> bool:
    total = sum(here.values())
    watts = sum(question.supplies[number].watts * count for number, count in here.items())
    return (question.min_nodes <= total and (question.max_nodes is None or total <= question.max_nodes)
            and (question.watts is None or watts <= question.watts))


def _few_types(question: Question, here: dict[int, int]) -> bool:
    types = {question.supplies[number].offer.gpu_id for number in here}
    return question.max_gpu_types is None or len(types) <= question.max_gpu_types


def _one_engine(question: Question, used: set[int]) -> bool:
    engines: dict[str, set[str]] = defaultdict(set)
    for number in used:
        supply = question.supplies[number]
        for way in question.ways_of.get(supply.host, ()):
            gpu = supply.offer.gpu_id if question.engine_policy == "per_gpu" else ""
            engines[gpu].add(question.ways[way].engine)
    return question.engine_policy == "any" or all(len(names) == 1 for names in engines.values())


def _carried(question: Question, here: dict[int, int], period: int) -> bool:
    """Say whether the demand is kept without any one provider or region, and its share without spot nodes."""
    demand = question.periods[period].demand[0]

    def left(stays: Callable[[Supply], bool]) -> int:
        return sum(count * question.carries(way, period) for number, count in here.items()
                   if stays(question.supplies[number])
                   for way in question.ways_of.get(question.supplies[number].host, ()))

    places = {question.supplies[number].offer.place for number in here}
    lost = [place[:parts] for asked, parts in ((question.lose_provider, 1), (question.lose_region, 2)) if asked
            for place in places]
    safe = all(left(lambda supply, gone=gone: supply.offer.place[: len(gone)] != gone) >= demand  # type: ignore[misc]
               for gone in lost)
    share = question.spot_share
    return safe and (share is None or left(lambda supply: supply.offer.kind != "spot") >= demand * (1 - share))
