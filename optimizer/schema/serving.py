"""How an engine is started and watched as a container: image, flags, ports, paths, metrics."""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from optimizer.schema.base import Frozen, Id, NonNegative
from optimizer.schema.sourced import Sourced

Image = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._/:@-]*[:@][A-Za-z0-9._:-]+$", max_length=255)]
"""A container image with its tag or digest."""

UrlPath = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._/-]*$", max_length=200)]
MetricName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$", max_length=200)]
User = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,8}:[0-9]{1,9}$")]
"""Numeric user and group; the user is never 0, which is root."""

VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Z_][A-Z0-9_]*$")]
Port = Annotated[int, Field(ge=1024, le=65535)]
"""A port that a process without privileges may open."""

Setting = str | int | float | bool
Settings = dict[str, Setting | dict[str, Setting]]

COMMAND_KEYS = ("model", "tp", "ranks", "sequences", "context", "total_context", "memory_fraction")
"""What a command may name; {ranks} is tensor parallel x data parallel of the attention, for engines that count them
together; {total_context} is context times sequences."""

_KEY = re.compile(r"\{([a-z_]*)\}")


class EngineMetrics(Frozen):
    """Names under which an engine exports what a promise is about; absent: it does not export that."""

    ttft_seconds: MetricName | None = None
    """Histogram of the time to first token."""
    tpot_seconds: MetricName | None = None
    """Histogram of the time per output token."""
    e2e_seconds: MetricName | None = None
    """Histogram of the time of a whole response."""
    running_requests: MetricName | None = None
    """Gauge of the requests that the engine works on."""
    waiting_requests: MetricName | None = None
    """Gauge of the requests in its queue."""
    output_tokens: MetricName | None = None
    """Counter of output tokens."""


class ServedPrecision(Frozen):
    """How an engine serves one precision."""

    flags: str = ""
    """Added to the command whatever checkpoint is loaded."""
    loads: Annotated[dict[Id, str], Field(default_factory=dict)]
    """Precision of a checkpoint -> what is added to the command to serve it so; the model's own checkpoint is loaded
    when its precision stands here, else a checkpoint has to be named."""
    settings: Annotated[Settings, Field(default_factory=dict)]
    """Added to the engine's settings file."""


class Serving(Sourced):
    """How an engine is started and watched, by its own documentation."""

    command: str
    """How a server is started: {model}, {tp}, {sequences}, {context} (tokens a request), {total_context} (of all
    sequences) and {memory_fraction} stand for what a plan says."""
    program: str = ""
    """Path of the program in the image, where it is not on the search path."""
    layout: Annotated[dict[Literal["pp", "dp", "ep"], str], Field(default_factory=dict)]
    """Part of a layout -> the flags that ask for it, with {pp}, {dp} or {ep} for its size; a part that does not stand
    here cannot be started."""
    layout_settings: Annotated[dict[Literal["pp", "dp", "ep"], Settings], Field(default_factory=dict)]
    """Part of a layout -> what it adds to the engine's settings file."""
    listen: str
    """Flags that open {port} on the address {host}."""
    container_flags: str = ""
    """Flags that only a container needs: those that switch metrics on, and {name}, which clients ask for."""
    context_flag: str = ""
    """Flag whose value is JSON that overrides keys of the model's config, for a context beyond its limit."""
    settings_flags: str = ""
    """Flags that name the settings file {settings}; nothing where the engine has none."""
    settings: Annotated[Settings, Field(default_factory=dict)]
    """What stands in the settings file for every precision; "{memory_fraction}" is the number."""
    images: Annotated[dict[Id, Image], Field(min_length=1)]
    """GPU vendor (`nvidia`, `amd`) or GPU type -> image; that of a GPU type comes before its vendor's."""
    port: Port
    health_path: UrlPath
    metrics_path: UrlPath
    metrics: EngineMetrics
    precisions: dict[Id, ServedPrecision]
    """How each precision of `engines.yaml` is served."""
    user: User
    """User and group that the container runs as."""
    environment: Annotated[dict[VariableName, str], Field(default_factory=dict)]
    """Variables of the container; /cache is the folder it may write."""
    endpoint_picker: bool = False
    """Whether the endpoint picker of the Gateway API's inference extension reads the engine's metrics."""
    shared_memory_gib: NonNegative = 1.0
    """Size of /dev/shm."""

    def image_for(self, gpu_id: str, vendor: str) -> str | None:
        """Return the image that runs on a GPU type, None where none is known."""
        return self.images.get(gpu_id) or self.images.get(vendor)

    @model_validator(mode="after")
    def _templates_can_be_filled_in(self) -> Self:
        faults = []
        for key, text, known in (
            ("command", self.command, COMMAND_KEYS), ("listen", self.listen, ("host", "port")),
            ("container_flags", self.container_flags, ("name",)),
            ("settings_flags", self.settings_flags, ("settings",)),
            *((f"layout.{part}", flags, (part,)) for part, flags in self.layout.items()),
        ):
            unknown = sorted(set(_KEY.findall(text)) - set(known))
            if unknown or text.count("{") != len(_KEY.findall(text)) or "'" in text or '"' in text or "\\" in text:
                allowed = f"words without quotes, and {', '.join(f'{{{one}}}' for one in known)}"
                faults.append(f"{key}: found {text!r}; allowed: {allowed}")
        if not self.command.split():
            faults.append("command: found nothing; allowed: a program and its flags")
        if any(one.settings for one in self.precisions.values()) and not self.settings_flags:
            faults.append("settings_flags: found nothing; allowed: flags that name the file that a precision needs")
        if faults:
            raise ValueError("\n".join(faults))
        return self


class Companion(Sourced):
    """A container beside the engines: load balancer, metrics, dashboards."""

    image: Image
    user: User


class GpuLabel(Sourced):
    """What Kubernetes calls a GPU type."""

    gpu_id: Id
    product: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$")]
    """Value of the node label nvidia.com/gpu.product, as GPU Feature Discovery sets it."""


class SkyCloud(Sourced):
    """What SkyPilot calls a provider."""

    provider: Id
    cloud: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+$")]
