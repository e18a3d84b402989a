"""A fleet that several services share, as text, JSON, CSV and Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from optimizer.documents.csv_rows import rows_as_csv
from optimizer.reports import json_report
from optimizer.reports.fleet_wording import (
    about_losses,
    about_saving,
    about_shares,
    fleet_gap,
    holds_of,
    share_columns,
    status_of,
)
from optimizer.reports.markdown import cell
from optimizer.reports.markdown import table as markdown_table
from optimizer.reports.terminal import BOLD, DIM, STATUS_COLOUR, YELLOW, paint, table, wrap
from optimizer.reports.wording import (
    counted,
    evidence_of,
    local_amount,
    mix_of,
    money,
    place_of,
    sources_of,
    user_speed_of,
)
from optimizer.schema.fleet import FleetDeployment, FleetPlan, FleetService
from optimizer.schema.plan import Node

CSV_COLUMNS = (
    "problem", "status", "service_id", "priority", "model_id", "offer_id", "gpu_id", "engine_id", "precision",
    "tp_size", "gpu_count", "replicas", "nodes", "concurrency_per_replica", "tokens_per_s_per_user", "ttft_ms",
    "evidence", "alone_usd_per_month", "proportional_usd_per_month", "shapley_usd_per_month", "marginal_usd_per_month",
    "shed",
)
"""Added to, never renamed."""


def _section(title: str) -> Iterator[str]:
    yield ""
    yield paint(title, BOLD)


def _headline(plan: FleetPlan) -> Iterator[str]:
    yield paint(plan.problem, BOLD)
    yield from (paint(line, STATUS_COLOUR[plan.status]) for line in wrap(status_of(plan), "", ""))
    if plan.nodes:
        nodes = sum(node.count for node in plan.nodes)
        total = f"{counted(nodes, 'node')} for {counted(len(plan.services), 'service')}"
        answer = f"{money(plan.cost.usd_per_month)}/month, {total}: {mix_of(plan.nodes)}"
        yield from (paint(line, BOLD) for line in wrap(answer, "  ", ""))
        yield from wrap(about_saving(plan), "  ", "")
    for one in plan.shed:
        told = f"cut: {one.service_id} (priority {one.priority}, {one.demand}): {one.reason}"
        yield from (paint(line, YELLOW) for line in wrap(told, "  ", "! "))
    for warning in plan.warnings:
        yield from (paint(line, YELLOW) for line in wrap(warning, "  ", "! "))
    for reason in plan.reasons:
        yield from wrap(reason, "  ", "- ")


def _node(plan: FleetPlan, node: Node) -> Iterator[str]:
    yield f"  {node.count} x {node.offer_id}"
    together = " together" if node.count > 1 else ""
    price = f"{money(node.usd_per_month)}/month{together}"
    if node.usd_per_month_low < node.usd_per_month_high:
        price += f" ({money(node.usd_per_month_low)} to {money(node.usd_per_month_high)})"
    own = ", from your overlay" if node.from_overlay else ""
    yield from wrap(f"{node.gpu_count} x {node.gpu_id} each, {place_of(node)}", "        ", "      ")
    yield from wrap(f"{price}; {node.price_evidence} price of {node.price_as_of}{own}", "        ", "      ")
    for source in sources_of(node.source_url):
        yield from (paint(line, DIM) for line in wrap(source, "        ", "      "))
    for layout in plan.layouts:
        if layout.offer_id == node.offer_id:
            yield from wrap(f"{counted(layout.count, 'node')}: {holds_of(layout)}", "          ", "      ")


def _deployment(plan: FleetPlan, one: FleetDeployment) -> Iterator[str]:
    replicas = "1 replica" if one.replicas == 1 else f"{one.replicas} replicas"
    gpus = f"{replicas} of {counted(one.gpu_count, 'GPU')}"
    where = "" if one.nodes == 1 else f" on {one.nodes} nodes"
    setting = f"{one.engine_id}, {one.precision}, {gpus}{where}, max sequences {one.concurrency_per_replica}"
    yield from wrap(f"on {one.offer_id}: {setting}, {one.load_fraction:.0%} of the requests", "    ", "  ")
    if one.tokens_per_s_per_user is not None:
        ttft = "" if one.ttft_ms is None else f", TTFT {one.ttft_ms:,.0f} ms"
        speed = f"{one.tokens_per_s_per_user:.1f} tokens/s at {one.concurrency_at_peak} in flight{ttft}"
        bar = "" if one.error_fraction is None else f" +-{one.error_fraction:.0%}"
        yield from wrap(f"{speed}: {one.evidence}{bar}", "      ", "    ")


def _service(plan: FleetPlan, service: FleetService, ranked: bool) -> Iterator[str]:
    first = f", priority {service.priority}" if ranked else ""
    yield from _section(f"Service {service.service_id}: {service.model_id}{first}")
    yield from wrap(f"demand: {service.demand}", "    ", "  ")
    yield from wrap(f"capacity: {service.arithmetic}", "    ", "  ")
    speed = user_speed_of(service)
    if speed is not None:
        yield from wrap(f"every user: {speed}", "    ", "  ")
    for one in plan.deployments:
        if one.service_id == service.service_id:
            yield from _deployment(plan, one)


def _cost(plan: FleetPlan) -> Iterator[str]:
    cost = plan.cost
    yield from _section("Cost")
    yield f"  {money(cost.usd_per_month)}/month, ${cost.usd_per_hour:,.4f}/hour (730 hours a month)"
    local = local_amount(cost, cost.usd_per_month)
    if local:
        yield f"  {local}/month at {cost.fx_rate_per_usd:g} {cost.currency} a dollar ({cost.fx_as_of})"
    if cost.budget_usd_per_month and cost.usd_per_month is not None:
        left = cost.budget_usd_per_month - cost.usd_per_month
        used = cost.usd_per_month / cost.budget_usd_per_month
        yield f"  budget {money(cost.budget_usd_per_month)}/month: {used:.0%} used, {money(left)} left"
    lines = ", ".join(f"{line} {money(amount)}" for line, amount in cost.breakdown.items())
    yield from wrap(f"of it: {lines}", "    ", "  ")
    yield from wrap(fleet_gap(plan), "    ", "  ")


def _shares(plan: FleetPlan) -> Iterator[str]:
    if not plan.shares:
        return
    yield from _section("Who pays what (USD/month)")
    header, rows = share_columns(plan)
    yield from table([header, *rows], tuple(range(1, len(header))))
    for note in about_shares(plan):
        yield from wrap(note, "    ", "  ")


def _losses(plan: FleetPlan) -> Iterator[str]:
    if plan.after_losses:
        yield from _section("After a loss")
        for told in about_losses(plan):
            yield from wrap(told, "    ", "  ")


def _footer(plan: FleetPlan) -> Iterator[str]:
    inputs = plan.inputs
    yield ""
    yield from (paint(line, DIM) for line in wrap(
        f"gpumix {inputs.gpumix_version}, ortools {inputs.ortools_version}, problem {inputs.problem_sha256[:12]}, "
        f"catalog {inputs.catalog_sha256[:12]}", "  ", ""))


def text(plan: FleetPlan) -> str:
    """Render a fleet for the terminal, in 80 columns."""
    lines = list(_headline(plan))
    if plan.nodes:
        lines += _section("Nodes, and what each holds")
        for node in plan.nodes:
            lines += _node(plan, node)
        ranked = len({one.priority for one in plan.services} | {one.priority for one in plan.shed}) > 1
        for service in plan.services:
            lines += _service(plan, service, ranked)
        lines += [*_cost(plan), *_shares(plan), *_losses(plan)]
    return "\n".join([*lines, *_footer(plan)]) + "\n"


def as_csv(plan: FleetPlan) -> str:
    """Render a row for each deployment, and one for each service that is cut."""
    shares = {one.service_id: one.model_dump(exclude={"service_id"}) for one in plan.shares}
    services = {one.service_id: one for one in plan.services}
    gpus = {node.offer_id: node.gpu_id for node in plan.nodes}
    base: dict[str, object] = {"problem": plan.problem, "status": plan.status}
    rows: list[dict[str, object]] = []
    for one in plan.deployments:
        service, share = services[one.service_id], shares.pop(one.service_id, {})  # a share stands in one row only
        rows.append({**base, **one.model_dump(mode="json"), "gpu_id": gpus[one.offer_id], "priority": service.priority,
                     "model_id": service.model_id, **share, "shed": False})
    rows += [{**base, "service_id": one.service_id, "priority": one.priority, "shed": True} for one in plan.shed]
    return rows_as_csv(CSV_COLUMNS, rows or [base])


def markdown(plan: FleetPlan) -> str:
    """Render a fleet for a ticket or a wiki page."""
    lines = [f"# {cell(plan.problem)}\n", f"**{status_of(plan)}**\n"]
    if plan.nodes:
        lines += [f"**{money(plan.cost.usd_per_month)} a month: {cell(mix_of(plan.nodes))}**\n", about_saving(plan), ""]
    lines += [f"> cut: {cell(s.service_id)} (priority {s.priority}): {cell(s.reason)}\n" for s in plan.shed]
    lines += [f"> {cell(warning)}\n" for warning in plan.warnings]
    lines += [f"- {cell(reason)}" for reason in plan.reasons]
    if plan.nodes:
        lines += _markdown_tables(plan)
    inputs = plan.inputs
    lines.append(f"\ngpumix {inputs.gpumix_version}, ortools {inputs.ortools_version}, "
                 f"problem `{inputs.problem_sha256}`, catalog `{inputs.catalog_sha256}`")
    return "\n".join(lines) + "\n"


def _markdown_tables(plan: FleetPlan) -> Iterator[str]:
    yield "\n## Nodes\n"
    yield from markdown_table(("nodes", "offer", "GPUs each", "how and where", "USD/month"), [
        (n.count, n.offer_id, f"{n.gpu_count} x {n.gpu_id}", place_of(n), money(n.usd_per_month)) for n in plan.nodes])
    yield "\n## What each node holds\n"
    yield from markdown_table(("nodes", "offer", "replicas"), [
        (layout.count, layout.offer_id, holds_of(layout)) for layout in plan.layouts])
    yield "\n## Services\n"
    for service in plan.services:
        yield f"- **{cell(service.service_id)}** ({cell(service.model_id)}): {cell(service.demand)}; " \
              f"{cell(service.arithmetic)}"
    yield ""
    yield from markdown_table(
        ("service", "offer", "engine", "precision", "TP", "replicas", "max sequences", "tokens/s per user", "evidence"),
        [(d.service_id, d.offer_id, d.engine_id, d.precision, d.tp_size, d.replicas, d.concurrency_per_replica,
          "-" if d.tokens_per_s_per_user is None else f"{d.tokens_per_s_per_user:.1f}", evidence_of(d))
         for d in plan.deployments])
    yield f"\n## Cost\n\n{money(plan.cost.usd_per_month)} a month (730 hours); {fleet_gap(plan)}.\n"
    if plan.shares:
        header, rows = share_columns(plan)
        yield from markdown_table(header, rows)
        yield from (f"\n{note}" for note in about_shares(plan))
    if plan.after_losses:
        yield "\n## After a loss\n"
        yield from (f"- {cell(told)}" for told in about_losses(plan))


def as_json(plan: FleetPlan) -> str:
    """Render a fleet as JSON."""
    return json_report.dumps(plan.as_json())


FLEET_REPORTS: dict[str, Callable[[FleetPlan], str]] = {
    "text": text, "json": as_json, "csv": as_csv, "markdown": markdown,
}
"""By the name that --format takes."""
