"""Rules of a problem that only `gpumix solve` and what is built on its model know; others refuse them by name."""

from __future__ import annotations

from typing import Any

from optimizer.errors import Fault, InputError
from optimizer.schema.problem import Limits

NEUTRAL: dict[str, Any] = {"contracts": {}, "spot_share_fraction": None}
"""Value of each when it is not set."""


def rules_set(limits: Limits, *keys: str) -> list[str]:
    """List those of `NEUTRAL` (or of some keys of it) that a problem sets."""
    return [key for key in keys or NEUTRAL if getattr(limits, key) != NEUTRAL[key]]


def refuse_limits(limits: Limits, file: str, what: str, *keys: str) -> None:
    """Refuse limits that a command would else ignore.

    Args:
        limits: of the problem.
        file: its name.
        what: the command.
        keys: of `NEUTRAL`; all of them when none is named.

    Raises:
        InputError: naming every one that is set.
    """
    faults = [
        Fault(file, f"limits.{key}", f"a rule that {what} does not know", "nothing there; `gpumix solve` knows it")
        for key in rules_set(limits, *keys)
    ]
    if faults:
        raise InputError(faults)
