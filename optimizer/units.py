"""Every scaling and rounding between real units and the solver's integers: cost and demand round up, capacity down."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

ONE = Fraction(1)

HOURS_PER_MONTH = 730
"""A month everywhere in gpumix: 8,760 hours a year / 12."""

MICRO = 1_000_000
"""Micro-dollars in a dollar, micro-requests in a request."""

GIB = 1024**3
"""Bytes in a GiB."""


def exact(number: float | int | Fraction) -> Fraction:
    """Return the decimal that a float prints as, exactly, so that 4.09625 stays 409625/100000."""
    if isinstance(number, float):
        return Fraction(*Decimal(repr(number)).as_integer_ratio())
    return Fraction(number)


def micro_usd_up(usd: float | Fraction, factor: Fraction = ONE) -> int:
    """Round dollars, times a factor, up to micro-dollars.

    >>> micro_usd_up(4.09625), micro_usd_up(Fraction(1, 3)), micro_usd_up(0.1, Fraction(1, 3))
    (4096250, 333334, 33334)
    """
    top, bottom = Decimal(repr(usd)).as_integer_ratio() if isinstance(usd, float) else usd.as_integer_ratio()
    return -(-top * factor.numerator * MICRO // (bottom * factor.denominator))


def usd(micro_usd: int) -> float:
    """Turn micro-dollars back into dollars."""
    return micro_usd / MICRO


def usd_per_month(micro_usd_per_hour: int) -> float:
    """Turn micro-dollars an hour into dollars a month of 730 hours."""
    return micro_usd_per_hour * HOURS_PER_MONTH / MICRO


def largest_holding(most: int, holds: Callable[[int], bool]) -> int:
    """Return the largest c <= most for which a property holds that, once lost, never returns; 0 when none.

    >>> largest_holding(40, lambda c: c * c <= 90), largest_holding(3, lambda c: True)
    (9, 3)
    """
    if most < 1 or holds(most):
        return max(0, most)
    low, high = 0, most - 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


def demand_up(quantity: float | Fraction, headroom_fraction: float | Fraction = 0.0) -> int:
    """Round a demand with its headroom up to an integer.

    >>> demand_up(40, 0.2), demand_up(41, 0.1)
    (48, 46)
    """
    return math.ceil(exact(quantity) * (1 + exact(headroom_fraction)))


def micro_rate_up(requests_per_s: float | Fraction, headroom_fraction: float | Fraction = 0.0) -> int:
    """Round a request rate with its headroom up to micro-requests a second.

    >>> micro_rate_up(0.1, 0.1), micro_rate_up(Fraction(1, 3))  # 0.1 x 1e6 x 1.1 in binary is 110000.00000000001
    (110000, 333334)
    """
    return demand_up(exact(requests_per_s) * MICRO, headroom_fraction)


def micro_rate_down(requests_per_s: float) -> int:
    """Round a capacity in requests/s down to micro-requests a second.

    >>> micro_rate_down(0.000249), micro_rate_down(0.00021799999999999999)  # in binary 248.99999999999997 and 218.0
    (249, 217)
    """
    top, bottom = Decimal(repr(requests_per_s)).as_integer_ratio()
    return top * MICRO // bottom
