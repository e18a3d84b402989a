"""What a trace says of demand: classes of requests, rates, the peak, percentiles, the hours of the day."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    lengths_rounded_to_digits: int | None = None
    """Where a trace has too many distinct lengths to keep apart, the digits that they were rounded up to."""
    time_unit: str | None = None
    """Of times that are numbers."""
    time_unit_from: str | None = None
    """What tells that unit."""
    time_unit_is_told: bool = True
    """False where nothing tells the unit and seconds were taken: the reader must look."""


def profile(trace: Trace, classes: int = 4, window_s: float = 60.0) -> TraceProfile:
    """Work a trace out, some requests at a time.

    Args:
        trace: requests in the order of their times.
        classes: most classes of requests.
        window_s: seconds over which a rate is taken.
    """
    requests = len(trace.at)
    start, end = float(trace.at.part(0, 1)[0]), float(trace.at.part(requests - 1, 1)[0])
    busiest, peak_at = busiest_window(trace.at.parts(), window_s)
    lengths = Lengths.of(zip(trace.inputs.parts(), trace.outputs.parts(), strict=True))
    return TraceProfile(
        trace.label, trace.rows, requests, trace.dated, trace.timezone, _said(trace, start), _said(trace, end),
        end - start, requests / max(end - start, window_s), window_s, busiest / window_s, _said(trace, peak_at),
        window_rates(trace.at.parts(), window_s), classes_of(lengths, classes), lengths.longest, _hours(trace),
        _gaps(trace), _same_time(trace), trace.zero_tokens, trace.out_of_order, lengths.rounded_to,
        None if trace.unit is None else trace.unit.name, None if trace.unit is None else trace.unit.why,
        trace.unit is None or trace.unit.sure)


def busiest_window(parts: Iterable[np.ndarray], window_s: float) -> tuple[int, float]:
    """Return the most requests that any window holds, wherever it starts, and when the first such window starts."""
    import numpy as np

    most, start, rest = 0, 0.0, np.zeros(0)
    for part in (*_with_end(parts),):
        at = rest if part is None else np.concatenate([rest, part])
        whole = len(at) if part is None else int(np.searchsorted(at, at[-1] - window_s, side="right"))
        inside = np.searchsorted(at, at[:whole] + window_s, side="left") - np.arange(whole)
        if len(inside) and int(inside.max()) > most:
            most, start = int(inside.max()), float(at[int(np.argmax(inside))])
        rest = at[whole:]
    return most, start


def _with_end(parts: Iterable[np.ndarray]) -> Iterator[np.ndarray | None]:
    """Yield the parts, then None."""
    yield from parts
    yield None


def window_rates(parts: Iterable[np.ndarray], window_s: float) -> dict[str, float]:
    """Return percentiles of the rates of windows laid end to end, each the next rate at or above; quiet ones count."""
    import numpy as np

    counts: dict[int, int] = {}
    first, last = float("nan"), 0.0
    for part in parts:
        first = float(part[0]) if math.isnan(first) else first
        last = float(part[-1])
        for window, count in zip(*np.unique((part - first) // window_s, return_counts=True), strict=True):
            counts[int(window)] = counts.get(int(window), 0) + int(count)
    busy = np.sort(np.array(list(counts.values())))
    windows = int((last - first) // window_s) + 1
    ranks = {f"p{p:g}": math.ceil(p / 100 * (windows - 1) - 1e-9) - (windows - len(busy)) for p in PERCENTILES}
    return {name: float(busy[rank]) / window_s if rank >= 0 else 0.0 for name, rank in ranks.items()}


MOST_PAIRS = 1_000_000
"""Distinct pairs of lengths that are kept apart; beyond, lengths are rounded up to three digits."""

KEPT_DIGITS = 3


@dataclass
class Lengths:
    """How often each pair of tokens in and tokens out came."""

    inputs: np.ndarray
    outputs: np.ndarray
    requests: np.ndarray
    longest: int
    """Most tokens in and out of one request."""
    rounded_to: int | None = None
    """Digits that lengths were rounded up to; None: none was."""

    @classmethod
    def of(cls, parts: Iterable[tuple[np.ndarray, np.ndarray]]) -> Lengths:
        """Count pairs."""
        import numpy as np

        empty = np.zeros(0, dtype=np.int64)
        found = cls(empty, empty, empty, 0)
        for inputs, outputs in parts:
            found._add(inputs.astype(np.int64), outputs.astype(np.int64), np.ones(len(inputs), dtype=np.int64))
            if len(found.requests) > MOST_PAIRS:
                found.rounded_to = KEPT_DIGITS
                found._add(empty, empty, empty)
        return found

    def _add(self, inputs: np.ndarray, outputs: np.ndarray, requests: np.ndarray) -> None:
        import numpy as np

        self.longest = max(self.longest, int((inputs + outputs).max(initial=0)))
        sides = [np.concatenate(pair) for pair in ((self.inputs, inputs), (self.outputs, outputs))]
        if self.rounded_to is not None:
            sides = [_rounded_up(side, self.rounded_to) for side in sides]
        weights = np.concatenate([self.requests, requests])
        key = sides[0] << 32 | sides[1]
        keys, place = np.unique(key, return_inverse=True)
        self.requests = np.bincount(place, weights=weights, minlength=len(keys)).astype(np.int64)
        self.inputs, self.outputs = keys >> 32, keys & (2**32 - 1)


def _rounded_up(values: np.ndarray, digits: int) -> np.ndarray:
    """Round whole numbers up to so many digits.

    >>> import numpy as np
    >>> _rounded_up(np.array([7, 1000, 12341]), 3).tolist()
    [7, 1000, 12400]
    """
    import numpy as np

    step = 10 ** np.maximum(0, np.floor(np.log10(np.maximum(values, 1))).astype(np.int64) - digits + 1)
    return np.asarray(-(-values // step) * step)


def classes_of(lengths: Lengths, most: int) -> tuple[TraceClass, ...]:
    """Group requests by length: again and again the group that spreads most is cut at its mean.

    Lengths are taken as logarithms, so that 100 and 200 tokens are as far apart as 1,000 and 2,000; a group is cut
    along input or output, whichever has the larger sum of squared deviations.
    """
    import numpy as np

    logs = np.log(np.stack([lengths.inputs, lengths.outputs]).astype(float))
    groups = [np.arange(len(lengths.requests))]
    spreads = [_spread(logs, lengths.requests, groups[0])]
    while len(groups) < most:
        widest = max(range(len(groups)), key=lambda i: spreads[i][0])
        if spreads[widest][0] <= 0:
            break
        group, axis = groups[widest], spreads[widest][1]
        values = logs[axis, group]
        low = values <= np.average(values, weights=lengths.requests[group])
        parts = [group[low], group[~low]]
        if not (len(parts[0]) and len(parts[1])):
            break
        groups[widest : widest + 1] = parts
        spreads[widest : widest + 1] = [_spread(logs, lengths.requests, part) for part in parts]
    found = [_class_of(lengths, group) for group in groups]
    return tuple(sorted(found, key=lambda one: (one.isl_tokens, one.osl_tokens)))


def _spread(logs: np.ndarray, requests: np.ndarray, group: np.ndarray) -> tuple[float, int]:
    """Return (largest sum of squared deviations, its axis); 0 where all are alike."""
    import numpy as np

    mine, weights = logs[:, group], requests[group]
    alike = mine.max(axis=1) == mine.min(axis=1)
    means = np.average(mine, axis=1, weights=weights)
    spread = np.where(alike, 0.0, ((mine - means[:, None]) ** 2 * weights).sum(axis=1))
    axis = int(np.argmax(spread))
    return float(spread[axis]), axis


def _class_of(lengths: Lengths, group: np.ndarray) -> TraceClass:
    requests = lengths.requests[group]
    total, everyone = int(requests.sum()), int(lengths.requests.sum())
    sides = [(-(-int((side * requests).sum()) // total), _p95(side, requests))
             for side in (lengths.inputs[group], lengths.outputs[group])]
    return TraceClass(sides[0][0], sides[1][0], total / everyone, total, sides[0][1], sides[1][1])


def _p95(values: np.ndarray, requests: np.ndarray) -> int:
    """Return the 95th percentile of values that come so often: the next value at or above."""
    import numpy as np

    order = np.argsort(values, kind="stable")
    rank = math.ceil(0.95 * (int(requests.sum()) - 1) - 1e-9)
    return int(values[order][np.searchsorted(np.cumsum(requests[order]), rank, side="right")])


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
    found = counted(trace.at.parts(), trace.dated, trace.timezone)
    return tuple(Hour(one.hour, one.requests, one.mean_rps) for one in found)


def _pauses(trace: Trace) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (index of the first, seconds from each request to the next), some requests at a time."""
    import numpy as np

    before, start = np.zeros(0), 0
    for part in trace.at.parts():
        yield start, np.diff(np.concatenate([before, part]))
        start, before = start + len(part) - (0 if len(before) else 1), part[-1:]


def _same_time(trace: Trace) -> int:
    return sum(int((pauses == 0).sum()) for _, pauses in _pauses(trace))


def _gaps(trace: Trace) -> tuple[Gap, ...]:
    """Name the longest pauses of an hour or more."""
    import numpy as np

    found: list[tuple[float, int]] = []
    for start, pauses in _pauses(trace):
        longest = np.argsort(-pauses, kind="stable")[:LONGEST_GAPS]
        found += [(-float(pauses[i]), start + int(i)) for i in longest if pauses[i] >= GAP_S]
        found = sorted(found)[:LONGEST_GAPS]
    return tuple(Gap(-seconds, _said(trace, float(trace.at.part(i, 1)[0])), int(trace.line.part(i + 1, 1)[0]))
                 for seconds, i in found)
