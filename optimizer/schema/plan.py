"""The answer: what a plan says, as other programs read it (`--format json`)."""

import hashlib
import json
from typing import Any, Literal

from pydantic import Field

from optimizer.messages import Message
from optimizer.schema.base import Evidence, Frozen, Grade, Kind, PriceEvidence
from optimizer.schema.layout import ReplicaLayout
from optimizer.schema.recommendation import Recommendation
from optimizer.schema.sharing import Saving, Share, Shed

Status = Literal["optimal", "feasible", "infeasible", "unknown"]


class Cost(Frozen):
    """What the plan costs."""

    usd_per_hour: float | None
    usd_per_month: float | None
    breakdown: dict[str, float]
    """Line -> US dollars a month: rent, capital, power, ..."""
    budget_usd_per_month: float | None = None
    """The cost cap, a month, in US dollars."""
    usd_per_million_output_tokens: float | None = None
    """At the full peak, around the clock."""
    local_per_month: float | None = None
    """The monthly cost in the problem's currency, when that is not the US dollar."""
    currency: str = "USD"
    fx_rate_per_usd: float | None = None
    fx_as_of: str | None = None


class YearOfCash(Frozen):
    """What a plan pays in one fiscal year, in the problem's currency."""

    name: str
    """FY and the calendar year in which it begins: FY2027."""
    months: int
    """Months of it in which the nodes are in service."""
    purchases: float
    """Owned nodes and their installation."""
    upfront: float
    """Paid at once for reserved terms."""
    running: float
    """Rent, power, space, maintenance, staff, licences."""
    cash: float
    """All of it."""


class Commitment(Frozen):
    """What a reserved term binds to, in the problem's currency."""

    offer_id: str
    nodes: int
    months: int
    amount: float
    """The whole first term of all these nodes."""
    ends: str
    """Last month of the term."""


class SiteEnergy(Frozen):
    """What the owned nodes of one site draw and emit."""

    site: str
    kwh_per_month: float
    """From the grid, PUE included."""
    g_co2e_per_kwh: float | None
    """Of the grid; None: unknown."""
    kg_co2e_per_month: float | None
    source_url: str
    """Of the grid's factor."""
    as_of: str


class ApiBeside(Frozen):
    """What a hosted API of the same model would cost: cheapest of those in the catalog."""

    service_id: str
    provider: str
    api_model: str
    input_usd_per_million: float
    output_usd_per_million: float
    tokens_per_month: float | None
    """Billed tokens, input and output, at the real demand; None: a peak alone does not tell it."""
    usd_per_month: float | None
    """For them."""
    break_even_tokens_per_month: int | None
    """Billed tokens a month from which the plan, as it stands, costs no more; None: with several services."""
    carried_tokens_per_month: float | None
    """Billed tokens a month at the full peak around the clock, the most of the plan; None: with several services."""
    tokens_per_s: float | None
    """Speed that the provider promises; None: none."""
    source_url: str
    as_of: str


class Approval(Frozen):
    """The sums that someone signs, in the problem's currency."""

    currency: str
    start: str
    """Month in which the nodes come into service (`accounting.start`)."""
    months: int
    """How long they are needed (`limits.horizon_months`)."""
    purchases: float
    """Everything that is bought over the months, installation included."""
    purchases_first_year: float
    """What of it is bought in the first twelve months."""
    years: tuple[YearOfCash, ...]
    """Cash by fiscal year; what nodes are sold for at the end is left out."""
    commitments: tuple[Commitment, ...]
    cost_per_month: float
    """The plan's cost a month, capital as an annuity: the measure that plans are compared by."""
    budget_per_month: float | None
    """The budget by that measure."""
    per_million_output_tokens_at_demand: float | None
    """Cost for a million output tokens at the real demand; None: a peak alone does not tell it."""
    per_million_output_tokens_at_peak: float | None
    """The same if the peak lasted around the clock."""
    tax_fraction: float
    """Consumption tax in the cash; costs a month are without."""


