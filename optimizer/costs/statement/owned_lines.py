"""The monthly lines of an owned node."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.costs import owned
from optimizer.costs.figures import Figures, full_load_watts, space_usd, staff_fte
from optimizer.costs.priced import PricedOffer
from optimizer.costs.statement.line import CostLine, cost_line, dollars, times
from optimizer.costs.statement.origin import FigureUsed, figure_used, own_figure, price_used, residual_used
from optimizer.schema.catalog import OwnedNode, Site
from optimizer.units import HOURS_PER_MONTH


def capital_lines(offer: PricedOffer, cost: owned.Ownership, figures: Figures, months: float) -> Iterator[CostLine]:
    """Yield the lines of the purchase and its installation."""
    price, rate = cost.purchase_usd, cost.discount_fraction_per_year
    residual = figures.residual(months)
    factor = owned.annuity(owned.monthly_rate(rate), months)
    formula = (f"({dollars(price)} - {residual:.1%} of it / {1 + rate:g}^({months:g}/12)) x annuity {factor:.6f}"
               f" a month over {months:g} months at {rate:.1%} a year")
    used = (figure_used(figures, "discount_fraction_per_year"), residual_used(figures, months),
            figure_used(figures.flipped, "life_years") if months < figures.problem.limits.horizon_months else None)
    yield cost_line(offer, "capital", formula, *used)
    if cost.installation_usd:
        yield cost_line(offer, "installation", f"{dollars(cost.installation_usd)} x annuity {factor:.6f}",
                    price_used(figures, figures.catalog.owned_assumptions, "installation", "node"))


def _draw(figures: Figures) -> tuple[str, tuple[FigureUsed, ...]]:
    """Write the mean draw as a share of the maximum."""
    busy = figures.problem.assumptions.busy_fraction
    if busy is None:
        return f"{figures.mean_draw:g}", (figure_used(figures, "utilisation_of_tdp_fraction"),)
    idle, active = figures["idle_of_tdp_fraction"], figures["active_of_tdp_fraction"]
    used = (own_figure("busy_fraction", busy), figure_used(figures, "idle_of_tdp_fraction"),
            figure_used(figures, "active_of_tdp_fraction"))
    return f"({idle:g} idle + ({active:g} active - {idle:g}) x {busy:g} busy)", used


def running_lines(
    offer: PricedOffer, node: OwnedNode, site: Site, figures: Figures, price: float
) -> Iterator[CostLine]:
    """Yield what a node costs each month beside its purchase."""
    own = figures.problem.assumptions
    if node.offer_id in own.running_usd_per_hour:
        hourly = own.running_usd_per_hour[node.offer_id]
        yield cost_line(offer, "running", f"${hourly:g} an hour x {HOURS_PER_MONTH} h",
                    own_figure("running_usd_per_hour", hourly))
        return
    kilowatts = full_load_watts(node, figures.catalog) / 1000
    share, draws = _draw(figures)
    tariff, pue = figures.site_price(site, "electricity", "kwh"), own.pue or figures.pick(site.pue)
    formula = f"{kilowatts:g} kW x {share} x PUE {pue:g} x {HOURS_PER_MONTH} h x ${tariff:.4f}/kWh"
    yield cost_line(offer, "power", formula + times(own.electricity_factor), *draws,
                own_figure("pue", own.pue) if own.pue else FigureUsed.of("pue", pue, site.pue),
                price_used(figures, site, "electricity", "kwh"))
    if node.colocated:
        rent = figures.site_price(site, "colocation", "kw_month")
        yield cost_line(offer, "colocation", f"{kilowatts:g} kW x {dollars(rent)} a kW and month",
                    price_used(figures, site, "colocation", "kw_month"))
    elif space_usd(figures):
        yield cost_line(offer, "colocation", f"{dollars(space_usd(figures))} a month for the space of a workstation",
                    figure_used(figures, "space_usd_per_workstation_month"))
    yearly = figures["maintenance_fraction_per_year"]
    yield cost_line(offer, "maintenance", f"{yearly:.1%} a year of {dollars(price)} / 12",
                figure_used(figures, "maintenance_fraction_per_year"))
    yield from _people_and_licences(offer, node, site, figures)


def _people_and_licences(
    offer: PricedOffer, node: OwnedNode, site: Site, figures: Figures
) -> Iterator[CostLine]:
    assumptions, own = figures.catalog.owned_assumptions, figures.problem.assumptions
    people = staff_fte(node, figures)
    if people:
        per_node = own.staff_fte_per_node
        counts_gpus = own.staff_fte_per_gpu is not None or per_node is None
        yield cost_line(offer, "staff",
                    f"{people:g} people x {dollars(figures.staff_price(site))} a year / 12",
                    figure_used(figures, "staff_fte_per_gpu") if counts_gpus else None,
                    own_figure("staff_fte_per_node", per_node) if per_node is not None else None,
                    price_used(figures, site, "staff", "fte_year") or
                    price_used(figures, assumptions, "staff", "fte_year"))
    licence = figures.assumed_price("licence", "gpu_year")
    if licence:
        yield cost_line(offer, "licence", f"{node.gpu_count} GPUs x {dollars(licence)} a year / 12",
                    price_used(figures, assumptions, "licence", "gpu_year"))
