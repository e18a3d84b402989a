"""Mixers that keep a state of fixed size in place of a growing cache: linear attention, state spaces, convolutions."""

from __future__ import annotations

import math

from optimizer.load.architecture.keys import Keys
from optimizer.load.architecture.parts import Block, Cache, Weight


def _state_bytes(keys: Keys, *names: str) -> float:
    """Return bytes of one number of the recurrent state: 4 where the config says float32, else 2."""
    return 4.0 if "float32" in keys.word(*names) else 2.0


def mamba1(keys: Keys, hidden: int, inner: int, size: int, kernel: int, rank: int, norms: bool) -> Block:
    """Count one Mamba layer: input and output projections, convolution, and the selective scan's matrices."""
    conv_bias = keys.flag("mamba_conv_bias", "use_conv_bias", default=True)
    bias = keys.flag("mamba_proj_bias", "use_bias")
    count = [
        Weight("mamba.in_proj", "state", hidden * 2 * inner + bias * 2 * inner),
        Weight("mamba.conv1d", "state", inner * (kernel + conv_bias)),
        Weight("mamba.x_proj", "state", inner * (rank + 2 * size)),
        Weight("mamba.dt_proj", "state", inner * (rank + 1)),
        Weight("mamba.out_proj", "state", inner * hidden + bias * hidden),
        Weight("mamba.A_log", "norms", inner * (size + 1) + norms * (rank + 2 * size))]
    state = _state_bytes(keys, "mamba_ssm_cache_dtype", "mamba_ssm_dtype")
    return Block(tuple(count), Cache("state_space", state_values=float(inner * size), state_value_bytes=state,
                                     window_values=float(inner * (kernel - 1))))


def mamba1_rank(keys: Keys, name: str, hidden: int) -> int:
    """Return the rank of the time step: a number, or hidden / 16 where the config says auto."""
    return math.ceil(hidden / 16) if keys.get(name) in (None, "auto") else keys.whole(name)


def mamba2(keys: Keys, hidden: int, inner: int, heads: int, size: int, groups: int, kernel: int,
           normed: bool = True) -> Block:
    """Count one Mamba-2 layer: z, x, B, C and the time steps from one projection."""
    conv_bias = keys.flag("mamba_conv_bias", "use_conv_bias", default=True)
    bias = keys.flag("mamba_proj_bias", "use_bias")
    convolved = inner + 2 * groups * size
    wide = inner + convolved + heads
    count = [
        Weight("mamba.in_proj", "state", hidden * wide + bias * wide),
        Weight("mamba.conv1d", "state", convolved * (kernel + conv_bias)),
        Weight("mamba.out_proj", "state", inner * hidden + bias * hidden),
        Weight("mamba.A_log", "norms", 3 * heads + normed * inner)]
    state = _state_bytes(keys, "mamba_ssm_cache_dtype", "mamba_ssm_dtype")
    return Block(tuple(count), Cache("state_space", state_values=float(inner * size), state_value_bytes=state,
                                     window_values=float(convolved * (kernel - 1))))


