"""What is said of a shared fleet, whatever the format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from optimizer.reports.wording import STATUS, counted, money
from optimizer.schema.fleet import AfterLoss, FleetPlan, Layout, Share


def status_of(plan: FleetPlan) -> str:
    """Say how sure the answer is; a fleet that cuts services is the cheapest for those it serves."""
    if plan.shed and plan.status == "optimal":
        cut, kept = counted(len(plan.shed), "service"), len(plan.services)
        return f"OPTIMAL: {cut} cut, the least important first; nothing cheaper serves as many ({kept})"
    if plan.shed and plan.status == "feasible":
        return f"FEASIBLE: {counted(len(plan.shed), 'service')} cut; the limit was reached before the proof"
    return STATUS[plan.status]


def fleet_gap(plan: FleetPlan) -> str:
    """Write the bound and the gap."""
    if plan.status == "optimal":
        return f"lower bound {money(plan.bound_usd_per_month)}/month = cost, gap 0%"
    if not plan.bound_usd_per_month or plan.gap_fraction is None:
        return "no lower bound yet: a longer limit may find cheaper nodes"
    return f"lower bound {money(plan.bound_usd_per_month)}/month, gap {plan.gap_fraction:.2%} ({plan.method})"


def about_saving(plan: FleetPlan) -> str:
    """Set the fleet against separate plans."""
    saving = plan.saving
    if saving is None:
        return ""
    if saving.separate_usd_per_month is None or saving.saved_usd_per_month is None or saving.saved_fraction is None:
        return "Separate plans: not every service has one that is proven, so that nothing is compared."
    apart = f"Separate plans, each service on nodes of its own: {money(saving.separate_usd_per_month)}/month"
    if saving.saved_usd_per_month >= 0:
        told = f"{apart}; sharing saves {money(saving.saved_usd_per_month)} ({saving.saved_fraction:.0%})."
    else:
        told = f"{apart}, {money(-saving.saved_usd_per_month)} less than this fleet."
    return f"{told} Together they would break: {'; '.join(saving.broken)}." if saving.broken else told


def holds_of(layout: Layout) -> str:
    """Write what a node holds: chat 2 x 1 GPU, code 1 x 4 GPUs, 2 GPUs free."""
    parts = [f"{one.service_id} {one.replicas} x {counted(one.gpu_count, 'GPU')}" for one in layout.replicas]
    free = [f"{counted(layout.free_gpus, 'GPU')} free"] if layout.free_gpus else []
    return ", ".join(parts + free)


def share_columns(plan: FleetPlan) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return header and rows of what each service pays, only the columns that are known, with their sums."""
    columns = (
        ("alone", "alone_usd_per_month"), ("proportional", "proportional_usd_per_month"),
        ("Shapley", "shapley_usd_per_month"), ("marginal", "marginal_usd_per_month"))
    shown = [(title, key) for title, key in columns if any(getattr(one, key) is not None for one in plan.shares)]
    rows = [(one.service_id, *(_amount(one, key) for _, key in shown)) for one in plan.shares]
    sums = tuple(_sum([getattr(one, key) for one in plan.shares]) for _, key in shown)
    return ("service", *(title for title, _ in shown)), [*rows, ("together", *sums)]


def _amount(one: Share, key: str) -> str:
    return money(getattr(one, key)).replace("$", "")


def _sum(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    return money(round(sum(known), 2)).replace("$", "") if len(known) == len(values) else "-"


def about_shares(plan: FleetPlan) -> Iterator[str]:
    """Say what each column rests on."""
    yield "alone: the cheapest nodes for this service by itself, under the same rules"
    yield "proportional: the cost in proportion to that"
    if any(one.shapley_usd_per_month is not None for one in plan.shares):
        yield "Shapley: what a service adds to the cost, averaged over all orders in which they may join"
    if any(one.marginal_usd_per_month is not None for one in plan.shares):
        yield "marginal: in proportion to the duals, what each service adds to the lower bound"


def about_losses(plan: FleetPlan) -> Iterator[str]:
    """Say, for each loss, which services have other replicas afterwards."""
    before = _replicas(plan)
    for after in plan.after_losses:
        names = sorted({service for service, *_ in (_replicas(after) - before)})
        moved = f"new replicas of {', '.join(names)} are started there" if names else "the other replicas are enough"
        what = {"node": "one node of ", "provider": "provider ", "region": "region "}[after.kind]
        yield f"without {what}{after.lost}: the rest serves everything; {moved}"


def _replicas(plan: FleetPlan | AfterLoss) -> Counter[tuple[str, str, str, int]]:
    counts: Counter[tuple[str, str, str, int]] = Counter()
    for one in plan.deployments:
        counts[one.service_id, one.offer_id, one.engine_id, one.gpu_count] += one.replicas
    return counts
