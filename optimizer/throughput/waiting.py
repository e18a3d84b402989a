"""How long a first token waits by kind of arrival: the closed forms behind its mean and its percentiles.

Closed: so many requests are always in flight, as load tests keep them. Open: requests come at a rate, as users do.
Burst: all come at once.
"""

from __future__ import annotations

import math

STEPS = 1.5
"""Decode steps that a request waits for beside its own prompt: half of the one under way, and its own first."""

UNLOADED_MS = 15.0
"""Fixed part of a first token: the connection, tokenising, scheduling. Of 33 open-loop rows of two laboratories those
with the lightest load wait 10 to 20 ms more than prompt and steps explain."""

WAVES = 10
"""Requests of a load test for each in flight, as public dashboards run it: the first wave is a burst."""

FIRST_MS, EACH_MS, SHARE_OF_PROMPT = 460.0, 43.5, 0.77
"""Of the first wave: a time for all, one for each request before, and the share of its prompt that nothing overlaps.
Fitted on the 99th percentiles of 857 closed-loop rows up to 64 in flight (DeepSeek-R1 on six GPUs, `inferencex_dsr1`):
within a factor of two for 66% of them; servers that compile while they are measured take 100 times as long."""


def queue_ms(prompt_ms: float, rate_per_s: float, percentile: float | None = None) -> float:
    """Return the wait for the prompts of requests that came before, infinite where more come than can be served.

    Requests come at random and one prompt is worked on at a time (M/D/1): the mean wait is u S / (2 (1 - u)) with
    utilisation u and prompt S (Pollaczek-Khinchine). Its tail falls as u exp(-t / m) with m = S / (2 (1 - u)).

    Args:
        percentile: of the wait, above 0 and below 1; None: the mean.

    >>> queue_ms(100.0, 5.0), round(queue_ms(100.0, 5.0, 0.95), 1), queue_ms(100.0, 0.1, 0.95), queue_ms(100.0, 10.0)
    (50.0, 230.3, 0.0, inf)
    """
    utilisation = prompt_ms * rate_per_s / 1000
    if utilisation >= 1:
        return math.inf
    among_waiting = prompt_ms / (2 * (1 - utilisation))
    if percentile is None:
        return utilisation * among_waiting
    beyond = 1 - percentile
    return among_waiting * math.log(utilisation / beyond) if utilisation > beyond else 0.0


def first_wave_ms(prompt_ms: float, concurrency: int, percentile: float) -> float:
    """Return how long a load test's request at a percentile waits for those of the first wave that came before it.

    All requests of the first wave come at once, 1 / `WAVES` of the whole; the last of them waits for all others. Later
    ones come one by one as others end.

    >>> round(first_wave_ms(100.0, 64, 0.99)), first_wave_ms(100.0, 64, 0.5)
    (7355, 0.0)
    """
    place = max(0.0, 1 - (1 - percentile) * WAVES)
    return place * (FIRST_MS + concurrency * (EACH_MS + SHARE_OF_PROMPT * prompt_ms))


def burst_ms(prompt_ms: float, concurrency: int, percentile: float | None = None) -> float:
    """Return how long a request waits where so many come at once: in the mean for half of the others' prompts.

    >>> burst_ms(10.0, 5), burst_ms(10.0, 5, 0.95)
    (20.0, 38.0)
    """
    return (0.5 if percentile is None else percentile) * (concurrency - 1) * prompt_ms
