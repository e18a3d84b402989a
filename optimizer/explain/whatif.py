"""One solve of a problem in which something is otherwise: another price, other speeds, other offers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

from optimizer.candidates import ClassSpeed, Option, ReplicaSpeed
from optimizer.costs import PricedOffer, rate_per_usd
from optimizer.costs.priced import PriceEnd, PriceEnds
from optimizer.formulation import build_case, reduce_case, shortlist
from optimizer.messages import Message
from optimizer.solve import Prepared, Solution, SolveSettings, prepare, solve_at
from optimizer.units import usd_per_month

NO_E2E_MS = 1e12
"""A limit on whole responses that binds nothing."""


@dataclass(frozen=True)
class FasterClass(ClassSpeed):
    """A request class on a replica so many times as fast: its TPOT is divided; TTFT and memory stay."""

    factor: float = 1.0

    def tpot_ms(self, concurrency: int) -> float:
        """Return the planned TPOT over the factor."""
        return super().tpot_ms(concurrency) / self.factor


def faster(option: Option, factor: float) -> Option:
    """Return an option with replicas so many times as fast; a stated capacity stays."""
    def quickened(speed: ReplicaSpeed) -> ReplicaSpeed:
        """Return a replica so many times as fast."""
        classes = tuple(
            FasterClass(**{field.name: getattr(one, field.name) for field in fields(ClassSpeed)}, factor=factor)
            for one in speed.classes
        )
        return ReplicaSpeed(classes, speed.demand)

    return option.changed(quickened)


def with_the_slow(prepared: Prepared) -> Prepared:
    """Return the problem with the options that fell out because they are too slow; at its own promises they carry none.

    Needed wherever speeds are tried out that are faster than planned.
    """
    problem = prepared.problem
    services = tuple(
        service.model_copy(update={"slo": service.slo.model_copy(update={
            "grade": None, "tokens_per_s_per_user": None, "e2e_ms": NO_E2E_MS if service.slo.e2e_ms else None
        })})
        for service in problem.services
    )
    unhurried = problem.model_copy(update={"services": services})
    wide = prepare(prepared.loaded, prepared.catalog, unhurried, prepared.shelf).candidates

    def promised(option: Option) -> Option:
        """Put the promises of its service back into an option."""
        slo = problem.services[option.service].slo
        return option.changed(
            lambda speed: ReplicaSpeed(tuple(replace(one, slo=slo) for one in speed.classes), speed.demand))

    options = {key: tuple(promised(option) for option in found) for key, found in wide.options.items()}
    return replace(prepared, candidates=replace(prepared.candidates, options=options))


def at_pace(prepared: Prepared, factor: float, gpu: str | None = None) -> Prepared:
    """Return the problem with every replica (of a GPU type) so many times as fast."""
    return with_options(
        prepared, lambda option: faster(option, factor) if gpu in (None, option.gpu_id) else option
    )


def cheapest(prepared: Prepared, settings: SolveSettings, in_order: bool = False) -> Solution:
    """Solve a variant for its cost: no tie-break by speed."""
    return solve_at(
        prepared.candidates,
        prepared.problem.limits,
        prepared.candidates.targets(),
        prepared.budget,
        settings,
        in_order=in_order,
    )


def monthly_usd(solution: Solution) -> float | None:
    """Return the cost of a solution, None when it proves that there is no plan."""
    return usd_per_month(solution.cost) if solution.has_plan and solution.cost is not None else None


def money(prepared: Prepared, usd: float) -> Message:
    """Write US dollars a month, with the problem's own currency behind."""
    currency = prepared.problem.currency
    if currency == "USD":
        return Message("cost.month", usd=usd)
    local = usd * float(rate_per_usd(prepared.catalog, prepared.problem, currency))
    return Message("cost.month-local", usd=usd, local=local, currency=currency)


def with_options(prepared: Prepared, change: Callable[[Option], Option]) -> Prepared:
    """Return the problem with its options changed."""
    options = {key: tuple(change(option) for option in found) for key, found in prepared.candidates.options.items()}
    return replace(prepared, candidates=replace(prepared.candidates, options=options))


def with_prices(prepared: Prepared, of: Callable[[PricedOffer], bool], end: PriceEnd) -> Prepared:
    """Return the problem with some offers at one end of their price."""
    offers = tuple(replace(o, end=end) if o.has_range and of(o) else o for o in prepared.candidates.offers)
    return replace(prepared, candidates=replace(prepared.candidates, offers=offers))


def at_price(prepared: Prepared, offer_id: str, micro_usd_per_hour: int) -> Prepared:
    """Return the problem with one offer at another price, in whole micro-dollars an hour."""
    line = {"rent": micro_usd_per_hour}
    ends = PriceEnds.stated(line, line, line)
    offers = tuple(replace(o, ends=ends) if o.offer_id == offer_id else o for o in prepared.candidates.offers)
    return replace(prepared, candidates=replace(prepared.candidates, offers=offers))


def over_offers(prepared: Prepared, admits: Callable[[PricedOffer], bool]) -> Prepared:
    """Return the problem over some of its offers."""
    offers = tuple(offer for offer in prepared.candidates.offers if admits(offer))
    return replace(prepared, candidates=replace(prepared.candidates, offers=offers))


def undominated(prepared: Prepared) -> Prepared:
    """Return the problem over the offers that its reductions leave: the same optimum, found faster.

    Exact as long as targets, demands and limits stay, and for one more offer or one that must be held beside.
    """
    limits, targets = prepared.problem.limits, prepared.candidates.targets()
    rows = reduce_case(build_case(shortlist(prepared.candidates, limits), limits, targets, prepared.budget)).rows
    kept = {row.offer_id for row in rows}
    return over_offers(prepared, lambda offer: offer.offer_id in kept)
