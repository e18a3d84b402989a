"""The contract with other programs: keys are added, never renamed."""

from __future__ import annotations

import json
from typing import Any

from optimizer.schema.plan import Plan


def dumps(data: Any) -> str:
    """Write JSON that is the same for the same data."""
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def render(plan: Plan) -> str:
    """Render a plan as JSON."""
    return dumps(plan.as_json())
