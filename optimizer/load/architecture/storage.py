"""In which precision a checkpoint stores each of its parts, as its recipe says."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from optimizer.load.architecture.parts import Architecture, Weight
from optimizer.load.architecture.recipes import SIXTEEN, Recipe, Scheme

ALWAYS_PLAIN = frozenset({"norms", "router", "embeddings", "towers"})
"""Parts that no method quantises unless it names them."""

UNQUANTISED_MODULES = re.compile(
    r"conv1d|conv\.conv|A_log|\.norm|in_proj_ba|\.b_proj$|altup|laurel|(^|\.)hc$|compressor")
"""Small modules that methods leave at 16 bits."""


LEAVES: dict[str, tuple[str, ...]] = {
    "mlp.up_proj": ("up_proj", "gate_proj", "w1", "w3", "gate_up_proj"), "mlp.down_proj": ("down_proj", "w2"),
}
"""Module here -> leaf names that checkpoints give it."""

SPELLINGS = {
    "self_attn": ("self_attn", "attn", "attention", "mixer"), "linear_attn": ("linear_attn", "mixer", "mamba"),
    "mamba": ("mamba", "mixer"), "mlp": ("mlp", "ffn", "block_sparse_moe", "feed_forward", "mixer"), "conv": ("conv",),
}
"""First word of a module here -> first words that checkpoints use."""


def _spellings(weight: Weight) -> list[str]:
    """List the names that a module may have in a checkpoint, inside its layer."""
    first, _, rest = weight.module.partition(".")
    leaves = LEAVES.get(weight.module, (rest,)) if rest else ("",)
    if weight.part == "experts":
        inside = ("up_proj", "down_proj", "gate_proj", "w1", "w2", "gate_up_proj")
        leaves = ("experts", *(f"experts.0.{leaf}" for leaf in inside))
    if weight.module.endswith("shared_experts"):
        leaves = tuple(f"{name}.{leaf}" for name in ("shared_experts", "shared_expert", "shared_mlp")
                       for leaf in ("up_proj", "w1"))
    starts = SPELLINGS.get(first, (first,)) if rest else ("",)
    if weight.part == "head":
        return ["lm_head", "head", "output"]
    if weight.part == "embeddings":
        return ["embed_tokens", "embeddings", "embed"]
    if not rest:
        return [first, *(leaves if weight.part == "experts" else ())]
    return [f"{start}.{leaf}" for start in starts for leaf in leaves]


_LAYER = re.compile(r"(?:^|\.)(?:layers|h|blocks)\.(\d+)(?=$|[.*])")


@lru_cache(maxsize=4096)
def _matcher(pattern: str) -> re.Pattern[str]:
    """Compile a pattern: a regular expression, a glob, or the name of a module and all inside it."""
    if pattern.startswith("re:"):
        try:
            return re.compile(pattern[3:])
        except re.error:
            return re.compile(re.escape(pattern[3:]))
    place = re.search(r"(?:^|\.)(layers\..*)$", pattern)
    text = place[1] if place else pattern.rpartition("model.")[2]
    if "*" in text:
        return re.compile(fnmatch.translate(text))
    return re.compile(rf"(?:^|.*\.){re.escape(text)}(?:\..*)?$")


class _Patterns:
    """Patterns by the layer they name, so that a weight is held only against those that may mean it."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self.by_layer: dict[int, list[str]] = {}
        self.general: list[str] = []
        for pattern in patterns:
            found = None if pattern.startswith("re:") else _LAYER.search(pattern)
            if pattern.startswith("mtp") or ".mtp." in pattern:
                continue  # extra prediction layers are not counted
            if found and ".experts." in pattern and not re.search(r"experts\.0\.", pattern):
                continue  # every expert of a layer is stored alike
            (self.by_layer.setdefault(int(found[1]), []) if found else self.general).append(pattern)

    def first(self, index: int | None, names: list[str]) -> str | None:
        """Return the first pattern that means one of the names of a layer's module."""
        whole = [name if index is None else f"layers.{index}.{name}" for name in names]
        patterns: list[str] = [*self.by_layer.get(-1 if index is None else index, ()), *self.general]
        for pattern in patterns:
            matcher = _matcher(pattern)
            if any(matcher.match(name) or matcher.match(f"model.{name}") for name in whole):
                return pattern
        return None


@dataclass(frozen=True, slots=True)
class Stored:
    """What a checkpoint takes, and in which precision each part lies."""

    precision: str
    """Of most weights."""
    parts: dict[str, str]
    """Part -> its precision; where a part has several, all of them, the commonest first."""
    plain_bytes: float
    quantised_bytes: float
    scale_bytes: float
    experts_only: bool
    """Whether nothing but experts has the precision."""
    experts_bytes: float
    """Of the experts, scales included."""
    experts_scales: float
    experts_parameters: float
    cache: str | None
    parameters: float

    @property
    def total_bytes(self) -> float:
        """Bytes of the decoder's checkpoint."""
        return self.plain_bytes + self.quantised_bytes + self.scale_bytes


def _scheme_of(weight: Weight, index: int | None, recipe: Recipe, ignored: _Patterns, named: _Patterns) -> Scheme:
    """Return how one weight is stored."""
    names = _spellings(weight)
    chosen = named.first(index, names) if recipe.named else None
    if chosen is not None:
        return recipe.named[chosen]
    if weight.part in ALWAYS_PLAIN or weight.part == "head" or UNQUANTISED_MODULES.search(weight.module):
        return recipe.plain
    if weight.part == "experts" and recipe.experts is not None:
        return recipe.experts
    if recipe.default is None or recipe.experts_only or ignored.first(index, names) is not None:
        return recipe.plain
    return recipe.default


def stored(architecture: Architecture, recipe: Recipe) -> Stored:
    """Work out bytes and precision of every part."""
    ignored, named = _Patterns(recipe.ignored), _Patterns(recipe.named)
    by_part: dict[str, Counter[str]] = {}
    of_all: Counter[str] = Counter()
    plain = quantised = scales = experts = of_experts = mixed = total = 0.0
    for index, weight in architecture.named():
        scheme = _scheme_of(weight, index, recipe, ignored, named)
        by_part.setdefault(weight.part, Counter())[scheme.precision] += int(weight.count)
        of_all[scheme.precision] += int(weight.count)
        total += weight.count
        if scheme.weight_bytes >= SIXTEEN.weight_bytes:
            plain += weight.count * scheme.weight_bytes
        else:
            quantised += weight.count * (scheme.weight_bytes - scheme.scale_bytes)
            scales += weight.count * scheme.scale_bytes
        if weight.part == "experts":
            experts += weight.count * scheme.weight_bytes
            of_experts += weight.count * scheme.scale_bytes
            mixed += weight.count
    precision = of_all.most_common(1)[0][0]
    parts = {part: _said(counts) for part, counts in by_part.items() if part not in ("norms", "router")}
    others = {one for part, counts in by_part.items() if part != "experts" for one in counts}
    return Stored(precision, parts, plain, quantised, scales, precision not in others and "experts" in by_part, experts,
                  of_experts, mixed, recipe.cache, total)


def _said(counts: Counter[str]) -> str:
    """Write a part's precisions, the commonest first, those under 1% left out."""
    whole = sum(counts.values())
    return " and ".join(name for name, count in counts.most_common() if count >= 0.01 * whole)
