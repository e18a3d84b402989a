"""A budget plan over years: quarters, growth, lead times, prices to come, nodes owned already, caps a fiscal year."""

import re
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from optimizer.schema.base import Count, Currency, Frozen, Name, NonNegative, Positive

MONTHS_PER_QUARTER = 3

YEARLY = Annotated[float, Field(ge=-0.9, le=10)]
"""A change a year: 0.4 is two fifths more after a year, -0.2 a fifth less."""

QuarterCount = Annotated[int, Field(ge=0, le=20)]


YEARS = range(1900, 2200)
"""Years that a day of a plan may lie in."""


def _first_day(value: object) -> object:
    """Take 2027-Q2 (the second quarter of the calendar year), 2027-04 and dates in quotes for the day they begin."""
    found = value if isinstance(value, date) else _date(value) if isinstance(value, str) else None
    if found is None or found.year not in YEARS:
        years = f"of the years {YEARS[0]} to {YEARS[-1]}"
        raise ValueError(f"found {value if isinstance(value, date) else repr(value)}; "
                         f"allowed: a quarter as 2027-Q2, a month as 2027-04 or a day as 2027-04-01, {years}")
    return found


def _date(text: str) -> date | None:
    """Read a quarter, a month or a day; None: it is none of them."""
    quarter = re.fullmatch(r"(\d{4})-?Q([1-4])", text)
    if quarter:
        text = f"{quarter[1]}-{MONTHS_PER_QUARTER * int(quarter[2]) - 2:02}"
    try:
        return date.fromisoformat(f"{text}-01" if re.fullmatch(r"\d{4}-\d{2}", text) else text)
    except ValueError:
        return None


QuarterStart = Annotated[date, BeforeValidator(_first_day, json_schema_input_type=str)]


class OwnedAlready(Frozen):
    """Nodes that are there before the plan begins: what they cost is spent, they cost their running from now on."""

    offer_id: Name
    """Owned offer with its site, such as owned-server-8x-h100-sxm.on-prem-jp."""
    count: Count
    """How many of them."""
    bought: Annotated[date, BeforeValidator(_first_day, json_schema_input_type=str)]
    """When they came into service: their life counts from that month."""
    purchase_price: Positive | None = None
    """Paid for each; absent: the catalog's price of today. It moves the depreciation shown, no decision."""
    book_value: NonNegative | None = None
    """Book value of each when the plan begins, written off over what is left of accounting.depreciation_years (or in
    the first quarter, when nothing is); absent: the purchase price less straight-line depreciation."""
    currency: Currency = "USD"
    """Currency of both."""


class YearCaps(Frozen):
    """What may be spent in one fiscal year."""

    capex: NonNegative | None = None
    """Most that purchases may cost."""
    opex: NonNegative | None = None
    """Most that rents and the running of own nodes may cost."""


class Caps(Frozen):
    """What may be spent in a fiscal year, without tax; of a year that the plan covers in part, in that part."""

    currency: Currency = "USD"
    """Currency of the amounts; JPY and EUR use the problem's fx, else the catalog's rate."""
    capex_per_fiscal_year: NonNegative | None = None
    """Most that purchases may cost in any fiscal year."""
    opex_per_fiscal_year: NonNegative | None = None
    """Most that rents and the running of own nodes may cost in any fiscal year."""
    fiscal_years: dict[str, YearCaps] = Field(default_factory=dict)
    """Caps of single years by name, in place of those above: FY2027 is the one that begins in 2027."""

    def of_year(self, kind: Literal["capex", "opex"], year: str) -> float | None:
        """Return the cap of a fiscal year by its name, None without one."""
        own = getattr(self.fiscal_years.get(year), kind, None)
        cap = getattr(self, f"{kind}_per_fiscal_year") if own is None else own
        return None if cap is None else float(cap)

    def without(self, kind: Literal["capex", "opex"]) -> Self:
        """Return the same caps without those of one kind."""
        years = {name: caps.model_copy(update={kind: None}) for name, caps in self.fiscal_years.items()}
        return self.model_copy(update={f"{kind}_per_fiscal_year": None, "fiscal_years": years})

    @model_validator(mode="after")
    def _years_have_names(self) -> Self:
        odd = [name for name in self.fiscal_years if not re.fullmatch(r"FY\d{4}", name)]
        if odd:
            raise ValueError(f"fiscal_years: found {', '.join(map(repr, odd))}; allowed: names such as FY2027")
        return self


