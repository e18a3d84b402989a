"""Questions from names, as people and sources write them: ids, display names, Hugging Face names, aliases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import TypeVar

from optimizer.load import Catalog
from optimizer.schema.catalog import LlmModel
from optimizer.schema.layout import ReplicaLayout
from optimizer.throughput.curve import Question

Thing = TypeVar("Thing")


class UnknownNameError(ValueError):
    """A name that nothing in the catalog bears; the message says which come near."""

    def __init__(self, what: str, name: str, near: Iterable[str]) -> None:
        hint = ", ".join(near)
        super().__init__(f"{what} {name!r} is not in the catalog" + (f" (near: {hint})" if hint else ""))
        self.what, self.name, self.near = what, name, hint


def squeezed(name: str) -> str:
    """Reduce a name to its letters and digits.

    >>> squeezed("H100-80GB-SXM"), squeezed("TensorRT-LLM")
    ('h10080gbsxm', 'tensorrtllm')
    """
    return "".join(letter for letter in name.lower() if letter.isalnum())


def named(what: str, name: str, table: Mapping[str, Thing], others: Callable[[Thing], Iterable[str]]) -> str:
    """Return the id that a name stands for: the id itself, or a name of one entry, letters and digits alone compared.

    Raises:
        UnknownNameError: nothing bears the name.
    """
    if name in table:
        return name
    wanted = squeezed(name)
    for key, thing in table.items():
        if wanted in {squeezed(key), *(squeezed(other) for other in others(thing))}:
            return key
    within = sorted((key for key in table if wanted and wanted in squeezed(key)), key=len)
    raise UnknownNameError(what, name, within[:4] or get_close_matches(name.lower(), list(table), n=3))


def model_named(catalog: Catalog, name: str) -> str:
    """Return the id of a model by id, alias, Hugging Face name (its owner may be left out) or display name.

    Raises:
        UnknownNameError: nothing bears the name.
    """
    known = name if name in catalog.models else catalog.model_names.get(name.lower())

    def others(model: LlmModel) -> list[str]:
        whole = [model.name, *model.aliases, *([model.hf_id] if model.hf_id else [])]
        return whole + [full.partition("/")[2] for full in whole if "/" in full]

    return known or named("model", name, catalog.models, others)


def precision_named(catalog: Catalog, name: str) -> str:
    """Return the id of a precision; of `FP8 weights (...)` the first word counts.

    Raises:
        UnknownNameError: nothing bears the name.
    """
    try:
        return named("precision", name, catalog.precisions, lambda one: [one.name, *one.aliases])
    except UnknownNameError:
        first = name.split()[0].strip(",;")
        if first == name:
            raise
        return named("precision", first, catalog.precisions, lambda one: [one.name, *one.aliases])


def question_named(
    catalog: Catalog, model: str, gpu: str, engine: str, precision: str, tp_size: int, gpu_count: int, isl: int,
    osl: int, layout: ReplicaLayout | None = None,
) -> Question:
    """Put a question in names; an empty precision is the model's own.

    Raises:
        UnknownNameError: a name is unknown.
    """
    found = catalog.models[model_named(catalog, model)]
    gpu_id = named("GPU", gpu, catalog.gpus, lambda one: [one.name, *one.aliases.split(";")])
    engine_id = named("engine", engine, catalog.engines, lambda one: [one.name, *one.aliases])
    precision_id = precision_named(catalog, precision) if precision else found.native_precision
    return Question(found, precision_id, catalog.precisions[precision_id], catalog.gpus[gpu_id], engine_id,
                    catalog.engines[engine_id], tp_size, gpu_count, isl, osl, layout)
