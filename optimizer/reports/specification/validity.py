"""How long a specification holds, from the dates of its inputs alone: no clock is read."""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

VALID_MONTHS = 3
"""A price is taken to hold so long after its date: our choice, as quotations usually hold one to three months."""


def last_day(as_of: str) -> date:
    """Return the last day that a day, month or year may mean.

    >>> last_day("2026-02"), last_day("2025"), last_day("2026-08-21")
    (datetime.date(2026, 2, 28), datetime.date(2025, 12, 31), datetime.date(2026, 8, 21))
    """
    year, month, day = ([int(part) for part in as_of.split("-")] + [0, 0])[:3]
    month = month or 12
    return date(year, month, day or calendar.monthrange(year, month)[1])


def first_day(as_of: str) -> date:
    """Return the first day that a day, month or year may mean.

    >>> first_day("2026-02"), first_day("2025")
    (datetime.date(2026, 2, 1), datetime.date(2025, 1, 1))
    """
    year, month, day = ([int(part) for part in as_of.split("-")] + [1, 1])[:3]
    return date(year, month, day)


def months_later(day: date, months: int) -> date:
    """Return the same day some months later, or the last of that month.

    >>> months_later(date(2025, 11, 30), 3)
    datetime.date(2026, 2, 28)
    """
    count = day.year * 12 + day.month - 1 + months
    year, month = count // 12, count % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


@dataclass(frozen=True)
class Validity:
    """From when the inputs are, and until when the prices may be relied on."""

    as_of: str
    """The newest date among the inputs."""
    oldest: str
    """The oldest price, as it is written."""
    until: str
    lapsed: bool
    """Whether the prices had lapsed already when the newest input was read."""


def validity_of(dates: Iterable[str], prices: Iterable[str]) -> Validity | None:
    """Work out the validity, None where there is no price.

    Args:
        dates: of every input.
        prices: of the prices alone.
    """
    priced = sorted(prices, key=last_day)
    if not priced:
        return None
    newest = max([*dates, *priced], key=lambda as_of: (first_day(as_of), as_of))
    until = months_later(last_day(priced[0]), VALID_MONTHS)
    return Validity(newest, priced[0], until.isoformat(), until < first_day(newest))


