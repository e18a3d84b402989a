"""What problems of one catalog share: the options of a service on a GPU type, whatever its demand and speed target."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import replace
from typing import TypeVar

from optimizer.candidates.market import Market, policy_of
from optimizer.candidates.table import OptionTable
from optimizer.candidates.walker import MOST_SEQUENCES, OptionWalker
from optimizer.costs import PricedOffer, pricing_of
from optimizer.costs import priced_offers as price_all
from optimizer.demand import ServiceDemand
from optimizer.load import Catalog
from optimizer.schema.catalog import Gpu, LlmModel
from optimizer.schema.problem import Limits, Problem, Service

Value = TypeVar("Value")

ENDLESS = 2**60
"""A demand that caps no replica."""


class _Recent(OrderedDict[Hashable, Value]):
    """Keeps what was asked for last, so that memory stays flat however many problems come."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def recall(self, key: Hashable) -> Value | None:
        """Return what is kept, now asked for last."""
        if key not in self:
            return None
        self.move_to_end(key)
        return self[key]

    def keep(self, key: Hashable, value: Value) -> Value:
        """Remember a value and forget the one that was not asked for the longest."""
        self[key] = value
        self.move_to_end(key)
        if len(self) > self.size:
            self.popitem(last=False)
        return value


class Shelf:
    """Options and prices, kept from one problem to the next."""

    TABLES, PRICES = 4000, 64
    """How many are kept: some tens of services with all their GPU types."""

    def __init__(self, tables: int = TABLES) -> None:
        self._tables: _Recent[OptionTable] = _Recent(tables)
        self._prices: _Recent[list[PricedOffer]] = _Recent(self.PRICES)
        self._markets: _Recent[Market] = _Recent(self.PRICES)
        self._known: dict[int, object] = {}
        """Catalogs and models by the ids in the keys, held so that no other object comes by the same id."""

    def market(self, catalog: Catalog, problem: Problem) -> Market:
        """Price every offer and part them by the problem's policy, as `costs.priced_offers` and `Market.of` do."""
        priced = (id(catalog), pricing_of(problem))
        self._known[id(catalog)] = catalog
        key = (priced, policy_of(problem.limits))
        found = self._markets.recall(key)
        if found is None:
            offers = self._prices.recall(priced)
            if offers is None:
                offers = self._prices.keep(priced, price_all(catalog, problem))
            found = self._markets.keep(key, Market.of(offers, problem.limits))
        return found

    def tables(
        self, index: int, service: Service, model: LlmModel, gpus: list[tuple[Gpu, int]], limits: Limits,
        catalog: Catalog, demand: ServiceDemand,
    ) -> dict[str, OptionTable]:
        """Return the options of a service on GPU types, whatever its demand, in whose unit they carry.

        Services that differ in nothing else share what they carry.
        """
        slo = service.slo
        self._known[id(catalog)], self._known[id(model)] = catalog, model
        key = (
            id(catalog), id(model), service.engines, service.precisions,
            service.full_context_tokens, service.workload, service.routes_classes, slo.ttft_ms, slo.percentile,
            slo.e2e_ms,
            limits.evidence, limits.speed_confidence, demand.unit, demand.percentile,
        )
        found = {gpu.gpu_id: self._tables.recall((key, gpu.gpu_id, largest)) for gpu, largest in gpus}
        missing = [(gpu, largest) for gpu, largest in gpus if found[gpu.gpu_id] is None]
        if missing:
            endless = replace(demand, amount=ENDLESS)
            walked = OptionWalker(index, service, model, limits, catalog, endless, MOST_SEQUENCES).over(missing)
            for gpu, largest in missing:
                found[gpu.gpu_id] = self._tables.keep((key, gpu.gpu_id, largest), walked[gpu.gpu_id])
        return {
            gpu.gpu_id: self._of_service(index, table, (key, gpu.gpu_id, largest))
            for gpu, largest in gpus if (table := found[gpu.gpu_id]) is not None
        }

    def _of_service(self, index: int, first: OptionTable, key: Hashable) -> OptionTable:
        """Return a table whose options name the service at a position."""
        if not first.options or first.options[0].service == index:
            return first
        found = self._tables.recall((key, index))
        if found is None:
            options = tuple(replace(option, service=index) for option in first.options)
            found = self._tables.keep((key, index), OptionTable(options, first.drops))
        return found
