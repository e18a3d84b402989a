"""Why no plan of periods, or of shared nodes, exists: each rule lifted alone, and how much of it would be enough."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

from optimizer.costs.quarters import Calendar
from optimizer.explain.nowhere import why_nowhere
from optimizer.explain.whatif import money
from optimizer.messages import Message
from optimizer.question.build import Asked, ask, pools_of
from optimizer.question.question import Question, Stay, Supply
from optimizer.schema.problem import Caps, Limits, Roadmap
from optimizer.solve import Prepared, SolveSettings
from optimizer.solve.variants import under_limits
from optimizer.strategies.answer import answer
from optimizer.strategies.found import Effort
from optimizer.strategies.search import search
from optimizer.units import usd_per_month

KEYS = ("stock", "budget", "purchases", "cash_per_year", "co2_kg_per_month", "nodes", "power_kw", "max_gpu_types",
        "engine_policy", "survive", "at_least", "spot_share_fraction", "max_utilisation_fraction", "contracts")
"""Rules that are lifted, one at a time."""

SPENDING: tuple[Literal["capex", "opex"], ...] = ("capex", "opex")

LIMIT = 2.0
"""CP-SAT's deterministic time for each question."""

LONGEST_S = 1.0
"""Most seconds for each rule under a time limit."""


def what_is_short(prepared: Prepared, settings: SolveSettings) -> tuple[Message, ...]:
    """Say which service nothing can serve, else which rules, each lifted alone, leave a plan, and what is enough."""
    nowhere = (*why_nowhere(prepared), *_empty_quarters(prepared))
    if nowhere:
        return nowhere
    active = [key for key in KEYS if _is_on(prepared, key)]
    found = [*(told for key in active for told in _lifted(prepared, key, settings)), *_uncapped(prepared, settings)]
    if found:
        return tuple(found)
    if active:
        return (Message("doctor.useless", keys=tuple(f"limits.{key}" for key in active)),)
    return (Message("periods.neither"),)


def _effort(settings: SolveSettings) -> Effort:
    effort = Effort(None, min(LIMIT, settings.deterministic_limit or LIMIT), settings.seed)
    return effort if settings.time_limit_s is None else effort.within(LONGEST_S, LIMIT)


def _is_on(prepared: Prepared, key: str) -> bool:
    if key == "stock":
        return any(offer.stock is not None for offer in prepared.candidates.offers)
    default: Any = getattr(Limits(), key)
    return bool(getattr(prepared.problem.limits, key) != default)


def _without(prepared: Prepared, key: str) -> Prepared:
    """Return the problem without one rule; what is out of stock altogether stays so."""
    if key != "stock":
        return under_limits(prepared, **{key: getattr(Limits(), key)})
    endless = tuple(replace(offer, stock=None, own_stock=None) for offer in prepared.candidates.offers)
    return replace(prepared, candidates=replace(prepared.candidates, offers=endless))


def _lifted(prepared: Prepared, key: str, settings: SolveSettings) -> Iterator[Message]:
    """Yield what is to be said of a rule without which there is a plan."""
    asked, effort = ask(_without(prepared, key)), _effort(settings)
    found = answer(asked.question, effort)
    if found.cost is None:
        return
    usd = asked.money.usd_per_month(found.cost)
    yield _enough(prepared, asked, key, usd, effort) or Message(
        "periods.without", key=f"limits.{key}", cost=money(prepared, usd))


def _enough(prepared: Prepared, asked: Asked, key: str, usd: float, effort: Effort) -> Message | None:
    """Say how much of a rule would be enough; None where that is not known."""
    limits, question, cost = prepared.problem.limits, asked.question, money(prepared, usd)
    if key == "budget":
        return Message("short.budget", allowed=usd_per_month(prepared.budget or 0), enough=usd)
    if key == "stock":
        more = _further_nodes(prepared, question, effort)
        return Message("short.stock", more=more, cost=cost) if more else None
    if len(question.periods) > 1 or key not in ("nodes", "power_kw"):
        return None
    if key == "nodes" and limits.nodes.max is not None:
        least = _least(question, lambda supply: 1, effort)
        return least and Message("short.nodes", allowed=limits.nodes.max, enough=least, cost=cost)  # type: ignore[return-value]
    if key == "power_kw" and limits.power_kw is not None:
        watts = _least(question, lambda supply: supply.watts, effort)
        return None if watts is None else Message(
            "short.power", allowed=limits.power_kw, enough=watts / 1000, cost=cost)
    return None


