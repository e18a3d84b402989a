"""Check a routing again from the traffic alone, in exact fractions: nothing of how it was found."""

from __future__ import annotations

from fractions import Fraction

from gpumix_referee.splitting.split import Routing, Traffic


def faults_of_routing(traffic: Traffic, routing: Routing) -> list[str]:
    """List what a routing breaks; empty for one that stands, and for an answer without nodes."""
    if routing.status not in ("optimal", "feasible"):
        return [f"status: {routing.status}, yet nodes are shown"] if routing.nodes else []
    if any(count < 0 for count in routing.nodes) or len(routing.nodes) != len(traffic.node_types):
        return ["nodes: a count below 0, or not one for each type"]
    return [
        *check_every_request_served(traffic, routing),
        *check_nodes_carry_load(traffic, routing),
        *check_slices(traffic, routing),
        *check_routing_cost(traffic, routing),
    ]


def check_every_request_served(traffic: Traffic, routing: Routing) -> list[str]:
    """Shares of every class are at least 0, add up to 1, and lie on types that can serve it."""
    faults = []
    for name, row, needed in zip(traffic.classes, routing.shares, traffic.nodes_needed, strict=True):
        if sum(row) != 1 or any(share < 0 for share in row):
            faults.append(f"{name}: shares add up to {sum(row)}")
        faults += [
            f"{name}: sent to {node_type}, which cannot serve it"
            for node_type, share, one in zip(traffic.node_types, row, needed, strict=True) if share and one is None
        ]
    return faults


def check_nodes_carry_load(traffic: Traffic, routing: Routing) -> list[str]:
    """No node type carries more than its nodes."""
    faults = []
    for t, (name, count) in enumerate(zip(traffic.node_types, routing.nodes, strict=True)):
        load = sum(
            (row[t] * (needed[t] or 0) for row, needed in zip(routing.shares, traffic.nodes_needed, strict=True)),
            start=Fraction(0))
        if load > count:
            faults.append(f"{name}: {count} nodes carry a load of {float(load):.9g}")
    return faults


def check_slices(traffic: Traffic, routing: Routing) -> list[str]:
    """Where classes come in slices, every share is a whole number of them."""
    parts = traffic.slices
    if parts is None:
        return []
    return [
        f"{name}: a share of {share} is no whole number of 1/{parts} slices"
        for name, row in zip(traffic.classes, routing.shares, strict=True)
        for share in row if (share * parts).denominator != 1
    ]


def check_routing_cost(traffic: Traffic, routing: Routing) -> list[str]:
    """The cost is that of the nodes, and the bound is no higher; an optimal one's bound is its cost."""
    cost = sum(
        (price * count for price, count in zip(traffic.usd_per_hour, routing.nodes, strict=True)), start=Fraction(0))
    faults = [] if routing.usd_per_hour == cost else [f"cost: {routing.usd_per_hour} for nodes of {cost}"]
    if routing.bound is None or routing.bound > cost or (routing.status == "optimal" and routing.bound != cost):
        faults.append(f"bound: {routing.bound} for a cost of {cost}, {routing.status}")
    return faults
