"""The money that is approved: purchases, cash by fiscal year, commitments signed, budget, cost of a million tokens.

The nodes of a plan come into service in the month `accounting.start` and stay for `limits.horizon_months`. What a node
is bought for, or paid upfront for a term, falls on the first day of each life or term; what it costs each month falls
at the end of the month. Consumption tax is in the amounts where the problem's accounting includes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from optimizer.costs.api_supply import HOSTED
from optimizer.costs.cash import CAPITAL_LINES, CashFlow, cash_of
from optimizer.costs.contracts import CONTRACTS
from optimizer.costs.depreciation import MONTHS_PER_YEAR, UNTAXED, fiscal_year_of, months_in_years
from optimizer.costs.owned import price_node
from optimizer.costs.priced import rate_per_usd
from optimizer.demand import mean_output_tokens, requests_per_month
from optimizer.load import Catalog
from optimizer.schema.plan import Approval, Commitment, Cost, Node, YearOfCash
from optimizer.schema.problem import Problem
from optimizer.units import HOURS_PER_MONTH

MILLION = 1e6


@dataclass(frozen=True)
class Payments:
    """What the nodes of one line of a plan cost as they are paid, in the problem's currency."""

    node: Node
    flow: CashFlow
    first_day: float
    """Paid at once for each life or term, tax included where it is asked for."""
    month: float

    def paid(self, months: int) -> tuple[float, float]:
        """Return what is paid (at once, monthly) in the first so many months."""
        begun = self.flow.periods(months) if months else 0
        return self.first_day * begun, self.month * months


def approval_of(nodes: Sequence[Node], cost: Cost, catalog: Catalog, problem: Problem) -> Approval | None:
    """Return the sums that a plan asks someone to sign; None without a plan.

    Args:
        nodes: what the plan has.
        cost: what it costs a month.
        catalog: the facts.
        problem: the question.
    """
    if cost.usd_per_month is None:
        return None
    months, books = problem.limits.horizon_months, problem.accounting
    rate = float(rate_per_usd(catalog, problem, problem.currency))
    payments = [payments_of(node, catalog, problem, rate) for node in nodes]
    owned = [one for one in payments if one.node.kind == "owned"]
    terms = [one for one in payments if one.flow.period_months is not None and one.node.kind != "owned"]
    tokens, at_peak = output_tokens_per_month(problem), cost.usd_per_million_output_tokens
    return Approval(
        currency=problem.currency, start=books.start, months=months,
        purchases=sum(one.paid(months)[0] for one in owned),
        purchases_first_year=sum(one.paid(min(months, MONTHS_PER_YEAR))[0] for one in owned),
        years=tuple(_years(payments, owned, _beside_nodes(cost, problem) * rate, problem)),
        commitments=tuple(_commitments(terms, problem)),
        cost_per_month=cost.usd_per_month * rate,
        budget_per_month=None if problem.limits.budget is None else _budget(catalog, problem, rate),
        per_million_output_tokens_at_demand=cost.usd_per_month * rate / tokens * MILLION if tokens else None,
        per_million_output_tokens_at_peak=None if at_peak is None else at_peak * rate,
        tax_fraction=books.tax_added(problem.currency),
    )


def _beside_nodes(cost: Cost, problem: Problem) -> float:
    """Return what is paid each month beside the nodes: what contracts change, hosted APIs with tax where it is due."""
    apis = cost.breakdown.get(HOSTED, 0.0) * (1 + problem.accounting.tax_added(problem.currency))
    return cost.breakdown.get(CONTRACTS, 0.0) + apis


