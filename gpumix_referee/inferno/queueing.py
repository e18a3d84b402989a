"""One replica as a queue: requests come at random, up to N are served together, each slower the more there are.

The model of llm-inferno/optimizer (pkg/analyzer) and llm-inferno/queue-analysis: arrivals at a rate l; n requests in
service leave at rate n / (prefill(n) + (out - 1) x decode(n)), n at most N; at most 11 N in the system. prefill(n) =
gamma + delta x in x n, decode(n) = alpha + beta x n, in milliseconds.

Files with `perfParms` have the later model of the times (queue-analysis, commit 2436d94): a step with n requests takes
T(n) = alpha + n x (beta x (in + out) / (out + 1) + gamma x (in + out / 2)); prefill(n) = T(n) + (beta + gamma) x in,
decode(n) = T(n) + beta + gamma x (in + out / 2), and requests leave at rate n / (prefill(n) + out x decode(n)).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

QUEUE_PER_BATCH = 10
"""Requests that may wait for each one in service (config.MaxQueueToBatchRatio)."""

STABLE_FRACTION = 0.001
"""How far the rate stays from none and from the service rate (analyzer.Epsilon)."""

THROUGHPUT_MARGIN = 0.1
"""How far a server with a throughput target stays below the largest rate (analyzer.StabilitySafetyFraction)."""

STEPS = 60
"""Halvings of the range of rates: past the last bit of a double."""


@dataclass(frozen=True)
class Replica:
    """What the times of one replica depend on."""

    alpha: float
    beta: float
    gamma: float
    delta: float
    batch: int
    """Most requests in service."""
    in_tokens: int
    out_tokens: int

    def prefill_ms(self, served: float) -> float:
        """Return the prefill time with that many in service."""
        return self.gamma + self.delta * self.in_tokens * served if self.in_tokens else 0.0

    def decode_ms(self, served: float) -> float:
        """Return the time of one token with that many in service."""
        return self.alpha + self.beta * served

    def service_ms(self, served: np.ndarray) -> np.ndarray:
        """Return the time in service with so many there."""
        prefill = self.gamma + self.delta * self.in_tokens * served if self.in_tokens else 0.0 * served
        times: np.ndarray = prefill + (self.out_tokens - 1) * (self.alpha + self.beta * served)
        return times

    def load(self, throughput_rps: float, waiting_ms: float, in_service: float, service_ms: float) -> Load:
        """Return what a request sees at the mean number in service and the mean time there."""
        together = self._together(service_ms)
        return Load(throughput_rps, waiting_ms + self.prefill_ms(together), self.decode_ms(together))

    def _together(self, service_ms: float) -> float:
        """Return how many in service have this mean service time: prefill(n) + (out - 1) decode(n) = time."""
        tokens = self.out_tokens - 1
        slope = self.delta * self.in_tokens + self.beta * tokens
        fixed = (self.gamma if self.in_tokens else 0.0) + self.alpha * tokens
        return min(max((service_ms - fixed) / slope, 0.0), float(self.batch)) if slope > 0 else 0.0


@dataclass(frozen=True)
class StepReplica:
    """The same by the later model, in which every step serves prompts and tokens together."""

    alpha: float
    beta: float
    """Of each token computed."""
    gamma: float
    """Of each token in memory."""
    batch: int
    in_tokens: int
    out_tokens: int

    def step_ms(self, served: np.ndarray | float) -> np.ndarray | float:
        """Return the time of a step with that many in service."""
        computed = (self.in_tokens + self.out_tokens) / (self.out_tokens + 1)
        held = self.in_tokens + self.out_tokens / 2
        return self.alpha + served * (self.beta * computed + self.gamma * held)

    def prefill_ms(self, served: np.ndarray | float) -> np.ndarray | float:
        """Return the prefill time with that many in service."""
        return self.step_ms(served) + (self.beta + self.gamma) * self.in_tokens if self.in_tokens else 0.0 * served

    def service_ms(self, served: np.ndarray) -> np.ndarray:
        """Return the time in service with so many there."""
        token = self.step_ms(served) + self.beta + self.gamma * (self.in_tokens + self.out_tokens / 2)
        times: np.ndarray = np.asarray(self.prefill_ms(served) + self.out_tokens * token)
        return times

    def load(self, throughput_rps: float, waiting_ms: float, in_service: float, service_ms: float) -> Load:
        """Return what a request sees: the first token comes one decode after the prefill."""
        prefill = float(self.prefill_ms(in_service))
        token = (service_ms - prefill) / self.out_tokens
        return Load(throughput_rps, waiting_ms + prefill + token, token)


@dataclass(frozen=True)
class Load:
    """What a replica does at a rate."""

    throughput_rps: float
    ttft_ms: float
    """Waiting, prefill, and in the later model the first token."""
    itl_ms: float


class Queue:
    """The queue of one replica, its service rates computed once."""

    def __init__(self, replica: Replica | StepReplica) -> None:
        self.replica = replica
        served = np.arange(1, replica.batch + 1, dtype=float)
        with np.errstate(divide="ignore"):
            rates = served / replica.service_ms(served)
        states = (QUEUE_PER_BATCH + 1) * replica.batch
        self._log_rates = np.cumsum(np.log(np.concatenate([rates, np.full(states - replica.batch, rates[-1])])))
        self._numbers = np.arange(states + 1, dtype=float)
        self._served = np.minimum(self._numbers, replica.batch)
        self.least_per_ms = float(rates[0]) * STABLE_FRACTION
        self.most_per_ms = float(rates[-1]) * (1 - STABLE_FRACTION)

    def at(self, per_ms: float) -> Load:
        """Return what happens at a rate of arrivals, in requests a millisecond."""
        logs = np.concatenate([[0.0], self._numbers[1:] * np.log(per_ms) - self._log_rates])
        weights = np.exp(logs - logs.max())
        chance = weights / weights.sum()
        passed = per_ms * (1 - float(chance[-1]))
        in_system, in_service = float(chance @ self._numbers), float(chance @ self._served)
        waiting = max(0.0, (in_system - in_service) / passed)
        return self.replica.load(1000 * passed, waiting, in_service, in_service / passed)

    def largest_rate(self, kept: Callable[[Load], bool]) -> float | None:
        """Return the largest rate (requests a millisecond) that keeps a target; None when not even the least does.

        Times grow with the rate; the end of the range that keeps the target is returned: the safe side.
        """
        low, high = self.least_per_ms, self.most_per_ms
        if not 0 < low <= high < math.inf or not kept(self.at(low)):
            return None
        if kept(self.at(high)):
            return high
        for _ in range(STEPS):
            middle = (low + high) / 2
            low, high = (middle, high) if kept(self.at(middle)) else (low, middle)
        return low


def replica_rps(queue: Queue, ttft_ms: float, itl_ms: float, tokens_per_s: float) -> float | None:
    """Return the requests/s one replica passes on within its targets (0: none); None when it cannot meet them."""
    rates = [queue.most_per_ms * (1 - THROUGHPUT_MARGIN if tokens_per_s > 0 else 1)]
    if ttft_ms > 0:
        rates.append(queue.largest_rate(lambda load: load.ttft_ms <= ttft_ms) or 0.0)
    if itl_ms > 0:
        rates.append(queue.largest_rate(lambda load: load.itl_ms <= itl_ms) or 0.0)
    rate = min(rates)
    return queue.at(rate).throughput_rps if 0 < rate < math.inf else None
