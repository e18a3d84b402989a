"""When owning pays back."""

from __future__ import annotations

from collections.abc import Sequence


def break_even_hours(outlay_usd: float, own_usd_per_hour: float, rent_usd_per_hour: float) -> float | None:
    """Return after how many hours of rent the outlay is back: outlay / (rent - own running cost); None: never.

    Lenovo's case (LP2225, 2025-05): a server of 833,806 dollars that costs 0.87 an hour to run, against 98.32 an hour.

    >>> round(break_even_hours(833806, 0.87, 98.32) or 0)  # 833,806 / 97.45
    8556
    >>> break_even_hours(1000, 2.0, 2.0)
    """
    saved = rent_usd_per_hour - own_usd_per_hour
    if outlay_usd <= 0:
        return 0.0
    return outlay_usd / saved if saved > 0 else None


def break_even_month(owning: Sequence[float], renting: Sequence[float]) -> int | None:
    """Return the first month at whose end all that was paid for owning is no more than for renting; None: never.

    Args:
        owning: what was paid by the end of each month, from month 0 on.
        renting: the same.

    >>> break_even_month([100, 110, 120, 130], [0, 60, 120, 180]), break_even_month([100, 110], [0, 60])
    (2, None)
    """
    months = range(1, min(len(owning), len(renting)))
    return next((month for month in months if owning[month] <= renting[month]), None)


def break_even_utilisation(own_usd_per_month: float, on_demand_usd_per_month: float) -> float | None:
    """Return the share of the hours for which on-demand nodes cost as much as owned ones do around the clock.

    Above 1 renting is cheaper even around the clock.

    >>> break_even_utilisation(300.0, 1000.0), break_even_utilisation(300.0, 0.0)
    (0.3, None)
    """
    return own_usd_per_month / on_demand_usd_per_month if on_demand_usd_per_month > 0 else None
