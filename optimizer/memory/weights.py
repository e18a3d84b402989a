"""What the weights take: the parts a checkpoint consists of, and what an engine adds when it loads them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from optimizer.schema.catalog import EnginePrecision, LlmModel, Precision, StoredWeights

SIXTEEN_BIT_BYTES = 2.0
"""Bytes of a weight that quantised checkpoints leave at 16 bits."""


@dataclass(frozen=True, slots=True)
class WeightParts:
    """Bytes of all weights on all GPUs of a replica."""

    plain: float
    """Weights that are not quantised: all of them, or embeddings, head and what else the copy leaves at 16 bits."""
    quantised: float
    scales: float
    """Scales and zero points of the quantised weights."""
    vision: float
    """Vision tower and projector."""
    copies: float = 0.0
    """What several ranks hold: KV heads fewer than ranks, MLA's down-projection, a vision tower that is not split."""
    padding: float = 0.0
    """What a kernel's block sizes add to the experts."""
    positions: float = 0.0
    """The table of rotary positions, whole on every rank: context limit x head size x 2 bytes."""

    @property
    def added(self) -> float:
        """What loading adds to the checkpoint."""
        return self.copies + self.padding + self.positions

    @property
    def total(self) -> float:
        """Bytes of all parts."""
        return self.plain + self.quantised + self.scales + self.vision + self.added


def expert_split(model: LlmModel) -> tuple[float, float]:
    """Return (parameters read every step, parameters of all experts), in billions.

    From total P = N + X and active A = N + X k / E: X = (P - A) / (1 - k / E).
    """
    if not model.experts or model.experts <= model.experts_per_token:
        return model.parameters_billion, 0.0
    idle_fraction = 1 - model.experts_per_token / model.experts
    experts = (model.parameters_billion - model.active_parameters_billion) / idle_fraction
    experts = min(max(experts, 0.0), model.parameters_billion)
    return model.parameters_billion - experts, experts


def expert_width(model: LlmModel) -> float:
    """Return the inner width of one expert: as stated, else experts' weights / (layers x experts x 3 x hidden size).

    A few layers without experts make the second up to 5% too small.
    """
    if model.expert_width is not None or not model.experts:
        return float(model.expert_width or 0)
    return expert_split(model)[1] * 1e9 / (model.layers * model.experts * 3 * model.hidden_size)


def dense_width(model: LlmModel) -> float:
    """Return the inner width of a dense feed-forward block: what embeddings and attention leave / (3 x hidden size).

    0 for a mixture of experts. Blocks of two matrices come out a third narrower than they are.
    """
    if model.experts:
        return 0.0
    tables = model.vocabulary * model.hidden_size * (1 if model.tied_embeddings else 2)
    heads = 2 * model.attention_heads + 2 * model.kv_heads
    attention = model.layers * model.hidden_size * model.head_dim * heads
    left = model.parameters_billion * 1e9 - tables - attention
    return max(0.0, left / (model.layers * 3 * model.hidden_size))


def stored_weights(model: LlmModel, precision: Precision) -> StoredWeights:
    """Return how a model's copy of a precision is stored: as the model says, else as the precision does."""
    weights = precision.weights_like or precision.runs_like
    return next((copy for copy in model.copies if copy.precision == weights), precision)


def sixteen_bit_parameters(model: LlmModel, stored: StoredWeights) -> float:
    """Return how many weights a quantised copy leaves at 16 bits: outside the experts, or embeddings and head."""
    if stored.quantises == "all":
        return 0.0
    if stored.quantises == "experts":
        left = expert_split(model)[0] * 1e9
    else:
        left = float(model.vocabulary * model.hidden_size * (1 if model.tied_embeddings else 2))
    return min(model.parameters_billion * 1e9, left)


