"""Random roadmaps, every plan of a tiny one gone through, and the same question put to HiGHS by states of stock."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from ortools.math_opt.python import mathopt

from tests.catalogs import tiny
from tests.plan.years import Bought, Rented, Supply, Years, years

HOURS = 2190
RESIDUALS = ((0, 1.0), (12, 0.4), (24, 0.3), (36, 0.2), (60, 0.1))
"""Of the tiny catalog: months of age, share of the price."""

LIFE_QUARTERS = 20
BOOK_QUARTERS = 20


@dataclass(frozen=True)
class Question:
    """A roadmap in the raw, as a reader of the problem file would count it."""

    supply: Supply
    demand: tuple[int, ...]
    roadmap: dict[str, Any]
    limits: dict[str, Any]
    assumptions: dict[str, Any]
    carries: dict[tuple[int, str], int]

    def years(self) -> Years:
        """Return the problem with its catalog."""
        return years(self.supply, demand=self.demand, limits=self.limits, assumptions=self.assumptions,
                     carries=self.carries, **self.roadmap)

    @property
    def quarters(self) -> int:
        return int(self.roadmap["quarters"])

    def asked(self, service: int, quarter: int) -> int:
        """Return a service's requests in flight in a quarter."""
        factor = self.roadmap["demand_factors"][quarter] if "demand_factors" in self.roadmap else round(
            (1 + self.roadmap.get("demand_growth_fraction_per_year", 0.0)) ** (quarter / 4), 12)
        return max(1, math.ceil(Fraction(repr(float(factor))) * self.demand[service]))

    def capacity(self, service: int, name: str) -> int:
        return self.carries.get((service, name), self.supply[name].carries)

    def change(self, name: str, quarter: int) -> Fraction:
        """Return the price of an offer in a quarter, as a factor of today's."""
        general = self.roadmap.get("price_change_fraction_per_year", 0.0)
        if isinstance(self.supply[name], Rented):
            general = self.roadmap.get("rent_change_fraction_per_year", general)
        yearly = self.roadmap.get("price_change_by_gpu", {}).get(self.supply[name].gpu, general)
        return Fraction(repr(round((1 + yearly) ** (quarter / 4), 12)))

    def worth(self, quarter: int) -> Fraction:
        rate = self.roadmap.get("discount_fraction_per_year", 0.0)
        return Fraction(repr(round((1 + rate) ** (-quarter / 4), 12)))

    def rent(self, name: str, quarter: int) -> int:
        """Return cents a quarter."""
        one = self.supply[name]
        return math.ceil(Fraction(repr(one.price)) * HOURS * 100 * self.change(name, quarter))

    def purchase(self, name: str, quarter: int) -> int:
        return math.ceil(Fraction(repr(self.supply[name].price)) * 100 * self.change(name, quarter))

    def running(self, name: str) -> int:
        one = self.supply[name]
        assert isinstance(one, Bought)
        return math.ceil(Fraction(repr(one.running)) * HOURS * 100)

    def share(self, age: int) -> Fraction:
        """Return what a node is worth after so many quarters, as a share of its price."""
        kind = self.roadmap.get("end_value", "resale")
        if kind == "none":
            return Fraction(0)
        if kind == "book":
            return 1 - Fraction(age, BOOK_QUARTERS)
        for (early, more), (late, less) in pairwise(RESIDUALS):
            if 3 * age <= late:
                return Fraction(repr(round(more + (3 * age - early) / (late - early) * (less - more), 12)))
        return Fraction(0)

    def value(self, name: str, ordered: int, first: int, last: int) -> int:
        if last < self.quarters and not self.roadmap.get("retired_nodes_sold", False):
            return 0
        return math.floor(self.purchase(name, ordered) * self.share(last - first))

    def lead(self, name: str) -> int:
        general = self.roadmap.get("lead_time_quarters", 0) if isinstance(self.supply[name], Bought) else 0
        return int(self.roadmap.get("lead_time_by_offer", {}).get(name, general))

    def commitment(self, name: str, first: int) -> dict[int, int]:
        """Return the payments of a reserved node."""
        one = self.supply[name]
        assert isinstance(one, Rented)
        term = math.ceil(one.months / 3)
        whole = self.rent(name, first) * term
        upfront = math.ceil(whole * Fraction(repr(one.upfront)))
        each = math.ceil(Fraction(whole - upfront, term))
        return {first + n: each + (upfront if n == 0 else 0) for n in range(term)}

    def discounted(self, cash: dict[int, int]) -> int:
        return sum(math.ceil(cents * self.worth(quarter)) for quarter, cents in cash.items())

    def year(self, quarter: int) -> int:
        """Return the fiscal year of a quarter; plans begin in 2027-Q2, fiscal years in April."""
        return quarter // 4

    @property
    def caps(self) -> dict[str, int]:
        told = self.roadmap.get("caps", {})
        return {kind: math.floor(told[f"{kind}_per_fiscal_year"] * 100) for kind in ("capex", "opex")
                if f"{kind}_per_fiscal_year" in told}

    @property
    def there(self) -> list[tuple[str, int, int]]:
        """List (name, count, quarters left) of the nodes there already."""
        found = []
        for one in self.roadmap.get("owned_already", ()):
            year, month = (int(part) for part in one["bought"].split("-")[:2])
            age = (2027 * 12 + 4) - (year * 12 + month)
            found.append((one["offer_id"].removesuffix(".here"), one["count"], max(0, (60 - age) // 3)))
        return found


def draw(rng: random.Random, *, quarters: int = 5, offers: int = 4, services: int = 1, most: int = 30) -> Question:
    """Draw a roadmap: rents, commitments and nodes to buy whose prices lie close to each other."""
    supply: Supply = {}
    length = rng.randint(2, quarters)
    for number in range(rng.randint(2, offers)):
        carries, gpu = rng.choice([3, 4, 5, 7, 10]), rng.choice(["g", "h"])
        scale = carries / 10 * rng.choice([0.8, 1.0, 1.2])
        kind = rng.choice(["rent", "rent", "reserve", "buy"]) if number else "rent"
        stock = rng.choice([None, None, 1, 2]) if number else None
        provider = rng.choice(["cloud", "edge"])
        if kind == "buy":
            price = round(2190 * length * scale * rng.choice([0.4, 0.6, 0.8]), 2)
            supply[f"o{number}"] = Bought(price, round(0.1 * scale, 4), carries, stock, gpu)
        else:
            months = rng.choice([2, 6, 12]) if kind == "reserve" else 0
            price = round(scale * (rng.choice([0.6, 0.75, 0.9]) if months else 1.0), 4)
            supply[f"o{number}"] = Rented(
                price, carries, months, rng.choice([0.0, 0.0, 0.3]) if months else 0.0, stock, provider, gpu)
    roadmap: dict[str, Any] = {"quarters": length, "fiscal_year_start_month": 4}
    if rng.random() < 0.5:
        roadmap["demand_factors"] = tuple(rng.choice([0.5, 1.0, 1.5, 2.0]) for _ in range(length))
    else:
        roadmap["demand_growth_fraction_per_year"] = rng.choice([0.0, 0.5, 2.0, -0.4])
    roadmap["lead_time_quarters"] = rng.choice([0, 0, 1, 2])
    roadmap["price_change_fraction_per_year"] = rng.choice([0.0, -0.2, 0.1])
    if rng.random() < 0.3:
        roadmap["rent_change_fraction_per_year"] = rng.choice([-0.3, 0.0, 0.2])
    if rng.random() < 0.3:
        roadmap["price_change_by_gpu"] = {"h": rng.choice([-0.5, 0.0])}
    roadmap["end_value"] = rng.choice(["resale", "book", "none"])
    roadmap["retired_nodes_sold"] = rng.random() < 0.3
    roadmap["discount_fraction_per_year"] = rng.choice([0.0, 0.0, 0.1])
    own = [name for name, one in supply.items() if isinstance(one, Bought)]
    if own and rng.random() < 0.5:
        bought = rng.choice(["2022-09-01", "2023-01-01", "2026-07-01"])
        roadmap["owned_already"] = ({"offer_id": f"{own[0]}.here", "count": rng.randint(1, 3), "bought": bought},)
    caps = {}
    if rng.random() < 0.3:
        caps["capex_per_fiscal_year"] = float(rng.choice([0, 2000, 8000]))
    if rng.random() < 0.2:
        caps["opex_per_fiscal_year"] = float(rng.choice([4000, 12000, 40000]))
    if caps:
        roadmap["caps"] = caps
    demand = tuple(rng.randint(3, most) for _ in range(services))
    carries = {
        (service, name): rng.choice([1, 4, 6, supply[name].carries])
        for service in range(1, services) for name in supply if name != "o0"
    }
    return Question(supply, demand, roadmap, _limits(rng), {"life_years": 5.0}, carries)


def _limits(rng: random.Random) -> dict[str, Any]:
    drawn: dict[str, Any] = {}
    if rng.random() < 0.15:
        drawn["nodes"] = {"min": rng.choice([0, 3]), "max": rng.choice([None, 4, 8])}
    if rng.random() < 0.15:
        drawn["max_gpu_types"] = 1
    if rng.random() < 0.15:
        drawn["power_kw"] = rng.choice([0.7, 1.4])
    if rng.random() < 0.25:
        drawn["survive"] = rng.choice([{"nodes": 1}, {"provider": True}, {"region": True}, {"nodes": 2}])
    return drawn


def _stays(asked: Question) -> Iterator[tuple[str, str, int, int, int, int]]:
    """Yield (name, way, ordered, first, last, cents) of everything that one node can do."""
    for place, (name, _, left) in enumerate(asked.there):
        for last in range(1, min(left, asked.quarters) + 1):
            cash = dict.fromkeys(range(last), asked.running(name))
            yield name, f"there {place}", 0, 0, last, asked.discounted(cash)
    for name, one in asked.supply.items():
        for first in range(asked.lead(name), asked.quarters):
            ordered = first - asked.lead(name)
            if isinstance(one, Rented) and not one.months:
                yield name, "rent", ordered, first, first + 1, asked.discounted({first: asked.rent(name, first)})
            elif isinstance(one, Rented):
                last = min(asked.quarters, first + math.ceil(one.months / 3))
                yield name, "reserve", ordered, first, last, asked.discounted(asked.commitment(name, first))
            else:
                for last in range(first + 1, min(asked.quarters, first + LIFE_QUARTERS) + 1):
                    paid = asked.discounted({ordered: asked.purchase(name, ordered)})
                    paid += asked.discounted(dict.fromkeys(range(first, last), asked.running(name)))
                    gained = math.floor(asked.value(name, ordered, first, last) * asked.worth(last))
                    yield name, "buy", ordered, first, last, paid - gained


def cheapest(asked: Question) -> int | None:
    """Return the least cents of one service by going through every choice of stays, the dear ones cut off.

    Stock and caps on spending are kept; other rules are left to HiGHS.
    """
    stays = sorted(_stays(asked), key=lambda stay: stay[5])
    best: list[int | None] = [None]
    quarters = range(asked.quarters)

    def walk(index: int, held: tuple[int, ...], cost: int, taken: tuple[int, ...]) -> None:
        if best[0] is not None and cost >= best[0]:
            return
        short = [q for q in quarters if held[q] < asked.asked(0, q)]
        if not short:
            if _allowed(asked, stays, taken):
                best[0] = cost
            return
        if index == len(stays):
            return
        name, _, _, first, last, cents = stays[index]
        carries = asked.capacity(0, name)
        lacks = [asked.asked(0, q) - held[q] for q in short if first <= q < last]
        needed = max((math.ceil(lack / carries) for lack in lacks), default=0)
        for count in range(needed, -1, -1):
            more = tuple(h + count * carries if first <= q < last else h for q, h in enumerate(held))
            walk(index + 1, more, cost + count * cents, (*taken, count))

    walk(0, (0,) * asked.quarters, 0, ())
    return best[0]


def _allowed(asked: Question, stays: list[tuple[str, str, int, int, int, int]], taken: tuple[int, ...]) -> bool:
    """Say whether stays keep stock and caps."""
    chosen = [(stay, count) for stay, count in zip(stays, taken, strict=False) if count]
    for place, (_, there, _) in enumerate(asked.there):
        if sum(count for stay, count in chosen if stay[1] == f"there {place}") > there:
            return False
    for name, one in asked.supply.items():
        mine = [(stay, count) for stay, count in chosen if stay[0] == name and not stay[1].startswith("there")]
        most = sum(c for _, c in mine) if isinstance(one, Bought) else max(
            sum(c for s, c in mine if s[3] <= q < s[4]) for q in range(asked.quarters))
        if one.stock is not None and most > one.stock:
            return False
    for kind, cap in asked.caps.items():
        spent: dict[int, int] = {}
        for stay, count in chosen:
            for quarter, cents in _cash(asked, stay, kind).items():
                if quarter < asked.quarters:
                    spent[asked.year(quarter)] = spent.get(asked.year(quarter), 0) + cents * count
        if any(cents > cap for cents in spent.values()):
            return False
    return True


def _cash(asked: Question, stay: tuple[str, str, int, int, int, int], kind: str) -> dict[int, int]:
    name, way, ordered, first, last, _ = stay
    if kind == "capex":
        return {ordered: asked.purchase(name, ordered)} if way == "buy" else {}
    if way == "reserve":
        return asked.commitment(name, first)
    if way == "rent":
        return {first: asked.rent(name, first)}
    return dict.fromkeys(range(first, last), asked.running(name))


def with_highs(asked: Question) -> int | None:
    """Return the least cents by HiGHS over states: what of each purchase still stands in each quarter, gap 0."""
    model, quarters = mathopt.Model(), range(asked.quarters)
    ample = sum(asked.asked(s, q) for s in range(len(asked.demand)) for q in quarters) + 10
    stand: dict[tuple[str, int], list[Any]] = {(name, q): [] for name in asked.supply for q in quarters}
    cost: list[Any] = []
    capex: dict[int, list[Any]] = {}
    opex: dict[int, list[Any]] = {}
    bought: dict[str, list[Any]] = {name: [] for name in asked.supply}
    rented: dict[tuple[str, int], list[Any]] = {(name, q): [] for name in asked.supply for q in quarters}

    def spend(book: dict[int, list[Any]], quarter: int, cents: int, count: Any) -> None:
        cost.append(math.ceil(cents * asked.worth(quarter)) * count)
        if quarter < asked.quarters:
            book.setdefault(asked.year(quarter), []).append(cents * count)

    def own(name: str, ordered: int | None, first: int, most: int, life: int) -> None:
        """State how many of a purchase, or of nodes there already, still stand in each quarter."""
        previous = None
        for q in range(first, min(asked.quarters, first + life)):
            count = model.add_integer_variable(lb=0, ub=most)
            stand[name, q].append(count)
            spend(opex, q, asked.running(name), count)
            if previous is None and ordered is not None:
                spend(capex, ordered, asked.purchase(name, ordered), count)
                bought[name].append(count)
            if previous is not None:
                model.add_linear_constraint(ub=0.0, expr=count - previous)
                if ordered is not None:
                    gained = math.floor(asked.value(name, ordered, first, q) * asked.worth(q))
                    cost.append(-gained * (previous - count))
            previous = count
        last = min(asked.quarters, first + life)
        if previous is not None and ordered is not None:
            cost.append(-math.floor(asked.value(name, ordered, first, last) * asked.worth(last)) * previous)

    for name, there, left in asked.there:
        own(name, None, 0, there, left)
    for name, one in asked.supply.items():
        for first in range(asked.lead(name), asked.quarters):
            if isinstance(one, Bought):
                own(name, first - asked.lead(name), first, ample, LIFE_QUARTERS)
                continue
            count = model.add_integer_variable(lb=0, ub=ample)
            cash = asked.commitment(name, first) if one.months else {first: asked.rent(name, first)}
            for q, cents in cash.items():
                spend(opex, q, cents, count)
                if q < asked.quarters:
                    stand[name, q].append(count)
                    rented[name, q].append(count)
        for q in quarters:
            if one.stock is not None and rented[name, q]:
                model.add_linear_constraint(ub=one.stock, expr=sum(rented[name, q]) + 0.0)
        if one.stock is not None and bought[name]:
            model.add_linear_constraint(ub=one.stock, expr=sum(bought[name]) + 0.0)
    for kind, book in (("capex", capex), ("opex", opex)):
        for spent in book.values():
            if kind in asked.caps:
                model.add_linear_constraint(ub=asked.caps[kind], expr=sum(spent) + 0.0)
    for q in quarters:
        _state_quarter(model, asked, q, {name: sum(stand[name, q]) + 0.0 for name in asked.supply}, ample)
    model.minimize(sum(cost) + 0.0)
    result = mathopt.solve(model, mathopt.SolverType.HIGHS, params=mathopt.SolveParameters(relative_gap_tolerance=0.0))
    if result.termination.reason == mathopt.TerminationReason.OPTIMAL:
        return round(result.objective_value())
    assert result.termination.reason in (
        mathopt.TerminationReason.INFEASIBLE, mathopt.TerminationReason.INFEASIBLE_OR_UNBOUNDED), result.termination
    return None


def _state_quarter(model: mathopt.Model, asked: Question, quarter: int, stand: dict[str, Any], ample: int) -> None:
    """State the rules of one quarter over the nodes that stand in it."""
    limits = asked.limits
    serve = {
        (service, name): model.add_integer_variable(lb=0, ub=ample if asked.capacity(service, name) else 0)
        for service in range(len(asked.demand)) for name in asked.supply
    }
    for name in asked.supply:
        used = sum(serve[service, name] for service in range(len(asked.demand)))
        model.add_linear_constraint(ub=0.0, expr=used - stand[name])
    everything = sum(stand.values())
    nodes = limits.get("nodes", {})
    model.add_linear_constraint(lb=nodes.get("min", 0), ub=nodes.get("max") or math.inf, expr=everything)
    if "power_kw" in limits:
        watts = [700 * stand[name] for name, one in asked.supply.items() if isinstance(one, Bought)]
        model.add_linear_constraint(ub=limits["power_kw"] * 1000, expr=sum(watts) + 0.0)
    if "max_gpu_types" in limits:
        uses = {gpu: model.add_binary_variable() for gpu in ("g", "h")}
        for name, one in asked.supply.items():
            model.add_linear_constraint(ub=0.0, expr=stand[name] - ample * uses[one.gpu])
        model.add_linear_constraint(ub=limits["max_gpu_types"], expr=sum(uses.values()))
    for service in range(len(asked.demand)):
        _state_service(model, asked, quarter, service, {name: serve[service, name] for name in asked.supply})


def _state_service(
    model: mathopt.Model, asked: Question, quarter: int, service: int, serve: dict[str, Any]
) -> None:
    """State that a service gets its demand, after each loss to survive."""
    needed, survive = asked.asked(service, quarter), asked.limits.get("survive", {})
    carried = {name: min(needed, asked.capacity(service, name)) for name in serve}
    model.add_linear_constraint(lb=needed, expr=sum(carried[name] * serve[name] for name in serve))
    if survive.get("nodes"):
        levels = sorted({amount for amount in carried.values() if amount})
        picks = [model.add_binary_variable() for _ in levels]
        model.add_linear_constraint(lb=1, ub=1, expr=sum(picks))
        for level, pick in zip(levels, picks, strict=True):
            left = sum(min(carried[name], level) * serve[name] for name in serve)
            model.add_linear_constraint(lb=0, expr=left - (needed + survive["nodes"] * level) * pick)
    if survive.get("provider") or survive.get("region"):  # every provider of the tiny catalog has one region
        where = {name: one.provider if isinstance(one, Rented) else "owned" for name, one in asked.supply.items()}
        for lost in set(where.values()):
            model.add_linear_constraint(
                lb=needed, expr=sum(carried[name] * serve[name] for name in serve if where[name] != lost) + 0.0)


assert tiny.ASSUMPTIONS.life_years.value * 4 == LIFE_QUARTERS
