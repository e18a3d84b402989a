"""What an engine logged about memory when it started."""

from typing import Annotated

from pydantic import Field, StringConstraints

from optimizer.schema.base import Count, Frozen, Name, NonNegative, Positive

Text = Annotated[str, StringConstraints(max_length=10_000)]
OfMemory = Annotated[float, Field(gt=0, le=1)]


class StartupLog(Frozen):
    """One start of vLLM: how it was started, and the figures of one rank that it logged."""

    case_id: Name
    """How reports name the row."""
    source_group: Name
    """Laboratory or collection: rows of one share their habits."""
    model_hf_id: Name
    """Hugging Face name or catalog id; marks of a quantised copy are understood."""
    precision: Name
    """A precision of the catalog; a kind may stand before it, as in gptq-int4."""
    gpu: Name
    """Id, name or alias of a GPU."""
    tp: Count
    gpu_memory_utilization: OfMemory | None = None
    source_url: Text = ""
    date: Text = ""
    """Decides the rules where no version is stated."""
    vllm_version: Text = ""
    kv_cache_dtype: Text = "auto"
    gpu_memory_gb_nominal: Positive | None = None
    total_gpu_mem_gib: Positive | None = None
    """What the process saw; else the catalog's figure."""
    pp: Count = 1
    u_status: Text = ""
    max_model_len: Count | None = None
    max_num_seqs: Count | None = None
    max_num_batched_tokens: Count | None = None
    enforce_eager: bool | None = None
    model_weights_gib: Positive | None = None
    activation_peak_gib: NonNegative | None = None
    non_torch_gib: NonNegative | None = None
    consumed_wplusnt_gib: NonNegative | None = None
    cudagraph_gib: float | None = None
    kv_cache_gib: NonNegative | None = None
    kv_cache_tokens: Count | None = None
    num_gpu_blocks: Count | None = None
    block_size: Count | None = None
    max_concurrency_x: NonNegative | None = None
    """Requests of max_model_len tokens at once."""
    gpu_confidence: Text = ""
    model_confidence: Text = ""
    verbatim: Text = ""
    verbatim_kind: Text = ""
    notes: Text = ""
