"""The answer to a roadmap: what to buy, rent, keep and retire in each quarter, as other programs read it."""

from typing import Any, Literal

from pydantic import Field

from optimizer.schema.base import Evidence, Frozen, Kind, PriceEvidence
from optimizer.schema.plan import Inputs, Status

Way = Literal["buy", "reserve", "rent", "keep"]
"""How nodes come to stand: bought, committed for a term, rented by the quarter, or there already."""


class OfferTerms(Frozen):
    """An offer of the plan with today's prices of one node."""

    offer_id: str
    gpu_id: str
    gpu_count: int
    kind: Kind
    term_months: int
    provider: str
    region: str
    lead_time_quarters: int
    """Quarters from the order until a node stands."""
    life_quarters: int | None
    """Quarters that an owned node lives."""
    purchase_usd: float | None
    """Of an owned node."""
    running_usd_per_quarter: float | None
    """Of an owned node: power, colocation, maintenance, staff."""
    rent_usd_per_quarter: float | None
    """Of a rented node."""
    upfront_fraction: float
    """Share of a commitment that is paid at its start."""
    price_as_of: str
    price_evidence: PriceEvidence
    source_url: str
    from_overlay: bool


class NodeSetup(Frozen):
    """How one node of an offer serves a service, at its limit."""

    service_id: str
    offer_id: str
    engine_id: str
    precision: str
    tp_size: int
    gpu_count: int
    """GPUs of one replica."""
    layout: str | None = Field(default=None, exclude_if=lambda value: value is None)
    """How a replica spreads over its GPUs, such as tp1-dp8-ep8; absent: by tensor parallelism alone."""
    replicas: int
    """On one node."""
    concurrency_per_replica: int
    """Most requests in flight: what to set as the engine's maximum sequences."""
    capacity_per_node: float
    """Requests in flight, or requests/s, that one node carries at the target."""
    tokens_per_s_per_user: float | None
    ttft_ms: float | None
    evidence: Evidence
    error_fraction: float | None
    source_url: str | None


class NodeStay(Frozen):
    """Nodes that come together and leave together."""

    offer_id: str
    way: Way
    count: int
    ordered: int
    """Quarter of the order, counted from 0: a purchase is paid in it."""
    first: int
    """First quarter in which they stand."""
    end: int
    """First quarter in which they no longer stand; the number of quarters when they stand at the end; 0 for nodes there
    already that retire on the first day."""
    owned_already: int | None
    """Which entry of `roadmap.owned_already`, for nodes that are there already."""
    cost_usd: float
    """All of them over all time, discounted when a rate is set, less what they count for at the end."""


class QuarterDemand(Frozen):
    """What a service asks for in a quarter and what its nodes carry."""

    service_id: str
    amount: float
    """Requests in flight, or requests/s, headroom included."""
    capacity: float


class QuarterNodes(Frozen):
    """Nodes of one offer, obtained one way, in a quarter."""

    offer_id: str
    way: Way
    standing: int
    ordered: int
    """Ordered in this quarter."""
    arrived: int
    """Stand from this quarter on."""
    left: int
    """Stood in the quarter before and do no longer: retired, or their term or rent is over."""


class Serving(Frozen):
    """Nodes of an offer that serve a service in a quarter."""

    service_id: str
    offer_id: str
    nodes: int


class Cash(Frozen):
    """Money of a quarter or a year, nominal, without tax."""

    capex_usd: float
    """Purchases, in the quarter of the order."""
    rent_usd: float
    running_usd: float
    """Power, colocation, maintenance and staff of own nodes."""
    opex_usd: float
    """Rent and running together."""
    sold_usd: float
    """Got for nodes that retire before the plan ends, where roadmap.retired_nodes_sold says so."""
    cash_usd: float
    """Paid in all: capex and opex less what is sold."""
    depreciation_usd: float
    """Straight line over the life of own nodes, from the quarter in which they stand."""
    written_off_usd: float
    """Book value left of nodes that retire."""
    book_value_usd: float
    """Of own nodes at the end."""


class QuarterPlan(Frozen):
    """One quarter."""

    label: str
    starts: str
    fiscal_year: str
    demand: tuple[QuarterDemand, ...]
    nodes: tuple[QuarterNodes, ...]
    serving: tuple[Serving, ...]
    cash: Cash
    cumulative_cash_usd: float


class FiscalYearPlan(Frozen):
    """The quarters of the plan in one fiscal year."""

    label: str
    quarters: int
    capex_cap_usd: float | None
    opex_cap_usd: float | None
    cash: Cash


class BudgetPlan(Frozen):
    """The answer to a problem's roadmap."""

    schema_version: Literal[1] = 1
    problem: str
    status: Status
    discount_fraction_per_year: float
    """0: nominal money; else the total, its bound and `cost_usd` are present values on the first day."""
    total_cost_usd: float | None
    """All payments, those of commitments beyond the plan's end too, less what stands at the end counts for."""
    bound_usd: float | None
    """No plan costs less."""
    gap_fraction: float | None
    capex_usd: float | None
    """Purchases within the plan, nominal."""
    opex_usd: float | None
    """Rents and running within the plan, nominal."""
    sold_usd: float | None
    """Got for nodes sold within the plan, nominal."""
    committed_after_usd: float | None
    """Payments of commitments after the plan's end, nominal."""
    end_value_usd: float | None
    """What bought nodes that stand at the end count for, nominal."""
    currency: str
    fx_rate_per_usd: float | None
    fx_as_of: str | None
    offers: tuple[OfferTerms, ...]
    setups: tuple[NodeSetup, ...]
    stays: tuple[NodeStay, ...]
    quarters: tuple[QuarterPlan, ...]
    fiscal_years: tuple[FiscalYearPlan, ...]
    assumptions: tuple[str, ...]
    """How the money is counted."""
    warnings: tuple[str, ...]
    reasons: tuple[str, ...]
    """Why there is no plan."""
    inputs: Inputs

    def as_json(self) -> dict[str, Any]:
        """Return the plan as plain data."""
        return self.model_dump(mode="json")
