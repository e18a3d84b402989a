"""The recommendation: three named plans, the stated rule that picks one, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from optimizer.costs import rate_per_usd
from optimizer.costs.approval import approval_of
from optimizer.costs.priced import PriceEnd
from optimizer.explain.whatif import cheapest, over_offers
from optimizer.messages import Message
from optimizer.plan.best import best_plan, spans_periods
from optimizer.recommend.levers import levers
from optimizer.recommend.margins import next_best, slower_fraction
from optimizer.recommend.naming import named_nodes
from optimizer.recommend.questions import CONFIDENCE, Named, questions
from optimizer.schema.base import EVIDENCE_ORDER, grade_of
from optimizer.schema.plan import Deployment, Plan, ServicePlan
from optimizer.schema.recommendation import Lever, NamedPlan, NamedService, PlanName, Recommendation
from optimizer.solve import Prepared, SolveSettings, plan_of
from optimizer.throughput.curve import bar_share
from optimizer.units import usd_per_month

WITHIN = 0.25
"""The robust or the measured plan is recommended where it costs at most this part more than the cheapest."""

LEVER_LIMIT = 0.05
"""CP-SAT's deterministic time of each solve beside the plan: it ends at the same place on every machine."""

CENT = 0.005


@dataclass(frozen=True)
class Answered:
    """A named question with its plan."""

    named: Named
    plan: Plan
    """Verified under its own question; its prices are those of that question."""
    more_usd_per_month: float | None = None
    """What a plan of one kind of node costs more than the cheapest of its question."""


def recommend(prepared: Prepared, plan: Plan, settings: SolveSettings) -> Recommendation | None:
    """Return which plan to take, beside the plan of the question as asked.

    Args:
        prepared: the problem as asked, of one peak.
        plan: its answer.
        settings: limits of the search; each solve beside the plan has a limit of its own as well.

    Returns:
        None where the problem has no plan.
    """
    if plan.status not in ("optimal", "feasible"):
        return None
    if not plan.nodes:
        return only_plan(prepared, plan)
    aside = _aside(settings)
    answered = [_answered(named, plan, aside) for named in questions(prepared)]
    found, not_proven = levers(prepared, plan, aside)
    margins = {
        one.named.name: (slower_fraction(prepared, one.plan, aside), next_best(one.named.prepared, one.plan, aside))
        for one in answered if one.plan.nodes}
    return _recommendation(prepared, plan, answered, margins, found, not_proven)


def recommend_over_time(prepared: Prepared, plan: Plan, settings: SolveSettings) -> Recommendation | None:
    """Return which plan to take for a demand by the hour; of quarters and shared nodes only the plan itself is named.

    A plan of several quarters may take minutes, so that it is not solved again for speeds and prices at their bad end.
    """
    if plan.status not in ("optimal", "feasible"):
        return None
    answered = [Answered(Named("cheapest", prepared), plan)]
    if not spans_periods(prepared.problem) and plan.status == "optimal":
        answered += [Answered(named, best_plan(named.prepared, _aside(settings), with_rejections=False))
                     for named in questions(prepared) if named.name != "cheapest"]
    return _recommendation(prepared, plan, answered, {}, (), 0)


def only_plan(prepared: Prepared, plan: Plan) -> Recommendation:
    """Return a plan as the only one to take, where there was no time to look at others."""
    return _recommendation(prepared, plan, [Answered(Named("cheapest", prepared), plan)], {}, (), 0)


def _aside(settings: SolveSettings) -> SolveSettings:
    """Return the limits of a solve beside the plan."""
    limit = min(LEVER_LIMIT, settings.deterministic_limit or LEVER_LIMIT)
    return replace(settings, enumerated=True, deterministic_limit=limit)


def _recommendation(
    prepared: Prepared, plan: Plan, answered: Sequence[Answered],
    margins: dict[PlanName, tuple[float | None, float | None]], found: tuple[Lever, ...], not_proven: int,
) -> Recommendation:
    plans = tuple(_named_plan(one, prepared, margins.get(one.named.name, (None, None))) for one in answered)
    recommended: PlanName = "cheapest"
    because: tuple[Message, ...] = ()
    if len(plans) > 1:
        recommended, because = _choice(plans)
    return Recommendation(
        recommended=recommended, because=because, robust_within_fraction=WITHIN,
        confidence=max(CONFIDENCE, prepared.problem.limits.speed_confidence or 0.0), plans=plans, levers=found,
        not_proven=not_proven, next=tuple(_next(prepared, plan, recommended)))


