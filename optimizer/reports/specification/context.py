"""What the templates of a specification can ask for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup, escape

from optimizer.costs.owned import machine_of
from optimizer.demand import ServiceDemand
from optimizer.explain.entering import GpuVerdict
from optimizer.frontier import FrontierPoint
from optimizer.load.documents import read_known_services
from optimizer.messages import Voice
from optimizer.plan.hours import timetable_of
from optimizer.reports.model_wording import ALL_PASSED, by_precision, planned_otherwise
from optimizer.reports.specification.findings import Findings
from optimizer.reports.specification.notes import Notes
from optimizer.reports.specification.validity import VALID_MONTHS, Validity, validity_of
from optimizer.reports.wording import kind_of, split_proposals
from optimizer.reports.wording_of_time import lines_of
from optimizer.schema.base import GRADE_TOKENS_PER_S, grade_of
from optimizer.schema.catalog import Figure, OwnedAssumptions
from optimizer.schema.plan import Deployment, Node, Proposal, ServicePlan
from optimizer.schema.problem import Service
from optimizer.units import exact

SINGLE_GPU_PROPOSALS = 8
"""Of the cheapest plans of a single GPU type so many are compared; all of them stand in the table of GPU types."""

MONTHS_PER_YEAR = 12

HOURS_PER_DAY = 24

NO_BREAK = "\u00a0"


@dataclass(frozen=True)
class ServiceView:
    """One service: what is asked, and what the plan gives it."""

    asked: Service
    demand: ServiceDemand
    planned: ServicePlan | None
    deployments: tuple[Deployment, ...]


@dataclass(frozen=True)
class SpeedRow:
    """A speed beside those of known services."""

    name: str
    low: float
    high: float
    grade: str | None
    ours: bool = False


@dataclass(frozen=True)
class PickRow:
    """A point of the frontier under all its names."""

    names: tuple[str, ...]
    point: FrontierPoint
    grade: str | None
    chosen: bool


@dataclass(frozen=True)
class FigureRow:
    """One assumption behind owned nodes; a figure of the problem itself has no range."""

    name: str
    value: float
    low: float | None
    high: float | None


class Cite:
    """Turns the notes' numbers into marks in the text."""

    def __init__(self, notes: Notes) -> None:
        self.notes = notes

    def __getattr__(self, name: str) -> Callable[..., Markup]:
        """Return the citation of one kind of figure."""
        number = getattr(self.notes, name)
        return lambda *of: Markup(f'<note n="{number(*of)}"/>')


def link(source: str) -> Markup:
    """Write a source: an address as a link, anything else as text."""
    address = re.fullmatch(r"https?://[^\s<>\"]+", source)
    text = escape(source)
    return Markup(f'<a href="{text}">{text}</a>') if address else text


def hour(value: float) -> str:
    """Write an hour of the day.

    >>> hour(22.0), hour(6.5), hour(30.0)
    ('22:00', '6:30', '6:00')
    """
    minutes = round(value * 60) % (24 * 60)
    return f"{minutes // 60}:{minutes % 60:02d}"


def services_of(found: Findings) -> list[ServiceView]:
    """Pair what is asked with what is planned."""
    planned = {service.service_id: service for service in found.plan.services}
    return [
        ServiceView(asked, demand, planned.get(asked.service_id),
                    tuple(d for d in found.plan.deployments if d.service_id == asked.service_id))
        for asked, demand in zip(found.loaded.problem.services, found.demands, strict=True)
    ]


def speed_rows(found: Findings) -> list[SpeedRow]:
    """List the plan's speeds among those of known services, slowest first."""
    known = [SpeedRow(row["name"], float(row["low"]), float(row["high"]), grade_of(float(row["low"])))
             for row in read_known_services()]
    ours = [SpeedRow(service.service_id, speed, speed, service.grade, ours=True)
            for service in found.plan.services if (speed := service.tokens_per_s_per_user) is not None]
    return sorted([*known, *ours], key=lambda row: (row.low, row.name))


def pick_rows(found: Findings) -> list[PickRow]:
    """List the points that a planner looks at, cheapest first, each with all its names."""
    picked = found.picks
    points = {id(pick.point): pick.point for pick in picked}
    service_id = "" if found.frontier is None else found.frontier.service_id
    rows = []
    for point in sorted(points.values(), key=lambda one: one.usd_per_month):
        names = tuple(dict.fromkeys(pick.name for pick in picked if pick.point is point))
        grade = next((s.grade for s in point.plan.services if s.service_id == service_id), None)
        rows.append(PickRow(names, point, grade, point.plan.nodes == found.plan.nodes))
    return rows


