"""`--set KEY=VALUE`: one dotted key of a parsed problem file, set anew."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any

from optimizer.errors import Fault, InputError
from optimizer.load.yaml_files import fresh, parse_yaml

EXCLUDES = {"grade": "tokens_per_s_per_user", "tokens_per_s_per_user": "grade"}
"""An override of one of these removes the other, so that the new value is the one that holds."""

BY_OFFER = (
    "limits.stock", "limits.at_least", "assumptions.purchase_price_usd", "assumptions.purchase_price_jpy",
    "assumptions.purchase_price_eur", "assumptions.running_usd_per_hour", "assumptions.rent_usd_per_hour",
)
"""Mappings whose keys are offer ids, which may hold dots: owned-server-4x-l40.on-prem-us."""

LONGEST_INDEX = 6
"""Digits beyond this are no index of a list of ours."""


def apply_overrides(data: dict[str, Any], assignments: Iterable[str]) -> None:
    """Set every assignment in a parsed file.

    Raises:
        InputError: with every assignment that cannot be made.
    """
    faults: list[Fault] = []
    for assignment in assignments:
        try:
            _apply(data, assignment)
        except InputError as error:
            faults += error.faults
    if faults:
        raise InputError(faults)


def blame_overrides(faults: list[Fault], assignments: Iterable[str]) -> list[Fault]:
    """Name the override, and not the file, where a fault stands at what an override set."""
    keys = {assignment.partition("=")[0].strip(): assignment for assignment in assignments}

    def blamed(fault: Fault) -> Fault:
        setting = (text for key, text in keys.items() if f"{fault.key}.".startswith(f"{key}."))
        found = next(setting, None)
        return fault if found is None else replace(fault, file=f"--set {found}")

    return [blamed(fault) for fault in faults]


@lru_cache(maxsize=1024)
def _parsed(text: str, label: str) -> Any:
    """Parse a value, which the variants of a batch repeat, once."""
    return parse_yaml(text, label)


def _apply(data: dict[str, Any], assignment: str) -> None:
    key, sign, text = assignment.partition("=")
    parts = _parts(key.strip())
    if not sign or not all(parts):
        allowed = "a dotted key, '=', a value: services.0.slo.grade=B"
        raise InputError([Fault("--set", assignment, "no KEY=VALUE", allowed)])
    value = fresh(_parsed(text, f"--set {key.strip()}"))
    target: Any = data
    for depth, part in enumerate(parts[:-1], 1):
        target = _step_into(target, part, ".".join(parts[:depth]), assignment)
    last = parts[-1]
    if isinstance(target, list):
        target[_index(target, last, key, assignment)] = value
    elif isinstance(target, dict):
        target[last] = value
        if last in EXCLUDES and len(parts) > 1 and parts[-2] == "slo":
            target.pop(EXCLUDES[last], None)
    else:
        raise InputError([_inside_plain(".".join(parts[:-1]), assignment)])


def _parts(key: str) -> list[str]:
    """Split a dotted key; what follows a mapping by offer id is one id, dots and all."""
    for mapping in BY_OFFER:
        if key.startswith(f"{mapping}."):
            return [*mapping.split("."), key[len(mapping) + 1 :]]
    return key.split(".")


def _step_into(target: Any, part: str, path: str, assignment: str) -> Any:
    """Return what lies under a key, made writable: lists in place of tuples, a mapping in place of nothing."""
    if isinstance(target, list):
        key: Any = _index(target, part, path, assignment)
    elif isinstance(target, dict):
        key = part
        target.setdefault(key, None)
    else:
        raise InputError([_inside_plain(path.rpartition(".")[0], assignment)])
    if target[key] is None:
        target[key] = {}
    elif isinstance(target[key], tuple):
        target[key] = list(target[key])
    return target[key]


def _index(target: list[Any], part: str, path: str, assignment: str) -> int:
    if part.isascii() and part.isdigit() and len(part) <= LONGEST_INDEX and int(part) < len(target):
        return int(part)
    allowed = f"an index from 0 to {len(target) - 1}" if target else "a whole list: this one is empty"
    raise InputError([Fault("--set", assignment, f"no entry {path}", allowed)])


def _inside_plain(path: str, assignment: str) -> Fault:
    return Fault("--set", assignment, f"a key inside {path}, which is a plain value", "a key of the problem file")
