"""Why a service fits no node at all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from optimizer.candidates import RoutedSpeed
from optimizer.candidates.rejection import STEP_ORDER
from optimizer.candidates.walker import words_of
from optimizer.solve import Prepared


def why_nowhere(prepared: Prepared) -> Iterator[str]:
    """Yield each service without a candidate, with the steps at which the combinations fell out."""
    covered = {index for index, _ in prepared.candidates.options} | {index for index, _ in prepared.candidates.stated}
    for index, service in enumerate(prepared.problem.services):
        if index not in covered:
            reasons = commonest_rejections(prepared, service.service_id)
            yield f"{service.service_id}: no node can serve it ({reasons})"
        elif service.routes_classes:
            yield from _classes_nowhere(prepared, index)


def _classes_nowhere(prepared: Prepared, index: int) -> Iterator[str]:
    """Yield the classes of a service that no node can serve, with their commonest reason."""
    service, target = prepared.problem.services[index], prepared.candidates.targets()[index]
    speeds = [o.speed for (s, _), found in prepared.candidates.options.items() if s == index for o in found]
    served = [one.amounts(target) for one in speeds if isinstance(one, RoutedSpeed)]
    for position, request in enumerate(service.workload):
        if not any(amounts[position] for amounts in served):
            name = words_of(request)
            reasons = [r.reason.removeprefix(f"{name}: ") for r in prepared.candidates.rejections
                       if r.service_id == service.service_id and r.reason.startswith(name)]
            commonest = Counter(reasons).most_common(1)[0][0] if reasons else "the catalog has no offer"
            yield f"{service.service_id}: no node can serve {name} (most often: {commonest})"


NEAREST = (
    (re.compile(r"([0-9.]+) tok/s"), -1, "fastest"),
    (re.compile(r"TTFT ([0-9.]+) ms"), 1, "shortest"),
    (re.compile(r"([0-9.]+) ms .* whole"), 1, "shortest"),
)
"""What reasons of the speed step say, whether less or more is nearer to what is asked, and the nearest's name."""


def _nearest(reasons: list[str]) -> str:
    """Return the reason that comes nearest to what is asked, of the limit that most of them break."""
    groups = []
    for pattern, sign, name in NEAREST:
        found = [(sign * float(match.group(1)), reason) for reason in reasons if (match := pattern.search(reason))]
        groups.append((len(found), f"the {name}: {min(found)[1]}" if found else ""))
    return max(groups, key=lambda group: group[0])[1] or reasons[0]


def commonest_rejections(prepared: Prepared, service_id: str) -> str:
    """Say how many combinations fall out at each step, with the commonest reason; by speed, with the nearest."""
    mine = [r for r in prepared.candidates.rejections if r.service_id in (service_id, "")]
    parts = []
    for step in STEP_ORDER:
        reasons = [r.reason for r in mine if r.step == step]
        if step == "speed" and reasons:
            parts.append(f"{len(reasons)} fall out by speed, {_nearest(reasons)}")
        elif reasons:
            parts.append(f"{len(reasons)} fall out by {step}, most often: {Counter(reasons).most_common(1)[0][0]}")
    return "; ".join(parts) or "the catalog has no offer"