def shown_proposals(found: Findings) -> list[Proposal]:
    """List the proposals under other figures and the cheapest of single GPU types."""
    others, single = split_proposals(found.plan.proposals)
    return [*others, *[one for one in single if one.nodes][:SINGLE_GPU_PROPOSALS]]


def lost_gpus(found: Findings) -> list[GpuVerdict]:
    """List the GPU types that fit but lost, the nearest first."""
    gpus = () if found.explanation is None else found.explanation.gpus

    def fall(one: GpuVerdict) -> tuple[float, str]:
        """Return how far the price would have to fall."""
        if not one.usd_per_hour or one.enters_at_usd_per_hour is None:
            return 2.0, one.gpu_id
        return 1 - one.enters_at_usd_per_hour / one.usd_per_hour, one.gpu_id

    return sorted((one for one in gpus if one.verdict in ("lost", "equal")), key=fall)


def rejected_gpus(found: Findings) -> list[GpuVerdict]:
    """List the GPU types that are no candidates."""
    gpus = () if found.explanation is None else found.explanation.gpus
    return [one for one in gpus if one.verdict == "rejected"]


@dataclass(frozen=True)
class TimeRow:
    """Hours that follow each other with as many nodes at the same cost."""

    start: int
    end: int
    demand: dict[str, float]
    """The most of each service."""
    nodes: int
    standing: int
    usd_per_hour: float

    def joined(self, after: TimeRow) -> TimeRow:
        """Return one row for this one and the next."""
        most = {name: max(amount, after.demand.get(name, 0.0)) for name, amount in self.demand.items()}
        return replace(self, end=after.end, demand={**after.demand, **most})

    def is_like(self, after: TimeRow) -> bool:
        """Say whether the next hours differ in their demand alone."""
        return (self.end, self.nodes, self.standing, self.usd_per_hour) == (
            after.start, after.nodes, after.standing, after.usd_per_hour)


def time_rows(found: Findings) -> list[TimeRow]:
    """List the hours of a plan by the hour in the order of time."""
    rows: list[TimeRow] = []
    table = timetable_of(found.plan)
    for start, end, slot in lines_of(table) if table else ():
        row = TimeRow(start, end, dict(slot.demand), slot.total, slot.standing_nodes,
                      slot.usd_per_hour)
        if rows and rows[-1].is_like(row):
            rows[-1] = rows[-1].joined(row)
        else:
            rows.append(row)
    return rows


def owned_figures(found: Findings) -> list[FigureRow]:
    """List the assumptions behind the owned nodes of a plan that cost anything; none where nothing is owned."""
    catalog, stated = found.catalog.owned_assumptions, found.loaded.problem.assumptions
    machines = [found.catalog.owned.get(machine_of(node)) for node in found.plan.nodes]
    if catalog is None or not any(machines):
        return []
    rows = []
    for name in OwnedAssumptions.model_fields:
        figure: Figure | None = getattr(catalog, name)
        if figure is None:
            continue
        own = getattr(stated, name, None)
        if own is None and not (figure.value or figure.high):
            continue
        low, high = (figure.low, figure.high) if figure.low is not None and figure.high is not None else (None, None)
        rows.append(FigureRow(name, figure.value, low, high) if own is None else FigureRow(name, own, None, None))
    return rows


def price_range(nodes: Iterable[Node]) -> tuple[float, float] | None:
    """Return what all nodes cost at the ends of their prices; None where no price has a range."""
    listed = list(nodes)
    low, high = sum(n.usd_per_month_low for n in listed), sum(n.usd_per_month_high for n in listed)
    return (low, high) if low < high else None


def capitalize_first(text: str) -> str:
    """Begin a sentence.

    >>> capitalize_first("price of x")
    'Price of x'
    """
    return text[:1].upper() + text[1:]


