"""Feed-forward parts of a layer: one dense block, or a mixture of experts with what stands beside them."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.load.architecture.parts import Block, Weight


def dense(hidden: int, width: int, gated: bool = True, bias: bool = False) -> Block:
    """Count a dense feed-forward block: two matrices, three where it is gated."""
    inner = (1 + gated) * width
    return Block((Weight("mlp.up_proj", "dense", hidden * inner + bias * inner),
                  Weight("mlp.down_proj", "dense", hidden * width + bias * hidden)))


@dataclass(frozen=True, slots=True)
class Mixture:
    """The shape of a mixture of experts."""

    hidden: int
    experts: int
    per_token: int
    width: int
    shared_width: int = 0
    """Inner width of what every token passes beside the experts, all shared experts together."""
    gated: bool = True
    latent: int | None = None
    """Width at which the experts work, where tokens are projected down to it and up again."""
    latent_norm: bool = False
    router: bool = True
    router_bias: bool = False
    shared_gate: bool = False
    """Whether one number a token weighs the shared expert."""
    expert_bias: bool = False
    zero_experts: int = 0
    """Experts that do nothing; the router knows them."""


def mixture(shape: Mixture) -> Block:
    """Count experts, router, shared experts and projections of latent experts."""
    s = shape
    inside = s.latent or s.hidden
    matrices = 3 if s.gated else 2
    biases = (matrices - 1) * s.width + inside if s.expert_bias else 0
    count = s.experts * (matrices * inside * s.width + biases)
    known = s.experts + s.zero_experts
    weights = [
        Weight("mlp.experts", "experts", count, s.per_token / s.experts),
        Weight("mlp.gate", "router", (s.hidden * known + s.router_bias * known) * s.router),
        Weight("mlp.shared_experts", "shared", matrices * s.hidden * s.shared_width),
        Weight("mlp.shared_expert_gate", "router", s.hidden * s.shared_gate)]
    if s.latent:
        weights.append(Weight("mlp.latent_proj", "shared", 2 * s.hidden * s.latent + s.latent_norm * s.latent))
    return Block(tuple(one for one in weights if one.count))
