"""What a change of prices, tariff or demand does to the verdict between renting and owning."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from optimizer.compare.breakeven import break_even_month, break_even_utilisation
from optimizer.compare.variant import Variant
from optimizer.demand import demand_key, quantity_of, with_quantity
from optimizer.schema.problem import Problem
from optimizer.units import exact

Verdict = Literal["rented", "owned", "mixed"]

STEP = 0.2
"""Each quantity is taken a fifth lower and a fifth higher."""

Changed = Callable[[Problem, float], Problem]


@dataclass(frozen=True)
class Change:
    """The three ways of obtaining nodes when one quantity is otherwise."""

    quantity: str
    """`rented prices`, `purchase prices`, `electricity`, `demand`, or `assumed prices`."""
    change: str
    """-20%, +20%, low end or high end."""
    usd_per_month: dict[str, float | None]
    """rented, owned, mixed -> cost of the cheapest plan; None: no plan."""
    verdict: Verdict | None
    """Which is cheapest; `mixed` only when it beats both; None: no plan at all."""
    break_even_month: int | None
    break_even_utilisation_fraction: float | None

    def as_json(self) -> dict[str, Any]:
        """Return the change as plain data."""
        return {
            "quantity": self.quantity, "change": self.change, "usd_per_month": dict(self.usd_per_month),
            "verdict": self.verdict, "break_even_month": self.break_even_month,
            "break_even_utilisation_fraction": self.break_even_utilisation_fraction,
        }


def verdict_of(rented: float | None, owned: float | None, mixed: float | None) -> Verdict | None:
    """Say which way is cheapest: both together only where that beats each alone.

    >>> verdict_of(10.0, 20.0, 10.0), verdict_of(10.0, 9.0, 9.0), verdict_of(10.0, 9.0, 8.0)
    ('rented', 'owned', 'mixed')
    >>> verdict_of(None, None, 8.0), verdict_of(None, None, None)
    ('mixed', None)
    """
    alone = min((cost for cost in (rented, owned) if cost is not None), default=None)
    if mixed is not None and (alone is None or mixed < alone):
        return "mixed"
    if alone is None:
        return None
    return "owned" if owned == alone else "rented"


def with_factor(name: str) -> Changed:
    """Return the change of one factor of the assumptions."""

    def changed(problem: Problem, factor: float) -> Problem:
        """Multiply a factor of a problem."""
        now: float = getattr(problem.assumptions, name)
        own = problem.assumptions.model_copy(update={name: now * factor})
        return problem.model_copy(update={"assumptions": own})

    return changed


def with_demand(problem: Problem, factor: float) -> Problem:
    """Multiply the demand of every service, rounded up to its own steps."""
    services = []
    for service in problem.services:
        step = demand_key(service).step
        scaled = quantity_of(service) * exact(factor)
        services.append(with_quantity(service, max(step, -(-scaled // step) * step)))
    return problem.model_copy(update={"services": tuple(services)})


def at_end(problem: Problem, end: str) -> Problem:
    """Plan with one end of the assumed prices."""
    own = problem.assumptions.model_copy(update={"price_end": end})
    return problem.model_copy(update={"assumptions": own})


QUANTITIES: tuple[tuple[str, Changed], ...] = (
    ("rented prices", with_factor("rent_factor")),
    ("purchase prices", with_factor("purchase_factor")),
    ("electricity", with_factor("electricity_factor")),
    ("demand", with_demand),
)


def variations(problem: Problem) -> Iterator[tuple[str, str, Problem]]:
    """Yield (quantity, change, problem): each quantity a fifth lower and higher, then both ends of assumed prices."""
    for quantity, changed in QUANTITIES:
        for factor in (1 - STEP, 1 + STEP):
            yield quantity, f"{factor - 1:+.0%}", changed(problem, factor)
    for end in ("low", "high"):
        yield "assumed prices", f"{end} end", at_end(problem, end)


def change_of(quantity: str, change: str, ways: Mapping[str, Variant], on_demand: Variant) -> Change:
    """Compare the ways of obtaining nodes under a change."""
    rented, owned, mixed = ways["rented"], ways["owned"], ways["mixed"]
    costs = {one.name: one.usd_per_month for one in (rented, owned, mixed)}
    share = None
    if owned.usd_per_month is not None and on_demand.usd_per_month is not None:
        share = break_even_utilisation(owned.usd_per_month, on_demand.around_the_clock_usd_per_month)
    return Change(
        quantity, change, costs, verdict_of(rented.usd_per_month, owned.usd_per_month, mixed.usd_per_month),
        break_even_month(owned.paid_usd, rented.paid_usd), share,
    )
