"""How long a context a model takes: as its config states, and further where its rotary settings may be changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optimizer.load.architecture.keys import Keys
from optimizer.load.architecture.shape import CONTEXT

ASSUMED_TOKENS = 2048
"""What vLLM takes where a config states no limit."""

WITHOUT_LIMIT = frozenset({
    "falcon", "bloom", "mpt", "mamba", "mamba2", "falcon_mamba", "RefinedWeb", "RefinedWebModel"})
"""Families whose published configs state none."""

MULTIPLYING = frozenset({"yarn", "linear", "dynamic", "ntk"})
"""Kinds of rope_scaling whose factor lengthens the context beyond max_position_embeddings."""

MOST_FACTOR = 1e4
"""No config lengthens a context by more."""

YARN_BASE = 32_768
"""Tokens that those models were trained on."""

YARN_FACTOR = 4
"""The factor that the cards of Qwen2.5 and Qwen3 document for YaRN."""

YARN_DOCUMENTED = frozenset({"qwen2", "qwen3", "qwen3_moe"})
"""Families whose cards say that YaRN may be switched on."""


@dataclass(frozen=True, slots=True)
class Context:
    """Tokens of context."""

    limit: int
    extended: int | None
    extension: str
    override: str = ""
    notes: tuple[str, ...] = ()


def yarn(base: int) -> tuple[str, str]:
    """Say what an engine must be told to run YaRN, in words and as an override of the config."""
    rope = f'{{"rope_type": "yarn", "factor": {YARN_FACTOR}.0, "original_max_position_embeddings": {base}}}'
    return f"YaRN, factor {YARN_FACTOR} over {base:,} tokens", f'{{"rope_scaling": {rope}}}'


def _scaled(keys: Keys, limit: int) -> tuple[int | None, str]:
    """Return what rope_scaling in the file allows beyond the limit."""
    scaling = keys.get("rope_scaling", "rope_parameters")
    if not isinstance(scaling, dict):
        return None, ""
    kind, factor = str(scaling.get("rope_type") or scaling.get("type") or ""), scaling.get("factor")
    if kind not in MULTIPLYING or isinstance(factor, bool) or not isinstance(factor, int | float):
        return None, ""
    if not 1 < factor <= MOST_FACTOR:
        return None, ""
    original = scaling.get("original_max_position_embeddings")
    base = original if isinstance(original, int) and not isinstance(original, bool) and 0 < original <= limit else limit
    longest = int(base * factor)
    return (longest, f"rope_scaling of the config: {kind}, factor {factor:g}") if longest > limit else (None, "")


def context_of(keys: Keys, defaults: Mapping[str, Any]) -> Context:
    """Read the limit, and how far it may be exceeded."""
    stated = keys.get(*CONTEXT)
    notes: tuple[str, ...] = ()
    if stated is None and (defaults or keys.word("model_type") in WITHOUT_LIMIT):
        fallback = defaults.get("max_position_embeddings")
        limit = fallback if isinstance(fallback, int) else ASSUMED_TOKENS
        said = "the default of its class" if isinstance(fallback, int) else "what engines assume then"
        notes = (f"the config states no limit of the context: {limit:,} tokens, {said}",)
    else:
        limit = keys.whole(*CONTEXT)
    extended, extension = _scaled(keys, limit)
    if extended is None and keys.word("model_type") in YARN_DOCUMENTED and limit <= 40_960:
        base = min(limit, YARN_BASE)
        return Context(limit, base * YARN_FACTOR, *yarn(base), notes)
    return Context(limit, extended, extension, "", notes)
