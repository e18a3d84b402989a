"""Offers x engines x precisions x tensor-parallel sizes, each a candidate or a rejection."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from optimizer.candidates.market import Market
from optimizer.candidates.names import check_names
from optimizer.candidates.option import Option
from optimizer.candidates.rejection import Rejection
from optimizer.candidates.rejections import Rejections
from optimizer.candidates.replica import StatedCapacity
from optimizer.candidates.routed import RoutedSpeed
from optimizer.candidates.shelf import Shelf
from optimizer.candidates.shelved import OptionKey, ShelvedOptions
from optimizer.candidates.table import OptionTable
from optimizer.candidates.walker import OptionWalker, most_in_flight
from optimizer.costs import PricedOffer
from optimizer.demand import ServiceDemand, demand_of
from optimizer.load import Catalog
from optimizer.schema.base import Evidence
from optimizer.schema.catalog import Gpu, LlmModel
from optimizer.schema.problem import Limits, Problem, Service


@dataclass(frozen=True)
class Candidate:
    """A node of an offer that serves one service with one option."""

    offer: PricedOffer
    setting: Option
    """The option, maybe not capped by the demand yet."""
    capacity: int
    """Demand that one node carries at the speed target, in the demand's unit; of its best class where classes are
    routed apart."""
    demand: ServiceDemand | None = field(default=None, compare=False, repr=False)
    """What caps the option still."""
    classes: tuple[int, ...] = ()
    """The same capacity by class, each alone, where classes are routed apart."""

    @cached_property
    def option(self) -> Option:
        """The option, its replicas capped by the demand."""
        return self.setting if self.demand is None else self.setting.capped(self.demand)


@dataclass(frozen=True)
class CandidateSet:
    """All options of a problem on the offers that its policy admits."""

    services: tuple[Service, ...]
    demands: tuple[ServiceDemand, ...]
    offers: tuple[PricedOffer, ...]
    options: Mapping[OptionKey, tuple[Option, ...]]
    """(service, gpu_id) -> options by memory, engine and evidence, before speed."""
    stated: dict[tuple[int, str], Option]
    """(service, offer_id) -> a capacity that bypasses them."""
    rejections: Sequence[Rejection]
    market: Market | None = field(default=None, compare=False, repr=False)
    """Where the offers came from; what is known of its admitted offers holds as long as they are these."""
    solved: dict[Hashable, object] = field(default_factory=dict, init=False, compare=False, repr=False)
    """Cache of the solver: plans of single services by themselves. Valid for this set alone, as nothing in it changes;
    a set made of it by `replace` starts without."""

    def with_options_on(self, service: int, gpu_id: str, options: tuple[Option, ...]) -> CandidateSet:
        """Return the same candidates with other options of one service on one GPU type; plans of others are kept."""
        made = replace(self, options={**self.options, (service, gpu_id): options})
        made.solved.update((key, plan) for key, plan in self.solved.items()
                           if not (isinstance(key, tuple) and key[0] == service))
        return made

    def targets(self) -> tuple[float, ...]:
        """Return each service's speed target."""
        return tuple(service.slo.target_tokens_per_s for service in self.services)

    def options_on(self, service: int, offer: PricedOffer) -> Iterable[Option]:
        """List the options of a service that fit on a node."""
        stated = self.stated.get((service, offer.offer_id))
        if stated is not None:
            return (stated,)
        return (o for o in self.options.get((service, offer.gpu_id), ()) if o.gpu_count <= offer.gpu_count)

    def candidates(self, service: int, target: float, per_engine: bool = False) -> Iterator[Candidate]:
        """Yield the best candidate of each offer (and engine) at a speed target.

        The best has the highest capacity; ties go by engine, precision and tensor parallel. Exact for every rule that
        does not look at the engine; with `per_engine` for those that do.
        """
        if self.services[service].routes_classes:
            yield from self._routed(service, target, per_engine)
            return
        amounts: dict[tuple[str, int], list[tuple[int, Option]]] = {}
        shelved = self._shelved(service, target)
        demand = None if shelved is None else self.demands[service]
        for offer in self.offers:
            key = (offer.gpu_id, offer.gpu_count)
            stated = self.stated.get((service, offer.offer_id)) if self.stated else None
            if stated is not None:
                best = [(stated.speed.amount(target), stated)]
            elif key in amounts:
                best = amounts[key]
            elif shelved is not None:
                best = amounts[key] = shelved.best(service, offer, per_engine)
            else:
                best = amounts[key] = self._best(service, offer, target, per_engine)
            for capacity, option in best:
                if capacity > 0:
                    yield Candidate(offer, option, capacity, demand)

    def _shelved(self, service: int, target: float) -> ShelvedOptions | None:
        """Return the options where what each carries at a target is known from other problems."""
        options = self.options
        return options if isinstance(options, ShelvedOptions) and target == options.targets[service] else None

    def carrying(self, service: int, gpu_id: str, target: float) -> Iterator[tuple[int, Option]]:
        """Yield what a replica carries at a speed, and the option (see `capped`), for each that carries something."""
        shelved = self._shelved(service, target)
        if shelved is not None:
            yield from shelved.carrying(service, gpu_id)
            return
        for option in self.options.get((service, gpu_id), ()):
            amount = option.speed.amount(target)
            if amount > 0:
                yield amount, option

    def capped(self, option: Option) -> Option:
        """Return an option whose replicas never run more requests than its service has in flight."""
        return option.capped(self.demands[option.service]) if isinstance(self.options, ShelvedOptions) else option

    def _best(self, service: int, offer: PricedOffer, target: float, per_engine: bool) -> list[tuple[int, Option]]:
        chosen: dict[str, tuple[int, Option]] = {}
        for option in self.options_on(service, offer):
            capacity = option.replicas_on(offer) * option.speed.amount(target)
            group = option.engine_id if per_engine else ""
            most, best = chosen.get(group, (-1, option))
            if capacity > most or (capacity == most and option.order < best.order):
                chosen[group] = (capacity, option)
        return [chosen[group] for group in sorted(chosen)]

    def _routed(self, service: int, target: float, per_engine: bool) -> Iterator[Candidate]:
        """Yield, for each offer, the options that no other beats in every class (on the same engine)."""
        kept: dict[tuple[str, int], list[tuple[tuple[int, ...], Option]]] = {}
        for offer in self.offers:
            key = (offer.gpu_id, offer.gpu_count)
            if key not in kept:
                found = [(one.classes, one.option) for one in self._classes_on(service, offer, target)]
                kept[key] = unbeaten(found, per_engine)
            for classes, option in kept[key]:
                yield Candidate(offer, option, max(classes), classes=classes)

    def _classes_on(self, service: int, offer: PricedOffer, target: float) -> Iterator[Candidate]:
        """Yield every option on a node that carries some class."""
        for option in self.options_on(service, offer):
            if isinstance(option.speed, RoutedSpeed):
                replicas = option.replicas_on(offer)
                classes = tuple(replicas * amount for amount in option.speed.amounts(target))
                if any(classes):
                    yield Candidate(offer, option, max(classes), classes=classes)

    def every_candidate(self, service: int, target: float) -> Iterator[Candidate]:
        """Yield all candidates at a speed target, unreduced."""
        for offer in self.offers:
            if self.services[service].routes_classes:
                yield from self._classes_on(service, offer, target)
                continue
            for option in self.options_on(service, offer):
                capacity = option.replicas_on(offer) * option.speed.amount(target)
                if capacity > 0:
                    yield Candidate(offer, option, capacity)

    def under(self, least: Evidence) -> CandidateSet:
        """Return the same candidates on evidence no worse than `least`."""
        options = {
            key: kept for key, found in self.options.items()
            if (kept := tuple(replace(o, speed=s) for o in found if (s := o.speed.under(least)) is not None))
        }
        return replace(self, options=options)

    def next_speed(self, service: int, tokens_per_s: float) -> float | None:
        """Return the lowest speed above this one at which some option carries less."""
        found = [
            speed
            for (index, _), options in self.options.items() if index == service
            for option in options
            if (speed := option.speed.next_speed(tokens_per_s)) is not None
        ]
        found += [
            speed for (index, _), option in self.stated.items()
            if index == service and (speed := option.speed.next_speed(tokens_per_s)) is not None
        ]
        return min(found, default=None)


