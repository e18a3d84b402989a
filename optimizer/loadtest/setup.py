"""What was under load: stated by the file, or asked for as an option, never guessed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from typing import Any

from optimizer.errors import Fault, InputError
from optimizer.load import Catalog
from optimizer.load.faults import shown
from optimizer.load.references import among
from optimizer.loadtest.level import FoundLevel, Stated


@dataclass(frozen=True, slots=True)
class SetUp:
    """What was under load; None where nobody said."""

    model: str | None = None
    gpu: str | None = None
    gpu_count: int | None = None
    tp_size: int | None = None
    layout: str | None = None
    precision: str | None = None
    engine: str | None = None
    engine_version: str | None = None
    concurrency: int | None = None
    isl_tokens: int | None = None
    osl_tokens: int | None = None
    day: str | None = None
    kv_precision: str = ""


OPTIONS = {
    "model": "--model", "gpu": "--gpu", "gpu_count": "--gpu-count", "tp_size": "--tp", "layout": "--layout",
    "precision": "--precision", "engine": "--engine", "engine_version": "--engine-version",
    "concurrency": "--concurrency", "isl_tokens": "--isl", "osl_tokens": "--osl", "day": "--date",
}
"""Field of the set-up -> the option that states it."""

ASKED = {
    "model": "a model id of the catalog, its name on Hugging Face, or the path of its config.json",
    "gpu": "the GPU type, an id of gpus.csv", "gpu_count": "GPUs of one replica",
    "tp_size": "tensor-parallel size", "precision": "precision of the weights as served, such as bf16 or fp8",
    "engine": "the engine behind the endpoint, an id of engines.yaml",
    "layout": "how the replica spreads over more GPUs than its tensor-parallel size, such as tp1-pp4",
    "concurrency": "requests in flight", "isl_tokens": "input tokens of a request",
    "osl_tokens": "output tokens of a request", "day": "the day it was measured: 2026-11-22",
}
"""What an option means, for the fault that asks for it."""


def _plain(name: str) -> str:
    """Reduce a name to its letters and digits."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def known_gpu(catalog: Catalog, name: str) -> str | None:
    """Return the id of the GPU that bears a name, by id, name or alias; None for none or several."""
    if name in catalog.gpus:
        return name
    found = {
        gpu_id for gpu_id, gpu in catalog.gpus.items()
        if _plain(name) in {_plain(known) for known in (gpu.name, *gpu.aliases.split(";"))}
    }
    return found.pop() if len(found) == 1 else None


def known_model(catalog: Catalog, name: str) -> str | None:
    """Return the id of the model that bears a name, by id, alias or Hugging Face name."""
    return name if name in catalog.models else catalog.model_names.get(name.lower())


def resolved(catalog: Catalog, stated: Stated) -> Stated:
    """Return what a file states in the catalog's own words; a name that the catalog does not know is left out."""
    return replace(
        stated,
        model=stated.model and known_model(catalog, stated.model), gpu=stated.gpu and known_gpu(catalog, stated.gpu),
        engine=stated.engine if stated.engine in catalog.engines else None,
        precision=stated.precision if stated.precision in catalog.precisions else None)


def check_options(catalog: Catalog, given: SetUp) -> SetUp:
    """Return the options in the catalog's own words.

    Raises:
        InputError: a name is not known; every fault is named.
    """
    tables: tuple[tuple[str, Collection[str], str], ...] = (
        ("gpu", catalog.gpus, "gpus.csv"), ("engine", catalog.engines, "engines.yaml"),
        ("precision", catalog.precisions, "precisions.yaml"))
    faults = [
        Fault("options", OPTIONS[name], repr(value), among(value, known, table))
        for name, known, table in tables if (value := getattr(given, name)) is not None and value not in known
    ]
    model = given.model and known_model(catalog, given.model)
    if given.model and model is None:
        known = among(given.model, catalog.models, "models.yaml")
        allowed = f"{known}, its name on Hugging Face, or the path of its config.json"
        faults.append(Fault("options", "--model", repr(given.model), allowed))
    if faults:
        raise InputError(faults)
    return replace(given, model=model)


def set_up_of(level: FoundLevel, stated: Stated, given: SetUp, label: str) -> tuple[SetUp, list[Fault]]:
    """Put together what a file states and what options say; what contradicts or is missing is a fault."""
    said = {field.name: getattr(stated, field.name) for field in fields(Stated)}
    said |= {"concurrency": None if level.users is None else round(level.users)}
    found: dict[str, Any] = {"kv_precision": stated.kv_precision}
    faults: list[Fault] = []
    place = f"{label} {level.place}".strip()
    for name, option in OPTIONS.items():
        own, asked = said.get(name), getattr(given, name)
        if own is not None and asked is not None and own != asked:
            faults.append(Fault(place, option, str(asked), f"{own}, as the file states"))
        found[name] = own if asked is None else asked
    if found["layout"] is None and found["tp_size"] is not None and found["tp_size"] == found["gpu_count"]:
        found["layout"] = f"tp{found['tp_size']}"
    missing = [name for name in ASKED if found[name] is None and _is_needed(name, level, found)]
    faults += [Fault(place, OPTIONS[name], _said_of(name, level), ASKED[name]) for name in missing]
    return SetUp(**found), faults


def _is_needed(name: str, level: FoundLevel, found: dict[str, Any]) -> bool:
    """Say whether an option must be asked for: lengths only where none were counted, a layout only where GPUs differ
    from the tensor-parallel size.
    """
    if name in ("isl_tokens", "osl_tokens"):
        return getattr(level, name) is None
    return name != "layout" or (found["tp_size"] is not None and found["gpu_count"] is not None)


def _said_of(name: str, level: FoundLevel) -> str:
    """Say what the file has instead of what is asked for: nothing, or a name that the catalog does not know."""
    unknown = getattr(level.stated, name, None)
    return "nothing: the file does not say" if unknown is None else f"{shown(unknown)}, which the catalog does not know"
