"""A plan in 80 columns, in colour where the terminal has it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from optimizer.reports.wording import (
    STATUS,
    evidence_of,
    gap_of,
    kind_of,
    local_money,
    mix_of,
    money,
    rejected_what,
    rejection_groups,
)
from optimizer.schema.plan import Plan

WIDTH = 80
BOLD, DIM, GREEN, YELLOW, RED, RESET = "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[0m"
STATUS_COLOUR = {"optimal": GREEN, "feasible": YELLOW, "infeasible": RED, "unknown": RED}


def paint(text: str, *codes: str) -> str:
    """Colour a text; whoever prints strips the codes where colour is unwanted."""
    return f"{''.join(codes)}{text}{RESET}" if text else text


def wrap(text: str, indent: str = "  ", first: str | None = None) -> list[str]:
    """Break a text at 80 columns; long ids and addresses stay whole."""
    return textwrap.wrap(text, WIDTH, initial_indent=indent if first is None else first, subsequent_indent=indent,
                         break_long_words=False, break_on_hyphens=False)


def table(rows: list[tuple[str, ...]], right: tuple[int, ...] = ()) -> list[str]:
    """Lay rows out in columns; the columns in `right` are flush right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.rjust(w) if i in right else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))]
        lines.append("  " + "  ".join(cells).rstrip())
    return lines


def _section(title: str) -> Iterator[str]:
    yield ""
    yield paint(title, BOLD)


def _headline(plan: Plan) -> Iterator[str]:
    yield paint(f"{plan.problem}", BOLD)
    yield from (paint(line, STATUS_COLOUR[plan.status]) for line in wrap(STATUS[plan.status], "", ""))
    for warning in plan.warnings:
        yield from (paint(line, YELLOW) for line in wrap(warning, "  ", "! "))
    if plan.depends_on:
        yield from (paint(line, YELLOW) for line in wrap("The plan depends most on:", "  ", "! "))
        for number, figure in enumerate(plan.depends_on, 1):
            worst = "no plan" if figure.usd_per_month_at_bad_end is None else f"{money(figure.usd_per_month_at_bad_end)}/month"
            yield from wrap(f"{figure.figure} ({figure.value}); at its bad end: {worst}", "     ", f"  {number}. ")
    for reason in plan.reasons:
        yield from wrap(reason, "  ", "- ")


def _cost(plan: Plan) -> Iterator[str]:
    cost = plan.cost
    yield from _section("Cost")
    yield f"  {money(cost.usd_per_month)}/month (730 h), ${cost.usd_per_hour:,.4f}/hour"
    local = local_money(plan)
    if local:
        yield f"  {local}"
    if cost.usd_per_million_output_tokens is not None:
        yield f"  ${cost.usd_per_million_output_tokens:,.4f} per million output tokens at the full peak"
    lines = ", ".join(f"{line} {money(amount)}" for line, amount in cost.breakdown.items())
    yield from wrap(f"of it: {lines}")
    yield from wrap(gap_of(plan))


def _nodes(plan: Plan) -> Iterator[str]:
    yield from _section("Nodes")
    for node in plan.nodes:
        yield f"  {node.count} x {node.offer_id}"
        price = f"{money(node.usd_per_month)}/month"
        if node.usd_per_month_low < node.usd_per_month_high:
            price += f" ({money(node.usd_per_month_low)} to {money(node.usd_per_month_high)})"
        own = ", from your overlay" if node.from_overlay else ""
        yield from wrap(f"{node.gpu_count} x {node.gpu_id}, {kind_of(node)}, {node.provider} {node.region}", "      ")
        yield from wrap(f"{price}, {node.price_evidence} price of {node.price_as_of}{own}", "      ")
        yield from (paint(line, DIM) for line in wrap(node.source_url, "      "))


def _services(plan: Plan) -> Iterator[str]:
    for service in plan.services:
        yield from _section(f"Service {service.service_id}: {service.model_id}")
        yield from wrap(f"demand: {service.demand}", "    ", "  ")
        yield from wrap(f"{service.arithmetic}", "    ", "  ")
        if service.tokens_per_s_per_user is not None:
            grade = f"grade {service.grade}" if service.grade else "no grade"
            asked = f", {service.target_tokens_per_s:g} asked" if service.target_tokens_per_s else ""
            yield f"  every user: {service.tokens_per_s_per_user:.1f} tokens/s at the peak{asked}: {grade}"
        if service.gpu_hours_per_day is not None:
            yield from wrap(
                f"{service.gpu_hours_per_day:.1f} GPU-hours a day; utilisation {service.mean_utilisation_fraction or 0:.0%} mean, "
                f"{service.peak_utilisation_fraction or 0:.0%} peak", "    ", "  ")
        for one in plan.deployments:
            if one.service_id != service.service_id:
                continue
            yield from wrap(f"on {one.offer_id}: {one.engine_id}, {one.precision}, tensor parallel {one.tp_size}, {one.replicas} replica"
                            f"{'s' if one.replicas > 1 else ''}, max sequences {one.concurrency_per_replica}, "
                            f"{one.load_fraction:.0%} of the requests", "    ", "  ")
            if one.tokens_per_s_per_user is not None:
                ttft = "" if one.ttft_ms is None else f", TTFT {one.ttft_ms:,.0f} ms"
                yield from wrap(f"{one.tokens_per_s_per_user:.1f} tokens/s at {one.concurrency_at_peak} in flight{ttft}: {evidence_of(one)}",
                                "      ", "    ")
            if one.source_url:
                yield from (paint(line, DIM) for line in wrap(one.source_url, "    "))


def _proposals(plan: Plan) -> Iterator[str]:
    shown = [p for p in plan.proposals if p.status in ("optimal", "feasible")]
    if not shown:
        return
    yield from _section("Beside it")
    for proposal in shown:
        best = " (the plan)" if proposal.nodes == plan.nodes and plan.nodes else ""
        yield f"  {money(proposal.usd_per_month):>12}/month  {proposal.name}{best}"
        yield from (paint(line, DIM) for line in wrap(mix_of(proposal.nodes), " " * 23))
    none = [p.name.removeprefix("only ") for p in plan.proposals if p.status not in ("optimal", "feasible")]
    if none:
        yield from wrap(f"no plan with: {', '.join(none)}", "    ", "  ")


def rejections(plan: Plan) -> str:
    """Render what was dropped, by step and reason, with the offers it concerns."""
    lines: list[str] = []
    for step, rows in rejection_groups(plan.rejections).items():
        lines += ["", paint(f"Rejected by {step}", BOLD)]
        for row in rows:
            count = "1 offer" if len(row.offer_ids) == 1 else f"{len(row.offer_ids)} offers"
            lines += wrap(f"{rejected_what(row)} ({count}): {row.reason}", "      ", "  ")
    return "\n".join([*lines, ""])


def _join(parts: Iterable[Iterator[str]]) -> str:
    return "\n".join(line for part in parts for line in part) + "\n"


def render(plan: Plan) -> str:
    """Render a plan for the terminal."""
    if plan.status not in ("optimal", "feasible"):
        return _join([_headline(plan)])
    inputs = plan.inputs
    footer = iter(["", paint(f"gpumix {inputs.gpumix_version}, ortools {inputs.ortools_version}, problem {inputs.problem_sha256[:12]}, "
                             f"catalog {inputs.catalog_sha256[:12]}", DIM)])
    return _join([_headline(plan), _nodes(plan), _services(plan), _cost(plan), _proposals(plan), footer])
