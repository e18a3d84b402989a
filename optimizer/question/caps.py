"""Caps on sums that are approved, and on emissions, as purses that nodes and hosted APIs take from.

Amounts are ten-thousandths of the problem's currency, and grams a month; what is taken is rounded up, caps down.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from optimizer.costs import PricedOffer, rate_per_usd
from optimizer.costs.approval import payments_of, years_of_cash
from optimizer.costs.depreciation import fiscal_year_of, months_in_years
from optimizer.costs.energy import site_energy
from optimizer.errors import Fault, InputError
from optimizer.load import Catalog
from optimizer.schema.problem import Problem
from optimizer.schema.problem.limits import Cap
from optimizer.solve.extract import node_of
from optimizer.units import HOURS_PER_MONTH, exact

Taken = tuple[tuple[Hashable, int], ...]
"""(name of a purse, what one node takes from it)."""

PARTS = 10_000
GRAMS_PER_KG = 1000


@dataclass(frozen=True)
class Caps:
    """The caps of a problem on purchases, cash of a fiscal year and emissions."""

    problem: Problem
    catalog: Catalog

    @cached_property
    def by_purse(self) -> dict[Hashable, int]:
        """Return purse -> cap.

        Raises:
            InputError: a cap on sums stands beside a roadmap, which has its own, or one on cash beside contracts.
        """
        limits, found = self.problem.limits, dict[Hashable, int]()
        self._check()
        if limits.purchases is not None:
            found["purchases",] = self._parts(limits.purchases)
        if limits.cash_per_year is not None:
            found |= {("cash", year): self._parts(limits.cash_per_year) for year in self._fiscal_years()}
        if limits.co2_kg_per_month is not None:
            found["co2",] = math.floor(exact(limits.co2_kg_per_month) * GRAMS_PER_KG)
        return found

    def _check(self) -> None:
        limits, faults = self.problem.limits, []
        for key in ("purchases", "cash_per_year"):
            if self.problem.roadmap is not None and getattr(limits, key) is not None:
                allowed = "none in a plan over years: roadmap.caps caps the purchases and running costs of fiscal years"
                faults.append(Fault(self.problem.name, f"limits.{key}", "a cap", allowed))
        if limits.cash_per_year is not None and limits.contracts:
            allowed = "one of them: what a contract bills in a fiscal year depends on all nodes of its provider"
            faults.append(Fault(self.problem.name, "limits.cash_per_year", "a cap beside limits.contracts", allowed))
        if faults:
            raise InputError(faults)

    def _parts(self, cap: Cap) -> int:
        per_usd = rate_per_usd(self.catalog, self.problem, cap.currency)
        return math.floor(exact(cap.amount) / per_usd * self._rate * PARTS)

    @cached_property
    def _rate(self) -> Fraction:
        return Fraction(rate_per_usd(self.catalog, self.problem, self.problem.currency))

    def _fiscal_years(self) -> Iterator[str]:
        books, horizon = self.problem.accounting, self.problem.limits.horizon_months
        year, month = (int(part) for part in books.start.split("-"))
        first = books.first_month(self.problem.currency)
        begin = fiscal_year_of(year, month, first)
        yield from (f"FY{begin + index}" for index, _ in enumerate(months_in_years(month, first, horizon)))

    def taken_by(self, offer: PricedOffer, hours_fraction: Fraction | None = None) -> Taken:
        """Return what one node takes from each purse.

        Args:
            offer: of the node.
            hours_fraction: share of all hours in which it runs; None for a node that stands all the time.
        """
        if not self.by_purse:
            return ()
        node, limits = node_of(offer, 1), self.problem.limits
        if hours_fraction is not None:
            node = node.model_copy(update={
                "usd_per_month": node.usd_per_month * float(hours_fraction),
                "node_hours_per_month": HOURS_PER_MONTH * float(hours_fraction)})
        found: list[tuple[Hashable, int]] = []
        if limits.purchases is not None or limits.cash_per_year is not None:
            payments = payments_of(node, self.catalog, self.problem, float(self._rate))
            if limits.purchases is not None and offer.kind == "owned":
                found.append((("purchases",), _up(payments.paid(limits.horizon_months)[0])))
            if limits.cash_per_year is not None:
                found += [(("cash", year.name), _up(year.cash)) for year in years_of_cash([payments], self.problem)]
        if limits.co2_kg_per_month is not None and offer.kind == "owned":
            kg = sum(one.kg_co2e_per_month or 0.0 for one in site_energy((node,), self.catalog, self.problem))
            found.append((("co2",), math.ceil(exact(kg) * GRAMS_PER_KG)))
        return tuple((purse, amount) for purse, amount in found if amount)

    def taken_by_tokens(self, usd_per_month: Fraction, scale: int) -> Taken:
        """Return what a hosted API's bill takes from the cash of each fiscal year, in parts of a ten-thousandth."""
        if self.problem.limits.cash_per_year is None:
            return ()
        tax = exact(self.problem.accounting.tax_added(self.problem.currency))
        each = usd_per_month * self._rate * (1 + tax) * PARTS * scale
        month = int(self.problem.accounting.start.split("-")[1])
        first = self.problem.accounting.first_month(self.problem.currency)
        months = months_in_years(month, first, self.problem.limits.horizon_months)
        return tuple((("cash", name), math.ceil(each * count))
                     for name, count in zip(self._fiscal_years(), months, strict=True))


def _up(amount: float) -> int:
    """Return ten-thousandths, rounded up but for what a float cannot tell."""
    return math.ceil(exact(round(amount * PARTS, 6)))
