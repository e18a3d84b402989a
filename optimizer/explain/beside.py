"""The plans that a procurement meeting asks for beside the best one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from optimizer.costs.priced import PriceEnd
from optimizer.explain.whatif import cheapest, with_prices
from optimizer.messages import Message
from optimizer.schema.plan import Plan, Proposal
from optimizer.solve import Prepared, SolveSettings, plan_of
from optimizer.solve.variants import under_limits
from optimizer.verify.known import KnownFigures

MEASURED = Message("proposal.measured")
"""Name of the proposal that uses no estimate."""

MIDDLE = Message("proposal.middle")
"""Name of the proposal that asks for no certainty."""


def proposal_of(
    name: Message, prepared: Prepared, settings: SolveSettings, known: KnownFigures | None = None
) -> Proposal:
    """Solve a variant and describe it beside the best plan; its plan is verified like every other."""
    solution = cheapest(prepared, settings, in_order=True)
    plan = plan_of(prepared, solution, with_rejections=False, known=known)
    return Proposal(name=name, status=plan.status, usd_per_month=plan.cost.usd_per_month, nodes=plan.nodes)


MANY = 50
"""Services from which only the GPU types of the plan are tried alone: each is a plan of all services."""


def single_gpu_proposals(prepared: Prepared, plan: Plan, settings: SolveSettings) -> Iterator[Proposal]:
    """Yield the best plan of each single GPU type that has a candidate; of many services, of each that the plan has."""
    gpus = {gpu for _, gpu in prepared.candidates.options} | {
        option.gpu_id for option in prepared.candidates.stated.values()
    }
    admitted = {offer.gpu_id for offer in prepared.candidates.offers}
    if len(prepared.problem.services) >= MANY:
        admitted = {node.gpu_id for node in plan.nodes}
    known = KnownFigures()
    for gpu in sorted(gpus & admitted):
        yield proposal_of(Message("proposal.only", gpu=gpu), prepared.only_gpu(gpu), settings, known)


def measured_proposal(prepared: Prepared, settings: SolveSettings) -> Proposal:
    """Return the best plan that rests on measured and interpolated speeds only."""
    limits = prepared.problem.limits.model_copy(update={"evidence": "interpolated"})
    problem = prepared.problem.model_copy(update={"limits": limits})
    variant = replace(prepared, problem=problem, candidates=prepared.candidates.under("interpolated"))
    return proposal_of(MEASURED, variant, settings)


def certainty_proposal(prepared: Prepared, settings: SolveSettings) -> Proposal:
    """Return the best plan with the middle of the error bars: what the asked confidence costs beyond it."""
    return proposal_of(MIDDLE, under_limits(prepared, speed_confidence=None), settings)


def price_end_proposals(prepared: Prepared, settings: SolveSettings) -> Iterator[Proposal]:
    """Yield the best plan with every assumed price at its low end, and at its high end."""
    ends: tuple[PriceEnd, ...] = ("low", "high")
    for end in ends if any(offer.has_range for offer in prepared.candidates.offers) else ():
        assumptions = prepared.problem.assumptions.model_copy(update={"price_end": end})
        problem = prepared.problem.model_copy(update={"assumptions": assumptions})
        variant = replace(with_prices(prepared, lambda _: True, end), problem=problem)
        yield proposal_of(Message("proposal.prices-low" if end == "low" else "proposal.prices-high"), variant, settings)
