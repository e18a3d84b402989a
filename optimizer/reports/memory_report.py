"""Step 3 alone: what one model takes of one set of GPUs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Any

from optimizer.accuracy.memory import find_gpu
from optimizer.documents.cells import Cell, Number
from optimizer.documents.document import Document, Records, Text, bullets, document, paragraph, section, table
from optimizer.engines import precision_refusal, refusal
from optimizer.errors import Fault, InputError
from optimizer.load import Catalog
from optimizer.load.cache_choices import SUFFIX
from optimizer.memory import default_max_num_seqs, memory_fit, overhead_in_force, profiled_tokens
from optimizer.memory.parts import precision_parts
from optimizer.messages import Message
from optimizer.reports.model_facts import ModelFacts, facts_lines, facts_of, find_model, with_exact_count
from optimizer.reports.model_wording import parts_in_words
from optimizer.schema.catalog import Engine, LlmModel
from optimizer.units import GIB

MIB = 2**20
SMALLEST_PART_GIB = 0.05
"""Parts of the weights under this stand only in the sum."""


@dataclass(frozen=True)
class MemoryReport:
    """Memory of one GPU set (all its GPUs together), and of each GPU."""

    facts: ModelFacts
    gpu_id: str
    tp_size: int
    precision: str
    """Of the weights."""
    kv_cache_precision: str
    planned_parts: dict[str, str]
    """Part -> its precision in this combination, the KV cache among them."""
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
    overhead_means: Message
    overhead_error_gib: float
    """How far the overhead of one GPU may be off."""
    kv_cache_gib: float
    kv_bytes_per_token_here: float
    """Of one token inside every window, on all GPUs: in the cache's own precision, copies on several ranks included."""
    kv_cache_tokens: int
    state_bytes_per_request: float
    in_flight_gib: float
    """What the tokens of one step take of the cache while they are computed, once for all requests."""
    request_gib: float
    """What one request of this context takes."""
    max_concurrency: int
    fits: bool
    uncertain: bool
    """The cache is under 10% of the memory: an error of 1-2 GiB would decide."""
    refusal: Message | None
    """Why the engine does not run this at all."""
    context_needs: str
    """What the engine must be told for a context beyond the model's limit."""


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


def _precision(
    catalog: Catalog, model: LlmModel, asked: str | None, kv_cache: str | None, gpu_id: str, engine_id: str
) -> str:
    """Return the id of weights and cache together: as asked, else the checkpoint's own as far as the engine runs it."""
    weights = (asked or model.native_precision).removesuffix(SUFFIX)
    eight, both = kv_cache == "fp8" or (asked or "").endswith(SUFFIX), f"{weights}{SUFFIX}"
    if kv_cache is not None or asked is not None:
        return both if eight else weights
    gpu, engine = catalog.gpus.get(gpu_id), catalog.engines.get(engine_id)
    runs = gpu is not None and engine is not None and precision_refusal(engine, both, gpu) is None
    return both if both in model.own_precisions and runs else weights


def _facts(catalog: Catalog, name: str, found: tuple[LlmModel, LlmModel | None], exact: bool) -> ModelFacts:
    facts = facts_of(name, *found, catalog.precisions)
    return with_exact_count(facts) if exact else facts


