"""The whole answer to a problem: the best plan, what stands beside it, what it rests on."""

from __future__ import annotations

import time
from dataclasses import replace

from optimizer.explain import (
    decisive_figures,
    measured_proposal,
    price_end_proposals,
    single_gpu_proposals,
    why_no_plan,
)
from optimizer.load import Catalog, LoadedProblem
from optimizer.schema.plan import Plan, Proposal
from optimizer.solve import Prepared, SolveSettings, plan_of, prepare, solve

ASIDE_LIMIT_S = 1.0
"""Under a time limit no proposal or what-if beside the plan may take longer than this."""


def answer(loaded: LoadedProblem, catalog: Catalog, settings: SolveSettings) -> Plan:
    """Solve a problem and say everything a reader must know about the answer.

    Raises:
        InputError: the problem names something that the catalog does not have.
        VerificationError: a plan broke a rule when it was checked again.
    """
    start = time.monotonic()
    prepared = prepare(loaded, catalog)
    solution = solve(prepared.candidates, prepared.problem.limits, prepared.budget, settings)
    plan = plan_of(prepared, solution)
    if solution.status == "unknown":
        return plan.model_copy(update={"reasons": ("the limit was reached before any plan was found",)})
    if settings.time_limit_s is not None and time.monotonic() - start >= settings.time_limit_s:
        late = "The time limit left no room for proposals and for the figures that the plan depends on."
        return plan.model_copy(update={"warnings": (*warnings(prepared, plan), late)})
    aside = (
        settings
        if settings.time_limit_s is None
        else replace(settings, time_limit_s=min(settings.time_limit_s, ASIDE_LIMIT_S))
    )
    if not solution.has_plan:
        return plan.model_copy(update={"reasons": why_no_plan(prepared, aside)})
    return plan.model_copy(
        update={
            "proposals": proposals(prepared, plan, aside),
            "depends_on": decisive_figures(prepared, plan, aside),
            "warnings": warnings(prepared, plan),
        }
    )


def proposals(prepared: Prepared, plan: Plan, settings: SolveSettings) -> tuple[Proposal, ...]:
    """List what a procurement meeting asks for beside the best plan: cheapest first, those without a plan last."""
    found = sorted(
        single_gpu_proposals(prepared, settings),
        key=lambda p: (p.usd_per_month is None, p.usd_per_month or 0.0, p.name),
    )
    others: list[Proposal] = []
    if prepared.problem.limits.evidence == "estimated" and any(d.evidence == "estimated" for d in plan.deployments):
        others.append(measured_proposal(prepared, settings))
    others += price_end_proposals(prepared, settings)
    return (*others, *found)


def warnings(prepared: Prepared, plan: Plan) -> tuple[str, ...]:
    """Say first what the reader must not miss: estimates, assumed prices, own figures, choices made for them."""
    gpus = {node.offer_id: node.gpu_id for node in plan.nodes}
    lines = []
    estimated = sorted(
        {
            f"{gpus[d.offer_id]} ({d.engine_id}, +-{d.error_fraction or 0:.0%})"
            for d in plan.deployments
            if d.evidence == "estimated"
        }
    )
    if estimated:
        lines.append(f"This plan rests on estimated speeds: {', '.join(estimated)}. Load-test before you sign.")
    assumed = sorted({node.offer_id for node in plan.nodes if node.price_evidence == "assumed"})
    if assumed:
        lines.append(f"Assumed prices: {', '.join(assumed)}; get a quotation.")
    own = sorted({node.offer_id for node in plan.nodes if node.from_overlay})
    if own:
        lines.append(f"From your overlay: the price of {', '.join(own)}.")
    rows = sorted(table for table, ids in prepared.catalog.from_overlay.items() if ids and table != "offers")
    if rows:
        counts = ", ".join(f"{len(prepared.catalog.from_overlay[table])} of {table}" for table in rows)
        lines.append(f"Your overlay also supplies rows: {counts}.")
    return tuple(lines)
