"""A plan as a document: what it says first, then nodes, services, cost, and what stands beside it."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.documents.cells import Amount, Link, Money, Number, Word
from optimizer.documents.document import (
    Block,
    Box,
    Document,
    Piece,
    Section,
    Text,
    Tone,
    bullets,
    document,
    paragraph,
    section,
    table,
    warnings,
)
from optimizer.messages import Message
from optimizer.reports.approval_wording import api_of, approval_lines, energy_of, month_of, token_prices
from optimizer.reports.csv_report import records_of
from optimizer.reports.heads import heads
from optimizer.reports.model_wording import model_lines
from optimizer.reports.periods_report import period_sections, timetable_section
from optimizer.reports.quarters_report import Quarters, quarter_sections, total_line
from optimizer.reports.sharing_wording import saving_lines, share_section, shed_lines, status_of
from optimizer.reports.wording import (
    bad_end,
    class_amount_of,
    decisive_title,
    engines_of,
    evidence_of,
    gap_of,
    hours_run,
    idle_of,
    in_flight_of,
    is_always_there,
    lengths_of,
    local_money,
    mix_of,
    own_reasons,
    place_of,
    rejected_what,
    rejection_groups,
    share_of,
    sources_of,
    split_proposals,
    spread_words,
    user_speed_of,
)
from optimizer.schema.plan import Deployment, Node, Plan, Proposal, ServicePlan


def said_first(plan: Plan) -> Iterator[Block | None]:
    """Yield what every format says first: status, cost and nodes, sums to approve, warnings, what the cost rests on."""
    tone: Tone = "good" if plan.status == "optimal" else "plain" if plan.nodes or plan.hosted else "bad"
    yield Box(tone, (paragraph(status_of(plan), style="lead"),))
    shown = Quarters.of(plan)
    if shown is not None and plan.nodes:
        yield paragraph(total_line(shown), style="lead")
    elif plan.nodes:
        total = sum(node.count for node in plan.nodes)
        told = Message("plan.answer", month=month_of(plan.cost), n=total, mix=mix_of(plan.nodes))
        yield paragraph(told, style="lead")
    elif plan.hosted:
        yield paragraph(Message("plan.answer-hosted", month=month_of(plan.cost)), style="lead")
    yield from map(paragraph, saving_lines(plan))
    yield warnings(shed_lines(plan))
    yield from map(paragraph, model_lines(plan))
    if plan.approval is not None:
        yield paragraph(Message("plan.approve", sums=tuple(approval_lines(plan.approval))))
    yield warnings(plan.warnings)
    if plan.depends_on:
        yield warnings([decisive_title(plan)])
        yield bullets(Message("plan.decisive", figure=one.figure, value=one.value,
                              end=bad_end(one, plan.cost.usd_per_month)) for one in plan.depends_on)
    yield bullets(own_reasons(plan))


def _node(node: Node) -> Iterator[Message]:
    """Yield what stands below an offer: what it is, what it costs."""
    yield Message("plan.node-each" if node.count > 1 else "plan.node", count=node.gpu_count, gpu=node.gpu_id,
                  place=place_of(node))
    parts = [Message("plan.price-together" if node.count > 1 else "plan.price", usd=node.usd_per_month)]
    hours = hours_run(node)
    parts += [hours] if isinstance(hours, Message) else []
    if node.usd_per_month_low < node.usd_per_month_high:
        parts.append(Message("plan.price-range", low=node.usd_per_month_low, high=node.usd_per_month_high))
    if node.count > 1 and node.node_hours_per_month is None:
        parts.append(Message("plan.price-each", usd=node.usd_per_month / node.count))
    yield Message("plan.priced-own" if node.from_overlay else "plan.priced", parts=tuple(parts),
                  evidence=node.price_evidence, as_of=node.price_as_of)


def _nodes(plan: Plan) -> Section:
    rows: list[tuple[Piece | None, ...]] = [
        (Message("plan.count" if is_always_there(node) else "plan.count-up-to", count=node.count),
         Message("plan.offer-idle", offer=node.offer_id, idle=node.idle) if idle_of(node) else node.offer_id,
         Money(node.usd_per_month)) for node in plan.nodes]
    details = [Message("plan.details", parts=tuple(_node(node))) for node in plan.nodes]
    return section("nodes", Message("plan.nodes"), table(
        heads("nodes", "offer", "usd-month"), rows, details=details))


def _deployment(service: ServicePlan, one: Deployment) -> Iterator[Message]:
    """Yield how one service runs on the nodes of an offer, and how fast."""
    told = {"offer": one.offer_id, "engine": one.engine_id, "precision": one.precision, "spread": spread_words(one),
            "n": one.replicas, "sequences": one.concurrency_per_replica, "share": one.load_fraction}
    busiest = "" if one.plan_speed_capacity_per_node is None else "-busiest"
    if one.utilisation_fraction is None:
        yield Message(f"plan.runs{busiest}", **told)
    else:
        yield Message(f"plan.runs-full{busiest}", full=one.utilisation_fraction, **told)
    if one.tokens_per_s_per_user is not None:
        yield Message("plan.speed" if one.ttft_ms is None else "plan.speed-ttft", speed=one.tokens_per_s_per_user,
                      in_flight=in_flight_of(service, one), ttft=one.ttft_ms, evidence=evidence_of(one))
    for part in one.classes or ():
        yield Message("plan.class" if part.ttft_ms is None else "plan.class-ttft", lengths=lengths_of(part),
                      share=share_of(part), amount=class_amount_of(part), alone=part.concurrency_alone,
                      ttft=part.ttft_ms)
    if one.classes == ():
        yield Message("plan.stands-in")


def _service(plan: Plan, service: ServicePlan) -> Section:
    told: list[Text] = [Message("plan.demand", demand=service.demand),
                        Message("plan.capacity", capacity=service.arithmetic)]
    speed = user_speed_of(service)
    told += [Message("plan.every-user", speed=speed)] if speed is not None else []
    if service.gpu_hours_per_day is not None:
        told.append(Message("plan.gpu-hours", hours=service.gpu_hours_per_day,
                            mean=service.mean_utilisation_fraction or 0.0,
                            peak=service.peak_utilisation_fraction or 0.0))
    runs = [line for one in plan.deployments if one.service_id == service.service_id
            for line in _deployment(service, one)]
    return section(f"service-{service.service_id}",
                   Message("plan.service", service=service.service_id, model=service.model_id),
                   *map(paragraph, told), bullets(runs))


def _cost(plan: Plan) -> Section:
    cost, told = plan.cost, list[Text]()
    local = local_money(plan)
    told += [local] if local else []
    told.append(Message("plan.cost-is", month=cost.usd_per_month, hour=cost.usd_per_hour))
    if plan.approval is not None:
        told += [Message("plan.million", price=price) for price in token_prices(plan.approval)]
    elif cost.usd_per_million_output_tokens is not None:
        told.append(Message("plan.million-peak", usd=cost.usd_per_million_output_tokens))
    if cost.budget_usd_per_month and cost.usd_per_month is not None:
        told.append(Message("plan.budget", usd=cost.budget_usd_per_month, left=cost.budget_usd_per_month
                            - cost.usd_per_month, share=cost.usd_per_month / cost.budget_usd_per_month))
    told += [gap_of(plan)] if gap_of(plan) else []
    told += [energy_of(site) for site in plan.energy]
    return section("cost", Message("plan.cost"), *map(paragraph, told), table(
        heads("line", "usd-month"), [(Word(line), Money(amount)) for line, amount in cost.breakdown.items()]))


def _proposals(plan: Plan, ident: str, title: Message, none: str, proposals: list[Proposal]) -> Section:
    """Return one group: those with a plan, then in a line those without."""
    rate, monthly = plan.cost.fx_rate_per_usd, plan.cost.usd_per_month
    shown = [one for one in proposals if one.status in ("optimal", "feasible") and one.usd_per_month is not None]
    rows: list[tuple[Piece | None, ...]] = [
        (Message("plan.same-nodes", name=_short(one)) if one.nodes == plan.nodes else _short(one),
         Money(one.usd_per_month), *([Amount((one.usd_per_month or 0.0) * rate, plan.cost.currency)] if rate else []),
         Number((one.usd_per_month or 0.0) / monthly if monthly else None, ".2f", "x")) for one in shown]
    header = (*heads("proposal", "usd-month"),
              *([Message("head.local-month", currency=plan.cost.currency)] if rate else []), *heads("times-plan"))
    missing = tuple(_short(one) for one in proposals if one.status == "infeasible")
    unknown = tuple(_short(one) for one in proposals if one.status == "unknown")
    return section(
        ident, title, table(header, rows, details=[mix_of(one.nodes) for one in shown]),
        paragraph(Message(none, names=missing)) if missing else None,
        paragraph(Message("plan.proposals-unknown", names=unknown)) if unknown else None)


def _short(one: Proposal) -> Text:
    """Name a proposal of a group: those of a single GPU type by the GPU alone."""
    return str(one.name.parameters["gpu"]) if one.name.id == "proposal.only" else one.name


def _beside(plan: Plan) -> Iterator[Section]:
    others, single = split_proposals(plan.proposals)
    yield _proposals(plan, "proposals", Message("plan.proposals-other"), "plan.proposals-none", others)
    yield _proposals(plan, "single-gpus", Message("plan.proposals-single"), "plan.proposals-none-single", single)


def _sources(plan: Plan) -> Section:
    rows = [(node.offer_id, Message("plan.source-price"), source) for node in plan.nodes
            for source in sources_of(node.source_url)]
    rows += [(one.offer_id, Message("plan.source-speed", service=one.service_id), source)
             for one in plan.deployments for source in sources_of(one.source_url)]
    return section("origins", Message("plan.sources"), table(
        heads("of", "figure", "source"), [(of, what, Link(source)) for of, what, source in dict.fromkeys(rows)]))


def rejected_sections(plan: Plan) -> Iterator[Section]:
    """Yield what was dropped, by step and reason, with the number of offers that it concerns."""
    for step, rows in rejection_groups(plan.rejections).items():
        yield section(f"rejected-{step}", Message("plan.rejected", step=step), table(
            heads("what", "offers", "reason"),
            [(rejected_what(row), Number(len(row.offer_ids)), row.reason) for row in rows]))


def _footer(plan: Plan) -> Message:
    inputs = plan.inputs
    return Message("plan.footer", gpumix=inputs.gpumix_version, ortools=inputs.ortools_version,
                   engines=engines_of(plan), problem=inputs.problem_sha256[:12], catalog=inputs.catalog_sha256[:12])


def plan_document(plan: Plan, rejections: bool = False) -> Document:
    """Put a plan into a document; its rows are the nodes.

    Args:
        plan: optimal or not; one without nodes says why.
        rejections: whether what was dropped is listed too.
    """
    parts: list[Section | None] = [section("first", "", *said_first(plan))]
    if plan.status in ("optimal", "feasible"):
        shown = Quarters.of(plan)
        parts += [timetable_section(plan), *(quarter_sections(shown) if shown else ()), *period_sections(plan)]
        parts += [_nodes(plan) if plan.nodes else None]
        parts += [*(_service(plan, one) for one in plan.services), _cost(plan), share_section(plan)]
        apis = [api_of(api, plan.cost) for api in plan.apis]
        parts += [section("apis", Message("plan.apis"), bullets(apis)), *_beside(plan), _sources(plan)]
    parts.append(section("inputs", Message("plan.inputs"), paragraph(_footer(plan), style="small")))
    parts += list(rejected_sections(plan)) if rejections else []
    return document(plan.problem, parts, records=records_of(plan), data=plan.as_json)
