"""Kubernetes objects that every part is made of: metadata, pods without rights, probes, rollouts."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from optimizer.deploy.environment import Environment
from optimizer.schema.serving import Companion

MODELS, API_KEYS, TLS, TOKEN, GRAFANA, WEBHOOK = (
    "checkpoints", "api-keys", "load-balancer-tls", "hugging-face", "grafana-admin", "alert-webhook")
"""ConfigMap of checkpoints that have to be named, and the Secrets."""

CONFIG_HASH = "gpumix/config-sha256"
"""Annotation of pods: Kubernetes rolls out what its template changes, and a ConfigMap is no part of it."""

PROBE_S = 15


def meta_of(environment: Environment, name: str, component: str) -> dict[str, Any]:
    """Return an object's metadata: its labels say what it is part of."""
    labels = {"app.kubernetes.io/part-of": environment.name, "app.kubernetes.io/name": name,
              "app.kubernetes.io/component": component}
    return {"name": name, "namespace": environment.name, "labels": labels}


def pod_security(user: str) -> dict[str, Any]:
    """Return what a pod runs as, never root."""
    number, group = map(int, user.split(":"))
    return {"runAsNonRoot": True, "runAsUser": number, "runAsGroup": group, "fsGroup": group,
            "seccompProfile": {"type": "RuntimeDefault"}}


def container_security(read_only: bool) -> dict[str, Any]:
    """Return what a container may do: nothing beyond its own."""
    return {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": read_only,
            "capabilities": {"drop": ["ALL"]}}


def literal(text: str) -> str:
    """Write a word so that Kubernetes puts no variable in.

    >>> literal("$(A)"), literal("a$b")
    ('$$(A)', 'a$b')
    """
    return text.replace("$(", "$$(")


def probe(path: str, port: str, scheme: str = "HTTP", failures: int = 4) -> dict[str, Any]:
    """Ask a path again and again."""
    return {"httpGet": {"path": path, "port": port, "scheme": scheme}, "periodSeconds": PROBE_S, "timeoutSeconds": 10,
            "failureThreshold": failures}


def disruption_budget(meta: dict[str, Any]) -> dict[str, Any]:
    """Let the cluster's maintenance take one pod of a deployment at a time."""
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta,
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app.kubernetes.io/name": meta["name"]}}}}


def deployment(
    environment: Environment, meta: dict[str, Any], pod: dict[str, Any], replicas: int, labels: dict[str, str],
    data: dict[str, str],
) -> dict[str, Any]:
    """Write a Deployment; its pods bear the hash of their configuration, so that a changed one rolls them out."""
    text = json.dumps(data, sort_keys=True)
    annotations = {CONFIG_HASH: hashlib.sha256(text.encode()).hexdigest()} if data else {}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta,
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app.kubernetes.io/name": meta["name"]}},
                 "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
                 "template": {"metadata": {"labels": {**meta["labels"], **labels},
                                           **({"annotations": annotations} if annotations else {})}, "spec": pod}},
    }


def config_map(meta: dict[str, Any], data: dict[str, str]) -> dict[str, Any]:
    """Write files for a pod to mount."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def small_container(
    companion: Companion, name: str, port_name: str, port: int, probing: dict[str, Any]
) -> dict[str, Any]:
    """Write the container of a companion, which takes little."""
    return {
        "name": name, "image": companion.image, "ports": [{"name": port_name, "containerPort": port}],
        "resources": {"limits": {"cpu": "2", "memory": "2Gi"}, "requests": {"cpu": "100m", "memory": "256Mi"}},
        "readinessProbe": probing, "livenessProbe": probing, "securityContext": container_security(read_only=True),
    }


def small_pod(companion: Companion, container: dict[str, Any], volumes: list[dict[str, Any]]) -> dict[str, Any]:
    """Write the pod of a companion."""
    return {"automountServiceAccountToken": False, "enableServiceLinks": False,
            "securityContext": pod_security(companion.user), "containers": [container], "volumes": volumes}


def internal_service(meta: dict[str, Any], port: int) -> dict[str, Any]:
    """Write a Service that only the cluster itself reaches."""
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta,
            "spec": {"selector": {"app.kubernetes.io/name": meta["name"]},
                     "ports": [{"name": "http", "port": port, "targetPort": "http"}]}}
