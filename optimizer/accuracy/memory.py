"""How well weights and KV cache are predicted: against what engines logged at start-up, nothing read from the log."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from optimizer.engines import split_refusal
from optimizer.load import Catalog
from optimizer.load.model_names import find_model_id
from optimizer.load.startup_logs import read_startup_logs
from optimizer.memory import KV_BLOCK_TOKENS, MemoryFit, is_newer, memory_fit, overhead_in_force, profiled_tokens
from optimizer.schema.catalog import Gpu, LlmModel, Precision
from optimizer.schema.startup_log import StartupLog

ENGINE = "vllm"
"""Whose logs are read."""

OPENS_BY_GIB = 0.5
"""A log whose own terms miss its KV cache by more is wrong in one of them (they close within 0.01 GiB)."""

SAME_FRACTION = 0.01
"""Tokens within this of concurrency x context are that product: later versions log it so for several kinds of layer."""


@dataclass(frozen=True, slots=True)
class LoggedMemory:
    """One log with its prediction: GiB of one rank, tokens of the replica."""

    case_id: str
    source_group: str
    model_id: str
    precision: str
    precision_class: str
    """The precision where nothing is quantised, else `quantised`."""
    gpu_id: str
    tp_size: int
    engine_version: str
    predicted_weights_gib: float
    logged_weights_gib: float | None
    weights_error_fraction: float | None
    predicted_kv_tokens: int
    logged_kv_tokens: int | None
    predicted_kv_gib: float
    logged_kv_gib: float | None
    kv_error_fraction: float | None
    """Of the tokens; of the GiB where no tokens were logged."""
    predicted_max_concurrency: float | None
    logged_max_concurrency: float | None
    concurrency_error_fraction: float | None
    uncertain: bool
    """Whether something that the log does not state, or the engine's own variation, would decide."""
    uncertain_because: str
    """Why, "" where it is certain."""

    @property
    def configuration(self) -> tuple[str, str, str, int, str]:
        """What is the same in repeated runs."""
        return self.model_id, self.precision, self.gpu_id, self.tp_size, self.engine_version


@dataclass(frozen=True, slots=True)
class UnusedLog:
    """A log that cannot be compared, and why."""

    case_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class MemoryErrors:
    """Errors of a group of logs; medians and percentiles of absolute relative errors, None without a figure."""

    group: str
    """What the logs share: `all`, `precision_class`, `source_group`, `engine_version`."""
    name: str
    rows: int
    configurations: int
    uncertain: int
    weights_median_error_fraction: float | None
    weights_p90_error_fraction: float | None
    kv_rows: int
    """Rows with a logged cache, those left out that are uncertain."""
    kv_median_error_fraction: float | None
    kv_p90_error_fraction: float | None
    kv_median_error_fraction_of_configurations: float | None
    """Repeated runs of one configuration count once."""
    concurrency_median_error_fraction: float | None


@dataclass(frozen=True, slots=True)
class MemoryAccuracy:
    """All logs of a file with their predictions, and the errors by group."""

    file: str
    rows: tuple[LoggedMemory, ...]
    unused: tuple[UnusedLog, ...]
    totals: tuple[MemoryErrors, ...]


