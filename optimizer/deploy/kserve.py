"""KServe: an LLMInferenceService for each deployment of vLLM, an InferenceService for each of another engine.

Fields as KServe 0.20 has them (serving.kserve.io/v1alpha2 and v1beta1, kserve/kserve at aaac4e29). KServe's own
template starts vLLM, with its certificates and the checkpoint that its storage initializer brings; the flags of the
plan follow, quoted because that template hands them to a shell.
"""

from __future__ import annotations

import shlex
from typing import Any

from optimizer.deploy.cluster.engines import engine_container, node_selector, tolerations
from optimizer.deploy.cluster.gateway import http_route
from optimizer.deploy.cluster.hours import queue_trigger, scaled_object
from optimizer.deploy.cluster.monitoring import operator_documents
from optimizer.deploy.cluster.network import namespace
from optimizer.deploy.cluster.objects import config_map, meta_of, pod_security
from optimizer.deploy.documents import dump
from optimizer.deploy.environment import SETTINGS, EngineRun, Environment
from optimizer.deploy.helm.others import PLACED, fits, flags_of
from optimizer.deploy.kubernetes import kustomization
from optimizer.deploy.nginx import weights
from optimizer.deploy.pools import Pool, pools_of

WRITTEN = (*PLACED, "--tensor-parallel-size", "--served-model-name")
"""Flags that KServe's template writes itself."""

PREDICTOR = "-predictor"
"""KServe names the Service of an InferenceService so in its Standard mode."""


def kserve_files(environment: Environment) -> dict[str, str]:
    """Write everything for one cluster with KServe: path -> text."""
    files = {"kserve/00-namespace.yaml": dump(namespace(environment))}
    for pool in pools_of(environment):
        whole = all(fits(run) for run, _ in pool.shares) and pool.lengths is None
        for (run, _), weight in zip(pool.shares, weights([share for _, share in pool.shares]), strict=True):
            objects = [llm_service(run, environment, weight)] if whole else inference_service(run, environment)
            files[f"kserve/10-{run.name}.yaml"] = dump(*objects)
        if not whole:
            files[f"kserve/20-{_route(pool, environment)['metadata']['name']}.yaml"] = dump(_route(pool, environment))
    files["kserve/kustomization.yaml"] = kustomization(sorted(path.rpartition("/")[2] for path in files))
    files["operator/prometheus-operator.yaml"] = dump(*operator_documents(environment))
    return files


def _route(pool: Pool, environment: Environment) -> dict[str, Any]:
    return http_route(pool, environment, "Service", PREDICTOR, 80)


def llm_service(run: EngineRun, environment: Environment, weight: int) -> dict[str, Any]:
    """Write a deployment of vLLM; those of one service are a group that shares requests by weight."""
    stated = engine_container(run)
    container = {"name": "main", "image": run.image, "args": [shlex.quote(word) for word in flags_of(run, WRITTEN)],
                 "env": [one for one in stated["env"] if one["name"] == "HF_TOKEN"], "resources": stated["resources"]}
    template = {"containers": [container], "nodeSelector": node_selector(run), "tolerations": tolerations(run)}
    router = {"route": {"group": run.service_name, "weight": weight}, "gateway": {}, "scheduler": {}}
    spec: dict[str, Any] = {
        "model": {"uri": f"hf://{run.checkpoint}", "name": run.deployment.service_id},
        "replicas": run.deployment.replicas, "parallelism": {"tensor": run.deployment.tp_size}, "router": router,
        "template": template}
    scaling = _scaling(run, environment)
    if scaling:
        del spec["replicas"]
        spec["scaling"] = scaling
    return {"apiVersion": "serving.kserve.io/v1alpha2", "kind": "LLMInferenceService",
            "metadata": meta_of(environment, run.name, "engine"), "spec": spec}


def _scaling(run: EngineRun, environment: Environment) -> dict[str, Any]:
    """Return what follows the hours of the plan, nothing where replicas are the same in each."""
    scaled = scaled_object(run, environment)
    if scaled is None:
        return {}
    spec = scaled["spec"]
    crons = [one for one in spec["triggers"] if one != queue_trigger(run, environment)]
    return {"minReplicas": max(1, spec["minReplicaCount"]), "maxReplicas": spec["maxReplicaCount"],
            "keda": {"triggers": crons, "cooldownPeriod": spec["cooldownPeriod"]}}


def inference_service(run: EngineRun, environment: Environment) -> list[dict[str, Any]]:
    """Write a deployment of another engine, or of a service with several: its container whole, without a template."""
    container = engine_container(run) | {"name": "kserve-container"}
    volumes: list[dict[str, Any]] = [
        {"name": "cache", "ephemeral": {"volumeClaimTemplate": {"spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": f"{run.host_memory_gib}Gi"}}}}}},
        {"name": "tmp", "emptyDir": {}},
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": f"{run.serving.shared_memory_gib:g}Gi"}}]
    settings = []
    if run.settings:
        volumes.append({"name": "settings", "configMap": {"name": run.name}})
        settings = [config_map(meta_of(environment, run.name, "engine"),
                               {SETTINGS.rpartition("/")[2]: dump(run.settings)})]
    scaled = scaled_object(run, environment)
    fewest = run.deployment.replicas if scaled is None else scaled["spec"]["minReplicaCount"]
    meta = meta_of(environment, run.name, "engine")
    meta["annotations"] = {"serving.kserve.io/deploymentMode": "Standard", "serving.kserve.io/autoscalerClass": "none"}
    predictor = {"minReplicas": fewest, "maxReplicas": run.deployment.replicas, "containers": [container],
                 "volumes": volumes, "nodeSelector": node_selector(run), "tolerations": tolerations(run),
                 "securityContext": pod_security(run.serving.user), "automountServiceAccountToken": False}
    return [*settings, {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "metadata": meta,
                        "spec": {"predictor": predictor}}]

