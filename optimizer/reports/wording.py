"""Figures as people read them, shared by every report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from optimizer.messages import Message
from optimizer.schema.layout import ReplicaLayout
from optimizer.schema.plan import (
    ClassShare,
    Cost,
    DecisiveFigure,
    Deployment,
    Node,
    Placement,
    Plan,
    Proposal,
    RejectionRow,
    ServicePlan,
    Status,
)
from optimizer.units import HOURS_PER_MONTH


def status_words(status: Status) -> Message:
    """Say what a status means."""
    return Message(f"status.{status}")



def money(usd: float | None) -> str:
    """Write US dollars.

    >>> money(1234.5), money(None)
    ('$1,234.50', '-')
    """
    return "-" if usd is None else f"${usd:,.2f}"


def counted(count: int, noun: str) -> str:
    """Write a number of things.

    >>> counted(1, "node"), counted(1200, "node")
    ('1 node', '1,200 nodes')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def spread_words(one: Placement) -> Message:
    """Say how a replica spreads over its GPUs: tensor parallelism, and what stands beside it."""
    if one.layout is None:
        return Message("spread.tensor", size=one.tp_size)
    spread = ReplicaLayout.parse(one.layout)
    parts = (("spread.tensor", spread.tp_size), ("spread.pipeline", spread.pp_size), ("spread.data", spread.dp_size),
             ("spread.expert", spread.ep_size))
    said = tuple(Message(ident, size=size) for ident, size in parts if size > 1 or ident == "spread.tensor")
    return Message("spread.all", parts=said, n=one.gpu_count)


def local_amount(cost: Cost, usd: float | None) -> str | None:
    """Write US dollars in the problem's currency by its code, which every terminal can show; None if that is dollars.

    >>> yen = Cost(usd_per_hour=None, usd_per_month=None, breakdown={}, currency="JPY", fx_rate_per_usd=150.0)
    >>> local_amount(yen, 2.0)
    'JPY 300'
    """
    if cost.fx_rate_per_usd is None or usd is None:
        return None
    digits = 0 if cost.currency == "JPY" else 2
    return f"{cost.currency} {usd * cost.fx_rate_per_usd:,.{digits}f}"


def local_money(plan: Plan) -> Message | None:
    """Write the monthly cost in the problem's currency, with its rate and date; None for US dollars."""
    cost = plan.cost
    if cost.fx_rate_per_usd is None or cost.usd_per_month is None:
        return None
    amount = Message(f"compare.amount-{cost.currency}", value=cost.usd_per_month * cost.fx_rate_per_usd)
    return Message("plan.local", amount=amount, rate=cost.fx_rate_per_usd, currency=cost.currency, as_of=cost.fx_as_of)


def kind_of(node: Node) -> Message:
    """Name how a node is obtained, with its term."""
    if node.kind == "reserved":
        return Message("node.reserved", n=node.term_months)
    return Message("node.kind", kind=node.kind)


def place_of(node: Node) -> Message:
    """Name how and where a node is obtained: owned nodes have a site and no provider."""
    if node.kind == "owned":
        return Message("node.owned-at", region=node.region)
    return Message("node.placed", kind=kind_of(node), provider=node.provider, region=node.region)


def evidence_of(one: Deployment | ClassShare) -> Message:
    """Write a speed's evidence with its error bar."""
    if one.error_fraction is None:
        return Message("evidence.plain", evidence=one.evidence)
    return Message("evidence.bar", evidence=one.evidence, error=one.error_fraction)


def idle_of(node: Node) -> Message | str:
    """Say how many nodes of an offer are held without serving anything; nothing where all serve."""
    return Message("plan.idle", count=node.idle) if node.idle else ""


def is_always_there(node: Node) -> bool:
    """Say whether all nodes of an offer are there in every hour."""
    return node.node_hours_per_month is None or node.node_hours_per_month >= node.count * HOURS_PER_MONTH - 1e-6


def hours_run(node: Node) -> Message | str:
    """Write the hours that nodes run which come and go, nothing for those that are always there."""
    if node.node_hours_per_month is None or is_always_there(node):
        return ""
    return Message("plan.hours", hours=node.node_hours_per_month, usd=node.usd_per_hour_each)


def mix_of(nodes: tuple[Node, ...]) -> Message:
    """Write nodes in a line: 2 x aws-g5.xlarge-..., 1 x ...; `up to` before those that come and go."""
    if not nodes:
        return Message.quoted("-")
    return Message("plan.mix", nodes=tuple(
        Message("plan.mix-node" if is_always_there(node) else "plan.mix-up-to", count=node.count, offer=node.offer_id)
        for node in nodes))


