"""Who may reach whom in a cluster, and the namespace that holds them."""

from __future__ import annotations

from typing import Any

from optimizer.deploy.cluster.objects import meta_of
from optimizer.deploy.environment import Environment


def network_documents(environment: Environment) -> list[dict[str, Any]]:
    """Let only load balancer and Prometheus reach an engine, only Grafana Prometheus, only it Alertmanager."""
    def policy(name: str, chosen: dict[str, str], allowed: list[str]) -> dict[str, Any]:
        """Write one rule."""
        sources = [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": one}}} for one in allowed]
        return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                "metadata": meta_of(environment, name, "network"),
                "spec": {"podSelector": {"matchLabels": chosen}, "policyTypes": ["Ingress"],
                         "ingress": [{"from": sources}] if sources else []}}

    return [
        policy("engines", {"app.kubernetes.io/component": "engine"}, ["balancer", "prometheus"]),
        policy("prometheus", {"app.kubernetes.io/name": "prometheus"}, ["grafana"]),
        policy("alertmanager", {"app.kubernetes.io/name": "alertmanager"}, ["prometheus"]),
        policy("grafana", {"app.kubernetes.io/name": "grafana"}, []),
    ]


def namespace(environment: Environment) -> dict[str, Any]:
    """Write the namespace, which takes no pod with more rights than these have."""
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": environment.name, "labels": labels}}
