"""What was found for a fleet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optimizer.fleet.case import FleetCase
from optimizer.fleet.losses import Loss
from optimizer.schema.plan import Status


@dataclass(frozen=True)
class Placement:
    """Replicas on nodes."""

    nodes: tuple[int, ...]
    """By offer."""
    replicas: tuple[int, ...]
    """By item."""


@dataclass(frozen=True)
class FleetSolution:
    """What was found."""

    status: Status
    placement: Placement | None
    """With every node there."""
    bound: int | None
    """No fleet costs less, in micro-dollars an hour."""
    served: tuple[bool, ...] = ()
    """By service."""
    after: tuple[tuple[Loss, Placement], ...] = ()
    """Where replicas are placed again after each loss."""
    duals: tuple[int, ...] = ()
    """What each service costs at the margin, by column generation; empty else."""
    method: str = "cp-sat"

    @property
    def has_plan(self) -> bool:
        """Whether there are nodes to show."""
        return self.status in ("optimal", "feasible") and self.placement is not None


def cost_of(case: FleetCase, nodes: Sequence[int]) -> int:
    """Return the micro-dollars an hour of so many nodes of each offer."""
    return sum(supply.price * count for supply, count in zip(case.supplies, nodes, strict=True))


INFEASIBLE = FleetSolution("infeasible", None, None)
