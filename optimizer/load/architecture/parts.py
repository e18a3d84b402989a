"""The parts of a model: matrices with the module they belong to, and what a layer keeps of every token or request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Part = Literal[
    "embeddings", "head", "attention", "state", "dense", "experts", "shared", "router", "norms", "towers"]
"""Groups of weights that a checkpoint may store in a precision of their own."""

Mixer = Literal["full", "sliding", "mla", "compressed", "linear", "state_space", "convolution", "none"]
"""How a layer looks at earlier tokens. `none` stands only where the config says so."""


@dataclass(frozen=True, slots=True)
class Weight:
    """Weights of one kind in one module."""

    module: str
    """Name inside the layer, such as self_attn.q_proj; outside layers such as lm_head."""
    part: Part
    count: float
    used_fraction: float = 1.0
    """Share of them that one token passes: experts a token / experts."""


@dataclass(frozen=True, slots=True)
class Cache:
    """What one layer keeps of each token, and of each request whatever its length."""

    mixer: Mixer = "none"
    kv_heads: int = 0
    """Heads that tensor parallelism splits; 0 with values cached: every rank holds a whole copy."""
    values_per_token: float = 0.0
    """Keys and values of one token, all heads, one copy."""
    window_tokens: int | None = None
    """Only so many tokens are kept; None: the whole context."""
    tokens_per_entry: int = 1
    """Tokens that one cached entry stands for."""
    bytes_per_token: float = 0.0
    """Bytes beside the values, whatever their precision, such as an indexer's keys."""
    in_flight_bytes: float = 0.0
    """Bytes that each token of a step takes while it is computed."""
    state_values: float = 0.0
    """Numbers of a state of fixed size at the state's own precision ..."""
    state_value_bytes: float = 2.0
    """... of so many bytes each."""
    window_values: float = 0.0
    """Numbers of a convolution window at 16 bits."""

    @property
    def state_bytes(self) -> float:
        """Bytes that a request keeps whatever its length."""
        return self.state_values * self.state_value_bytes + self.window_values * 2.0


@dataclass(frozen=True, slots=True)
class Block:
    """One mixer or feed-forward part of a layer: its weights, and what it keeps."""

    weights: tuple[Weight, ...]
    cache: Cache = Cache()


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: blocks side by side or one after the other, and its norms."""

    blocks: tuple[Block, ...]
    norms: float = 0.0

    @property
    def weights(self) -> Iterator[Weight]:
        """Yield all weights."""
        for block in self.blocks:
            yield from block.weights
        yield Weight("norms", "norms", self.norms)

    @property
    def caches(self) -> tuple[Cache, ...]:
        """What its mixers keep."""
        return tuple(block.cache for block in self.blocks if block.cache.mixer != "none")


@dataclass(frozen=True, slots=True)
class Architecture:
    """A whole decoder with what stands beside it."""

    family: str
    layers: tuple[Layer, ...]
    outside: tuple[Weight, ...]
    """Embeddings, head, last norm, and whatever no layer holds."""
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    tied: bool
    experts: int = 0
    experts_per_token: int = 0
    expert_width: int = 0
    towers: float = 0.0
    """Weights of vision and audio towers and their projectors."""
    verified: bool = False
    """Whether the family's counting was checked against a published total or the real architecture."""
    notes: tuple[str, ...] = field(default=())

    def named(self) -> Iterator[tuple[int | None, Weight]]:
        """Yield every weight with the number of its layer, None outside of layers."""
        for weight in self.outside:
            yield None, weight
        for index, layer in enumerate(self.layers):
            for weight in layer.weights:
                yield index, weight

    @property
    def parameters(self) -> float:
        """Weights of the decoder, towers left out."""
        return sum(weight.count for _, weight in self.named())

    @property
    def active_parameters(self) -> float:
        """Weights of the decoder that one token passes: all but idle experts."""
        return sum(weight.count * weight.used_fraction for _, weight in self.named())