def memory_of(
    catalog: Catalog, model_name: str, gpu_id: str, tp_size: int, precision_id: str | None, engine_id: str,
    context_tokens: int | None, max_num_seqs: int | None, memory_fraction: float | None,
    engine_version: str | None = None, kv_cache: str | None = None, exact: bool = False,
) -> MemoryReport:
    """Work out the memory of one combination, at the engine's version in the catalog unless another is named.

    Raises:
        InputError: a name is unknown, or the context exceeds the model's limit.
    """
    model, known = find_model(catalog, model_name)
    gpu_id = find_gpu(catalog, gpu_id) or gpu_id
    precision_id = _precision(catalog, model, precision_id, kv_cache, gpu_id, engine_id)
    faults = [
        _unknown(option, value, known, f"an id of gpumix catalog list {table}")
        for option, value, known, table in (
            ("--gpu", gpu_id, catalog.gpus, "gpus"), ("--engine", engine_id, catalog.engines, "engines"),
            ("--precision", precision_id, catalog.precisions, "precisions"))
        if value not in known
    ]
    context = context_tokens or model.context_limit_tokens
    if context > (model.context_extended_tokens or model.context_limit_tokens):
        limit, further = model.context_limit_tokens, ""
        if model.context_extended_tokens:
            further = f", or {model.context_extended_tokens} with {model.context_extension}"
        faults.append(Fault("memory", "--context", str(context), f"at most the model's limit of {limit}{further}"))
    if engine_version is not None and not any(letter.isdigit() for letter in engine_version):
        faults.append(Fault("memory", "--engine-version", repr(engine_version), "a version such as 0.16.0"))
    if faults:
        raise InputError(faults)
    gpu, engine = catalog.gpus[gpu_id], catalog.engines[engine_id]
    rules = overhead_in_force(engine, engine_version)
    sequences = max_num_seqs or default_max_num_seqs(gpu, rules)
    fit = memory_fit(model, catalog.precisions[precision_id], engine, gpu, tp_size, sequences, memory_fraction, rules,
                     profiled_tokens(gpu, rules, context))
    why = refusal(engine, model, precision_id, gpu, tp_size)
    concurrency, parts = fit.max_concurrency(context), fit.weights
    return MemoryReport(
        facts=_facts(catalog, model_name, (model, known), exact), gpu_id=gpu_id, tp_size=tp_size,
        precision=precision_id.removesuffix(SUFFIX),
        kv_cache_precision="fp8" if precision_id.endswith(SUFFIX) else "16-bit",
        planned_parts=precision_parts(model, precision_id, catalog.precisions), engine_id=engine_id,
        engine_version=engine_version or engine.version,
        context_tokens=context, max_num_seqs=sequences, usable_gib=fit.usable_gib, weights_gib=fit.weights_gib,
        plain_weights_gib=parts.plain / GIB, quantised_weights_gib=parts.quantised / GIB,
        scales_gib=parts.scales / GIB, vision_gib=parts.vision / GIB, loading_gib=parts.added / GIB,
        overhead_gib=fit.overhead_gib, overhead_means=_meaning(engine, sequences, memory_fraction is not None),
        overhead_error_gib=rules.error_gib, kv_cache_gib=fit.kv_cache_gib,
        kv_bytes_per_token_here=fit.kv_bytes_per_token, kv_cache_tokens=fit.kv_cache_tokens,
        state_bytes_per_request=fit.state_bytes_per_request,
        in_flight_gib=fit.layout.step_bytes * fit.gpu_count / GIB, request_gib=fit.request_gib(context),
        max_concurrency=concurrency, fits=concurrency > 0 and why is None,
        uncertain=fit.uncertain, refusal=why,
        context_needs=model.context_extension if context > model.context_limit_tokens else "")


def _meaning(engine: Engine, sequences: int, share_stated: bool) -> Message:
    """Say what the overhead consists of."""
    if engine.overhead.reserved:
        return Message("memory.counted-in" if share_stated else "memory.reserved")
    return Message("memory.activations-free" if engine.share_of == "free" else "memory.activations", n=sequences)


def _verdict(report: MemoryReport) -> Message | None:
    """Say what the sum means where the figures alone do not."""
    r = report
    if r.refusal:
        return Message("memory.cannot-run", reason=r.refusal)
    if r.kv_cache_gib < 0:
        return Message("memory.missing", gib=-r.kv_cache_gib)
    if not r.fits:
        return Message("memory.no-request")
    if r.uncertain:
        return Message("memory.uncertain")
    if r.max_concurrency > r.max_num_seqs:
        return Message("memory.sequences", count=r.max_num_seqs)
    return None


