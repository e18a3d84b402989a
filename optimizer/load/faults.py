"""Turn what pydantic found wrong into faults: file, key, found, allowed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from optimizer.errors import Fault
from optimizer.schema.base import SMALLEST

LONGEST_SHOWN = 60

UNKNOWN_KEY = "an unknown key"

ALLOWED = {
    "a whole number": ("int_type", "int_parsing", "int_from_float", "int_parsing_size"),
    "a number": ("float_type", "float_parsing"),
    "a finite number": ("finite_number",),
    "true or false": ("bool_type", "bool_parsing"),
    "text": ("string_type",),
    "text that is not empty": ("string_too_short",),
    "a date as 2026-08-21": (
        "date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"),
    "a list": ("tuple_type",),
}
"""What is allowed, in plain words -> pydantic's kinds of fault; others say it in their message."""

_ALLOWED_OF = {kind: allowed for allowed, kinds in ALLOWED.items() for kind in kinds}

def shown(value: object) -> str:
    """Show a value as found, shortened.

    >>> shown("abc"), shown(None), shown(float("nan"))
    ("'abc'", 'nothing', 'nan')
    """
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, tuple | list):
        return f"a list of {len(value)}"
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits refuses to print
        return "a number of thousands of digits"
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."


def _known_keys(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    """List the keys that the model at a location of `model` has."""
    current: Any = model
    for part in location:
        if isinstance(part, int):
            continue
        field = getattr(current, "model_fields", {}).get(part)
        if field is not None:  # else the key of a mapping such as `precisions`, whose values are of the same type
            current = _model_in(field.annotation)
    return sorted(getattr(current, "model_fields", {}))


def _model_in(annotation: Any) -> Any:
    """Find the schema type inside an annotation such as `tuple[Service, ...] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_model_in(arg) for arg in getattr(annotation, "__args__", ()))
    return next((found for found in inner if found is not None), None)


def _said_by_validator(message: str, file: str, key: str) -> list[Fault]:
    """Read our own validators' lines `[key: ]found X; allowed: Y`."""
    faults = []
    for line in message.removeprefix("Value error, ").splitlines():
        before, _, rest = line.partition("found ")
        found, _, allowed = rest.partition("; allowed: ")
        inner = before.strip().rstrip(":")
        faults.append(Fault(file, ".".join(part for part in (key, inner) if part), found, allowed))
    return faults


def _fault_of(entry: Any, file: str, prefix: str, model: type[BaseModel]) -> list[Fault]:
    location = tuple(entry["loc"])
    key = ".".join(part for part in (prefix, ".".join(str(part) for part in location)) if part)
    kind, found, message = entry["type"], entry["input"], entry["msg"]
    if kind == "value_error":
        return _said_by_validator(message, file, key)
    if kind == "missing":
        return [Fault(file, key, "nothing", "a value: this key is required")]
    if kind == "extra_forbidden":
        known = _known_keys(model, location[:-1])
        close = difflib.get_close_matches(str(location[-1]), known, n=1)
        hint = f"'{close[0]}' (did you mean that?), or " if close else ""
        return [Fault(file, key, UNKNOWN_KEY, f"{hint}one of {', '.join(known)}")]
    if kind in {"string_pattern_mismatch"} and "a-z0-9" in message:
        return [Fault(file, key, shown(found), "lower-case letters, digits, '.', '_' and '-', first a letter or digit")]
    if kind == "string_pattern_mismatch":
        return [Fault(file, key, shown(found), "a date as 2026-08-21, 2026-08 or 2026")]
    if kind in {"model_type", "dict_type", "model_attributes_type"}:
        return [Fault(file, key, shown(found), "a mapping of keys to values")]
    plain = _ALLOWED_OF.get(kind) or _by_context(kind, entry.get("ctx", {}))
    allowed = plain or message.removeprefix("Input should be ")
    return [Fault(file, key, shown(found), allowed)]


def _by_context(kind: str, context: Mapping[str, Any]) -> str | None:
    """Say what a limit allows."""
    if kind in {"too_short", "too_long"}:
        least = kind == "too_short"
        count = context["min_length" if least else "max_length"]
        return f"at {'least' if least else 'most'} {count} entr{'y' if count == 1 else 'ies'}"
    if kind == "greater_than_equal" and context["ge"] == SMALLEST:
        return f"greater than 0, at least {SMALLEST:g}"
    if kind == "string_too_long":
        return f"at most {context['max_length']} characters"
    return None


def faults_of(error: ValidationError, file: str, model: type[BaseModel], prefix: str = "") -> list[Fault]:
    """List every fault of a validation, one for each key."""
    entries = error.errors(include_url=False)
    parents = {entry["loc"][:depth] for entry in entries for depth in range(len(entry["loc"]))}
    entries = [  # a list whose entries are all faulty is not also too short
        entry for entry in entries if entry["type"] != "too_short" or entry["loc"] not in parents
    ]
    return [fault for entry in entries for fault in _fault_of(entry, file, prefix, model)]
