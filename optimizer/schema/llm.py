"""What memory and speed need to know of a language model, and how its weights are stored."""

from functools import lru_cache
from typing import Literal, Self

from pydantic import model_validator

from optimizer.schema.base import Count, CountOrZero, Frozen, Id, Name, NonNegative, Positive
from optimizer.schema.sourced import AsOf, Confidence, Sourced, SourceUrl


class StoredWeights(Frozen):
    """How quantised weights lie in memory."""

    weight_bytes: Positive
    """Effective bytes a parameter, scales included."""
    scale_bytes: NonNegative = 0.0
    """Of these, scales and zero points."""
    quantises: Literal["all", "matrices", "experts"] = "matrices"
    """What is stored so; the rest is 16-bit: all, all but embeddings and output head, or only the experts."""
    rest_bytes: Positive = 2.0
    """Bytes of a weight of that rest, on average."""

    @model_validator(mode="after")
    def _scales_are_a_part(self) -> Self:
        if self.scale_bytes >= self.weight_bytes:
            found = f"{self.scale_bytes:g}; allowed: less than weight_bytes = {self.weight_bytes:g}"
            raise ValueError(f"scale_bytes: found {found}")
        return self


class StoredCopy(StoredWeights):
    """A model's published copy in one precision."""

    precision: Id


Mixer = Literal["full", "sliding", "mla", "compressed", "linear", "state_space", "convolution", "none"]
"""How a layer looks at earlier tokens."""


class LayerKind(Frozen):
    """Layers that keep the same of every token and request."""

    layers: Count
    mixer: Mixer
    kv_heads: CountOrZero = 0
    """Heads that tensor parallelism splits; 0 with values kept: every rank holds a whole copy."""
    values_per_token: NonNegative = 0.0
    """Keys and values of one token in one layer: all heads, one copy."""
    window_tokens: Count | None = None
    """Only so many tokens are kept; None: the whole context."""
    bytes_per_token: NonNegative = 0.0
    """Bytes of one token beside the values, whatever their precision: an indexer's keys, compressed entries."""
    in_flight_bytes_per_token: NonNegative = 0.0
    """Bytes that every token of a step takes while it is computed (DeepSeek V4's compressors and windows)."""
    state_bytes: NonNegative = 0.0
    """State of one request in one layer, on all GPUs together."""

    @property
    def grows(self) -> bool:
        """Whether it keeps something of every token of the context."""
        return self.window_tokens is None and bool(self.values_per_token or self.bytes_per_token)


    @property
    def has_state(self) -> bool:
        """Whether it keeps a state of fixed size a request."""
        return self.mixer in ("linear", "state_space", "convolution")


@lru_cache(maxsize=4096)
def _counted_kinds(
    whole: int, window: tuple[int, int | None], states: tuple[int, float], heads: int, values: float
) -> tuple[LayerKind, ...]:
    """Return the kinds of layers that a model's counts of layers mean; `heads` 0 is latent attention."""
    made = LayerKind.model_construct  # the model that states them was checked already
    found = []
    if whole:
        found.append(made(layers=whole, mixer="full" if heads else "mla", kv_heads=heads, values_per_token=values))
    if window[0]:
        found.append(made(layers=window[0], mixer="sliding", kv_heads=heads, values_per_token=values,
                          window_tokens=window[1] or 10**9))
    if states[0]:
        found.append(made(layers=states[0], mixer="linear", state_bytes=states[1]))
    return tuple(found)


