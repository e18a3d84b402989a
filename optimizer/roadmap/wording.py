"""How a plan's money is counted, and what its reader must know first, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optimizer.roadmap.case import RoadmapCase, Stay
from optimizer.schema.problem import Problem, Roadmap
from optimizer.solve import Prepared

END_VALUES = {
    "resale": "the resale share of its age, as in gpumix solve",
    "book": "its book value",
    "none": "nothing",
}


def assumptions_of(problem: Problem, roadmap: Roadmap) -> tuple[str, ...]:
    """State how the money is counted."""
    return tuple(_assumptions(problem, roadmap))


def _assumptions(problem: Problem, roadmap: Roadmap) -> Iterator[str]:
    rate = roadmap.discount_fraction_per_year
    yield (
        f"Payments are discounted at {rate:.1%} a year to the first day of the plan." if rate
        else "Money is nominal: no discount rate is set."
    )
    yield "A quarter has 2,190 hours; every amount of a node and quarter is rounded up to a US cent, without tax."
    yield "A purchase is paid, with installation, in the quarter of its order; running costs stay at today's figures."
    yield f"A bought node that stands at the end counts for {END_VALUES[roadmap.end_value]}; " + (
        "one that retires before is sold for as much." if roadmap.retired_nodes_sold
        else "one that retires before brings nothing."
    )
    yield "Commitments last whole quarters at the rent of their start and are paid to the end of their term."
    if roadmap.owned_already:
        yield "Nodes that are there already cost their running; their price is spent, and they bring nothing."


def warnings_of(
    prepared: Prepared, problem: Problem, roadmap: Roadmap, case: RoadmapCase, taken: Sequence[tuple[Stay, int]]
) -> tuple[str, ...]:
    """Say first what the reader must not miss."""
    return tuple(_warnings(prepared, roadmap, case, taken))


def _warnings(
    prepared: Prepared, roadmap: Roadmap, case: RoadmapCase, taken: Sequence[tuple[Stay, int]]
) -> Iterator[str]:
    used = {stay.supply: case.supplies[stay.supply] for stay, _ in taken}
    rough = sorted({
        one.offer.gpu_id for supply in used.values() for one in supply.candidates
        if one is not None and one.option.speed.amount(0.0)
        and getattr(one.option.speed, "evidence", lambda _: "measured")(1) == "estimated"
    })
    if rough:
        yield f"This plan rests on estimated speeds: {', '.join(rough)}. Load-test before you sign."
    assumed = sorted({one.offer.offer_id for one in used.values()
                      if one.offer.price_evidence == "assumed" and one.way != "keep"})
    if assumed:
        yield f"Assumed prices: {', '.join(assumed)}; get a quotation."
    taxed = sorted(
        offer_id for offer_id in {one.offer.offer_id for one in used.values()}
        if offer_id in prepared.catalog.offers and prepared.catalog.offers[offer_id].tax_included_fraction
    )
    if taxed:
        yield f"Consumption tax is taken off the price of {', '.join(taxed)}; plan and caps are without tax."
    for supply in case.supplies:
        if supply.way == "keep" and supply.group is not None:
            yield from _about_there_already(supply.offer.offer_id, supply.carries, supply.stays, supply.group)


def _about_there_already(offer_id: str, carries: tuple[int, ...], left: int, place: int) -> Iterator[str]:
    """Say why nodes that are there are of no use."""
    if not any(carries):
        yield f"roadmap.owned_already.{place}: {offer_id} can serve no service within its promise and is retired."
    elif left == 0:
        yield f"roadmap.owned_already.{place}: {offer_id} is at the end of its life when the plan begins."
