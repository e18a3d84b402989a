"""The fitted constants of the speed estimate, with the errors they were found to have on left-out rows."""

from typing import Annotated

from pydantic import Field

from optimizer.schema.base import CountOrZero, Frozen, NonNegative, Positive


class Terms(Frozen):
    """Non-negative coefficients, in the order in which the terms are computed."""

    @property
    def coefficients(self) -> tuple[float, ...]:
        """The coefficients in the order of the fields."""
        return tuple(getattr(self, name) for name in type(self).model_fields)


class TpotTerms(Terms):
    """TPOT = sum of these non-negative coefficients times the terms of `throughput.estimated`."""

    step_ms: NonNegative
    """Fixed time of a decode step."""
    layer_ms: NonNegative
    """Time per layer and step: kernel launches."""
    weight_read: NonNegative
    """Times (weight bytes touched / bandwidth): 1 / utilisation."""
    kv_read: NonNegative
    """Times (KV bytes in use / bandwidth)."""
    sequence_ms: NonNegative
    """Time per request in flight and step: sampling, scheduling."""
    prefill_share: NonNegative
    """Times ((C - 1) / OSL x prefill time): other users' prompts come between the steps."""
    allreduce_ms: NonNegative
    """Times (layers x log2 of the tensor-parallel size)."""


class TtftTerms(Terms):
    """TTFT = sum of these non-negative coefficients times the terms of `throughput.estimated`."""

    base_ms: NonNegative
    prefill: NonNegative
    """Times the prefill time of the own prompt."""
    queue: NonNegative
    """Times the prefill time of half the other users' prompts that arrive together."""
    step: NonNegative
    """Times the TPOT: a prompt waits for decode steps under way, and for its own first one."""


class LeftOutErrors(Frozen):
    """Absolute relative errors of rows that were left out of the fit."""

    rows: CountOrZero
    median_error_fraction: NonNegative
    p90_error_fraction: NonNegative


class Calibration(Frozen):
    """Everything `gpumix catalog calibrate` found."""

    tpot: Annotated[dict[str, TpotTerms], Field(min_length=1)]
    """By memory kind: gddr, hbm."""
    ttft: TtftTerms
    engine_factors: dict[str, Positive]
    """Engine id -> factor on the estimated TPOT; an engine never seen has the worst of them."""
    ttft_engine_factors: dict[str, Positive]
    """The same on the estimated TTFT."""
    engines_measured: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Memory kind -> engines with rows on such GPUs; one without is not promised to be faster than their median."""
    errors: dict[str, LeftOutErrors]
    """By gap: `combination` (model and GPU together left out), `interior`, `repeat`, `ttft`."""
    rows_fitted: CountOrZero
    points_sha256: str
    """Hash of the measured rows that were fitted."""
