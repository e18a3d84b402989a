"""Own figures in place of the catalog's."""

from typing import Annotated, Literal

from pydantic import Field

from optimizer.schema.base import SHORTEST_LIFE_YEARS, Fraction01, Frozen, NonNegative, Positive


class Assumptions(Frozen):
    """Own figures for the cost of owned nodes, in place of the catalog's."""

    life_years: Annotated[float, Field(ge=SHORTEST_LIFE_YEARS, le=100)] | None = None
    """Years a node stays in use."""
    discount_fraction_per_year: Fraction01 | None = None
    """Yearly cost of capital."""
    residual_fraction: Fraction01 | None = None
    """Share of the purchase price got back at the end of the horizon."""
    maintenance_fraction_per_year: Fraction01 | None = None
    """Yearly maintenance as a share of the purchase price."""
    utilisation_of_tdp_fraction: Fraction01 | None = None
    """Mean power draw as a share of the maximum."""
    staff_fte_per_gpu: NonNegative | None = None
    """Staff needed per GPU, in full-time people."""
    staff_usd_per_fte_year: NonNegative | None = None
    """Yearly cost of one full-time person."""
    network_fraction_of_hardware: Fraction01 | None = None
    """Network and cabling of servers as a share of their hardware price."""
    electricity_usd_per_kwh: NonNegative | None = None
    """Price of electricity."""
    pue: Annotated[float, Field(ge=1, le=5)] | None = None
    """Power usage effectiveness of the place."""
    colocation_usd_per_kw_month: NonNegative | None = None
    """Space and power capacity per kW of IT load and month."""
    price_end: Literal["value", "low", "high"] = "value"
    """Which end of the range of assumed prices to plan with."""
    purchase_price_usd: dict[str, Positive] = Field(default_factory=dict)
    """Whole purchase price by owned offer id: your own quotation."""
