"""Two plans held against each other, leaf by leaf."""

from __future__ import annotations

from collections.abc import Iterator
from math import isclose
from typing import Any

EXACT = 1e-9
"""Relative distance of numbers that are the same: a tool may have written them with fewer digits."""


def differing(found: Any, derived: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield (key, found, derived) of each leaf of two JSON values that differs; None where one has no such leaf.

    >>> list(differing({"a": [1, 2.0]}, {"a": [1, 3]}))
    [('a.1', 2.0, 3)]
    """
    if isinstance(found, dict) and isinstance(derived, dict):
        for name in dict.fromkeys((*found, *derived)):
            yield from differing(found.get(name), derived.get(name), f"{key}.{name}" if key else str(name))
    elif isinstance(found, list) and isinstance(derived, list):
        for index in range(max(len(found), len(derived))):
            mine, other = (one[index] if index < len(one) else None for one in (found, derived))
            yield from differing(mine, other, f"{key}.{index}" if key else str(index))
    elif not _same(found, derived):
        yield key, found, derived


def _same(found: Any, derived: Any) -> bool:
    numbers = [one for one in (found, derived) if isinstance(one, int | float) and not isinstance(one, bool)]
    if len(numbers) == len((found, derived)):
        return isclose(found, derived, rel_tol=EXACT, abs_tol=EXACT)
    return type(found) is type(derived) and found == derived
