"""Why a service fits no node at all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from optimizer.candidates.rejection import STEP_ORDER
from optimizer.solve import Prepared


def why_nowhere(prepared: Prepared) -> Iterator[str]:
    """Yield each service without a candidate, with the steps at which the combinations fell out."""
    covered = {index for index, _ in prepared.candidates.options} | {index for index, _ in prepared.candidates.stated}
    for index, service in enumerate(prepared.problem.services):
        if index not in covered:
            reasons = commonest_rejections(prepared, service.service_id)
            yield f"{service.service_id}: no node can serve it ({reasons})"


def commonest_rejections(prepared: Prepared, service_id: str) -> str:
    """Say how many combinations fall out at each step, with the commonest reason; by speed, with the fastest."""
    mine = [r for r in prepared.candidates.rejections if r.service_id in (service_id, "")]
    parts = []
    for step in STEP_ORDER:
        reasons = [r.reason for r in mine if r.step == step]
        if step == "speed" and reasons:
            best = max(
                reasons,
                key=lambda reason: float(found.group()) if (found := re.match(r"[0-9.]+(?= tok/s)", reason)) else 0.0,
            )
            parts.append(f"{len(reasons)} fall out by speed, the fastest: {best}")
        elif reasons:
            parts.append(f"{len(reasons)} fall out by {step}, most often: {Counter(reasons).most_common(1)[0][0]}")
    return "; ".join(parts) or "the catalog has no offer"
