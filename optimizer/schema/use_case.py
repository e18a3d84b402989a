"""Typical values of a kind of service, to begin a problem file with."""

from typing import Literal

from optimizer.schema.base import Id, Name
from optimizer.schema.sourced import Sourced


class UseCase(Sourced):
    """What services of one kind are like."""

    use_case_id: Id
    model: Name
    kind: Literal["sync", "async"]
    isl_tokens: int
    osl_tokens: int
    context_tokens: int
    tokens_per_s_per_user: float | None = None
    ttft_ms: float | None = None
    uses_per_user_per_day: float | None = None
    requests_per_use: float | None = None
    active_hours: float | None = None
    peak_to_mean: float | None = None
    requests: float | None = None
    """Of work that may wait, a night."""
    start_hour: float | None = None
    end_hour: float | None = None
    notes_ja: str
    """The notes in Japanese."""
    published: tuple[str, ...]
    """Keys whose values the source states; the others are assumed."""