class LlmModel(Sourced):
    """The architecture facts of one LLM that memory and speed need."""

    name: Name
    hf_id: str | None = None
    aliases: tuple[str, ...] = ()
    family: Name
    runs_like: Id
    """Group of models with the same weights shape: a speed measured on one holds for all."""
    parameters_billion: Positive
    active_parameters_billion: Positive
    vision_parameters_billion: NonNegative = 0.0
    """Vision tower and projector beside parameters_billion: 16-bit whatever the precision, in memory only."""
    vision_split: bool = True
    """Whether tensor parallelism splits the vision tower; else every rank holds a copy."""
    layers: Count
    hidden_size: Count
    attention_heads: Count
    kv_heads: Count
    head_dim: Count
    attention: Literal["mha", "gqa", "mqa", "mla", "none"]
    """`none`: state-space layers alone."""
    full_attention_layers: CountOrZero
    """Layers that keep the KV cache of the whole context."""
    sliding_window_layers: CountOrZero = 0
    sliding_window_tokens: Count | None = None
    mla_kv_values_per_layer: Count | None = None
    """MLA: compressed KV values a token and layer (kv_lora_rank + qk_rope_head_dim)."""
    state_layers: CountOrZero = 0
    """Linear-attention and state-space layers: a state of fixed size a request in place of a KV cache."""
    state_bytes_per_layer: NonNegative = 0.0
    """That state: recurrent part and convolution window of one layer, on all GPUs together."""
    layer_kinds: tuple[LayerKind, ...] = ()
    """What the layers keep, where the counts above cannot tell it; empty: they tell all."""
    vocabulary: Count
    tied_embeddings: bool
    experts: CountOrZero = 0
    experts_per_token: CountOrZero = 0
    expert_width: Count | None = None
    """Inner width of one expert; None: worked out from the parameters."""
    native_precision: Id
    copies: tuple[StoredCopy, ...] = ()
    """Precisions whose published copy is stored otherwise than the precision says."""
    native_kv_precision: Id | None = None
    """Precision of the KV cache that the checkpoint brings scales for; None: 16 bits."""
    precision_parts: tuple[tuple[str, str], ...] = ()
    """(part of the checkpoint, its precision), where it is known part by part."""
    unchecked: tuple[Literal["family", "towers"], ...] = ()
    """What of its counting was never checked against a published total or the real architecture: that of the decoder's
    family, that of its vision and audio towers."""
    counted_from: str = "published total"
    published_parameters_billion: Positive | None = None
    """Total that the publisher states, vision towers included; None: as counted."""
    published_active_parameters_billion: Positive | None = None
    """Active parameters as the publisher states them, often without embeddings; None: as counted."""
    context_limit_tokens: Count
    context_extended_tokens: Count | None = None
    """Longest context that the publisher's documents allow with other rotary settings; None: the limit above."""
    context_extension: str = ""
    """What the engine must be told for that, in words ..."""
    context_override: str = ""
    """... and as JSON that overrides keys of the config; "" where the config says it already."""
    precision_by_name: bool = False
    """Whether native_precision is that of a name which states one, in place of the model's own."""

    def longest_context_tokens(self, asked: bool) -> int:
        """Return the longest context that may be planned; beyond the config's limit only where it is asked for."""
        further = self.context_extended_tokens if asked else None
        return max(self.context_limit_tokens, further or 0)

    @property
    def verified(self) -> bool:
        """Whether the count of parameters was checked against a published total or the real architecture."""
        return not self.unchecked

    @property
    def own_precisions(self) -> tuple[str, ...]:
        """Precisions that are offered when none is asked for: the checkpoint's own, with its KV cache first."""
        native = self.native_precision
        return (f"{native}-kv8", native) if self.native_kv_precision in ("fp8", "int8") else (native,)

    @property
    def kinds(self) -> tuple[LayerKind, ...]:
        """What the layers keep: as stated, else as the counts of layers say."""
        if self.layer_kinds:
            return self.layer_kinds
        latent = self.attention == "mla"
        each = float(self.mla_kv_values_per_layer or 0) if latent else 2.0 * self.kv_heads * self.head_dim
        window = (self.sliding_window_layers, self.sliding_window_tokens)
        return _counted_kinds(self.full_attention_layers, window, (self.state_layers, self.state_bytes_per_layer),
                              0 if latent else self.kv_heads, each)

    @property
    def kv_values_bytes_per_token(self) -> float:
        """Bytes of the cache that one more token of context takes at 16 bits: one copy, all layers that keep it.

        Layers with a window count only where no layer keeps the whole context.
        """
        keeping = [kind for kind in self.kinds if kind.grows] or [kind for kind in self.kinds if kind.window_tokens]
        return sum(kind.layers * (kind.values_per_token * 2.0 + kind.bytes_per_token) for kind in keeping)

    @model_validator(mode="after")
    def _shape_is_whole(self) -> Self:
        if self.attention == "mla" and self.mla_kv_values_per_layer is None:
            raise ValueError("mla_kv_values_per_layer: found nothing; allowed: a number when attention is mla")
        if self.active_parameters_billion > self.parameters_billion * 1.001:
            raise ValueError("active_parameters_billion: found more than parameters_billion; allowed: at most that")
        if not self.layer_kinds and (
                self.full_attention_layers + self.sliding_window_layers + self.state_layers > self.layers):
            found = "more than layers, sliding_window_layers and state_layers included"
            raise ValueError(f"full_attention_layers: found {found}; allowed: at most layers")
        if self.experts_per_token > self.experts:
            found = f"{self.experts_per_token}; allowed: at most experts = {self.experts}"
            raise ValueError(f"experts_per_token: found {found}")
        if self.kv_heads > self.attention_heads:
            found = f"{self.kv_heads}; allowed: at most attention_heads = {self.attention_heads}"
            raise ValueError(f"kv_heads: found {found}")
        return self


class Precision(StoredWeights):
    """How the weights are stored."""

    name: Name
    aliases: tuple[str, ...] = ()
    """Other names that people give it."""
    runs_like: Id
    """Precision whose measured speeds hold for this one too."""
    weights_like: Id | None = None
    """Precision of the weights, where this one differs in the KV cache alone."""
    kv_bytes: Positive = 2.0
    weight_only: bool = False
    source_url: SourceUrl
    as_of: AsOf
    confidence: Confidence = "medium"
    notes: str = ""
