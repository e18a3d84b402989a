"""The files of an instance as objects, every fault named by file and key."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optimizer.errors import Fault, InputError
from optimizer.load.faults import shown
from optimizer.load.text import read_json

LOWEST_PRIORITY = 100
LARGEST = 1e9
DEFAULT_CEILING = 256
"""Largest batch where a file with `perfParms` states none (optimizer-light: config.DefaultConcurrencyCeiling)."""

PARTS = {
    "acceleratorData": ("accelerator-data.json", "accelerators"),
    "capacityData": ("capacity-data.json", "count"),
    "modelData": ("model-data.json", "models"),
    "serviceClassData": ("serviceclass-data.json", "serviceClasses"),
    "serverData": ("server-data.json", "servers"),
    "optimizerData": ("optimizer-data.json", "optimizer"),
}
"""Part of a system file -> the file of its own that holds it in a folder, and the key inside."""


@dataclass(frozen=True)
class Accelerator:
    """One or several cards of a type, rented together."""

    name: str
    type: str
    cards: int
    cents_per_hour: float


@dataclass(frozen=True)
class Performance:
    """A model on an accelerator."""

    accelerators: int
    """Of one replica."""
    batch: int
    at_tokens: int
    alpha: float
    beta: float
    gamma: float
    delta: float
    by_step: bool = False
    """Whether these are the `perfParms` of the later model; without `at_tokens` the batch is the most that may be
    set."""


@dataclass(frozen=True)
class Target:
    """Promise of a class for a model; 0: none."""

    itl_ms: float
    ttft_ms: float
    tokens_per_s: float


@dataclass(frozen=True)
class Server:
    """A model served for a class."""

    name: str
    service_class: str
    model: str
    requests_per_min: float
    in_tokens: int
    out_tokens: int
    min_replicas: int
    batch: int
    """0: as the model's."""
    keep: str
    """The accelerator it must stay on; empty: any."""


@dataclass(frozen=True)
class System:
    """One instance."""

    accelerators: dict[str, Accelerator]
    capacity: dict[str, int] | None
    """Cards of each type; None: unlimited."""
    performance: dict[tuple[str, str], Performance]
    """By (model, accelerator)."""
    priority: dict[str, int]
    targets: dict[tuple[str, str], Target]
    """By (class, model)."""
    servers: tuple[Server, ...]

    def priority_of(self, server: Server) -> int:
        """Return a server's priority, 1 the highest; the lowest without a class."""
        return self.priority.get(server.service_class, LOWEST_PRIORITY)


