"""Every number of a document is one of the plan's: read from the text, looked up in the data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from optimizer.plan.hours import timetable_of
from optimizer.reports.specification.findings import Findings
from tests.reports.specification.documents import composed, found, prose_of
from tests.reports.specification.test_formats import in_languages

SAID = {
    # what the text itself says: hours of a month, months of a year and of the validity, 10% of the memory, 1 to 2 GiB
    730, 12, 3, 10, 1, 2, 100,
    # grades and services that readers know
    70, 30, 15, 25, 40, 120, 300,
}


def numbers_in(data: Any) -> Iterator[float]:
    """Yield every number of plain data, those inside texts too."""
    if isinstance(data, bool) or data is None:
        return
    if isinstance(data, int | float):
        yield float(data)
    elif isinstance(data, str):
        yield from (float(text.replace(",", "")) for text in re.findall(r"\d[\d,]*(?:\.\d+)?", data))
    elif isinstance(data, dict):
        for value in data.values():
            yield from numbers_in(value)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from numbers_in(value)


def figures_of(one: Findings) -> set[float]:
    """Collect what the JSON of plan, explanation and frontier says, the problem, and the sums that a reader expects."""
    plan, explained = one.plan.as_json(), {} if one.explanation is None else one.explanation.as_json()
    frontier = {} if one.frontier is None else one.frontier.as_json()
    pool = set(numbers_in([plan, explained, frontier, one.loaded.problem.model_dump(mode="json"), one.loaded.text]))
    cost = one.plan.cost.usd_per_month
    if cost is not None:
        others = [p["usd_per_month"] for p in frontier.get("points", ())]
        others += [p.usd_per_month for p in one.plan.proposals if p.usd_per_month is not None]
        others += [a.cost.usd_per_month or 0.0 for a in (one.explanation.alternatives if one.explanation else ())]
        margins = one.explanation.margins if one.explanation else ()
        lifted = [m.usd_per_month_lifted for m in margins if m.usd_per_month_lifted is not None]
        pool |= {12 * cost, (one.plan.cost.budget_usd_per_month or cost) - cost}
        pool |= {abs(other - cost) for other in (*others, *lifted)} | {other / cost for other in others}
        pool |= {other / cost - 1 for other in others} | {cost / (one.plan.cost.budget_usd_per_month or cost)}
        pool |= {sum(n.count for n in one.plan.nodes), sum(n.usd_per_month_low for n in one.plan.nodes),
                 sum(n.usd_per_month_high for n in one.plan.nodes)}
        table = timetable_of(one.plan)
        pool.add(sum(table.standing.values()) if table else 0)
        pool |= {slot.total for slot in table.slots} if table else set()
    for line in one.memory:
        fit = line.fit
        pool |= {fit.usable_gib, fit.weights_gib, fit.overhead_gib, fit.kv_cache_gib, line.request_tokens, line.fitting,
                 fit.request_gib(line.request_tokens)}
    for service in one.loaded.problem.services:
        pool |= {service.full_context_tokens, service.deadline.window_hours if service.deadline else 0}
        pool |= set(numbers_in([test.users for test in (one.tests.tests if one.tests else ())]))
    if one.frontier is not None:
        pool.add(len(one.frontier.points))
    for demand in one.demands:
        pool |= set(numbers_in(demand.arithmetic)) | {demand.percentile or 0}
    return pool | SAID | set(numbers_in(one.catalog.owned_assumptions.model_dump() if one.catalog.owned_assumptions
                                        else {}))


def names_of(one: Findings) -> list[str]:
    """List the names that hold digits, longest first."""
    catalog = one.catalog
    names = {*catalog.gpus, *catalog.engines, *catalog.precisions, *catalog.offers, *catalog.models,
             *(f"{node}.{site}" for node in catalog.owned for site in catalog.sites), *catalog.owned,
             *(offer.region for offer in catalog.offers.values()), *catalog.sites, one.plan.problem}
    names |= {f"{engine.name} {engine.version}" for engine in catalog.engines.values()}
    names |= {service.model for service in one.loaded.problem.services}
    names |= {"GPT-4o", "GPT-4", "Claude 3 Haiku", "Groq Llama-70B", "SHA-256", "qwen2.5", "qwen3_moe", "AMD"}
    return sorted(names, key=len, reverse=True)


def without(text: str, names: Iterable[str]) -> str:
    """Take names out of a text."""
    for name in names:
        text = text.replace(name, " ")
    return text


def is_among(text: str, factor: float, pool: Iterable[float]) -> bool:
    """Say whether a number as it is written is one of a pool, rounded as it is written."""
    digits = len(text.partition(".")[2])
    wanted = float(text.replace(",", ""))
    return any(abs(round(value * factor, digits) - wanted) < 10**-digits * 0.51 for value in pool)


@pytest.mark.parametrize(("name", "language"), in_languages())
def test_every_number_is_one_of_the_data(name: str, language: str) -> None:
    one = found(name)
    document, writer = composed(name, language)  # type: ignore[arg-type]
    pool, names = figures_of(one), names_of(one)
    dates = {node.price_as_of for node in one.plan.nodes}
    assert dates or not one.plan.nodes
    rate, checked = writer.rate_per_usd, 0
    for line in prose_of(document):
        shown = re.sub(r"\d{4}年(\d{1,2}月(\d{1,2}日)?)?|\d{4}-\d{2}(-\d{2})?|\d+(\.\d+){2,}|^\d{4}$|\d{1,2}:\d{2}",
                       " ", without(line, names))
        for sign, number, unit in re.findall(r"([$]|JPY )?(\d[\d,]*(?:\.\d+)?)(万円|円|%|億)?", shown):
            factors = {"万円": rate / 10_000, "円": rate, "%": 100.0, "億": 10.0}
            factor = factors.get(unit, rate if sign == "JPY " else 1.0)
            exact_yen = unit == "円" and is_among(number, 1.0, pool)
            exact_share = unit == "%" and is_among(number, 1.0, pool)
            assert is_among(number, factor, pool) or exact_yen or exact_share, f"{number}{unit} in {line!r}"
            checked += 1
    assert checked > (100 if one.explanation and one.plan.nodes else 20)


def test_a_wrong_number_would_be_seen() -> None:
    one = found("helpdesk-llama3-8b")
    pool = figures_of(one)
    cost = one.plan.cost.usd_per_month
    assert cost is not None
    assert is_among(f"{cost:,.2f}", 1.0, pool)
    assert not is_among(f"{cost + 0.01:,.2f}", 1.0, pool)
    assert is_among(f"{cost * 158.48:,.0f}", 158.48, pool)
    assert not is_among(f"{cost * 158.48 - 1:,.0f}", 158.48, pool)
