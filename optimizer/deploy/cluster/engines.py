"""Engines in Kubernetes: a StatefulSet for each deployment, its headless Service, its disruption budget."""

from __future__ import annotations

from typing import Any

from optimizer.deploy.cluster.objects import (
    MODELS,
    TOKEN,
    config_map,
    container_security,
    deployment,
    disruption_budget,
    literal,
    meta_of,
    pod_security,
    probe,
)
from optimizer.deploy.documents import dump
from optimizer.deploy.environment import CACHE, SETTINGS, EngineRun, Environment
from optimizer.deploy.metrics import labels_of
from optimizer.deploy.names import dns_name
from optimizer.loadtest.starting import MODEL

OFFER_LABEL = "gpumix-offer"
"""Node label that the operator sets where no label of the GPU is known."""

CPUS = 2
"""Cores that a replica asks for."""

START_UP_PROBES = 120
"""Half an hour to load a checkpoint."""


def node_selector(run: EngineRun) -> dict[str, str]:
    """Choose the nodes: by GPU product and count where GPU Feature Discovery labels them, else by the offer."""
    if run.product_label is None or run.gpu.vendor != "nvidia":
        return {OFFER_LABEL: dns_name(run.node.offer_id, 63)}
    return {"nvidia.com/gpu.product": run.product_label, "nvidia.com/gpu.count": str(run.node.gpu_count)}


def tolerations(run: EngineRun) -> list[dict[str, Any]]:
    """Let pods onto nodes that are kept for those that ask for a GPU."""
    return [{"key": f"{run.gpu.vendor}.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]


def _engine_env(run: EngineRun) -> list[dict[str, Any]]:
    env: list[dict[str, Any]] = [{"name": key, "value": literal(value)} for key, value in run.environment.items()]
    env.append({"name": "HF_TOKEN",
                "valueFrom": {"secretKeyRef": {"name": TOKEN, "key": "token", "optional": True}}})
    if run.checkpoint is None:
        env.append({"name": run.model_variable,
                    "valueFrom": {"configMapKeyRef": {"name": MODELS, "key": run.name}}})
    return env


def engine_container(run: EngineRun) -> dict[str, Any]:
    """Write the container of one replica."""
    model = f"$({run.model_variable})" if run.checkpoint is None else literal(run.checkpoint)
    words = [model if word == MODEL else literal(word) for word in run.command(MODEL)]
    gpu = f"{run.gpu.vendor}.com/gpu"
    memory = f"{run.host_memory_gib}Gi"
    mounts = [{"name": "cache", "mountPath": CACHE}, {"name": "tmp", "mountPath": "/tmp"},
              {"name": "shm", "mountPath": "/dev/shm"}]
    if run.settings:
        mounts.append({"name": "settings", "mountPath": SETTINGS.rpartition("/")[0]})
    path = run.serving.health_path
    return {
        "name": "engine", "image": run.image, "command": words, "env": _engine_env(run),
        "ports": [{"name": "http", "containerPort": run.serving.port}],
        "resources": {"limits": {gpu: run.deployment.gpu_count, "memory": memory},
                      "requests": {gpu: run.deployment.gpu_count, "memory": memory, "cpu": str(CPUS)}},
        "startupProbe": probe(path, "http", failures=START_UP_PROBES), "readinessProbe": probe(path, "http"),
        "livenessProbe": probe(path, "http", failures=8), "securityContext": container_security(read_only=False),
        "volumeMounts": mounts,
    }


def engine_documents(run: EngineRun, environment: Environment) -> list[dict[str, Any]]:
    """Write one deployment of the plan."""
    meta = meta_of(environment, run.name, "engine")
    shm: dict[str, Any] = {"medium": "Memory", "sizeLimit": f"{run.serving.shared_memory_gib:g}Gi"}
    volumes: list[dict[str, Any]] = [{"name": "tmp", "emptyDir": {}}, {"name": "shm", "emptyDir": shm}]
    if run.settings:
        volumes.append({"name": "settings", "configMap": {"name": run.name}})
    pod = {
        "automountServiceAccountToken": False, "enableServiceLinks": False, "nodeSelector": node_selector(run),
        "securityContext": pod_security(run.serving.user), "containers": [engine_container(run)], "volumes": volumes,
        "tolerations": tolerations(run),
    }
    service = {
        "apiVersion": "v1", "kind": "Service", "metadata": meta,
        "spec": {"clusterIP": "None", "selector": {"app.kubernetes.io/name": run.name},
                 "ports": [{"name": "http", "port": run.serving.port, "targetPort": "http"}]},
    }
    data = {SETTINGS.rpartition("/")[2]: dump(run.settings)} if run.settings else {}
    documents = [_stateful(run, deployment(environment, meta, pod, run.deployment.replicas, labels_of(run), data)),
                 service, disruption_budget(meta)]
    return [config_map(meta, data), *documents] if data else documents


def _stateful(run: EngineRun, deployment: dict[str, Any]) -> dict[str, Any]:
    """Turn a Deployment into a StatefulSet: each replica keeps its checkpoint on a claim of its own.

    The claim is as large as the replica's host memory, which is reckoned from the weights with room to spare.
    """
    claim = {"metadata": {"name": "cache"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": f"{run.host_memory_gib}Gi"}}}}
    spec = {key: value for key, value in deployment["spec"].items() if key != "strategy"}
    return {**deployment, "kind": "StatefulSet",
            "spec": {**spec, "serviceName": run.name, "podManagementPolicy": "Parallel",
                     "updateStrategy": {"type": "RollingUpdate"}, "volumeClaimTemplates": [claim]}}
