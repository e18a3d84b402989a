"""What replicas have in common: the names by which the estimate's deviations are shared and looked up."""

from __future__ import annotations

from optimizer.throughput.curve import Question

ALONE = "model"
"""The trait that all rows of one model share."""

Traits = dict[str, str]


def traits_of(question: Question) -> Traits:
    """Return a replica's traits by name; `configuration` is everything but model and requests."""
    q, gpu = question, question.gpu
    return {
        ALONE: "",
        "engine": q.engine_id,
        "family": q.model.family,
        "memory": gpu.memory_kind,
        "architecture": gpu.architecture,
        "gpu": gpu.gpu_id,
        "precision": q.precision.runs_like,
        "mixture": "mixture" if q.model.experts else "dense",
        "configuration": f"{gpu.gpu_id}|{q.engine_id}|{q.tp_size}|{q.gpu_count}|{q.precision.runs_like}",
    }


def value_of(traits: Traits, name: str) -> str:
    """Return the value of a trait, or of several joined by `|`.

    >>> value_of({"engine": "vllm", "gpu": "l4-24gb"}, "gpu|engine")
    'l4-24gb|vllm'
    """
    return traits[name] if "|" not in name else "|".join(traits[part] for part in name.split("|"))
