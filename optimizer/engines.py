"""Step 4: which engines run a model at a precision on a GPU; the others are no candidates, each with its reason."""

from __future__ import annotations

from optimizer.messages import Message
from optimizer.schema.catalog import Engine, Gpu, LlmModel


def _capability(gpu: Gpu) -> str:
    return Message("engine.capability-none") if gpu.compute_capability is None else f"{gpu.compute_capability:g}"


def gpu_refusal(engine: Engine, gpu: Gpu) -> Message | None:
    """Say why an engine does not run on a GPU, or None."""
    if gpu.vendor not in engine.vendors:
        return Message("engine.not-on-vendor", engine=engine.name, vendor=gpu.vendor.upper())
    if gpu.vendor == "nvidia" and (gpu.compute_capability or 0.0) < engine.min_compute_capability:
        return Message("engine.needs-capability", engine=engine.name, least=engine.min_compute_capability,
                       gpu=gpu.gpu_id, found=_capability(gpu))
    return None


def model_refusal(engine: Engine, model: LlmModel) -> Message | None:
    """Say why an engine does not run a model, or None."""
    if model.family in engine.unsupported_families:
        return Message("engine.not-family", engine=engine.name, family=model.family)
    if engine.families is not None and model.family not in engine.families:
        return Message("engine.unknown-family", engine=engine.name, family=model.family)
    return None


def precision_refusal(engine: Engine, precision_id: str, gpu: Gpu) -> Message | None:
    """Say why an engine does not run a precision on a GPU, or None."""
    supported = engine.precisions.get(precision_id)
    if supported is None:
        return Message("engine.no-precision", engine=engine.name, precision=precision_id)
    if gpu.vendor != "nvidia":
        runs = (gpu.vendor == "amd" and supported.amd) or (gpu.vendor == "intel" and supported.intel)
        vendor = "AMD" if gpu.vendor == "amd" else gpu.vendor.capitalize()
        return None if runs else Message(
            "engine.no-precision-on-vendor", engine=engine.name, precision=precision_id, vendor=vendor)
    named = {"precision": precision_id, "engine": engine.name, "gpu": gpu.gpu_id, "found": _capability(gpu)}
    least, most = supported.min_compute_capability or 0.0, supported.max_compute_capability
    if (gpu.compute_capability or 0.0) < least:
        return Message("engine.precision-needs", least=least, **named)
    if most is not None and (gpu.compute_capability or 0.0) > most:
        return Message("engine.precision-at-most", most=most, **named)
    return None


BF16_CAPABILITY = 8.0
"""NVIDIA GPUs below this compute capability have no bfloat16: engines compute in float16 there."""


def half_refusal(engine: Engine, model: LlmModel, precision_id: str, gpu: Gpu) -> Message | None:
    """Say why a model whose numbers overflow float16 cannot run at a precision on a GPU, or None."""
    if model.family not in engine.families_without_fp16:
        return None
    if precision_id.removesuffix("-kv8") == "fp16":
        return Message("engine.no-half", engine=engine.name, family=model.family)
    if gpu.vendor == "nvidia" and (gpu.compute_capability or 0.0) < BF16_CAPABILITY and precision_id != "fp32":
        return Message("engine.no-half-on-gpu", engine=engine.name, family=model.family, gpu=gpu.gpu_id)
    return None


def split_refusal(engine: Engine, model: LlmModel, tp_size: int) -> Message | None:
    """Say why a model cannot be split over so many GPUs, or None."""
    if tp_size not in engine.tp_sizes:
        return Message("engine.no-tensor-parallel", engine=engine.name, size=tp_size)
    if model.attention == "none":
        return None
    if engine.heads_divisible and model.attention_heads % tp_size:
        return Message("engine.heads", heads=model.attention_heads, size=tp_size)
    if engine.heads_divisible and model.kv_heads % tp_size and tp_size % model.kv_heads:
        return Message("engine.kv-heads", heads=model.kv_heads, size=tp_size)
    return None


def refusal(engine: Engine, model: LlmModel, precision_id: str, gpu: Gpu, tp_size: int) -> Message | None:
    """Say why a combination cannot run, or None when it can."""
    return (
        gpu_refusal(engine, gpu)
        or model_refusal(engine, model)
        or precision_refusal(engine, precision_id, gpu)
        or half_refusal(engine, model, precision_id, gpu)
        or split_refusal(engine, model, tp_size)
    )
