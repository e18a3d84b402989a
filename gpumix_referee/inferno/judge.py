"""The proven least cost of an instance; what is short where it cannot be had, and what to drop."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gpumix_referee.inferno.check import Placed, faults_of_placement
from gpumix_referee.inferno.options import ServerNeed, needs_of
from gpumix_referee.inferno.system import System, read_system
from gpumix_referee.pooling.program import PoolCase, PoolOption
from gpumix_referee.pooling.prove import PoolSolution, least_further_cards, solve_dropping, solve_pool
from optimizer.errors import VerificationError


@dataclass(frozen=True)
class Inventory:
    """Cards of one type."""

    type: str
    used: int
    stock: int | None
    """None: unlimited."""
    short: int
    """Cards that must be added, at least so many over all inventories, for every server to be served."""


@dataclass(frozen=True)
class PoolVerdict:
    """The answer to one instance."""

    name: str
    model: str
    """single (each server on one accelerator) or mixed."""
    status: str
    usd_per_hour: float | None
    bound: float | None
    """US dollars an hour."""
    nodes: dict[str, int]
    """Accelerator -> how many."""
    servers: tuple[Placed, ...]
    inventories: tuple[Inventory, ...]
    dropped: tuple[str, ...]
    """Servers left out, lowest priority first."""
    impossible: dict[str, str]
    """Server -> why no accelerator can serve it."""
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return the verdict as plain data."""
        return asdict(self)


def judge(path: Path, single: bool, shed: bool, time_limit_s: float | None = None) -> PoolVerdict:
    """Solve one instance.

    Args:
        path: a folder with the six files, or one file that holds all.
        single: each server on one accelerator; else on any mix.
        shed: where not all can be served, drop servers, the lowest priority first.
        time_limit_s: of each search.

    Raises:
        InputError: with every fault of the files.
        VerificationError: the answer breaks a rule: our own fault.
    """
    system = read_system(path)
    start = time.perf_counter()
    everyone = needs_of(system)
    impossible = {need.server: need.reason for need in everyone if need.reason}
    needs = tuple(need for need in everyone if not need.reason)
    inventories = sorted({one.type for one in system.accelerators.values()})
    case, unit = pool_case(needs, system, inventories, single)
    found = solve_pool(case, time_limit_s)
    short: Sequence[int] = ()
    if found.status == "infeasible":
        short = least_further_cards(case, time_limit_s).further
        found = solve_dropping(case, time_limit_s) if shed else found
    placed = placed_of(needs, case, found)
    dropped = _dropped(needs, found, impossible, system) if shed and found.replicas else ()
    status = "infeasible" if impossible and not shed else found.status
    answered = status in ("optimal", "feasible")
    verdict = PoolVerdict(
        path.name, "single" if single else "mixed", status,
        found.cost / unit if answered and found.cost is not None else None,
        found.bound / unit if answered and found.bound is not None else None,
        nodes_of(placed, system) if answered else {}, placed if answered else (),
        tuple(_inventory(system, one, i, placed if answered else (), short) for i, one in enumerate(inventories)),
        dropped, impossible, round(time.perf_counter() - start, 6))
    faults = faults_of_placement(
        needs, system, verdict.servers, verdict.dropped, single, verdict.usd_per_hour) if answered else []
    if faults:
        raise VerificationError("\n".join(faults))
    return verdict


def pool_case(
    needs: Sequence[ServerNeed], system: System, inventories: Sequence[str], single: bool
) -> tuple[PoolCase, int]:
    """Turn needs into integers; also return the parts of a dollar that prices are counted in."""
    unit = math.lcm(*(option.usd_per_hour.denominator for need in needs for option in need.options), 1)
    options = tuple(
        PoolOption(
            server, int(option.usd_per_hour * unit), min(option.nano_rps, need.nano_rps),
            inventories.index(option.type), option.cards, need.replicas_alone(option))
        for server, need in enumerate(needs) for option in need.options
    )
    capacity = system.capacity
    stock = tuple(None if capacity is None else capacity.get(one, 0) for one in inventories)
    return PoolCase(
        tuple(need.nano_rps for need in needs), tuple(need.min_replicas for need in needs),
        tuple(need.priority for need in needs), options, stock, single), unit


def placed_of(needs: Sequence[ServerNeed], case: PoolCase, found: PoolSolution) -> tuple[Placed, ...]:
    """List where the replicas are."""
    accelerators = [option.accelerator for need in needs for option in need.options]
    return tuple(
        Placed(needs[one.server].server, name, count)
        for one, name, count in zip(case.options, accelerators, found.replicas, strict=True) if count
    ) if found.replicas else ()


def nodes_of(placed: Sequence[Placed], system: System) -> dict[str, int]:
    """Count the accelerators that replicas take."""
    models = {server.name: server.model for server in system.servers}
    counts: Counter[str] = Counter()
    for one in placed:
        counts[one.accelerator] += one.replicas * system.performance[models[one.server], one.accelerator].accelerators
    return {name: counts[name] for name in system.accelerators if counts[name]}


def _inventory(
    system: System, name: str, position: int, placed: Sequence[Placed], short: Sequence[int]
) -> Inventory:
    counts = nodes_of(placed, system)
    used = sum(one.cards * counts.get(one.name, 0) for one in system.accelerators.values() if one.type == name)
    stock = None if system.capacity is None else system.capacity.get(name, 0)
    return Inventory(name, used, stock, short[position] if short else 0)


def _dropped(
    needs: Sequence[ServerNeed], found: PoolSolution, impossible: dict[str, str], system: System
) -> tuple[str, ...]:
    """Return the servers that are left out, the lowest priority first."""
    left = {need.server for need, on in zip(needs, found.served, strict=True) if not on} | set(impossible)
    order = sorted(system.servers, key=lambda server: (-system.priority_of(server), server.name))
    return tuple(server.name for server in order if server.name in left)
