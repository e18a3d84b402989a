"""A Hugging Face config.json, with what lies beside it, as the facts of a model."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from optimizer.errors import Fault, InputError
from optimizer.load.architecture import Architecture, Cache, Sections, read_architecture, sections_of
from optimizer.load.architecture.family_defaults import defaults_of
from optimizer.load.architecture.keys import Keys
from optimizer.load.architecture.names import billions_named, precision_named
from optimizer.load.architecture.read import rules_of
from optimizer.load.architecture.recipes import BY_NAME, Recipe, recipe_from
from optimizer.load.architecture.storage import Stored, stored
from optimizer.load.architecture.towers import tower_parameters
from optimizer.load.beside import Beside, beside_of
from optimizer.load.context import Context, context_of
from optimizer.load.faults import faults_of, shown
from optimizer.load.text import decode, read_bytes
from optimizer.schema.catalog import LayerKind, LlmModel

SERVED_AT = {"fp32": "bf16"}
"""Precision of a checkpoint -> what engines load it as: 32-bit weights are served at 16 bits."""

APART = 0.03
"""A count further from the checkpoint's index or its name than this is worth a warning."""

NAME_APART = 0.15
"""Names round: 8B stands for 7.6 to 8.9."""


def _object(raw: bytes, label: str) -> dict[str, Any]:
    """Read the JSON object.

    Raises:
        InputError: it is none.
    """
    try:
        data = json.loads(decode(raw, label))
    except json.JSONDecodeError as error:
        place, found = f"line {error.lineno}, column {error.colno}", f"text that JSON cannot read ({error.msg})"
        raise InputError([Fault(label, place, found, "a Hugging Face config.json")]) from None
    except (RecursionError, ValueError) as error:
        found = f"text that JSON cannot read ({error})"
        raise InputError([Fault(label, "", found, "a Hugging Face config.json")]) from None
    if not isinstance(data, dict):
        raise InputError([Fault(label, "", shown(data), "a Hugging Face config.json: a JSON object")])
    return data


def _kind(cache: Cache, layers: int) -> LayerKind:
    """Return what some layers keep, as the schema says it."""
    return LayerKind(
        layers=layers, mixer=cache.mixer, kv_heads=cache.kv_heads, values_per_token=float(cache.values_per_token),
        window_tokens=cache.window_tokens, bytes_per_token=float(cache.bytes_per_token),
        in_flight_bytes_per_token=float(cache.in_flight_bytes), state_bytes=float(cache.state_bytes))


def _kinds(architecture: Architecture, label: str) -> tuple[LayerKind, ...]:
    """Count the layers of each kind.

    Raises:
        InputError: a layer keeps more than any model does.
    """
    counted = Counter(cache for layer in architecture.layers for cache in layer.caches)
    try:
        return tuple(_kind(cache, layers) for cache, layers in counted.items())
    except ValidationError as error:
        raise InputError(faults_of(error, label, LayerKind)) from None


def _attention(kinds: tuple[LayerKind, ...], architecture: Architecture) -> str:
    if any(kind.mixer in ("mla", "compressed") for kind in kinds):
        return "mla"
    if not any(kind.values_per_token for kind in kinds):
        return "none"
    if architecture.kv_heads == architecture.heads:
        return "mha"
    return "mqa" if architecture.kv_heads == 1 else "gqa"


def _cache_facts(architecture: Architecture, label: str) -> dict[str, Any]:
    """Return what the layers keep: counts of layers, and the kinds where counts cannot tell them."""
    kinds = _kinds(architecture, label)
    whole = [kind for kind in kinds if kind.grows]
    windows = [kind for kind in kinds if kind.window_tokens and kind.values_per_token]
    states = [kind for kind in kinds if kind.state_bytes]
    latent = next((int(kind.values_per_token) for kind in whole if kind.mixer == "mla"), None)
    if any(kind.mixer == "compressed" for kind in kinds):
        latent = architecture.head_dim
    in_states = sum(kind.layers for kind in states)
    facts: dict[str, Any] = {
        "attention": _attention(kinds, architecture),
        "full_attention_layers": sum(kind.layers for kind in whole),
        "sliding_window_layers": sum(kind.layers for kind in windows),
        "sliding_window_tokens": max((kind.window_tokens or 0 for kind in windows), default=0) or None,
        "mla_kv_values_per_layer": latent,
        "state_layers": in_states,
        "state_bytes_per_layer": sum(k.layers * k.state_bytes for k in states) / in_states if in_states else 0.0,
    }
    return {**facts, "layer_kinds": kinds}


def _copy(found: Stored, served: str) -> dict[str, Any] | None:
    """Say how the checkpoint's own precision is stored, where the precision's usual rule would not give its bytes."""
    if found.precision in ("bf16", "fp16", "fp32") or not found.parameters:
        return None
    if found.experts_only and found.experts_bytes:
        experts = found.experts_bytes / found.experts_parameters
        rest = found.parameters - found.experts_parameters
        scale = found.experts_scales / found.experts_parameters
        return {"precision": served, "weight_bytes": experts, "scale_bytes": scale,
                "quantises": "experts", "rest_bytes": (found.total_bytes - found.experts_bytes) / rest}
    mean, scale = found.total_bytes / found.parameters, found.scale_bytes / found.parameters
    return {"precision": served, "weight_bytes": mean, "scale_bytes": min(scale, 0.9 * mean), "quantises": "all"}


