"""A plan in 80 columns, in colour where the terminal has it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from optimizer.reports.approval_wording import api_of, approval_lines, energy_of, month_of, token_prices
from optimizer.reports.model_wording import model_lines
from optimizer.reports.periods_report import (
    hosted_lines,
    layout_lines,
    loss_lines,
    period_lines,
)
from optimizer.reports.quarters_report import (
    Quarters,
    bound_line,
    cash_rows,
    move_rows,
    offer_lines,
    sum_line,
    total_line,
    year_rows,
)
from optimizer.reports.sharing_wording import saving_lines, share_notes, share_rows, shed_lines, status_of
from optimizer.reports.wording import (
    ONLY,
    bad_end,
    class_amount_of,
    counted,
    decisive_title,
    engines_of,
    evidence_of,
    gap_of,
    hours_run,
    idle_of,
    in_flight_of,
    is_always_there,
    lengths_of,
    local_amount,
    local_money,
    mix_of,
    money,
    own_reasons,
    place_of,
    rejected_what,
    rejection_groups,
    share_of,
    sources_of,
    split_proposals,
    spread_words,
    times_of,
    user_speed_of,
)
from optimizer.reports.wording_of_time import cost_by_time, timetable_rows, work_of
from optimizer.schema.plan import Deployment, Plan, Proposal, ServicePlan

WIDTH = 80
NO_BREAK = "\u00a0"
CODE = re.compile(r"\b(FY[0-9]{4}|[A-Z]{3}) ")
"""A fiscal year or a currency, which stays with the amount behind it."""

BOLD, DIM, GREEN, YELLOW, RED, RESET = "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[0m"
STATUS_COLOUR = {"optimal": GREEN, "feasible": YELLOW, "infeasible": RED, "unknown": RED}


def paint(text: str, *codes: str) -> str:
    """Colour a text; whoever prints strips the codes where colour is unwanted."""
    return f"{''.join(codes)}{text}{RESET}" if text else text


def wrap(text: str, indent: str = "  ", first: str | None = None) -> list[str]:
    """Break a text at 80 columns; long ids and addresses, `2 x something` and `>= 40` stay whole."""
    for joined in (" x ", " >= "):
        text = text.replace(joined, joined.replace(" ", NO_BREAK))
    lines = textwrap.wrap(text, WIDTH, initial_indent=indent if first is None else first, subsequent_indent=indent,
                          break_long_words=False, break_on_hyphens=False)
    return [line.replace(NO_BREAK, " ") for line in lines]


def table(rows: list[tuple[str, ...]], right: tuple[int, ...] = ()) -> list[str]:
    """Lay rows out in columns; the columns in `right` are flush right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        sized = enumerate(zip(row, widths, strict=True))
        cells = [cell.rjust(width) if i in right else cell.ljust(width) for i, (cell, width) in sized]
        lines.append("  " + "  ".join(cells).rstrip())
    return lines


def timetable_lines(plan: Plan) -> Iterator[str]:
    """Yield the nodes hour by hour, as a table and a picture."""
    if plan.timetable is None:
        return
    table_of = plan.timetable
    yield from _section(f"Hour by hour ({'a day' if table_of.hours == 24 else 'a week from Monday'})")
    yield from wrap(cost_by_time(plan), "    ", "  ")
    for rows in timetable_rows(table_of):
        yield from table(rows, tuple(range(1, len(rows[0]) - 1)))
    for work in table_of.work:
        yield from wrap(work_of(work), "    ", "  ")


def period_sections(plan: Plan) -> Iterator[str]:
    """Yield who runs where, period by period, what nodes hold, and money by the quarter."""
    shown = Quarters.of(plan)
    if shown is not None:
        yield from _quarters(shown)
    if len(plan.periods) > 1 and (shown is None or plan.periods[0].hours):
        yield from _section("Period by period")
        for label, text in period_lines(plan):
            yield from wrap(f"{label}: {text}", "      ", "  ")
    for title, lines in (("Hosted APIs, paid by the token", hosted_lines(plan)),
                         ("What nodes hold when most is asked", layout_lines(plan) if plan.periods else ()),
                         ("After a loss, when most is asked", loss_lines(plan) if plan.periods else ())):
        found = list(lines)
        if found:
            yield from _section(title)
        for line in found:
            yield from wrap(line, "      ", "  ")
    for work in plan.work:
        yield from wrap(work_of(work), "    ", "  ")


