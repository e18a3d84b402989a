"""The answer for a fleet: services that share nodes. Keys of a plan mean what they mean there."""

from typing import Any, Literal

from pydantic import Field

from optimizer.schema.base import Frozen
from optimizer.schema.plan import Cost, Inputs, Node, Placement, ServicePlan, Status


class FleetDeployment(Placement):
    """One service on nodes of one offer that it may share with others; `nodes` hold one or more of its replicas."""

    capacity_per_replica: float
    """Requests in flight, or requests/s, that one replica carries at the target."""
    load_fraction: float
    """Share of the service's requests to send here."""


class PlacedReplicas(Frozen):
    """Replicas of one service on one node."""

    service_id: str
    engine_id: str
    precision: str
    tp_size: int
    gpu_count: int
    """GPUs of one replica."""
    layout: str | None = Field(default=None, exclude_if=lambda value: value is None)
    """How a replica spreads over its GPUs, such as tp1-dp8-ep8; absent: by tensor parallelism alone."""
    replicas: int


class Layout(Frozen):
    """Nodes of one offer that hold the same replicas."""

    offer_id: str
    count: int
    """Nodes."""
    free_gpus: int
    """Of each node."""
    replicas: tuple[PlacedReplicas, ...]


class AfterLoss(Frozen):
    """Where every service runs after a loss."""

    kind: Literal["node", "provider", "region"]
    lost: str
    """An offer, one of whose nodes is lost; a provider; or provider/region."""
    deployments: tuple[FleetDeployment, ...]
    layouts: tuple[Layout, ...]


class FleetService(ServicePlan):
    """What one service gets."""

    priority: int
    gpus: int
    """GPUs that its replicas take."""


class Shed(Frozen):
    """A service that is cut."""

    service_id: str
    priority: int
    demand: str
    reason: str


class Share(Frozen):
    """What one service pays of the fleet, in US dollars a month; whole cents that add up to the cost."""

    service_id: str
    alone_usd_per_month: float | None
    """What the cheapest fleet costs that serves it alone."""
    proportional_usd_per_month: float | None
    """Its part in proportion to what it would cost alone."""
    shapley_usd_per_month: float | None
    """Its mean part over all orders in which services may join; up to eight services."""
    marginal_usd_per_month: float | None
    """Its part in proportion to the duals of the column generation; where there is no Shapley value."""


class Saving(Frozen):
    """The fleet against separate plans: every service on nodes of its own, each planned for itself."""

    separate_usd_per_month: float | None
    saved_usd_per_month: float | None
    saved_fraction: float | None
    broken: tuple[str, ...] = ()
    """Rules of the whole that the separate plans together would break."""


class FleetPlan(Frozen):
    """The answer for a fleet."""

    schema_version: Literal[1] = 1
    problem: str
    status: Status
    cost: Cost
    bound_usd_per_month: float | None
    gap_fraction: float | None
    nodes: tuple[Node, ...]
    deployments: tuple[FleetDeployment, ...]
    services: tuple[FleetService, ...]
    """Those served."""
    layouts: tuple[Layout, ...]
    """What each node holds."""
    shed: tuple[Shed, ...] = ()
    """Those cut, the least important first."""
    shares: tuple[Share, ...] = ()
    saving: Saving | None = None
    after_losses: tuple[AfterLoss, ...] = ()
    method: str
    """How it was solved."""
    inputs: Inputs
    warnings: tuple[str, ...] = ()
    """What a reader must know first."""
    reasons: tuple[str, ...] = ()
    """Why there is no plan, and what is short."""

    def as_json(self) -> dict[str, Any]:
        """Return the answer as plain data."""
        return self.model_dump(mode="json")
