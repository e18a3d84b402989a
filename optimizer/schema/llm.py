"""What memory and speed need to know of a language model, and how its weights are stored."""

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

    @model_validator(mode="after")
    def _scales_are_a_part(self) -> Self:
        if self.scale_bytes >= self.weight_bytes:
            found = f"{self.scale_bytes:g}; allowed: less than weight_bytes = {self.weight_bytes:g}"
            raise ValueError(f"scale_bytes: found {found}")
        return self


class StoredCopy(StoredWeights):
    """A model's published copy in one precision."""

    precision: Id


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
    attention: Literal["mha", "gqa", "mqa", "mla"]
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
    vocabulary: Count
    tied_embeddings: bool
    experts: CountOrZero = 0
    experts_per_token: CountOrZero = 0
    expert_width: Count | None = None
    """Inner width of one expert; None: worked out from the parameters."""
    native_precision: Id
    copies: tuple[StoredCopy, ...] = ()
    """Precisions whose published copy is stored otherwise than the precision says."""
    context_limit_tokens: Count

    @model_validator(mode="after")
    def _shape_is_whole(self) -> Self:
        if self.attention == "mla" and self.mla_kv_values_per_layer is None:
            raise ValueError("mla_kv_values_per_layer: found nothing; allowed: a number when attention is mla")
        if self.active_parameters_billion > self.parameters_billion * 1.001:
            raise ValueError("active_parameters_billion: found more than parameters_billion; allowed: at most that")
        if self.full_attention_layers + self.sliding_window_layers + self.state_layers > self.layers:
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
    kv_bytes: Positive = 2.0
    weight_only: bool = False
    source_url: SourceUrl
    as_of: AsOf
    confidence: Confidence = "medium"
    notes: str = ""
