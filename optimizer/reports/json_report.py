"""A plan for other programs."""

from __future__ import annotations

from optimizer.documents.json_data import dumps
from optimizer.schema.plan import Plan

__all__ = ["dumps", "render"]


def render(plan: Plan) -> str:
    """Render a plan as JSON."""
    return dumps(plan.as_json())
