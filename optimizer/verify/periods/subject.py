"""What a plan of periods is held against: the problem's own periods and demands, derived again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property

from optimizer.costs.api_supply import requests_per_hour
from optimizer.costs.over_time import NodeMoney, money_by_id
from optimizer.costs.quarters import demand_factor, work_in_quarter
from optimizer.demand import ServiceDemand, grown_amount, hourly_amounts, profile_hours, window_seconds
from optimizer.schema.plan import Deployment, HostedShare, Period, Plan, RunningReplicas
from optimizer.schema.problem import Survive
from optimizer.units import MICRO, exact
from optimizer.verify.subject import Subject

Setting = tuple[str, str, str, str, int, int]
"""Service, offer, engine, precision, tensor parallel, GPUs of a replica."""

MOST_PARTS = 1000
"""Equal parts of a demand that hosted APIs carry; requests in flight where there are fewer."""


def setting_of(one: Deployment | RunningReplicas) -> Setting:
    """Return what tells the deployments of a plan apart."""
    return one.service_id, one.offer_id, one.engine_id, one.precision, one.tp_size, one.gpu_count


@dataclass(frozen=True)
class PeriodsSubject(Subject):
    """A plan of periods with its problem and catalog."""

    @property
    def quarters(self) -> int:
        """Quarters of the roadmap; 1 without one."""
        return self.problem.roadmap.quarters if self.problem.roadmap else 1

    @cached_property
    def hours(self) -> int:
        """Hours of the cycle; 1 where one peak stands for all hours."""
        return profile_hours(self.problem) or 1

    @property
    def is_shared(self) -> bool:
        """Whether replicas of several services may share nodes."""
        return self.problem.sharing == "nodes"

    @cached_property
    def is_replaced(self) -> bool:
        """Whether after a loss replicas are placed again."""
        return self.problem.limits.survive.is_replaced(self.problem.sharing)

    @cached_property
    def money(self) -> dict[str, NodeMoney]:
        """What nodes of the plan's offers cost over time, priced again; empty without a roadmap."""
        if self.problem.roadmap is None:
            return {}
        stays = self.plan.roadmap.stays if self.plan.roadmap else ()
        found = {name: money_by_id(name, self.catalog, self.problem, self.problem.roadmap)
                 for name in sorted({*self.offers, *(stay.offer_id for stay in stays)})}
        return {name: money for name, money in found.items() if money is not None}

    @cached_property
    def _asked(self) -> dict[tuple[str, int], tuple[int, ...]]:
        return {}

    def asked(self, service_id: str, quarter: int, hour: int) -> int:
        """Return what a service asks in an hour of a quarter, in the plan's integers; 0 for work with a window."""
        service, most_used = self.services[service_id], self.problem.limits.max_utilisation_fraction
        roadmap = self.problem.roadmap
        factor = demand_factor(roadmap, service_id, quarter) if roadmap else Fraction(1)
        if self.hours == 1:
            return grown_amount(service, factor, most_used)
        if service.kind == "async":
            return 0
        if (service_id, quarter) not in self._asked:
            self._asked[service_id, quarter] = hourly_amounts(service, self.hours, most_used, factor)
        return self._asked[service_id, quarter][hour]

    def amount_in(self, service_id: str, period: Period) -> Fraction:
        """Return what a service asks in a period, in requests in flight or requests/s."""
        key = service_id, period.quarter, period.hours
        if key not in self._amounts:
            most = max(self.asked(service_id, period.quarter or 0, hour) for hour in period.hours or (0,))
            rate = self.demands[service_id].unit != "concurrency"
            self._amounts[key] = Fraction(most, MICRO) if rate else Fraction(most)
        return self._amounts[key]

    @cached_property
    def _amounts(self) -> dict[tuple[str, int | None, tuple[int, ...]], Fraction]:
        return {}

    def amount(self, service_id: str) -> Fraction:
        """Return the most that a service asks in any period."""
        return max(self.amount_in(service_id, period) for period in self.plan.periods)

    def asked_of_api(self, one: HostedShare, period: Period) -> tuple[int, Fraction]:
        """Return what a service asks in a period, in the plan's integers, and the requests of one cycle of it."""
        service, quarter, most_used = self.services[one.service_id], period.quarter or 0, exact(
            self.problem.limits.max_utilisation_fraction)
        if service.deadline is not None and self.hours > 1:
            days = max((days for seconds, days in window_seconds(service.deadline, self.hours)
                        if any(seconds[hour] for hour in period.hours)), default=0)
            amount = days * work_in_quarter(service, self.problem, quarter, float(most_used))
            return amount, Fraction(amount, MICRO) * most_used / (1 + exact(service.headroom_fraction))
        amount = max(self.asked(one.service_id, quarter, hour) for hour in period.hours or (0,))
        return amount, requests_per_hour(service, self.problem, quarter, period.hours) * max(1, len(period.hours))

    def hosted_amount(self, service_id: str, period: Period, lost: str | None = None) -> int:
        """Return what APIs carry of a service in a period, in the plan's integers, without those of a provider."""
        total = 0
        for one in period.hosted:
            if one.service_id == service_id and one.provider != lost:
                amount, _ = self.asked_of_api(one, period)
                total += one.parts * -(-amount // max(1, min(amount, MOST_PARTS)))
        return total

    def gpus_of(self, one: Deployment) -> int:
        """Count the GPUs that a deployment has for itself."""
        return one.replicas * one.gpu_count

    def as_nodes(self, one: Deployment) -> Deployment:
        """Return a deployment whose every replica is a node of its own, where nodes are shared."""
        return one.model_copy(update={"nodes": one.replicas}) if self.is_shared else one

    @cached_property
    def whole(self) -> PeriodsSubject:
        """The same plan with shared deployments as nodes of one replica each."""
        plan = self.plan.model_copy(update={"deployments": tuple(map(self.as_nodes, self.plan.deployments))})
        return replace(self, plan=plan)

    @cached_property
    def by_setting(self) -> dict[Setting, Deployment]:
        """The deployments by what tells them apart."""
        return {setting_of(one): one for one in self.plan.deployments}

    def in_period(
        self, period: Period, running: Sequence[RunningReplicas], after_loss: bool = False, lost: str | None = None
    ) -> PeriodSubject:
        """Return what runs in a period as a plan of its own, after a loss without the APIs of a lost provider."""
        deployments = tuple(
            self.as_nodes(self.by_setting[setting_of(one)].model_copy(
                update={"nodes": one.nodes, "replicas": one.replicas}))
            for one in running if setting_of(one) in self.by_setting)
        problem = self.problem
        if after_loss or self.is_replaced:
            changes: dict[str, object] = {"survive": Survive()}
            changes |= {"spot_share_fraction": None} if after_loss else {}
            problem = problem.model_copy(update={"limits": problem.limits.model_copy(update=changes)})
        plan = self.plan.model_copy(update={"deployments": deployments})
        return PeriodSubject(plan, problem, self.catalog, self.own_models, self.known, self, period, lost)


@dataclass(frozen=True)
class PeriodSubject(Subject):
    """One period of a plan, held against what it asks."""

    whole: PeriodsSubject | None = None
    period: Period | None = field(default=None)
    lost: str | None = None
    """A provider whose hosted APIs carry nothing."""

    @cached_property
    def demands(self) -> dict[str, ServiceDemand]:
        """What each service asks of the nodes in the period: what no hosted API carries."""
        if self.whole is None or self.period is None:
            raise ValueError("a period is one of a plan")
        whole, period = self.whole, self.period
        return {
            name: replace(demand, amount=max(0, max(
                whole.asked(name, period.quarter or 0, hour) for hour in period.hours or (0,)
            ) - whole.hosted_amount(name, period, self.lost)))
            for name, demand in whole.demands.items()}

    def mixed_ids(self) -> list[str]:
        """List the services that ask for something and whose classes share all their nodes."""
        return [name for name in super().mixed_ids() if self.amount(name)]


def empty_of(plan: Plan) -> bool:
    """Say whether an answer shows nothing."""
    return not (plan.nodes or plan.deployments or plan.services or plan.cost.usd_per_month is not None)
