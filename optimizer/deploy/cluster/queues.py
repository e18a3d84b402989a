"""Kueue: the mix of the plan as quotas, a flavor for each offer, so that nothing else takes the GPUs of the plan."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from optimizer.deploy.cluster.engines import CPUS, node_selector
from optimizer.deploy.cluster.objects import meta_of
from optimizer.deploy.environment import EngineRun, Environment
from optimizer.deploy.names import dns_name

QUEUE = "engines"
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
VERSION = "kueue.x-k8s.io/v1beta2"


def queue_documents(environment: Environment) -> list[dict[str, Any]]:
    """Write a ResourceFlavor for each offer, the ClusterQueue with what the plan's replicas ask for, its LocalQueue.

    Every resource that a pod asks for must be covered, or Kueue admits nothing; a flavor that lacks one has 0 of it.
    """
    by_offer: dict[str, list[EngineRun]] = defaultdict(list)
    for run in environment.runs:
        by_offer[run.node.offer_id].append(run)
    gpus = sorted({f"{run.gpu.vendor}.com/gpu" for run in environment.runs})
    flavors, quotas = [], []
    for offer_id, runs in by_offer.items():
        name = dns_name(offer_id, 63)
        flavors.append({"apiVersion": VERSION, "kind": "ResourceFlavor", "metadata": {"name": name},
                        "spec": {"nodeLabels": node_selector(runs[0])}})
        quotas.append({"name": name, "resources": _asked(runs, gpus)})
    cluster = {"apiVersion": VERSION, "kind": "ClusterQueue", "metadata": {"name": environment.name},
               "spec": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": environment.name}},
                        "resourceGroups": [{"coveredResources": ["cpu", "memory", *gpus], "flavors": quotas}]}}
    local = {"apiVersion": VERSION, "kind": "LocalQueue", "metadata": meta_of(environment, QUEUE, "queue"),
             "spec": {"clusterQueue": environment.name}}
    return [*flavors, cluster, local]


def _asked(runs: list[EngineRun], gpus: list[str]) -> list[dict[str, Any]]:
    """Return the quota of one offer: what all replicas on its nodes ask for together."""
    cpus = sum(CPUS * run.deployment.replicas for run in runs)
    memory = sum(run.host_memory_gib * run.deployment.replicas for run in runs)
    counts = {gpu: sum(run.deployment.gpu_count * run.deployment.replicas for run in runs
                       if gpu == f"{run.gpu.vendor}.com/gpu") for gpu in gpus}
    return [{"name": "cpu", "nominalQuota": cpus}, {"name": "memory", "nominalQuota": f"{memory}Gi"},
            *({"name": gpu, "nominalQuota": count} for gpu, count in counts.items())]