def _answered(named: Named, asked: Plan, settings: SolveSettings) -> Answered:
    """Solve a named question; the cheapest is solved already."""
    if named.name == "cheapest":
        return Answered(named, asked)
    solution = cheapest(named.prepared, settings, in_order=True)
    plan = plan_of(named.prepared, solution, with_rejections=False)
    simple = _one_kind(named.prepared, plan, settings)
    if simple is None or plan.cost.usd_per_month is None or simple.cost.usd_per_month is None:
        return Answered(named, plan)
    return Answered(named, simple, simple.cost.usd_per_month - plan.cost.usd_per_month)


def _one_kind(prepared: Prepared, plan: Plan, settings: SolveSettings) -> Plan | None:
    """Return the cheapest plan of nodes of one offer, where it costs hardly more than one of several kinds."""
    within = prepared.problem.limits.simplicity_fraction
    if len(plan.nodes) < 2 or plan.status != "optimal" or plan.cost.usd_per_month is None or not within:
        return None
    most = plan.cost.usd_per_month * (1 + within)
    best = None
    for offer in prepared.candidates.offers:
        if usd_per_month(offer.micro_usd_per_hour) > most:
            continue
        alone = over_offers(prepared, lambda one, kept=offer.offer_id: one.offer_id == kept)  # type: ignore[misc]
        solution = cheapest(alone, settings)
        if solution.status == "optimal" and solution.cost is not None and usd_per_month(solution.cost) <= most and (
                best is None or solution.cost < (best[0].cost or 0)):
            best = solution, alone
    return None if best is None else plan_of(best[1], best[0], with_rejections=False)


def _named_plan(one: Answered, asked: Prepared, margins: tuple[float | None, float | None]) -> NamedPlan:
    """Describe a plan at the prices of the question as asked, whatever prices it was found at."""
    plan, problem = one.plan, asked.problem
    currency, rate = problem.currency, float(rate_per_usd(asked.catalog, problem, problem.currency))
    if not plan.nodes:
        cost = plan.cost.usd_per_month
        return NamedPlan(
            name=one.named.name, status=plan.status, usd_per_month=cost, usd_per_month_high=None, currency=currency,
            rate_per_usd=rate, hosted=len(plan.hosted), purchases=None, first_year=None, first_year_cash=None,
            nodes=(), services=(), slower_fraction=None, next_best_usd_per_month=None)
    usd = high = plan.cost.usd_per_month or 0.0
    if plan.roadmap is None:  # nodes of quarters come and go: their cost is not a price times a count
        usd, high = _cost_at(asked, one, asked.problem.assumptions.price_end), _cost_at(asked, one, "high")
    purchases, first, cash = _sums(plan, usd, asked, rate)
    slower, beside = margins
    return NamedPlan(
        name=one.named.name, status=plan.status, usd_per_month=usd,
        usd_per_month_high=None if abs(high - usd) < CENT else high, currency=currency, rate_per_usd=rate,
        purchases=purchases, first_year=first, first_year_cash=cash,
        hosted=len(plan.hosted), nodes=tuple(named_nodes(node, asked.catalog) for node in plan.nodes),
        services=tuple(_named_service(service, plan, one.named.prepared) for service in plan.services),
        slower_fraction=slower, next_best_usd_per_month=beside,
        one_kind_for_usd_per_month=one.more_usd_per_month)


def _sums(plan: Plan, usd: float, asked: Prepared, rate: float) -> tuple[float | None, str | None, float | None]:
    """Return purchases, the first fiscal year and its cash, in the problem's currency; quarters add up their own."""
    if plan.roadmap is not None:
        first = plan.roadmap.fiscal_years[0]
        return sum(one.capex_usd for one in plan.roadmap.quarters) * rate, first.label, first.cash_usd * rate
    approval = approval_of(
        plan.nodes, plan.cost.model_copy(update={"usd_per_month": usd}), asked.catalog, asked.problem)
    if approval is None:
        return None, None, None
    year = approval.years[0] if approval.years else None
    return approval.purchases, year.name if year else None, year.cash if year else None


