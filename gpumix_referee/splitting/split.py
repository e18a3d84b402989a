"""Traffic of several classes that may be split over node types, and a routing of it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal


@dataclass(frozen=True)
class Traffic:
    """Classes of requests, the node types that may serve them, and what each pair takes.

    The question: the cheapest number of nodes of each type such that all of every class is served and no type carries
    more than its nodes. min sum p_t y_t; sum_t s_ct = 1; sum_c a_ct s_ct <= y_t; y whole, s a multiple of 1 / slices.
    """

    node_types: tuple[str, ...]
    usd_per_hour: tuple[Fraction, ...]
    """Of one node, by node type."""
    classes: tuple[str, ...]
    nodes_needed: tuple[tuple[Fraction | None, ...], ...]
    """By class and node type: nodes that the whole class fills (its rate / a node's rate); None where it cannot run."""
    slices: int | None = None
    """A class is divided into this many equal slices at most, each on one node type; None: freely."""

    def unserved(self) -> tuple[str, ...]:
        """Return the classes that no node type can serve."""
        return tuple(
            name for name, row in zip(self.classes, self.nodes_needed, strict=True) if all(one is None for one in row)
        )


@dataclass(frozen=True)
class Routing:
    """An answer: nodes, and where each class goes."""

    status: Literal["optimal", "feasible", "infeasible", "unknown"]
    nodes: tuple[int, ...]
    """By node type; empty without an answer."""
    shares: tuple[tuple[Fraction, ...], ...]
    """By class and node type: the fraction of the class's requests sent there; each class adds up to 1."""
    usd_per_hour: Fraction | None
    bound: Fraction | None
    """No routing costs less, US dollars an hour."""
