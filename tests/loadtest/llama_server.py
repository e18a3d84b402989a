"""llama.cpp serving a small Llama of random weights, in a process of its own.

    python -m tests.loadtest.llama_server MODEL.gguf

Needs `gguf` and `xllamacpp`. The weights of the output are large only for letters and the space: random bytes would
form broken UTF-8, which the server holds back. The address is the first line of output.
"""

from __future__ import annotations

import string
import sys
import time
from pathlib import Path

WIDTH, LAYERS, HEADS, INNER, CONTEXT = 512, 5, 8, 1536, 2048
"""Some 17 million parameters: a token takes milliseconds on one core."""

SLOTS = 4
"""Requests served at once; others wait."""

NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
"""Kinds of tokens in a GGUF file."""


def vocabulary() -> tuple[list[bytes], list[int]]:
    """Return the tokens and their kinds: three special ones, all bytes, the space and the letters."""
    letters = ["\u2581", *string.ascii_lowercase, *(f"\u2581{letter}" for letter in string.ascii_lowercase)]
    tokens = [b"<unk>", b"<s>", b"</s>", *(f"<0x{number:02X}>".encode() for number in range(256)),
              *(letter.encode() for letter in letters)]
    return tokens, [UNKNOWN, CONTROL, CONTROL, *[BYTE] * 256, *[NORMAL] * len(letters)]


def write_model(path: Path) -> None:
    """Write the model."""
    import gguf
    import numpy as np

    draw = np.random.default_rng(7)
    tokens, kinds = vocabulary()
    writer = gguf.GGUFWriter(str(path), "llama")
    for add, value in (
        (writer.add_context_length, CONTEXT), (writer.add_embedding_length, WIDTH), (writer.add_block_count, LAYERS),
        (writer.add_feed_forward_length, INNER), (writer.add_head_count, HEADS), (writer.add_head_count_kv, HEADS),
        (writer.add_layer_norm_rms_eps, 1e-5), (writer.add_rope_dimension_count, WIDTH // HEADS),
        (writer.add_tokenizer_model, "llama"), (writer.add_token_list, tokens), (writer.add_token_types, kinds),
        (writer.add_token_scores, [-float(number) for number in range(len(tokens))]), (writer.add_bos_token_id, 1),
        (writer.add_eos_token_id, 2), (writer.add_vocab_size, len(tokens)),
    ):
        add(value)

    def weights(name: str, *shape: int) -> None:
        writer.add_tensor(name, (draw.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32))

    output = draw.standard_normal((len(tokens), WIDTH)) * np.array([[4.0 if kind == NORMAL else 0.0] for kind in kinds])
    writer.add_tensor("output.weight", output.astype(np.float32))
    weights("token_embd.weight", len(tokens), WIDTH)
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    for layer in range(LAYERS):
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{norm}.weight", np.ones(WIDTH, np.float32))
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            weights(f"blk.{layer}.{name}.weight", WIDTH, WIDTH)
        weights(f"blk.{layer}.ffn_gate.weight", INNER, WIDTH)
        weights(f"blk.{layer}.ffn_up.weight", INNER, WIDTH)
        weights(f"blk.{layer}.ffn_down.weight", WIDTH, INNER)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def serve(path: str) -> None:
    """Serve until the process is ended."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = path
    params.n_ctx, params.n_parallel, params.port = CONTEXT * SLOTS, SLOTS, 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.n_gpu_layers, params.cache_prompt, params.endpoint_metrics, params.verbosity = 0, False, True, 0
    params.hostnames = ["127.0.0.1"]
    server = xllamacpp.Server(params)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    serve(sys.argv[1])