def plamo2_state(keys: Keys, hidden: int, size: int) -> Block:
    """Count one Mamba layer of PLaMo 2: B, C and time steps are projected from the inner width, one step a head."""
    heads, states = keys.whole("mamba_num_heads"), keys.whole("mamba_d_state")
    kernel = keys.whole("mamba_d_conv", default=4)
    inner, rank = heads * size, max(64, hidden // 16)
    count = [
        Weight("mamba.in_proj", "state", hidden * 2 * inner), Weight("mamba.conv1d", "state", inner * kernel),
        Weight("mamba.bcdt_proj", "state", inner * (rank + 2 * states)), Weight("mamba.dt_proj", "state", rank * heads),
        Weight("mamba.out_proj", "state", inner * hidden),
        Weight("mamba.A_log", "norms", 3 * heads + rank + 2 * states)]
    state = _state_bytes(keys, "mamba_ssm_cache_dtype", "mamba_ssm_dtype")
    return Block(tuple(count), Cache("state_space", state_values=float(inner * states), state_value_bytes=state,
                                     window_values=float(inner * (kernel - 1))))


def gated_delta(keys: Keys, hidden: int) -> Block:
    """Count one gated delta-rule layer (Qwen3-Next): q, k, v, output gate, two gates a value head, convolution."""
    key_heads, value_heads = keys.whole("linear_num_key_heads"), keys.whole("linear_num_value_heads")
    key_size, value_size = keys.whole("linear_key_head_dim"), keys.whole("linear_value_head_dim")
    kernel = keys.whole("linear_conv_kernel_dim", default=4)
    queries, values = key_heads * key_size, value_heads * value_size
    convolved = 2 * queries + values
    count = [
        Weight("linear_attn.in_proj_qkv", "state", hidden * convolved),
        Weight("linear_attn.in_proj_z", "state", hidden * values),
        Weight("linear_attn.in_proj_ba", "state", hidden * 2 * value_heads),
        Weight("linear_attn.conv1d", "state", convolved * kernel),
        Weight("linear_attn.out_proj", "state", values * hidden),
        Weight("linear_attn.norm", "norms", 2 * value_heads + value_size)]
    state = _state_bytes(keys, "mamba_ssm_dtype", "mamba_ssm_cache_dtype")
    return Block(tuple(count), Cache("linear", state_values=float(value_heads * key_size * value_size),
                                     state_value_bytes=state, window_values=float((kernel - 1) * convolved)))


def kimi_delta(hidden: int, heads: int, size: int, kernel: int, full_gate: bool, full_forget: bool = False) -> Block:
    """Count one Kimi delta-attention layer: q, k, v with convolutions, forget gate, output gate; its state is 32-bit.

    Args:
        full_gate: whether the output gate is one full matrix, else two of low rank.
        full_forget: the same of the forget gate.
    """
    wide = heads * size
    low = hidden * size + size * wide
    count = [
        Weight("self_attn.q_proj", "state", hidden * wide), Weight("self_attn.k_proj", "state", hidden * wide),
        Weight("self_attn.v_proj", "state", hidden * wide), Weight("self_attn.conv1d", "state", 3 * wide * kernel),
        Weight("self_attn.f_proj", "state", hidden * wide if full_forget else low),
        Weight("self_attn.b_proj", "state", hidden * heads),
        Weight("self_attn.g_proj", "state", hidden * wide if full_gate else low),
        Weight("self_attn.o_proj", "state", wide * hidden),
        Weight("self_attn.o_norm", "norms", size + heads + wide)]
    return Block(tuple(count), Cache("linear", state_values=float(heads * size * size), state_value_bytes=4.0,
                                     window_values=float(3 * wide * (kernel - 1))))


def lightning(hidden: int, heads: int, size: int) -> Block:
    """Count one lightning-attention layer (MiniMax-Text-01): q, k, v, output gate and output; its state is 32-bit."""
    wide = heads * size
    count = [Weight("self_attn.qkv_proj", "state", hidden * 3 * wide),
             Weight("self_attn.output_gate", "state", hidden * wide),
             Weight("self_attn.out_proj", "state", wide * hidden), Weight("self_attn.norm", "norms", wide)]
    return Block(tuple(count), Cache("linear", state_values=float(heads * size * size), state_value_bytes=4.0))


def short_convolution(hidden: int, kernel: int, bias: bool) -> Block:
    """Count one gated short convolution (LFM2): it keeps kernel - 1 columns."""
    count = [Weight("conv.in_proj", "state", hidden * 3 * hidden + bias * 3 * hidden),
             Weight("conv.conv", "state", hidden * (kernel + bias)),
             Weight("conv.out_proj", "state", hidden * hidden + bias * hidden)]
    return Block(tuple(count), Cache("convolution", window_values=float(hidden * (kernel - 1))))
