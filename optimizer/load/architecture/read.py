"""From the sections of a config to an `Architecture`: layer by layer, by the rules of the family."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from optimizer.errors import Fault, InputError
from optimizer.load.architecture.builders import BUILDERS, OUTSIDE
from optimizer.load.architecture.keys import Keys
from optimizer.load.architecture.layers import plain_layers
from optimizer.load.architecture.parts import Architecture, Weight
from optimizer.load.architecture.prepare import PREPARED
from optimizer.load.architecture.rules import FAMILIES, KIN, TEXT_OF, Rules
from optimizer.load.architecture.sections import Sections
from optimizer.load.architecture.shape import (
    EXPERT_WIDTH,
    EXPERTS,
    HEAD_DIM,
    HEADS,
    HIDDEN,
    INTERMEDIATE,
    KV_HEADS,
    LAYERS,
    PER_TOKEN,
    SHARED,
    SHARED_WIDTH,
    VOCABULARY,
    Shape,
    shape_of,
)
from optimizer.load.architecture.unread import check_unread


def outside_of(shape: Shape) -> tuple[Weight, ...]:
    """Count embeddings, positions, last norm and head."""
    narrow = shape.keys.whole("word_embed_proj_dim", default=shape.hidden)  # OPT-350m: projected up, and down again
    rules, table = shape.rules, float(shape.vocabulary * narrow)
    norm = shape.hidden * (1 + rules.norm_bias)
    weights = [Weight("embed_tokens", "embeddings", table)]
    if narrow != shape.hidden:
        weights.append(Weight("project_in_out", "dense", 2.0 * narrow * shape.hidden))
    if rules.positions:
        count = shape.keys.whole(rules.positions, "max_position_embeddings", "n_positions") + rules.position_offset
        weights.append(Weight("embed_positions", "embeddings", float(count * shape.hidden)))
    norms = norm * rules.final_norm + norm * rules.embedding_norm
    weights.append(Weight("norm", "norms", float(norms)))
    if not shape.tied:
        weights.append(Weight("lm_head", "head", table + shape.vocabulary * rules.head_bias))
    return tuple(weights)


SAME = (LAYERS, HIDDEN, HEADS, KV_HEADS, HEAD_DIM, INTERMEDIATE, VOCABULARY, EXPERTS, PER_TOKEN, EXPERT_WIDTH, SHARED,
        SHARED_WIDTH)
"""Keys that say the same thing."""


SECONDARY = frozenset({"head_dim", "tie_word_embeddings", "moe_intermediate_size", "first_k_dense_replace",
                       "n_shared_experts", "shared_expert_intermediate_size", "num_experts_per_tok"})
"""Keys that a config of its own may leave to the class; sizes must be stated."""


OPTIONAL_EXPERTS = frozenset({
    "nemotron_h", "granitemoehybrid", "gemma4", "gemma4_text", "gemma4_unified_text", "hunyuan", "dbrx"})
"""Families of which some models have experts and others none."""


def _refuse_without_experts(known: Mapping[str, Any], data: Mapping[str, Any], label: str) -> None:
    """Refuse a config that leaves out how many experts there are, in a family that has some.

    Raises:
        InputError: none of the names of that number is there.
    """
    if any(name in known for name in EXPERTS) and not any(name in data for name in EXPERTS):
        named = next(name for name in EXPERTS if name in known)
        raise InputError([Fault(label, named, "nothing", "the number of experts, 0 where there are none")])


def _left_out(defaults: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the defaults of what a section says under none of its names."""
    def said(name: str) -> bool:
        return any(other in data for other in next((names for names in SAME if name in names), (name,)))

    return {name: value for name, value in defaults.items() if not said(name)}


def _squeezed(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


CLASS_ENDS = ("ForCausalLM", "ForConditionalGeneration", "LMHeadModel", "Model")
"""What the names of architectures add to a family's."""


def _by_class(sections: Sections) -> str | None:
    """Return the family that the first architecture names, such as DeepseekV4ForCausalLM."""
    named = sections.decoder.get("architectures") or sections.whole.get("architectures")
    first = str(named[0]) if isinstance(named, list) and named else ""
    stem = next((first.removesuffix(end) for end in CLASS_ENDS if first.endswith(end)), "")
    return {_squeezed(name): name for name in FAMILIES}.get(_squeezed(stem)) if stem else None


def _reads_all(sections: Sections, name: str, rules: Rules) -> bool:
    """Say whether keys that nobody reads may be passed over: the family is checked, and the config says it is one."""
    own = {sections.family, TEXT_OF.get(sections.family), sections.outer}
    return bool(rules.checked) and (name in own or sections.family in KIN.get(name, ()))


def rules_of(sections: Sections) -> tuple[str, Rules]:
    """Return the family that a decoder is read as, and its rules."""
    name = sections.family
    if name in TEXT_OF and (name not in FAMILIES or sections.nested):
        name = TEXT_OF[name]
    if name not in FAMILIES:
        name = next((family for family, others in KIN.items() if name in others), None) or _by_class(sections) or name
    return name, FAMILIES.get(name, Rules(checked=""))


def read_architecture(
    sections: Sections, label: str, defaults: Callable[[str], Mapping[str, Any]] | None = None
) -> Architecture:
    """Read a decoder.

    Args:
        defaults: family -> what its class takes where a nested section leaves a key out.

    Raises:
        InputError: keys are missing or wrong, a kind of layer is unknown, or a structural key was not understood.
    """
    name, rules = rules_of(sections)
    data, known = dict(sections.decoder), defaults(name) if defaults is not None else {}
    if not sections.nested:
        if name not in OPTIONAL_EXPERTS:
            _refuse_without_experts(known, data, label)
        known = {key: value for key, value in known.items() if key in SECONDARY}
    data = {**_left_out(known, data), **data}
    keys = Keys(PREPARED.get(name, dict)(data), label, sections.prefix)
    keys.assumed = set(data) - set(sections.decoder)
    shape = shape_of(keys, name, rules, sections)
    keys.check()
    built = BUILDERS[rules.build](shape) if rules.build else plain_layers(shape)
    outside = (*outside_of(shape), *(OUTSIDE[rules.build](shape) if rules.build in OUTSIDE else ()))
    keys.check()
    check_unread(keys, _reads_all(sections, name, rules))
    mixed = shape.mixture if shape.mixture_stated else None
    assumed = sorted(keys.assumed & keys.read)
    notes = [f"{', '.join(assumed)}: not stated, taken from the family's own defaults"] if assumed else []
    notes += [rules.remark] if rules.remark else []
    found = Architecture(
        name, tuple(built), tuple(outside), shape.hidden, shape.heads, shape.kv_heads, shape.head_dim, shape.vocabulary,
        shape.tied, mixed.experts if mixed else 0, mixed.per_token if mixed else 0, mixed.width if mixed else 0,
        verified=bool(rules.checked), notes=tuple(notes))
    return found if keys.get(*KV_HEADS) is not None else replace(found, kv_heads=_usual_kv_heads(found))


def _usual_kv_heads(found: Architecture) -> int:
    """Return the KV heads of most layers that keep the whole context; those stated where none splits heads."""
    heads = [cache.kv_heads for layer in found.layers for cache in layer.caches
             if cache.kv_heads and cache.mixer == "full"]
    return max(set(heads), key=heads.count) if heads else found.kv_heads
