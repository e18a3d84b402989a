"""Step 3 alone: what one model takes of one set of GPUs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from optimizer.engines import refusal
from optimizer.errors import Fault, InputError
from optimizer.load import Catalog
from optimizer.load.model_config import read_model_config
from optimizer.memory import default_max_num_seqs, memory_fit
from optimizer.reports import json_report
from optimizer.reports.csv_report import rows_as_csv
from optimizer.reports.markdown import table as markdown_table
from optimizer.reports.terminal import BOLD, paint, wrap
from optimizer.schema.catalog import LlmModel


@dataclass(frozen=True)
class MemoryReport:
    """Memory of one GPU set (all its GPUs together), and of each GPU."""

    model: str
    gpu_id: str
    tp_size: int
    precision: str
    engine_id: str
    context_tokens: int
    max_num_seqs: int
    usable_gib: float
    weights_gib: float
    overhead_gib: float
    kv_cache_gib: float
    kv_bytes_per_token: float
    kv_cache_tokens: int
    max_concurrency: int
    fits: bool
    uncertain: bool
    """The cache is under 10% of the memory: an error of 1-2 GiB would decide."""
    refusal: str | None
    """Why the engine does not run this at all."""


def _model(catalog: Catalog, name: str) -> LlmModel:
    if name.endswith(".json"):
        return read_model_config(Path(name))[0]
    model = catalog.models.get(name) or catalog.models.get(catalog.model_names.get(name.lower(), ""))
    if model is None:
        raise InputError([Fault("memory", "MODEL", repr(name), "an id of models.yaml (gpumix catalog list models), or a config.json")])
    return model


def memory_of(
    catalog: Catalog, model_name: str, gpu_id: str, tp_size: int, precision_id: str | None, engine_id: str,
    context_tokens: int | None, max_num_seqs: int | None, memory_fraction: float | None,
) -> MemoryReport:
    """Work out the memory of one combination.

    Raises:
        InputError: a name is unknown, or the context exceeds the model's limit.
    """
    model = _model(catalog, model_name)
    precision_id = precision_id or model.native_precision
    faults = [
        Fault("memory", option, repr(value), ", ".join(known))
        for option, value, known in (("--gpu", gpu_id, catalog.gpus), ("--engine", engine_id, catalog.engines),
                                     ("--precision", precision_id, catalog.precisions))
        if value not in known
    ]
    context = context_tokens or model.context_limit_tokens
    if context > model.context_limit_tokens:
        faults.append(Fault("memory", "--context", str(context), f"at most the model's limit of {model.context_limit_tokens}"))
    if faults:
        raise InputError(faults)
    gpu, engine = catalog.gpus[gpu_id], catalog.engines[engine_id]
    sequences = max_num_seqs or default_max_num_seqs(gpu, engine)
    fit = memory_fit(model, catalog.precisions[precision_id], engine, gpu, tp_size, sequences, memory_fraction)
    why = refusal(engine, model, precision_id, gpu, tp_size)
    concurrency = fit.max_concurrency(context)
    return MemoryReport(
        model_name, gpu_id, tp_size, precision_id, engine_id, context, sequences, fit.usable_gib, fit.weights_gib, fit.overhead_gib,
        fit.kv_cache_gib, fit.kv_bytes_per_token, fit.kv_cache_tokens, concurrency, concurrency > 0 and why is None, fit.uncertain, why)


def text(report: MemoryReport) -> str:
    """Render the sum line by line."""
    r = report
    lines = [
        paint(f"{r.model} at {r.precision} on {r.tp_size} x {r.gpu_id}, {r.engine_id}", BOLD),
        f"  usable memory    {r.usable_gib:10.2f} GiB",
        f"  - weights        {r.weights_gib:10.2f} GiB",
        f"  - overhead       {r.overhead_gib:10.2f} GiB  (activations at {r.max_num_seqs} sequences, CUDA)",
        f"  = KV cache       {r.kv_cache_gib:10.2f} GiB",
        f"  / {r.kv_bytes_per_token:,.0f} bytes a token = {r.kv_cache_tokens:,} tokens",
        f"  / {r.context_tokens:,} tokens a request = {r.max_concurrency:,} requests",
    ]
    if r.refusal:
        lines += wrap(f"cannot run: {r.refusal}")
    elif not r.fits:
        lines += wrap("does not fit: not a single request of this context")
    elif r.uncertain:
        lines += wrap("uncertain: the cache is under 10% of the memory, an error of 1-2 GiB would decide")
    return "\n".join(lines) + "\n"


def _csv(report: MemoryReport) -> str:
    return rows_as_csv(tuple(asdict(report)), [asdict(report)])


def _markdown(report: MemoryReport) -> str:
    return "\n".join(markdown_table(("quantity", "value"), list(asdict(report).items()))) + "\n"


MEMORY_REPORTS: dict[str, Callable[[MemoryReport], str]] = {
    "text": text, "json": lambda report: json_report.dumps(asdict(report)), "csv": _csv, "markdown": _markdown,
}
"""By the name that --format takes."""