def _least(question: Question, amount: Any, effort: Effort) -> int | None:
    """Return the least amount of something that nodes have; None where it is not proven."""
    stays = tuple(replace(stay, price=amount(question.supplies[stay.supply]), spends=()) for stay in question.stays)
    found = search(replace(question, stays=stays, purses=(), budget=None), effort, ties=False)
    return found.cost if found.status == "optimal" else None


def _further_nodes(prepared: Prepared, free: Question, effort: Effort) -> tuple[Message, ...]:
    """Name the fewest nodes that must be had beyond the stock: nodes in stock count nothing, each other one counts 1.

    Args:
        prepared: with its stock.
        free: the question without the stock.
        effort: limits of the search.
    """
    known = {offer.offer_id: offer for offer in prepared.candidates.offers if offer.stock is not None}
    supplies, stays = list[Supply](), list[Stay]()
    for number, supply in enumerate(free.supplies):
        offer = known.get(supply.offer.offer_id)
        mine = [stay for stay in free.stays if stay.supply == number]
        supplies.append(supply if offer is None else replace(supply, pools=pools_of(offer)))
        stays += [replace(stay, supply=len(supplies) - 1, price=0, spends=()) for stay in mine]
        if offer is not None:
            supplies.append(replace(supply, pools=()))
            stays += [replace(stay, supply=len(supplies) - 1, price=1, spends=()) for stay in mine]
    stock = {pool: most for offer in known.values()
             for pool, most in zip(pools_of(offer), (offer.stock, offer.own_stock), strict=False) if most is not None}
    found = search(replace(free, supplies=tuple(supplies), stays=tuple(stays), stock=stock, purses=(), budget=None),
                   effort, reduce=False, ties=False)
    if found.status != "optimal":
        return ()
    more: dict[str, int] = {}
    for stay, count in zip(stays, found.nodes, strict=True):
        if stay.price and count:
            pool = pools_of(known[supplies[stay.supply].offer.offer_id])[0]
            more[pool] = more.get(pool, 0) + count
    return tuple(Message("short.stock-of", count=count, pool=pool, there=stock[pool])
                 for pool, count in sorted(more.items()))


def _empty_quarters(prepared: Prepared) -> Iterator[Message]:
    """Name the quarters in which no node that serves a service can stand: lead times, kinds, lives."""
    problem = prepared.problem
    if problem.roadmap is None:
        return
    asked = ask(prepared)
    question, quarters = asked.question, Calendar.of(problem.roadmap, problem)
    for number, service in enumerate(problem.services):
        hosts = {way.host for way in question.ways if way.service == number and way.capacity}
        served = {period.quarter for place, period in enumerate(question.periods)
                  if any(question.standing(place, host) for host in hosts)}
        empty = [quarters.label(quarter) for quarter in range(asked.calendar.quarters) if quarter not in served]
        if empty:
            yield Message("roadmap.nothing-stands", service=service.service_id, quarters=tuple(empty))


def _uncapped(prepared: Prepared, settings: SolveSettings) -> Iterator[Message]:
    """Yield the caps of fiscal years without which a roadmap has a plan: of one kind, or else all of them."""
    roadmap = prepared.problem.roadmap
    if roadmap is None:
        return
    kinds = {f"roadmap.caps on {kind}": roadmap.caps.without(kind) for kind in SPENDING}
    found = list(_without_caps(prepared, roadmap, kinds, settings))
    yield from found or _without_caps(prepared, roadmap, {"roadmap.caps": Caps()}, settings)


def _without_caps(
    prepared: Prepared, roadmap: Roadmap, kinds: dict[str, Caps], settings: SolveSettings
) -> Iterator[Message]:
    for key, caps in kinds.items():
        if caps == roadmap.caps:
            continue
        uncapped = prepared.problem.model_copy(update={"roadmap": roadmap.model_copy(update={"caps": caps})})
        asked = ask(replace(prepared, problem=uncapped))
        found = answer(asked.question, _effort(settings))
        if found.cost is not None:
            yield Message("periods.without", key=key, cost=money(prepared, asked.money.usd_per_month(found.cost)))
