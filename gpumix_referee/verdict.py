"""What the proven optimum of another tool's instance is."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Verdict:
    """The answer to one instance."""

    name: str
    status: str
    usd_per_hour: float | None
    bound: float | None
    """US dollars an hour."""
    nodes: dict[str, int]
    """Option -> count."""
    stated_optimum_usd_per_hour: float | None
    """What the file itself says, None when it says nothing."""

    def as_json(self) -> dict[str, Any]:
        """Return the verdict as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class RoutedVerdict(Verdict):
    """The answer to an instance whose request classes are routed to node types."""

    seconds: float = 0.0
    """Building and solving; reading the file and starting the process left out."""
    routing: dict[str, dict[str, float]] = field(default_factory=dict)
    """Class -> node type -> share of its requests."""
    unserved: tuple[str, ...] = ()
    """Classes that no node type can serve, where that is why there is no answer."""
