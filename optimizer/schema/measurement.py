"""A measured row as it is published: names as its source writes them."""

from optimizer.schema.base import Count, Frozen, Name, Positive


class Measurement(Frozen):
    """One measured level of one replica, in the words of its source."""

    source_id: str = ""
    source_url: str = ""
    licence: str = ""
    measured_on: str = ""
    model: Name
    precision: str = ""
    gpu: Name
    gpu_count: Count | None = None
    tensor_parallel: Count | None = None
    engine: Name
    engine_version: str = ""
    input_tokens: Positive
    """Of a request; a mean need not be whole."""
    output_tokens: Positive
    concurrency: Count
    output_tokens_per_s: Positive | None = None
    tokens_per_s_per_user: Positive | None = None
    ttft_ms: Positive | None = None
    tpot_ms: Positive | None = None
    """First token excluded."""
    notes: str = ""