def _name_of(data: dict[str, Any], label: str) -> str:
    """Return the model's name: as the config says, else of its folder, else of the file."""
    stated, path = data.get("_name_or_path"), Path(label)
    if isinstance(stated, str) and stated.strip():
        return stated.strip()[:200]
    stem = path.name.removesuffix(".json").removesuffix("config").rstrip("_-. ").replace("--", "/")
    return (stem or path.parent.name or label)[:200]


def _precisions(
    sections: Sections, architecture: Architecture, name: str, beside: Beside, label: str
) -> tuple[Stored, tuple[str, ...]]:
    """Work out in which precision the checkpoint lies; a name that states one means it where no file says more."""
    recipe, said = recipe_from(sections, beside.quantisation, label)
    named = precision_named(name) if said == "dtype" else None
    if named in BY_NAME:
        said_by_name = f"{named} from the name {name}: no file states a precision"
        return stored(architecture, Recipe(BY_NAME[named])), (said_by_name,)
    return stored(architecture, recipe), ()


def _checked(counted: float, name: str, beside: Beside, found: Stored) -> tuple[str, list[str]]:
    """Hold the count against the checkpoint's index and the model's name; return what it rests on, and warnings."""
    said = []
    stated = billions_named(name)
    if stated is not None and abs(counted / 1e9 / stated - 1) > NAME_APART:
        said.append(f"its name says {stated:g} billion parameters, the shape {counted / 1e9:.2f} billion")
    if beside.index_bytes is None:
        return "shape", said
    expected = found.total_bytes + (counted - found.parameters) * 2.0
    apart = beside.index_bytes / expected - 1
    if abs(apart) > APART:
        said.append(f"{beside.index_name} says {beside.index_bytes / 1e9:.2f} GB, the shape {expected / 1e9:.2f} GB")
    return "safetensors index", said


def _context(sections: Sections, label: str) -> tuple[Context, tuple[Fault, ...]]:
    """Read how long a context the model takes, and what is wrong with what the config says of it."""
    keys = Keys({**sections.whole, **sections.decoder}, label)
    found = context_of(keys, defaults_of(rules_of(sections)[0]) if sections.nested else {})
    return found, tuple(keys.faults)


def parse_model_config(raw: bytes, label: str, beside: Beside | None = None) -> LlmModel:
    """Read the facts of a decoder.

    Args:
        beside: what lies beside the file: a quantisation config, an index of the weights.

    Raises:
        InputError: the JSON is broken, describes no decoder, or has structure that gpumix does not understand; with
            every fault found.
    """
    around = beside or Beside()
    data = _object(raw, label)
    sections = sections_of(data, label)
    context, pending = _context(sections, label)
    try:
        architecture = read_architecture(sections, label, defaults_of)
        towers, towers_checked, of_towers = tower_parameters(sections, label, architecture.hidden)
    except InputError as error:
        raise InputError((*pending, *error.faults)) from None
    if pending:
        raise InputError(pending)
    name = _name_of(data, label)
    found, of_precision = _precisions(sections, architecture, name, around, label)
    served = SERVED_AT.get(found.precision, found.precision)
    copy = _copy(found, served)
    counted_from, warnings = _checked(architecture.parameters + towers, name, around, found)
    parts = dict(found.parts) | ({"kv_cache": found.cache} if found.cache else {})
    doubts = {"family": architecture.verified, "towers": towers_checked}
    unchecked = tuple(part for part, checked in doubts.items() if not checked)
    facts = {
        "name": name, "family": architecture.family.removesuffix("_text"), "runs_like": "own-config",
        "parameters_billion": architecture.parameters / 1e9,
        "active_parameters_billion": min(architecture.active_parameters, architecture.parameters) / 1e9,
        "layers": len(architecture.layers), "hidden_size": architecture.hidden,
        "attention_heads": architecture.heads, "kv_heads": architecture.kv_heads, "head_dim": architecture.head_dim,
        **_cache_facts(architecture, label),
        "vision_parameters_billion": towers / 1e9, "vocabulary": architecture.vocabulary,
        "tied_embeddings": architecture.tied, "experts": architecture.experts,
        "experts_per_token": architecture.experts_per_token, "expert_width": architecture.expert_width or None,
        "native_precision": served, "copies": (copy,) if copy else (), "native_kv_precision": found.cache,
        "precision_parts": tuple(sorted(parts.items())), "unchecked": unchecked,
        "counted_from": counted_from,
        "context_limit_tokens": context.limit, "context_extended_tokens": context.extended,
        "context_extension": context.extension, "context_override": context.override,
        "source_url": Path(label).name, "as_of": "2026", "confidence": "medium",
        "notes": "; ".join([*warnings, *of_precision, *architecture.notes, *of_towers, *context.notes]),
    }
    try:
        return LlmModel.model_validate(facts)
    except ValidationError as error:
        raise InputError(faults_of(error, label, LlmModel)) from None


def read_model_config(path: Path) -> tuple[LlmModel, bytes]:
    """Read a config.json from disk, with what lies beside it; return its facts, and the bytes that they rest on."""
    raw = read_bytes(path)
    around = beside_of(path)
    return parse_model_config(raw, str(path), around), raw + around.raw


def same_shape(one: LlmModel, other: LlmModel) -> bool:
    """Say whether two models share the weights shape, vocabulary within 1%, so that one's speeds hold for the other."""
    facts = (
        "layers", "hidden_size", "attention_heads", "kv_heads", "head_dim", "experts", "experts_per_token", "attention")
    alike = all(getattr(one, fact) == getattr(other, fact) for fact in facts)
    close = abs(one.parameters_billion / other.parameters_billion - 1) <= 0.02
    return alike and close and abs(one.vocabulary / other.vocabulary - 1) <= 0.01
