"""The cheapest routing of traffic: a search in plain integers first, and the solver for what that leaves open."""

from __future__ import annotations

from fractions import Fraction
from functools import partial

from gpumix_referee.splitting.check import faults_of_routing
from gpumix_referee.splitting.counts import CountSearch, search_counts
from gpumix_referee.splitting.near_split import split_or_cut
from gpumix_referee.splitting.scaled import scaled
from gpumix_referee.splitting.split import Routing, Traffic
from optimizer.errors import VerificationError


def cheapest_routing(traffic: Traffic, time_limit_s: float | None = None) -> Routing:
    """Return the cheapest routing, checked again in exact fractions.

    CP-SAT is imported only where the search leaves the answer open: most questions need it no more than their process
    needs its half second of import.

    Raises:
        VerificationError: the routing breaks a rule: our own fault.
    """
    if traffic.unserved():
        return Routing("infeasible", (), (), None, None)
    if not traffic.classes:
        return Routing("optimal", (0,) * len(traffic.node_types), (), Fraction(0), Fraction(0))
    case = scaled(traffic)
    search = search_counts(case, None if case.sliced else partial(split_or_cut, traffic, case))
    if search.settled:
        routing = settled_routing(search)
    else:
        from gpumix_referee.splitting.prove import finish_routing

        routing = finish_routing(traffic, search, time_limit_s)
    faults = faults_of_routing(traffic, routing)
    if faults:
        raise VerificationError("\n".join(faults))
    return routing


def settled_routing(search: CountSearch) -> Routing:
    """Return what a settled search found."""
    assert search.best is not None
    cost = search.upper * search.case.unit
    return Routing("optimal", search.best.nodes, search.best.shares, cost, cost)
