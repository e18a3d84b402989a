"""Kustomize: a base, components to be taken or left, and overlays that hold what a plan decides."""

from __future__ import annotations

from typing import Any

from optimizer.deploy.cluster.groups import groups_of
from optimizer.deploy.cluster.queues import QUEUE, QUEUE_LABEL
from optimizer.deploy.documents import dump
from optimizer.deploy.environment import Environment

ENGINES = {"kind": "StatefulSet", "labelSelector": "app.kubernetes.io/component=engine"}


def kustomize_files(environment: Environment) -> dict[str, str]:
    """Write base, components and overlays for one cluster: path -> text."""
    groups = groups_of(environment)
    base = {"namespace.yaml": [groups.namespace], "network.yaml": groups.network, "balancer.yaml": groups.balancer,
            **{f"engine-{name}.yaml": objects for name, objects in groups.engines.items()}}
    optional = {"monitoring": groups.monitoring, "prometheus-operator": groups.operator, "hours": groups.hours,
                "queues": groups.queues, "gateway": groups.gateway}
    components = {name: objects for name, objects in optional.items() if objects}
    files = {f"base/{name}": dump(*objects) for name, objects in base.items()}
    files["base/kustomization.yaml"] = _kustomization("Kustomization", resources=sorted(base))
    for name, objects in components.items():
        files[f"components/{name}/objects.yaml"] = dump(*objects)
        patches = [_queued()] if name == "queues" else []
        files[f"components/{name}/kustomization.yaml"] = _kustomization(
            "Component", resources=["objects.yaml"], patches=patches)
    taken = {"plan": ["monitoring"], "operator": ["prometheus-operator"],
             **({"hours": ["monitoring", "hours"]} if groups.hours else {})}
    for overlay, names in taken.items():
        files[f"overlays/{overlay}/kustomization.yaml"] = _overlay(environment, names, overlay != "hours")
    return files


def _overlay(environment: Environment, components: list[str], fixed: bool) -> str:
    """Write an overlay with the replicas and image tags of the plan; KEDA owns the replicas where it is taken."""
    images = sorted({run.image for run in environment.runs if "@" not in run.image})
    tags = [{"name": name, "newTag": tag} for name, _, tag in (image.rpartition(":") for image in images)]
    replicas = [{"name": run.name, "count": run.deployment.replicas} for run in environment.runs] if fixed else []
    once = len({one["name"] for one in tags}) == len(tags)
    return _kustomization("Kustomization", resources=["../../base"],
                          components=[f"../../components/{name}" for name in components],
                          images=tags if once else [], replicas=replicas)


def _queued() -> dict[str, Any]:
    """Return the patch that hands the engines to Kueue, which takes a StatefulSet only from its creation on."""
    operation = {"op": "add", "path": "/metadata/labels/" + QUEUE_LABEL.replace("/", "~1"), "value": QUEUE}
    return {"target": ENGINES, "patch": dump([operation])}


def _kustomization(kind: str, **parts: list[Any]) -> str:
    version = "v1alpha1" if kind == "Component" else "v1beta1"
    return dump({"apiVersion": f"kustomize.config.k8s.io/{version}", "kind": kind,
                 **{key: value for key, value in parts.items() if value}})
