"""What a chart of a frontier shows, as plain data: both renderers draw this and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from optimizer.frontier import Frontier, FrontierPoint, picks
from optimizer.frontier.picks import asked_value
from optimizer.messages import Message
from optimizer.reports.charts.curves import Curve, Vertex, nearest_curves, staircase
from optimizer.reports.charts.naming import amount, gpu_names, mix_parts
from optimizer.reports.charts.notes import notes_of
from optimizer.reports.charts.scales import Guide, Scales, scales_of
from optimizer.reports.frontier_report import change_between, rising, shown
from optimizer.reports.wording import evidence_of, mix_of, money, spread_words
from optimizer.schema.base import EVIDENCE_ORDER, GRADE_TOKENS_PER_S, Evidence
from optimizer.units import usd_per_month


@dataclass(frozen=True)
class Mark:
    """One plan of the frontier."""

    value: float
    low: float
    high: float
    """The error bar; the value itself where it rests on measurements."""
    cost: float
    """A month, in the chart's currency."""
    evidence: Evidence
    """The worst of the service's deployments."""
    robust: bool
    asked: bool
    picks: tuple[str, ...]
    mix: tuple[str, ...]
    """Short, for a label."""
    details: tuple[str, ...]
    """Lines for whoever points at it."""


@dataclass(frozen=True)
class Band:
    """The user speeds of a grade; no end for the best."""

    name: str
    low: float
    high: float | None


@dataclass(frozen=True)
class FrontierChart:
    """A chart before it is drawn; texts are plain, free of any markup."""

    title: str
    subtitle: str
    value_title: str
    cost_title: str
    currency: str
    whole_values: bool
    falling: bool
    """Whether the cost falls as the value rises (TTFT)."""
    marks: tuple[Mark, ...]
    """In rising value."""
    steps: tuple[Vertex, ...]
    curves: tuple[Curve, ...]
    curves_found: int
    """How many GPU types have a plan of their own."""
    bands: tuple[Band, ...]
    target: Guide | None
    budget: Guide | None
    scales: Scales
    notes: tuple[str, ...]
    say: Callable[[str], str] = str
    """Puts the words that the renderers add into the language of the chart."""

    def said_by(self, say: Callable[[str], str]) -> FrontierChart:
        """Return the chart in another language."""
        return replace(
            self, say=say, title=say(self.title), subtitle=say(self.subtitle), value_title=say(self.value_title),
            cost_title=say(self.cost_title), notes=tuple(say(note) for note in self.notes),
            target=self.target and replace(self.target, text=say(self.target.text), name=say(self.target.name)),
            budget=self.budget and replace(self.budget, text=say(self.budget.text), name=say(self.budget.name)),
            marks=tuple(
                replace(mark, picks=tuple(map(say, mark.picks)), mix=tuple(map(say, mark.mix))) for mark in self.marks
            ),
        )

    def small_print(self) -> tuple[str, ...]:
        """Return the sentences below the chart."""
        shown, found = len(self.curves), self.curves_found
        lines = self.say(Message("chart.lines-some" if found > shown else "chart.lines", shown=shown, found=found,
                                 left=found - shown))
        return (*self.notes[:-1], *([lines] if found else []), self.notes[-1])

    def with_curves(self, names: Collection[str]) -> FrontierChart:
        """Return the chart with some of its curves only."""
        return replace(self, curves=tuple(curve for curve in self.curves if curve.name in names))


def chart_data(frontier: Frontier, single_gpu: Mapping[str, tuple[Vertex, ...]]) -> FrontierChart:
    """Prepare the chart of a frontier that has points, with the curves of single GPU types (dollars a month)."""
    cost, names = frontier.points[0].plan.cost, gpu_names(frontier.prepared.catalog)
    rate = cost.fx_rate_per_usd or 1.0
    marks = _marks(frontier, names, rate)
    target, budget = _target(frontier), _budget(frontier, cost.currency, rate)
    scales = scales_of(
        [(mark.value, mark.low, mark.high, mark.cost) for mark in marks], target, budget, frontier.axis == "losses"
    )
    falling = frontier.axis == "ttft"
    local = {names.get(gpu, gpu): [(value, usd * rate) for value, usd in found] for gpu, found in single_gpu.items()}
    corners = [(mark.value, mark.cost) for mark in marks]
    loosest = scales.value_high if falling else max(frontier.low, scales.value_low)
    curves = nearest_curves(local, corners, scales, loosest, falling)
    kept_target = target if target and scales.holds_value(target.at) else None
    kept_budget = budget if budget and scales.holds_cost(budget.at) else None
    outside = [guide.text for guide, kept in ((target, kept_target), (budget, kept_budget)) if guide and not kept]
    return FrontierChart(
        title=Message(f"frontier.title-{frontier.axis}", problem=frontier.problem),
        subtitle=_subtitle(frontier),
        value_title=Message(f"chart.axis-{frontier.axis}", unit=frontier.unit),
        cost_title=Message("chart.cost-local", currency=cost.currency, rate=rate, as_of=cost.fx_as_of)
        if cost.fx_rate_per_usd else Message("chart.cost", currency=cost.currency),
        currency=cost.currency,
        whole_values=frontier.axis == "losses",
        falling=falling,
        marks=marks,
        steps=staircase(corners, scales, loosest, falling),
        curves=curves,
        curves_found=len(single_gpu),
        bands=_bands() if frontier.axis == "speed" else (),
        target=kept_target,
        budget=kept_budget,
        scales=scales,
        notes=notes_of(frontier, outside, scales),
    )


