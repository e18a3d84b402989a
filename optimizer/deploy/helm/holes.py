"""How Kubernetes objects become templates: what a plan decides is taken out into values, and read from there again."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from optimizer.deploy.documents import dump

Path = tuple[str | int, ...]
"""Keys and positions from an object down to a part of it."""

ABSENT = object()


@dataclass(frozen=True)
class Hole:
    """A part of an object that the chart reads from its values."""

    kind: str
    path: Path
    reads: str
    """The template's expression for it; JSON is YAML, so that any value stands on one line."""
    value: str = ""
    """The key under which the part is kept in the values; nothing where Helm itself knows it."""


def taken(one: Any, path: Path) -> Any:
    """Return a part of an object, `ABSENT` where it has none."""
    for key in path:
        if isinstance(one, dict) and key not in one:
            return ABSENT
        one = one[key]
    return one


def _put(one: Any, path: Path, value: str) -> None:
    for key in path[:-1]:
        one = one.setdefault(key, {}) if isinstance(one, dict) else one[key]
    one[path[-1]] = value


def values_of(objects: list[dict[str, Any]], holes: list[Hole]) -> dict[str, Any]:
    """Return what stands in the holes; an absent part is an empty mapping."""
    found: dict[str, Any] = {}
    for one in objects:
        for hole in holes:
            if hole.value and hole.kind == one["kind"]:
                part = taken(one, hole.path)
                found[hole.value] = {} if part is ABSENT else part
    return found


def template_of(one: dict[str, Any], holes: list[Hole]) -> str:
    """Write an object as a template: every hole an expression, everything else as it is, braces of others kept."""
    holed = copy.deepcopy(one)
    mine = [hole for hole in holes if hole.kind == one["kind"]]
    for number, hole in enumerate(mine):
        _put(holed, hole.path, f"HOLE{number}HOLE")
    text = dump(holed).replace("{{", "{{ `{{` }}")
    for number, hole in enumerate(mine):
        text = text.replace(f"HOLE{number}HOLE", f"{{{{ {hole.reads} | toJson }}}}")
    return text
