"""What the name of a model states: a precision, a size, active parameters."""

from __future__ import annotations

import re

MARKS: tuple[tuple[str, str], ...] = (
    (r"nvfp4(?:a16)?|modelopt[-_]?fp4|(?<![a-z])fp4", "fp4"), (r"mxfp4", "mxfp4"),
    (r"awq|gptq|int4|w4a16|4[-_]?bit|autoround|auto-round|nf4|bnb[-_]?4bit|w4a8|q4f16|qat[-_]w4", "int4"),
    (r"w8a16|8[-_]?bit|bnb[-_]?8bit", "w8a16"), (r"w8a8|int8|smoothquant|w8", "int8"),
    (r"fp8|float8|f8", "fp8"),
    (r"q4_k_m|q4_k", "q4_k_m"), (r"q5_k_m|q5_k", "q5_k_m"), (r"q6_k", "q6_k"), (r"q8_0", "q8_0"),
    (r"bf16", "bf16"), (r"fp16|f16", "fp16"),
)
"""Marks in names of checkpoints -> precision; the first that stands there counts, GGUF's own before plain ones."""

_EIGHT_IN_FOUR = re.compile(r"(gptq|awq|autoround)[-_ ]?(int8|8bit|w8)|(int8|8bit|w8)[-_ ]?(gptq|awq|autoround)")


def precision_named(name: str) -> str | None:
    """Return the precision that a model's name states, None where it states none.

    >>> precision_named("Qwen/Qwen3-32B-AWQ"), precision_named("nvidia/Llama-3.1-70B-Instruct-FP8")
    ('int4', 'fp8')
    >>> precision_named("openai/gpt-oss-20b"), precision_named("RedHatAI/Llama-3-8B-quantized.w8a8")
    (None, 'int8')
    >>> precision_named("Qwen2.5-7B-Instruct-GPTQ-Int8"), precision_named("Llama-3-8B-FP8-KV")
    ('w8a16', 'fp8')
    """
    short = name.rpartition("/")[2].lower()
    if _EIGHT_IN_FOUR.search(short):
        return "w8a16"
    for pattern, precision in sorted(MARKS, key=lambda mark: not mark[1].startswith("q")):
        if re.search(rf"(?:^|[-_. :@])(?:{pattern})(?=$|[-_. :@])", short):
            return precision
    return None


_SIZE = re.compile(r"(?:^|[-_ /])(?:(\d+)x)?(\d+(?:\.\d+)?)(b|m|t)(?=$|[-_ .])", re.IGNORECASE)


def billions_named(name: str) -> float | None:
    """Return the billions of parameters that a model's name states, None where it states none.

    A name with a factor (8x7B), with experts (17B-16E) or effective parameters (E4B) states no total.

    >>> billions_named("Qwen/Qwen3-30B-A3B"), billions_named("gemma-3-270m-it"), billions_named("Mixtral-8x7B-v0.1")
    (30.0, 0.27, None)
    """
    found = _SIZE.search(name.rpartition("/")[2])
    if not found or found[1] or re.search(r"-\d+E(?=$|[-_ .])", name):
        return None
    return float(found[2]) * {"b": 1.0, "m": 0.001, "t": 1000.0}[found[3].lower()]
