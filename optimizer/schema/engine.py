"""What an inference engine runs, and what it takes of the memory."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from optimizer.schema.base import Count, CountOrZero, Frozen, Id, Name, NonNegative, Positive
from optimizer.schema.sourced import AsOf, Sourced

Vendor = Literal["nvidia", "amd", "intel", "google", "aws", "huawei", "qualcomm", "other"]
"""Who makes an accelerator."""


class EnginePrecision(Frozen):
    """On which GPUs an engine runs a precision."""

    min_compute_capability: NonNegative | None = None
    max_compute_capability: Positive | None = None
    """Above this compute capability the engine has no kernels for it."""
    weight_only_below: Positive | None = None
    """Below this compute capability the weights are stored so, but the arithmetic is 16-bit."""
    amd: bool = True
    """Whether AMD GPUs run it too, where the engine runs on AMD."""
    intel: bool = False
    """The same of Intel GPUs."""
    pads_hidden_to: Count = 1
    """The hidden side of an expert's matrices is padded to a multiple of this ..."""
    pads_width_to: Count = 1
    """... and a rank's share of its inner width to a multiple of this."""

    @model_validator(mode="after")
    def _capabilities_leave_a_range(self) -> Self:
        most, least = self.max_compute_capability, self.min_compute_capability or 0.0
        if most is not None and most < least:
            raise ValueError(f"max_compute_capability: found {most:g}; allowed: at least {least:g}")
        return self


class Reserved(Frozen):
    """What an engine keeps free of weights and cache on GPUs up to a size."""

    below_gib: Positive
    """Nominal memory that the row stops before; the last row holds for all larger ones too."""
    gib: NonNegative


class EngineOverhead(Frozen):
    """Memory that an engine takes beside weights and KV cache, per GPU, and how it deals out the cache."""

    activation_bytes_per_sequence_and_vocabulary: NonNegative
    """Logits and the sampler's copies of them: this x maximum sequences x vocabulary."""
    activation_floor_gib: NonNegative
    """Activations are never less than this."""
    activation_base_gib: NonNegative = 0.0
    """What the step keeps beside logits, hidden states and the experts' workspace."""
    vision_activation_bytes_per_token: NonNegative = 0.0
    """What a vision tower needs beside that for each token of a step."""
    batched_tokens: CountOrZero = 0
    """Tokens of one step when nothing is set: hidden states and the experts' workspace are held for so many."""
    batched_tokens_large: CountOrZero = 0
    """The same on large GPUs."""
    whole_prompt_up_to_tokens: CountOrZero = 0
    """Up to this context the step that is tried at start holds one whole prompt (vLLM's V0 engine, without chunked
    prefill); 0: never."""
    non_torch_gib: NonNegative
    """CUDA context and the like on a single GPU."""
    non_torch_parallel_gib: NonNegative
    """The same with tensor parallelism (communication buffers)."""
    non_torch_parallel_large_gib: NonNegative
    """The same on large GPUs."""
    default_max_num_seqs: Count
    """Maximum sequences when nothing is set."""
    default_max_num_seqs_large: Count
    """The same on large GPUs."""
    large_gpu_gib: Positive
    """GPUs from this size on are large ..."""
    large_gpu_except: tuple[str, ...] = ()
    """... but not those of these architectures."""
    reserved: tuple[Reserved, ...] = ()
    """Rows of rising size: what is kept free in place of all the terms above (SGLang); () where they hold."""
    reserved_gib_per_gpu: NonNegative = 0.0
    """On each GPU, for each GPU of the replica, beside that."""
    error_gib: NonNegative = 0.0
    """How far the figures may be off: assumed where nothing was measured, else what logs showed."""
    grouped_cache: bool = False
    """Whether layers of several kinds share one pool of blocks, in groups (vLLM's hybrid allocator): a window then
    takes its own length only, and a state takes whole blocks. Else every layer keeps the whole context."""
    state_blocks: Count = 1
    """Blocks that one request's state takes in a group of layers."""


class OlderOverhead(Frozen):
    """What an engine took before a version."""

    before_version: Annotated[str, StringConstraints(pattern=r"^[0-9]+([.][0-9]+)*$")]
    """The first version that it does not hold for."""
    until: AsOf
    """Logs that name no version are taken for these up to this month: a release is in wide use after some weeks."""
    overhead: EngineOverhead


Support = Literal["supported", "runs", "unlisted"]
SUPPORT_ORDER: tuple[Support, ...] = ("supported", "runs", "unlisted")
"""What an engine's own documents say of a GPU: listed as supported, known to run, or not named; the best first."""


class Engine(Sourced):
    """One inference engine."""

    name: Name
    aliases: tuple[str, ...] = ()
    """Other names that people give it."""
    version: str
    default: bool = True
    """False: a candidate only when the problem names it."""
    platforms: Annotated[tuple[str, ...], Field(min_length=1)]
    vendors: Annotated[tuple[Vendor, ...], Field(min_length=1)]
    min_compute_capability: NonNegative
    precisions: Annotated[dict[Id, EnginePrecision], Field(min_length=1)]
    eight_bit_cache: EnginePrecision | None = None
    """Where the engine keeps an 8-bit KV cache, with any precision of the weights; None: nowhere."""
    families_without_fp16: tuple[str, ...] = ()
    """Families whose numbers overflow float16, so that it refuses them there."""
    families: tuple[str, ...] | None = None
    unsupported_families: tuple[str, ...] = ()
    tp_sizes: Annotated[tuple[Count, ...], Field(min_length=1)]
    heads_divisible: bool = True
    """Whether the attention heads must divide by the tensor-parallel size."""
    memory_fraction: Annotated[float, Field(gt=0, le=1)]
    """Share of the GPU's memory that it takes."""
    share_of: Literal["memory", "free"] = "memory"
    """What memory_fraction is a share of: the whole memory, or (for the cache) what weights and activations leave."""
    overhead: EngineOverhead
    older_overheads: tuple[OlderOverhead, ...] = ()
    """Oldest first."""
    supported: tuple[str, ...] = ()
    """GPUs, or whole architectures, on the maker's own list of supported hardware."""
    runs: tuple[str, ...] = ()
    """The same of which its documents say that it runs on them without supporting them."""

    def support_on(self, gpu_id: str, architecture: str) -> Support:
        """Return what the engine's own list says of a GPU: by its id, or else by its architecture."""
        for name in (gpu_id, architecture):
            if name in self.supported:
                return "supported"
            if name in self.runs:
                return "runs"
        return "unlisted"

    @model_validator(mode="after")
    def _oldest_first(self) -> Self:
        versions = [tuple(map(int, older.before_version.split("."))) for older in self.older_overheads]
        if versions != sorted(set(versions)):
            found = ", ".join(older.before_version for older in self.older_overheads)
            raise ValueError(f"older_overheads: found before_version {found}; allowed: rising, each once")
        return self
