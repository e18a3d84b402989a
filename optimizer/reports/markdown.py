"""A plan as Markdown, for a ticket or a wiki page."""

from __future__ import annotations

from collections.abc import Iterator

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


def cell(text: object) -> str:
    """Make a text safe inside a Markdown table and against HTML.

    >>> cell("a|b <i>")
    'a\\\\|b &lt;i&gt;'
    """
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("|", "\\|").replace("\n", " ")


def table(header: tuple[str, ...], rows: list[tuple[object, ...]]) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(cell(value) for value in row)} |"


def links(urls: str | None) -> str:
    """Write sources as links; what is no address stays text."""
    parts = [part.strip() for part in (urls or "").split(" ; ") if part.strip()]
    return ", ".join(f"<{part}>" if part.startswith("http") else cell(part) for part in parts) or "-"


def _plan_lines(plan: Plan) -> Iterator[str]:
    yield "\n## Nodes\n"
    yield from table(("nodes", "offer", "GPUs each", "kind", "USD/month", "price"), [
        (n.count, n.offer_id, f"{n.gpu_count} x {n.gpu_id}", kind_of(n), money(n.usd_per_month), f"{n.price_evidence}, {n.price_as_of}")
        for n in plan.nodes])
    yield "\n## Services\n"
    for service in plan.services:
        yield f"- **{cell(service.service_id)}** ({cell(service.model_id)}): {cell(service.demand)}; {cell(service.arithmetic)}; " \
              f"{service.tokens_per_s_per_user or 0:.1f} tokens/s per user, grade {service.grade or 'none'}"
    yield ""
    yield from table(("service", "offer", "engine", "precision", "TP", "replicas", "max sequences", "tokens/s per user", "evidence"), [
        (d.service_id, d.offer_id, d.engine_id, d.precision, d.tp_size, d.replicas, d.concurrency_per_replica,
         "-" if d.tokens_per_s_per_user is None else f"{d.tokens_per_s_per_user:.1f}", evidence_of(d)) for d in plan.deployments])
    cost = plan.cost
    yield "\n## Cost\n"
    yield f"{money(cost.usd_per_month)} a month, ${cost.usd_per_hour:,.4f} an hour; {gap_of(plan)}."
    local = local_money(plan)
    if local:
        yield f"\n{local}"
    yield ""
    yield from table(("line", "USD/month"), [(line, money(amount)) for line, amount in cost.breakdown.items()])
    yield "\n## Proposals\n"
    yield from table(("proposal", "status", "USD/month", "nodes"),
                     [(p.name, p.status, money(p.usd_per_month), mix_of(p.nodes)) for p in plan.proposals])
    yield "\n## Sources\n"
    yield from (f"- {cell(n.offer_id)}: {links(n.source_url)}" for n in plan.nodes)
    yield from (f"- {cell(d.service_id)} on {cell(d.offer_id)}: {links(d.source_url) if d.source_url else 'estimated'}" for d in plan.deployments)


def _lines(plan: Plan) -> Iterator[str]:
    yield f"# {cell(plan.problem)}\n"
    yield f"**{STATUS[plan.status]}**\n"
    yield from (f"> {cell(warning)}\n" for warning in plan.warnings)
    for figure in plan.depends_on:
        worst = "no plan" if figure.usd_per_month_at_bad_end is None else f"{money(figure.usd_per_month_at_bad_end)} a month"
        yield f"- depends on {cell(figure.figure)} ({cell(figure.value)}); at its bad end: {worst}"
    yield from (f"- {cell(reason)}" for reason in plan.reasons)
    if plan.status in ("optimal", "feasible"):
        yield from _plan_lines(plan)
    yield f"\ngpumix {plan.inputs.gpumix_version}, ortools {plan.inputs.ortools_version}, problem `{plan.inputs.problem_sha256}`, " \
          f"catalog `{plan.inputs.catalog_sha256}`"


def render(plan: Plan) -> str:
    """Render a plan as Markdown."""
    return "\n".join(_lines(plan)) + "\n"


def rejections(plan: Plan) -> str:
    """Render what was dropped."""
    lines = ["\n## Rejected\n"]
    rows = [(step, rejected_what(r), len(r.offer_ids), r.reason) for step, found in rejection_groups(plan.rejections).items() for r in found]
    return "\n".join([*lines, *table(("step", "what", "offers", "reason"), rows)]) + "\n"