def _cost_at(asked: Prepared, one: Answered, end: PriceEnd) -> float:
    """Return what a plan costs a month at an end of the prices, whatever end it was found at.

    Only standing nodes can have a price with a range; what comes by the hour is rented.
    """
    at = {o.offer_id: replace(o, end=end).micro_usd_per_hour for o in asked.candidates.offers}
    found = {o.offer_id: o.micro_usd_per_hour for o in one.named.prepared.candidates.offers}
    change = sum((at[node.offer_id] - found[node.offer_id]) * node.count for node in one.plan.nodes)
    return (one.plan.cost.usd_per_month or 0.0) + usd_per_month(change)


def _named_service(service: ServicePlan, plan: Plan, prepared: Prepared) -> NamedService:
    """Describe a service at the middle of its bars, and at their slow end, whichever of them was planned with."""
    mine = [one for one in plan.deployments if one.service_id == service.service_id]
    bars = [one.error_fraction for one in mine if one.error_fraction is not None]
    planned_share = bar_share(prepared.problem.limits.speed_confidence)
    speed = service.tokens_per_s_per_user
    fastest, slowest = 1.0, 1.0
    if bars:  # the planned speed holds for all deployments: the widest bar tells the ends of all of them
        fastest, slowest = 1 + planned_share * min(bars), (1 + planned_share * max(bars)) / (1 + max(bars))
    middle = None if speed is None else speed * fastest
    return NamedService(
        service_id=service.service_id, engines=_each(mine, "engine_id"), precisions=_each(mine, "precision"),
        tokens_per_s_per_user=middle, target_tokens_per_s=service.target_tokens_per_s,
        tokens_per_s_at_worst=None if speed is None else speed * slowest, grade=grade_of(middle),
        evidence=max((one.evidence for one in mine), key=EVIDENCE_ORDER.index, default="estimated"),
        error_fraction=max(bars) if bars else None)


def _each(deployments: Sequence[Deployment], field: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(getattr(one, field)) for one in deployments))


def _choice(plans: tuple[NamedPlan, ...]) -> tuple[PlanName, tuple[Message, ...]]:
    """Pick robust, else measured, where it costs at most a quarter more than the cheapest; else the cheapest."""
    by_name = {one.name: one for one in plans}
    least = by_name["cheapest"].usd_per_month or 0.0
    more = {one.name: one.usd_per_month / least - 1 for one in plans if one.usd_per_month is not None and least}
    names: tuple[PlanName, ...] = ("robust", "measured", "cheapest")
    chosen = next(name for name in names if name == "cheapest" or more.get(name, WITHIN + 1) <= WITHIN)
    if chosen != "cheapest":
        if by_name[chosen].nodes == by_name["cheapest"].nodes:
            return chosen, (Message(f"why.{chosen}-same"),)
        said = [Message(f"why.{chosen}", more=more[chosen], within=WITHIN)]
        if chosen == "measured" and "robust" in more:
            said.append(_dear(more["robust"]))
        return chosen, tuple(said)
    told = Message("why.robust-none") if "robust" not in more else _dear(more["robust"])
    evidence = {one.evidence for one in by_name["cheapest"].services}
    return chosen, (told, Message("why.test-first" if "estimated" in evidence else "why.test"))


def _dear(more: float) -> Message:
    return Message("why.robust-dear", more=more, within=WITHIN)


def _next(prepared: Prepared, plan: Plan, recommended: PlanName) -> list[Message]:
    """Name what to do next: the load test, the quotation where something is bought, the plan to look at.

    The problem stands by its name: wherever its file lies, the answer is the same.
    """
    label = prepared.problem.name
    found = [Message("next.loadtest", problem=label)]
    if any(node.price_evidence == "assumed" or node.kind == "owned" for node in plan.nodes):
        found.append(Message("next.quote", problem=label))
    if recommended != "cheapest":
        sets = {"robust": "limits.speed_confidence=0.9", "measured": "limits.evidence=interpolated"}
        found.append(Message("next.plan", problem=label, override=sets[recommended]))
    return found
