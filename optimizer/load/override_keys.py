"""Whether the keys that variants set are keys of a problem, whatever the values."""

from __future__ import annotations

from collections.abc import Sequence

from optimizer.errors import Fault, InputError
from optimizer.load.faults import UNKNOWN_KEY
from optimizer.load.overrides import apply_overrides
from optimizer.load.problem import parse_problem
from optimizer.load.yaml_files import parse_mapping, parse_yaml

A_MAPPING = "a mapping"
"""What is found where a key goes on below a plain value."""


def unknown_keys(text: str, label: str, assignments: Sequence[str], origin: str) -> list[Fault]:
    """List the keys of assignments that the schema does not have, each once; faulty values are none of it.

    Args:
        text: of the problem file.
        label: its name.
        assignments: KEY=VALUE.
        origin: where the keys stand, for the message.

    Raises:
        InputError: the file itself is no mapping.
    """
    parse_mapping(text, label)
    keys = list(dict.fromkeys(one.partition("=")[0].strip() for one in assignments))
    try:
        parse_problem(text, label, tuple(_with_readable_value(one) for one in assignments))
    except InputError as error:
        faults = error.faults
    else:
        return []
    return [
        Fault(origin, key, fault.found, fault.allowed)
        for key in keys
        if (fault := _unplaced(text, label, key) or next((f for f in faults if _is_of(f, key)), None))
    ]


def _with_readable_value(assignment: str) -> str:
    """Return an assignment, with no value where its value is no YAML: the key can be looked at all the same."""
    key, _, text = assignment.partition("=")
    try:
        parse_yaml(text, key)
    except InputError:
        return f"{key}="
    return assignment


def _unplaced(text: str, label: str, key: str) -> Fault | None:
    """Return why a key has no place in the file: an entry of a list that is not there, or below a plain value."""
    try:
        apply_overrides(parse_mapping(text, label), [f"{key}="])
    except InputError as error:
        return error.faults[0]
    return None


def _is_of(fault: Fault, key: str) -> bool:
    """Say whether a fault is that a key, or one above or below it, does not exist."""
    above, below = f"{key}.".startswith(f"{fault.key}."), f"{fault.key}.".startswith(f"{key}.")
    if fault.found == UNKNOWN_KEY:
        return above or fault.key == key
    return fault.found == A_MAPPING and above and not below
