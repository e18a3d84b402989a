"""The numbers that most families share, read once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from optimizer.load.architecture.attention import Heads
from optimizer.load.architecture.feed_forward import Mixture
from optimizer.load.architecture.keys import MOST_LAYERS, Keys
from optimizer.load.architecture.rules import Rules
from optimizer.load.architecture.sections import Sections

LATENT = ("mla", "mla_sparse")
"""Mixers that keep one compressed vector a token."""

LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
HIDDEN = ("hidden_size", "n_embd", "n_embed", "d_model")
HEADS = ("num_attention_heads", "n_head", "n_heads")
KV_HEADS = ("num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num", "n_kv_heads",
            "num_key_value_groups_heads")
HEAD_DIM = ("head_dim", "hidden_size_per_head", "attention_head_dim", "kv_channels")
INTERMEDIATE = ("intermediate_size", "n_inner", "ffn_hidden_size", "ffn_dim", "intermediate_size_mlp")
VOCABULARY = ("vocab_size", "padded_vocab_size")
EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts", "num_routed_experts")
PER_TOKEN = ("num_experts_per_tok", "experts_per_token", "num_experts_per_token", "moe_topk", "moe_k", "top_k_experts",
             "num_selected_experts", "moe_top_k")
EXPERT_WIDTH = ("moe_intermediate_size", "expert_intermediate_size", "moe_ffn_hidden_size", "expert_ffn_hidden_size")
SHARED = ("n_shared_experts", "num_shared_experts", "num_shared_expert", "moe_num_shared_experts")
SHARED_WIDTH = ("shared_expert_intermediate_size", "share_expert_dim", "moe_shared_expert_intermediate_size",
                "moe_shared_expert_intermediate_size")
CONTEXT = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "max_sequence_length",
           "model_max_length", "n_ctx", "max_length_tokens")


@dataclass(frozen=True)
class Shape:
    """A decoder's numbers."""

    keys: Keys
    family: str
    rules: Rules
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    widths: tuple[int, ...]
    """Inner width of each layer's dense block."""
    vocabulary: int
    tied: bool
    qkv_bias: bool
    out_bias: bool
    mlp_bias: bool

    @cached_property
    def window(self) -> int | None:
        """Tokens that a sliding layer looks back."""
        return self.keys.whole("sliding_window", "sliding_window_size", "window_size", "attention_window_size")

    @property
    def layer_norms(self) -> float:
        """Weights of a layer's norms."""
        return float(self.rules.norms * self.hidden * (1 + self.rules.norm_bias))

    @property
    def mixture_stated(self) -> bool:
        """Whether the config states experts."""
        found = self.keys.get(*EXPERTS)
        return (isinstance(found, int) and found > 0) or isinstance(found, list)

    @cached_property
    def mixture(self) -> Mixture:
        """Its experts."""
        keys, rules = self.keys, self.rules
        experts, per_token = keys.whole(*EXPERTS), keys.whole(*PER_TOKEN)
        if per_token > experts:
            keys.refuse(PER_TOKEN[0], f"at most the number of experts, {experts}", per_token)
            per_token = experts
        width = keys.whole(*EXPERT_WIDTH, default=max(self.widths))
        shared = keys.whole(*SHARED, default=0, least=0)
        shared_width = keys.whole(*SHARED_WIDTH, default=shared * width, least=0)
        if rules.shared_always or keys.has("shared_intermediate_size"):
            shared_width = keys.whole("shared_intermediate_size", default=shared_width, least=0)
        return Mixture(self.hidden, experts, per_token, width, shared_width, rules.gated, shared_gate=rules.shared_gate,
                       router_bias=rules.router_bias, expert_bias=rules.expert_bias)

    @property
    def latent(self) -> bool:
        """Whether attention keeps one compressed vector a token."""
        return self.rules.mixer in LATENT or (not self.rules.checked and self.keys.has("kv_lora_rank"))

    def heads_of(self, kv_heads: int | None = None, head_dim: int | None = None, value_dim: int | None = None,
                 sliding: bool = False) -> Heads:
        """Return the shape of attention, with what differs in a layer."""
        size, heads = head_dim or self.head_dim, self.heads
        if sliding:
            heads = self.keys.whole("num_sliding_attention_heads", default=heads)
        return Heads(self.hidden, heads, kv_heads or self.kv_heads, size, value_dim or size, self.qkv_bias,
                     self.out_bias, self.rules.qk_norm, self.rules.gate, self.rules.sinks)

    def shares_indexer(self, index: int) -> bool:
        """Say whether a layer of sparse attention takes another layer's choice of tokens."""
        kinds = self.keys.words("indexer_types", self.layers)
        return kinds is not None and kinds[index] == "shared"


