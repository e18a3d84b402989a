"""What is recommended: three named plans, why one of them, what would change the bill most, what to do next."""

from typing import Literal

from optimizer.messages import Message
from optimizer.schema.base import Currency, Evidence, Frozen, Grade, Kind

PlanName = Literal["cheapest", "robust", "measured"]
"""`cheapest`: the question as asked; `robust`: speeds at the slow end of their bars, assumed prices at their high end;
`measured`: measured and interpolated speeds only."""


class NamedNodes(Frozen):
    """Nodes of one offer, as people name them."""

    offer_id: str
    count: int
    """Nodes."""
    product: str
    """The machine or GPU by its product name, such as `NVIDIA RTX A5000 24GB`."""
    label: str
    """The same, shortly, with the GPUs of a node before it where there are several: `4xRTX A5000`."""
    kind: Kind
    term_months: int
    provider: str
    region: str


class NamedService(Frozen):
    """What one service gets in a named plan."""

    service_id: str
    engines: tuple[str, ...]
    precisions: tuple[str, ...]
    tokens_per_s_per_user: float | None
    """At the peak; None: work that may wait, or whole responses."""
    target_tokens_per_s: float
    tokens_per_s_at_worst: float | None
    """The same with every speed at the slow end of its bar."""
    grade: Grade | None
    evidence: Evidence
    """The worst of its deployments."""
    error_fraction: float | None
    """Half-width of the widest bar of its deployments, on the slow side."""


class NamedPlan(Frozen):
    """One of the plans to choose from, proven under its own question."""

    name: PlanName
    status: Literal["optimal", "feasible", "infeasible", "unknown"]
    usd_per_month: float | None
    """At the prices that are planned with, also of the robust plan."""
    usd_per_month_high: float | None
    """With every assumed price at its high end."""
    currency: Currency
    rate_per_usd: float
    """Units of that currency in a US dollar."""
    purchases: float | None
    """Bought over the whole horizon, in that currency."""
    first_year: str | None
    """First fiscal year."""
    first_year_cash: float | None
    """What is paid in it, in that currency."""
    hosted: int = 0
    """Hosted APIs beside the nodes."""
    nodes: tuple[NamedNodes, ...]
    services: tuple[NamedService, ...]
    slower_fraction: float | None
    """Part by which all speeds may fall until its nodes no longer keep the promise; None: not known."""
    next_best_usd_per_month: float | None
    """The best plan of its question without any of its offers; None: there is none, or it is not known."""
    one_kind_for_usd_per_month: float | None = None
    """Where a plan of one kind of node stands in for a cheaper one of several kinds: what it costs more."""


class Lever(Frozen):
    """One change of the question, and the proven cost of the plan that follows."""

    name: Literal["fp8", "speed", "context", "survive", "places"]
    change: Message
    """What is changed."""
    remark: Message | None
    """What to look at before it is done."""
    overrides: tuple[str, ...]
    """The same as values of `--set`."""
    usd_per_month: float | None
    """None: proven that there is no plan."""
    change_fraction: float | None
    """Cost over that of the cheapest plan, less 1."""


class Recommendation(Frozen):
    """Which plan to take, and what to do next."""

    recommended: PlanName
    because: tuple[Message, ...]
    """Why, by the stated rule."""
    robust_within_fraction: float
    """The robust or the measured plan is recommended where it costs at most this part more than the cheapest."""
    confidence: float
    """Of the bars whose slow end the robust plan takes."""
    plans: tuple[NamedPlan, ...]
    levers: tuple[Lever, ...]
    """Those that change the cost, the largest change first."""
    not_proven: int
    """Levers whose solve reached its limit."""
    next: tuple[Message, ...]
    """What to do next, as commands."""
