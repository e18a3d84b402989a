"""What every user is promised."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from optimizer.schema.base import GRADE_TOKENS_PER_S, Frozen, Grade, Positive


class Slo(Frozen):
    """What every user is promised at the peak."""

    grade: Grade | None = None
    """A (70), B (30) or C (15 output tokens/s per user); with a number beside it, the stricter holds."""
    tokens_per_s_per_user: Positive | None = None
    """Least output tokens/s each user sees: 1000 / TPOT."""
    ttft_ms: Positive | None = None
    """Longest time to first token, in milliseconds, for streamed responses."""
    percentile: Annotated[int, Field(ge=50, le=99)] | None = None
    """Hold `ttft_ms` at this percentile of requests that come at random (95: at most one in twenty waits longer);
    absent: as a mean."""
    response: Literal["streaming", "whole"] = "streaming"
    """`streaming` sends tokens as they come; `whole` sends the finished response (then `e2e_ms`)."""
    e2e_ms: Positive | None = None
    """Longest time for a whole response, in milliseconds: TTFT + (OSL - 1) x TPOT."""

    @property
    def target_tokens_per_s(self) -> float:
        """The stricter of grade and number; 0 when neither is set."""
        grade = GRADE_TOKENS_PER_S[self.grade] if self.grade else 0.0
        return max(grade, self.tokens_per_s_per_user or 0.0)

    @model_validator(mode="after")
    def _whole_responses_state_their_limit(self) -> Self:
        if self.response == "whole" and self.e2e_ms is None:
            raise ValueError("e2e_ms: found nothing; allowed: a limit in ms when response is whole")
        if self.response == "streaming" and self.e2e_ms is not None:
            raise ValueError("e2e_ms: found a limit with response streaming; allowed: ttft_ms, or response: whole")
        if self.percentile is not None and self.ttft_ms is None:
            raise ValueError("percentile: found one without ttft_ms; allowed: beside the limit that it holds")
        return self
