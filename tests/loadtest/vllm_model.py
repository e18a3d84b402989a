"""A small Llama of random weights as vLLM loads it, written by the interpreter that vLLM is installed in.

    python tests/loadtest/vllm_model.py FOLDER

The weights of the output are large only for letters and the space, so that every token is a whole character.
"""

from __future__ import annotations

import json
import string
import sys
from pathlib import Path

WIDTH, LAYERS, HEADS, INNER, CONTEXT = 256, 4, 8, 768, 2048
"""Some three million parameters: a token takes milliseconds on one core."""


def write_tokenizer(folder: Path) -> list[str]:
    """Write a tokeniser of single bytes; return its tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = ["<unk>", "<s>", "</s>", *alphabet]
    made = Tokenizer(models.BPE(vocab={token: number for number, token in enumerate(tokens)}, merges=[]))
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    made.add_special_tokens(["<unk>", "<s>", "</s>"])
    made.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>",
        "model_max_length": CONTEXT}))
    return tokens


def write_model(folder: Path) -> None:
    """Write config, tokeniser and weights."""
    import numpy as np
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    tokens, draw = write_tokenizer(folder), np.random.default_rng(7)
    (folder / "config.json").write_text(json.dumps({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": WIDTH, "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS, "num_key_value_heads": HEADS, "intermediate_size": INNER, "rms_norm_eps": 1e-5,
        "vocab_size": len(tokens), "max_position_embeddings": CONTEXT, "bos_token_id": 1, "eos_token_id": 2,
        "tie_word_embeddings": False, "torch_dtype": "bfloat16", "hidden_act": "silu", "rope_theta": 10000.0}))

    def weights(rows: int, columns: int) -> object:
        return (draw.standard_normal((rows, columns)) / np.sqrt(columns)).astype(np.float32)

    spoken = {*string.ascii_letters, "\u0120"}
    loud = np.array([[4.0 if token in spoken else 0.0] for token in tokens])
    tensors = {"model.embed_tokens.weight": weights(len(tokens), WIDTH),
               "model.norm.weight": np.ones(WIDTH, np.float32),
               "lm_head.weight": (draw.standard_normal((len(tokens), WIDTH)) * loud).astype(np.float32)}
    for layer in range(LAYERS):
        start = f"model.layers.{layer}"
        for part in ("q", "k", "v", "o"):
            tensors[f"{start}.self_attn.{part}_proj.weight"] = weights(WIDTH, WIDTH)
        for part in ("gate", "up"):
            tensors[f"{start}.mlp.{part}_proj.weight"] = weights(INNER, WIDTH)
        tensors[f"{start}.mlp.down_proj.weight"] = weights(WIDTH, INNER)
        for norm in ("input_layernorm", "post_attention_layernorm"):
            tensors[f"{start}.{norm}.weight"] = np.ones(WIDTH, np.float32)
    save_file(tensors, str(folder / "model.safetensors"))


if __name__ == "__main__":
    write_model(Path(sys.argv[1]))
