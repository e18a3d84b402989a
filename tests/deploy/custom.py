"""Custom resources held strictly against the names and types of their definitions."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

DATA = Path(__file__).parent / "data" / "custom_resources.yaml"
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "boolean": (bool,), "number": (int, float), "int-or-string": (int, str),
    "object": (dict,), "array": (list,)}


@functools.cache
def definitions() -> dict[str, Any]:
    return dict(yaml.safe_load(DATA.read_text(encoding="utf-8")))


def is_custom(one: dict[str, Any]) -> bool:
    return f"{one['apiVersion']}/{one['kind']}" in definitions()


def assert_custom(one: dict[str, Any]) -> None:
    """Hold a custom resource against its definition: no unknown key, none missing, every type right."""
    found = definitions()[f"{one['apiVersion']}/{one['kind']}"]
    assert set(one) == {"apiVersion", "kind", "metadata", "spec"}
    assert ("namespace" in one["metadata"]) == (found["scope"] == "Namespaced")
    faults = list(_faults(one["spec"], found["spec"], one["kind"]))
    assert not faults, faults


def _faults(value: Any, wanted: Any, place: str) -> list[str]:
    if isinstance(wanted, str):
        right = wanted == "any" or (isinstance(value, TYPES[wanted]) and
                                    (wanted == "boolean" or not isinstance(value, bool)))
        return [] if right else [f"{place}: {value!r} is no {wanted}"]
    if "enum" in wanted:
        return [] if value in wanted["enum"] else [f"{place}: {value!r} is none of {wanted['enum']}"]
    if "list" in wanted:
        if not isinstance(value, list):
            return [f"{place}: no list"]
        return [fault for number, one in enumerate(value)
                for fault in _faults(one, wanted["list"], f"{place}.{number}")]
    if not isinstance(value, dict):
        return [f"{place}: no mapping"]
    if "map" in wanted:
        return [fault for key, one in value.items() for fault in _faults(one, wanted["map"], f"{place}.{key}")]
    if "pod" in wanted:
        return _pod_faults(value, wanted["pod"], place)
    unknown = [f"{place}.{key}: unknown" for key in value if key not in wanted["keys"]]
    missing = [f"{place}.{key}: missing" for key in wanted.get("required", ()) if key not in value]
    return unknown + missing + [fault for key, one in value.items() if key in wanted["keys"]
                                for fault in _faults(one, wanted["keys"][key], f"{place}.{key}")]


def _pod_faults(value: dict[str, Any], beside: dict[str, Any], place: str) -> list[str]:
    """Hold a pod's own fields against Kubernetes' schema."""
    pod = {key: one for key, one in value.items() if key not in beside}
    kubernetes_validate.validate({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": pod},
                                 kubernetes_validate.latest_version(), strict=True)
    return [fault for key, one in value.items() if key in beside
            for fault in _faults(one, beside[key], f"{place}.{key}")]
