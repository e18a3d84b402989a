"""What a reader must know of the models of a plan before its figures: how they were read, and what they need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from optimizer.candidates.names import resolve_model
from optimizer.load import Catalog
from optimizer.schema.catalog import LlmModel
from optimizer.schema.problem import Problem, Service


def _as_read(service: Service, model: LlmModel, own: bool) -> Iterator[str]:
    """Say how a model that is not simply the catalog's was read."""
    if own:
        total = model.parameters_billion + model.vision_parameters_billion
        stored = ", ".join(f"{part.replace('_', ' ')} {one}" for part, one in model.precision_parts)
        yield (f"{service.service_id}: {service.model} is read as {total:,.2f} billion parameters (from its "
               f"{model.counted_from}), {stored or model.native_precision}.")
        if not model.verified:
            yield (f"{service.service_id}: unverified: the counting of the {model.family} family was never checked; "
                   f"{total:,.2f} billion rest on the shape alone.")
        for note in filter(None, model.notes.split("; ")):
            yield f"{service.service_id}: {note}."
    elif model.precision_by_name and service.precisions is None:
        yield f"{service.service_id}: planned at {model.native_precision}, as the name {service.model} states."


def model_remarks(problem: Problem, catalog: Catalog, own_models: Mapping[str, LlmModel]) -> Iterator[str]:
    """Yield one sentence for each thing."""
    for service in problem.services:
        model = resolve_model(service, catalog, dict(own_models))
        if model is None:
            continue
        yield from _as_read(service, model, service.model in own_models)
        if service.full_context_tokens > model.context_limit_tokens and model.context_extension:
            yield (f"{service.service_id}: a context of {service.full_context_tokens:,} tokens exceeds the config's "
                   f"{model.context_limit_tokens:,}; it needs {model.context_extension}.")
