"""From a problem with its candidates to a question: supplies, their stays and money, ways to serve, rules."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from optimizer.candidates import CandidateSet, Market, Option, enumerate_candidates
from optimizer.costs import CATALOG_S_OWN, PricedOffer, price_of
from optimizer.costs.quarters import Calendar as Quarters
from optimizer.costs.quarters import demand_factor
from optimizer.demand import demand_key, quantity_of, with_quantity
from optimizer.formulation import shortlist
from optimizer.formulation.case import looks_at_engines, spot_share_of
from optimizer.question.hosted import hosted_of
from optimizer.question.money import CycleMoney, Money, QuarterMoney
from optimizer.question.periods import Calendar, calendar_of
from optimizer.question.question import Host, Question, Stay, Supply, Way
from optimizer.question.refusals import check_roadmap
from optimizer.question.rules import most_uses
from optimizer.schema.problem import Limits, Problem, Service
from optimizer.solve.prepare import Prepared, prepare
from optimizer.units import exact


@dataclass(frozen=True)
class Asked:
    """A question with what it was made from."""

    prepared: Prepared
    """Candidates at the largest demand of any period."""
    problem: Problem
    calendar: Calendar
    money: Money
    question: Question

    @cached_property
    def shares_nodes(self) -> bool:
        """Say whether replicas of several services may share a node."""
        return self.problem.sharing == "nodes"


def largest_problem(problem: Problem) -> Problem:
    """Return a problem at the largest demand of any quarter, rents at their plain price: for candidates and prices."""
    if problem.roadmap is None:
        return problem
    from optimizer.costs.over_time import plain_priced

    roadmap = problem.roadmap
    services = tuple(
        grown(service, max(demand_factor(roadmap, service.service_id, quarter) for quarter in range(roadmap.quarters)))
        for service in problem.services)
    return plain_priced(problem).model_copy(update={"services": services})


def grown(service: Service, factor: Fraction) -> Service:
    """Return a service with more demand, rounded up to what can be stated."""
    quantity = quantity_of(service) * factor
    whole = demand_key(service).path in ("demand.peak_concurrency", "demand.hourly_concurrency")
    return with_quantity(service, Fraction(math.ceil(quantity)) if whole else quantity)


def ask(prepared: Prepared) -> Asked:
    """Turn a prepared problem into its question.

    Raises:
        InputError: the problem names something that the catalog does not have.
    """
    problem = prepared.problem
    if problem.roadmap is not None:
        check_roadmap(problem, problem.roadmap, Quarters.of(problem.roadmap, problem), prepared.catalog)
    largest = largest_problem(problem)
    if largest is not problem:
        prepared = prepare(prepared.loaded, prepared.catalog, largest, prepared.shelf)
    calendar = calendar_of(problem)
    money: Money = QuarterMoney(prepared, problem, calendar) if problem.roadmap else CycleMoney(
        prepared, problem, calendar)
    limits = problem.limits
    candidates = _shortlist(prepared.candidates, limits, money) if problem.roadmap is None else prepared.candidates
    hosts = Hosts(problem, frozenset(offer_id for _, offer_id in candidates.stated))
    supplies = [Supply(offer, hosts.of(offer), offer.gpu_count, pools_of(offer), money.is_bought(offer))
                for offer in candidates.offers]
    sets = [candidates]
    already = _there_already(prepared, problem)
    if already is not None:
        sets.append(already[0])
        supplies += [Supply(offer, hosts.of(offer), offer.gpu_count, (f"owned_already.{place}",), True, place)
                     for offer, place in already[1]]
    ways = tuple(way for found in sets for way in hosts.ways(found, limits))
    ways = tuple({(way.service, way.host, way.gpus, way.option.order): way for way in ways}.values())
    held = limits.at_least
    usable = {way.host for way in ways}
    supplies = [one for one in supplies if one.host in usable or one.offer.offer_id in held]
    stock = {pool: most for supply in supplies if supply.group is None
             for pool, most in zip(supply.pools, (supply.offer.stock, supply.offer.own_stock), strict=False)
             if most is not None}
    if already is not None:
        stock |= {f"owned_already.{place}": one.count for place, one in enumerate(problem.roadmap.owned_already)}  # type: ignore[union-attr]
    survive = limits.survive
    question = Question(
        calendar.periods, tuple(supplies), (), ways, calendar.works, stock, money.purses(), money.budget(),
        limits.nodes.min, limits.nodes.max, tuple(sorted(held.items())), limits.max_gpu_types,
        limits.max_gpu_types_in == "period", limits.engine_policy,
        None if limits.power_kw is None else math.floor(exact(limits.power_kw) * 1000), survive.nodes,
        survive.provider, survive.region, survive.is_replaced(problem.sharing), spot_share_of(limits))
    question = replace(question, stays=tuple(_stays(question, money)),
                       hosted=tuple(hosted_of(prepared, problem, calendar, money)))
    return Asked(prepared, problem, calendar, money, question)


def pools_of(offer: PricedOffer) -> tuple[str, ...]:
    """Return the stocks of an offer: that of its pool, and its own where that is less."""
    return (offer.pool,) if offer.own_stock is None else (offer.pool, f"{offer.offer_id} alone")


def _shortlist(candidates: CandidateSet, limits: Limits, money: Money) -> CandidateSet:
    """Keep the cheapest offer of each same node, of those that may come and go and of those that stand alike."""
    parts: dict[bool, list[PricedOffer]] = {True: [], False: []}
    for offer in candidates.offers:
        parts[money.is_elastic(offer)].append(offer)
    if not parts[True] or not parts[False]:
        return shortlist(candidates, limits)
    kept = [shortlist(replace(candidates, offers=tuple(mine)), limits).offers for mine in parts.values()]
    return replace(candidates, offers=tuple(sorted((*kept[0], *kept[1]), key=lambda offer: offer.offer_id)))


def _stays(question: Question, money: Money) -> Iterator[Stay]:
    """Yield every stay that some plan may need, with the nodes that are enough of it."""
    return enough_of_each(
        question, (stay for number, supply in enumerate(question.supplies) for stay in money.stays(number, supply)))


def enough_of_each(question: Question, stays: Iterable[Stay]) -> Iterator[Stay]:
    """Say of each stay how many nodes are enough, and leave out those of which none is needed."""
    enough = _Enough(question)
    for stay in stays:
        most = enough.of(question.supplies[stay.supply], stay)
        if most:
            yield Stay(stay.supply, stay.first, stay.last, stay.price, most, stay.spends, stay.ordered)


class _Enough:
    """How many nodes of a supply are enough, whatever else stands: each service carried by them alone."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.needed: dict[tuple[Host, int, int], int] = {}
        self.held = dict(question.at_least)

    def of(self, supply: Supply, stay: Stay) -> int:
        """Return the most nodes of a stay."""
        question = self.question
        most = max(self.in_period(supply, period) for period in range(stay.first, stay.last))
        if question.works:
            most = max(most, self.for_work(supply, stay))
        most += question.lose_nodes if question.replaced and most else 0
        most = max(most, question.min_nodes, self.held.get(supply.offer.offer_id, 0))
        stocks = (question.stock.get(pool) for pool in supply.pools)
        caps = [cap for cap in (*stocks, question.max_nodes) if cap is not None]
        return min([most, *caps])

    def in_period(self, supply: Supply, period: int) -> int:
        """Return the nodes that carry every service's demand of one period."""
        key = (supply.host, supply.gpus if self.question.ways_of.get(supply.host) else 0, period)
        if key not in self.needed:
            largest: dict[int, int] = defaultdict(int)
            for way in self.question.ways_of.get(supply.host, ()):
                one = self.question.ways[way]
                if one.gpus <= supply.gpus and one.service not in self.question.waiting:
                    largest[one.service] = max(largest[one.service], most_uses(self.question, way, period))
            self.needed[key] = sum(largest.values())
        return self.needed[key]

    def for_work(self, supply: Supply, stay: Stay) -> int:
        """Return the nodes that do all work within the stay beside the demand of its periods."""
        question, most = self.question, 0
        for work in question.works:
            seconds = sum(work.seconds[stay.first:stay.last])
            ways = [question.ways[w] for w in question.ways_of.get(supply.host, ())
                    if question.ways[w].service == work.service and question.ways[w].gpus <= supply.gpus]
            if seconds and ways:
                best = max(way.capacity for way in ways)
                largest = question.largest[work.service]
                most = max(most, -(-work.amount // (best * seconds)) + -(-question.lose_nodes * largest // best))
        return most + max(self.in_period(supply, period) for period in range(stay.first, stay.last)) if most else 0


class Hosts:
    """What nodes must share to be able to run the same things, by the problem's rules."""

    def __init__(self, problem: Problem, stated: frozenset[str]) -> None:
        survive, limits = problem.limits.survive, problem.limits
        spare = not survive.is_replaced(problem.sharing)
        self.problem, self.stated = problem, stated
        self.parts = 2 if spare and survive.region else 1 if spare and survive.provider else 0
        self.by_spot = limits.spot_share_fraction is not None
        self.shared = problem.sharing == "nodes"

    def of(self, offer: PricedOffer) -> Host:
        """Return the host of an offer's nodes."""
        return (offer.gpu_id, 0 if self.shared else offer.gpu_count,
                offer.offer_id if offer.offer_id in self.stated else "", offer.place[: self.parts],
                self.by_spot and offer.kind == "spot")

    def ways(self, candidates: CandidateSet, limits: Limits) -> Iterator[Way]:
        """Yield the ways to serve each service on each host, without those that others beat on the same GPUs."""
        largest: dict[Host, PricedOffer] = {}
        for offer in candidates.offers:
            host = self.of(offer)
            if host not in largest or offer.gpu_count > largest[host].gpu_count:
                largest[host] = offer
        for service, target in enumerate(candidates.targets()):
            if self.shared:
                for host, offer in largest.items():
                    yield from _replicas(candidates, service, target, host, offer, looks_at_engines(limits))
                continue
            mine = {offer.offer_id: host for host, offer in largest.items()}
            few = replace(candidates, offers=tuple(largest.values()))
            for one in few.candidates(service, target, looks_at_engines(limits)):
                yield Way(service, mine[one.offer.offer_id], one.capacity, one.option, 0, one.classes)


def _replicas(
    candidates: CandidateSet, service: int, target: float, host: Host, offer: PricedOffer, per_engine: bool
) -> Iterator[Way]:
    """Yield the replicas of a service on a host, one for each number of GPUs (and engine) that no smaller ones beat."""
    best: dict[tuple[str, int], list[tuple[tuple[int, ...], Option]]] = defaultdict(list)
    for amounts, option in _carrying(candidates, service, target, offer):
        key = (option.engine_id if per_engine else "", option.gpu_count or offer.gpu_count)
        best[key] = _kept(best[key], amounts, option)
    for (engine, gpus), found in sorted(best.items()):
        for amounts, option in found:
            beaten = any(
                other == engine and size < gpus
                and all(gpus // size * more >= less for more, less in zip(held, amounts, strict=True))
                for (other, size), rivals in best.items() for held, _ in rivals)
            if not beaten:
                classes = amounts if candidates.services[service].routes_classes else ()
                yield Way(service, host, max(amounts), candidates.capped(option), gpus, classes)


def _kept(
    found: list[tuple[tuple[int, ...], Option]], amounts: tuple[int, ...], option: Option
) -> list[tuple[tuple[int, ...], Option]]:
    """Add an option to those that none other beats in every class; of equals the first in order stays."""
    for held, other in found:
        if all(more >= less for more, less in zip(held, amounts, strict=True)) and (
                held != amounts or other.order <= option.order):
            return found
    left = [(held, other) for held, other in found if any(h > a for h, a in zip(held, amounts, strict=True))]
    return [*left, (amounts, option)]


def _carrying(
    candidates: CandidateSet, service: int, target: float, offer: PricedOffer
) -> Iterator[tuple[tuple[int, ...], Option]]:
    """Yield what a replica carries, by class where classes are routed apart, for each option that fits on a node."""
    stated = candidates.stated.get((service, offer.offer_id))
    if stated is not None:
        yield (stated.speed.amount(target),), stated
        return
    if candidates.services[service].routes_classes:
        for option in candidates.options_on(service, offer):
            amounts = option.speed.amounts(target) if hasattr(option.speed, "amounts") else ()
            if any(amounts):
                yield tuple(amounts), option
        return
    for amount, option in candidates.carrying(service, offer.gpu_id, target):
        if option.gpu_count <= offer.gpu_count:
            yield (amount,), option


def _there_already(
    prepared: Prepared, problem: Problem
) -> tuple[CandidateSet, Sequence[tuple[PricedOffer, int]]] | None:
    """Return what runs on the nodes that are there already, and them; rules for what may be had do not bind them."""
    roadmap, catalog = problem.roadmap, prepared.catalog
    if roadmap is None or not roadmap.owned_already:
        return None
    priced = [price_of(one.offer_id, catalog, prepared.problem) for one in roadmap.owned_already]
    there = [(replace(offer, stock=None), place) for place, offer in enumerate(priced) if offer is not None]
    if not there:
        return None
    free = Limits(kinds=("owned",), evidence=problem.limits.evidence, speed_confidence=problem.limits.speed_confidence,
                  max_utilisation_fraction=problem.limits.max_utilisation_fraction)
    anywhere = prepared.problem.model_copy(update={"limits": free, "assumptions": CATALOG_S_OWN})  # priced already
    offers = list({offer.offer_id: offer for offer, _ in there}.values())
    found = enumerate_candidates(anywhere, catalog, Market.of(offers, free), prepared.loaded.own_models)
    return found, there