class Node(Frozen):
    """Nodes of one offer."""

    offer_id: str
    gpu_id: str
    gpu_count: int
    kind: Kind
    term_months: int
    provider: str
    region: str
    count: int
    usd_per_month: float
    """All of them together."""
    price_as_of: str
    price_evidence: PriceEvidence
    usd_per_hour_each: float
    usd_per_month_low: float
    usd_per_month_high: float
    source_url: str
    from_overlay: bool
    node_hours_per_month: float | None = Field(default=None, exclude_if=lambda value: value is None)
    """All of them together, where nodes come and go by the hour; `count` is then the most at one time."""
    idle: int = Field(default=0, exclude_if=lambda value: not value)
    """How many of `count` serve nothing: held because of `limits.at_least`, though no service can use them."""


class ClassShare(Frozen):
    """One request class on the nodes of one deployment, where classes are routed apart."""

    isl_tokens: int
    osl_tokens: int
    share_of_class_fraction: float
    """Share of the class's requests to send here; over all deployments it adds up to 1."""
    concurrency: float
    """Mean requests in flight of this class at the peak, reserves included, all replicas together."""
    rps: float | None
    """Requests/s of this class at the peak, reserves included; None where requests in flight are planned for."""
    concurrency_alone: int
    """Most requests of this class in flight on a replica that serves no other."""
    capacity_per_node: float
    """Requests in flight, or requests/s, that a node carries of this class alone at the target."""
    tokens_per_s_per_user: float | None
    """At the peak, beside the other classes here."""
    ttft_ms: float | None
    evidence: Evidence
    error_fraction: float | None
    source_url: str | None


class Placement(Frozen):
    """Replicas of one service on nodes of one offer."""

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
    """All nodes together."""
    nodes: int
    concurrency_per_replica: int
    """Most requests in flight: what to set as the engine's maximum sequences."""
    concurrency_at_peak: int
    tokens_per_s_per_user: float | None
    """At the peak."""
    ttft_ms: float | None
    evidence: Evidence
    error_fraction: float | None
    source_url: str | None


