"""Whether a saved plan still stands and is still the cheapest, and what it costs more than the cheapest today."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isclose

from optimizer.answer import answer
from optimizer.load import Catalog, LoadedProblem
from optimizer.plan.best import best_plan, spans_periods
from optimizer.replay.derived import not_derived
from optimizer.replay.held import Held, hold, hold_as_written
from optimizer.schema.plan import Inputs, Plan, Status
from optimizer.solve import SolveSettings, prepare
from optimizer.solve.extract import inputs_of
from optimizer.units import usd
from optimizer.verify.consistent import contradictions
from optimizer.verify.leaves import differing
from optimizer.verify.sharing import served_of

SAME = 1e-9


@dataclass(frozen=True, slots=True)
class PriceChange:
    """A node whose price is another one today."""

    offer_id: str
    count: int
    usd_per_hour_then: float
    usd_per_hour_now: float | None
    """Each; None: it cannot be had any more."""
    as_of_now: str | None
    source_url: str | None

    @property
    def change_percent(self) -> float | None:
        """How much dearer it is."""
        if self.usd_per_hour_now is None or not self.usd_per_hour_then:
            return None
        return 100 * (self.usd_per_hour_now / self.usd_per_hour_then - 1)


@dataclass(frozen=True, slots=True)
class SpeedChange:
    """A deployment whose figures are others today."""

    service_id: str
    offer_id: str
    engine_id: str
    tokens_per_s_then: float | None
    tokens_per_s_now: float | None
    ttft_ms_then: float | None
    ttft_ms_now: float | None
    sequences_then: int
    sequences_now: int
    """Most requests in flight on a replica."""
    evidence_then: str
    evidence_now: str


@dataclass(frozen=True)
class Replay:
    """What became of a saved plan."""

    problem: str
    status_then: Status
    status_now: Status
    """Of solving again."""
    other_inputs: tuple[str, ...]
    """What the plan was not computed from: problem, catalog, versions."""
    faults: tuple[str, ...]
    """Why the plan no longer stands; empty when it does."""
    prices: tuple[PriceChange, ...]
    speeds: tuple[SpeedChange, ...]
    usd_per_month_then: float | None
    usd_per_month_now: float | None
    """Of the plan's nodes at today's prices."""
    usd_per_month_best: float | None
    """Of the cheapest plan today."""
    regret_percent: float | None
    """How much more the plan costs than the cheapest one; None when it does not stand or nothing is known."""
    best: Plan
    max_regret_percent: float
    figures: tuple[str, ...] = ()
    """What an hourly or routed plan says of speeds and loads that today's measurements do not."""

    @property
    def stands(self) -> bool:
        """Whether the plan still serves its demand and keeps every rule."""
        return not self.faults

    @property
    def optimal(self) -> bool:
        """Whether nothing cheaper exists today."""
        return self.stands and self.status_now == "optimal" and self.regret_percent == 0

    @property
    def passed(self) -> bool:
        """Whether the plan stands and costs no more than what is let pass."""
        return self.stands and (self.regret_percent or 0.0) <= self.max_regret_percent


