"""Times of requests, counted into the hours of a day or a week."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

SLOT_S = 900
"""Quarters of an hour: every time zone's offset is a whole number of them."""


HOUR_S = 3600


@dataclass(frozen=True)
class HourCount:
    """Requests of one hour of the day (of the week), all days together."""

    hour: int
    """From midnight, of a week from Monday; where times are no dates, from the first request."""
    requests: int
    mean_rps: float
    """Over the time that is covered of this hour."""
    whole_rps: float
    """The mean of the days that cover the whole hour; where none does, an hour half covered counts as whole."""
    busiest_rps: float
    """Of the day with the most requests in it, never below that mean."""


def counted(parts: Iterable[np.ndarray], dated: bool, timezone: str, hours: int = 24) -> tuple[HourCount, ...]:
    """Count times into hours; those that the times do not reach are left out.

    Args:
        parts: times in rising order, since 1970 UTC or since any start, in one array or several.
        dated: whether they are dates.
        timezone: whose hours to count into.
        hours: 24 for a day, 168 for a week.
    """
    import numpy as np

    base, first, last, counts = 0, 0.0, 0.0, np.zeros(0, dtype=np.int64)
    for number, seconds in enumerate(parts):
        if number == 0:
            first, base = float(seconds[0]), int(seconds[0] // SLOT_S) * SLOT_S
        last = float(seconds[-1])
        more = np.bincount(((seconds - base) // SLOT_S).astype(np.int64), minlength=len(counts))
        more[: len(counts)] += counts
        counts = more
    slots = base + SLOT_S * np.arange(len(counts), dtype=float)
    covered = np.minimum(slots + SLOT_S, last) - np.maximum(slots, first)
    of_slot, day = _hours_of(slots, dated, timezone, hours)
    found = []
    for hour in sorted(set(of_slot.tolist())):
        mine = of_slot == hour
        time, requests = float(covered[mine].sum()), int(counts[mine].sum())
        by_day = [np.bincount(day[mine], weights=part[mine]) for part in (counts, covered)]
        whole, busiest = _of_days(*by_day)
        found.append(HourCount(int(hour), requests, requests / max(time, 1.0), whole, busiest))
    return tuple(found)


def _of_days(requests: np.ndarray, seconds: np.ndarray) -> tuple[float, float]:
    """Return (mean rate of the days that cover the hour, rate of the busiest), from requests and seconds by day.

    The first and the last hour of a trace are covered in part: they count only where no day covers that hour whole.
    """
    full = seconds >= HOUR_S - 1
    if full.any():
        mean = float(requests[full].mean()) / HOUR_S
    else:
        mean = float(requests.sum() / (sum(HOUR_S if one >= HOUR_S / 2 else one for one in seconds) or 1.0))
    return mean, max(mean, float(requests.max()) / HOUR_S)


def _hours_of(slots: np.ndarray, dated: bool, timezone: str, hours: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the hour of each slot, and which turn of that hour it belongs to."""
    import numpy as np
    import pandas as pd

    if not dated:
        since = ((slots - slots[0]) // HOUR_S).astype(np.int64)
        return since % hours, since // hours
    moments = pd.to_datetime(slots, unit="s", utc=True).tz_convert(timezone)
    hour = np.asarray(moments.hour, dtype=np.int64)
    turn = np.unique(np.asarray(moments.tz_localize(None).normalize()), return_inverse=True)[1]
    weekday = np.asarray(moments.day_of_week, dtype=np.int64)
    return (hour if hours == 24 else weekday * 24 + hour), turn
