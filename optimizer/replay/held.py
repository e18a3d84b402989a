"""The nodes of a saved plan, run as it says, at today's prices and speeds."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from optimizer.candidates import Candidate, Option
from optimizer.costs import PricedOffer, price_of
from optimizer.costs.api import Mix, blended_usd_per_token
from optimizer.costs.contracts import CONTRACTS, billed_beyond, bills_of
from optimizer.formulation import CaseRow
from optimizer.formulation.case import idle_row
from optimizer.load import Catalog, LoadedProblem
from optimizer.question.build import largest_problem
from optimizer.schema.base import Kind
from optimizer.schema.plan import Deployment, Plan
from optimizer.schema.problem import Limits, Problem, Selection
from optimizer.solve import Chosen, Prepared, Solution, prepare
from optimizer.solve.extract import unchecked_plan_of
from optimizer.units import HOURS_PER_MONTH, MICRO
from optimizer.verify import faults_of_plan
from optimizer.verify.known import KnownFigures
from optimizer.verify.periods.money import month_of
from optimizer.verify.periods.subject import PeriodsSubject

EVERY_KIND: tuple[Kind, ...] = ("on_demand", "reserved", "spot", "marketplace", "owned")
LONGEST_TERM_MONTHS = 1200

RULES = frozenset({
    "known_names", "policy", "meet_demand", "respect_stock", "keep_budget", "limit_nodes", "hold_nodes",
    "limit_gpu_types", "choose_engines", "survive_node_loss", "survive_provider_loss", "survive_region_loss",
    "cap_spot_share", "cap_power",
})
"""What a user asked for; where one of these is broken, figures that follow from it are not listed beside it."""

FIGURES = frozenset({
    "known_offers", "node_prices", "contract_line", "total_cost", "pay_contracts", "node_count", "class_figures",
    "shown_speeds", "load", "shares_by_slot", "plan_speed", "service_figures", "unit_costs", "local_cost",
})
"""What a plan prints beside its rules: of one that is checked as it stands these may be out of date."""

SHOWN = frozenset({"class_figures", "shown_speeds", "load", "shares_by_slot", "plan_speed", "service_figures"})
"""Those of speed and load; what prices change is told as prices."""

NOTHING_PROVEN = 0
"""The bound of a plan whose cost nobody has minimised."""


@dataclass(frozen=True)
class Held:
    """What the nodes of a saved plan are worth today."""

    plan: Plan | None
    """The same nodes at today's figures; None when some of them cannot be had or run any more."""
    faults: tuple[str, ...]
    """Why the plan no longer stands."""
    micro_usd_per_hour: float | None
    """What its nodes cost today, in the mean hour; None when some cannot be had."""
    prices: dict[str, PricedOffer]
    """Today's offers, by id."""
    figures: tuple[str, ...] = ()
    """What the plan says of speeds and loads that today's measurements do not; of plans that are not run anew."""

    @property
    def usd_per_month(self) -> float | None:
        """Their cost a month."""
        return None if self.micro_usd_per_hour is None else self.micro_usd_per_hour * HOURS_PER_MONTH / MICRO


def hold(plan: Plan, loaded: LoadedProblem, catalog: Catalog) -> Held:
    """Price and run the nodes of a plan by today's facts, and check every rule of the problem again.

    Raises:
        InputError: the problem names something that the catalog does not have.
    """
    found = {node.offer_id: price_of(node.offer_id, catalog, loaded.problem) for node in plan.nodes}
    prices = {name: offer for name, offer in found.items() if offer is not None}
    gone = tuple(f"{name} is no offer of the catalog any more" for name in found if name not in prices)
    cost = None if gone else billed(plan, loaded.problem, prices)
    prepared = prepare(loaded, catalog, without_policy(loaded.problem, [offer.gpu_id for offer in prices.values()]))
    chosen, faults = _chosen(plan, prepared, prices)
    if gone or faults or cost is None:
        return Held(None, (*gone, *faults), cost, prices)
    idle = tuple(Chosen(idle_row(prices[node.offer_id], len(loaded.problem.services), 0, node.idle), node.idle)
                 for node in plan.nodes if node.idle)
    solution = Solution("feasible", tuple(chosen), cost, NOTHING_PROVEN, prepared.candidates.targets(),
                        loaded.problem.limits.survive, idle=idle)
    today = unchecked_plan_of(replace(prepared, problem=loaded.problem), solution, with_rejections=False)
    broken = faults_of_plan(today, loaded.problem, catalog, loaded.own_models)
    rules = [fault for fault in broken if fault.rule in RULES]
    return Held(today, tuple(rules or broken), cost, prices)


def billed(plan: Plan, problem: Problem, prices: dict[str, PricedOffer]) -> int:
    """Return what a plan's nodes cost today in micro-dollars an hour, as providers with a contract bill them."""
    spend: dict[str, int] = defaultdict(int)
    nodes: dict[str, int] = defaultdict(int)
    for node in plan.nodes:
        offer = prices[node.offer_id]
        spend[offer.provider] += node.count * offer.micro_usd_per_hour
        nodes[offer.provider] += node.count
    return sum(spend.values()) + billed_beyond(bills_of(problem.limits.contracts), spend, nodes)