def replay(
    plan: Plan, loaded: LoadedProblem, catalog: Catalog, settings: SolveSettings, max_regret_percent: float
) -> Replay:
    """Hold a saved plan against a problem and a catalog.

    Raises:
        InputError: the problem names something that the catalog does not have.
    """
    prepared = prepare(loaded, catalog)
    other = _other_inputs(plan.inputs, inputs_of(prepared))
    cut, served = bool(plan.shed), replace(loaded, problem=served_of(plan, loaded.problem))
    best = answer(loaded, catalog, settings, cut) if cut or not other else best_plan(
        prepared, settings, with_rejections=False)
    as_written = (
        bool(plan.periods) or spans_periods(loaded.problem)
        or any(service.routes_classes for service in loaded.problem.services)
        or any(service.routing is not None for service in plan.services))
    held = None if not plan.has_plan else (
        hold_as_written(plan.model_copy(update={"shed": ()}), served, catalog, best) if as_written
        else hold(plan, served, catalog))
    faults = _without_nodes(plan, best) if held is None else held.faults
    derived = not_derived(plan, loaded, catalog, held, best, not other)
    keys = {fault.rule for fault in derived}
    alone = [fault for fault in contradictions(plan) if fault.rule not in keys]
    faults = (*faults, *derived, *alone)
    return Replay(
        problem=loaded.problem.name, status_then=plan.status, status_now=best.status,
        other_inputs=other, faults=faults,
        prices=() if held is None else _prices(plan, held), speeds=() if held is None else _speeds(plan, held),
        usd_per_month_then=plan.cost.usd_per_month, usd_per_month_now=None if held is None else held.usd_per_month,
        usd_per_month_best=best.cost.usd_per_month,
        regret_percent=None if held is None or faults else regret_percent(held, best), best=best,
        max_regret_percent=max_regret_percent, figures=() if held is None else held.figures)


def regret_percent(held: Held, best: Plan) -> float | None:
    """Return 100 x (cost of the held nodes / cheapest cost - 1), never below 0.

    A plan that a limit ended may be dearer than the one held: then nothing cheaper is known.
    """
    mine, cheapest = held.usd_per_month, best.cost.usd_per_month
    if mine is None or cheapest is None:
        return None
    if mine <= cheapest or isclose(mine, cheapest, rel_tol=SAME):
        return 0.0
    return 100 * (mine - cheapest) / cheapest if cheapest else None


def _without_nodes(plan: Plan, best: Plan) -> tuple[str, ...]:
    """Say what became of an answer without a plan."""
    if plan.status == "infeasible" and best.status == "infeasible":
        return ()
    if best.nodes:
        today = f"today there is a plan for ${best.cost.usd_per_month:,.2f} a month"
        return (f"the saved answer is {plan.status}; {today}",)
    return (f"the saved answer is {plan.status}; solving again is {best.status}",)


def _other_inputs(then: Inputs, now: Inputs) -> tuple[str, ...]:
    """Name what differs between what a plan was computed from and what is in force."""
    shown = {"problem_sha256": "the problem", "catalog_sha256": "the catalog", "gpumix_version": "gpumix",
             "ortools_version": "OR-Tools"}
    found = []
    for name, what in shown.items():
        before, after = getattr(then, name), getattr(now, name)
        if before != after:
            short = (before[:12], after[:12]) if name.endswith("sha256") else (before, after)
            found.append(f"{what} is another one: {short[0]} then, {short[1]} now")
    if then.overlays != now.overlays:
        found.append(f"the overlays are others: {', '.join(then.overlays) or 'none'} then, "
                     f"{', '.join(now.overlays) or 'none'} now")
    return tuple(found)


def _prices(plan: Plan, held: Held) -> tuple[PriceChange, ...]:
    found = []
    for node in plan.nodes:
        offer = held.prices.get(node.offer_id)
        now = None if offer is None else usd(offer.micro_usd_per_hour)
        if now is None or not isclose(now, node.usd_per_hour_each, rel_tol=SAME):
            found.append(PriceChange(node.offer_id, node.count, node.usd_per_hour_each, now,
                                     offer.price_as_of if offer else None, offer.source_url if offer else None))
    return tuple(found)


def _speeds(plan: Plan, held: Held) -> tuple[SpeedChange, ...]:
    if held.plan is None:
        return ()
    found = []
    for then, now in zip(plan.deployments, held.plan.deployments, strict=True):
        before = (then.tokens_per_s_per_user, then.ttft_ms, then.concurrency_per_replica, then.evidence)
        after = (now.tokens_per_s_per_user, now.ttft_ms, now.concurrency_per_replica, now.evidence)
        if any(differing(list(before), list(after))):
            found.append(SpeedChange(
                then.service_id, then.offer_id, then.engine_id, before[0], after[0], before[1], after[1], before[2],
                after[2], before[3], after[3]))
    return tuple(found)
