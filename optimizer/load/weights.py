"""How many weights a decoder has, from the numbers of its config.json."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Decoder:
    """The shape of a decoder-only model, as far as its weights go."""

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    """Width of the MLP in layers without experts."""
    vocabulary: int
    tied: bool
    """Whether the output head is the input embedding."""
    gated: bool = True
    """Whether the MLP has three matrices (SwiGLU) or two."""
    expert_layers: int = 0
    """Layers whose MLP is a mixture of experts."""
    experts: int = 0
    experts_per_token: int = 0
    expert_width: int = 0
    shared_width: int = 0
    """Width of the MLP beside the experts that every token passes."""
    linear_layers: int = 0
    """Layers with linear attention in place of softmax attention."""
    linear_parameters: int = 0
    """Weights of the attention of one of them."""
    gated_attention: bool = False
    """Whether the query projection is twice as wide, for a gate on the attention's output."""
    mla_parameters: int | None = None
    """Weights of multi-head latent attention in one layer; None: plain attention."""


def mla_parameters(
    hidden: int, heads: int, q_rank: int | None, kv_rank: int, rope_dim: int, nope_dim: int, value_dim: int
) -> int:
    """Count the weights of multi-head latent attention in one layer: low-rank queries, joint KV, output.

    >>> mla_parameters(7168, 128, 1536, 512, 64, 128, 128)  # DeepSeek-V3
    187105280
    """
    query_dim = heads * (nope_dim + rope_dim)
    queries = hidden * query_dim if q_rank is None else hidden * q_rank + q_rank * query_dim
    keys_values = hidden * (kv_rank + rope_dim) + kv_rank * heads * (nope_dim + value_dim)
    return queries + keys_values + heads * value_dim * hidden


def count_parameters(shape: Decoder, experts: int) -> int:
    """Count the weights with so many experts in each expert layer: all of them, or those that a token passes.

    Embeddings + per layer (attention + MLP or experts with router + two norms) + the last norm.

    >>> llama = Decoder(32, 4096, 32, 8, 128, 14336, 128256, tied=False)
    >>> count_parameters(llama, 0)  # Llama-3.1-8B: 8,030,261,248
    8030261248
    """
    gates = shape.heads if shape.gated_attention else 0
    plain = shape.hidden * shape.head_dim * (2 * shape.heads + gates + 2 * shape.kv_heads)
    attention = plain if shape.mla_parameters is None else shape.mla_parameters
    attentions = (shape.layers - shape.linear_layers) * attention + shape.linear_layers * shape.linear_parameters
    column = shape.hidden * (3 if shape.gated else 2)
    dense = (shape.layers - shape.expert_layers) * column * shape.intermediate
    mixed = column * (experts * shape.expert_width + shape.shared_width) + shape.hidden * shape.experts
    embeddings = shape.vocabulary * shape.hidden * (1 if shape.tied else 2)
    return embeddings + attentions + dense + shape.expert_layers * mixed + (2 * shape.layers + 1) * shape.hidden