def payments_of(node: Node, catalog: Catalog, problem: Problem, rate: float) -> Payments:
    """Return what the nodes of a line cost as they are paid; `rate` turns US dollars into the problem's currency."""
    tax = problem.accounting.tax_added(problem.currency)
    if node.node_hours_per_month is not None and node.kind not in ("owned", "reserved"):
        return Payments(node, CashFlow(0.0, node.usd_per_month), 0.0, node.usd_per_month * rate * (1 + tax))
    flow = cash_of(node.offer_id, catalog, problem)
    scale = node.count * rate
    untaxed = untaxed_usd(node, catalog, problem)
    month = (flow.monthly_usd - untaxed) * (1 + tax) + untaxed
    return Payments(node, flow, flow.upfront_usd * (1 + tax) * scale, month * scale)


def untaxed_usd(node: Node, catalog: Catalog, problem: Problem) -> float:
    """Return what of a node's monthly payment bears no consumption tax: wages."""
    if node.kind != "owned":
        return 0.0
    machine = catalog.owned[node.offer_id.removesuffix(f".{node.region}")]
    lines = price_node(machine, node.region, catalog, problem).breakdown
    return sum(usd for line, usd in lines.items() if line in UNTAXED and line not in CAPITAL_LINES)


def years_of_cash(payments: Sequence[Payments], problem: Problem) -> Iterator[YearOfCash]:
    """Yield the cash of each fiscal year that the horizon touches, for nodes alone."""
    return _years(payments, [one for one in payments if one.node.kind == "owned"], 0.0, problem)


def _years(
    payments: Sequence[Payments], owned: Sequence[Payments], beside_nodes_per_month: float, problem: Problem
) -> Iterator[YearOfCash]:
    """Yield the cash of each fiscal year that the horizon touches."""
    books, horizon = problem.accounting, problem.limits.horizon_months
    year, month = (int(part) for part in books.start.split("-"))
    first = books.first_month(problem.currency)
    begin, over = fiscal_year_of(year, month, first), 0
    for index, months in enumerate(months_in_years(month, first, horizon)):
        spans = [(one.paid(over), one.paid(over + months)) for one in payments]
        at_once = sum(after[0] - before[0] for before, after in spans)
        running = sum(after[1] - before[1] for before, after in spans) + beside_nodes_per_month * months
        bought = sum(one.paid(over + months)[0] - one.paid(over)[0] for one in owned)
        yield YearOfCash(
            name=f"FY{begin + index}", months=months, purchases=bought, upfront=at_once - bought, running=running,
            cash=at_once + running)
        over += months


def _commitments(terms: Sequence[Payments], problem: Problem) -> Iterator[Commitment]:
    """Yield what is signed for on the first day: the whole first term of every reserved node."""
    year, month = (int(part) for part in problem.accounting.start.split("-"))
    for one in terms:
        length = round(one.flow.period_months or 0)
        last = year * MONTHS_PER_YEAR + month - 1 + length - 1
        yield Commitment(
            offer_id=one.node.offer_id, nodes=one.node.count, months=length,
            amount=one.first_day + one.month * length,
            ends=f"{last // MONTHS_PER_YEAR}-{last % MONTHS_PER_YEAR + 1:02}")


def _budget(catalog: Catalog, problem: Problem, rate: float) -> float:
    """Return the budget a month in the problem's currency, by the measure of the plan's monthly cost."""
    budget = problem.limits.budget
    assert budget is not None, "asked for a budget that is stated"
    hours = {"hour": HOURS_PER_MONTH, "month": 1.0, "year": 1 / MONTHS_PER_YEAR}[budget.per]
    return budget.amount * hours / float(rate_per_usd(catalog, problem, budget.currency)) * rate


def output_tokens_per_month(problem: Problem) -> float | None:
    """Return the output tokens of all services in a month of 730 hours, as the demand states them; None: unknown.

    Known are users a day, rates by the hour or with a profile, and work with a deadline each day. A peak alone says
    nothing of the other hours.
    """
    requests = [(service, requests_per_month(service)) for service in problem.services]
    if any(count is None for _, count in requests):
        return None
    return sum(float(mean_output_tokens(service)) * (count or 0.0) for service, count in requests)
