"""Gateway API: an InferencePool for each deployment, and routes that share requests as the plan says.

An endpoint picker chooses the replica with the shortest queue inside a pool. Its protocol names the engines whose
metrics it reads (gateway-api-inference-extension, docs/proposals/003-model-server-protocol).
"""

from __future__ import annotations

from typing import Any

from optimizer.deploy.cluster.objects import meta_of
from optimizer.deploy.environment import EngineRun, Environment
from optimizer.deploy.nginx import weights
from optimizer.deploy.pools import Pool, pools_of

POOL_GROUP = "inference.networking.k8s.io"
GATEWAY = "inference-gateway"
"""The Gateway that routes hang on; it belongs to the cluster."""

PICKER_PORT = 9002


def gateway_documents(environment: Environment) -> list[dict[str, Any]]:
    """Write pools and routes; nothing where the endpoint picker does not know an engine."""
    if not all(run.serving.endpoint_picker for run in environment.runs):
        return []
    return [*(inference_pool(run, environment) for run in environment.runs),
            *(http_route(pool, environment, "InferencePool") for pool in pools_of(environment)),
            _let_in(environment)]


def inference_pool(run: EngineRun, environment: Environment) -> dict[str, Any]:
    """Write the pool of one deployment; without its endpoint picker requests go to the replicas in turn."""
    meta = meta_of(environment, run.name, "pool")
    return {"apiVersion": f"{POOL_GROUP}/v1", "kind": "InferencePool", "metadata": meta,
            "spec": {"selector": {"matchLabels": {"app.kubernetes.io/name": run.name}},
                     "targetPorts": [{"number": run.serving.port}],
                     "endpointPickerRef": {"name": f"{run.name}-epp", "port": {"number": PICKER_PORT},
                                           "failureMode": "FailOpen"}}}


def http_route(pool: Pool, environment: Environment, kind: str, suffix: str = "", port: int | None = None
               ) -> dict[str, Any]:
    """Write the route of one path: its requests are shared among deployments by weight.

    Args:
        kind: what stands behind it: `InferencePool` or `Service`.
        suffix: of the names of what stands behind it.
        port: of a Service.
    """
    group = {"group": POOL_GROUP, "kind": kind} if kind == "InferencePool" else {"kind": kind}
    shares = weights([share for _, share in pool.shares])
    behind = [{**group, "name": f"{run.name}{suffix}", "weight": weight, **({"port": port} if port else {})}
              for (run, _), weight in zip(pool.shares, shares, strict=True)]
    rewrite = {"type": "URLRewrite",
               "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/v1/"}}}
    matches = [{"path": {"type": "PathPrefix", "value": path}} for path in pool.paths]
    name = pool.upstream.replace("_", "-")
    return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
            "metadata": meta_of(environment, name, "route"),
            "spec": {"parentRefs": [{"name": GATEWAY}],
                     "rules": [{"matches": matches, "filters": [rewrite], "backendRefs": behind,
                                "timeouts": {"request": "3600s"}}]}}


def _let_in(environment: Environment) -> dict[str, Any]:
    """Let the namespace of the Gateway, and the endpoint pickers, reach the engines."""
    sources = [{"namespaceSelector": {"matchLabels": {"gpumix/gateway": "true"}}}, {"podSelector": {}}]
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": meta_of(environment, "gateway", "network"),
            "spec": {"podSelector": {"matchLabels": {"app.kubernetes.io/component": "engine"}},
                     "policyTypes": ["Ingress"], "ingress": [{"from": sources}]}}
