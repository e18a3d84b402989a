"""The names in a budget plan, its quarters and the nodes counted in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from optimizer.verify.roadmap.subject import RoadmapSubject


def check_known_names(subject: RoadmapSubject) -> Iterator[str]:
    """Every offer and service exists, and the plan answers the problem."""
    plan, services = subject.plan, {service.service_id for service in subject.problem.services}
    if plan.problem != subject.problem.name:
        yield f"answers {plan.problem}, asked for {subject.problem.name}"
    for name in sorted({stay.offer_id for stay in plan.stays} | {offer.offer_id for offer in plan.offers}):
        if name not in subject.money:
            yield f"{name} is no offer of the catalog"
    for stay in plan.stays:
        if stay.offer_id not in subject.terms:
            yield f"{stay.offer_id} is not among the plan's offers"
    named = {setup.service_id for setup in plan.setups}
    named |= {one.service_id for quarter in plan.quarters for one in quarter.serving}
    yield from (f"{name} is no service of the problem" for name in sorted(named - services))
    for setup in plan.setups:
        if setup.offer_id not in subject.money:
            yield f"{setup.offer_id} is set up, and no offer of the plan"


def check_calendar(subject: RoadmapSubject) -> Iterator[str]:
    """The quarters are those asked for, each in its fiscal year."""
    calendar = subject.calendar
    asked = [
        (calendar.label(quarter), calendar.first_day(quarter).isoformat(), calendar.fiscal_year(quarter))
        for quarter in range(calendar.quarters)
    ]
    shown = [(quarter.label, quarter.starts, quarter.fiscal_year) for quarter in subject.plan.quarters]
    if shown != asked:
        yield f"shows the quarters {shown}, asked for {asked}"


def check_quarters_count(subject: RoadmapSubject) -> Iterator[str]:
    """The nodes that a quarter shows as ordered, come, standing and gone are those of the stays."""
    for number, quarter in enumerate(subject.plan.quarters):
        counted: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for stay in subject.plan.stays:
            row, new = counted[stay.offer_id, stay.way], stay.way != "keep"
            row[0] += stay.count * (stay.first <= number < stay.end)
            row[1] += stay.count * (new and stay.ordered == number)
            row[2] += stay.count * (new and stay.first == number)
            row[3] += stay.count * (stay.end == number)
        asked = {key: row for key, row in counted.items() if any(row)}
        shown = {(n.offer_id, n.way): [n.standing, n.ordered, n.arrived, n.left] for n in quarter.nodes}
        if shown != asked or len(quarter.nodes) != len(asked):
            yield f"{quarter.label}: shows the nodes {shown}, its stays make {asked}"
