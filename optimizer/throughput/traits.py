"""What replicas have in common: the names by which the estimate's deviations are shared and looked up."""

from __future__ import annotations

from optimizer.schema.catalog import LlmModel
from optimizer.throughput.curve import Question

ALONE = "model"
"""The trait that all rows of one model share."""

Traits = dict[str, str]


def attention_of(model: LlmModel) -> str:
    """Name how a model attends: by compressed vectors, with states beside or windows beside, or to everything."""
    if model.attention == "mla":
        return "mla"
    if model.state_layers:
        return "states"
    return "windows" if model.sliding_window_layers else "all"


def link_of(question: Question) -> str:
    """Name how a replica's GPUs reach each other: not at all, by a fabric, by PCIe, or through the host's memory."""
    q = question
    if max(q.tp_size, q.gpu_count) == 1:
        return "none"
    if not q.gpu.link.startswith("PCIe"):
        return "fabric"
    return "pcie" if q.gpu.peer_to_peer else "host"


def parallelism_of(question: Question) -> str:
    """Name the ways beside tensor parallelism in which a replica spreads over its GPUs."""
    layout = question.layout
    named = (("dp", layout.dp_size), ("ep", layout.ep_size), ("pp", layout.pp_size))
    return "-".join(part for part, size in named if size > 1) or "tp"


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
        "attention": attention_of(q.model),
        "link": link_of(q),
        "parallelism": parallelism_of(q),
        "laboratory": q.laboratory,
        "configuration": f"{gpu.gpu_id}|{q.engine_id}|{q.layout.name}|{q.precision.runs_like}",
    }


def value_of(traits: Traits, name: str) -> str:
    """Return the value of a trait, or of several joined by `|`.

    >>> value_of({"engine": "vllm", "gpu": "l4-24gb"}, "gpu|engine")
    'l4-24gb|vllm'
    """
    return traits[name] if "|" not in name else "|".join(traits[part] for part in name.split("|"))
