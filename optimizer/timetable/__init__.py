"""Demand over time: what stands all day, what comes and goes by the hour, and which hours do the work that can wait."""

from __future__ import annotations

from optimizer.errors import Fault, InputError
from optimizer.schema.problem import Problem


def refuse_profile(problem: Problem, label: str, what: str) -> None:
    """Refuse a problem with a demand by the hour where one peak is asked for.

    Raises:
        InputError: naming every such key.
    """
    keys = ("profile", "hourly_concurrency", "hourly_rps")
    faults = [
        Fault(label, f"services.{index}.demand.{key}", "a demand by the hour", f"one peak: {what} looks at one")
        for index, service in enumerate(problem.services) if service.demand is not None
        for key in keys if getattr(service.demand, key) is not None
    ]
    if faults:
        raise InputError(faults)
