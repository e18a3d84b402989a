"""Whether what a ledger holds can be believed: a file may be cut, edited or mixed, and results are read by others."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from optimizer.batch.outcome import SEPARATOR, Outcome
from optimizer.errors import Fault, InputError

STATUSES = ("optimal", "feasible", "infeasible", "unknown", "error")

AS_WRITTEN = "a ledger as gpumix wrote it; delete the row from `outcomes` to solve it again, or use another --out"

SLACK = 1e-9
"""Relative distance that figures which went through SQLite may keep: none in fact, as it stores doubles."""


def assignments_of(file: str, name: object, text: object) -> tuple[str, ...]:
    """Read what a variant sets.

    Args:
        file: the ledger, for the message.
        name: of the variant.
        text: a JSON list of KEY=VALUE.

    Raises:
        InputError: it is something else.
    """
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise InputError([Fault(file, f"{name}, overrides", repr(text), AS_WRITTEN)])
    return tuple(found)


def outcome_in(file: str, values: dict[str, Any]) -> Outcome:
    """Make an outcome of the cells of a row.

    Raises:
        InputError: a cell is of another kind than its column.
    """
    faults = []
    for column in fields(Outcome):
        value = values.get(column.name)
        if column.type == "str":
            good = isinstance(value, str)
        elif column.type == "float | None":
            good = value is None or (isinstance(value, int | float) and math.isfinite(value) and value >= 0)
        else:
            good = value is None or isinstance(value, str)
        if not good:
            faults.append(Fault(file, f"{values.get('name')}, {column.name}", repr(value), AS_WRITTEN))
    if values.get("status") not in STATUSES:
        faults.append(Fault(file, f"{values.get('name')}, status", repr(values.get("status")), ", ".join(STATUSES)))
    if faults:
        raise InputError(faults)
    return Outcome(**values)


def check_outcome(file: str, row: Outcome) -> None:
    """Hold the figures of a row against the plan beside it and against its own bound.

    Raises:
        InputError: with every figure that contradicts another.
    """
    faults = [Fault(file, f"{row.name}, {key}", found, allowed) for key, found, allowed in _contradictions(row)]
    if faults:
        raise InputError(faults)


def _contradictions(row: Outcome) -> Iterator[tuple[str, str, str]]:
    cost, bound = row.usd_per_month, row.bound_usd_per_month
    if (cost is not None) != (row.status in ("optimal", "feasible")):
        yield "usd_per_month", f"{cost} beside {row.status}", "a cost if and only if there is a plan"
    if cost is not None and bound is not None and bound > cost * (1 + SLACK):
        yield "bound_usd_per_month", f"{bound} above the cost {cost}", "a bound that the cost is not below"
    if row.status == "error":
        if row.plan_json is not None:
            yield "plan_json", "a plan beside an error", AS_WRITTEN
        return
    try:
        plan = json.loads(row.plan_json or "")
        stated = {
            "status": plan["status"],
            "usd_per_month": plan["cost"]["usd_per_month"],
            "bound_usd_per_month": plan["bound_usd_per_month"],
            "mix": SEPARATOR.join(f"{node['count']} x {node['offer_id']}" for node in plan["nodes"]),
        }
        nodes = sum(float(node["usd_per_month"]) for node in plan["nodes"]) + float(
            plan["cost"]["breakdown"].get("contracts", 0.0))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        yield "plan_json", "text that is no plan", AS_WRITTEN
        return
    for name, value in stated.items():
        if getattr(row, name) != value:
            yield name, f"{getattr(row, name)!r} where its plan says {value!r}", AS_WRITTEN
    if cost is not None and not math.isclose(nodes, cost, rel_tol=1e-6, abs_tol=1e-6):
        yield "plan_json", f"nodes of {nodes:.6f} USD a month where the plan costs {cost}", AS_WRITTEN