LIST_WIDTHS = (8, 12, 8, 14)
"""Columns of the table of quarters whose lists are broken into lines: buy, rent, retire, stand."""


def _quarters(shown: Quarters) -> Iterator[str]:
    """Yield the quarters of a budget plan: moves, cash, fiscal years, what stands behind each letter, the total."""
    yield from _section(f"Quarters ({shown.currency})")
    yield from table([line for row in move_rows(shown) for line in _broken_row(row)], right=(1, 6))
    yield from wrap("demand in requests in flight or requests/s, headroom included; bought nodes are paid when ordered",
                    "  ")
    for title, rows in (("Cash flow", cash_rows(shown)), ("Fiscal years", year_rows(shown))):
        yield from _section(f"{title} ({shown.currency})")
        yield from table(rows, right=tuple(range(1, len(rows[0]))))
    yield from wrap("depreciation of own nodes by the straight line, with what is left of those that retire; book "
                    "value at the end of the year", "  ")
    yield from _section("What stands behind each letter")
    for letter, offer_id, told in offer_lines(shown):
        yield f"  {letter}  {offer_id}"
        yield from wrap(told, "       ", "     ")
    yield from _section("Total")
    for line in (sum_line(shown), bound_line(shown), *shown.roadmap.assumptions):
        yield from wrap(line, "    ", "  ")