def unbeaten(
    found: list[tuple[tuple[int, ...], Option]], per_engine: bool
) -> list[tuple[tuple[int, ...], Option]]:
    """Keep the options that no other matches or beats in every class (on the same engine); of equals the first."""
    kept: list[tuple[tuple[int, ...], Option]] = []
    for classes, option in sorted(found, key=lambda one: (tuple(-c for c in one[0]), one[1].order)):
        rivals = (c for c, other in kept if not per_engine or other.engine_id == option.engine_id)
        if not any(all(a >= b for a, b in zip(rival, classes, strict=True)) for rival in rivals):
            kept.append((classes, option))
    return sorted(kept, key=lambda one: one[1].order)


def enumerate_candidates(
    problem: Problem, catalog: Catalog, market: Market, own_models: dict[str, LlmModel], shelf: Shelf | None = None
) -> CandidateSet:
    """List every option of every service, and why the others fell out.

    Args:
        shelf: keeps the options for further problems; the candidates are the same with it and without.

    Raises:
        InputError: the problem names a model, precision, engine, GPU, provider, region or offer that does not exist.
    """
    models = check_names(problem, catalog, market, own_models)
    most_used = problem.limits.max_utilisation_fraction
    demands = tuple(demand_of(service, most_used) for service in problem.services)
    stated: dict[OptionKey, Option] = {}
    tables: dict[OptionKey, OptionTable] = {}
    for index, (service, model) in enumerate(zip(problem.services, models, strict=True)):
        stated |= _stated(index, service, model, catalog, market.admitted)
        if model is not None:
            gpus = [
                (catalog.gpus[gpu_id], max(by_count)) for gpu_id, by_count in sorted(market.offer_ids.items())
                if not (stated and all((index, offer) in stated for ids in by_count.values() for offer in ids))
            ]
            found = _tables(index, service, model, gpus, problem.limits, catalog, demands[index], shelf)
            tables |= {(index, gpu_id): table for gpu_id, table in found.items()}
    targets = tuple(service.slo.target_tokens_per_s for service in problem.services)
    options: Mapping[OptionKey, tuple[Option, ...]]
    if shelf is not None:
        options = ShelvedOptions(tables, targets, demands)
    else:
        live = {key: tuple(option for _, option in table.live(targets[key[0]])) for key, table in tables.items()}
        options = {key: found for key, found in live.items() if found}
    rejections = Rejections(market.refused, tables, problem.services, demands, market.offer_ids)
    return CandidateSet(problem.services, demands, market.admitted, options, stated, rejections, market)


