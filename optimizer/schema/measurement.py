"""A measured row as it is published: names as its source writes them."""

from optimizer.schema.base import Count, Frozen, Name, Positive

ALIASES: dict[str, tuple[str, ...]] = {
    "model": ("model_id", "model_name"),
    "gpu": ("gpu_id", "gpu_type", "hardware", "hw", "accelerator"),
    "engine": ("engine_id", "framework", "backend"),
    "engine_version": ("version", "engine_image"),
    "tensor_parallel": ("tp_size", "tp", "decode_tp"),
    "pipeline_parallel": ("pp_size", "pp"),
    "data_parallel": ("dp_size", "dp"),
    "expert_parallel": ("ep_size", "ep", "decode_ep"),
    "attention_data_parallel": ("dp_attention", "decode_dp_attention"),
    "gpu_count": ("gpus", "num_gpus"),
    "input_tokens": ("isl_tokens", "isl", "input_len", "prompt_tokens"),
    "output_tokens": ("osl_tokens", "osl", "output_len", "completion_tokens"),
    "concurrency": ("conc", "max_concurrency", "users"),
    "ttft_ms": ("mean_ttft_ms", "ttft_mean_ms", "median_ttft_ms", "ttft_p50_ms"),
    "tpot_ms": ("mean_tpot_ms", "tpot_mean_ms", "itl_ms", "mean_itl_ms", "median_tpot_ms", "tpot_p50_ms"),
    "ttft_p99_ms": ("p99_ttft_ms",),
    "output_tokens_per_s": ("output_throughput",),
    "source_id": ("source", "laboratory"),
    "measured_on": ("as_of", "date"),
    "kv_precision": ("kv_cache_dtype",),
    "speculative": ("spec_method",),
    "disaggregated": ("disagg",),
}
"""Column -> other names for it, those of the shipped catalog, of the evidence files and of public dashboards; of
several in one file the first that a row fills counts."""


class Measurement(Frozen):
    """One measured level of one replica, in the words of its source."""

    source_id: str = ""
    source_url: str = ""
    measured_on: str = ""
    model: Name
    precision: str = ""
    kv_precision: str = ""
    gpu: Name
    gpu_count: Count | None = None
    tensor_parallel: Count | None = None
    pipeline_parallel: Count | None = None
    data_parallel: Count | None = None
    """Of the attention."""
    expert_parallel: Count | None = None
    attention_data_parallel: bool = False
    """Whether the tensor-parallel ranks attend each to requests of its own."""
    layout: str = ""
    """The same in one word, such as tp1-dp8-ep8."""
    engine: Name
    engine_version: str = ""
    input_tokens: Positive
    """Of a request; a mean need not be whole."""
    output_tokens: Positive
    concurrency: Positive
    """Requests in flight; a measured mean need not be whole."""
    output_tokens_per_s: Positive | None = None
    tokens_per_s_per_user: Positive | None = None
    ttft_ms: Positive | None = None
    ttft_p99_ms: Positive | None = None
    tpot_ms: Positive | None = None
    """First token excluded."""
    use: str = ""
    speculative: str = ""
    disaggregated: bool = False
    notes: str = ""