def _kv_heads(keys: Keys, heads: int, rules: Rules) -> int:
    """Read how many heads keys and values have."""
    if rules.kv_groups:
        several = keys.flag("new_decoder_architecture")
        if keys.flag("multi_query", default=True) and not several:
            return 1
        return keys.whole("num_kv_heads", "n_head_kv", default=heads) if several else heads
    return keys.whole(*KV_HEADS, default=heads)


def _biases(keys: Keys, rules: Rules) -> tuple[bool, bool, bool]:
    """Read biases of queries, keys and values, of the output projection, and of the feed-forward block."""
    stated = keys.get("attention_bias", "qkv_bias", "use_qkv_bias", "add_qkv_bias", "use_bias", "bias", "enable_bias")
    qkv = stated if isinstance(stated, bool) else rules.qkv_bias
    out = qkv if rules.out_bias is None else rules.out_bias
    out = keys.flag("attention_out_bias", "add_bias_linear", default=out)
    mlp = keys.flag("mlp_bias", "use_bias", "bias", "add_bias_linear", default=rules.mlp_bias)
    return qkv, out, mlp


def _tied(keys: Keys, rules: Rules, sections: Sections) -> bool:
    """Read whether head and embedding are one: the whole config says it first, then the decoder's section."""
    for place in (sections.whole, sections.decoder):
        stated = place.get("tie_word_embeddings")
        if isinstance(stated, bool):
            keys.read.add("tie_word_embeddings")
            return stated
    return keys.flag("tie_word_embeddings", default=rules.tied)


def shape_of(keys: Keys, family: str, rules: Rules, sections: Sections) -> Shape:
    """Read the numbers that most families share."""
    listed = keys.data.get("layers_block_type")
    count = len(listed) if isinstance(listed, list) and listed else None
    pattern = keys.data.get("hybrid_override_pattern")
    count = len(pattern) if isinstance(pattern, str) and pattern else count
    layers = keys.whole(*LAYERS, default=count, most=MOST_LAYERS)
    hidden = keys.whole(*HIDDEN)
    heads = keys.whole(*HEADS, default=1 if rules.build.startswith("mamba") else None)
    latent = keys.has("kv_lora_rank")
    kv_heads = heads if latent else _kv_heads(keys, heads, rules)
    head_dim = keys.whole(*HEAD_DIM, default=max(1, hidden // heads), least=0 if latent else 1)
    if latent:
        head_dim = max(1, keys.whole("qk_nope_head_dim", default=head_dim, least=0)
                       + keys.whole("qk_rope_head_dim", default=0, least=0))
    if kv_heads > heads:
        keys.refuse(KV_HEADS[0], f"at most num_attention_heads, {heads}", kv_heads)
    qkv, out, mlp = _biases(keys, rules)
    intermediate = keys.get(*INTERMEDIATE)
    widths = [4 * hidden] * layers if intermediate is None else keys.layered(*INTERMEDIATE, layers=layers)
    return Shape(keys, family, rules, layers, hidden, heads, min(kv_heads, heads), head_dim, tuple(widths),
                 keys.whole(*VOCABULARY), _tied(keys, rules, sections), qkv, out, mlp)
