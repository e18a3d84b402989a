"""One cluster a place: the part of an environment that stands at a provider's region, and the balancer before all."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from optimizer.deploy.compose import AUTHORITY, GATE_PORT, asked, nginx_service, secrets
from optimizer.deploy.documents import dump
from optimizer.deploy.environment import EngineRun, Environment
from optimizer.deploy.names import dns_name, variable
from optimizer.deploy.nginx import Listener, Server, Upstream, nginx_conf, weights
from optimizer.deploy.pools import pools_of, routes_of
from optimizer.deploy.schedule import RunningSlot, slots_of
from optimizer.schema.plan import ServicePlan

Render = Callable[[Environment], dict[str, str]]


def places_of(environment: Environment) -> dict[str, Environment]:
    """Return the part of each place, by provider and region, in the order of the plan."""
    by_place: dict[str, list[EngineRun]] = defaultdict(list)
    for run in environment.runs:
        by_place[dns_name(f"{run.node.provider}-{run.node.region}")].append(run)
    return {place: _part(environment, tuple(runs)) for place, runs in by_place.items()}


def _part(environment: Environment, runs: tuple[EngineRun, ...]) -> Environment:
    """Return an environment of some deployments, each service with its share of the requests planned for."""
    present = {run.deployment.service_id for run in runs}
    services = tuple((name, _scaled(service, share_of(environment, runs, service.service_id)))
                     for name, service in environment.services if service.service_id in present)
    return replace(environment, runs=runs, services=services)


def share_of(environment: Environment, runs: tuple[EngineRun, ...], service_id: str) -> float:
    """Return the share of a service's requests that some of its deployments carry."""
    def carried(some: tuple[EngineRun, ...] | list[EngineRun]) -> float:
        """Return what they carry at most."""
        return sum(run.deployment.concurrency_per_replica * run.deployment.replicas for run in some
                   if run.deployment.service_id == service_id)

    return carried(runs) / (carried(environment.runs) or 1.0)


def _scaled(service: ServicePlan, share: float) -> ServicePlan:
    planned = service.planned_concurrency
    return service.model_copy(update={"planned_concurrency": None if planned is None else math.ceil(planned * share)})


def by_place(render: Render) -> Render:
    """Return what writes one folder for each place, and `global/` where there are several; one place has none."""
    def files(environment: Environment) -> dict[str, str]:
        """Write every place."""
        places = places_of(environment)
        if len(places) == 1:
            return render(environment)
        found = {f"places/{place}/{path}": text for place, part in places.items()
                 for path, text in render(part).items()}
        return found | {f"global/{path}": text for path, text in global_files(environment, places).items()}

    return files


def global_conf(
    environment: Environment, places: dict[str, Environment], running: RunningSlot | None = None
) -> str:
    """Write the balancer before all places: each weighs what it carries of a path's requests.

    Args:
        running: the replicas that the weights are for; None for all of them.
    """
    pools, upstreams = pools_of(environment), []
    for pool in pools:
        stated = {run.name: share if running is None else running.shares[run.name] for run, share in pool.shares}
        if not any(stated.values()):
            stated = {run.name: share for run, share in pool.shares}
        shares = {place: sum(stated.get(run.name, 0.0) for run in part.runs) for place, part in places.items()}
        taking = {place: share for place, share in shares.items() if share > 0}
        upstreams.append(Upstream(pool.upstream, tuple(
            Server(f"{place}:{GATE_PORT}", weight)
            for place, weight in zip(taking, weights(list(taking.values())), strict=True))))
    routes = tuple(replace(route, to=next(pool.paths[0] for pool in pools if pool.upstream == route.upstream))
                   for route in routes_of(pools))
    return nginx_conf(tuple(upstreams), (Listener(GATE_PORT, routes),), None, AUTHORITY)


def global_files(environment: Environment, places: dict[str, Environment]) -> dict[str, str]:
    """Write the balancer before all places, as Docker Compose, with `hours/NNN.conf` for slots of other weights.

    NNN is the first hour of the slot, of the day from midnight or of the week from Monday 00:00: a cluster has one
    address for all of its nodes, whichever of them run.
    """
    hosts = {place: variable(place) for place in places}
    nginx = environment.companions["load_balancer"]
    balancer: dict[str, Any] = nginx_service(nginx.image, nginx.user, "balancer") | {
        "ports": [f"${{PORT:-443}}:{GATE_PORT}"], "secrets": ["api_keys", "tls_crt", "tls_key", "node_ca"],
        "extra_hosts": {place: asked(name) for place, name in hosts.items()}}
    compose = {"name": f"{environment.name}-global", "services": {"balancer": balancer},
               "configs": {"balancer": {"file": "./balancer.conf"}},
               "secrets": secrets("api_keys", "tls_crt", "tls_key", "node_ca")}
    whole = global_conf(environment, places)
    by_hour = {f"hours/{slot.hours[0]:03d}.conf": global_conf(environment, places, slot)
               for slot in slots_of(environment)}
    return {"compose.yaml": dump(compose), "balancer.conf": whole,
            **{path: text for path, text in by_hour.items() if text != whole},
            ".env.example": "".join(f"{name}=\n" for name in hosts.values()) + "PORT=443\n"}
