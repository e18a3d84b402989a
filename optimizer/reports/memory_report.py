"""Step 3 alone: what one model takes of one set of GPUs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path

from optimizer.engines import refusal
from optimizer.errors import Fault, InputError
from optimizer.load import Catalog
from optimizer.load.model_config import read_model_config
from optimizer.memory import default_max_num_seqs, memory_fit, overhead_in_force
from optimizer.reports import json_report
from optimizer.reports.csv_report import rows_as_csv
from optimizer.reports.markdown import table as markdown_table
from optimizer.reports.terminal import BOLD, paint, wrap
from optimizer.reports.wording import counted
from optimizer.schema.catalog import Engine, LlmModel
from optimizer.units import GIB

MIB = 2**20
SMALLEST_PART_GIB = 0.05
"""Parts of the weights under this stand only in the sum."""


@dataclass(frozen=True)
class MemoryReport:
    """Memory of one GPU set (all its GPUs together), and of each GPU."""

    model: str
    gpu_id: str
    tp_size: int
    precision: str
    engine_id: str
    engine_version: str
    context_tokens: int
    max_num_seqs: int
    usable_gib: float
    weights_gib: float
    plain_weights_gib: float
    """Of the weights: what is not quantised."""
    quantised_weights_gib: float
    scales_gib: float
    vision_gib: float
    loading_gib: float
    """What loading adds: copies on several ranks, padding, the table of positions."""
    overhead_gib: float
    overhead_means: str
    overhead_error_gib: float
    """How far the overhead of one GPU may be off."""
    kv_cache_gib: float
    kv_bytes_per_token: float
    kv_cache_tokens: int
    state_bytes_per_request: float
    request_gib: float
    """What one request of this context takes."""
    max_concurrency: int
    fits: bool
    uncertain: bool
    """The cache is under 10% of the memory: an error of 1-2 GiB would decide."""
    refusal: str | None
    """Why the engine does not run this at all."""


def _unknown(option: str, value: str, known: Iterable[str], hint: str) -> Fault:
    """Say that nothing bears a name, and which names come near."""
    squeezed = {_squeezed(name): name for name in known}
    within = [name for short, name in squeezed.items() if _squeezed(value) in short]
    close = [squeezed[short] for short in get_close_matches(_squeezed(value), squeezed, n=3)]
    near = sorted(within, key=len)[:6] or close
    return Fault("memory", option, repr(value), f"{', '.join(near)}; {hint}" if near else hint)


def _squeezed(name: str) -> str:
    """Reduce a name to its letters and digits."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _model(catalog: Catalog, name: str) -> LlmModel:
    if name.endswith(".json"):
        return read_model_config(Path(name))[0]
    model = catalog.models.get(name) or catalog.models.get(catalog.model_names.get(name.lower(), ""))
    if model is None:
        hint = "an id of gpumix catalog list models, or a path to a config.json"
        raise InputError([_unknown("MODEL", name, catalog.models, hint)])
    return model


def memory_of(
    catalog: Catalog, model_name: str, gpu_id: str, tp_size: int, precision_id: str | None, engine_id: str,
    context_tokens: int | None, max_num_seqs: int | None, memory_fraction: float | None,
    engine_version: str | None = None,
) -> MemoryReport:
    """Work out the memory of one combination, at the engine's version in the catalog unless another is named.

    Raises:
        InputError: a name is unknown, or the context exceeds the model's limit.
    """
    model = _model(catalog, model_name)
    precision_id = precision_id or model.native_precision
    faults = [
        _unknown(option, value, known, f"an id of gpumix catalog list {table}")
        for option, value, known, table in (
            ("--gpu", gpu_id, catalog.gpus, "gpus"), ("--engine", engine_id, catalog.engines, "engines"),
            ("--precision", precision_id, catalog.precisions, "precisions"))
        if value not in known
    ]
    context = context_tokens or model.context_limit_tokens
    if context > model.context_limit_tokens:
        limit = model.context_limit_tokens
        faults.append(Fault("memory", "--context", str(context), f"at most the model's limit of {limit}"))
    if engine_version is not None and not any(letter.isdigit() for letter in engine_version):
        faults.append(Fault("memory", "--engine-version", repr(engine_version), "a version such as 0.16.0"))
    if faults:
        raise InputError(faults)
    gpu, engine = catalog.gpus[gpu_id], catalog.engines[engine_id]
    rules = overhead_in_force(engine, engine_version)
    sequences = max_num_seqs or default_max_num_seqs(gpu, rules)
    fit = memory_fit(model, catalog.precisions[precision_id], engine, gpu, tp_size, sequences, memory_fraction, rules)
    why = refusal(engine, model, precision_id, gpu, tp_size)
    concurrency, parts = fit.max_concurrency(context), fit.weights
    return MemoryReport(
        model=model_name, gpu_id=gpu_id, tp_size=tp_size, precision=precision_id, engine_id=engine_id,
        engine_version=engine_version or engine.version,
        context_tokens=context, max_num_seqs=sequences, usable_gib=fit.usable_gib, weights_gib=fit.weights_gib,
        plain_weights_gib=parts.plain / GIB, quantised_weights_gib=parts.quantised / GIB,
        scales_gib=parts.scales / GIB, vision_gib=parts.vision / GIB, loading_gib=parts.added / GIB,
        overhead_gib=fit.overhead_gib, overhead_means=_meaning(engine, sequences, memory_fraction is not None),
        overhead_error_gib=rules.error_gib, kv_cache_gib=fit.kv_cache_gib,
        kv_bytes_per_token=fit.kv_bytes_per_token, kv_cache_tokens=fit.kv_cache_tokens,
        state_bytes_per_request=fit.state_bytes_per_request, request_gib=fit.request_gib(context),
        max_concurrency=concurrency, fits=concurrency > 0 and why is None,
        uncertain=fit.uncertain, refusal=why)