def _marks(frontier: Frontier, names: Mapping[str, str], rate: float) -> tuple[Mark, ...]:
    named, before = picks(frontier), None
    asked = asked_value(frontier)
    answer = None if asked is None else frontier.point_at(asked)
    marks = []
    for point in rising(frontier):
        evidence = _evidence(frontier, point)
        sure = evidence == "measured"
        marks.append(Mark(
            value=point.value,
            low=point.value if sure else min(point.value_low, point.value),
            high=point.value if sure else max(point.value_high, point.value),
            cost=point.usd_per_month * rate,
            evidence=evidence,
            robust=point.robust,
            asked=point is answer,
            picks=tuple(Message(f"pick.name-{pick.name.replace(' ', '-')}") for pick in named if pick.point is point),
            mix=mix_parts(point.plan.nodes, names),
            details=_details(frontier, point, change_between(before, point)),
        ))
        before = point
    return tuple(sorted(marks, key=lambda mark: mark.value))


def _evidence(frontier: Frontier, point: FrontierPoint) -> Evidence:
    """Return the worst evidence of the service's speeds."""
    found = [d.evidence for d in point.plan.deployments if d.service_id == frontier.service_id]
    return max(found, key=EVIDENCE_ORDER.index, default="estimated")


def _details(frontier: Frontier, point: FrontierPoint, change: str) -> tuple[str, ...]:
    """Say what stands behind a point: nodes, engines, speeds, error bar, and what changed since the cheaper one."""
    bar = f"{shown(frontier, point.value_low)} to {shown(frontier, point.value_high)}"
    lines = [
        f"{shown(frontier, point.value)} {frontier.unit} ({bar} within the error bars)",
        f"{money(point.usd_per_month)}/month" + ("" if point.proven else ", not proven: a limit was reached"),
        *mix_of(point.plan.nodes).split(" + "),
    ]
    for one in point.plan.deployments:
        speed = "" if one.tokens_per_s_per_user is None else f", {one.tokens_per_s_per_user:.1f} tokens/s"
        ttft = "" if one.ttft_ms is None else f", TTFT {one.ttft_ms:,.0f} ms"
        lines.append(
            f"{one.service_id}: {one.engine_id} {one.precision}, {spread_words(one)}, "
            f"{one.replicas} x {one.concurrency_at_peak} in flight{speed}{ttft}, {evidence_of(one)}"
        )
    lines.append("robust: measuring cannot change the order" if point.robust else "its error bar meets a neighbour's")
    return (*lines, f"from the cheaper point: {change}") if change else tuple(lines)


def _subtitle(frontier: Frontier) -> Message:
    """Say which service, which model, and what else it is promised."""
    service = next(s for s in frontier.points[0].plan.services if s.service_id == frontier.service_id)
    asked = next(s for s in frontier.prepared.loaded.problem.services if s.service_id == frontier.service_id)
    parts: list[str] = [Message("class.reason", request=frontier.service_id, reason=service.model_id)]
    if frontier.axis != "users":
        told = service.demand.parameters
        plain = service.demand.id == "demand.in-flight" and told["in_flight"] == told["amount"]
        parts.append(Message("chart.in-flight", count=told["in_flight"]) if plain else service.demand)
    if frontier.axis != "speed" and asked.slo.target_tokens_per_s:
        parts.append(Message("chart.speed-each", speed=asked.slo.target_tokens_per_s))
    return Message("gives.survive", parts=tuple(parts))


def _bands() -> tuple[Band, ...]:
    rising_grades = sorted(GRADE_TOKENS_PER_S.items(), key=lambda item: item[1])
    ends = [speed for _, speed in rising_grades[1:]] + [None]
    return tuple(Band(name, low, high) for (name, low), high in zip(rising_grades, ends, strict=True))


def _target(frontier: Frontier) -> Guide | None:
    asked = asked_value(frontier)
    if not asked:
        return None
    text = Message(f"chart.target-{frontier.axis}", value=asked, unit=frontier.unit)
    return Guide(asked, text, Message(f"chart.target-name-{frontier.axis}"))


def _budget(frontier: Frontier, currency: str, rate: float) -> Guide | None:
    if frontier.prepared.budget is None:
        return None
    at = usd_per_month(frontier.prepared.budget) * rate
    return Guide(at, Message("chart.budget", amount=amount(currency, at)), Message("chart.budget-name"))
