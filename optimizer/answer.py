"""The whole answer to a problem: the best plan, what stands beside it, what it rests on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from optimizer.candidates import Shelf
from optimizer.candidates.model_remarks import model_remarks, served_models
from optimizer.costs.age import age_warnings
from optimizer.costs.api import api_beside
from optimizer.costs.approval import approval_of
from optimizer.costs.energy import site_energy
from optimizer.costs.owned import machine_of
from optimizer.costs.plausible import Market
from optimizer.costs.products import product_warnings
from optimizer.demand import profile_hours
from optimizer.explain.beside import (
    MEASURED,
    MIDDLE,
    certainty_proposal,
    measured_proposal,
    price_end_proposals,
    single_gpu_proposals,
)
from optimizer.explain.nowhere import commonest_rejections
from optimizer.explain.whatif import money
from optimizer.load import Catalog, LoadedProblem
from optimizer.messages import Message
from optimizer.plan.best import best_plan, effort_of, over_periods, spans_periods
from optimizer.recommend import only_plan, recommend, recommend_over_time
from optimizer.schema.plan import Plan, Proposal
from optimizer.schema.sharing import Shed
from optimizer.solve import Prepared, SolveSettings, plan_of, prepare, solve_prepared

if TYPE_CHECKING:
    from optimizer.explain.doctor import Diagnosis

MANY, MOST_TABLES = 8, 100_000
"""Services from which those of one model and length share their options, and tables of options that are kept."""

ASIDE_LIMIT_S = 1.0
"""Under a time limit no proposal or what-if beside the plan may take longer than this."""


def answer(
    loaded: LoadedProblem, catalog: Catalog, settings: SolveSettings, shed: bool = False, brief: bool = False
) -> Plan:
    """Solve a problem and say everything a reader must know about the answer.

    Args:
        loaded: the problem.
        catalog: with its overlays.
        settings: limits of the search.
        shed: where not all services can be served, cut some, the least important first.
        brief: whether only the recommendation stands beside the plan: no proposals and no figures at their bad ends.

    Raises:
        InputError: the problem names something that the catalog does not have.
        VerificationError: a plan broke a rule when it was checked again.
    """
    start = time.monotonic()
    shelf = Shelf(MOST_TABLES) if len(loaded.problem.services) >= MANY else Shelf()
    prepared = prepare(loaded, catalog, shelf=shelf)
    if shed:
        return _served_by_priority(prepared, settings, brief)
    if spans_periods(prepared.problem) or profile_hours(prepared.problem) is not None:
        return over_time(prepared, settings)
    solution = solve_prepared(prepared, settings)
    plan = with_approval(plan_of(prepared, solution), prepared)
    if solution.status == "unknown":
        return plan.model_copy(update={"reasons": (Message("answer.limit"),)})
    if settings.time_limit_s is not None and time.monotonic() - start >= settings.time_limit_s:
        late = Message("answer.late")
        return plan.model_copy(update={
            "recommendation": only_plan(prepared, plan) if solution.has_plan else None,
            "warnings": (*warnings(prepared, plan), late)})
    aside = replace(settings, enumerated=True, confirmed=False)
    if settings.time_limit_s is not None:
        aside = replace(aside, time_limit_s=min(settings.time_limit_s, ASIDE_LIMIT_S))
    if not solution.has_plan:
        from optimizer.explain.doctor import diagnose  # most problems have a plan

        return plan.model_copy(update={"reasons": why_no_plan(prepared, diagnose(prepared, aside))})
    advised = plan.model_copy(update={"recommendation": recommend(prepared, plan, aside)})
    return advised.model_copy(update={"warnings": warnings(prepared, plan)}) if brief else _whole(
        prepared, advised, aside)


def _whole(prepared: Prepared, plan: Plan, aside: SolveSettings) -> Plan:
    """Add what stands beside the plan in the long report: proposals, and the figures that the plan depends on."""
    from optimizer.explain.decisive import decisive_figures  # the first screen does without

    beside = proposals(prepared, plan, aside)
    return plan.model_copy(update={
        "proposals": beside, "depends_on": decisive_figures(prepared, plan, aside),
        "warnings": warnings(prepared, plan, beside)})


def with_approval(plan: Plan, prepared: Prepared) -> Plan:
    """Add what the models are, the sums that someone signs, and what owned nodes draw and emit.

    A roadmap has its money by the quarter.
    """
    facts = (prepared.catalog, prepared.problem)
    plan = plan.model_copy(update={"models": tuple(served_models(
        prepared.problem, prepared.catalog, prepared.loaded.own_models, plan.deployments))})
    if plan.roadmap is not None:
        return plan
    return plan.model_copy(update={
        "approval": approval_of(plan.nodes, plan.cost, *facts), "energy": tuple(site_energy(plan.nodes, *facts)),
        "apis": () if plan.hosted else tuple(api_beside(plan, prepared.problem, prepared.catalog))})


def over_time(prepared: Prepared, settings: SolveSettings) -> Plan:
    """Solve a problem of several periods or shared nodes; what stands beside other plans looks at one peak, so is not
    there."""
    from optimizer.explain.shortage import what_is_short  # most problems have one peak

    plan = with_approval(_with_sharing(prepared, settings), prepared)
    if plan.status == "unknown":
        return plan.model_copy(update={"reasons": (Message("answer.limit"),)})
    if plan.status == "infeasible":
        return plan.model_copy(update={"reasons": what_is_short(prepared, settings)})
    return plan.model_copy(update={
        "recommendation": recommend_over_time(prepared, plan, settings),
        "warnings": (*warnings(prepared, plan), *_about_idle_nodes(plan))})


def _about_idle_nodes(plan: Plan) -> Iterator[Message]:
    """Say which nodes that are there already a budget plan does not use."""
    for stay in plan.roadmap.stays if plan.roadmap else ():
        if stay.owned_already is not None and not stay.end:
            yield Message("roadmap.of-no-use", place=stay.owned_already, offer=stay.offer_id, n=stay.count)


def _with_sharing(prepared: Prepared, settings: SolveSettings) -> Plan:
    """Return the best plan; where nodes are shared, with what that saves and who pays what."""
    if prepared.problem.sharing == "none":
        return best_plan(prepared, settings)
    from optimizer.explain.sharing import with_sharing  # most problems share no nodes

    plan, asked, found = over_periods(prepared, settings)
    aside = settings if settings.time_limit_s is None else replace(settings, time_limit_s=ASIDE_LIMIT_S)
    return with_sharing(plan, asked, found, effort_of(aside))


def _served_by_priority(prepared: Prepared, settings: SolveSettings, brief: bool) -> Plan:
    """Serve as many services of the highest priority as can be, then of the next, and say who is cut, and why."""
    from optimizer.explain.shortage import what_is_short
    from optimizer.plan.shedding import choose_served
    from optimizer.question.build import ask

    services = prepared.problem.services
    choice = choose_served(ask(prepared).question, [one.priority for one in services], effort_of(settings))
    served = () if choice is None else choice.served
    if len(served) == len(services):
        return answer(prepared.loaded, prepared.catalog, settings, brief=brief)
    short = what_is_short(prepared, settings)
    if choice is None or not served:
        plan = best_plan(prepared, settings)
        return plan.model_copy(update={"reasons": (Message("shed.none"), *short)})
    kept = prepared.problem.model_copy(update={"services": tuple(services[i] for i in served)})
    plan = answer(replace(prepared.loaded, problem=kept), prepared.catalog, settings, brief=brief)
    cut = sorted((i for i in range(len(services)) if i not in served), key=lambda i: (-services[i].priority, i))
    unproven = plan.status == "optimal" and not choice.proven
    return plan.model_copy(update={
        "status": "feasible" if unproven else plan.status,
        "shed": tuple(_shed(prepared, index) for index in cut),
        "reasons": (*plan.reasons, *(Message("shed.to-serve-all", reason=one) for one in short))})


def _shed(prepared: Prepared, index: int) -> Shed:
    """Describe a service that is cut."""
    service, candidates = prepared.problem.services[index], prepared.candidates
    fits = any(key[0] == index for key in (*candidates.options, *candidates.stated))
    return Shed(
        service_id=service.service_id, priority=service.priority, demand=candidates.demands[index].arithmetic,
        reason=Message("shed.crowded") if fits else Message(
            "shed.nowhere", reasons=commonest_rejections(prepared, service.service_id)))


def why_no_plan(prepared: Prepared, found: Diagnosis) -> tuple[Message, ...]:
    """Put a diagnosis into sentences: what cannot hold together, what must give at least, what cannot help."""
    reasons = list(found.nowhere)
    if found.conflict:
        ident = "doctor.alone" if len(found.conflict) == 1 else "doctor.conflict"
        reasons.append(Message(ident, requirements=_named(found.conflict)))
    for one in found.relaxations:
        reasons.append(Message("doctor.relaxed", key=one.key, asks=one.asks, gives=one.gives,
                               cost=money(prepared, one.usd_per_month)))
    if found.together and found.usd_per_month_together is not None:
        reasons.append(Message("doctor.together", requirements=_named(found.together),
                               cost=money(prepared, found.usd_per_month_together)))
    elif found.useless:
        reasons.append(Message("doctor.useless", keys=found.useless))
    if not found.proven:
        reasons.append(Message("doctor.not-proven"))
    return tuple(reasons)


def _named(requirements: tuple[tuple[str, Message], ...]) -> tuple[Message, ...]:
    return tuple(Message("doctor.requirement", key=key, asks=asks) for key, asks in requirements)


def proposals(prepared: Prepared, plan: Plan, settings: SolveSettings) -> tuple[Proposal, ...]:
    """List what a procurement meeting asks for beside the best plan: cheapest first, those without a plan last."""
    found = sorted(
        single_gpu_proposals(prepared, plan, settings),
        key=lambda p: (p.usd_per_month is None, p.usd_per_month or 0.0, p.name),
    )
    others: list[Proposal] = []
    if prepared.problem.limits.evidence == "estimated" and any(d.evidence == "estimated" for d in plan.deployments):
        others.append(measured_proposal(prepared, settings))
    others += [certainty_proposal(prepared, settings)] if prepared.problem.limits.speed_confidence is not None else []
    others += price_end_proposals(prepared, settings)
    return (*others, *found)


OWN_OFFERS_NAMED = 8
"""Unused offers of an overlay beyond so many are counted, not named."""


def warnings(prepared: Prepared, plan: Plan, beside: tuple[Proposal, ...] = ()) -> tuple[Message, ...]:
    """Say first what the reader must not miss: estimates, assumed prices, own figures, choices made for them."""
    return (*model_remarks(prepared.problem, prepared.catalog, prepared.loaded.own_models),
            *_about_apis(plan), *_about_speeds(plan, beside), *_about_prices(prepared, plan),
            *_about_overlay(prepared, plan))


def _about_speeds(plan: Plan, beside: tuple[Proposal, ...]) -> Iterator[Message]:
    gpus = {node.offer_id: node.gpu_id for node in plan.nodes}
    rough = [d for d in plan.deployments if d.evidence == "estimated"]
    if not rough:
        return
    named = sorted({Message("warning.estimate", gpu=gpus[d.offer_id], engine=d.engine_id, error=d.error_fraction or 0.0)
                    for d in rough})
    yield Message("warning.estimates", speeds=tuple(named))
    middle = next((p for p in beside if p.name == MIDDLE), None)
    if middle is not None and middle.usd_per_month is not None and plan.cost.usd_per_month is not None:
        more = plan.cost.usd_per_month - middle.usd_per_month
        yield Message("warning.certainty", usd=more)
    measured = next((p for p in beside if p.name == MEASURED), None)
    if measured is not None and measured.usd_per_month == plan.cost.usd_per_month:
        yield Message("warning.measured-alone")


def _about_apis(plan: Plan) -> Iterator[Message]:
    if not plan.hosted:
        return
    named = sorted({f"{one.provider} ({one.service_id})" for one in plan.hosted})
    yield Message("warning.apis", apis=tuple(named))
    silent = sorted({one.provider for one in plan.hosted if one.tokens_per_s is None})
    if silent:
        yield Message("warning.apis-unverified", providers=tuple(silent))


def _about_prices(prepared: Prepared, plan: Plan) -> Iterator[Message]:
    for node in plan.nodes:
        if node.idle:
            yield Message("warning.idle", n=node.idle, offer=node.offer_id)
    assumed = sorted({node.offer_id for node in plan.nodes if node.price_evidence == "assumed"})
    if assumed:
        yield Message("warning.assumed", offers=tuple(assumed))
    offers = prepared.catalog.offers
    used = [offers[node.offer_id] for node in plan.nodes if node.offer_id in offers]
    own = prepared.problem.assumptions.rent_usd_per_hour
    for doubt in Market(prepared.catalog, {offer.gpu_id for offer in used}).doubts(
            offer for offer in used if offer.offer_id not in own):
        yield Message("warning.doubt", offer=doubt.offer_id, reason=doubt.reason)
    yield from age_warnings(prepared.catalog, plan)
    taxed = {n.offer_id: offers[n.offer_id].tax_included_fraction for n in plan.nodes if n.offer_id in offers}
    named = sorted(Message("warning.tax", offer=offer_id, share=tax) for offer_id, tax in taxed.items() if tax)
    if named:
        yield Message("warning.taxed", offers=tuple(named))
    machines = [
        prepared.catalog.owned[m] for n in plan.nodes if (m := machine_of(n)) in prepared.catalog.owned
    ]
    yield from product_warnings(machines, prepared.catalog)


def _about_overlay(prepared: Prepared, plan: Plan) -> Iterator[Message]:
    """Say which of the user's own rows the plan uses, and why it does not use the others."""
    own = prepared.catalog.from_overlay
    if not any(own.values()):
        return
    used = {node.offer_id for node in plan.nodes if node.from_overlay}
    if used:
        yield Message("warning.overlay-used", offers=tuple(sorted(used)))
    reasons = {o: r.reason for r in prepared.candidates.rejections if r.step == "policy" for o in r.offer_ids}
    unused = sorted(set(own.get("offers", ())) - {machine_of(node) for node in plan.nodes} - used)
    for offer_id in unused[:OWN_OFFERS_NAMED]:
        why = reasons.get(offer_id, Message("warning.overlay-dearer"))
        yield Message("warning.overlay-unused", offer=offer_id, reason=why)
    if len(unused) > OWN_OFFERS_NAMED:
        yield Message("warning.overlay-more", count=len(unused) - OWN_OFFERS_NAMED)
    counts = tuple(Message("warning.overlay-rows-of", count=len(own[table]), table=table)
                   for table in sorted(own) if own[table] and table != "offers")
    if counts:
        yield Message("warning.overlay-rows", counts=counts)