def _squeezed(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def find_model(catalog: Catalog, name: str) -> str | None:
    """Return the id of the model a log names, by id or Hugging Face name; marks of a quantised copy are left out."""
    return find_model_id(catalog.models, catalog.model_names, name)


def _words(name: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", name.lower()))


def find_gpu(catalog: Catalog, name: str) -> str | None:
    """Return the id of the GPU a log names, by id, name or alias, or the one kind of memory that all its words fit."""
    if name in catalog.gpus:
        return name
    for key, gpu in catalog.gpus.items():
        if _squeezed(name) in {_squeezed(other) for other in (key, gpu.name, *gpu.aliases.split(";"))}:
            return key
    words = _words(name)
    fits = [key for key in catalog.gpus if words <= _words(key)] if words else []
    fits = fits or [key for key, gpu in catalog.gpus.items() if words and words <= _words(f"{key} {gpu.name}")]
    return fits[0] if len({catalog.gpus[key].memory_usable_gib for key in fits}) == 1 else None


def find_precision(catalog: Catalog, name: str) -> str | None:
    """Return the precision a log names; the kind of quantisation may stand before or behind it."""
    return next((part for part in (name.lower(), *name.lower().split("-")) if part in catalog.precisions), None)


def _unclosed(log: StartupLog, usable_gib: float) -> float:
    """Return by how many GiB a log's own terms miss its KV cache, 0 where it lacks one of them."""
    parts = (log.model_weights_gib, log.activation_peak_gib, log.non_torch_gib, log.kv_cache_gib)
    stated = [part for part in parts if part is not None]
    return usable_gib - sum(stated) if len(stated) == len(parts) else 0.0


def _refusal(catalog: Catalog, log: StartupLog) -> str | None:
    """Say why a log cannot be compared, or None."""
    model, gpu = find_model(catalog, log.model_hf_id), find_gpu(catalog, log.gpu)
    if model is None:
        return f"{log.model_hf_id} is no model of the catalog"
    if gpu is None:
        return f"{log.gpu} is no GPU of the catalog"
    if find_precision(catalog, log.precision) is None:
        return f"{log.precision} is no precision of the catalog"
    if log.gpu_memory_utilization is None:
        return "the share of the memory is not stated"
    if log.pp > 1:
        return "pipeline parallel is not planned"
    if log.kv_cache_gib is None and _logged_tokens(log) is None and log.model_weights_gib is None:
        return "neither weights nor cache were logged"
    missing = _unclosed(log, log.gpu_memory_utilization * _gpu_of(catalog, log, gpu).memory_usable_gib)
    if abs(missing) > OPENS_BY_GIB:
        return f"its own terms do not close: {missing:+.2f} GiB"
    return split_refusal(catalog.engines[ENGINE].model_copy(update={"tp_sizes": (log.tp,)}), catalog.models[model],
                         log.tp)


def _gpu_of(catalog: Catalog, log: StartupLog, gpu_id: str) -> Gpu:
    usable = log.total_gpu_mem_gib or catalog.gpus[gpu_id].memory_usable_gib
    return catalog.gpus[gpu_id].model_copy(update={"memory_usable_gib": usable})


def _precision_of(catalog: Catalog, log: StartupLog, precision_id: str) -> Precision:
    """Return the precision with the KV cache that the log's engine was started with."""
    precision = catalog.precisions[precision_id]
    return precision.model_copy(update={"kv_bytes": 1.0}) if log.kv_cache_dtype.startswith("fp8") else precision


def _logged_tokens(log: StartupLog) -> int | None:
    """Return the tokens of the cache: as logged, or blocks x tokens of a block."""
    if log.kv_cache_tokens is not None or log.num_gpu_blocks is None:
        return log.kv_cache_tokens
    return log.num_gpu_blocks * (log.block_size or KV_BLOCK_TOKENS)


def _predicted_tokens(fit: MemoryFit, log: StartupLog) -> int:
    """Return the tokens that the engine would log.

    With several kinds of layers that is blocks / groups x tokens of a block, in later versions concurrency x context.
    """
    logged, layout, free = _logged_tokens(log), fit.layout, fit.free_bytes_per_gpu
    if logged and log.max_concurrency_x and log.max_model_len and layout.groups > 1:
        product = log.max_concurrency_x * log.max_model_len
        if abs(logged / product - 1) <= SAME_FRACTION:
            return int(layout.share_in(free, log.max_model_len) * log.max_model_len)
    return layout.blocks_in(free) // layout.groups * layout.block_tokens


def _error(predicted: float | None, logged: float | None) -> float | None:
    return None if predicted is None or not logged else predicted / logged - 1


def _fit(catalog: Catalog, log: StartupLog, model: LlmModel, precision: Precision, gpu: Gpu) -> MemoryFit:
    engine = catalog.engines[ENGINE]
    rules = overhead_in_force(engine, log.vllm_version, log.date)
    tokens = log.max_num_batched_tokens
    if rules.whole_prompt_up_to_tokens:
        context = log.max_model_len or model.context_extended_tokens or model.context_limit_tokens
        tokens = max(tokens or 0, profiled_tokens(gpu, rules, context))
    return memory_fit(model, precision, engine, gpu, log.tp, log.max_num_seqs, log.gpu_memory_utilization, rules,
                      tokens)


TELLING_FRACTION = 0.12
"""What an engine takes beside weights and cache varies; where that is more than this share of the cache, it decides."""

NEWER_GIB, UNSTATED_GIB = 1.0, 2.0
"""How much more it may vary in a version that the catalog has no figures of, and where the version, or the prompt that
an old version tried at start, is not stated: such prompts took 2 to 4 GiB."""


def _doubt(catalog: Catalog, log: StartupLog, model: LlmModel, fit: MemoryFit) -> str:
    """Say why a prediction is uncertain, "" where it is not."""
    engine = catalog.engines[ENGINE]
    rules = overhead_in_force(engine, log.vllm_version, log.date)
    older, newer = bool(rules.whole_prompt_up_to_tokens), is_newer(engine, log.vllm_version)
    if fit.uncertain:
        return "the cache is under 10% of the memory"
    if model.family in engine.unsupported_families:
        return f"the engine no longer runs the {model.family} family"
    unstated = not log.vllm_version and (older or not log.date)
    unstated = unstated or (older and log.max_model_len is None and log.max_num_batched_tokens is None)
    error = rules.error_gib + NEWER_GIB * newer + UNSTATED_GIB * unstated
    if error > TELLING_FRACTION * fit.kv_cache_gib / fit.gpu_count:
        why = "its version or longest prompt is not stated" if unstated else "newer than known" if newer else "usual"
        return f"the engine's own share may vary by {error:g} GiB a GPU ({why})"
    return ""


def _compared(catalog: Catalog, log: StartupLog) -> LoggedMemory:
    """Predict one log that nothing speaks against."""
    model_id, gpu_id = find_model(catalog, log.model_hf_id) or "", find_gpu(catalog, log.gpu) or ""
    precision_id = find_precision(catalog, log.precision) or ""
    precision = _precision_of(catalog, log, precision_id)
    fit = _fit(catalog, log, catalog.models[model_id], precision, _gpu_of(catalog, log, gpu_id))
    weights, cache = fit.weights_gib / log.tp, max(0.0, fit.kv_cache_gib / log.tp)
    tokens, logged = _predicted_tokens(fit, log), _logged_tokens(log)
    requests = fit.layout.share_in(fit.free_bytes_per_gpu, log.max_model_len) if log.max_model_len else None
    doubt = _doubt(catalog, log, catalog.models[model_id], fit)
    quantised = precision.quantises != "all" or precision.weight_only
    return LoggedMemory(
        log.case_id, log.source_group, model_id, precision_id, "quantised" if quantised else precision_id, gpu_id,
        log.tp, log.vllm_version or "not stated", weights, log.model_weights_gib,
        _error(weights, log.model_weights_gib), tokens, logged, cache, log.kv_cache_gib,
        _error(cache, log.kv_cache_gib) if logged is None else _error(tokens, logged),
        requests, log.max_concurrency_x, _error(requests, log.max_concurrency_x), bool(doubt), doubt)


def _p90(errors: list[float]) -> float | None:
    if len(errors) < 2:
        return errors[0] if errors else None
    return quantiles(errors, n=10, method="inclusive")[-1]


def _sizes(errors: Iterable[float | None]) -> list[float]:
    return [abs(error) for error in errors if error is not None]


def _errors_of(group: str, name: str, rows: list[LoggedMemory]) -> MemoryErrors:
    """Sum up the errors of some logs; errors of the cache are those of logs that are not uncertain."""
    certain = [row for row in rows if not row.uncertain]
    weights = _sizes(row.weights_error_fraction for row in rows)
    cache = _sizes(row.kv_error_fraction for row in certain)
    repeated: dict[tuple[str, str, str, int, str], list[float]] = {}
    for row in certain:
        if row.kv_error_fraction is not None:
            repeated.setdefault(row.configuration, []).append(abs(row.kv_error_fraction))
    requests = _sizes(row.concurrency_error_fraction for row in certain)
    once = [median(errors) for errors in repeated.values()]
    return MemoryErrors(
        group, name, len(rows), len({row.configuration for row in rows}), len(rows) - len(certain),
        median(weights) if weights else None, _p90(weights), len(cache), median(cache) if cache else None, _p90(cache),
        median(once) if once else None, median(requests) if requests else None)


GROUPS: dict[str, Callable[[LoggedMemory], str]] = {
    "all": lambda row: "all",
    "precision_class": lambda row: row.precision_class,
    "source_group": lambda row: row.source_group,
    "engine_version": lambda row: row.engine_version,
}
"""What the totals are made by."""


def _totals(rows: tuple[LoggedMemory, ...]) -> tuple[MemoryErrors, ...]:
    found = []
    for group, key in GROUPS.items():
        names = sorted({key(row) for row in rows}, key=lambda name: (-sum(key(row) == name for row in rows), name))
        found += [_errors_of(group, name, [row for row in rows if key(row) == name]) for name in names]
    largest = next((total.name for total in found if total.group == "source_group"), None)
    others = [row for row in rows if row.source_group != largest]
    if others and len(others) < len(rows):
        found.append(_errors_of("source_group", f"all but {largest}", others))
    return tuple(found)


def memory_accuracy(catalog: Catalog, path: Path) -> MemoryAccuracy:
    """Compare predicted with logged weights, KV tokens and concurrency, log by log and by group.

    Raises:
        InputError: the file cannot be read, or rows or columns of it are wrong.
    """
    rows, unused = [], []
    for log in read_startup_logs(path):
        reason = _refusal(catalog, log)
        if reason is None:
            rows.append(_compared(catalog, log))
        else:
            unused.append(UnusedLog(log.case_id, reason))
    return MemoryAccuracy(path.name, tuple(rows), tuple(unused), _totals(tuple(rows)))


PROMISED_MEDIAN, PROMISED_P90 = 0.01, 0.12
"""How far predicted KV tokens may be from logged ones: median and 90th percentile of the logs that are certain."""


def keeps_its_promise(accuracy: MemoryAccuracy) -> bool:
    """Say whether the KV tokens of certain logs are as near as promised."""
    whole = next(total for total in accuracy.totals if total.group == "all") if accuracy.rows else None
    if whole is None or whole.kv_median_error_fraction is None or whole.kv_p90_error_fraction is None:
        return False
    return whole.kv_median_error_fraction <= PROMISED_MEDIAN and whole.kv_p90_error_fraction <= PROMISED_P90