def spread_of(one: Placement) -> ReplicaLayout:
    """Return how a replica of a placement spreads over its GPUs."""
    if one.layout is not None:
        return ReplicaLayout.parse(one.layout)
    return ReplicaLayout(one.tp_size, pp_size=max(1, one.gpu_count // max(1, one.tp_size)))


class Deployment(Placement):
    """One service on the nodes of one offer."""

    capacity_per_node: float
    """Requests in flight, or requests/s, that one node carries at the target."""
    load_fraction: float
    """Share of the service's requests to send here (all its nodes together); in a plan by the hour, of an interactive
    service in its busiest hour, of an async one over its windows."""
    plan_speed_capacity_per_node: float | None = Field(default=None, exclude_if=lambda value: value is None)
    """In a plan by the hour: requests in flight, or requests/s, that one node carries at the plan's speed. Sent in
    proportion to it, the requests of every slot are carried at that speed by whichever nodes run in the slot."""
    classes: tuple[ClassShare, ...] | None = Field(default=None, exclude_if=lambda value: value is None)
    """Where classes are routed apart, those that come here; a node that is only there to stand in has none."""
    utilisation_fraction: float | None = Field(default=None, exclude_if=lambda value: value is None)
    """Where classes are routed apart: the part of these nodes that they fill at the peak."""


class ServicePlan(Frozen):
    """What one service gets."""

    service_id: str
    model_id: str
    kind: Literal["sync", "async"] = "sync"
    ttft_limit_ms: float | None = None
    e2e_limit_ms: float | None = None
    peak_concurrency: int
    capacity_concurrency: int
    tokens_per_s_per_user: float | None
    grade: Grade | None
    target_tokens_per_s: float
    planned_concurrency: int | None
    """The peak with headroom."""
    peak_rps: float | None
    capacity_rps: float | None
    headroom_fraction: float
    demand: Message
    """How the demand came about."""
    arithmetic: Message
    """Why the nodes are enough."""
    gpu_hours_per_day: float | None
    mean_utilisation_fraction: float | None
    peak_utilisation_fraction: float | None
    """Demand at the peak with its headroom over what the nodes carry: at most `limits.max_utilisation_fraction`."""
    routing: Literal["by_class"] | None = Field(default=None, exclude_if=lambda value: value is None)
    """`by_class` where request classes are routed apart."""


class ServedModel(Frozen):
    """What the model of a service was read as, and in which precision its parts lie."""

    service_id: str
    model: str
    """As the problem names it."""
    parameters_billion: float
    """In all, vision and audio towers included."""
    active_parameters_billion: float
    """Passed by one token."""
    counted_from: str
    """What the count rests on: published total, safetensors index, or shape."""
    verified: bool
    """Whether the family's counting was checked against a published total or the real architecture."""
    stored: dict[str, str]
    """Part of the published checkpoint -> its precision; `kv_cache` is the cache that it brings scales for."""
    planned: dict[str, dict[str, str]]
    """Precision of a deployment -> part -> precision."""


class WindowWork(Frozen):
    """What an async service gets done in its window."""

    service_id: str
    start_hour: float
    end_hour: float
    requests: float
    """To be done in each window, headroom included."""
    capacity_requests: float
    """What its nodes can do in the window, the least of the cycle."""
    quarter: int | None = Field(default=None, exclude_if=lambda value: value is None)
    """Of the roadmap, counted from 0."""


class RunningReplicas(Frozen):
    """Replicas of one service on nodes of one offer in a period."""

    service_id: str
    offer_id: str
    engine_id: str
    precision: str
    tp_size: int
    gpu_count: int
    """GPUs of one replica."""
    replicas: int
    nodes: int
    """That hold one or more of them."""


class NodeLayout(Frozen):
    """Nodes of one offer that hold the same replicas."""

    offer_id: str
    count: int
    """Nodes."""
    free_gpus: int
    """Of each node."""
    replicas: tuple[RunningReplicas, ...]
    """Of each node."""


class HostedShare(Frozen):
    """What a hosted API carries of a service in a period."""

    service_id: str
    provider: str
    api_model: str
    amount: float
    """Of the demand, in its unit."""
    parts: int
    """Parts of the demand that it carries, of `of_parts` equal ones."""
    of_parts: int


class HostedSupply(Frozen):
    """A hosted API that carries part of a service, and its bill."""

    service_id: str
    model_id: str
    provider: str
    api_model: str
    input_usd_per_million: float
    output_usd_per_million: float
    tokens_per_month: float
    """Billed, input and output together: at most so many of the real demand."""
    usd_per_month: float
    tokens_per_s: float | None
    """That the provider states for one user; None: it promises none, so that the target is unverified there."""
    source_url: str
    as_of: str


class PeriodDemand(Frozen):
    """What a service asks for in a period, and what its replicas carry."""

    service_id: str
    amount: float
    """Requests in flight or requests/s, headroom included; 0 for work that may wait."""
    capacity: float
    """The same of its replicas, each at its most; where classes are routed apart, of its best class alone."""


class LossPlan(Frozen):
    """Where every service runs after a loss."""

    kind: Literal["node", "provider", "region"]
    lost: str
    """GPU type and GPUs of each lost node; a provider; or provider/region."""
    running: tuple[RunningReplicas, ...]
    layouts: tuple[NodeLayout, ...]


class Period(Frozen):
    """A stretch of time in which the same nodes stand: a peak, hours of a day or week, a quarter, hours within one."""

    label: str
    """Such as `peak`, `2027-Q2`."""
    quarter: int | None
    """Of the roadmap, counted from 0."""
    hours: tuple[int, ...]
    """Of the day from midnight, or of the week from Monday; empty where one peak stands for all hours."""
    demand: tuple[PeriodDemand, ...]
    nodes: dict[str, int]
    """Offer -> nodes that stand."""
    running: tuple[RunningReplicas, ...]
    layouts: tuple[NodeLayout, ...] = ()
    """What each node holds, where replicas of several services share nodes."""
    losses: tuple[LossPlan, ...] = ()
    """Where replicas are placed again after each loss to survive."""
    hosted: tuple[HostedShare, ...] = Field(default=(), exclude_if=lambda value: not value)
    """What hosted APIs carry beside the nodes, the same after each loss but that of their provider."""


class StayPlan(Frozen):
    """Nodes that come together and leave together, in the quarters of a roadmap."""

    offer_id: str
    way: Literal["buy", "reserve", "rent", "keep"]
    count: int
    ordered: int
    """Quarter of the order, counted from 0: a purchase is paid in it."""
    first: int
    """First quarter in which they stand."""
    end: int
    """First quarter in which they no longer stand; the number of quarters when they stand at the end; 0 of nodes there
    already that retire on the first day."""
    hours: tuple[int, ...] = ()
    """Of nodes rented for some hours of each day: those hours."""
    owned_already: int | None = None
    """Which entry of `roadmap.owned_already`, for nodes that are there already."""
    cost_usd: float
    """All of them over all time, discounted when a rate is set, less what they count for at the end."""


class Cash(Frozen):
    """Money of a quarter or a fiscal year, nominal, without tax, and what the books say of own nodes."""

    capex_usd: float
    """Purchases with their installation, in the quarter of the order."""
    rent_usd: float
    """Rents, commitments and hosted APIs."""
    running_usd: float
    """Power, colocation, maintenance and staff of own nodes."""
    opex_usd: float
    """Rent and running together."""
    sold_usd: float
    """Got for nodes sold before the plan ends."""
    cash_usd: float
    """Paid in all: capex and opex less what is sold."""
    depreciation_usd: float
    """Straight line over the life of own nodes, from the quarter in which they stand."""
    written_off_usd: float
    """Book value left of nodes that retire."""
    book_value_usd: float
    """Of own nodes at the end."""


class QuarterMoneyPlan(Cash):
    """Money of one quarter."""

    label: str
    starts: str
    """Its first day."""
    fiscal_year: str
    cumulative_cash_usd: float
    """Paid from the first quarter up to the end of this one."""


class FiscalYearPlan(Cash):
    """Money of the plan's quarters in one fiscal year, beside its caps."""

    label: str
    quarters: int
    capex_cap_usd: float | None
    opex_cap_usd: float | None


class OfferTerms(Frozen):
    """What one node of an offer costs by the quarter, at today's prices."""

    offer_id: str
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


class RoadmapPlan(Frozen):
    """Money over the quarters of a roadmap."""

    total_cost_usd: float
    """All payments, those of commitments beyond the plan's end too, less what stands at the end counts for."""
    bound_usd: float
    """No plan costs less."""
    discount_fraction_per_year: float
    """0: nominal money; else the total, its bound and `cost_usd` are present values on the first day."""
    committed_after_usd: float
    """Payments of commitments after the plan's end, nominal."""
    end_value_usd: float
    """What bought nodes that stand at the end count for, nominal."""
    stays: tuple[StayPlan, ...]
    quarters: tuple[QuarterMoneyPlan, ...]
    fiscal_years: tuple[FiscalYearPlan, ...]
    offers: tuple[OfferTerms, ...]
    assumptions: tuple[Message, ...]
    """How the money is counted."""


class Proposal(Frozen):
    """Another plan for the same problem, to be seen beside the best."""

    name: Message
    status: Status
    usd_per_month: float | None
    nodes: tuple[Node, ...]


class RejectionRow(Frozen):
    """What was dropped and why."""

    service_id: str
    gpu_id: str
    engine_id: str | None
    precision: str | None
    tp_size: int | None
    offer_ids: tuple[str, ...]
    step: Literal["memory", "engine", "speed", "policy", "evidence"]
    reason: Message


class DecisiveFigure(Frozen):
    """A figure that the plan depends on, and what the plan costs at the bad end of its range."""

    figure: Message
    value: Message
    usd_per_month_at_bad_end: float | None
    """None: no plan at that end."""


class Inputs(Frozen):
    """What the answer was computed from."""

    problem_sha256: str
    catalog_sha256: str
    gpumix_version: str
    ortools_version: str
    overlays: tuple[str, ...] = ()
    engine_versions: dict[str, str] = Field(default_factory=dict, exclude_if=lambda value: not value)
    """Engine -> version that its memory and speeds are planned for; rows of other versions have wider bars."""


class Plan(Frozen):
    """The answer to a problem."""

    schema_version: Literal[2] = 2
    problem: str
    status: Status
    cost: Cost
    bound_usd_per_month: float | None
    gap_fraction: float | None
    nodes: tuple[Node, ...]
    deployments: tuple[Deployment, ...]
    services: tuple[ServicePlan, ...]
    proposals: tuple[Proposal, ...]
    rejections: tuple[RejectionRow, ...]
    inputs: Inputs
    models: tuple[ServedModel, ...] = Field(default=(), exclude_if=lambda value: not value)
    """What each service's model was read as, with the precision of every part."""
    warnings: tuple[Message, ...] = ()
    """What a reader must know first: estimates, assumed prices, figures of an overlay."""
    depends_on: tuple[DecisiveFigure, ...] = ()
    """The figures that the plan depends on most."""
    reasons: tuple[Message, ...] = ()
    """Why there is no plan, and what would make one."""
    approval: Approval | None = Field(default=None, exclude_if=lambda value: value is None)
    """The sums that someone signs."""
    apis: tuple[ApiBeside, ...] = Field(default=(), exclude_if=lambda value: not value)
    """What hosted APIs would cost, for orientation: no promise of speed, and data leaves the house."""
    energy: tuple[SiteEnergy, ...] = Field(default=(), exclude_if=lambda value: not value)
    """Electricity and emissions of owned nodes, by site."""
    periods: tuple[Period, ...] = Field(default=(), exclude_if=lambda value: not value)
    """Who runs where in each period: of questions that are more than one peak of dedicated nodes."""
    hosted: tuple[HostedSupply, ...] = Field(default=(), exclude_if=lambda value: not value)
    """Hosted APIs that carry part of the demand, where `limits.kinds` allows `api`."""
    work: tuple[WindowWork, ...] = Field(default=(), exclude_if=lambda value: not value)
    """Work that may wait and when it is done, in a plan of periods."""
    roadmap: RoadmapPlan | None = Field(default=None, exclude_if=lambda value: value is None)
    """Money over the quarters of a roadmap."""
    sharing: Literal["none", "nodes"] = Field(default="none", exclude_if=lambda value: value == "none")
    """`nodes`: replicas of several services share nodes; `capacity_per_node` is then that of one replica."""
    method: str = Field(default="", exclude_if=lambda value: not value)
    """Which engine proved a plan of periods."""
    shed: tuple[Shed, ...] = Field(default=(), exclude_if=lambda value: not value)
    """Services that are cut, the least important first; everything else in the plan is of the others."""
    shares: tuple[Share, ...] = Field(default=(), exclude_if=lambda value: not value)
    """Who pays what, where nodes are shared."""
    saving: Saving | None = Field(default=None, exclude_if=lambda value: value is None)
    """What sharing saves against separate plans."""
    recommendation: Recommendation | None = Field(default=None, exclude_if=lambda value: value is None)
    """Named plans beside this one, which of them to take, and what would change the bill most."""

    @property
    def has_plan(self) -> bool:
        """Whether something serves: nodes, or hosted APIs alone."""
        return self.cost.usd_per_month is not None

    def as_json(self, rejections: bool = True) -> dict[str, Any]:
        """Return the plan as plain data with its digest; rejections stand once in a document."""
        data = self.model_dump(mode="json")
        if not rejections:
            del data["rejections"]
        return {**data, DIGEST: plan_sha256(data)}

    @property
    def sha256(self) -> str:
        """The digest that this plan has as a file of its own."""
        return plan_sha256(self.model_dump(mode="json"))


DIGEST = "plan_sha256"
"""Key of the digest of everything else in a saved plan."""

LARGEST_EXACT = 2**53
"""From here on floats are no longer whole numbers one by one."""


def plan_sha256(data: dict[str, Any]) -> str:
    """Return the SHA-256 of a plan's canonical JSON: keys sorted, no blanks, whole numbers without a point, UTF-8.

    Any program that keeps the values keeps the digest, whatever it does to blanks, order, escapes or `1.0`
    (after RFC 8785, JSON Canonicalization Scheme).

    Args:
        data: a plan as JSON has it; its own digest, if there, is left out.

    >>> plan_sha256({"b": 1.0, "a": "x"}) == plan_sha256({"a": "x", "b": 1, "plan_sha256": "any"})
    True
    """
    kept = {key: value for key, value in data.items() if key != DIGEST}
    text = json.dumps(_canonical(kept), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _canonical(value: Any) -> Any:
    """Return a value whose whole floats are integers."""
    if isinstance(value, dict):
        return {key: _canonical(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(inner) for inner in value]
    return int(value) if isinstance(value, float) and abs(value) < LARGEST_EXACT and value.is_integer() else value
