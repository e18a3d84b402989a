"""The sums that someone signs, in sentences: the problem's currency first."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.schema.plan import ApiBeside, Approval, Cost, SiteEnergy

SIGNS = {"USD": "$"}
"""Signs that every terminal shows; other currencies stand by their code."""


def sum_of(amount: float, currency: str, digits: int | None = None) -> str:
    """Write an amount of a currency.

    >>> sum_of(21_900_000.4, "JPY"), sum_of(1234.5, "USD"), sum_of(0.104, "USD", 3)
    ('JPY 21,900,000', '$1,234.50', '$0.104')
    """
    places = digits if digits is not None else 0 if currency == "JPY" else 2
    sign = SIGNS.get(currency)
    return f"{sign}{amount:,.{places}f}" if sign else f"{currency} {amount:,.{places}f}"


def month_of(cost: Cost) -> str:
    """Write the cost a month, the problem's currency first.

    >>> yen = Cost(usd_per_hour=1.0, usd_per_month=2.0, breakdown={}, currency="JPY", fx_rate_per_usd=150.0)
    >>> month_of(yen), month_of(yen.model_copy(update={"fx_rate_per_usd": None, "currency": "USD"}))
    ('JPY 300/month ($2.00)', '$2.00/month')
    """
    usd = cost.usd_per_month or 0.0
    if cost.fx_rate_per_usd is None:
        return f"{sum_of(usd, 'USD')}/month"
    return f"{sum_of(usd * cost.fx_rate_per_usd, cost.currency)}/month ({sum_of(usd, 'USD')})"


def approval_lines(approval: Approval) -> Iterator[str]:
    """Yield what is signed: purchases, cash by fiscal year, commitments, budget, and a million tokens."""
    currency = approval.currency
    if approval.purchases:
        first = "all" if approval.purchases_first_year == approval.purchases else sum_of(
            approval.purchases_first_year, currency)
        yield f"purchases {sum_of(approval.purchases, currency)}, {first} in the first year"
    else:
        yield "no purchases"
    taxed = f" (with {approval.tax_fraction:.0%} tax)" if approval.tax_fraction else ""
    yield f"cash{taxed} " + ", ".join(f"{year.name} {sum_of(year.cash, currency)}" for year in approval.years)
    if approval.commitments:
        total = sum(one.amount for one in approval.commitments)
        last = max(one.ends for one in approval.commitments)
        yield f"commitments signed {sum_of(total, currency)}, the last until {last}"
    if approval.budget_per_month:
        share = approval.cost_per_month / approval.budget_per_month
        yield f"budget {sum_of(approval.budget_per_month, currency)} a month: {share:.0%} used"


def energy_of(site: SiteEnergy) -> str:
    """Write what a site draws and emits.

    >>> energy_of(SiteEnergy(site="tokyo", kwh_per_month=1000.4, g_co2e_per_kwh=463.0, kg_co2e_per_month=463.2,
    ...                      source_url="", as_of="2025"))
    'energy at tokyo: 1,000 kWh a month, 463 kg CO2e at 463 g/kWh (2025)'
    """
    drawn = f"energy at {site.site}: {site.kwh_per_month:,.0f} kWh a month"
    if site.kg_co2e_per_month is None:
        return f"{drawn}, the grid's emissions are not known"
    return f"{drawn}, {site.kg_co2e_per_month:,.0f} kg CO2e at {site.g_co2e_per_kwh:g} g/kWh ({site.as_of})"


def api_of(api: ApiBeside, cost: Cost) -> str:
    """Write what a hosted API would cost, and from how many tokens the plan is cheaper."""
    priced = f"${api.input_usd_per_million:g} in, ${api.output_usd_per_million:g} out a million ({api.as_of})"
    said = f"{api.service_id}: {api.provider} {api.api_model}, {priced}"
    if api.usd_per_month is not None:
        rate = cost.fx_rate_per_usd
        amount = sum_of(api.usd_per_month * rate, cost.currency) if rate else sum_of(api.usd_per_month, "USD")
        said += f": {amount} a month for the {_millions(api.tokens_per_month or 0)} of the demand"
    even, carried = api.break_even_tokens_per_month, api.carried_tokens_per_month
    if even is not None and carried is not None and even > carried:
        said += f"; the plan, at most {_millions(carried)} in and out, costs more however much it is used"
    elif even is not None:
        at_most = f" of at most {_millions(carried)}" if carried is not None else ""
        said += f"; the plan costs less from {_millions(even)} a month{at_most}, in and out"
    return said if api.tokens_per_s else f"{said}; no speed is promised"


def _millions(tokens: float) -> str:
    return f"{tokens / 1e6:,.0f} million tokens"


def token_prices(approval: Approval) -> Iterator[str]:
    """Yield what a million output tokens costs, with the measure named."""
    for amount, measure in (
        (approval.per_million_output_tokens_at_demand, "at the real demand"),
        (approval.per_million_output_tokens_at_peak, "at the full peak around the clock"),
    ):
        if amount is not None:
            yield f"{sum_of(amount, approval.currency, 4 if approval.currency != 'JPY' else 2)} {measure}"
