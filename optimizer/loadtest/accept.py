"""Whether a level may become a row of the catalog, and what its reader should know."""

from __future__ import annotations

from collections.abc import Callable

from optimizer.integrity import IDENTITY_ERROR, IDENTITY_WARNING
from optimizer.loadtest.distortion import REFUSED
from optimizer.loadtest.level import FoundLevel

FAILURE_LIMIT = 0.05
"""A level of which more requests than this share failed measured something else than serving."""

STEADY_FRACTION = 0.95
"""An open loop that serves less than this of its rate builds a queue without end: it has no level."""

FEWEST_WAVES = 2
"""A level of fewer requests than this for each user is one burst and its drain."""

FEW_WAVES = 5
"""Below so many requests for each user, ramp and drain weigh on the means (vLLM's own recipe asks for 5)."""


def _nothing_completed(level: FoundLevel, limit: float) -> str | None:
    if level.completed == 0:
        return "nothing completed: its latencies of 0 are no measurement"
    if level.cancelled:
        return "the run was cancelled"
    return None


def _says_so_itself(level: FoundLevel, limit: float) -> str | None:
    return level.no_row


def _no_level(level: FoundLevel, limit: float) -> str | None:
    """Refuse what came at no steady number of requests in flight."""
    if level.arrival == "burst":
        return "an open burst: all requests sent at once are no number of requests in flight"
    if level.arrival == "mixed":
        return "several stages or rates in one figure are no level: import the file of each stage"
    served, asked = level.requests_per_s, level.asked_rps
    if level.arrival == "open" and asked and served is not None and served < STEADY_FRACTION * asked:
        return f"an open loop of {asked:g} requests/s of which {served:.2f} were served: the queue grew all the time"
    return None


def _too_many_failed(level: FoundLevel, limit: float) -> str | None:
    sent = (level.completed or 0) + level.failed
    if level.completed is None or not level.failed or level.failed <= limit * sent:
        return None
    return f"{level.failed} of {sent} requests failed ({level.failed / sent:.0%}): at most {limit:.0%} may"


def _no_figures(level: FoundLevel, limit: float) -> str | None:
    if level.tpot.mean is None or level.tpot.mean <= 0:
        return "no time per output token: was it run with streaming, and for more than one token?"
    if level.osl_tokens is not None and level.osl_tokens < 2:
        return f"{level.osl_tokens:g} output tokens a request: time per output token needs 2 or more"
    if level.users is not None and level.users < 0.5:
        return f"{level.users:.3f} requests in flight on average are no level"
    return None


def _one_wave(level: FoundLevel, limit: float) -> str | None:
    if level.completed is None or level.users is None or level.users <= 1:
        return None
    if level.completed < FEWEST_WAVES * level.users:
        return f"{level.completed} requests for {level.users:g} in flight: one burst and its drain, no steady level"
    return None


def identity_distance(level: FoundLevel) -> float | None:
    """Return throughput / (C x OSL / (TTFT + (OSL - 1) x TPOT)) - 1, None where a figure is missing.

    Requests in flight = rate x time in flight (Little), for open loops too; synthetic batches have no such time.
    """
    seconds, tokens_per_s = level.in_flight_s, level.output_tokens_per_s
    if tokens_per_s is None and level.requests_per_s is not None and level.osl_tokens is not None:
        tokens_per_s = level.requests_per_s * level.osl_tokens
    if level.arrival == "batch" or not seconds or not level.users or not level.osl_tokens or tokens_per_s is None:
        return None
    return tokens_per_s * seconds / (level.users * level.osl_tokens) - 1


def _contradicts_itself(level: FoundLevel, limit: float) -> str | None:
    """Refuse a TPOT that does not add up to the file's own end-to-end time: it counts chunks, or other tokens."""
    seconds = level.in_flight_s
    if not level.e2e_ms or not seconds or abs(1000 * seconds / level.e2e_ms - 1) <= IDENTITY_ERROR:
        return None
    return (f"it contradicts itself: whole responses take {level.e2e_ms:.0f} ms, but TTFT + (OSL - 1) x TPOT ="
            f" {1000 * seconds:.0f} ms: its TPOT counts other tokens than its output length")


def _identity_broken(level: FoundLevel, limit: float) -> str | None:
    off = identity_distance(level)
    if off is None or abs(off) <= IDENTITY_ERROR:
        return None
    return (f"throughput is {off:+.0%} off C x OSL / (TTFT + (OSL - 1) x TPOT), the closed-loop identity: it was no"
            f" closed loop of {level.users:g}, or ramp and drain fill the figures")


def _client_moved_it(level: FoundLevel, limit: float) -> str | None:
    """Refuse what a busy client measured of itself."""
    if level.distortion_fraction <= REFUSED:
        return None
    return (f"its client fell behind: TTFT, TPOT or the number in flight may be off by {level.distortion_fraction:.0%};"
            " test again from a machine with more or quieter cores")


def _from_the_cache(level: FoundLevel, limit: float) -> str | None:
    """Refuse what a prefix cache answered without anybody having asked for that."""
    hits = level.cached_fraction
    if hits is None or level.prefix_cached_fraction or hits <= level.cached_allowed_fraction:
        return None
    return (f"{hits:.0%} of its input tokens came from the engine's prefix cache: it measures shorter prompts;"
            " test with other prompts, or a cache on purpose with --prefix-cached")


REFUSALS: tuple[Callable[[FoundLevel, float], str | None], ...] = (
    _says_so_itself, _nothing_completed, _no_level, _no_figures, _too_many_failed, _one_wave, _client_moved_it,
    _from_the_cache, _contradicts_itself, _identity_broken,
)
"""In this order; the first that applies is the reason."""


def refusal(level: FoundLevel, failure_limit: float = FAILURE_LIMIT) -> str | None:
    """Say why a level is no row of the catalog, None when it is one."""
    return next((why for check in REFUSALS if (why := check(level, failure_limit)) is not None), None)


def remarks(level: FoundLevel) -> tuple[str, ...]:
    """Say what weighs on a level that is accepted."""
    said = [f"trusted less: {doubt}" for doubt in level.doubts]
    off = identity_distance(level)
    if off is not None and abs(off) > IDENTITY_WARNING:
        said.append(f"throughput is {off:+.1%} off the closed-loop identity")
    if level.failed:
        said.append(f"{level.failed} of {level.failed + (level.completed or 0)} requests failed")
    if level.completed is not None and level.users and level.users > 1 and level.completed < FEW_WAVES * level.users:
        said.append(f"only {level.completed / level.users:.1f} requests for each in flight: ramp and drain weigh")
    if level.arrival == "open":
        said.append("an open loop: its requests in flight are the measured mean, so it only checks")
    if level.prefix_cached_fraction:
        said.append(f"{level.prefix_cached_fraction:.0%} of every prompt was the same: a workload of its own, so it"
                    " only checks")
    return tuple(said)
