"""A plan saved as JSON, as `gpumix solve --format json` writes it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from math import isclose
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from optimizer.errors import Fault, InputError
from optimizer.load.faults import faults_of
from optimizer.load.text import LARGEST_JSON_BYTES, decode, parse_json, read_bytes
from optimizer.schema.plan import DIGEST, Plan, plan_sha256
from optimizer.units import HOURS_PER_MONTH

CONTRACTS = "contracts"
"""Cost line of what contracts add to the prices of the nodes."""

A_PLAN = "a plan as `gpumix solve --format json` writes it"

TELLING = ("status", "cost", "nodes", "deployments", "services", "inputs")
"""Keys without which JSON is no plan at all."""

SLACK = 1e-6
"""Relative distance that sums of a plan may keep from what they add up to."""


@dataclass(frozen=True)
class SavedPlan:
    """A plan with the digest that its file states and the one that its content has."""

    label: str
    plan: Plan
    sha256: str
    stated_sha256: str | None
    """None: a file of a version that wrote none."""

    @property
    def altered(self) -> Fault | None:
        """Say that the file was changed after it was written; None when it was not, or states no digest."""
        if self.stated_sha256 in (None, self.sha256):
            return None
        return Fault(self.label, DIGEST, f"{self.stated_sha256}", f"{self.sha256}, the digest of what the file holds")


def read_plan(path: Path) -> Plan:
    """Read a plan that nobody has changed since it was written.

    Raises:
        InputError: the file cannot be read, is no plan, its figures do not add up, or its digest is another one.
    """
    saved = read_saved_plan(path)
    if saved.altered is not None:
        raise InputError([saved.altered])
    return saved.plan


def read_saved_plan(path: Path) -> SavedPlan:
    """Read a plan, changed or not since it was written.

    Raises:
        InputError: the file cannot be read, is no plan, or its figures do not add up; every fault at once.
    """
    label = str(path)
    text = decode(read_bytes(path, most=LARGEST_JSON_BYTES), label)
    twice: list[str] = []

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """Note keys that stand twice."""
        keys = [key for key, _ in pairs]
        twice.extend(sorted({key for key in keys if keys.count(key) > 1}))
        return dict(pairs)

    data = parse_json(text, label, A_PLAN, once)
    if not isinstance(data, dict) or any(key not in data for key in TELLING):
        missing = [key for key in TELLING if not isinstance(data, dict) or key not in data]
        raise InputError([Fault(label, "", f"JSON without {', '.join(missing)}", A_PLAN)])
    if twice:
        raise InputError([Fault(label, key, "a key that stands twice", "each key once") for key in twice])
    digest = plan_sha256(data)
    stated = data.pop(DIGEST, None)
    try:
        plan = Plan.model_validate_json(json.dumps({"rejections": [], "proposals": [], **data}))
    except ValidationError as error:
        raise InputError(faults_of(error, label, Plan)) from None
    saved = SavedPlan(label, plan, digest, None if stated is None else str(stated))
    faults = [Fault(label, *one) for one in _sums(plan)]
    if faults:
        raise InputError(faults if saved.altered is None else [*faults, saved.altered])
    return saved


def _sums(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """Yield (key, found, allowed) of what does not add up: a file changed by hand, or cut together."""
    if plan.status not in ("optimal", "feasible"):
        if plan.nodes or plan.deployments:
            yield "status", f"{plan.status} with nodes", "no nodes and deployments, or optimal or feasible"
        return
    if not plan.nodes and not plan.hosted:
        yield "nodes", "nothing", f"the nodes of a plan that is {plan.status}"
        return
    yield from _counts(plan)
    if not plan.periods:
        yield from _costs(plan)
    yield from _loads(plan)


def _counts(plan: Plan) -> Iterator[tuple[str, str, str]]:
    bought: dict[str, int] = {}
    for index, node in enumerate(plan.nodes):
        if node.offer_id in bought:
            yield f"nodes.{index}.offer_id", f"{node.offer_id} twice", "each offer once"
        if not 0 <= node.idle <= node.count:
            yield f"nodes.{index}.idle", str(node.idle), f"0 to {node.count}"
        bought[node.offer_id] = node.count - node.idle
        for name in ("count", "gpu_count"):
            if getattr(node, name) < 1:
                yield f"nodes.{index}.{name}", str(getattr(node, name)), "a whole number from 1"
        if node.usd_per_hour_each < 0:
            yield f"nodes.{index}.usd_per_hour_each", f"{node.usd_per_hour_each:g}", "a price from 0"
    answered = {service.service_id for service in plan.services}
    deployed: dict[str, int] = defaultdict(int)
    for index, one in enumerate(plan.deployments):
        deployed[one.offer_id] += one.nodes
        for name in ("nodes", "replicas", "tp_size", "gpu_count", "concurrency_per_replica"):
            if getattr(one, name) < 1:
                yield f"deployments.{index}.{name}", str(getattr(one, name)), "a whole number from 1"
        if one.offer_id not in bought:
            yield f"deployments.{index}.offer_id", one.offer_id, f"one of the nodes: {', '.join(bought)}"
        if one.service_id not in answered:
            yield f"deployments.{index}.service_id", one.service_id, f"one of services: {', '.join(sorted(answered))}"
        if one.nodes > 0 and one.replicas % one.nodes and plan.sharing == "none":
            yield f"deployments.{index}.replicas", str(one.replicas), f"a multiple of nodes = {one.nodes}"
    for name, count in bought.items():
        if not plan.periods and deployed[name] != count:
            yield "nodes", f"{count} x {name}, {deployed[name]} deployed", "as many deployed as bought and not idle"


def _costs(plan: Plan) -> Iterator[tuple[str, str, str]]:
    contracts = plan.cost.breakdown.get(CONTRACTS, 0.0) / HOURS_PER_MONTH
    total = sum(node.count * node.usd_per_hour_each for node in plan.nodes) + contracts
    for key, found, sums in (
        ("cost.usd_per_hour", plan.cost.usd_per_hour, total),
        ("cost.usd_per_month", plan.cost.usd_per_month, total * HOURS_PER_MONTH),
    ):
        if found is None or not isclose(found, sums, rel_tol=SLACK, abs_tol=SLACK):
            beside = " and contracts" if contracts else ""
            yield key, str(found), f"the sum of the nodes{beside}, {sums:.6f}"


def _loads(plan: Plan) -> Iterator[tuple[str, str, str]]:
    shares: dict[str, float] = defaultdict(float)
    for one in plan.deployments:
        shares[one.service_id] += one.load_fraction
    for service_id, share in shares.items():
        if not plan.periods and not isclose(share, 1, rel_tol=0, abs_tol=SLACK):
            yield "deployments", f"load_fraction of {service_id} adding up to {share:g}", "a sum of 1"