def sources_of(urls: str | None) -> list[str]:
    """Split the sources of a row, each once.

    >>> sources_of("https://a ; price list ; https://a"), sources_of(None)
    (['https://a', 'price list'], [])
    """
    parts = (part.strip() for part in (urls or "").split(" ; "))
    return list(dict.fromkeys(part for part in parts if part))


def gap_of(plan: Plan) -> Message | str:
    """Write the bound and the gap."""
    if plan.status == "optimal":
        return Message("gap.none", usd=plan.bound_usd_per_month)
    if plan.gap_fraction is None:
        return ""
    if not plan.bound_usd_per_month:
        return Message("gap.unknown")
    return Message("gap.some", usd=plan.bound_usd_per_month, gap=plan.gap_fraction)


def bad_end(figure: DecisiveFigure, usd_per_month: float | None) -> Message:
    """Say what the cheapest plan costs when a figure is at the bad end of its range."""
    worst = figure.usd_per_month_at_bad_end
    if worst is None:
        return Message("end.none")
    if usd_per_month is None or abs(worst - usd_per_month) < 0.005:
        return Message("end.same")
    return Message("end.costs", usd=worst)


def decisive_title(plan: Plan) -> Message:
    """Introduce the figures that a plan depends on, and say so when none of them alone moves its cost."""
    cost = plan.cost.usd_per_month
    same = all(bad_end(figure, cost).id == "end.same" for figure in plan.depends_on)
    return Message("plan.decisive-title-same" if same else "plan.decisive-title")


def own_reasons(plan: Plan) -> list[Message]:
    """List the reasons that say more than the status does."""
    return [reason for reason in plan.reasons if reason.id != "answer.limit"]


def user_speed_of(service: ServicePlan) -> Message | None:
    """Write the speed that every user sees at the peak, with what was asked and the grade."""
    if service.tokens_per_s_per_user is None:
        return None
    grade = Message("chart.grade", grade=service.grade) if service.grade else Message("plan.no-grade")
    return Message("plan.user-speed-asked" if service.target_tokens_per_s else "plan.user-speed",
                   speed=service.tokens_per_s_per_user, asked=service.target_tokens_per_s, grade=grade)


def in_flight_of(service: ServicePlan, one: Deployment) -> Message:
    """Write the requests on each replica at the peak; those of a rate come and go around a mean."""
    return Message("plan.in-flight-mean" if service.peak_rps is not None else "plan.in-flight",
                   count=one.concurrency_at_peak)


def lengths_of(part: ClassShare) -> Message:
    """Name a request class by its lengths."""
    return Message("plan.lengths", isl=part.isl_tokens, osl=part.osl_tokens)


def class_amount_of(part: ClassShare) -> Message:
    """Write how much of a class comes to a deployment: requests/s where a rate is planned for."""
    return Message("plan.class-amount" if part.rps is None else "plan.class-amount-rate", rate=part.rps,
                   count=part.concurrency)


def share_of(part: ClassShare) -> Message | str:
    """Write the share of a class that is sent to a deployment, never rounded to none or all.

    >>> from types import SimpleNamespace as Part
    >>> [share_of(Part(share_of_class_fraction=share)) for share in (1.0, 0.9999, 0.62, 0.0002)]
    ['all', '99.99%', '62.0%', '0.02%']
    """
    share = part.share_of_class_fraction
    if share == 1:
        return Message("plan.all")
    return f"{share:.1%}" if 0.001 <= share < 0.9995 else f"{share:.2%}"


def split_proposals(proposals: Iterable[Proposal]) -> tuple[list[Proposal], list[Proposal]]:
    """Part the proposals under other conditions from those of a single GPU type."""
    listed = list(proposals)
    single = [proposal for proposal in listed if proposal.name.id == "proposal.only"]
    return [proposal for proposal in listed if proposal not in single], single


def rejection_groups(rows: tuple[RejectionRow, ...]) -> dict[str, list[RejectionRow]]:
    """Group rejections by step, in the order of the steps."""
    grouped: dict[str, list[RejectionRow]] = defaultdict(list)
    for row in rows:
        grouped[row.step].append(row)
    return {step: grouped[step] for step in ("policy", "engine", "memory", "evidence", "speed") if step in grouped}


def rejected_what(row: RejectionRow) -> str:
    """Name what a rejection dropped."""
    parts = [row.service_id and f"{row.service_id}:", row.gpu_id, row.engine_id, row.precision,
             f"tp{row.tp_size}" if row.tp_size else None]
    return " ".join(part for part in parts if part)


def engines_of(plan: Plan) -> str:
    """Name the versions of the engines that a plan uses: `vllm 0.19, `."""
    used = sorted({one.engine_id for one in plan.deployments} & set(plan.inputs.engine_versions))
    return "".join(f"{name} {plan.inputs.engine_versions[name]}, " for name in used)
