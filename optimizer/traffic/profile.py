"""What a trace says of demand: classes of requests, rates, the peak, percentiles, the hours of the day."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optimizer.load.hours import counted
from optimizer.load.trace import Handled, Trace

if TYPE_CHECKING:
    import numpy as np

PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9)
LONGEST_GAPS = 3
GAP_S = 3600.0
"""A pause this long is worth naming."""


@dataclass(frozen=True)
class TraceClass:
    """Requests of like lengths."""

    isl_tokens: int
    """Mean, rounded up: shares times means add up to no fewer tokens than the trace has."""
    osl_tokens: int
    share_fraction: float
    requests: int
    isl_p95_tokens: int
    osl_p95_tokens: int


@dataclass(frozen=True)
class Gap:
    """A pause between two requests."""

    seconds: float
    after: str
    line: int
    """Of the request that ends it."""


@dataclass(frozen=True)
class Hour:
    """One hour of the day (or since the start)."""

    hour: int
    requests: int
    requests_per_s: float
    """Mean over the time that the trace covers of this hour."""


@dataclass(frozen=True)
class TraceProfile:
    """A trace in figures."""

    file: str
    rows: int
    requests: int
    dated: bool
    timezone: str
    start: str
    end: str
    span_s: float
    mean_rps: float
    window_s: float
    peak_rps: float
    """Of the busiest window, wherever it starts."""
    peak_at: str
    percentile_rps: dict[str, float]
    """Rates of windows laid end to end, quiet ones included."""
    classes: tuple[TraceClass, ...]
    largest_context_tokens: int
    """Most tokens in and out of one request."""
    hours: tuple[Hour, ...]
    gaps: tuple[Gap, ...]
    same_time_requests: int
    """Requests that came at the same instant as the one before."""
    zero_tokens: Handled
    out_of_order: Handled


def profile(trace: Trace, classes: int = 4, window_s: float = 60.0) -> TraceProfile:
    """Work a trace out.

    Args:
        trace: requests in the order of their times.
        classes: most classes of requests.
        window_s: seconds over which a rate is taken.
    """
    import numpy as np

    at = trace.seconds
    span = float(at[-1] - at[0])
    covered = max(span, window_s)
    inside = np.searchsorted(at, at + window_s, side="left") - np.arange(len(at))
    busiest = int(np.argmax(inside))
    return TraceProfile(
        trace.label, trace.rows, len(at), trace.dated, trace.timezone, _said(trace, at[0]), _said(trace, at[-1]), span,
        len(at) / covered, window_s, float(inside[busiest]) / window_s, _said(trace, at[busiest]),
        window_rates(at, window_s),
        classes_of(trace.input_tokens, trace.output_tokens, classes),
        int((trace.input_tokens + trace.output_tokens).max()), _hours(trace), _gaps(trace),
        int((np.diff(at) == 0).sum()), trace.zero_tokens, trace.out_of_order)


def window_rates(at: np.ndarray, window_s: float) -> dict[str, float]:
    """Return percentiles of the rates of windows laid end to end, each the next rate at or above; quiet ones count."""
    import numpy as np

    busy = np.sort(np.unique((at - at[0]) // window_s, return_counts=True)[1])
    windows = int((at[-1] - at[0]) // window_s) + 1
    ranks = {f"p{p:g}": math.ceil(p / 100 * (windows - 1) - 1e-9) - (windows - len(busy)) for p in PERCENTILES}
    return {name: float(busy[rank]) / window_s if rank >= 0 else 0.0 for name, rank in ranks.items()}


def classes_of(inputs: np.ndarray, outputs: np.ndarray, most: int) -> tuple[TraceClass, ...]:
    """Group requests by length: again and again the group that spreads most is cut at its mean.

    Lengths are taken as logarithms, so that 100 and 200 tokens are as far apart as 1,000 and 2,000; a group is cut
    along input or output, whichever has the larger sum of squared deviations.
    """
    import numpy as np

    logs = np.log(np.stack([inputs, outputs]).astype(float))
    groups = [np.arange(len(inputs))]
    spreads = [_spread(logs, groups[0])]
    while len(groups) < most:
        widest = max(range(len(groups)), key=lambda i: spreads[i][0])
        if spreads[widest][0] <= 0:
            break
        group, axis = groups[widest], spreads[widest][1]
        values = logs[axis, group]
        low = values <= values.mean()
        parts = [group[low], group[~low]]
        groups[widest : widest + 1], spreads[widest : widest + 1] = parts, [_spread(logs, part) for part in parts]
    found = [_class_of(inputs[group], outputs[group], len(inputs)) for group in groups]
    return tuple(sorted(found, key=lambda one: (one.isl_tokens, one.osl_tokens)))


def _spread(logs: Any, group: np.ndarray) -> tuple[float, int]:
    """Return (largest sum of squared deviations, its axis); 0 where all are alike."""
    import numpy as np

    mine = logs[:, group]
    alike = mine.max(axis=1) == mine.min(axis=1)
    spread = np.where(alike, 0.0, mine.var(axis=1) * len(group))
    axis = int(np.argmax(spread))
    return float(spread[axis]), axis


def _class_of(inputs: np.ndarray, outputs: np.ndarray, everyone: int) -> TraceClass:
    import numpy as np

    sides = [(-(-int(side.sum()) // len(side)), int(np.percentile(side, 95, method="higher")))
             for side in (inputs, outputs)]
    return TraceClass(
        sides[0][0], sides[1][0], len(inputs) / everyone, len(inputs), sides[0][1], sides[1][1])


def _said(trace: Trace, second: float) -> str:
    """Write a time in the trace's zone, or as seconds from its start."""
    from datetime import UTC, datetime
    from zoneinfo import ZoneInfo

    if not trace.dated:
        return f"{second:g} s"
    moment = datetime.fromtimestamp(float(second), UTC).astimezone(ZoneInfo(trace.timezone))
    return moment.isoformat(timespec="seconds")


def _hours(trace: Trace) -> tuple[Hour, ...]:
    """Return the mean rate of each hour of the day that the trace covers."""
    found = counted(trace.seconds, trace.dated, trace.timezone)
    return tuple(Hour(one.hour, one.requests, one.mean_rps) for one in found)


def _gaps(trace: Trace) -> tuple[Gap, ...]:
    """Name the longest pauses of an hour or more."""
    import numpy as np

    pauses = np.diff(trace.seconds)
    longest = np.argsort(-pauses, kind="stable")[:LONGEST_GAPS]
    return tuple(
        Gap(float(pauses[i]), _said(trace, trace.seconds[i]), int(trace.lines[i + 1]))
        for i in longest if pauses[i] >= GAP_S
    )
