"""All objects of a cluster, in the groups and the order in which they are applied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from optimizer.deploy.cluster.balancer import balancer_documents
from optimizer.deploy.cluster.engines import engine_documents
from optimizer.deploy.cluster.gateway import gateway_documents
from optimizer.deploy.cluster.hours import hours_documents
from optimizer.deploy.cluster.monitoring import monitoring_documents, operator_documents
from optimizer.deploy.cluster.network import namespace, network_documents
from optimizer.deploy.cluster.queues import queue_documents
from optimizer.deploy.environment import Environment

Objects = list[dict[str, Any]]


@dataclass(frozen=True)
class Groups:
    """What a cluster holds; every renderer writes these objects in its own form."""

    namespace: dict[str, Any]
    engines: dict[str, Objects]
    """By deployment."""
    balancer: Objects
    monitoring: Objects
    network: Objects
    operator: Objects
    """In place of `monitoring`, where the Prometheus operator runs."""
    hours: Objects
    """KEDA's, empty where the nodes of the plan always stand."""
    queues: Objects
    """Kueue's."""
    gateway: Objects
    """Of the Gateway API, in place of `balancer`; empty where an engine cannot be picked by load."""


def groups_of(environment: Environment) -> Groups:
    """Write all objects of a cluster."""
    return Groups(
        namespace(environment), {run.name: engine_documents(run, environment) for run in environment.runs},
        balancer_documents(environment), monitoring_documents(environment), network_documents(environment),
        operator_documents(environment), hours_documents(environment), queue_documents(environment),
        gateway_documents(environment))
