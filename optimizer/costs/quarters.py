"""Quarters of a plan over years: their names, the fiscal years they fall in, and demand, prices and money in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from optimizer.costs.depreciation import MONTHS_PER_YEAR, fiscal_year_of
from optimizer.demand import micro_work
from optimizer.schema.problem import Problem, Roadmap, Service
from optimizer.schema.problem.roadmap import MONTHS_PER_QUARTER
from optimizer.units import exact

QUARTERS_PER_YEAR = 4

DIGITS = 12
"""Decimals that a compounded factor is rounded to, so that everyone counts with the same number."""


def compounded(fraction_per_year: float, quarters: int) -> Fraction:
    """Return what a yearly change makes of 1 after some quarters, (1 + g)^(q / 4), rounded to 12 decimals.

    >>> str(compounded(0.21, 2)), str(compounded(0.0, 7)), str(compounded(-0.5, 4))
    ('11/10', '1', '1/2')
    """
    return exact(round((1 + fraction_per_year) ** (quarters / QUARTERS_PER_YEAR), DIGITS))


@dataclass(frozen=True)
class Calendar:
    """The quarters of a plan, counted from 0."""

    start_month: int
    """Months from year 0 to the first day."""
    quarters: int
    fiscal_start_month: int

    @classmethod
    def of(cls, roadmap: Roadmap, problem: Problem) -> Calendar:
        """Lay a roadmap's quarters out."""
        first = roadmap.fiscal_year_start_month or problem.accounting.first_month(problem.currency)
        return cls(roadmap.start_month, roadmap.quarters, first)

    def first_day(self, quarter: int) -> date:
        """Return a quarter's first day."""
        month = self.start_month + MONTHS_PER_QUARTER * quarter
        return date(month // MONTHS_PER_YEAR, month % MONTHS_PER_YEAR + 1, 1)

    def label(self, quarter: int) -> str:
        """Name a quarter: 2027-Q2 of the calendar year, or by its first month when it is none of those.

        >>> Calendar(2027 * 12 + 3, 4, 4).label(0), Calendar(2027 * 12 + 1, 4, 2).label(1)
        ('2027-Q2', '2027-05')
        """
        day = self.first_day(quarter)
        whole = (day.month - 1) % MONTHS_PER_QUARTER == 0
        return f"{day.year}-Q{(day.month - 1) // MONTHS_PER_QUARTER + 1}" if whole else f"{day.year}-{day.month:02}"

    def fiscal_year(self, quarter: int) -> str:
        """Name the fiscal year of a quarter by the calendar year it begins in.

        >>> april = Calendar(2027 * 12 + 3, 8, 4)
        >>> april.fiscal_year(0), april.fiscal_year(3), april.fiscal_year(4)
        ('FY2027', 'FY2027', 'FY2028')
        """
        day = self.first_day(quarter)
        return f"FY{fiscal_year_of(day.year, day.month, self.fiscal_start_month)}"

    @property
    def fiscal_years(self) -> tuple[str, ...]:
        """The fiscal years that the plan touches, in order."""
        return tuple(dict.fromkeys(self.fiscal_year(quarter) for quarter in range(self.quarters)))

    @property
    def fits(self) -> bool:
        """Whether no quarter lies in two fiscal years."""
        return (self.start_month % MONTHS_PER_YEAR + 1 - self.fiscal_start_month) % MONTHS_PER_QUARTER == 0


def demand_factor(roadmap: Roadmap, service_id: str, quarter: int) -> Fraction:
    """Return a service's demand in a quarter as a factor of the one stated."""
    if service_id in roadmap.demand_factors_by_service:
        return exact(roadmap.demand_factors_by_service[service_id][quarter])
    if service_id in roadmap.demand_growth_by_service:
        return compounded(roadmap.demand_growth_by_service[service_id], quarter)
    if roadmap.demand_factors:
        return exact(roadmap.demand_factors[quarter])
    return compounded(roadmap.demand_growth_fraction_per_year, quarter)


def present_value(roadmap: Roadmap, quarter: int) -> Fraction:
    """Return what a dollar paid on the first day of a quarter is worth on the plan's first day, to 12 decimals.

    >>> roadmap = Roadmap(start="2027-Q2", quarters=4, discount_fraction_per_year=0.25)
    >>> str(present_value(roadmap, 0)), str(present_value(roadmap, 4))
    ('1', '4/5')
    """
    return exact(round((1 + roadmap.discount_fraction_per_year) ** (-quarter / QUARTERS_PER_YEAR), DIGITS))


def work_in_quarter(service: Service, problem: Problem, quarter: int, most_used: float = 1.0) -> int:
    """Return the micro-requests of an async service's window in a quarter of the problem's roadmap."""
    roadmap = problem.roadmap
    factor = demand_factor(roadmap, service.service_id, quarter) if roadmap else Fraction(1)
    return micro_work(service, most_used, factor)
