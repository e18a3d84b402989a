"""Own figures in place of the catalog's."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from optimizer.schema.base import SHORTEST_LIFE_YEARS, Fraction01, Frozen, Id, NonNegative, Positive

CURRENCIES = ("usd", "jpy", "eur")
"""Those that a figure in money may be stated in; the currency stands in its key."""

PRICES = ("electricity_{}_per_kwh", "colocation_{}_per_kw_month", "staff_{}_per_fte_year", "licence_{}_per_gpu_year",
          "installation_{}_per_node")
"""Keys of figures in money, with a place for the currency: each is stated in one of them at most."""

Factor = Annotated[float, Field(ge=0.01, le=100)]
"""What prices are multiplied by, to see what would be if."""


class Adjustment(Frozen):
    """One step from a list price to the price agreed: a discount, or a fixed fee."""

    discount_fraction: Fraction01 | None = None
    """Share taken off what the steps before left."""
    fee_usd_per_node_month: NonNegative | None = None
    """Added for each node and month."""

    @model_validator(mode="after")
    def _is_one_step(self) -> Self:
        if (self.discount_fraction is None) == (self.fee_usd_per_node_month is None):
            allowed = "exactly one in each step"
            raise ValueError(f"found both or none of discount_fraction, fee_usd_per_node_month; allowed: {allowed}")
        return self


class Assumptions(Frozen):
    """Own figures for what nodes cost, in place of the catalog's."""

    life_years: Annotated[float, Field(ge=SHORTEST_LIFE_YEARS, le=100)] | None = None
    """Years a node stays in use."""
    discount_fraction_per_year: Fraction01 | None = None
    """Yearly cost of capital: of purchases, and of what is paid upfront for reserved nodes."""
    residual_fraction: Fraction01 | None = None
    """Share of the purchase price got back at the end of the horizon."""
    maintenance_fraction_per_year: Fraction01 | None = None
    """Yearly maintenance as a share of the purchase price."""
    utilisation_of_tdp_fraction: Fraction01 | None = None
    """Mean power draw as a share of the maximum."""
    busy_fraction: Fraction01 | None = None
    """Share of the hours in which a node works: with it the mean draw is idle + (active - idle) x busy."""
    idle_of_tdp_fraction: Fraction01 | None = None
    """Power draw of a node without work as a share of the maximum; counts with busy_fraction."""
    active_of_tdp_fraction: Fraction01 | None = None
    """Power draw of a node at work as a share of the maximum; counts with busy_fraction."""
    staff_fte_per_gpu: NonNegative | None = None
    """Staff needed per GPU, in full-time people."""
    staff_fte_per_node: NonNegative | None = None
    """Staff needed per node; takes the place of the catalog's figure per GPU, and adds to your own per GPU."""
    staff_usd_per_fte_year: NonNegative | None = None
    """Yearly cost of one full-time person."""
    staff_jpy_per_fte_year: NonNegative | None = None
    """The same in yen."""
    staff_eur_per_fte_year: NonNegative | None = None
    """The same in euros."""
    network_fraction_of_hardware: Fraction01 | None = None
    """Network and cabling of servers as a share of their hardware price."""
    network_fraction_of_workstation: Fraction01 | None = None
    """Network and cabling of workstations as a share of their hardware price."""
    space_usd_per_workstation_month: NonNegative | None = None
    """Office space of a workstation, a month."""
    spares_fraction_of_hardware: Fraction01 | None = None
    """Spare parts bought with servers and workstations, as a share of their hardware price."""
    licence_usd_per_gpu_year: NonNegative | None = None
    """Yearly software licence of each GPU; absent: none."""
    licence_jpy_per_gpu_year: NonNegative | None = None
    """The same in yen."""
    licence_eur_per_gpu_year: NonNegative | None = None
    """The same in euros."""
    installation_usd_per_node: NonNegative | None = None
    """Delivery, racking and set-up of a node, paid once and never got back; absent: none."""
    installation_jpy_per_node: NonNegative | None = None
    """The same in yen."""
    installation_eur_per_node: NonNegative | None = None
    """The same in euros."""
    electricity_usd_per_kwh: NonNegative | None = None
    """Price of electricity."""
    electricity_jpy_per_kwh: NonNegative | None = None
    """The same in yen."""
    electricity_eur_per_kwh: NonNegative | None = None
    """The same in euros."""
    pue: Annotated[float, Field(ge=1, le=5)] | None = None
    """Power usage effectiveness of the place."""
    colocation_usd_per_kw_month: NonNegative | None = None
    """Space and power capacity per kW of IT load and month."""
    colocation_jpy_per_kw_month: NonNegative | None = None
    """The same in yen."""
    colocation_eur_per_kw_month: NonNegative | None = None
    """The same in euros."""
    price_end: Literal["value", "low", "high"] = "value"
    """Which end of the range of assumed prices to plan with."""
    purchase_price_usd: dict[str, Positive] = Field(default_factory=dict)
    """Whole purchase price by owned offer id: your own quotation."""
    purchase_price_jpy: dict[str, Positive] = Field(default_factory=dict)
    """The same in yen."""
    purchase_price_eur: dict[str, Positive] = Field(default_factory=dict)
    """The same in euros."""
    purchase_tax_included_fraction: Fraction01 = 0.0
    """Consumption tax inside those purchase prices; costs are without tax."""
    running_usd_per_hour: dict[str, NonNegative] = Field(default_factory=dict)
    """Everything but the purchase and its installation by owned offer id: your own figure in place of the lines."""
    rent_usd_per_hour: dict[str, Positive] = Field(default_factory=dict)
    """Price of a whole rented node by offer id, without tax: your own quotation."""
    adjustments: dict[Id, Annotated[tuple[Adjustment, ...], Field(min_length=1)]] = Field(default_factory=dict)
    """What was agreed with a provider, by its id: applied to each of its prices, one after the other."""
    spot_interruption_fraction: Annotated[float, Field(ge=0, le=0.95)] = 0.0
    """Share of the paid hours of a spot node that serve nothing: taken away, starting, loading weights.

    The price of an hour that serves is price / (1 - share).
    """
    rent_factor: Factor = 1.0
    """Multiplies every price of rented nodes: what if they cost more or less."""
    purchase_factor: Factor = 1.0
    """Multiplies every purchase price."""
    electricity_factor: Factor = 1.0
    """Multiplies every price of electricity."""

    @model_validator(mode="after")
    def _each_figure_is_stated_once(self) -> Self:
        faults = []
        for key in PRICES:
            given = [name for name in map(key.format, CURRENCIES) if getattr(self, name) is not None]
            if len(given) > 1:
                faults.append(f"{given[0]}: found {' and '.join(given)}; allowed: one of them")
        bought = [offer_id for currency in CURRENCIES for offer_id in getattr(self, f"purchase_price_{currency}")]
        twice = sorted({offer_id for offer_id in bought if bought.count(offer_id) > 1})
        if twice:
            faults.append(f"purchase_price_usd: found {', '.join(twice)} in two currencies; allowed: one each")
        if self.busy_fraction is not None and self.utilisation_of_tdp_fraction is not None:
            found = "utilisation_of_tdp_fraction beside it"
            faults.append(f"busy_fraction: found {found}; allowed: the mean draw, or how it comes about")
        draws = (self.idle_of_tdp_fraction, self.active_of_tdp_fraction)
        if draws[0] is not None and draws[1] is not None and draws[0] > draws[1]:
            faults.append(f"idle_of_tdp_fraction: found {draws[0]:g}; allowed: at most active = {draws[1]:g}")
        for name in ("idle_of_tdp_fraction", "active_of_tdp_fraction"):
            if getattr(self, name) is not None and self.busy_fraction is None:
                faults.append(f"{name}: found one without busy_fraction; allowed: only with it")
        if faults:
            raise ValueError("\n".join(faults))
        return self