def _broken_row(row: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Break the lists of a quarter at their commas."""
    lists = [_broken(text, width) for text, width in zip(row[2:6], LIST_WIDTHS, strict=True)]
    for line in range(max(map(len, lists))):
        cells = [found[line] if line < len(found) else "" for found in lists]
        yield (*row[:2], *cells, row[6]) if line == 0 else ("", "", *cells, "")


def _broken(text: str, width: int) -> list[str]:
    lines = [""]
    for part in text.split(", "):
        longer = f"{lines[-1]}, {part}" if lines[-1] else part
        if len(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines[-1] += ","
            lines.append(part)
    return lines


def _section(title: str) -> Iterator[str]:
    yield ""
    yield paint(title, BOLD)


def _sources(urls: str | None, indent: str) -> Iterator[str]:
    for source in sources_of(urls):
        yield from (paint(line, DIM) for line in wrap(source, indent + "  ", indent))


def _headline(plan: Plan) -> Iterator[str]:
    yield paint(f"{plan.problem}", BOLD)
    yield from (paint(line, STATUS_COLOUR[plan.status]) for line in wrap(status_of(plan), "", ""))
    shown = Quarters.of(plan)
    if shown is not None:
        yield from (paint(line, BOLD) for line in wrap(total_line(shown), "  ", ""))
    elif plan.nodes:
        total = counted(sum(node.count for node in plan.nodes), "node")
        answer = f"{month_of(plan.cost)} for {total}: {mix_of(plan.nodes)}"
        yield from (paint(line, BOLD) for line in wrap(answer, "  ", ""))
    elif plan.hosted:
        yield paint(f"{month_of(plan.cost)} for hosted APIs, no node", BOLD)
    for told in saving_lines(plan):
        yield from wrap(told, "  ", "")
    for told in shed_lines(plan):
        yield from (paint(line, YELLOW) for line in wrap(told, "  ", "! "))
    if plan.approval is not None:
        signed = f"To approve: {'; '.join(approval_lines(plan.approval))}"
        yield from wrap(CODE.sub(rf"\1{NO_BREAK}", signed), "  ", "")
    for line in model_lines(plan):
        yield from wrap(line, "  ", "")
    for warning in plan.warnings:
        yield from (paint(line, YELLOW) for line in wrap(warning, "  ", "! "))
    if plan.depends_on:
        yield from (paint(line, YELLOW) for line in wrap(decisive_title(plan), "  ", "! "))
        for number, figure in enumerate(plan.depends_on, 1):
            worst = bad_end(figure, plan.cost.usd_per_month)
            yield from wrap(f"{figure.figure} ({figure.value}): {worst}", "     ", f"  {number}. ")
    for reason in own_reasons(plan):
        yield from wrap(reason, "  ", "- ")


def _cost(plan: Plan) -> Iterator[str]:
    cost = plan.cost
    yield from _section("Cost")
    local = local_money(plan)
    if local:
        yield f"  {local}"
    yield f"  {money(cost.usd_per_month)}/month, ${cost.usd_per_hour:,.4f}/hour (730 hours a month)"
    if plan.approval is not None:
        for price in token_prices(plan.approval):
            yield f"  a million output tokens: {price}"
    elif cost.usd_per_million_output_tokens is not None:
        tokens = f"${cost.usd_per_million_output_tokens:,.4f} per million output tokens"
        yield f"  {tokens}, at the full peak around the clock"
    if cost.budget_usd_per_month and cost.usd_per_month is not None:
        left = cost.budget_usd_per_month - cost.usd_per_month
        share = cost.usd_per_month / cost.budget_usd_per_month
        yield f"  budget {money(cost.budget_usd_per_month)}/month: {share:.0%} used, {money(left)} left"
    lines = ", ".join(f"{line} {money(amount)}" for line, amount in cost.breakdown.items())
    yield from wrap(f"of it: {lines}", "    ", "  ")
    yield from wrap(gap_of(plan), "    ", "  ")
    for site in plan.energy:
        yield from wrap(energy_of(site), "    ", "  ")


def _shares(plan: Plan) -> Iterator[str]:
    rows = share_rows(plan)
    if rows:
        yield from _section("Who pays what (USD/month)")
        yield from table(rows, tuple(range(1, len(rows[0]))))
    for note in share_notes(plan):
        yield from wrap(note, "    ", "  ")


def _apis(plan: Plan) -> Iterator[str]:
    if plan.apis:
        yield from _section("Beside it: a hosted API, paid by the token (data leaves the house)")
    for api in plan.apis:
        yield from wrap(api_of(api, plan.cost), "      ", "  ")


def _nodes(plan: Plan) -> Iterator[str]:
    yield from _section("Nodes")
    for node in plan.nodes:
        at_most = "" if is_always_there(node) else "up to "
        yield f"  {at_most}{node.count} x {node.offer_id}{idle_of(node)}"
        price = f"{money(node.usd_per_month)}/month{' together' if node.count > 1 else ''}{hours_run(node)}"
        if node.usd_per_month_low < node.usd_per_month_high:
            price += f" ({money(node.usd_per_month_low)} to {money(node.usd_per_month_high)})"
        if node.count > 1 and node.node_hours_per_month is None:
            price += f", {money(node.usd_per_month / node.count)} each"
        own, each = ", from your overlay" if node.from_overlay else "", " each" if node.count > 1 else ""
        yield from wrap(f"{node.gpu_count} x {node.gpu_id}{each}, {place_of(node)}", "        ", "      ")
        yield from wrap(f"{price}; {node.price_evidence} price of {node.price_as_of}{own}", "        ", "      ")
        yield from _sources(node.source_url, "      ")


def _deployment(service: ServicePlan, one: Deployment) -> Iterator[str]:
    setting = f"{one.engine_id}, {one.precision}, {spread_words(one)}, {counted(one.replicas, 'replica')}"
    share = f"max sequences {one.concurrency_per_replica}, {one.load_fraction:.0%} of the requests"
    share += "" if one.plan_speed_capacity_per_node is None else " in the busiest hour"
    full = "" if one.utilisation_fraction is None else f", {one.utilisation_fraction:.0%} full"
    yield from wrap(f"on {one.offer_id}: {setting}, {share}{full}", "    ", "  ")
    if one.tokens_per_s_per_user is not None:
        ttft = "" if one.ttft_ms is None else f", TTFT {one.ttft_ms:,.0f} ms"
        speed = f"{one.tokens_per_s_per_user:.1f} tokens/s at {in_flight_of(service, one)}{ttft}"
        yield from wrap(f"{speed}: {evidence_of(one)}", "      ", "    ")
    for part in one.classes or ():
        alone = f"alone {part.concurrency_alone} a replica"
        ttft = "" if part.ttft_ms is None else f", TTFT {part.ttft_ms:,.0f} ms"
        yield from wrap(
            f"{lengths_of(part)}: {share_of(part)} of them, {class_amount_of(part)} ({alone}){ttft}", "      ", "    ")
    if one.classes == ():
        yield from wrap("no requests come here: it stands in after a loss, or makes up a number", "      ", "    ")
    yield from _sources(one.source_url, "    ")


def _services(plan: Plan) -> Iterator[str]:
    for service in plan.services:
        yield from _section(f"Service {service.service_id}: {service.model_id}")
        yield from wrap(f"demand: {service.demand}", "    ", "  ")
        yield from wrap(f"capacity: {service.arithmetic}", "    ", "  ")
        speed = user_speed_of(service)
        if speed is not None:
            yield from wrap(f"every user: {speed}", "    ", "  ")
        if service.gpu_hours_per_day is not None:
            mean, peak = service.mean_utilisation_fraction or 0.0, service.peak_utilisation_fraction or 0.0
            hours = f"{service.gpu_hours_per_day:.1f} GPU-hours of work a day"
            yield from wrap(f"{hours}; utilisation {mean:.0%} on average, {peak:.0%} at the peak", "    ", "  ")
        for one in plan.deployments:
            if one.service_id == service.service_id:
                yield from _deployment(service, one)


def _proposal(proposal: Proposal, plan: Plan) -> Iterator[str]:
    local = local_amount(plan.cost, proposal.usd_per_month)
    name = proposal.name.removeprefix(ONLY) + (" (the same nodes)" if proposal.nodes == plan.nodes else "")
    amounts = f"{money(proposal.usd_per_month):>13}" + (f" {local:>15}" if local else "")
    yield f"  {name:<33} {amounts} {times_of(proposal, plan):>8}"
    yield from (paint(line, DIM) for line in wrap(mix_of(proposal.nodes), "        ", "      "))


def _proposal_group(title: str, none: str, proposals: list[Proposal], plan: Plan) -> Iterator[str]:
    """Yield one group: those with a plan, then in a line those without."""
    if not proposals:
        return
    yield from _section(title)
    shown = [proposal for proposal in proposals if proposal.status in ("optimal", "feasible")]
    if shown:
        currency = f" {plan.cost.currency + '/month':>15}" if plan.cost.fx_rate_per_usd is not None else ""
        yield paint(f"  {'':<33} {'USD/month':>13}{currency} {'x plan':>8}", DIM)
    yield from (line for proposal in shown for line in _proposal(proposal, plan))
    missing = [p.name.removeprefix(ONLY) for p in proposals if p.status == "infeasible"]
    unknown = [p.name.removeprefix(ONLY) for p in proposals if p.status == "unknown"]
    if missing:
        yield from wrap(f"{none}: {', '.join(missing)}", "    ", "  ")
    if unknown:
        yield from wrap(f"not found within the limit: {', '.join(unknown)}", "    ", "  ")


def _proposals(plan: Plan) -> Iterator[str]:
    others, single = split_proposals(plan.proposals)
    title = "Beside it: the cheapest plan"
    yield from _proposal_group(f"{title} under other figures", "no plan", others, plan)
    yield from _proposal_group(f"{title} of each single GPU type", "no plan of one type alone", single, plan)


def rejections(plan: Plan) -> str:
    """Render what was dropped, by step and reason, with the offers it concerns."""
    lines: list[str] = []
    for step, rows in rejection_groups(plan.rejections).items():
        lines += ["", paint(f"Rejected by {step}", BOLD)]
        for row in rows:
            offers = counted(len(row.offer_ids), "offer")
            lines += wrap(f"{rejected_what(row)} ({offers}): {row.reason}", "      ", "  ")
    return "\n".join([*lines, ""]) if lines else ""


def _footer(plan: Plan) -> Iterator[str]:
    inputs = plan.inputs
    yield ""
    yield from (paint(line, DIM) for line in wrap(
        f"gpumix {inputs.gpumix_version}, ortools {inputs.ortools_version}, {engines_of(plan)}"
        f"problem {inputs.problem_sha256[:12]}, catalog {inputs.catalog_sha256[:12]}", "  ", ""))


def render(plan: Plan) -> str:
    """Render a plan for the terminal."""
    parts = [_headline(plan)]
    if plan.status in ("optimal", "feasible"):
        parts += [timetable_lines(plan), period_sections(plan)]
        parts += [_nodes(plan), _services(plan), _cost(plan), _shares(plan), _apis(plan), _proposals(plan)]
    return "\n".join(line for part in (*parts, _footer(plan)) for line in part) + "\n"
