"""The load balancer of a cluster: nginx, twice, each replica weighed by what it carries."""

from __future__ import annotations

from typing import Any

from optimizer.deploy.cluster.objects import (
    API_KEYS,
    TLS,
    config_map,
    deployment,
    disruption_budget,
    meta_of,
    probe,
    small_container,
    small_pod,
)
from optimizer.deploy.environment import Environment
from optimizer.deploy.nginx import HEALTH, Listener, Server, Upstream, nginx_conf, weights
from optimizer.deploy.pools import pools_of, routes_of

HTTPS_PORT = 8443
DNS = "kube-dns.kube-system.svc.cluster.local"


def balancer_conf(environment: Environment) -> str:
    """Write the load balancer: each replica weighs what it carries of its service."""
    pools, upstreams = pools_of(environment), []
    for pool in pools:
        found = weights([share / run.deployment.replicas for run, share in pool.shares])
        upstreams.append(Upstream(pool.upstream, tuple(
            Server(f"{run.name}.{environment.name}.svc.cluster.local:{run.serving.port}", weight, resolve=True)
            for (run, _), weight in zip(pool.shares, found, strict=True))))
    listener = Listener(HTTPS_PORT, routes_of(pools))
    return nginx_conf(tuple(upstreams), (listener,), DNS)


def balancer_documents(environment: Environment) -> list[dict[str, Any]]:
    """Write the load balancer: nginx, twice, behind a Service that the cluster's provider opens to the outside."""
    meta = meta_of(environment, "balancer", "load-balancer")
    companion = environment.companions["load_balancer"]
    projected = {"name": "secrets", "projected": {"sources": [
        {"secret": {"name": API_KEYS, "items": [{"key": "api_keys", "path": "api_keys"}]}},
        {"secret": {"name": TLS, "items": [{"key": "tls.crt", "path": "tls_crt"},
                                           {"key": "tls.key", "path": "tls_key"}]}},
    ]}}
    container = small_container(companion, "nginx", "https", HTTPS_PORT, probe(HEALTH, "https", "HTTPS")) | {
        "volumeMounts": [{"name": "config", "mountPath": "/etc/nginx/nginx.conf", "subPath": "nginx.conf"},
                         {"name": "secrets", "mountPath": "/run/secrets", "readOnly": True},
                         {"name": "tmp", "mountPath": "/tmp"}]}
    pod = small_pod(companion, container, [{"name": "config", "configMap": {"name": "balancer"}}, projected,
                                      {"name": "tmp", "emptyDir": {}}])
    service = {
        "apiVersion": "v1", "kind": "Service", "metadata": meta,
        "spec": {"type": "LoadBalancer", "selector": {"app.kubernetes.io/name": "balancer"},
                 "ports": [{"name": "https", "port": 443, "targetPort": "https"}]},
    }
    data = {"nginx.conf": balancer_conf(environment)}
    return [config_map(meta, data), deployment(environment, meta, pod, 2, {}, data), service,
            disruption_budget(meta)]
