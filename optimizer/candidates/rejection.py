"""What was dropped, at which step, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from optimizer.messages import Message

Step = Literal["memory", "engine", "speed", "policy", "evidence"]

STEP_ORDER: tuple[Step, ...] = ("policy", "engine", "memory", "evidence", "speed")


@dataclass(frozen=True, slots=True)
class Rejection:
    """One combination that is no candidate."""

    service_id: str
    gpu_id: str
    engine_id: str | None
    precision: str | None
    tp_size: int | None
    offer_ids: tuple[str, ...]
    step: Step
    reason: Message
