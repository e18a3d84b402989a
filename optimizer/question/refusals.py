"""What a roadmap cannot be: names that nothing bears, quarters across fiscal years, another horizon."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.costs import PricedOffer, priced_offers
from optimizer.costs.owned import machine_of
from optimizer.costs.quarters import Calendar, demand_factor
from optimizer.demand import demand_key, quantity_of
from optimizer.errors import Fault, InputError
from optimizer.load import Catalog
from optimizer.load.references import among
from optimizer.schema.base import HUGE
from optimizer.schema.problem import Problem, Roadmap


def check_roadmap(problem: Problem, roadmap: Roadmap, calendar: Calendar, catalog: Catalog) -> None:
    """Refuse names that nothing bears and a time that is not that of the quarters, all at once.

    Raises:
        InputError: with every such key.
    """
    offers = list(priced_offers(catalog, problem))
    faults = [
        *_unaligned(problem, calendar), *_unknown(problem, roadmap, calendar, catalog, offers),
        *_too_much(problem, roadmap), *_other_horizon(problem, roadmap),
    ]
    if faults:
        raise InputError(faults)


def _other_horizon(problem: Problem, roadmap: Roadmap) -> Iterator[Fault]:
    """Name a stated time for which nodes are needed that is not that of the quarters."""
    months, asked = 3 * roadmap.quarters, problem.limits.horizon_months
    if "horizon_months" in problem.limits.model_fields_set and asked != months:
        allowed = f"{months}, the {roadmap.quarters} quarters of roadmap.quarters, or the key left out"
        yield Fault(problem.name, "limits.horizon_months", f"{asked}", allowed)


def _unaligned(problem: Problem, calendar: Calendar) -> Iterator[Fault]:
    if not calendar.fits:
        month = calendar.fiscal_start_month
        months = sorted((month - 1 + 3 * quarter) % 12 + 1 for quarter in range(4))
        allowed = f"a month in which a quarter of a fiscal year from month {month} begins: {months}"
        yield Fault(problem.name, "roadmap.start", f"{calendar.first_day(0)}", allowed)


def _unknown(
    problem: Problem, roadmap: Roadmap, calendar: Calendar, catalog: Catalog, offers: list[PricedOffer]
) -> Iterator[Fault]:
    """Name services, GPUs, offers and years that do not exist."""
    services = {service.service_id for service in problem.services}
    ids = {offer.offer_id for offer in offers}
    tables = [
        ("demand_growth_by_service", services, "the problem's services"),
        ("demand_factors_by_service", services, "the problem's services"),
        ("price_change_by_gpu", set(catalog.gpus), "gpus.csv"),
        ("lead_time_by_offer", ids | {machine_of(offer) for offer in offers}, "offers/ or on_prem.yaml"),
    ]
    for key, known, table in tables:
        for found in sorted(set(getattr(roadmap, key)) - known):
            yield Fault(problem.name, f"roadmap.{key}.{found}", "no such name", among(found, known, table))
    owned = {offer.offer_id for offer in offers if offer.kind == "owned"}
    for place, one in enumerate(roadmap.owned_already):
        if one.offer_id not in owned:
            key = f"roadmap.owned_already.{place}.offer_id"
            yield Fault(problem.name, key, repr(one.offer_id), among(one.offer_id, owned, "on_prem.yaml with its site"))
    for year in sorted(set(roadmap.caps.fiscal_years) - set(calendar.fiscal_years)):
        allowed = f"one of {', '.join(calendar.fiscal_years)}"
        yield Fault(problem.name, f"roadmap.caps.fiscal_years.{year}", "a year without a quarter of the plan", allowed)


def _too_much(problem: Problem, roadmap: Roadmap) -> Iterator[Fault]:
    """Name services whose demand grows beyond what numbers may be."""
    for place, service in enumerate(problem.services):
        most = max(demand_factor(roadmap, service.service_id, quarter) for quarter in range(roadmap.quarters))
        if quantity_of(service) * most >= HUGE:
            found = f"a demand that grows to {float(quantity_of(service) * most):.3g}"
            yield Fault(problem.name, f"services.{place}.{demand_key(service).path}", found, f"less than {HUGE:.0e}")