def _sum_rows(report: MemoryReport) -> Iterator[tuple[Text, Cell | str, Text]]:
    """Yield the sum line by line: what, how much, and what it rests on."""
    r = report
    yield Message("memory.usable"), _gib(r.usable_gib), ""
    yield Message("memory.less-weights"), _gib(r.weights_gib), ""
    parts = (("plain", r.plain_weights_gib), ("quantised", r.quantised_weights_gib), ("scales", r.scales_gib),
             ("vision", r.vision_gib), ("loading", r.loading_gib))
    named = [(Message(f"memory.part-{name}"), _gib(gib), "") for name, gib in parts if gib >= SMALLEST_PART_GIB]
    yield from named if len(named) > 1 else ()
    yield Message("memory.less-overhead"), _gib(r.overhead_gib), r.overhead_means
    yield Message("memory.cache"), _gib(r.kv_cache_gib), ""
    if r.kv_cache_gib > 0:
        if r.in_flight_gib:
            yield Message("memory.less-in-flight"), _gib(r.in_flight_gib), Message("memory.one-step")
        yield Message("memory.per-token", amount=r.kv_bytes_per_token_here), Number(
            r.kv_cache_tokens, ",", Message("memory.tokens")), ""
        state = Message("memory.each-state" if r.state_bytes_per_request else "memory.each",
                        mib=r.request_gib * 1024, state=r.state_bytes_per_request / MIB)
        yield Message("memory.per-request", n=r.context_tokens), Number(
            r.max_concurrency, ",", Message("memory.at-once")), state


def _gib(value: float) -> Number:
    return Number(value, ",.2f", "GiB")


def memory_document(report: MemoryReport) -> Document:
    """Put the sum into a document; its row has every figure."""
    r, verdict = report, _verdict(report)
    told: list[Text] = [*facts_lines(r.facts)]
    if r.planned_parts != r.facts.precision_parts:
        told.append(Message("memory.here", parts=parts_in_words(r.planned_parts)))
    if r.context_needs:
        told.append(Message("memory.context-needs", tokens=r.context_tokens, needs=r.context_needs))
    precision = Message("memory.both", precision=r.precision) if r.kv_cache_precision != "16-bit" else r.precision
    title = Message("memory.title", model=r.facts.model, precision=precision, size=r.tp_size, gpu=r.gpu_id,
                    engine=r.engine_id)
    flat = _flat(as_dict(report))
    return document(
        title, [section("facts", "", bullets(told)),
                section("sum", Message("memory.sum"), table(("", "", ""), _sum_rows(r)),
                        paragraph(verdict, style="lead") if verdict else None)],
        records=Records(tuple(flat), (flat,)), data=lambda: as_dict(report))


def as_dict(report: MemoryReport) -> dict[str, Any]:
    """Return the facts of the model and the figures of the fit side by side."""
    figures = asdict(report)
    return {**figures.pop("facts"), **figures}


def _flat(data: dict[str, Any]) -> dict[str, Any]:
    """Write lists and mappings as text."""
    def words(value: Any) -> Any:
        if isinstance(value, dict):
            return "; ".join(f"{key} {one}" for key, one in value.items())
        return "; ".join(value) if isinstance(value, tuple | list) else value

    return {key: words(value) for key, value in data.items()}


def model_facts(catalog: Catalog, name: str, exact: bool = False) -> ModelFacts:
    """Return what a model is taken to be, without any GPU.

    Raises:
        InputError: the file cannot be read as a model, or nothing bears the name.
    """
    return _facts(catalog, name, find_model(catalog, name), exact)


def model_document(facts: ModelFacts) -> Document:
    """Put what a model is into a document; its row has every fact."""
    whole = {**asdict(facts), "precision": facts.checkpoint_precision}
    flat = _flat(whole)
    return document(
        facts.model, [section("facts", "", bullets([
            *facts_lines(facts), Message("memory.cache-bytes", amount=facts.kv_bytes_per_token),
            Message("memory.context-up-to", tokens=facts.context_limit_tokens)]))],
        records=Records(tuple(flat), (flat,)), data=lambda: whole)
