"""The sums that someone signs, in sentences: the problem's currency first."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.messages import Message
from optimizer.schema.plan import ApiBeside, Approval, Cost, SiteEnergy


def sum_of(amount: float, currency: str) -> Message:
    """Write an amount of a currency.

    >>> sum_of(21_900_000.4, "JPY"), sum_of(1234.5, "USD")
    ('JPY 21,900,000', '$1,234.50')
    """
    return Message(f"compare.amount-{currency}", value=amount)


def month_of(cost: Cost) -> Message:
    """Write the cost a month, the problem's currency first.

    >>> yen = Cost(usd_per_hour=1.0, usd_per_month=2.0, breakdown={}, currency="JPY", fx_rate_per_usd=150.0)
    >>> month_of(yen), month_of(yen.model_copy(update={"fx_rate_per_usd": None, "currency": "USD"}))
    ('JPY 300/month ($2.00)', '$2.00/month')
    """
    usd = cost.usd_per_month or 0.0
    if cost.fx_rate_per_usd is None:
        return Message("sum.month", amount=sum_of(usd, "USD"))
    return Message("sum.month-local", amount=sum_of(usd * cost.fx_rate_per_usd, cost.currency), usd=usd)


def approval_lines(approval: Approval) -> Iterator[Message]:
    """Yield what is signed: purchases, cash by fiscal year, commitments, budget, and a million tokens."""
    currency = approval.currency
    if approval.purchases:
        whole = approval.purchases_first_year == approval.purchases
        yield Message("sum.purchases-all" if whole else "sum.purchases", amount=sum_of(approval.purchases, currency),
                      first=sum_of(approval.purchases_first_year, currency))
    else:
        yield Message("sum.no-purchases")
    years = tuple(Message("sum.year", year=year.name, amount=sum_of(year.cash, currency)) for year in approval.years)
    yield Message("sum.cash-taxed" if approval.tax_fraction else "sum.cash", tax=approval.tax_fraction, years=years)
    if approval.commitments:
        total = sum(one.amount for one in approval.commitments)
        yield Message("sum.commitments", amount=sum_of(total, currency),
                      last=max(one.ends for one in approval.commitments))
    if approval.budget_per_month:
        yield Message("sum.budget", amount=sum_of(approval.budget_per_month, currency),
                      share=approval.cost_per_month / approval.budget_per_month)


def energy_of(site: SiteEnergy) -> Message:
    """Write what a site draws and emits.

    >>> energy_of(SiteEnergy(site="tokyo", kwh_per_month=1000.4, g_co2e_per_kwh=463.0, kg_co2e_per_month=463.2,
    ...                      source_url="", as_of="2025"))
    'energy at tokyo: 1,000 kWh a month, 463 kg CO2e at 463 g/kWh (2025)'
    """
    if site.kg_co2e_per_month is None:
        return Message("sum.energy-unknown", site=site.site, kwh=site.kwh_per_month)
    return Message("sum.energy", site=site.site, kwh=site.kwh_per_month, kg=site.kg_co2e_per_month,
                   grams=site.g_co2e_per_kwh, as_of=site.as_of)


def api_of(api: ApiBeside, cost: Cost) -> Message:
    """Write what a hosted API would cost, and from how many tokens the plan is cheaper."""
    parts = [Message("api.priced", service=api.service_id, provider=api.provider, model=api.api_model,
                     input=api.input_usd_per_million, output=api.output_usd_per_million, as_of=api.as_of)]
    if api.usd_per_month is not None:
        rate = cost.fx_rate_per_usd
        amount = sum_of(api.usd_per_month * rate, cost.currency) if rate else sum_of(api.usd_per_month, "USD")
        parts.append(Message("api.costs", amount=amount, millions=(api.tokens_per_month or 0) / 1e6))
    even, carried = api.break_even_tokens_per_month, api.carried_tokens_per_month
    if even is not None and carried is not None and even > carried:
        parts.append(Message("api.never", millions=carried / 1e6))
    elif even is not None:
        parts.append(Message("api.even" if carried is None else "api.even-of", millions=even / 1e6,
                             most=(carried or 0.0) / 1e6))
    if not api.tokens_per_s:
        parts.append(Message("api.no-speed"))
    return Message("explain.steps", steps=tuple(parts))


def token_prices(approval: Approval) -> Iterator[Message]:
    """Yield what a million output tokens costs, with the measure named."""
    for amount, ident in ((approval.per_million_output_tokens_at_demand, "sum.at-demand"),
                          (approval.per_million_output_tokens_at_peak, "sum.at-peak")):
        if amount is not None:
            yield Message(ident, amount=Message(f"sum.fine-{approval.currency}", value=amount))
