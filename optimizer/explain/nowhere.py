"""Why a service fits no node at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from optimizer.candidates import RoutedSpeed
from optimizer.candidates.rejection import STEP_ORDER
from optimizer.candidates.walker import words_of
from optimizer.messages import Message
from optimizer.solve import Prepared


def why_nowhere(prepared: Prepared) -> Iterator[Message]:
    """Yield each service without a candidate, with the steps at which the combinations fell out."""
    covered = {index for index, _ in prepared.candidates.options} | {index for index, _ in prepared.candidates.stated}
    for index, service in enumerate(prepared.problem.services):
        if index not in covered:
            yield Message("nowhere.service", service=service.service_id,
                          reasons=commonest_rejections(prepared, service.service_id))
        elif service.routes_classes:
            yield from _classes_nowhere(prepared, index)


def _classes_nowhere(prepared: Prepared, index: int) -> Iterator[Message]:
    """Yield the classes of a service that no node can serve, with their commonest reason."""
    service, target = prepared.problem.services[index], prepared.candidates.targets()[index]
    speeds = [o.speed for (s, _), found in prepared.candidates.options.items() if s == index for o in found]
    served = [one.amounts(target) for one in speeds if isinstance(one, RoutedSpeed)]
    for position, request in enumerate(service.workload):
        if not any(amounts[position] for amounts in served):
            name = words_of(request)
            reasons = [r.reason.parameters["reason"] for r in prepared.candidates.rejections
                       if r.service_id == service.service_id and r.reason.id == "class.reason"
                       and r.reason.parameters["request"] == name]
            commonest = Counter(reasons).most_common(1)[0][0] if reasons else Message("nowhere.no-offer")
            yield Message("nowhere.class", service=service.service_id, request=name, reason=commonest)


NEAREST = (
    ("speed.too-slow", "speed", -1, "nowhere.fastest"), ("speed.ttft", "ms", 1, "nowhere.shortest"),
    ("speed.whole", "ms", 1, "nowhere.shortest"),
)
"""Reasons of the speed step, the figure they state, whether less or more of it is nearer, and how that is told."""


def _nearest(reasons: list[Message]) -> Message:
    """Return the reason that comes nearest to what is asked, of the limit that most of them break."""
    inner = [(reason.parameters["reason"] if reason.id == "class.reason" else reason, reason) for reason in reasons]
    groups: list[tuple[int, Message | None]] = []
    for ident, figure, sign, told in NEAREST:
        found = [(sign * one.parameters[figure], reason) for one, reason in inner if one.id == ident]
        groups.append((len(found), Message(told, n=len(reasons), reason=min(found)[1]) if found else None))
    nearest = max(groups, key=lambda group: group[0])[1]
    return nearest or Message("nowhere.speed", n=len(reasons), reason=reasons[0])


def commonest_rejections(prepared: Prepared, service_id: str) -> tuple[Message, ...]:
    """Say how many combinations fall out at each step, with the commonest reason; by speed, with the nearest."""
    mine = [r for r in prepared.candidates.rejections if r.service_id in (service_id, "")]
    parts = []
    for step in STEP_ORDER:
        reasons = [r.reason for r in mine if r.step == step]
        if step == "speed" and reasons:
            parts.append(_nearest(reasons))
        elif reasons:
            commonest = Counter(reasons).most_common(1)[0][0]
            parts.append(Message("nowhere.step", n=len(reasons), step=step, reason=commonest))
    return tuple(parts) or (Message("nowhere.no-offer"),)
