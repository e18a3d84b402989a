"""Which deployments share which requests: all of a service, or each request class by itself where these are routed."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.deploy.environment import EngineRun, Environment
from optimizer.deploy.nginx import Route, upstream_name
from optimizer.schema.plan import ServicePlan


@dataclass(frozen=True)
class Pool:
    """Requests that come by one path, and the share of them that each deployment gets."""

    service: ServicePlan
    what: str
    """The request class, as `512 + 256 tokens`; empty where all requests share it."""
    paths: tuple[str, ...]
    upstream: str
    shares: tuple[tuple[EngineRun, float], ...]
    lengths: tuple[int, int] | None = None
    """Input and output tokens of the request class, None where all requests share the path."""


def pools_of(environment: Environment) -> list[Pool]:
    """List the pools of all services: /SERVICE/v1/, or /SERVICE/islN-oslM/v1/ for each class that is routed apart.

    The service's name is left out as well when there is but one.
    """
    return [pool for name, service in environment.services for pool in _of_service(environment, name, service)]


def _of_service(environment: Environment, name: str, service: ServicePlan) -> list[Pool]:
    runs, single = environment.of_service(service.service_id), len(environment.services) == 1
    if service.routing is None:
        shares = tuple((run, _share(run, environment.plan.sharing == "nodes")) for run in runs)
        paths = (f"/{name}/v1/", *(("/v1/",) if single else ()))
        return [Pool(service, "", paths, upstream_name(name), shares)]
    by_class: dict[tuple[int, int], list[tuple[EngineRun, float]]] = {}
    for run in runs:
        for one in run.deployment.classes or ():
            by_class.setdefault((one.isl_tokens, one.osl_tokens), []).append((run, one.share_of_class_fraction))
    found = []
    for (isl, osl), shared in sorted(by_class.items()):
        label = f"isl{isl}-osl{osl}"
        paths = (f"/{name}/{label}/v1/", *((f"/{label}/v1/",) if single else ()))
        taken = tuple((run, share) for run, share in shared if share > 0)
        found.append(Pool(service, f"{isl} + {osl} tokens", paths, upstream_name(f"{name}_{label}"), taken,
                          (isl, osl)))
    return found


def _share(run: EngineRun, shared: bool) -> float:
    """Return a deployment's share of its service's requests, relative to the others.

    Where nodes come and go by the hour it is what the nodes carry at the plan's speed: a balancer that sends by it
    overloads none, whichever nodes are there. `load_fraction` holds in the busiest hour only.
    """
    each = run.deployment.plan_speed_capacity_per_node
    units = run.deployment.replicas if shared else run.deployment.nodes
    return run.deployment.load_fraction if each is None else each * units


def routes_of(pools: list[Pool]) -> tuple[Route, ...]:
    """Return where each pool is reached."""
    return tuple(Route(path, pool.upstream, "/v1/") for pool in pools for path in pool.paths)


def standing_in(environment: Environment) -> list[EngineRun]:
    """List the deployments that get no requests while all others are there."""
    sent = {run.name for pool in pools_of(environment) for run, _ in pool.shares}
    return [run for run in environment.runs if run.name not in sent]
