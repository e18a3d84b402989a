"""Where each server may run: what a replica passes on, costs and takes of an inventory; or why it cannot."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from gpumix_referee.inferno.queueing import Queue, Replica, StepReplica, replica_rps
from gpumix_referee.inferno.system import Performance, Server, System
from optimizer.units import exact

NANO = 10**9
"""Rates are counted in 1e-9 requests/s: those asked rounded up, those passed on rounded down."""

CENTS = 100


@dataclass(frozen=True)
class ServerOption:
    """Replicas of a server on one accelerator."""

    accelerator: str
    type: str
    nano_rps: int
    """Requests/s one replica passes on within the targets, rounded down."""
    usd_per_hour: Fraction
    """Of one replica."""
    cards: int
    """Of the type, for one replica."""


@dataclass(frozen=True)
class ServerNeed:
    """What a server asks for, and where it may have it."""

    server: str
    priority: int
    nano_rps: int
    """Rounded up."""
    min_replicas: int
    options: tuple[ServerOption, ...]
    reason: str
    """Why there is no option; empty where there is one, or where nothing is asked for."""

    def replicas_alone(self, option: ServerOption) -> int:
        """Return the replicas that carry the server on one accelerator."""
        return max(-(-self.nano_rps // option.nano_rps), self.min_replicas) if option.nano_rps else self.min_replicas


def batches_to(most: int) -> list[int]:
    """List the batch sizes that are tried where a file states only the most: the powers of 2 and the steps between.

    >>> batches_to(20)
    [1, 2, 3, 4, 6, 8, 12, 16, 20]
    """
    steps = {size for power in range(most.bit_length()) for size in (2**power, 3 * 2**power // 2)}
    return sorted({size for size in steps if size <= most} | {most})


def needs_of(system: System) -> tuple[ServerNeed, ...]:
    """Work out every server's options."""

    @cache
    def queue_of(replica: Replica | StepReplica) -> Queue:
        return Queue(replica)

    return tuple(_need(system, server, queue_of) for server in system.servers)


def _need(system: System, server: Server, queue_of: Callable[[Replica | StepReplica], Queue]) -> ServerNeed:
    priority = system.priority_of(server)
    idle = server.requests_per_min == 0 or server.out_tokens == 0
    target = system.targets.get((server.service_class, server.model))
    if idle and server.min_replicas == 0:
        return ServerNeed(server.name, priority, 0, 0, (), "")
    if target is None:
        reason = f"class {server.service_class} states no target for {server.model}"
        return ServerNeed(server.name, priority, 0, server.min_replicas, (), reason)
    wanted = exact(server.requests_per_min) / 60
    if target.tokens_per_s > 0 and not idle:
        wanted = exact(target.tokens_per_s) / server.out_tokens
    names = [server.keep] if server.keep else list(system.accelerators)
    found = [(name, _passed_on(system, server, name, idle, queue_of)) for name in names]
    options = tuple(
        _option(system, server.model, name, rate) for name, rate in found
        if rate is not None and (idle or math.floor(rate * NANO) > 0)
    )
    known = any((server.model, name) in system.performance for name in names)
    reason = "" if options else (
        "no accelerator meets its targets" if known else f"no performance of {server.model} is stated")
    return ServerNeed(
        server.name, priority, 0 if idle else math.ceil(wanted * NANO), server.min_replicas, options, reason)


def _passed_on(
    system: System, server: Server, name: str, idle: bool, queue_of: Callable[[Replica | StepReplica], Queue]
) -> float | None:
    """Return the requests/s of one replica on an accelerator; None when it has no figures or misses a target."""
    figures = system.performance.get((server.model, name))
    if figures is None:
        return None
    if idle:
        return 0.0
    target = system.targets[server.service_class, server.model]
    if server.batch or figures.at_tokens:
        batches = [server.batch or max(figures.batch * figures.at_tokens // server.out_tokens, 1)]
    else:
        batches = batches_to(figures.batch)
    rates = (replica_rps(queue_of(_replica(figures, batch, server)), target.ttft_ms, target.itl_ms, target.tokens_per_s)
             for batch in batches)
    return max((rate for rate in rates if rate is not None), default=None)


def _replica(figures: Performance, batch: int, server: Server) -> Replica | StepReplica:
    """Return a replica of a server with a batch size."""
    if figures.by_step:
        return StepReplica(
            figures.alpha, figures.beta, figures.gamma, batch, server.in_tokens, server.out_tokens)
    return Replica(
        figures.alpha, figures.beta, figures.gamma, figures.delta, batch, server.in_tokens, server.out_tokens)


def _option(system: System, model: str, name: str, rate: float) -> ServerOption:
    accelerator, count = system.accelerators[name], system.performance[model, name].accelerators
    return ServerOption(
        name, accelerator.type, math.floor(exact(rate) * NANO), exact(accelerator.cents_per_hour) * count / CENTS,
        accelerator.cards * count)