class Roadmap(Frozen):
    """What to buy, rent, keep and retire in each quarter: `gpumix solve` answers it."""

    start: QuarterStart
    """First quarter: 2027-Q2 of the calendar year, 2027-04, or the first day of a month."""
    quarters: Annotated[int, Field(ge=1, le=20)]
    """How many quarters the plan covers, up to five years."""
    fiscal_year_start_month: Annotated[int, Field(ge=1, le=12)] | None = None
    """First month of the fiscal year; absent: that of `accounting`."""
    discount_fraction_per_year: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Rate at which payments to come are discounted to the first day; 0: nominal money."""
    demand_growth_fraction_per_year: YEARLY = 0.0
    """Growth of every service's demand, compounded by the quarter."""
    demand_growth_by_service: dict[str, YEARLY] = Field(default_factory=dict)
    """Growth of single services by service id, in place of that of all."""
    demand_factors: Annotated[tuple[Positive, ...], Field(max_length=20)] = ()
    """Demand of each quarter as a factor of the stated one, of every service, in place of a growth."""
    demand_factors_by_service: dict[str, Annotated[tuple[Positive, ...], Field(max_length=20)]] = Field(
        default_factory=dict
    )
    """The same for single services by service id."""
    lead_time_quarters: QuarterCount = 0
    """Quarters from the order of a bought node, when it is paid, until it stands."""
    lead_time_by_offer: dict[str, QuarterCount] = Field(default_factory=dict)
    """Lead time of single offers, bought or rented, by offer id (an owned machine without its site means all sites)."""
    price_change_fraction_per_year: YEARLY = 0.0
    """Change of purchase prices and rents, compounded by the quarter; reserved nodes keep the rent of their start."""
    rent_change_fraction_per_year: YEARLY | None = None
    """Change of rents where it is not that of purchase prices."""
    price_change_by_gpu: dict[str, YEARLY] = Field(default_factory=dict)
    """Change of purchase prices and rents of single GPUs by gpu_id, in place of those above."""
    owned_already: tuple[OwnedAlready, ...] = ()
    """Nodes that are there before the plan begins."""
    end_value: Literal["resale", "book", "none"] = "resale"
    """What a bought node that stands when the plan ends counts for: the resale share of its age as in `gpumix solve`,
    its book value (straight line over accounting.depreciation_years down to assumptions.residual_fraction, else to
    nothing), or nothing."""
    retired_nodes_sold: bool = False
    """Whether a bought node that retires before the plan ends brings that value too; else it brings nothing."""
    caps: Caps = Caps()
    """Caps on spending by fiscal year."""

    @property
    def start_month(self) -> int:
        """Months from year 0 to the first day."""
        return self.start.year * 12 + self.start.month - 1

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        faults = []
        if self.start.day != 1:
            faults.append(f"start: found {self.start}; allowed: the first day of a month, or such as 2027-Q2")
        lists = {"demand_factors": self.demand_factors} if self.demand_factors else {}
        lists |= {f"demand_factors_by_service.{name}": found for name, found in self.demand_factors_by_service.items()}
        faults += [
            f"{key}: found {len(found)} factors; allowed: one for each of the {self.quarters} quarters"
            for key, found in lists.items() if len(found) != self.quarters
        ]
        if self.demand_factors and self.demand_growth_fraction_per_year:
            faults.append("demand_factors: found them beside demand_growth_fraction_per_year; allowed: one of the two")
        both = sorted(self.demand_factors_by_service.keys() & self.demand_growth_by_service.keys())
        faults += [f"demand_factors_by_service.{name}: found a growth beside it; allowed: one of the two"
                   for name in both]
        late = [f"owned_already.{i}.bought: found {one.bought}; allowed: no later than start = {self.start}"
                for i, one in enumerate(self.owned_already) if one.bought > self.start]
        if faults or late:
            raise ValueError("\n".join([*faults, *late]))
        return self
