"""How far the client itself moved what it measured: a busy client reads late, and lets its users idle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from optimizer.loadtest.records import Request

LIMIT = 0.02
"""A client that moves TTFT, TPOT or the number in flight by more than this share is told, and its row trusted less."""

REFUSED = 0.10
"""Beyond this share the figures are the client's."""

LATE_SHARE = 0.1
"""Events that come together were merged by this client only if it read late by this share of the time between two."""


@dataclass(frozen=True, slots=True)
class Distortion:
    """What one run owes to its client."""

    lag_ms: float
    """By how much pieces were read after they had come: the mean of the worst process."""
    shift_ms: float
    """By how much the first token is stamped too late, on average."""
    fraction: float
    """The largest share by which TTFT, TPOT or the number in flight is off."""


def idle_fraction(requests: Iterable[Request], users: int, window: tuple[float, float]) -> float:
    """Return the share of the users' time within a window in which none of their requests was in flight.

    >>> one = Request(0.0, 0.9, 100.0, 10.0, 51, 100, None)
    >>> round(idle_fraction([one], 1, (0.0, 1.0)), 3)
    0.1
    """
    start, end = window
    if end <= start:
        return 0.0
    busy = sum(max(0.0, min(request.end_s, end) - max(request.start_s, start)) for request in requests)
    return max(0.0, 1 - busy / (users * (end - start)))


def shift_ms(request: Request, stamped: bool) -> float:
    """Return by how much the first token of a request is stamped too late.

    Where the system stamps pieces, only tokens that had gathered unread share the stamp of the last; elsewhere a token
    is stamped when it is read.
    """
    if not stamped:
        return request.late_ms
    events = request.chunks - request.first_chunks
    if request.first_chunks < 2 or events < 1 or request.tpot_ms is None:
        return 0.0
    between = request.tpot_ms * (request.output_tokens - 1) / events
    return (request.first_chunks - 1) * between if request.late_ms > LATE_SHARE * between else 0.0


def distortion_of(
    requests: Sequence[Request], users: int, stamped: bool, window: tuple[float, float] | None = None
) -> Distortion:
    """Measure how far the client moved the figures of a run.

    Args:
        requests: requests that succeeded count for latencies, all of them for who was in flight.
        users: users that the run had.
        stamped: whether the system stamps pieces when they come.
        window: time in which all users were to be busy; None leaves this out.
    """
    good = [request for request in requests if request.usable and request.part != "drain"]
    if not good:
        return Distortion(0.0, 0.0, 0.0)
    by_worker: dict[int, list[float]] = {}
    for request in good:
        by_worker.setdefault(request.worker, []).append(request.late_ms)
    shift = fmean(shift_ms(request, stamped) for request in good)
    ttft = fmean(request.ttft_ms or 0.0 for request in good)
    decode = fmean((request.tpot_ms or 0.0) * (request.output_tokens - 1) for request in good)
    idle = idle_fraction(requests, users, window) if window is not None else 0.0
    shares = [shift / whole for whole in (ttft, decode) if whole > 0]
    return Distortion(max(fmean(late) for late in by_worker.values()), shift, max([idle, *shares]))
