"""The figures of a saved plan, derived again from the same inputs and compared one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from optimizer.load import Catalog, LoadedProblem
from optimizer.replay.held import Held
from optimizer.schema.plan import Plan
from optimizer.verify import faults_of_plan
from optimizer.verify.broken import Broken
from optimizer.verify.leaves import differing

BESIDE = ("depends_on", "warnings", "reasons", "rejections")
"""What stands beside the plan; a file that leaves one out says nothing of it."""

APART = frozenset({
    "schema_version", "problem", "status", "bound_usd_per_month", "gap_fraction", "proposals", "inputs", *BESIDE})
"""What is derived by a rule of its own; every other part of a plan follows from the nodes that were chosen."""

FACTS = frozenset({"known_names", "known_offers", "answered_once", "deployments_fill_nodes", "total_cost"})
"""Checks of figures that no version of gpumix estimates: they hold whenever problem and catalog are the same."""

PROVEN = ("optimal", "infeasible")

SLACK = 1e-9

MOST_LISTED = 20
"""Figures that are listed one by one; further ones are counted."""


def not_derived(
    plan: Plan, loaded: LoadedProblem, catalog: Catalog, held: Held | None, now: Plan, same_inputs: bool
) -> tuple[Broken, ...]:
    """List what a saved plan says that its own inputs do not give.

    Args:
        held: its nodes at today's figures; None for an answer without nodes.
        now: the answer of today.
        same_inputs: whether problem, catalog and versions are those that the plan was computed from; else only what
            no version estimates is derived again, and only if problem and catalog are the same.
    """
    if same_inputs:
        nodes, proof = _from_nodes(plan, held, now), _from_proof(plan, now)
        return _listed((*_from_name(plan, loaded), *nodes, *proof, *_beside(plan, now)))
    if (plan.inputs.problem_sha256, plan.inputs.catalog_sha256) != (now.inputs.problem_sha256,
                                                                    now.inputs.catalog_sha256):
        return ()
    broken = faults_of_plan(plan, loaded.problem, catalog, loaded.own_models)
    return tuple(fault for fault in broken if fault.rule in FACTS)


def _listed(faults: tuple[Broken, ...]) -> tuple[Broken, ...]:
    more = len(faults) - MOST_LISTED
    told = Broken("more", f"{more:,} figures that the inputs do not give")
    return faults if more <= 0 else (*faults[:MOST_LISTED], told)


def _told(differences: Iterable[tuple[str, Any, Any]], under: str = "") -> Iterator[Broken]:
    """Say what differs."""
    for key, found, derived in differences:
        place = ".".join(part for part in (under, key) if part)
        yield Broken(place, f"found {found!r}; by the inputs {derived!r}")


def _from_name(plan: Plan, loaded: LoadedProblem) -> Iterator[Broken]:
    if plan.problem != loaded.problem.name:
        yield Broken("problem", f"found {plan.problem!r}; by the inputs {loaded.problem.name!r}")


def _from_nodes(plan: Plan, held: Held | None, now: Plan) -> Iterator[Broken]:
    """Derive cost, nodes, deployments and services from the nodes chosen, the hours of a timetable with them."""
    if [(node.offer_id, node.count) for node in plan.nodes] == [(node.offer_id, node.count) for node in now.nodes]:
        derived = now
    elif held is not None and held.plan is not None:
        derived = held.plan
    else:
        return
    for part in Plan.model_fields:
        found, again = _data(plan, part), _data(derived, part)
        if part not in APART and found not in (None, [], {}) and (again is not None or derived is now):
            yield from _told(differing(found, again), part)


def _from_proof(plan: Plan, now: Plan) -> Iterator[Broken]:
    """Hold status, bound and gap against what solving again has proven."""
    if now.status not in PROVEN:
        return
    cheapest, bound = now.cost.usd_per_month, plan.bound_usd_per_month
    if plan.status in PROVEN and plan.status != now.status:
        yield Broken("status", f"found {plan.status!r}; {now.status!r} is proven")
    if cheapest is not None and bound is not None and bound > cheapest * (1 + SLACK):
        yield Broken("bound_usd_per_month", f"found {bound!r}; a plan costs {cheapest!r}")
    if plan.status == now.status:
        for name in ("bound_usd_per_month", "gap_fraction"):
            yield from _told(differing(getattr(plan, name), getattr(now, name), name))


def _beside(plan: Plan, now: Plan) -> Iterator[Broken]:
    """Derive proposals, figures that decide, warnings, reasons and rejections again, as far as both were proven."""
    if plan.status != now.status:
        return
    proven = {one.name: one for one in now.proposals if one.status in PROVEN}
    known = {one.name for one in now.proposals}
    for index, one in enumerate(plan.proposals):
        if known and one.name not in known:
            allowed = ", ".join(sorted(known))
            yield Broken(f"proposals.{index}.name", f"found {one.name!r}; by the inputs one of {allowed}")
        elif one.name in proven and one.status in PROVEN:
            again = proven[one.name].model_dump(mode="json")
            yield from _told(differing(one.model_dump(mode="json"), again), f"proposals.{index}")
    if plan.nodes and now.proposals and not plan.proposals:
        return  # cut short by its time limit, or one of several plans of a document
    for part in BESIDE:
        if getattr(plan, part):
            yield from _told(differing(_data(plan, part), _data(now, part)), part)


def _data(plan: Plan, part: str) -> Any:
    return plan.model_dump(mode="json", include={part}).get(part)
