"""What one node costs, as a whole: its price line by line, and its fiscal years."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from optimizer.costs import owned, price_of
from optimizer.costs.cash import CAPITAL_LINES
from optimizer.costs.depreciation import FiscalYear, fiscal_years, with_tax
from optimizer.costs.figures import Figures
from optimizer.costs.priced import PricedOffer, rate_as_of, rate_per_usd
from optimizer.costs.statement.line import CostLine
from optimizer.costs.statement.owned_lines import capital_lines, running_lines
from optimizer.costs.statement.purchase import purchase_lines
from optimizer.costs.statement.rented_lines import rented_lines
from optimizer.errors import Fault, InputError
from optimizer.load import Catalog
from optimizer.schema.problem import Problem
from optimizer.units import usd_per_month

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class CostStatement:
    """The whole price of a node."""

    offer: PricedOffer
    horizon_months: int
    purchase: tuple[CostLine, ...]
    """What an owned node is bought from, in whole US dollars; the amounts are paid once."""
    lines: tuple[CostLine, ...]
    years: tuple[FiscalYear, ...]
    """Of an owned node, in the problem's currency."""
    depreciation_years: int
    tax_fraction: float
    """Added to the amounts of `years`."""
    currency: str
    rate_per_usd: float
    fx_as_of: str | None

    @property
    def usd_per_month(self) -> float:
        """The price a month."""
        return usd_per_month(self.offer.micro_usd_per_hour)

    def as_json(self) -> dict[str, Any]:
        """Return the statement as plain data."""
        low, high = self.offer.range_micro_usd_per_hour
        return {
            "schema_version": 1, "offer_id": self.offer.offer_id, "gpu_id": self.offer.gpu_id,
            "gpu_count": self.offer.gpu_count, "kind": self.offer.kind, "term_months": self.offer.term_months,
            "provider": self.offer.provider, "region": self.offer.region, "horizon_months": self.horizon_months,
            "usd_per_hour": self.offer.micro_usd_per_hour / 1e6, "usd_per_month": self.usd_per_month,
            "usd_per_month_low": usd_per_month(low), "usd_per_month_high": usd_per_month(high),
            "price_evidence": self.offer.price_evidence,
            "purchase": [asdict(line) for line in self.purchase], "lines": [asdict(line) for line in self.lines],
            "fiscal_years": [asdict(year) | {"expense": year.expense, "cash": year.cash} for year in self.years],
            "depreciation_years": self.depreciation_years, "tax_fraction": self.tax_fraction,
            "currency": self.currency, "fx_rate_per_usd": None if self.fx_as_of is None else self.rate_per_usd,
            "fx_as_of": self.fx_as_of,
        }

    def to_frame(self) -> pd.DataFrame:
        """Return the lines as a table."""
        import pandas as pd

        return pd.DataFrame([
            {"line": one.line, "usd_per_month": one.usd_per_month, "usd_per_month_low": one.usd_per_month_low,
             "usd_per_month_high": one.usd_per_month_high, "formula": one.formula} for one in self.lines
        ])


def _years(cost: owned.Ownership, problem: Problem, offer: PricedOffer, months: float, rate: float,
           residual: float) -> tuple[FiscalYear, ...]:
    """Return the fiscal years of an owned node in the problem's currency, taxed as the problem asks."""
    books, currency = problem.accounting, problem.currency
    tax = books.tax_added(currency)
    running = {line: usd for line, usd in offer.breakdown.items() if line not in CAPITAL_LINES}
    return fiscal_years(
        cost.outlay_usd * rate * (1 + tax), sum(with_tax(running, tax).values()) * rate,
        cost.purchase_usd * residual * rate * (1 + tax), books.start, books.first_month(currency),
        max(1, round(months)), books.depreciation_years)


def _offer_of(offer_id: str, catalog: Catalog, problem: Problem) -> PricedOffer:
    """Find and price an offer; a machine that may stand at one site only needs no site behind its id."""
    node = catalog.owned.get(offer_id)
    if node is not None and len(node.sites) == 1:
        offer_id = owned.owned_offer_id(offer_id, node.sites[0])
    found = price_of(offer_id, catalog, problem)
    if found is not None:
        return found
    allowed = "an offer_id (gpumix catalog list offers, gpumix catalog list owned)"
    if node is not None:
        allowed = " or ".join(owned.owned_offer_id(offer_id, site) for site in node.sites)
    raise InputError([Fault("options", "OFFER", repr(offer_id), allowed)])


def cost_statement(offer_id: str, catalog: Catalog, problem: Problem) -> CostStatement:
    """Say what one node costs, line by line.

    Raises:
        InputError: there is no such offer, or no rate for a currency.
    """
    offer = _offer_of(offer_id, catalog, problem)
    rate = float(rate_per_usd(catalog, problem, problem.currency))
    tail = (problem.accounting.depreciation_years, problem.accounting.tax_added(problem.currency), problem.currency,
            rate, rate_as_of(catalog, problem))
    horizon = problem.limits.horizon_months
    if offer.kind != "owned":
        lines = tuple(rented_lines(offer, catalog.offers[offer.offer_id], catalog, problem))
        return CostStatement(offer, horizon, (), lines, (), *tail)
    node = catalog.owned[offer.offer_id.rpartition(".")[0]]
    site, figures = catalog.sites[offer.region], Figures(catalog, problem, offer.end)
    cost = owned.ownership(node, site, catalog, problem, offer.end)
    months = min(float(horizon), cost.life_months)
    capital, running = capital_lines(offer, cost, figures, months), running_lines(
        offer, node, site, figures, cost.purchase_usd)
    years = _years(cost, problem, offer, months, rate, figures.residual(months))
    purchase = tuple(purchase_lines(node, figures, cost.purchase_usd))
    return CostStatement(offer, horizon, purchase, (*capital, *running), years, *tail)
