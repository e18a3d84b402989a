"""Plain manifests for Kubernetes: `kubectl apply -k manifests/`, and what a cluster may take beside or instead."""

from __future__ import annotations

from optimizer.deploy.cluster.groups import groups_of
from optimizer.deploy.documents import dump
from optimizer.deploy.environment import Environment


def kubernetes_files(environment: Environment) -> dict[str, str]:
    """Write everything for one cluster: path -> text."""
    groups = groups_of(environment)
    files = {"manifests/00-namespace.yaml": dump(groups.namespace)}
    files |= {f"manifests/10-engine-{name}.yaml": dump(*objects) for name, objects in groups.engines.items()}
    files["manifests/20-balancer.yaml"] = dump(*groups.balancer)
    files["manifests/30-monitoring.yaml"] = dump(*groups.monitoring)
    files["manifests/40-network.yaml"] = dump(*groups.network)
    files["manifests/kustomization.yaml"] = kustomization(sorted(path.rpartition("/")[2] for path in files))
    beside = {"operator/prometheus-operator.yaml": groups.operator, "hours/keda.yaml": groups.hours,
              "queues/kueue.yaml": groups.queues, "gateway/inference-pools.yaml": groups.gateway}
    return files | {path: dump(*objects) for path, objects in beside.items() if objects}


def kustomization(resources: list[str]) -> str:
    """Write a kustomization of resources."""
    return dump({"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": resources})
