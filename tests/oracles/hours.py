"""Tiny questions by the hour, drawn at random, and every roster of one service one after the other."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

from optimizer.question.build import enough_of_each
from optimizer.question.question import Period, Question, Stay, Supply, Way, Work
from tests.oracles.instances import offer, random_limits, runs

SCHEDULES = ((2, 1), (1, 2, 1))
"""Hours of each period."""

RULES = ("cap_power", "cap_spot_share", "choose_engines", "hold_nodes", "keep_budget", "limit_gpu_types", "limit_nodes",
         "respect_stock", "survive_node_loss", "survive_provider_loss", "survive_region_loss")


def day_question(
    kinds: Iterable[tuple[Supply, bool, dict[tuple[int, str], int]]], slots: Iterable[tuple[int, tuple[int, ...]]],
    works: Iterable[Work] = (), **rules: Any,
) -> Question:
    """Put nodes (supply, whether they come and go, what one carries by service and engine) and periods together."""
    listed = list(kinds)
    periods = tuple(Period(weight, demand) for weight, demand in slots)
    hours = sum(period.weight for period in periods)
    ways = tuple(
        Way(service, supply.host, amount, runs(supply.offer.gpu_id, amount, engine=engine, service=service))
        for supply, _, carries in listed for (service, engine), amount in carries.items())
    stays = [
        stay for number, (supply, elastic, _) in enumerate(listed)
        for stay in (
            [Stay(number, at, at + 1, supply.offer.micro_usd_per_hour * one.weight, 0)
             for at, one in enumerate(periods)] if elastic
            else [Stay(number, 0, len(periods), supply.offer.micro_usd_per_hour * hours, 0)])]
    question = Question(periods, tuple(one for one, _, _ in listed), (), ways, tuple(works), **rules)
    return replace(question, stays=tuple(enough_of_each(question, stays)))


def node(name: str, price: int, stock: bool = False, **facts: Any) -> Supply:
    """Return nodes of one offer at a price in micro-dollars an hour; `stock`: whether they may run short."""
    made = offer(name, price, **facts)
    host = (made.gpu_id, 1, name, made.place, made.kind == "spot")
    return Supply(made, host, 1, (name,) if stock else ())


def random_day(seed: int, active: Iterable[str] = (), kinds: tuple[str, ...] = ("sync",), offers: int = 4) -> Question:
    """Draw a tiny question by the hour under the rules named."""
    rng, rules = random.Random(seed), frozenset(active)
    weights = rng.choice(SCHEDULES) if len(kinds) == 1 else (2, 1)
    demands = [tuple(rng.randint(0, 9) if kind == "sync" else 0 for kind in kinds) for _ in weights]
    demands[0] = tuple(max(1, amount) if kind == "sync" else 0 for amount, kind in zip(demands[0], kinds, strict=True))
    works = [
        Work(service, (weights[0], *(weight * rng.choice([0, 1, 1]) for weight in weights[1:])), rng.randint(1, 12))
        for service, kind in enumerate(kinds) if kind == "async"]
    drawn, stock = [], {}
    for position in range(rng.randint(2, offers)):
        name, elastic = f"o{position}", rng.random() < 0.6
        most = rng.choice([None, 1, 2]) if "respect_stock" in rules else None
        if most is not None:
            stock[name] = most
        engines = ("sglang", "vllm") if "choose_engines" in rules else ("vllm",)
        supply = node(
            name, rng.randint(1, 12), most is not None, gpu=rng.choice(["ant", "bee"]),
            provider=rng.choice(["acme", "bolt"]), region=rng.choice(["east", "west"]),
            spot="cap_spot_share" in rules and elastic and rng.random() < 0.6,
            watts=0 if elastic or "cap_power" not in rules else rng.choice([300, 700]))
        carries = {(service, engine): rng.randint(2, 7) for service in range(len(kinds)) for engine in engines
                   if rng.random() < 0.9}
        drawn.append((supply, elastic, carries))
    limits = random_limits(rng, rules, 60)
    nodes, survive = limits.get("nodes"), limits.get("survive")
    known = {supply.offer.offer_id for supply, _, _ in drawn}
    return day_question(
        drawn, zip(weights, demands, strict=True), works, stock=stock, budget=limits.get("budget"),
        min_nodes=nodes.min if nodes else 0, max_nodes=nodes.max if nodes else None,
        at_least=tuple((name, count) for name, count in limits.get("at_least", {}).items() if name in known),
        max_gpu_types=limits.get("max_gpu_types"), engine_policy=limits.get("engine_policy", "any"),
        watts=None if "power_kw" not in limits else int(limits["power_kw"] * 1000),
        lose_nodes=survive.nodes if survive else 0, lose_provider=survive.provider if survive else False,
        lose_region=survive.region if survive else False,
        spot_share=Fraction(str(limits["spot_share_fraction"])) if "spot_share_fraction" in limits else None)


def least_cost(question: Question) -> int | None:
    """Return the least cost of one interactive service over every roster, lost nodes and stock looked at."""
    standing = [i for i, stay in enumerate(question.stays) if stay.last - stay.first > 1]
    best: int | None = None
    for counts in product(*(range(question.stays[i].most + 1) for i in standing)):
        there = dict(zip(standing, counts, strict=True))
        cost: int | None = sum(question.stays[i].price * count for i, count in there.items())
        for period in range(len(question.periods)):
            mine = [i for i, stay in enumerate(question.stays) if (stay.first, stay.last) == (period, period + 1)]
            parts = [
                sum(question.stays[i].price * count for i, count in zip(mine, some, strict=True))
                for some in product(*(range(question.stays[i].most + 1) for i in mine))
                if _carries(question, period, {**there, **dict(zip(mine, some, strict=True))})]
            cost = None if cost is None or not parts else cost + min(parts)
        if cost is not None and (best is None or cost < best):
            best = cost
    return best


def _carries(question: Question, period: int, counts: dict[int, int]) -> bool:
    each = sorted(
        max((question.carries(way, period) for way in question.ways_of.get(
            question.supplies[question.stays[i].supply].host, ())), default=0)
        for i, count in counts.items() for _ in range(count))
    kept = each[: max(0, len(each) - question.lose_nodes)]
    return sum(kept) >= question.periods[period].demand[0]
