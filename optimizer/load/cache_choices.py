"""The precision of the KV cache as a choice of its own: every weight precision with a 16-bit and an 8-bit cache."""

from __future__ import annotations

from optimizer.schema.catalog import Engine, EnginePrecision, Precision

SIXTEEN_BIT_BYTES = 2.0

SUFFIX = "-kv8"
"""What the id of a precision with an 8-bit KV cache adds to that of its weights."""


def with_eight_bit_caches(precisions: dict[str, Precision]) -> dict[str, Precision]:
    """Add a precision with an 8-bit cache for each weight precision that has none."""
    added: dict[str, Precision] = {}
    for name, one in precisions.items():
        twin = f"{name}{SUFFIX}"
        if name.endswith(SUFFIX) or twin in precisions or one.kv_bytes != SIXTEEN_BIT_BYTES or (
                one.runs_like not in precisions):
            continue
        changes = {"name": f"{one.name} with an 8-bit KV cache", "kv_bytes": 1.0,
                   "runs_like": f"{one.runs_like}{SUFFIX}", "weights_like": one.runs_like,
                   "notes": "no measured row counts for it: speeds are estimated"}
        added[twin] = one.model_copy(update=changes)
    return {**precisions, **added}


def _both(weights: EnginePrecision, cache: EnginePrecision) -> EnginePrecision:
    """Return where an engine runs a weight precision together with an 8-bit cache."""
    least = max(weights.min_compute_capability or 0.0, cache.min_compute_capability or 0.0)
    return weights.model_copy(update={"min_compute_capability": least or None, "amd": weights.amd and cache.amd})


def engines_with_caches(engines: dict[str, Engine], precisions: dict[str, Precision]) -> dict[str, Engine]:
    """Let each engine that has an 8-bit cache run it with every weight precision that it runs."""
    found = {}
    for name, engine in engines.items():
        cache = engine.eight_bit_cache
        if cache is None:
            found[name] = engine
            continue
        both = {f"{one}{SUFFIX}": _both(support, cache) for one, support in engine.precisions.items()
                if f"{one}{SUFFIX}" in precisions}
        found[name] = engine.model_copy(update={"precisions": {**both, **engine.precisions}})
    return found
