"""Step 4: which engines run a model at a precision on a GPU; the others are no candidates, each with its reason."""

from __future__ import annotations

from optimizer.schema.catalog import Engine, Gpu, LlmModel


def _capability(gpu: Gpu) -> str:
    return "none stated" if gpu.compute_capability is None else f"{gpu.compute_capability:g}"


def gpu_refusal(engine: Engine, gpu: Gpu) -> str | None:
    """Say why an engine does not run on a GPU, or None."""
    if gpu.vendor not in engine.vendors:
        return f"{engine.name} does not run on {gpu.vendor.upper()} GPUs"
    if gpu.vendor == "nvidia" and (gpu.compute_capability or 0.0) < engine.min_compute_capability:
        least = engine.min_compute_capability
        return f"{engine.name} needs compute capability {least:g}, {gpu.gpu_id} has {_capability(gpu)}"
    return None


def model_refusal(engine: Engine, model: LlmModel) -> str | None:
    """Say why an engine does not run a model, or None."""
    if model.family in engine.unsupported_families:
        return f"{engine.name} does not run the {model.family} family"
    if engine.families is not None and model.family not in engine.families:
        return f"{engine.name} is not known to run the {model.family} family"
    return None


def precision_refusal(engine: Engine, precision_id: str, gpu: Gpu) -> str | None:
    """Say why an engine does not run a precision on a GPU, or None."""
    supported = engine.precisions.get(precision_id)
    if supported is None:
        return f"{engine.name} has no {precision_id}"
    if gpu.vendor == "amd":
        return None if supported.amd else f"{engine.name} has no {precision_id} on AMD GPUs"
    if gpu.vendor != "nvidia":
        runs = gpu.vendor == "intel" and supported.intel
        return None if runs else f"{engine.name} has no {precision_id} on {gpu.vendor.capitalize()} GPUs"
    found = f"{gpu.gpu_id} has {_capability(gpu)}"
    least, most = supported.min_compute_capability or 0.0, supported.max_compute_capability
    if (gpu.compute_capability or 0.0) < least:
        return f"{precision_id} needs compute capability {least:g} in {engine.name}, {found}"
    if most is not None and (gpu.compute_capability or 0.0) > most:
        return f"{precision_id} needs compute capability {most:g} or less in {engine.name}, {found}"
    return None


BF16_CAPABILITY = 8.0
"""NVIDIA GPUs below this compute capability have no bfloat16: engines compute in float16 there."""


def half_refusal(engine: Engine, model: LlmModel, precision_id: str, gpu: Gpu) -> str | None:
    """Say why a model whose numbers overflow float16 cannot run at a precision on a GPU, or None."""
    if model.family not in engine.families_without_fp16:
        return None
    if precision_id.removesuffix("-kv8") == "fp16":
        return f"{engine.name} refuses float16 for the {model.family} family: its numbers overflow"
    if gpu.vendor == "nvidia" and (gpu.compute_capability or 0.0) < BF16_CAPABILITY and precision_id != "fp32":
        return f"{engine.name} refuses float16 for the {model.family} family, and {gpu.gpu_id} has no bfloat16"
    return None


def split_refusal(engine: Engine, model: LlmModel, tp_size: int) -> str | None:
    """Say why a model cannot be split over so many GPUs, or None."""
    if tp_size not in engine.tp_sizes:
        return f"{engine.name} has no tensor parallel {tp_size}"
    if model.attention == "none":
        return None
    if engine.heads_divisible and model.attention_heads % tp_size:
        return f"{model.attention_heads} attention heads do not divide by tensor parallel {tp_size}"
    if engine.heads_divisible and model.kv_heads % tp_size and tp_size % model.kv_heads:
        return f"{model.kv_heads} KV heads neither divide nor are divided by tensor parallel {tp_size}"
    return None


def refusal(engine: Engine, model: LlmModel, precision_id: str, gpu: Gpu, tp_size: int) -> str | None:
    """Say why a combination cannot run, or None when it can."""
    return (
        gpu_refusal(engine, gpu)
        or model_refusal(engine, model)
        or precision_refusal(engine, precision_id, gpu)
        or half_refusal(engine, model, precision_id, gpu)
        or split_refusal(engine, model, tp_size)
    )
