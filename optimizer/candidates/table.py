"""All options of a service on one GPU type, before any demand caps them, and what each carries at a speed target."""

from __future__ import annotations

from dataclasses import dataclass, field

from optimizer.candidates.option import Option
from optimizer.candidates.rejection import Step
from optimizer.messages import Message


@dataclass(frozen=True, slots=True)
class Drop:
    """One combination that falls out, whatever offers there are."""

    gpu_id: str
    engine_id: str | None
    precision: str | None
    tp_size: int | None
    step: Step
    reason: Message
    footprint: int
    """GPUs it would have taken."""


@dataclass(frozen=True, slots=True)
class Contender:
    """An option that, at some demand, is the best on a node of so many GPUs."""

    replicas: int
    """On one node."""
    amount: int
    """What a replica carries at the target, whatever the demand."""
    option: Option

    def capacity(self, most: int | None) -> int:
        """Return what a node carries when no replica runs more than `most`."""
        return self.replicas * (self.amount if most is None or most > self.amount else most)


MOST_TARGETS = 64
"""Speed targets whose amounts a table keeps."""


@dataclass(frozen=True, slots=True)
class OptionTable:
    """The options of a service on one GPU type, at any speed target, and what fell out."""

    options: tuple[Option, ...]
    drops: tuple[Drop, ...]
    _amounts: dict[float, tuple[tuple[int, Option], ...]] = field(default_factory=dict, compare=False, repr=False)
    _contenders: dict[tuple[float, int, str], tuple[Contender, ...]] = field(
        default_factory=dict, compare=False, repr=False)

    def live(self, target: float) -> tuple[tuple[int, Option], ...]:
        """Return (what a replica carries, option) of every option that carries something at a speed."""
        found = self._amounts.get(target)
        if found is None:
            if len(self._amounts) >= MOST_TARGETS:
                self._amounts.clear()
                self._contenders.clear()
            amounts = ((option.speed.amount(target), option) for option in self.options)
            found = self._amounts[target] = tuple(pair for pair in amounts if pair[0])
        return found

    def engines(self, target: float) -> list[str]:
        """Return the engines whose options carry something at a speed, in order."""
        return sorted({option.engine_id for _, option in self.live(target)})

    def contenders(self, target: float, gpu_count: int, engine: str = "") -> tuple[Contender, ...]:
        """Return the options (of an engine) that may be the best on a node of so many GPUs, in the order of ties.

        One that holds more replicas, or as many and comes first, and whose replicas carry no less, is never beaten.
        """
        key = (target, gpu_count, engine)
        found = self._contenders.get(key)
        if found is None:
            all_of_them = sorted(
                (Contender(replicas, amount, option) for amount, option in self.live(target)
                 if engine in ("", option.engine_id) and (replicas := gpu_count // option.gpu_count)),
                key=lambda one: one.option.order)
            found = self._contenders[key] = tuple(
                one for place, one in enumerate(all_of_them)
                if not any(
                    other.amount >= one.amount
                    and (other.replicas > one.replicas or (other.replicas == one.replicas and before < place))
                    for before, other in enumerate(all_of_them)
                )
            )
        return found
