"""How a server of a deployment is started: the engine's command with every flag that a plan decides."""

from __future__ import annotations

import json
import math
import shlex
from dataclasses import dataclass
from typing import Any, Literal

from optimizer.schema.catalog import Engine, Gpu, LlmModel
from optimizer.schema.layout import ReplicaLayout
from optimizer.schema.serving import Serving

Part = Literal["pp", "dp", "ep"]

MODEL = "{model}"
"""Stands in arguments for the checkpoint."""

EVERYWHERE = "0.0.0.0"
"""A server that is to be tested is reached from other machines: it listens on every network of its own."""

FRACTION = "{memory_fraction}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is loaded."""

    name: str | None
    """Its name on Hugging Face; None: one has to be named, for a model given by its config.json its own weights."""
    flags: tuple[str, ...]
    """What the engine needs to serve it in the precision asked."""


def checkpoint_of(serving: Serving, model: LlmModel | None, precision: str) -> Checkpoint:
    """Find the checkpoint that an engine serves in a precision: the model's own where the engine loads it so."""
    loads = serving.precisions[precision].loads
    if model is None or model.native_precision not in loads:
        return Checkpoint(None, ())
    return Checkpoint(model.hf_id, tuple(loads[model.native_precision].split()))


def memory_fraction(engine: Engine, gpu: Gpu, tp_size: int) -> float:
    """Return the share of GPU memory to state, by the engine's own rule; rounded down to a thousandth.

    An engine that reserves by its own rule (SGLang) states weights and cache: 1 - reserved / memory.
    """
    overhead = engine.overhead
    if not overhead.reserved:
        return engine.memory_fraction
    row = next((one for one in overhead.reserved if gpu.memory_gib < one.below_gib), overhead.reserved[-1])
    kept = row.gib + overhead.reserved_gib_per_gpu * tp_size
    return math.floor(1000 * max(0.0, 1 - kept / gpu.memory_gib)) / 1000


def _filled(template: str, values: dict[str, str]) -> list[str]:
    """Split a template into words and fill each in, so that no value is ever split."""
    words = template.split()
    for key, value in values.items():
        words = [word.replace(f"{{{key}}}", value) for word in words]
    return words


def parts_of(layout: ReplicaLayout) -> dict[Part, int]:
    """Return the parts of a layout beside tensor parallelism, with their sizes."""
    sizes: dict[Part, int] = {"pp": layout.pp_size, "dp": layout.dp_size, "ep": layout.ep_size}
    return {part: size for part, size in sizes.items() if size > 1}


def unstarted(serving: Serving, layout: ReplicaLayout) -> list[Part]:
    """List the parts of a layout that nobody has said how to start."""
    return [part for part in parts_of(layout) if part not in serving.layout]


def arguments(
    serving: Serving, checkpoint: Checkpoint, precision: str, layout: ReplicaLayout, sequences: int,
    context_tokens: int, fraction: float,
) -> tuple[str, ...]:
    """Return the words that start a server, with `{model}` where the checkpoint's name goes.

    The whole layout is stated: tensor parallelism by the command, what stands beside it by flags of its own.
    """
    values = {
        "tp": str(layout.tp_size), "ranks": str(layout.tp_size * layout.dp_size), "sequences": str(sequences),
        "context": str(context_tokens),
        "total_context": str(context_tokens * sequences), "memory_fraction": f"{fraction:g}",
    }
    flags = (*serving.precisions[precision].flags.split(), *checkpoint.flags)
    spread = (word for part, size in parts_of(layout).items()
              for word in _filled(serving.layout.get(part, ""), {part: str(size)}))
    return (*_filled(serving.command, values), *spread, *flags)


def settings_of(
    serving: Serving, precision: str, layout: ReplicaLayout, fraction: float, everything: bool = True
) -> dict[str, Any]:
    """Return what stands in the engine's settings file, empty where it needs none.

    Args:
        everything: also what only monitoring needs.
    """
    stated = (serving.settings if everything else {}) | serving.precisions[precision].settings
    for part in parts_of(layout):
        stated = stated | serving.layout_settings.get(part, {})

    def numbers(value: Any) -> Any:
        """Put the number in."""
        if isinstance(value, dict):
            return {key: numbers(inner) for key, inner in value.items()}
        return fraction if value == FRACTION else value

    return {key: numbers(value) for key, value in stated.items()}


def start_line(
    serving: Serving, checkpoint: Checkpoint, wanted: str, precision: str, layout: ReplicaLayout,
    sequences: int, context_tokens: int, fraction: float,
) -> str:
    """Return one line of shell that starts a server which other machines reach; settings stand in the line itself.

    Args:
        wanted: stands for the checkpoint where none is known.
    """
    words = arguments(serving, checkpoint, precision, layout, sequences, context_tokens, fraction)
    command = len(serving.command.split())
    listen = _filled(serving.listen, {"host": EVERYWHERE, "port": str(serving.port)})
    words = (*words[:command], *listen, *words[command:])
    line = shlex.join((checkpoint.name or wanted) if word == MODEL else word for word in words)
    settings = settings_of(serving, precision, layout, fraction, everything=False)
    if settings:
        flags = serving.settings_flags.replace("{settings}", f"<(printf %s {shlex.quote(json.dumps(settings))})")
        line += f" {flags}"
    return line
