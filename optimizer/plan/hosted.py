"""What hosted APIs carry in a plan, and their bills."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction

from optimizer.question.build import Asked
from optimizer.question.money import bill_of
from optimizer.schema.plan import HostedShare, HostedSupply
from optimizer.solve.extract import in_user_units
from optimizer.strategies.search import Found
from optimizer.units import HOURS_PER_MONTH


def carried_by_apis(found: Found, service: int, period: int) -> int:
    """Return what hosted APIs carry of a service in a period, in the demand's unit."""
    return sum(found.question.hosted[i].each[period] * parts for (when, i), parts in found.hosted.items()
               if when == period and found.question.hosted[i].service == service)


def shares_in(asked: Asked, found: Found, period: int) -> tuple[HostedShare, ...]:
    """List what each API carries in a period."""
    shown = []
    for (when, i), parts in sorted(found.hosted.items()):
        one = found.question.hosted[i]
        if when == period:
            demand = asked.prepared.candidates.demands[one.service]
            shown.append(HostedShare(
                service_id=asked.problem.services[one.service].service_id, provider=one.api.provider,
                api_model=one.api.api_model, amount=in_user_units(demand, one.each[period] * parts), parts=parts,
                of_parts=one.of_parts[period]))
    return tuple(shown)


def hosted_supplies(asked: Asked, found: Found) -> tuple[HostedSupply, ...]:
    """List each API with its tokens and its bill, the mean of all quarters where there are several."""
    parts_of: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for (period, i), parts in sorted(found.hosted.items()):
        parts_of[i].append((period, parts))
    shown = []
    for i, mine in sorted(parts_of.items()):
        one, service = found.question.hosted[i], asked.problem.services[found.question.hosted[i].service]
        tokens = sum((one.tokens[period] * parts for period, parts in mine), Fraction(0))
        a_month = tokens * HOURS_PER_MONTH / (asked.calendar.cycle_hours * asked.calendar.quarters)
        shown.append(HostedSupply(
            service_id=service.service_id, model_id=service.model, provider=one.api.provider,
            api_model=one.api.api_model, input_usd_per_million=one.api.input_usd_per_million,
            output_usd_per_million=one.api.output_usd_per_million, tokens_per_month=float(a_month),
            usd_per_month=asked.money.usd_per_month(bill_of(
                found.question.hosted, {(period, i): parts for period, parts in mine})),
            tokens_per_s=one.api.tokens_per_s, source_url=one.api.source_url, as_of=one.api.as_of))
    return tuple(shown)