def _published(model: LlmModel, precision: Precision) -> WeightParts:
    """Return the parts of the checkpoint, one copy of each."""
    stored = stored_weights(model, precision)
    left = sixteen_bit_parameters(model, stored)
    rest = model.parameters_billion * 1e9 - left
    vision = model.vision_parameters_billion * 1e9 * max(SIXTEEN_BIT_BYTES, precision.kv_bytes)
    if stored.quantises == "all" and not stored.scale_bytes:
        return WeightParts(rest * stored.weight_bytes, 0.0, 0.0, vision)
    values = stored.weight_bytes - stored.scale_bytes
    return WeightParts(left * stored.rest_bytes, rest * values, rest * stored.scale_bytes, vision)


def weights_bytes(model: LlmModel, precision: Precision) -> float:
    """Return the bytes of the checkpoint; what a copy does not quantise, and a vision tower, stay at 16 bits.

    Median error against 114 start-up logs of vLLM, with what loading adds: 0.2%.
    """
    return _published(model, precision).total


def _copied_parameters(model: LlmModel, tp_size: int) -> float:
    """Return how many weights stand on more than one rank, counted beyond the first copy."""
    if model.attention == "mla":
        down = model.full_attention_layers * model.hidden_size * (model.mla_kv_values_per_layer or 0)
        return float(down * (tp_size - 1))
    extra_heads = max(0, math.ceil(model.kv_heads / tp_size) * tp_size - model.kv_heads)
    layers = model.full_attention_layers + model.sliding_window_layers
    return float(2 * layers * model.hidden_size * model.head_dim * extra_heads)


def _rotated(model: LlmModel) -> float:
    """Return the widths of the tables of positions together: one for each size of head (Gemma 4: 256 + 512)."""
    sizes = {kind.values_per_token / (2 * kind.kv_heads) for kind in model.kinds if kind.kv_heads}
    return sum(sizes) if len(sizes) > 1 else float(model.head_dim)


def _padded_to(size: float, step: int) -> float:
    return math.ceil(size / step) * step


def padding_fraction(model: LlmModel, support: EnginePrecision | None, tp_size: int) -> float:
    """Return what padding adds to the experts' matrices, as a share of them.

    >>> from types import SimpleNamespace as Facts
    >>> gpt_oss = Facts(experts=32, expert_width=2880, hidden_size=2880)
    >>> marlin = Facts(pads_hidden_to=256, pads_width_to=128)
    >>> round(padding_fraction(gpt_oss, marlin, 1), 4)  # 3072 x 2944 in place of 2880 x 2880
    0.0904
    """
    width = expert_width(model) / tp_size
    if support is None or not width:
        return 0.0
    hidden = _padded_to(model.hidden_size, support.pads_hidden_to) / model.hidden_size
    steps = support.pads_width_to
    return hidden * (_padded_to(width, steps) / width if steps > 1 else 1.0) - 1


def weight_parts(
    model: LlmModel, precision: Precision, support: EnginePrecision | None = None, tp_size: int = 1
) -> WeightParts:
    """Return what the weights take on all GPUs together once an engine has loaded them.

    Embeddings, head, attention heads and experts are split over the ranks (vLLM, SGLang, TensorRT-LLM and TGI split the
    vocabulary too); norms, routers and biases, under 0.5% together, are counted once.

    Args:
        support: what the engine says of the precision.
    """
    once, stored = _published(model, precision), stored_weights(model, precision)
    copied = _copied_parameters(model, tp_size) * (
        stored.weight_bytes if stored.quantises != "experts" else SIXTEEN_BIT_BYTES)
    towers = 0.0 if model.vision_split else once.vision * (tp_size - 1)
    experts = expert_split(model)[1] * 1e9 * stored.weight_bytes
    rotary = 64.0 if model.attention == "mla" else _rotated(model)
    positions = model.context_limit_tokens * rotary * SIXTEEN_BIT_BYTES * tp_size
    return WeightParts(once.plain, once.quantised, once.scales, once.vision, copied + towers,
                       experts * padding_fraction(model, support, tp_size), positions)