def hold_as_written(plan: Plan, loaded: LoadedProblem, catalog: Catalog, best: Plan) -> Held:
    """Price the nodes of a plan by today's facts, and check every rule of the problem again.

    For plans hour by hour, and those whose request classes are routed apart: their nodes are not run anew, but what the
    plan claims of each is held against today's speeds.

    Args:
        best: the cheapest plan of today, for the budget as it is printed.
    """
    priced = largest_problem(loaded.problem)  # a roadmap's nodes are priced without changes to come
    found = {node.offer_id: price_of(node.offer_id, catalog, priced) for node in plan.nodes}
    prices = {name: offer for name, offer in found.items() if offer is not None}
    gone = tuple(f"{name} is no offer of the catalog any more" for name in found if name not in prices)
    if gone:
        return Held(None, gone, None, prices)
    budget = {"budget_usd_per_month": best.cost.budget_usd_per_month}
    today = plan.model_copy(update={"cost": plan.cost.model_copy(update=budget)})
    broken = faults_of_plan(today, loaded.problem, catalog, loaded.own_models)
    faults = tuple(fault for fault in broken if fault.rule not in FIGURES)
    figures = tuple(fault for fault in broken if fault.rule in SHOWN)
    if plan.roadmap is not None:
        month = month_of(PeriodsSubject(today, loaded.problem, catalog, loaded.own_models, KnownFigures()))
        return Held(None, faults, float(month * MICRO / HOURS_PER_MONTH), prices, figures)
    if not plan.periods:
        return Held(None, faults, billed(plan, loaded.problem, prices), prices, figures)
    contracts = round(plan.cost.breakdown.get(CONTRACTS, 0.0) * MICRO)
    hours = contracts + sum(
        prices[node.offer_id].micro_usd_per_hour * (node.node_hours_per_month or node.count * HOURS_PER_MONTH)
        for node in plan.nodes)
    return Held(None, faults, (hours + _bills(plan, loaded.problem, catalog)) / HOURS_PER_MONTH, prices, figures)


def _bills(plan: Plan, problem: Problem, catalog: Catalog) -> float:
    """Return what the tokens of hosted APIs cost today, in micro-dollars a month; those no longer offered cost nothing,
    and the check of names says so."""
    services = {service.service_id: service for service in problem.services}
    return sum(
        float(blended_usd_per_token(api, Mix.of(services[one.service_id]))) * one.tokens_per_month * MICRO
        for one in plan.hosted
        if (api := catalog.apis.get((one.provider, one.api_model))) is not None and one.service_id in services)


def without_policy(problem: Problem, gpu_ids: list[str]) -> Problem:
    """Return a problem that admits every offer of some GPU types; what decides speeds and prices stays."""
    limits = problem.limits
    open_limits = Limits(
        kinds=EVERY_KIND, max_term_months=LONGEST_TERM_MONTHS, gpus=Selection(allow=tuple(dict.fromkeys(gpu_ids))),
        evidence=limits.evidence, speed_confidence=limits.speed_confidence, horizon_months=limits.horizon_months,
        max_utilisation_fraction=limits.max_utilisation_fraction,
    )
    return problem.model_copy(update={"limits": open_limits})


def _chosen(
    plan: Plan, prepared: Prepared, prices: dict[str, PricedOffer]
) -> tuple[list[Chosen], list[str]]:
    """Find the option of each deployment among today's, or say why there is none."""
    services = {service.service_id: index for index, service in enumerate(prepared.problem.services)}
    chosen, faults = [], []
    for name in services:
        if name not in {one.service_id for one in plan.deployments}:
            faults.append(f"{name} is a service of the problem, and the plan serves it nowhere")
    for one in plan.deployments:
        offer = prices.get(one.offer_id)
        if one.service_id not in services:
            faults.append(f"{one.service_id} is no service of the problem")
        elif offer is not None:
            index = services[one.service_id]
            option = next((found for found in prepared.candidates.options_on(index, offer)
                           if _is_that_of(found, one)), None)
            amount = 0 if option is None else option.replicas_on(offer) * option.speed.amount(
                prepared.candidates.targets()[index])
            if option is None or not amount:
                faults.append(f"{one.service_id} on {one.offer_id}: {_why_not(prepared, one, offer)}")
            else:
                chosen.append(Chosen(_row(prepared, index, offer, option, amount), one.nodes))
    return chosen, faults


def _is_that_of(option: Option, one: Deployment) -> bool:
    """Say whether an option is how a deployment runs."""
    if option.gpu_count == 0:
        return True  # a stated capacity is that of the node, whatever runs on it
    return (option.engine_id, option.precision, option.tp_size, option.gpu_count, option.layout) == (
        one.engine_id, one.precision, one.tp_size, one.gpu_count, one.layout)


def _why_not(prepared: Prepared, one: Deployment, offer: PricedOffer) -> str:
    """Give the reason for which today's figures leave a deployment's setting out."""
    setting = f"{one.engine_id}, {one.precision}, tensor parallel {one.tp_size}"
    reasons = [
        (rejected.tp_size is not None, rejected.precision is not None, rejected.reason)
        for rejected in prepared.candidates.rejections
        if rejected.service_id == one.service_id and rejected.gpu_id == offer.gpu_id
        and rejected.engine_id in (None, one.engine_id) and rejected.precision in (None, one.precision)
        and rejected.tp_size in (None, one.tp_size)
    ]
    return f"{setting}: {max(reasons)[2]}" if reasons else f"{setting} carries nothing at the promise"


def _row(prepared: Prepared, service: int, offer: PricedOffer, option: Option, amount: int) -> CaseRow:
    """Put a node of a deployment into the solver's terms."""
    demand = prepared.candidates.demands[service]
    return CaseRow(
        service, 0, offer.micro_usd_per_hour, min(amount, demand.amount), 1, offer.gpu_id, offer.provider, offer.place,
        option.engine_id, offer.watts, (offer.offer_id, *option.order), Candidate(offer, option, amount, demand))
