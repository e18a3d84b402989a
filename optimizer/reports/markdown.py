"""A plan as Markdown, for a ticket or a wiki page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optimizer.reports.approval_wording import approval_lines, month_of
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
    sum_rows,
    total_line,
    year_rows,
)
from optimizer.reports.sharing_wording import saving_lines, share_notes, share_rows, shed_lines, status_of
from optimizer.reports.wording import (
    bad_end,
    class_amount_of,
    decisive_title,
    engines_of,
    evidence_of,
    gap_of,
    hours_run,
    idle_of,
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
    times_of,
    user_speed_of,
)
from optimizer.reports.wording_of_time import cost_by_time, timetable_rows, work_of
from optimizer.schema.plan import Node, Plan

ESCAPED = str.maketrans({
    "&": "&amp;", "<": "&lt;", "|": "\\|", "`": "\\`", "*": "\\*", "[": "\\[", "]": "\\]", "\\": "\\\\", "\n": " ",
})
"""What would end a table cell, open a tag, a link or an emphasis."""


def cell(text: object) -> str:
    """Make a text safe inside a Markdown table and against HTML.

    >>> cell("a|b <i>")
    'a\\\\|b &lt;i>'
    """
    return str(text).translate(ESCAPED)


def table(header: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(cell(value) for value in row)} |"


def links(urls: str | None) -> str:
    """Write sources as links; what is no address stays text."""
    return ", ".join(_link(source) for source in sources_of(urls)) or "-"


def _link(source: str) -> str:
    address = source.startswith("http") and not {" ", "<", ">"} & set(source)
    return f"<{source}>" if address else cell(source)


def _price_of(node: Node) -> str:
    span = ""
    if node.usd_per_month_low < node.usd_per_month_high:
        span = f", {money(node.usd_per_month_low)} to {money(node.usd_per_month_high)}"
    return f"{node.price_evidence}, {node.price_as_of}{span}{', own overlay' if node.from_overlay else ''}"


def _periods(plan: Plan) -> Iterator[str]:
    """Yield who runs where, period by period, what nodes hold, and money by the quarter."""
    shown = Quarters.of(plan)
    if shown is not None:
        yield from _quarters(shown)
    if len(plan.periods) > 1 and (shown is None or plan.periods[0].hours):
        yield "\n## Period by period\n"
        yield from (f"- {cell(label)}: {cell(text)}" for label, text in period_lines(plan))
    for title, lines in (("Hosted APIs, paid by the token", hosted_lines(plan)),
                         ("What nodes hold when most is asked", layout_lines(plan) if plan.periods else ()),
                         ("After a loss, when most is asked", loss_lines(plan) if plan.periods else ())):
        found = list(lines)
        if found:
            yield f"\n## {title}\n"
        yield from (f"- {cell(line)}" for line in found)
    yield from (f"- {cell(work_of(work))}" for work in plan.work)


def _quarters(shown: Quarters) -> Iterator[str]:
    """Yield the quarters of a budget plan: moves, cash, fiscal years, what stands behind each letter, the total."""
    for title, rows in (("Quarters", move_rows(shown)), ("Cash flow", cash_rows(shown)),
                        ("Fiscal years", year_rows(shown))):
        yield f"\n## {title} ({shown.currency})\n"
        yield from table(rows[0], rows[1:])
    yield "\n## What stands behind each letter\n"
    yield from table(("", "offer", "how, where and prices of today"), list(offer_lines(shown)))
    yield f"\n## Total\n\n{cell(total_line(shown))}\n"
    yield from table(("part", shown.currency), [(name, shown.amount(amount)) for name, amount in sum_rows(shown)])
    yield f"\n{cell(bound_line(shown))}\n"
    yield from (f"- {cell(line)}" for line in shown.roadmap.assumptions)


def _timetable(plan: Plan) -> Iterator[str]:
    if plan.timetable is None:
        return
    yield f"\n## Hour by hour ({'a day' if plan.timetable.hours == 24 else 'a week from Monday'})\n"
    yield f"{cost_by_time(plan)}\n"
    for rows in timetable_rows(plan.timetable):
        yield from table(rows[0][:-1], [row[:-1] for row in rows[1:]])
        yield ""
    yield from (f"- {cell(work_of(work))}" for work in plan.timetable.work)


def _nodes(plan: Plan) -> Iterator[str]:
    yield "\n## Nodes\n"
    yield from table(("nodes", "offer", "GPUs each", "how and where", "USD/month", "price"), [
        (n.count if is_always_there(n) else f"up to {n.count}", f"{n.offer_id}{idle_of(n)}",
         f"{n.gpu_count} x {n.gpu_id}", place_of(n), money(n.usd_per_month), f"{_price_of(n)}{hours_run(n)}")
        for n in plan.nodes
    ])


def _services(plan: Plan) -> Iterator[str]:
    yield "\n## Services\n"
    for service in plan.services:
        speed = user_speed_of(service)
        told = [service.demand, service.arithmetic, *([f"every user {speed}"] if speed else [])]
        yield f"- **{cell(service.service_id)}** ({cell(service.model_id)}): {cell('; '.join(told))}"
    yield ""
    header = ("service", "offer", "engine", "precision", "TP", "replicas", "max sequences", "tokens/s per user",
              "TTFT ms", "evidence")
    yield from table(header, [
        (d.service_id, d.offer_id, d.engine_id, d.precision, d.tp_size, d.replicas, d.concurrency_per_replica,
         "-" if d.tokens_per_s_per_user is None else f"{d.tokens_per_s_per_user:.1f}",
         "-" if d.ttft_ms is None else f"{d.ttft_ms:,.0f}", evidence_of(d))
        for d in plan.deployments
    ])
    if any(d.classes for d in plan.deployments):
        yield from _routing(plan)


def _routing(plan: Plan) -> Iterator[str]:
    """Yield where each request class goes."""
    yield "\n### Routing\n"
    header = ("service", "class", "offer", "engine", "share of the class", "at the peak", "alone on a replica",
              "TTFT ms", "evidence")
    yield from table(header, [
        (d.service_id, lengths_of(part), d.offer_id, d.engine_id, share_of(part), class_amount_of(part),
         part.concurrency_alone, "-" if part.ttft_ms is None else f"{part.ttft_ms:,.0f}", evidence_of(part))
        for d in plan.deployments for part in d.classes or ()
    ])


def _cost(plan: Plan) -> Iterator[str]:
    cost = plan.cost
    yield "\n## Cost\n"
    yield f"{money(cost.usd_per_month)} a month (730 hours), ${cost.usd_per_hour:,.4f} an hour; {gap_of(plan)}."
    local = local_money(plan)
    if local:
        yield f"\n{local}"
    if cost.usd_per_million_output_tokens is not None:
        tokens = f"${cost.usd_per_million_output_tokens:,.4f} per million output tokens"
        yield f"\n{tokens}, at the full peak around the clock"
    yield ""
    yield from table(("line", "USD/month"), [(line, money(amount)) for line, amount in cost.breakdown.items()])


def _shares(plan: Plan) -> Iterator[str]:
    rows = share_rows(plan)
    if rows:
        yield "\n## Who pays what (USD/month)\n"
        yield from table(rows[0], rows[1:])
        yield from (f"\n{cell(note)}" for note in share_notes(plan))


def _proposals(plan: Plan) -> Iterator[str]:
    yield "\n## Beside it\n"
    local = (f"{plan.cost.currency}/month",) if plan.cost.fx_rate_per_usd is not None else ()
    rows: list[tuple[object, ...]] = []
    for one in plan.proposals:
        amount = (local_amount(plan.cost, one.usd_per_month) or "-",) if local else ()
        cost = (money(one.usd_per_month), *amount, times_of(one, plan) or "-")
        rows.append((one.name, one.status, *cost, mix_of(one.nodes)))
    yield from table(("cheapest plan", "status", "USD/month", *local, "times the plan", "nodes"), rows)


def _sources(plan: Plan) -> Iterator[str]:
    yield "\n## Sources\n"
    yield from (f"- {cell(node.offer_id)}: {links(node.source_url)}" for node in plan.nodes)
    for one in plan.deployments:
        measured = links(one.source_url) if one.source_url else "estimated"
        yield f"- {cell(one.service_id)} on {cell(one.offer_id)}: {measured}"


def _lines(plan: Plan) -> Iterator[str]:
    yield f"# {cell(plan.problem)}\n"
    yield f"**{status_of(plan)}**\n"
    if plan.nodes:
        yield f"**{month_of(plan.cost)}: {cell(mix_of(plan.nodes))}**\n"
    yield from (f"{cell(told)}\n" for told in saving_lines(plan))
    yield from (f"> {cell(told)}\n" for told in shed_lines(plan))
    if plan.approval is not None:
        yield from (f"- {line}" for line in approval_lines(plan.approval))
        yield ""
    yield from (f"{cell(line)}\n" for line in model_lines(plan))
    yield from (f"> {cell(warning)}\n" for warning in plan.warnings)
    if plan.depends_on:
        yield f"{decisive_title(plan)}\n"
    for number, figure in enumerate(plan.depends_on, 1):
        yield f"{number}. {cell(figure.figure)} ({cell(figure.value)}): {bad_end(figure, plan.cost.usd_per_month)}"
    yield from (f"- {cell(reason)}" for reason in own_reasons(plan))
    if plan.status in ("optimal", "feasible"):
        for part in (_timetable, _periods, _nodes, _services, _cost, _shares, _proposals, _sources):
            yield from part(plan)
    inputs = plan.inputs
    yield f"\ngpumix {inputs.gpumix_version}, ortools {inputs.ortools_version}, {engines_of(plan)}" \
          f"problem `{inputs.problem_sha256}`, catalog `{inputs.catalog_sha256}`"


def render(plan: Plan) -> str:
    """Render a plan as Markdown."""
    return "\n".join(_lines(plan)) + "\n"


def rejections(plan: Plan) -> str:
    """Render what was dropped."""
    rows: list[tuple[object, ...]] = [
        (step, rejected_what(row), len(row.offer_ids), row.reason)
        for step, found in rejection_groups(plan.rejections).items() for row in found
    ]
    return "\n".join(["\n## Rejected\n", *table(("step", "what", "offers", "reason"), rows)]) + "\n"
