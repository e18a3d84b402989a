"""What a fleet may lose: one node, a provider, a region; replicas may be placed again on what is left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from optimizer.errors import Fault, InputError
from optimizer.fleet.case import FleetCase, Supply
from optimizer.schema.problem import Limits


@dataclass(frozen=True, order=True)
class Loss:
    """One thing that may be lost."""

    kind: Literal["nothing", "node", "provider", "region"]
    of_group: int = -1
    of_gpus: int = 0
    """Of a node: its group and its GPUs; nodes alike in both are lost alike."""
    place: tuple[str, ...] = ()
    """A provider, or a provider and its region."""

    def takes_one(self, supply: Supply) -> bool:
        """Say whether a node of this offer may be the one lost."""
        return self.kind == "node" and (supply.group, supply.gpus) == (self.of_group, self.of_gpus)

    def takes_all(self, supply: Supply) -> bool:
        """Say whether all nodes of this offer are lost."""
        return self.kind in ("provider", "region") and supply.offer.place[: len(self.place)] == self.place


NOTHING_LOST = Loss("nothing")


def losses_of(case: FleetCase, nodes: Sequence[int]) -> Iterator[Loss]:
    """Yield what may be lost of a fleet with so many nodes of each offer."""
    used = [supply for supply, count in zip(case.supplies, nodes, strict=True) if count]
    if case.lose_node:
        yield from (Loss("node", *key) for key in sorted({(supply.group, supply.gpus) for supply in used}))
    if case.lose_provider:
        yield from (Loss("provider", place=key) for key in sorted({supply.offer.place[:1] for supply in used}))
    if case.lose_region:
        yield from (Loss("region", place=key) for key in sorted({supply.offer.place for supply in used}))


def left_of(case: FleetCase, nodes: Sequence[int], loss: Loss) -> tuple[int, ...]:
    """Return the nodes of each offer that a loss leaves; of nodes alike the first by id is lost."""
    left = [0 if loss.takes_all(supply) else count for supply, count in zip(case.supplies, nodes, strict=True)]
    if loss.kind == "node":
        first = next(i for i, supply in enumerate(case.supplies) if left[i] and loss.takes_one(supply))
        left[first] -= 1
    return tuple(left)


def refuse_many_nodes(limits: Limits, file: str) -> None:
    """Refuse the loss of several nodes at once on shared nodes.

    Raises:
        InputError: more than one node may be lost.
    """
    if limits.survive.nodes > 1:
        allowed = (
            "0 or 1 in a shared fleet, where every service is placed again for each node lost; `gpumix solve` gives "
            "every service nodes of its own, of which any number may be lost")
        raise InputError([Fault(file, "limits.survive.nodes", str(limits.survive.nodes), allowed)])
