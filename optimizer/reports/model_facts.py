"""What a model is taken to be, as the first lines of an answer say it: parameters, precisions, cache, and sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from optimizer.errors import Fault, InputError
from optimizer.load import Catalog
from optimizer.load.catalog import known_model_names
from optimizer.load.exact import exact_parameters
from optimizer.load.model_config import read_model_config, same_shape
from optimizer.load.model_names import find_model_id, nearest
from optimizer.memory.parts import checkpoint_parts
from optimizer.messages import Message
from optimizer.reports.model_wording import parts_in_words
from optimizer.schema.catalog import LlmModel, Precision

APART = 0.03
"""Two statements of a size that are further apart are both named."""

APART_ACTIVE = 0.3
"""Publishers round active parameters, and count embeddings or leave them out."""


@dataclass(frozen=True)
class ModelFacts:
    """A model as it was read."""

    model: str
    family: str
    parameters_billion: float
    """In all, vision and audio towers included, extra prediction layers left out."""
    active_parameters_billion: float
    """Passed by one token: as the publisher states it where that is known, else all but idle experts."""
    counted_parameters_billion: float
    counted_active_parameters_billion: float
    counted_from: str
    """What parameters_billion rests on: safetensors index, published total, or shape."""
    verified: bool
    """Whether the family's counting was checked against a published total or the real architecture."""
    kv_bytes_per_token: float
    """What one more token of context adds to a 16-bit cache: one copy, all layers that keep the whole context."""
    checkpoint_precision: str
    precision_parts: dict[str, str]
    """Part of the checkpoint -> its precision; `kv_cache` is 16-bit unless the checkpoint brings scales for less."""
    context_limit_tokens: int
    context_extended_tokens: int | None
    warnings: tuple[Message, ...]


def find_model(catalog: Catalog, name: str) -> tuple[LlmModel, LlmModel | None]:
    """Find a model by path or name; return it, and the catalog's model of the same shape for one read from a file.

    Raises:
        InputError: the file cannot be read as a model, or nothing bears the name.
    """
    path = Path(name)
    if path.is_dir() and (path / "config.json").exists():
        path = path / "config.json"
    if path.name.endswith(".json"):
        own = read_model_config(path)[0]
        named = find_model_id(catalog.models, catalog.model_names, own.name)
        alike = [model for model in catalog.models.values() if same_shape(own, model)]
        first = catalog.models[named] if named else None
        return own, first if first in alike else next(iter(alike), None)
    model = catalog.model(name)
    if model is None:
        near = nearest(name, known_model_names())
        hint = "an id of gpumix catalog list models, or a path to a config.json"
        raise InputError([Fault("memory", "MODEL", repr(name), f"{', '.join(near)}; {hint}" if near else hint)])
    return model, model


def facts_of(name: str, model: LlmModel, known: LlmModel | None, precisions: Mapping[str, Precision]) -> ModelFacts:
    """Put together what is known of a model's size and precisions.

    Args:
        known: the catalog's model of the same shape, whose published totals count.
    """
    counted = model.parameters_billion + model.vision_parameters_billion
    total, active, source = counted, model.active_parameters_billion, model.counted_from
    notes = model.notes.split("; ") if model.runs_like == "own-config" else []
    warnings = [Message.quoted(part) for part in notes if part]
    if known is not None and source != "safetensors index":
        published = known.published_parameters_billion
        if published is not None and model is not known and abs(counted / published - 1) > APART:
            warnings.append(Message("model.published", published=published, counted=counted))
        total, source = (published, "published total") if published is not None else (total, source)
    if "towers" in model.unchecked:
        warnings.insert(0, Message("model.towers", family=model.family, billion=model.vision_parameters_billion))
    if "family" in model.unchecked:
        warnings.insert(0, Message("model.never-checked", family=model.family))
    stated = known.published_active_parameters_billion if known is not None else None
    if stated is not None and abs(active / stated - 1) <= APART_ACTIVE:
        active = stated
    parts = checkpoint_parts(model, precisions)
    return ModelFacts(
        name, model.family, total, active, counted, model.active_parameters_billion, source, model.verified,
        model.kv_values_bytes_per_token, model.native_precision, parts, model.context_limit_tokens,
        model.context_extended_tokens, tuple(warnings))


def with_exact_count(facts: ModelFacts) -> ModelFacts:
    """Count again on the real architecture, and say where that differs.

    Raises:
        InputError: the model is no config.json, or its architecture cannot be built here.
    """
    path = Path(facts.model)
    path = path / "config.json" if path.is_dir() else path
    if not path.name.endswith(".json"):
        raise InputError([Fault("options", "--exact", facts.model, "the path of a config.json")])
    exact = exact_parameters(path) / 1e9
    apart = abs(facts.counted_parameters_billion / exact - 1)
    said = Message("model.architecture", exact=exact, counted=facts.counted_parameters_billion)
    warnings = (*facts.warnings, said) if apart > APART else facts.warnings
    return replace(facts, parameters_billion=exact, counted_from="exact architecture", verified=True, warnings=warnings)


def facts_lines(facts: ModelFacts) -> Iterator[Message]:
    """Say what a model is taken to be, in a few lines."""
    f = facts
    active = abs(f.active_parameters_billion / f.parameters_billion - 1) >= APART
    ident = "model.size-active" if active else "model.size"
    size = Message(ident if f.verified else f"{ident}-unverified", total=f.parameters_billion,
                   active=f.active_parameters_billion, source=f.counted_from)
    yield Message("model.family", size=size, family=f.family)
    yield Message("model.stored-as", parts=parts_in_words(f.precision_parts))
    yield from (Message("model.remark", remark=warning) for warning in f.warnings)
