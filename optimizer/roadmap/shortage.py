"""Why there is no plan: quarters that nothing can serve, and caps without which there would be one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from optimizer.costs.quarters import Calendar
from optimizer.roadmap.case import RoadmapCase
from optimizer.roadmap.program import program_of
from optimizer.roadmap.reduction import reduced
from optimizer.roadmap.search import solve_program
from optimizer.solve import SolveSettings

WHAT_IF_LIMIT = 0.5
"""CP-SAT's own time for each rule that is lifted: any plan at all is an answer."""


def reasons_for(
    case: RoadmapCase, calendar: Calendar, service_ids: Sequence[str], settings: SolveSettings
) -> tuple[str, ...]:
    """Say which rule, lifted alone, would leave a plan; or from when on nodes could stand at all."""
    empty = tuple(_unserved(case, calendar, service_ids))
    if empty:
        return empty
    short = replace(settings, deterministic_limit=min(settings.deterministic_limit or WHAT_IF_LIMIT, WHAT_IF_LIMIT))
    lifted = {
        "roadmap.caps on capex": replace(case, caps={key: c for key, c in case.caps.items() if key[0] != "capex"}),
        "roadmap.caps on opex": replace(case, caps={key: c for key, c in case.caps.items() if key[0] != "opex"}),
        "roadmap.caps": replace(case, caps={}),
        "limits.power_kw": replace(case, watts=None),
        "limits.nodes.max": replace(case, max_nodes=None),
        "limits.nodes.min": replace(case, min_nodes=0),
        "limits.survive": replace(case, lose_nodes=0, lose_group="none"),
        "limits.max_gpu_types": replace(case, max_gpu_types=None),
        "limits.stock and the catalog's stock": _endless(case),
    }
    helps = [
        key for key, other in lifted.items()
        if other != case and solve_program(program_of(reduced(other)), short).status in ("optimal", "feasible")
    ]
    if helps:
        return tuple(f"without {key} there is a plan" for key in helps)
    return ("no single rule, lifted alone, leaves a plan",)


def _endless(case: RoadmapCase) -> RoadmapCase:
    supplies = tuple(one if one.way == "keep" else replace(one, stock=None) for one in case.supplies)
    ample = max(sum(demand) for demand in zip(*case.demand, strict=True))
    stays = tuple(
        stay if case.supplies[stay.supply].way == "keep" else replace(stay, most=max(stay.most, ample))
        for stay in case.stays
    )
    return replace(case, supplies=supplies, stays=stays)


def _unserved(case: RoadmapCase, calendar: Calendar, service_ids: Sequence[str]) -> Iterator[str]:
    """Name the quarters in which no node that carries a service can stand."""
    for service, name in enumerate(service_ids):
        served = {
            quarter for stay in case.stays if case.supplies[stay.supply].carries[service]
            for quarter in range(stay.first, stay.last)
        }
        missing = [calendar.label(quarter) for quarter in range(case.quarters) if quarter not in served]
        if len(missing) == case.quarters:
            yield f"{name}: no offer that the limits admit can serve it in any quarter"
        elif missing:
            yield (
                f"{name}: nothing can stand in {', '.join(missing)} "
                "(lead times, kinds, lives)"
            )
