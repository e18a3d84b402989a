"""Rules of a problem that only `gpumix solve` and what is built on its model know; others refuse them by name."""

from __future__ import annotations

from typing import Any

from optimizer.errors import Fault, InputError
from optimizer.schema.problem import Limits, Problem

NEUTRAL: dict[str, Any] = {"contracts": {}, "spot_share_fraction": None, "max_utilisation_fraction": 1.0}
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
    allowed = "nothing there; `gpumix solve` knows it for one peak"
    faults = [
        Fault(file, f"limits.{key}", f"a rule that {what} does not know", allowed)
        for key in rules_set(limits, *keys)
    ]
    if faults:
        raise InputError(faults)


def refuse_routed(problem: Problem, what: str) -> None:
    """Refuse services that route their classes apart, for what cannot follow them.

    Raises:
        InputError: with every such service.
    """
    faults = routed_faults(problem, what)
    if faults:
        raise InputError(faults)


def routed_faults(problem: Problem, what: str) -> list[Fault]:
    """List the services that route their classes apart, for what cannot follow them."""
    return [
        Fault(problem.name, f"services.{index}.routing", f"by_class for {what}", "mixed (gpumix solve takes both)")
        for index, service in enumerate(problem.services) if service.routes_classes
    ]
