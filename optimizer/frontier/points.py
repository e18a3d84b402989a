"""A frontier and its points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from optimizer.messages import Message
from optimizer.schema.plan import Plan
from optimizer.solve import Prepared
from optimizer.solve.extract import rejection_rows

if TYPE_CHECKING:
    import pandas as pd

AxisName = Literal["speed", "users", "losses", "ttft"]


@dataclass(frozen=True)
class FrontierPoint:
    """One plan of the frontier."""

    value: float
    """What the plan promises, in the axis' unit: tokens/s, users, nodes lost, or ms."""
    value_low: float
    """The promise with every speed of the plan at the slow end of its error bar."""
    value_high: float
    """The promise with every speed at the fast end."""
    tokens_per_s_per_user: float | None
    """Plan speed of the service."""
    usd_per_month: float
    robust: bool
    """Whether no error bar of its neighbours meets its own, so that measuring cannot change their order."""
    proven: bool
    """Whether nothing cheaper keeps this promise."""
    plan: Plan


@dataclass(frozen=True)
class Frontier:
    """All points in rising value; the cost rises too, except with the TTFT, where it falls."""

    problem: str
    axis: AxisName
    unit: Message
    service_id: str
    low: float
    high: float | None
    points: tuple[FrontierPoint, ...]
    complete: bool
    """Whether every point within the range is there and proven."""
    solves: int
    """Values solved for; the stages of one tie-break count as one."""
    prepared: Prepared

    def point_at(self, value: float) -> FrontierPoint | None:
        """Return the cheapest point that keeps a promise of the axis, None when no point does."""
        points = reversed(self.points) if self.axis == "ttft" else iter(self.points)
        return next((p for p in points if (p.value <= value if self.axis == "ttft" else p.value >= value)), None)

    def as_json(self) -> dict[str, Any]:
        """Return the frontier as plain data, its rejections once."""
        return {
            "schema_version": 2,
            "problem": self.problem,
            "axis": self.axis,
            "unit": self.unit,
            "service_id": self.service_id,
            "range": [self.low, self.high],
            "points": [
                {
                    "value": p.value,
                    "value_low": p.value_low,
                    "value_high": p.value_high,
                    "tokens_per_s_per_user": p.tokens_per_s_per_user,
                    "usd_per_month": p.usd_per_month,
                    "robust": p.robust,
                    "proven": p.proven,
                    "plan": p.plan.as_json(rejections=False),
                }
                for p in self.points
            ],
            "complete": self.complete,
            "solves": self.solves,
            "rejections": [row.model_dump(mode="json") for row in rejection_rows(self.prepared)],
        }

    def to_frame(self) -> pd.DataFrame:
        """Return the points as a table, one row each."""
        import pandas as pd

        return pd.DataFrame([
            {
                self.axis: p.value, f"{self.axis}_low": p.value_low, f"{self.axis}_high": p.value_high,
                "usd_per_month": p.usd_per_month, "tokens_per_s_per_user": p.tokens_per_s_per_user,
                "robust": p.robust, "nodes": {node.offer_id: node.count for node in p.plan.nodes},
            }
            for p in self.points
        ])
