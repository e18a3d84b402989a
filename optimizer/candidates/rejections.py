"""The rejections of a problem, worked out when somebody reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

from optimizer.candidates.market import OfferIds
from optimizer.candidates.option import Option
from optimizer.candidates.rejection import Rejection
from optimizer.candidates.replica import ReplicaSpeed
from optimizer.candidates.routed import RoutedSpeed
from optimizer.candidates.table import Drop, OptionTable
from optimizer.candidates.walker import words_of
from optimizer.demand import ServiceDemand
from optimizer.messages import Message
from optimizer.schema.problem import Service


@dataclass(frozen=True, slots=True)
class Dead:
    """An option that fits but is too slow for its service."""

    service: Service
    option: Option
    request: int | None = None
    """The class that is too slow, where classes are routed apart."""


class Rejections(Sequence[Rejection]):
    """What a policy refused, what fell out on the way, and what is too slow: the same each time it is read."""

    def __init__(
        self, refused: tuple[Rejection, ...], tables: dict[tuple[int, str], OptionTable],
        services: tuple[Service, ...], demands: tuple[ServiceDemand, ...], offer_ids: OfferIds,
    ) -> None:
        self.refused, self.tables, self.services, self.demands = refused, tables, services, demands
        self.offer_ids = offer_ids

    @cached_property
    def dead(self) -> tuple[Dead, ...]:
        """The options that fit but are too slow (each class that is, where classes are routed apart)."""
        found = []
        for (index, _), table in self.tables.items():
            service = self.services[index]
            target = service.slo.target_tokens_per_s
            for option in table.options:
                if isinstance(option.speed, RoutedSpeed):
                    amounts = enumerate(zip(option.speed.classes, option.speed.amounts(target), strict=True))
                    found += [Dead(service, option, i) for i, (one, amount) in amounts if one and not amount]
                elif not option.speed.amount(target):
                    found.append(Dead(service, option.capped(self.demands[index])))
        return tuple(found)

    @cached_property
    def _all(self) -> tuple[Rejection, ...]:
        slow: dict[tuple[str, str], list[Rejection]] = {}
        for one in self.dead:
            slow.setdefault((one.service.service_id, one.option.gpu_id), []).append(self._too_slow(one))
        found = list(self.refused)
        for (index, gpu_id), table in self.tables.items():
            service = self.services[index]
            found += [self._dropped(service, drop) for drop in table.drops]
            found += slow.get((service.service_id, gpu_id), [])
        return tuple(found)

    def _offers(self, gpu_id: str, footprint: int) -> tuple[str, ...]:
        """Return the offers on which a combination would have fitted."""
        by_count = self.offer_ids[gpu_id].items()
        return tuple(offer for count, ids in by_count if count >= footprint for offer in ids)

    def _dropped(self, service: Service, drop: Drop) -> Rejection:
        return Rejection(service.service_id, drop.gpu_id, drop.engine_id, drop.precision, drop.tp_size,
                         self._offers(drop.gpu_id, drop.footprint), drop.step, drop.reason)

    def _too_slow(self, one: Dead) -> Rejection:
        option = one.option
        reason = _reason_of(one)
        return Rejection(one.service.service_id, option.gpu_id, option.engine_id, option.precision, option.tp_size,
                         self._offers(option.gpu_id, option.gpu_count), "speed", reason)

    @overload
    def __getitem__(self, index: int) -> Rejection: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Rejection]: ...

    def __getitem__(self, index: int | slice) -> Rejection | Sequence[Rejection]:
        return self._all[index]

    def __len__(self) -> int:
        return len(self._all)


def _reason_of(one: Dead) -> Message:
    """Say why an option, or one class on it, is too slow; nothing for a stated capacity."""
    speed = one.option.speed
    if isinstance(speed, RoutedSpeed) and one.request is not None:
        alone = speed.classes[one.request]
        why = Message.quoted("") if alone is None else _speed_reason(alone, one.service)
        return Message("class.reason", request=words_of(one.service.workload[one.request]), reason=why)
    return _speed_reason(speed, one.service) if isinstance(speed, ReplicaSpeed) else Message.quoted("")


def _speed_reason(speed: ReplicaSpeed, service: Service) -> Message:
    """Say which limit a single request breaks already."""
    target, slo = service.slo.target_tokens_per_s, service.slo
    for one in speed.classes:
        evidence = one.evidence(1)
        ttft, whole = one.held_ttft_ms(1), one.latency_s(1) * 1000
        if one.speed(1) < target:
            return Message("speed.too-slow", speed=one.speed(1), evidence=evidence, asked=target)
        if slo.ttft_ms is not None and ttft > slo.ttft_ms:
            return Message("speed.ttft", ms=ttft, evidence=evidence, asked=slo.ttft_ms)
        if slo.e2e_ms is not None and whole > slo.e2e_ms:
            return Message("speed.whole", ms=whole, evidence=evidence, asked=slo.e2e_ms)
    return Message("speed.no-room")
