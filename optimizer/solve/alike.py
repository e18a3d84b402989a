"""Routed classes by the same shares on every node: no optimum, but nodes that carry the classes, found quickly."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

from optimizer.formulation import Case
from optimizer.formulation.case import RoutedService

WHOLE = 2**20
"""The demand of a service in parts that whole numbers are counted in: a node's part is rounded down."""

LIMIT = 1.0
"""CP-SAT's deterministic time for these nodes: some seconds at most."""


FEW, FEW_PLACES = 6, 4
"""Kinds of node of each service that are tried first, and places beside them where one may be lost: every kind in use
makes more losses to look at."""


def alike(case: Case) -> Case:
    """Return the case with all classes of a service sent in the same shares.

    A node that one share of every class fills to s x sum_k a_k carries 1 / sum_k a_k of the service. Nodes that carry
    the service this way, also after a loss, carry the classes when each is routed apart. Rows that cannot serve some
    class are left out.
    """
    parts: dict[int, int] = {}
    for service in case.routed:
        parts |= _parts(service)
    rows = tuple(
        replace(row, capacity=parts[i], classes=()) if i in parts else row
        for i, row in enumerate(case.rows) if not case.is_routed(row.service) or parts.get(i))
    demand = tuple(WHOLE if case.is_routed(service) else amount for service, amount in enumerate(case.demand))
    return replace(case, rows=rows, demand=demand, class_demands=())


def cheapest_kinds(case: Case) -> Case:
    """Keep, of each service, the few kinds of node that are cheapest by what they carry, and those held.

    Where a provider or region may be lost, the cheapest kind of a few places too.
    """
    held, kept = dict(case.at_least), {i for i, row in enumerate(case.rows) if row.is_idle}
    for service in range(len(case.demand)):
        mine = sorted((i for i, row in enumerate(case.rows) if row.service == service),
                      key=lambda i: (Fraction(case.rows[i].price, case.rows[i].capacity), case.rows[i].rank))
        kept |= {*mine[:FEW], *(i for i in mine if case.rows[i].offer_id in held)}
        if case.lose_provider or case.lose_region:
            first = {case.rows[i].place: i for i in reversed(mine)}
            kept |= {*[i for i in mine if first[case.rows[i].place] == i][:FEW_PLACES]}
    return replace(case, rows=tuple(row for i, row in enumerate(case.rows) if i in kept))


def _parts(service: RoutedService) -> dict[int, int]:
    """Return what part of a service one node of each row carries, by position, where it serves all classes."""
    found = {}
    for place, i in enumerate(service.rows):
        column = [row[place] for row in service.loads]
        load = sum((one for one in column if one is not None), Fraction(0))
        if load and None not in column:
            found[i] = min(WHOLE, math.floor(WHOLE / load))
    return found
