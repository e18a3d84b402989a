"""The answer: what a plan says, as other programs read it (`--format json`)."""

from typing import Any, Literal

from pydantic import Field

from optimizer.schema.base import Evidence, Frozen, Grade, Kind, PriceEvidence
from optimizer.schema.layout import ReplicaLayout

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
    """Share of the service's requests to send here (all its nodes together)."""
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
    demand: str
    """How the demand came about."""
    arithmetic: str
    """Why the nodes are enough."""
    gpu_hours_per_day: float | None
    mean_utilisation_fraction: float | None
    peak_utilisation_fraction: float | None
    routing: Literal["by_class"] | None = Field(default=None, exclude_if=lambda value: value is None)
    """`by_class` where request classes are routed apart."""


class RunningNodes(Frozen):
    """Nodes of one offer that serve one service in a slot."""

    service_id: str
    offer_id: str
    engine_id: str
    nodes: int


class TimeSlot(Frozen):
    """Hours in which the same nodes run."""

    hours: tuple[int, ...]
    """Of the day from midnight, or of the week from Monday 00:00."""
    demand: dict[str, float]
    """Interactive service -> requests in flight or requests/s, headroom included."""
    running: tuple[RunningNodes, ...]
    """What serves what; standing nodes that are not named rest."""
    standing_nodes: int
    hourly_nodes: int
    usd_per_hour: float
    """Of all nodes that are there."""


class WindowWork(Frozen):
    """What an async service gets done in its window."""

    service_id: str
    start_hour: float
    end_hour: float
    requests: float
    """To be done in each window, headroom included."""
    capacity_requests: float
    """What its nodes can do in the window, the least of the cycle."""


class Timetable(Frozen):
    """Which nodes stand all the time, and which run when."""

    hours: int
    """24 for a day, 168 for a week."""
    standing: dict[str, int]
    """Offer -> nodes that are there in every hour."""
    slots: tuple[TimeSlot, ...]
    work: tuple[WindowWork, ...]
    standing_usd_per_month: float
    hourly_usd_per_month: float


class Proposal(Frozen):
    """Another plan for the same problem, to be seen beside the best."""

    name: str
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
    reason: str


class DecisiveFigure(Frozen):
    """A figure that the plan depends on, and what the plan costs at the bad end of its range."""

    figure: str
    value: str
    usd_per_month_at_bad_end: float | None
    """None: no plan at that end."""


class Inputs(Frozen):
    """What the answer was computed from."""

    problem_sha256: str
    catalog_sha256: str
    gpumix_version: str
    ortools_version: str
    overlays: tuple[str, ...] = ()


class Plan(Frozen):
    """The answer to a problem."""

    schema_version: Literal[1] = 1
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
    warnings: tuple[str, ...] = ()
    """What a reader must know first: estimates, assumed prices, figures of an overlay."""
    depends_on: tuple[DecisiveFigure, ...] = ()
    """The figures that the plan depends on most."""
    reasons: tuple[str, ...] = ()
    """Why there is no plan, and what would make one."""
    timetable: Timetable | None = Field(default=None, exclude_if=lambda value: value is None)
    """Hour by hour, for a problem with a demand by the hour."""

    def as_json(self, rejections: bool = True) -> dict[str, Any]:
        """Return the plan as plain data; rejections stand once in a document."""
        data = self.model_dump(mode="json")
        if not rejections:
            del data["rejections"]
        return data
