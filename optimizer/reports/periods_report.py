"""A plan of periods in rows and lines, shared by the terminal and Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.reports.wording import counted, money
from optimizer.schema.plan import NodeLayout, Period, Plan


def stretches(plan: Plan) -> Iterator[tuple[tuple[Period, ...], Period]]:
    """Yield runs of periods, in their order, in which the same nodes stand and run the same, with the fullest."""
    run: list[Period] = []
    for period in plan.periods:
        if run and (period.quarter, period.nodes, period.running) != (run[-1].quarter, run[-1].nodes, run[-1].running):
            yield tuple(run), max(run, key=_fullness)
            run = []
        run.append(period)
    if run:
        yield tuple(run), max(run, key=_fullness)


def _fullness(period: Period) -> float:
    return sum(one.amount for one in period.demand)


def label_of(run: tuple[Period, ...]) -> str:
    """Name a run of periods: its quarter, then all its hours.

    >>> label_of((Period(label="hours 1", quarter=None, hours=(1,), demand=(), nodes={}, running=()),
    ...           Period(label="hours 0, 5", quarter=None, hours=(0, 5), demand=(), nodes={}, running=())))
    'hours 0-1, 5'
    """
    hours = sorted(hour for period in run for hour in period.hours)
    if not hours:
        return run[0].label
    parts: list[list[int]] = []
    for hour in hours:
        if parts and parts[-1][1] == hour - 1:
            parts[-1][1] = hour
        else:
            parts.append([hour, hour])
    ranges = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)
    quarter = run[0].label.split(" hours ")[0] if run[0].quarter is not None else ""
    return f"{quarter} hours {ranges}".strip()


def period_lines(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield (label, what is asked and what stands) of each run of periods."""
    for run, fullest in stretches(plan):
        asked = ", ".join(f"{one.service_id} {one.amount:g}" for one in fullest.demand if one.amount)
        nodes = " + ".join(f"{count} x {name}" for name, count in fullest.nodes.items()) or "no node"
        nodes += "".join(f" + {one.amount:g} of {one.service_id} by {one.provider}" for one in fullest.hosted)
        yield label_of(run), f"asked at most {asked or 'nothing'}: {nodes}"


def layout_lines(plan: Plan) -> Iterator[str]:
    """Yield what nodes hold in the fullest period, where nodes are shared."""
    fullest = max(plan.periods, key=_fullness)
    for layout in fullest.layouts:
        yield f"{layout.count} x {layout.offer_id}: {_held(layout)}"


def _held(layout: NodeLayout) -> str:
    held = ", ".join(
        f"{counted(one.replicas, 'replica')} of {one.service_id} on {counted(one.gpu_count, 'GPU')} each"
        for one in layout.replicas)
    free = f"{counted(layout.free_gpus, 'GPU')} free" if layout.free_gpus else ""
    return ", ".join(part for part in (held, free) if part)


def hosted_lines(plan: Plan) -> Iterator[str]:
    """Yield what each hosted API carries and costs."""
    for one in plan.hosted:
        speed = f"{one.tokens_per_s:g} tokens/s stated" if one.tokens_per_s else "no speed is promised: unverified"
        yield (f"{one.service_id}: {one.provider} {one.api_model}, ${one.input_usd_per_million:g} in, "
               f"${one.output_usd_per_million:g} out a million ({one.as_of}): {money(one.usd_per_month)} a month for at"
               f" most {one.tokens_per_month / 1e6:,.0f} million tokens; {speed}; data leaves the house")


def loss_lines(plan: Plan) -> Iterator[str]:
    """Yield where services run after each loss, in the fullest period."""
    fullest = max(plan.periods, key=_fullness)
    for loss in fullest.losses:
        runs = ", ".join(f"{one.service_id} {one.replicas} on {one.offer_id}" for one in loss.running)
        yield f"without {loss.lost}: {runs}"