def _meaning(engine: Engine, sequences: int, share_stated: bool) -> str:
    """Say what the overhead consists of."""
    if engine.overhead.reserved:
        return "counted into the rest of the memory" if share_stated else "what the engine reserves"
    terms = f"activations at {sequences:,} sequences, CUDA"
    return f"{terms}, and a share left free" if engine.share_of == "free" else terms


def _verdict(report: MemoryReport) -> str | None:
    """Say what the sum means where the figures alone do not."""
    r = report
    if r.refusal:
        return f"cannot run: {r.refusal}"
    if r.kv_cache_gib < 0:
        return f"does not fit: {-r.kv_cache_gib:.2f} GiB are missing before the first request"
    if not r.fits:
        return "does not fit: not a single request of this context (--context TOKENS asks for a shorter one)"
    if r.uncertain:
        return "uncertain: the cache is under 10% of the memory, an error of 1-2 GiB would decide"
    if r.max_concurrency > r.max_num_seqs:
        return f"the engine takes {r.max_num_seqs:,} of them at once, unless --max-num-seqs says otherwise"
    return None


def _parts(report: MemoryReport) -> list[str]:
    """List the parts of the weights where there is more than one worth a line."""
    named = (("not quantised", report.plain_weights_gib), ("quantised", report.quantised_weights_gib),
             ("scales", report.scales_gib), ("vision tower", report.vision_gib),
             ("copies, padding, positions", report.loading_gib))
    said = [(name, gib) for name, gib in named if gib >= SMALLEST_PART_GIB]
    return [f"      {name:<27}{gib:10.2f} GiB" for name, gib in said] if len(said) > 1 else []


def text(report: MemoryReport) -> str:
    """Render the sum line by line."""
    r = report
    lines = [
        paint(f"{r.model} at {r.precision} on {r.tp_size} x {r.gpu_id}, {r.engine_id}", BOLD),
        f"  usable memory    {r.usable_gib:10.2f} GiB",
        f"  - weights        {r.weights_gib:10.2f} GiB",
        *_parts(r),
        f"  - overhead       {r.overhead_gib:10.2f} GiB  ({r.overhead_means})",
        f"  = KV cache       {r.kv_cache_gib:10.2f} GiB",
    ]
    if r.kv_cache_gib > 0:
        each = f"a request, {r.request_gib * 1024:,.0f} MiB"
        state = f" ({r.state_bytes_per_request / MIB:,.0f} of them its state)" if r.state_bytes_per_request else ""
        lines += [
            f"  / {r.kv_bytes_per_token:,.0f} bytes a token = {r.kv_cache_tokens:,} tokens",
            f"  / {counted(r.context_tokens, 'token')} {each}{state} = {counted(r.max_concurrency, 'request')} at once",
        ]
    verdict = _verdict(report)
    return "\n".join([*lines, *(wrap(verdict, "    ", "  ") if verdict else [])]) + "\n"


def _csv(report: MemoryReport) -> str:
    return rows_as_csv(tuple(asdict(report)), [asdict(report)])


def _shown(value: object) -> object:
    """Write a value of the report for a reader."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else f"{value:,.2f}" if isinstance(value, float) else value


def _markdown(report: MemoryReport) -> str:
    rows = [(name, _shown(value)) for name, value in asdict(report).items()]
    return "\n".join(markdown_table(("quantity", "value"), rows)) + "\n"


MEMORY_REPORTS: dict[str, Callable[[MemoryReport], str]] = {
    "text": text, "json": lambda report: json_report.dumps(asdict(report)), "csv": _csv, "markdown": _markdown,
}
"""By the name that --format takes."""
