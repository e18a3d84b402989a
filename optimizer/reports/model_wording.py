"""What a model is and in which precision its parts lie, in words, as the first lines of an answer say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from optimizer.memory.parts import CACHE
from optimizer.messages import Message
from optimizer.schema.plan import Plan, ServedModel

ALL_PASSED = 0.97
"""Active parameters above this share of all are not worth saying."""


def by_precision(parts: Mapping[str, str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return (precision, the parts that have it), the KV cache left out; one pair without parts: all have it.

    >>> by_precision({"experts": "mxfp4", "attention": "bf16", "head": "bf16", "kv_cache": "16-bit"})
    (('mxfp4', ('experts',)), ('bf16', ('attention', 'head')))
    >>> by_precision({"attention": "bf16", "dense": "bf16", "kv_cache": "fp8"})
    (('bf16', ()),)
    """
    grouped: dict[str, list[str]] = {}
    for part, precision in parts.items():
        if part != CACHE:
            grouped.setdefault(precision, []).append(part.replace("_", " "))
    if len(grouped) == 1:
        return tuple((precision, ()) for precision in grouped)
    return tuple((precision, tuple(named)) for precision, named in grouped.items())


def parts_in_words(parts: Mapping[str, str]) -> Message:
    """Write the precision of every part, the KV cache last.

    >>> parts_in_words({"experts": "mxfp4", "attention": "bf16", "head": "bf16", "kv_cache": "16-bit"})
    'mxfp4 experts; bf16 attention, head; 16-bit KV cache'
    >>> parts_in_words({"attention": "bf16", "dense": "bf16", "kv_cache": "fp8"})
    'bf16 in all parts; fp8 KV cache'
    """
    said = [Message("model.parts", precision=precision, parts=named) if named
            else Message("model.all-parts", precision=precision) for precision, named in by_precision(parts)]
    said += [Message("model.cache", precision=parts[CACHE])] if CACHE in parts else []
    return Message("model.stored", parts=tuple(said))


def size_in_words(one: ServedModel) -> Message:
    """Write the parameters, and what they rest on."""
    total, active = one.parameters_billion, one.active_parameters_billion
    ident = "model.size-active" if active < ALL_PASSED * total else "model.size"
    ident = ident if one.verified else f"{ident}-unverified"
    return Message(ident, total=total, active=active, source=one.counted_from)


def model_lines(plan: Plan) -> Iterator[Message]:
    """Yield one sentence for each service: what its model is, how it is stored, and how it is planned."""
    for one in plan.models:
        planned = tuple(Message("model.planned", precision=precision, parts=parts_in_words(parts))
                        for precision, parts in planned_otherwise(one))
        yield Message("model.line-planned" if planned else "model.line", service=one.service_id, model=one.model,
                      size=size_in_words(one), stored=parts_in_words(one.stored), planned=planned)


def planned_otherwise(one: ServedModel) -> list[tuple[str, dict[str, str]]]:
    """List the planned precisions, with their parts, that are not the checkpoint's own."""
    return [(precision, parts) for precision, parts in one.planned.items() if parts != one.stored]
