"""What a reader must know of the models of a plan before its figures: how they were read, and what they need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from optimizer.candidates.names import resolve_model
from optimizer.load import Catalog
from optimizer.memory.parts import checkpoint_parts, precision_parts
from optimizer.messages import Message
from optimizer.schema.catalog import LlmModel
from optimizer.schema.plan import Placement, ServedModel
from optimizer.schema.problem import Problem, Service


def _as_read(service: Service, model: LlmModel, own: bool) -> Iterator[Message]:
    """Say how a model that is not simply the catalog's was read."""
    if own:
        if "family" in model.unchecked:
            yield Message("model.unverified", service=service.service_id, family=model.family,
                          billion=model.parameters_billion + model.vision_parameters_billion)
        if "towers" in model.unchecked:
            yield Message("model.unverified-towers", service=service.service_id, family=model.family,
                          billion=model.vision_parameters_billion)
        for note in filter(None, model.notes.split("; ")):
            yield Message("model.note", service=service.service_id, note=note)
    elif model.precision_by_name and service.precisions is None:
        yield Message("model.named-precision", service=service.service_id, precision=model.native_precision,
                      model=service.model)


def served_models(
    problem: Problem, catalog: Catalog, own_models: Mapping[str, LlmModel], deployments: Iterable[Placement]
) -> Iterator[ServedModel]:
    """Yield what the model of each service was read as, and the precisions of its parts."""
    planned = {(one.service_id, one.precision) for one in deployments}
    for service in problem.services:
        model = resolve_model(service, catalog, dict(own_models))
        if model is None:  # capacities are stated: nothing is derived from the model
            continue
        counted = model.parameters_billion + model.vision_parameters_billion
        yield ServedModel(
            service_id=service.service_id, model=service.model, counted_from=model.counted_from,
            parameters_billion=model.published_parameters_billion or counted,
            active_parameters_billion=model.published_active_parameters_billion or model.active_parameters_billion,
            verified=model.verified, stored=checkpoint_parts(model, catalog.precisions),
            planned={precision: precision_parts(model, precision, catalog.precisions)
                     for service_id, precision in sorted(planned) if service_id == service.service_id})


def model_remarks(problem: Problem, catalog: Catalog, own_models: Mapping[str, LlmModel]) -> Iterator[Message]:
    """Yield one sentence for each thing."""
    for service in problem.services:
        model = resolve_model(service, catalog, dict(own_models))
        if model is None:
            continue
        yield from _as_read(service, model, service.model in own_models)
        if service.full_context_tokens > model.context_limit_tokens and model.context_extension:
            yield Message("model.context", service=service.service_id, tokens=service.full_context_tokens,
                          most=model.context_limit_tokens, extension=model.context_extension)