@dataclass
class _Node:
    """A mapping of a file being read: keys in any case, faults collected."""

    label: str
    key: str
    data: Mapping[str, Any]
    faults: list[Fault] = field(default_factory=list)

    def _found(self, key: str) -> Any:
        if key in self.data:
            return self.data[key]
        return next((value for name, value in self.data.items() if name.lower() == key.lower()), None)

    def _fault(self, key: str, found: Any, allowed: str) -> None:
        self.faults.append(Fault(self.label, f"{self.key}.{key}" if self.key else key, shown(found), allowed))

    def text(self, key: str, default: str | None = None) -> str:
        """Return text; a fault without a default."""
        value = self._found(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or (default is None and not value):
            self._fault(key, value, "text that is not empty" if default is None else "text")
            return default or ""
        return value

    def number(self, key: str, default: float | None = None, above: bool = False) -> float:
        """Return a number from 0 (or above 0)."""
        value = self._found(key)
        if value is None and default is not None:
            return default
        good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not good or not 0 <= value < LARGEST or (above and value == 0):
            self._fault(key, value, f"a number {'above 0' if above else 'from 0'} and below {LARGEST:g}")
            return 1.0
        return float(value)

    def whole(self, key: str, default: int | None = None, least: int = 0) -> int:
        """Return a whole number."""
        value = self._found(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value < LARGEST:
            self._fault(key, value, f"a whole number from {least}")
            return max(1, least)
        return value

    def flag(self, key: str) -> bool:
        """Return true or false, false when nothing is said."""
        value = self._found(key)
        if value is not None and not isinstance(value, bool):
            self._fault(key, value, "true or false")
        return value is True

    def inner(self, key: str) -> _Node:
        """Return a mapping inside; an empty one when there is none."""
        value = self._found(key)
        if value is not None and not isinstance(value, dict):
            self._fault(key, value, "a mapping of keys to values")
        place = f"{self.key}.{key}" if self.key else key
        return _Node(self.label, place, value if isinstance(value, dict) else {}, self.faults)

    def each(self, key: str) -> Iterator[_Node]:
        """Yield the mappings of a list."""
        value = self._found(key)
        if not isinstance(value, list):
            self._fault(key, value, "a list")
            return
        for index, item in enumerate(value):
            place = f"{self.key}.{key}.{index}" if self.key else f"{key}.{index}"
            if isinstance(item, dict):
                yield _Node(self.label, place, item, self.faults)
            else:
                self.faults.append(Fault(self.label, place, shown(item), "a mapping of keys to values"))


def read_system(path: Path) -> System:
    """Read a folder of the six files, or one file that holds all under `system`.

    Raises:
        InputError: with every fault of every file.
    """
    faults: list[Fault] = []
    parts = dict(_parts_of_folder(path, faults) if path.is_dir() else _parts_of_file(path, faults))
    if len(parts) < len(PARTS):
        raise InputError(faults)
    system = _system(parts)
    collected = {id(part.faults): part.faults for part in parts.values()}  # one list where one file holds all parts
    faults += [fault for found in collected.values() for fault in found]
    faults += _unresolved(system, parts["modelData"], parts["serverData"])
    if faults:
        raise InputError(faults)
    return system


def _json(path: Path, faults: list[Fault]) -> Any:
    try:
        return read_json(path, "a file of the llm-inferno optimizer")
    except InputError as error:
        faults += error.faults
    return None


def _parts_of_folder(path: Path, faults: list[Fault]) -> Iterator[tuple[str, _Node]]:
    for part, (name, key) in PARTS.items():
        if part == "optimizerData" and not (path / name).exists():
            yield part, _Node(str(path / name), "", {key: {}})
            continue
        data = _json(path / name, faults)
        if isinstance(data, dict):
            yield part, _Node(str(path / name), "", data)
        elif data is not None:
            faults.append(Fault(str(path / name), "", shown(data), f"a mapping with {key}"))


def _parts_of_file(path: Path, faults: list[Fault]) -> Iterator[tuple[str, _Node]]:
    data = _json(path, faults)
    system = data.get("system") if isinstance(data, dict) else None
    if not isinstance(system, dict):
        if data is not None:
            faults.append(Fault(str(path), "system", shown(system), "a mapping of the system's data"))
        return
    whole = _Node(str(path), "system", system, faults)
    for part, (_, key) in PARTS.items():
        inner = whole.inner(part)
        yield part, _Node(inner.label, inner.key, inner.data or ({key: {}} if part == "optimizerData" else {}))


def _system(parts: Mapping[str, _Node]) -> System:
    unlimited = parts["optimizerData"].inner("optimizer").flag("unlimited")
    classes = [(one.text("name"), one) for one in parts["serviceClassData"].each("serviceClasses")]
    priority = {name: one.whole("priority", LOWEST_PRIORITY) for name, one in classes}
    return System(
        {one.name: one for one in map(_accelerator, parts["acceleratorData"].each("accelerators"))},
        None if unlimited else {
            one.text("type"): one.whole("count") for one in parts["capacityData"].each("count")},
        dict(map(_performance, parts["modelData"].each("models"))),
        {name: p if 1 <= p <= LOWEST_PRIORITY else LOWEST_PRIORITY for name, p in priority.items()},
        {
            (name, target.text("model")): Target(
                target.number("slo-itl", 0.0), target.number("slo-ttft", 0.0), target.number("slo-tps", 0.0))
            for name, one in classes for target in one.each("modelTargets")
        },
        tuple(map(_server, parts["serverData"].each("servers"))),
    )


def _accelerator(node: _Node) -> Accelerator:
    return Accelerator(
        node.text("name"), node.text("type"), node.whole("multiplicity", 1, 1), node.number("cost", above=True))


def _performance(node: _Node) -> tuple[tuple[str, str], Performance]:
    if "perfParms" in node.data:
        times = node.inner("perfParms")
        return (node.text("name"), node.text("acc")), Performance(
            node.whole("accCount", 1) or 1, node.whole("maxBatchSize", 0) or DEFAULT_CEILING, node.whole("atTokens", 0),
            times.number("alpha", above=True), times.number("beta"), times.number("gamma"), 0.0, True)
    decode_, prefill = node.inner("decodeParms"), node.inner("prefillParms")
    return (node.text("name"), node.text("acc")), Performance(
        node.whole("accCount", 1) or 1, node.whole("maxBatchSize", least=1), node.whole("atTokens", least=1),
        decode_.number("alpha", above=True), decode_.number("beta"), prefill.number("gamma", 0.0),
        prefill.number("delta", 0.0))


def _server(node: _Node) -> Server:
    current = node.inner("currentAlloc")
    load = current.inner("load")
    return Server(
        node.text("name"), node.text("class", "Free"), node.text("model"), load.number("arrivalRate", 0.0),
        load.whole("avgInTokens", 0), load.whole("avgOutTokens", 0), node.whole("minNumReplicas", 0),
        node.whole("maxBatchSize", 0), current.text("accelerator", "") if node.flag("keepAccelerator") else "")


def _unresolved(system: System, models: _Node, servers: _Node) -> Iterator[Fault]:
    """Yield names that stand for nothing, and servers named twice."""
    names = [server.name for server in system.servers]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Fault(servers.label, "servers", f"{name} more than once", "distinct names")
    for _, accelerator in sorted(system.performance):
        if accelerator not in system.accelerators:
            yield Fault(models.label, "models", f"accelerator {accelerator!r}", "a name of the accelerators")
    for server in system.servers:
        if server.keep and server.keep not in system.accelerators:
            yield Fault(servers.label, f"servers.{server.name}", f"accelerator {server.keep!r}",
                        "a name of the accelerators")
