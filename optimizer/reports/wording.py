"""Figures as people read them, shared by every report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

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
)
from optimizer.units import HOURS_PER_MONTH

STATUS = {
    "optimal": "OPTIMAL: proven, nothing cheaper exists in this catalog",
    "feasible": "FEASIBLE: the limit was reached before the proof",
    "infeasible": "INFEASIBLE: proven, no plan keeps every rule",
    "unknown": "UNKNOWN: the limit was reached before any plan was found",
}

PER = {"on_demand": "on demand", "owned": "owned", "spot": "spot", "marketplace": "marketplace"}

ONLY = "only "
"""How the proposals of a single GPU type begin."""


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


def spread_words(one: Placement) -> str:
    """Say how a replica spreads over its GPUs: tensor parallelism, and what stands beside it."""
    if one.layout is None:
        return f"tensor parallel {one.tp_size}"
    spread = ReplicaLayout.parse(one.layout)
    parts = (("tensor", spread.tp_size), ("pipeline", spread.pp_size), ("attention data", spread.dp_size),
             ("expert", spread.ep_size))
    said = [f"{name} parallel {size}" for name, size in parts if size > 1 or name == "tensor"]
    return " x ".join(said) + f" ({counted(one.gpu_count, 'GPU')})"


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


def local_money(plan: Plan) -> str | None:
    """Write the monthly cost in the problem's currency, with its rate and date; None for US dollars."""
    cost = plan.cost
    amount = local_amount(cost, cost.usd_per_month)
    return amount and f"{amount}/month at {cost.fx_rate_per_usd:g} {cost.currency} a dollar ({cost.fx_as_of})"


def kind_of(node: Node) -> str:
    """Name how a node is obtained, with its term."""
    return f"reserved {node.term_months} months" if node.kind == "reserved" else PER[node.kind]


def place_of(node: Node) -> str:
    """Name how and where a node is obtained: owned nodes have a site and no provider."""
    return f"owned, at {node.region}" if node.kind == "owned" else f"{kind_of(node)}, {node.provider} {node.region}"


def evidence_of(one: Deployment | ClassShare) -> str:
    """Write a speed's evidence with its error bar."""
    return one.evidence if one.error_fraction is None else f"{one.evidence} +-{one.error_fraction:.0%}"


def idle_of(node: Node) -> str:
    """Say how many nodes of an offer are held without serving anything; nothing where all serve."""
    return f" ({node.idle} held idle)" if node.idle else ""


def is_always_there(node: Node) -> bool:
    """Say whether all nodes of an offer are there in every hour."""
    return node.node_hours_per_month is None or node.node_hours_per_month >= node.count * HOURS_PER_MONTH - 1e-6


def hours_run(node: Node) -> str:
    """Write the hours that nodes run which come and go, nothing for those that are always there."""
    if node.node_hours_per_month is None or is_always_there(node):
        return ""
    return f", {node.node_hours_per_month:,.0f} node-hours a month at ${node.usd_per_hour_each:,.4f}"


def mix_of(nodes: tuple[Node, ...]) -> str:
    """Write nodes in a line: 2 x aws-g5.xlarge-..., 1 x ...; `up to` before those that come and go."""
    return " + ".join(
        f"{'' if is_always_there(node) else 'up to '}{node.count} x {node.offer_id}" for node in nodes) or "-"


def sources_of(urls: str | None) -> list[str]:
    """Split the sources of a row, each once.

    >>> sources_of("https://a ; price list ; https://a"), sources_of(None)
    (['https://a', 'price list'], [])
    """
    parts = (part.strip() for part in (urls or "").split(" ; "))
    return list(dict.fromkeys(part for part in parts if part))


def gap_of(plan: Plan) -> str:
    """Write the bound and the gap."""
    if plan.status == "optimal":
        return f"lower bound {money(plan.bound_usd_per_month)}/month = cost, gap 0%"
    if plan.gap_fraction is None:
        return ""
    if not plan.bound_usd_per_month:
        return "no lower bound yet: a longer limit may find cheaper nodes"
    return f"lower bound {money(plan.bound_usd_per_month)}/month, gap {plan.gap_fraction:.2%}"


def bad_end(figure: DecisiveFigure, usd_per_month: float | None) -> str:
    """Say what the cheapest plan costs when a figure is at the bad end of its range."""
    worst = figure.usd_per_month_at_bad_end
    if worst is None:
        return "no plan at its bad end"
    if usd_per_month is None or abs(worst - usd_per_month) < 0.005:
        return "the same cost at its bad end"
    return f"{money(worst)}/month at its bad end"


def decisive_title(plan: Plan) -> str:
    """Introduce the figures that a plan depends on, and say so when none of them alone moves its cost."""
    cost = plan.cost.usd_per_month
    same = all(bad_end(figure, cost).startswith("the same") for figure in plan.depends_on)
    return "The cost depends most on" + (" these, though none of them alone moves it:" if same else ":")


def own_reasons(plan: Plan) -> list[str]:
    """List the reasons that say more than the status does."""
    return [reason for reason in plan.reasons if not STATUS[plan.status].endswith(reason)]


def user_speed_of(service: ServicePlan) -> str | None:
    """Write the speed that every user sees at the peak, with what was asked and the grade."""
    if service.tokens_per_s_per_user is None:
        return None
    asked = f", {service.target_tokens_per_s:g} asked" if service.target_tokens_per_s else ""
    grade = f"grade {service.grade}" if service.grade else "no grade"
    return f"{service.tokens_per_s_per_user:.1f} tokens/s at the peak{asked}: {grade}"


def in_flight_of(service: ServicePlan, one: Deployment) -> str:
    """Write the requests on each replica at the peak; those of a rate come and go around a mean."""
    mean = " on average" if service.peak_rps is not None else ""
    return f"{one.concurrency_at_peak} in flight{mean}"


def lengths_of(part: ClassShare) -> str:
    """Name a request class by its lengths."""
    return f"{part.isl_tokens:,} + {part.osl_tokens:,} tokens"


def class_amount_of(part: ClassShare) -> str:
    """Write how much of a class comes to a deployment: requests/s where a rate is planned for."""
    rate = "" if part.rps is None else f"{part.rps:.3g} requests/s, "
    return f"{rate}{part.concurrency:.1f} in flight"


def share_of(part: ClassShare) -> str:
    """Write the share of a class that is sent to a deployment, never rounded to none or all.

    >>> from types import SimpleNamespace as Part
    >>> [share_of(Part(share_of_class_fraction=share)) for share in (1.0, 0.9999, 0.62, 0.0002)]
    ['all', '99.99%', '62.0%', '0.02%']
    """
    share = part.share_of_class_fraction
    if share == 1:
        return "all"
    return f"{share:.1%}" if 0.001 <= share < 0.9995 else f"{share:.2%}"


def times_of(proposal: Proposal, plan: Plan) -> str:
    """Write how many times the plan a proposal costs."""
    if proposal.usd_per_month is None or not plan.cost.usd_per_month:
        return ""
    return f"{proposal.usd_per_month / plan.cost.usd_per_month:.2f}x"


def split_proposals(proposals: Iterable[Proposal]) -> tuple[list[Proposal], list[Proposal]]:
    """Part the proposals under other conditions from those of a single GPU type."""
    listed = list(proposals)
    single = [proposal for proposal in listed if proposal.name.startswith(ONLY)]
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
