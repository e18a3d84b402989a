"""The check of a routing, which knows nothing of how it was found: each test breaks one thing."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from gpumix_referee.splitting.check import faults_of_routing
from gpumix_referee.splitting.split import Routing, Traffic

F = Fraction
TRAFFIC = Traffic(("small", "big"), (F(1), F(3)), ("short", "long"), ((F(4, 3), F(1)), (None, F(3, 4))), 4)
GOOD = Routing("optimal", (1, 1), ((F(3, 4), F(1, 4)), (F(0), F(1))), F(4), F(4))


def test_a_good_routing_passes() -> None:
    assert faults_of_routing(TRAFFIC, GOOD) == []
    assert faults_of_routing(TRAFFIC, Routing("infeasible", (), (), None, None)) == []


def broken(**changes: object) -> str:
    """Return what is said of the good routing with one thing changed."""
    return "\n".join(faults_of_routing(TRAFFIC, replace(GOOD, **changes)))  # type: ignore[arg-type]


def test_each_fault_is_named() -> None:
    assert "shares add up to 3/4" in broken(shares=((F(1, 2), F(1, 4)), (F(0), F(1))))
    assert "small, which cannot serve it" in broken(shares=((F(3, 4), F(1, 4)), (F(1), F(0))))
    assert "big: 0 nodes carry a load of 1" in broken(nodes=(1, 0), usd_per_hour=F(1), bound=F(1))
    assert "no whole number of 1/4 slices" in broken(shares=((F(5, 8), F(3, 8)), (F(0), F(1))))
    assert "cost: 5" in broken(usd_per_hour=F(5))
    assert "bound: 9" in broken(bound=F(9))
    assert "bound: 3" in broken(bound=F(3))
    assert "a count below 0" in broken(nodes=(-1, 2))
    assert "yet nodes are shown" in broken(status="infeasible")


def test_a_plan_that_is_only_feasible_may_have_a_lower_bound() -> None:
    assert broken(status="feasible", bound=F(3)) == ""
