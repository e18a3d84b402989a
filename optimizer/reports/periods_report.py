"""A plan of periods as sections of its document: hours, quarters, who runs where, what is bought and rented."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.documents.document import Section, bullets, paragraph, section, table
from optimizer.messages import Message
from optimizer.plan.hours import timetable_of
from optimizer.reports.wording_of_time import cost_by_time, saving_by_time, timetable_rows, work_of
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


def timetable_section(plan: Plan) -> Section | None:
    """Return the nodes hour by hour, each kind of day once; None where the plan has no hours."""
    found = timetable_of(plan)
    if found is None or plan.roadmap is not None:
        return None
    tables = [table(rows[0], rows[1:]) for rows in timetable_rows(found, plan.work)]
    return section("hours", Message("periods.day" if found.hours == 24 else "periods.week"),
                   paragraph(cost_by_time(plan)), bullets(saving_by_time(found)), *tables)


def period_sections(plan: Plan) -> Iterator[Section]:
    """Yield who runs where, period by period, what nodes hold, and money by the quarter."""
    if len(plan.periods) > 1 and (plan.roadmap is not None) == bool(plan.periods[0].hours):
        yield section("periods", Message("periods.title"), bullets(_period_lines(plan)))
    yield section("hosted", Message("periods.hosted-title"), bullets(_hosted_lines(plan)))
    if plan.periods:
        fullest = max(plan.periods, key=_fullness)
        yield section("layouts", Message("periods.layouts"), bullets(map(_layout, fullest.layouts)))
        yield section("losses", Message("periods.losses"), bullets(
            Message("periods.loss", lost=loss.lost, running=tuple(
                Message("periods.runs", service=one.service_id, n=one.replicas, offer=one.offer_id)
                for one in loss.running)) for loss in fullest.losses))
    yield section("work", Message("periods.work"), bullets(map(work_of, plan.work)))


def _period_lines(plan: Plan) -> Iterator[Message]:
    """Yield what is asked and what stands in each run of periods."""
    for run, fullest in stretches(plan):
        asked = tuple(f"{one.service_id} {one.amount:g}" for one in fullest.demand if one.amount)
        nodes = tuple(f"{count} x {name}" for name, count in fullest.nodes.items()) or (Message("periods.no-node"),)
        hosted = tuple(Message("periods.by-api", amount=one.amount, service=one.service_id, provider=one.provider)
                       for one in fullest.hosted)
        yield Message("periods.line", label=label_of(run), asked=asked or (Message("diff.nothing"),),
                      nodes=(*nodes, *hosted))


def _layout(layout: NodeLayout) -> Message:
    held = [Message("periods.replicas", n=one.replicas, service=one.service_id,
                    gpus=Message("capacity.gpus", n=one.gpu_count)) for one in layout.replicas]
    held += [Message("periods.free", gpus=Message("capacity.gpus", n=layout.free_gpus))] if layout.free_gpus else []
    return Message("periods.layout", count=layout.count, offer=layout.offer_id, held=tuple(held))


def _hosted_lines(plan: Plan) -> Iterator[Message]:
    """Yield what each hosted API carries and costs."""
    for one in plan.hosted:
        speed = Message("periods.hosted-speed", speed=one.tokens_per_s) if one.tokens_per_s else Message(
            "periods.hosted-unverified")
        yield Message("periods.hosted", service=one.service_id, provider=one.provider, model=one.api_model,
                      input=one.input_usd_per_million, output=one.output_usd_per_million, as_of=one.as_of,
                      usd=one.usd_per_month, millions=one.tokens_per_month / 1e6, speed=speed)
