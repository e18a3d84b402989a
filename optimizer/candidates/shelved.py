"""The options of one problem as tables that other problems share, capped by its demands only where somebody looks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from optimizer.candidates.option import Option
from optimizer.candidates.table import OptionTable
from optimizer.costs import PricedOffer
from optimizer.demand import ServiceDemand

OptionKey = tuple[int, str]
"""Service, GPU type."""


class ShelvedOptions(Mapping[OptionKey, tuple[Option, ...]]):
    """(service, gpu_id) -> the options that carry something at the problem's own speed targets."""

    def __init__(
        self, tables: dict[OptionKey, OptionTable], targets: tuple[float, ...], demands: tuple[ServiceDemand, ...]
    ) -> None:
        self.targets, self.demands = targets, demands
        self.tables = {key: table for key, table in tables.items() if table.live(targets[key[0]])}
        self._capped: dict[OptionKey, tuple[Option, ...]] = {}

    def __getitem__(self, key: OptionKey) -> tuple[Option, ...]:
        """Return the options of a service on a GPU type, capped by its demand."""
        if key not in self._capped:
            live, demand = self.tables[key].live(self.targets[key[0]]), self.demands[key[0]]
            self._capped[key] = tuple(option.capped(demand) for _, option in live)
        return self._capped[key]

    def __iter__(self) -> Iterator[OptionKey]:
        """Go through the keys."""
        return iter(self.tables)

    def __len__(self) -> int:
        """Count the keys."""
        return len(self.tables)

    def carrying(self, service: int, gpu_id: str) -> Iterator[tuple[int, Option]]:
        """Yield what a replica carries of the demand at the service's own target, and the option, not capped yet."""
        demand, table = self.demands[service], self.tables.get((service, gpu_id))
        for amount, option in () if table is None else table.live(self.targets[service]):
            yield min(amount, demand.amount) if demand.unit == "concurrency" else amount, option

    def best(self, service: int, offer: PricedOffer, per_engine: bool) -> list[tuple[int, Option]]:
        """Return what a node carries at the service's own target, and the option (of each engine), not capped yet.

        Empty where no option fits on the node. Ties go by engine, precision and tensor parallel.
        """
        table, target, demand = self.tables.get((service, offer.gpu_id)), self.targets[service], self.demands[service]
        if table is None:
            return []
        most = demand.amount if demand.unit == "concurrency" else None
        found = []
        for engine in table.engines(target) if per_engine else ("",):
            best, chosen = 0, None
            for one in table.contenders(target, offer.gpu_count, engine):
                capacity = one.capacity(most)
                if capacity > best:
                    best, chosen = capacity, one.option
            if chosen is not None:
                found.append((best, chosen))
        return found