def _stated(
    index: int, service: Service, model: LlmModel | None, catalog: Catalog, admitted: tuple[PricedOffer, ...]
) -> dict[tuple[int, str], Option]:
    """Return the options of `capacities.csv`, which bypass memory and speed."""
    if not catalog.capacities:
        return {}
    found = {}
    for offer in admitted:
        row = catalog.capacities.get((service.service_id, offer.offer_id))
        if row is not None:
            capacity = StatedCapacity(row.max_concurrency, service.slo.target_tokens_per_s, row.source_url or None)
            precision = (service.precisions or (model.native_precision if model else "stated",))[0]
            engine = row.engine_id or "stated"
            found[index, offer.offer_id] = Option(
                index, offer.gpu_id, engine, precision, offer.gpu_count, 0, capacity)
    return found


def _tables(
    index: int, service: Service, model: LlmModel, gpus: list[tuple[Gpu, int]], limits: Limits, catalog: Catalog,
    demand: ServiceDemand, shelf: Shelf | None,
) -> dict[str, OptionTable]:
    """Walk the GPU types for this demand, or take what is on the shelf."""
    if shelf is not None:
        return shelf.tables(index, service, model, gpus, limits, catalog, demand)
    most = most_in_flight(service, demand)
    return OptionWalker(index, service, model, limits, catalog, demand, most).over(gpus)
