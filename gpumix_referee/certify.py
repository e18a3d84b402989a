"""Certificates of other tools' instances: the cheapest routing of traffic as a linear program, and its proof."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

from gpumix_referee.splitting.split import Routing, Traffic
from optimizer.documents.output import write_atomically
from optimizer.errors import LimitError
from optimizer.proof.certificate import Claim, as_text, certificate_of
from optimizer.proof.linear import Inequality, Linear, Terms
from optimizer.proof.search import prove_bound

MOST_CASES = 5_000


def program_of(traffic: Traffic) -> tuple[Linear, Fraction]:
    """State traffic that may be split freely: whole nodes, shares of each class; also return a unit of cost in dollars.

    min sum p_t x_t; sum_t s_ct >= 1; x_t - sum_c a_ct s_ct >= 0; x whole, 0 <= s <= 1.
    """
    unit = Fraction(1, math.lcm(*(price.denominator for price in traffic.usd_per_hour)))
    unit *= math.gcd(*(int(price / unit) for price in traffic.usd_per_hour)) or 1
    types = range(len(traffic.node_types))
    names, columns = list(traffic.node_types), dict[tuple[int, int], int]()
    for number, needed in enumerate(traffic.nodes_needed):
        for t in types:
            if needed[t] is not None:
                columns[number, t] = len(names)
                names.append(f"share of {traffic.classes[number]} on {traffic.node_types[t]}")
    rows = [
        Inequality(f"all of {name} is served", {columns[number, t]: 1 for t in types if (number, t) in columns}, 1)
        for number, name in enumerate(traffic.classes)]
    rows += [Inequality(f"nodes of {traffic.node_types[t]}", _room(traffic, t, columns), 0) for t in types]
    costs = [int(price / unit) for price in traffic.usd_per_hour] + [0] * len(columns)
    nodes = [True] * len(types) + [False] * len(columns)
    return Linear(
        tuple(names), tuple(costs), tuple(None if one else 1 for one in nodes), tuple(rows), tuple(nodes),
        tuple(nodes)), unit


def _room(traffic: Traffic, node_type: int, columns: dict[tuple[int, int], int]) -> Terms:
    """Return x_t - sum_c a_ct s_ct."""
    found: Terms = {node_type: 1}
    for (number, t), column in columns.items():
        needed = traffic.nodes_needed[number][t]
        if t == node_type and needed:
            found[column] = -needed
    return found


def certificate(name: str, traffic: Traffic, routing: Routing, seconds: float | None = None) -> dict[str, Any]:
    """Return the certificate of a proven routing.

    Raises:
        LimitError: the routing is no proven one of freely split traffic, or no proof was found within the limits.
    """
    if routing.status != "optimal" or traffic.slices is not None or routing.usd_per_hour is None:
        raise LimitError(f"{name}: a certificate needs a proven routing of traffic that is split freely")
    program, unit = program_of(traffic)
    counts: list[int | Fraction] = [*routing.nodes]
    counts += [share for shares, needed in zip(routing.shares, traffic.nodes_needed, strict=True)
               for share, each in zip(shares, needed, strict=True) if each is not None]
    bound = prove_bound(program, int(routing.usd_per_hour / unit), MOST_CASES, seconds)
    if bound.status != "proven":
        raise LimitError(f"{name}: no proof of at most {MOST_CASES:,} cases was found")
    found = certificate_of(program, Claim(name, {}, tuple(counts)), bound)
    return {**found, "unit": f"{unit} US dollars an hour"}


def write_certificate(folder: Path, name: str, found: dict[str, Any]) -> None:
    """Write a certificate as NAME.json.

    Raises:
        InputError: the place cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / f"{name}.json", as_text(found), "--certificates")