class Names:
    """Names of requirements, figures, nodes and kinds in the language of the document."""

    def __init__(self, found: Findings, writer: Voice) -> None:
        self.found, self.writer = found, writer

    def key(self, key: str) -> str:
        """Name a requirement by its key; with several services, whose it is."""
        return self.writer.requirement(key)

    def figure(self, figure: str) -> str:
        """Name a figure of the sensitivities."""
        return self.key(figure) if not getattr(figure, "id", "") else self.writer.say(figure)

    def hours(self, row: TimeRow) -> str:
        """Name the hours of a row, in a plan over a week with their days."""
        table = timetable_of(self.found.plan)
        if table is None or table.hours == HOURS_PER_DAY:
            return f"{row.start}:00–{row.end}:00"
        last_day = (row.end - 1) // HOURS_PER_DAY
        end = f"{self.writer.word(f'day.{last_day}')} {row.end - last_day * HOURS_PER_DAY}:00"
        return f"{self.writer.word(f'day.{row.start // HOURS_PER_DAY}')} {row.start % HOURS_PER_DAY}:00 – {end}"

    def mix(self, nodes: Iterable[Node]) -> str:
        """Write nodes in a line."""
        joined = "、" if self.writer.japanese else " + "
        return joined.join(f"{node.count:,}{NO_BREAK}×{NO_BREAK}{node.offer_id}" for node in nodes)

    def kind(self, node: Node) -> str:
        """Name how a node is obtained, with provider and term."""
        if not self.writer.japanese:
            return kind_of(node) if node.kind == "owned" else f"{kind_of(node)}, {node.provider}"
        term = f"{node.term_months}か月" if node.kind == "reserved" else ""
        word = self.writer.word(node.kind) + term
        return word if node.kind == "owned" else f"{word}、{node.provider}"


def document_id(found: Findings) -> str:
    """Return a number for the document that changes with its inputs."""
    inputs = found.plan.inputs
    joined = f"{inputs.problem_sha256}{inputs.catalog_sha256}{inputs.gpumix_version}{inputs.ortools_version}"
    return f"GPUMIX-{hashlib.sha256(joined.encode()).hexdigest()[:10].upper()}"


def context_of(found: Findings, writer: Voice, command: str) -> dict[str, Any]:
    """Return everything that templates can name."""
    plan, problem = found.plan, found.loaded.problem
    notes = Notes(plan, problem, found.catalog, writer)
    names = Names(found, writer)
    models = {service.service_id: service.model for service in problem.services}
    monthly = plan.cost.usd_per_month
    return {
        "w": writer, "plan": plan, "problem": problem, "findings": found, "cite": Cite(notes), "command": command,
        "problem_text": found.loaded.text, "services": services_of(found), "speeds": speed_rows(found),
        "grades": sorted(GRADE_TOKENS_PER_S.items(), key=lambda item: -item[1]),
        "total_nodes": sum(node.count for node in plan.nodes),
        "yearly": None if monthly is None else float(exact(monthly) * MONTHS_PER_YEAR),
        "settings": list(dict.fromkeys((d.service_id, d.engine_id, d.precision, d.tp_size) for d in plan.deployments)),
        "served": [(one, [("", one.stored), *planned_otherwise(one)]) for one in plan.models],
        "by_precision": by_precision, "whole_model_passed": ALL_PASSED,
        "certain_prices": all(node.price_evidence != "assumed" for node in plan.nodes),
        "certain_speeds": all(one.evidence != "estimated" for one in plan.deployments),
        "ttft_limits": any(service.slo.ttft_ms is not None for service in problem.services),
        "same_cost": lambda usd: monthly is not None and abs(usd - monthly) < 0.005,
        "price_range": price_range(plan.nodes), "shown_proposals": shown_proposals(found),
        "lost_gpus": lost_gpus(found), "rejected_gpus": rejected_gpus(found), "owned_figures": owned_figures(found),
        "pick_rows": pick_rows(found), "mix": names.mix, "kind": names.kind, "key_name": names.key,
        "figure_name": names.figure, "model_of": lambda one: models[one.service_id], "hour": hour, "link": link,
        "hours": names.hours,
        "document_id": document_id(found), "notes": lambda: list(notes.found), "valid_months": VALID_MONTHS,
        "validity": lambda: _validity(found, writer), "slots": time_rows(found), "table": timetable_of(plan),
        "class_rows": [(one, shared) for one in plan.deployments for shared in one.classes or ()],
    }


def _validity(found: Findings, writer: Voice) -> Validity | None:
    """Work out the validity from everything that the plan rests on."""
    cited = Notes(found.plan, found.loaded.problem, found.catalog, writer)
    for node in found.plan.nodes:
        cited.price(node)
        cited.gpu(node.gpu_id)
    for one in found.plan.deployments:
        cited.speed(one)
    for row in owned_figures(found):
        cited.assumption(row.name)
    if writer.has_local and found.plan.nodes:
        cited.fx(writer.currency)
    dates = [note.as_of for note in cited.found if note.as_of]
    return validity_of(dates, [node.price_as_of for node in found.plan.nodes])
