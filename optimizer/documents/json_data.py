"""The contract with other programs: keys are added, never renamed; a message is its id, parameters and text."""

from __future__ import annotations

import json
from typing import Any

from optimizer.messages import Message


def dumps(data: Any) -> str:
    """Write JSON that is the same for the same data."""
    return json.dumps(_whole(data), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _whole(data: Any) -> Any:
    """Return data whose messages are objects."""
    if isinstance(data, Message):
        return data.as_json()
    if isinstance(data, dict):
        return {name: _whole(value) for name, value in data.items()}
    return [_whole(value) for value in data] if isinstance(data, list | tuple) else data
