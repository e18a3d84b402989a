"""The certificate of a problem of one peak: every node kind of its catalog, the cheapest plan, the proof."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from optimizer.demand import profile_hours
from optimizer.errors import Fault, InputError, LimitError
from optimizer.formulation import OBJECTIVES, Case, CaseRow, build_case, shortlist
from optimizer.formulation.cp_sat import cp_model
from optimizer.load import LoadedProblem
from optimizer.proof.certificate import UNIT, Claim, certificate_of, program_as_json
from optimizer.proof.linear import Linear
from optimizer.proof.search import Bound, prove_bound, prove_infeasible
from optimizer.solve.prepare import Prepared
from optimizer.solve.search import Solution
from optimizer.solve.solver import cp_solver
from optimizer.solve.stated import model_of, shares_of, stated, without_needless_most

MOST_CASES = 20_000
"""Cases of a proof before it is given up: a certificate of some megabytes."""

MANY_KINDS = 1_500
"""Beyond so many kinds, dearer offers of the same node are left out, so that a certificate stays below a megabyte."""


MANY_ROUTED = 100
"""The same where classes are routed apart: each kind then has shares of its own."""

LEFT_OUT = "dearer_offers_of_the_same_nodes_left_out"


@dataclass(frozen=True)
class Certified:
    """What a certificate is written from."""

    case: Case
    program: Linear
    left_out: int
    """Dearer offers of the same nodes as others, left out where there are very many kinds."""
    counts: tuple[int | Fraction, ...] | None
    bound: Bound


def check_certifiable(loaded: LoadedProblem) -> None:
    """Refuse a problem whose rules are not linear in the nodes of one peak.

    Raises:
        InputError: naming every key that makes it so.
    """
    problem, limits = loaded.problem, loaded.problem.limits
    allowed = "a certificate is of one peak of dedicated nodes"
    faults = [
        Fault(loaded.label, key, found, allowed) for key, found, there in (
            ("roadmap", "a plan over quarters", problem.roadmap is not None),
            ("sharing", "nodes", problem.sharing == "nodes"),
            ("services", "demand by the hour", profile_hours(problem) is not None),
            ("limits.survive.by", "replacement", limits.survive.is_replaced(problem.sharing) and bool(
                limits.survive.nodes or limits.survive.provider or limits.survive.region)),
            ("limits.survive", "losses beside classes that are routed apart", any(
                one.routes_classes for one in problem.services) and bool(
                limits.survive.nodes or limits.survive.provider or limits.survive.region))) if there]
    if faults:
        raise InputError(faults)


def program_of(prepared: Prepared) -> tuple[Case, Linear, int]:
    """State a problem of one peak as a linear program: each offer with its best way to serve each service.

    Also return how many dearer offers of the same nodes were left out.

    Raises:
        InputError: its rules are not linear in the nodes of one peak.
    """
    check_certifiable(prepared.loaded)
    problem, limits, candidates = prepared.problem, prepared.problem.limits, prepared.candidates
    case, left_out = build_case(candidates, limits, candidates.targets(), prepared.budget), 0
    if len(case.rows) > (MANY_ROUTED if case.routed else MANY_KINDS):
        fewer = shortlist(candidates, limits)
        left_out = len(candidates.offers) - len(fewer.offers)
        case = build_case(fewer, limits, fewer.targets(), prepared.budget)
    services = [service.service_id for service in problem.services]
    program = stated(case, lambda row: _named(row, services))
    return case, without_needless_most(program, case), left_out


def _named(row: CaseRow, services: Sequence[str]) -> str:
    """Name a column so that people and other programs find the offer, the service and the setting."""
    if row.is_idle:
        return f"{row.offer_id} held idle"
    option = row.candidate.option
    setting = " ".join(str(part) for part in option.order if part) if option.gpu_count else "capacity as stated"
    return f"{row.offer_id} for {services[row.service]} ({setting})"


def certify(prepared: Prepared, solution: Solution, seconds: float | None = None) -> Certified:
    """Prove a solution again without any solver.

    Raises:
        InputError: the problem is none that certificates are written for.
        LimitError: the solution is no proven one, or no proof was found within the limits.
    """
    case, program, left_out = program_of(prepared)
    if solution.status == "infeasible":
        bound, counts = prove_infeasible(program, MOST_CASES, seconds), None
    elif solution.status == "optimal" and solution.cost:
        counts = counts_of(case, solution)
        bound = prove_bound(program, solution.cost, MOST_CASES, seconds)
    else:
        raise LimitError("a certificate needs a plan that is proven the cheapest; this one is not, within the limit")
    if bound.status != "proven":
        raise LimitError(f"no proof of at most {MOST_CASES:,} cases was found; the plan stands, without a certificate")
    return Certified(case, program, left_out, counts, bound)


def certificate(prepared: Prepared, found: Certified) -> dict[str, Any]:
    """Return a certificate as plain data."""
    told = certificate_of(found.program, Claim(prepared.problem.name, _made_from(prepared), found.counts), found.bound)
    return {**told, LEFT_OUT: found.left_out}


def stated_program(prepared: Prepared) -> dict[str, Any]:
    """Return what a certificate of a problem must state, whatever it claims and however it proves it."""
    _, program, left_out = program_of(prepared)
    return {"problem": prepared.problem.name, "made_from": _made_from(prepared), "unit": UNIT, LEFT_OUT: left_out,
            **program_as_json(program)}


def _made_from(prepared: Prepared) -> dict[str, str]:
    """Return the digests of the problem and the catalog."""
    return {"problem_sha256": prepared.loaded.sha256, "catalog_sha256": prepared.catalog.sha256}


def counts_of(case: Case, solution: Solution) -> tuple[int | Fraction, ...]:
    """Return a solution by the columns of a case's program, choices of rules and shares of classes included."""
    taken: dict[tuple[int, str, object], int] = defaultdict(int)
    for one in solution.every:
        taken[_key(case, one.row)] += one.nodes
    nodes = [taken.get(_key(case, row), 0) for row in case.rows]
    cp, x, _ = model_of(case)
    for node, count in zip(x.nodes, nodes, strict=True):
        cp.add(node == count)
    cp.minimize(OBJECTIVES["cost"](case, x))
    solver = cp_solver(presolve=True)
    if solver.solve(cp) != cp_model.OPTIMAL:
        raise ValueError("a verified plan keeps the rules of its case")
    return (*solver.response_proto.solution, *shares_of(case, nodes))


def _key(case: Case, row: CaseRow) -> tuple[int, str, object]:
    """Return what rows of a case and of a solution share: the way to serve only where an offer has several rows."""
    if case.is_routed(row.service):
        return row.service, row.offer_id, row.candidate.option.order
    return row.service, row.offer_id, row.engine if case.engine_policy != "any" else ""
