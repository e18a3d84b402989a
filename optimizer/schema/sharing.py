"""What a plan says of services that are cut, and of who pays what for the others."""

from optimizer.messages import Message
from optimizer.schema.base import Frozen


class Shed(Frozen):
    """A service that is cut, as not all can be served."""

    service_id: str
    priority: int
    """Of the service: 1 is the most important."""
    demand: Message
    """How its demand comes about."""
    reason: Message


class Share(Frozen):
    """What one service pays of a plan whose nodes are shared, in US dollars a month.

    The parts are whole cents that add up to the plan's cost.
    """

    service_id: str
    alone_usd_per_month: float | None
    """What the cheapest plan costs that serves it alone."""
    proportional_usd_per_month: float | None
    """Its part in proportion to what it would cost alone."""
    shapley_usd_per_month: float | None
    """What it adds to the cost, averaged over all orders in which services may join; of a few services."""
    marginal_usd_per_month: float | None
    """Its part in proportion to what its demand adds to the lower bound of the cost; of many services."""


class Saving(Frozen):
    """A plan whose nodes are shared against separate plans: every service on nodes of its own."""

    separate_usd_per_month: float | None
    """None: not every service has a plan of its own that is proven."""
    saved_usd_per_month: float | None
    saved_fraction: float | None
    broken: tuple[Message, ...] = ()
    """Rules of the whole that the separate plans together would break."""
