"""Kubernetes: a Deployment and a Service for each deployment of the plan, load balancer, metrics, network rules."""

from __future__ import annotations

from typing import Any

from optimizer.deploy.dashboard import PROVISIONED_DASHBOARDS, PROVISIONED_DATASOURCE, dashboard_json
from optimizer.deploy.documents import dump
from optimizer.deploy.environment import CACHE, SETTINGS, EngineRun, Environment
from optimizer.deploy.metrics import ALERTMANAGER_PORT, alert_rules, alertmanager_config, labels_of, prometheus_config
from optimizer.deploy.names import dns_name
from optimizer.deploy.nginx import HEALTH, Listener, Server, Upstream, nginx_conf, weights
from optimizer.deploy.pools import pools_of, routes_of
from optimizer.loadtest.starting import MODEL
from optimizer.schema.serving import Companion

HTTPS_PORT = 8443
DNS = "kube-dns.kube-system.svc.cluster.local"
OFFER_LABEL = "gpumix-offer"
"""Node label that the operator sets where no label of the GPU is known."""

MODELS, API_KEYS, TLS, TOKEN, GRAFANA, WEBHOOK = (
    "checkpoints", "api-keys", "load-balancer-tls", "hugging-face", "grafana-admin", "alert-webhook")
"""ConfigMap of checkpoints that have to be named, and the Secrets."""

START_UP_PROBES, PROBE_S = 120, 15
"""Half an hour to load a checkpoint."""


def _meta(environment: Environment, name: str, component: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/part-of": environment.name, "app.kubernetes.io/name": name,
              "app.kubernetes.io/component": component}
    return {"name": name, "namespace": environment.name, "labels": labels}


def _pod_security(user: str) -> dict[str, Any]:
    number, group = map(int, user.split(":"))
    return {"runAsNonRoot": True, "runAsUser": number, "runAsGroup": group, "fsGroup": group,
            "seccompProfile": {"type": "RuntimeDefault"}}


def _security(read_only: bool) -> dict[str, Any]:
    return {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": read_only,
            "capabilities": {"drop": ["ALL"]}}


def literal(text: str) -> str:
    """Write a word so that Kubernetes puts no variable in.

    >>> literal("$(A)"), literal("a$b")
    ('$$(A)', 'a$b')
    """
    return text.replace("$(", "$$(")


def node_selector(run: EngineRun) -> dict[str, str]:
    """Choose the nodes: by GPU product and count where GPU Feature Discovery labels them, else by the offer."""
    if run.product_label is None or run.gpu.vendor != "nvidia":
        return {OFFER_LABEL: dns_name(run.node.offer_id, 63)}
    return {"nvidia.com/gpu.product": run.product_label, "nvidia.com/gpu.count": str(run.node.gpu_count)}


def _probe(path: str, port: str, scheme: str = "HTTP", failures: int = 4) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": port, "scheme": scheme}, "periodSeconds": PROBE_S, "timeoutSeconds": 10,
            "failureThreshold": failures}


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
                      "requests": {gpu: run.deployment.gpu_count, "memory": memory, "cpu": "2"}},
        "startupProbe": _probe(path, "http", failures=START_UP_PROBES), "readinessProbe": _probe(path, "http"),
        "livenessProbe": _probe(path, "http", failures=8), "securityContext": _security(read_only=False),
        "volumeMounts": mounts,
    }


def engine_documents(run: EngineRun, environment: Environment) -> list[dict[str, Any]]:
    """Write one deployment of the plan."""
    meta = _meta(environment, run.name, "engine")
    shm: dict[str, Any] = {"medium": "Memory", "sizeLimit": f"{run.serving.shared_memory_gib:g}Gi"}
    volumes: list[dict[str, Any]] = [{"name": "cache", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}},
                                     {"name": "shm", "emptyDir": shm}]
    if run.settings:
        volumes.append({"name": "settings", "configMap": {"name": run.name}})
    pod = {
        "automountServiceAccountToken": False, "enableServiceLinks": False, "nodeSelector": node_selector(run),
        "securityContext": _pod_security(run.serving.user), "containers": [engine_container(run)], "volumes": volumes,
        "tolerations": [{"key": f"{run.gpu.vendor}.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    }
    service = {
        "apiVersion": "v1", "kind": "Service", "metadata": meta,
        "spec": {"clusterIP": "None", "selector": {"app.kubernetes.io/name": run.name},
                 "ports": [{"name": "http", "port": run.serving.port, "targetPort": "http"}]},
    }
    documents = [_deployment(environment, meta, pod, run.deployment.replicas, labels_of(run)), service]
    if run.settings:
        documents.insert(0, _config_map(meta, {SETTINGS.rpartition("/")[2]: dump(run.settings)}))
    return documents


def _deployment(
    environment: Environment, meta: dict[str, Any], pod: dict[str, Any], replicas: int, labels: dict[str, str]
) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta,
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app.kubernetes.io/name": meta["name"]}},
                 "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
                 "template": {"metadata": {"labels": {**meta["labels"], **labels}}, "spec": pod}},
    }


def _config_map(meta: dict[str, Any], data: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


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
    meta = _meta(environment, "balancer", "load-balancer")
    companion = environment.companions["load_balancer"]
    projected = {"name": "secrets", "projected": {"sources": [
        {"secret": {"name": API_KEYS, "items": [{"key": "api_keys", "path": "api_keys"}]}},
        {"secret": {"name": TLS, "items": [{"key": "tls.crt", "path": "tls_crt"},
                                           {"key": "tls.key", "path": "tls_key"}]}},
    ]}}
    container = _container(companion, "nginx", "https", HTTPS_PORT, _probe(HEALTH, "https", "HTTPS")) | {
        "volumeMounts": [{"name": "config", "mountPath": "/etc/nginx/nginx.conf", "subPath": "nginx.conf"},
                         {"name": "secrets", "mountPath": "/run/secrets", "readOnly": True},
                         {"name": "tmp", "mountPath": "/tmp"}]}
    pod = _pod(companion, container, [{"name": "config", "configMap": {"name": "balancer"}}, projected,
                                      {"name": "tmp", "emptyDir": {}}])
    service = {
        "apiVersion": "v1", "kind": "Service", "metadata": meta,
        "spec": {"type": "LoadBalancer", "selector": {"app.kubernetes.io/name": "balancer"},
                 "ports": [{"name": "https", "port": 443, "targetPort": "https"}]},
    }
    return [_config_map(meta, {"nginx.conf": balancer_conf(environment)}),
            _deployment(environment, meta, pod, 2, {}), service]


def _container(companion: Companion, name: str, port_name: str, port: int, probe: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name, "image": companion.image, "ports": [{"name": port_name, "containerPort": port}],
        "resources": {"limits": {"cpu": "2", "memory": "2Gi"}, "requests": {"cpu": "100m", "memory": "256Mi"}},
        "readinessProbe": probe, "livenessProbe": probe, "securityContext": _security(read_only=True),
    }


def _pod(companion: Companion, container: dict[str, Any], volumes: list[dict[str, Any]]) -> dict[str, Any]:
    return {"automountServiceAccountToken": False, "enableServiceLinks": False,
            "securityContext": _pod_security(companion.user), "containers": [container], "volumes": volumes}


def scrape_jobs(environment: Environment) -> list[dict[str, Any]]:
    """Scrape every ready replica, found by the name of its headless Service."""
    return [
        {"job_name": run.name, "metrics_path": run.serving.metrics_path,
         "dns_sd_configs": [{"names": [f"{run.name}.{environment.name}.svc.cluster.local"], "type": "A",
                             "port": run.serving.port, "refresh_interval": "15s"}],
         "relabel_configs": [{"target_label": key, "replacement": value} for key, value in labels_of(run).items()]}
        for run in environment.runs]


def monitoring_documents(environment: Environment) -> list[dict[str, Any]]:
    """Write Prometheus, Alertmanager and Grafana, reached from inside the cluster only."""
    return [*_prometheus(environment), *_alertmanager(environment), *_grafana(environment)]


def _internal(meta: dict[str, Any], port: int) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta,
            "spec": {"selector": {"app.kubernetes.io/name": meta["name"]},
                     "ports": [{"name": "http", "port": port, "targetPort": "http"}]}}


def _prometheus(environment: Environment) -> list[dict[str, Any]]:
    meta, companion = _meta(environment, "prometheus", "metrics"), environment.companions["prometheus"]
    data = {"prometheus.yml": dump(prometheus_config(scrape_jobs(environment))),
            "alerts.yml": dump(alert_rules(environment))}
    container = _container(companion, "prometheus", "http", 9090, _probe("/-/ready", "http")) | {
        "args": ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus",
                 "--storage.tsdb.retention.time=30d"],
        "volumeMounts": [{"name": "config", "mountPath": "/etc/prometheus"},
                         {"name": "data", "mountPath": "/prometheus"}]}
    pod = _pod(companion, container, [{"name": "config", "configMap": {"name": "prometheus"}},
                                      {"name": "data", "emptyDir": {}}])
    return [_config_map(meta, data), _deployment(environment, meta, pod, 1, {}), _internal(meta, 9090)]


def _alertmanager(environment: Environment) -> list[dict[str, Any]]:
    meta, companion = _meta(environment, "alertmanager", "alerts"), environment.companions["alertmanager"]
    container = _container(companion, "alertmanager", "http", ALERTMANAGER_PORT, _probe("/-/ready", "http")) | {
        "args": ["--config.file=/etc/alertmanager/alertmanager.yml", "--storage.path=/alertmanager"],
        "volumeMounts": [{"name": "config", "mountPath": "/etc/alertmanager"},
                         {"name": "webhook", "mountPath": "/run/secrets/alert-webhook", "readOnly": True},
                         {"name": "data", "mountPath": "/alertmanager"}]}
    pod = _pod(companion, container, [{"name": "config", "configMap": {"name": "alertmanager"}},
                                      {"name": "webhook", "secret": {"secretName": WEBHOOK}},
                                      {"name": "data", "emptyDir": {}}])
    data = {"alertmanager.yml": dump(alertmanager_config("/run/secrets/alert-webhook/url"))}
    return [_config_map(meta, data), _deployment(environment, meta, pod, 1, {}), _internal(meta, ALERTMANAGER_PORT)]


def _grafana(environment: Environment) -> list[dict[str, Any]]:
    meta, companion = _meta(environment, "grafana", "dashboard"), environment.companions["grafana"]
    files = {"datasource.yaml": "provisioning/datasources", "dashboards.yaml": "provisioning/dashboards",
             "dashboard.json": "dashboards"}
    data = {"datasource.yaml": dump(PROVISIONED_DATASOURCE), "dashboards.yaml": dump(PROVISIONED_DASHBOARDS),
            "dashboard.json": dashboard_json(environment)}
    mounts = [{"name": "config", "mountPath": f"/etc/grafana/{folder}/{name}", "subPath": name}
              for name, folder in files.items()]
    password = {"secretKeyRef": {"name": GRAFANA, "key": "password"}}
    container = _container(companion, "grafana", "http", 3000, _probe("/api/health", "http")) | {
        "env": [{"name": "GF_SECURITY_ADMIN_PASSWORD", "valueFrom": password},
                {"name": "GF_USERS_ALLOW_SIGN_UP", "value": "false"},
                {"name": "GF_ANALYTICS_REPORTING_ENABLED", "value": "false"}],
        "volumeMounts": [*mounts, {"name": "data", "mountPath": "/var/lib/grafana"},
                         {"name": "tmp", "mountPath": "/tmp"}]}
    pod = _pod(companion, container, [{"name": "config", "configMap": {"name": "grafana"}},
                                      {"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}])
    return [_config_map(meta, data), _deployment(environment, meta, pod, 1, {}), _internal(meta, 3000)]


def network_documents(environment: Environment) -> list[dict[str, Any]]:
    """Let only load balancer and Prometheus reach an engine, only Grafana Prometheus, only it Alertmanager."""
    def policy(name: str, chosen: dict[str, str], allowed: list[str]) -> dict[str, Any]:
        """Write one rule."""
        sources = [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": one}}} for one in allowed]
        return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                "metadata": _meta(environment, name, "network"),
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


def kubernetes_files(environment: Environment) -> dict[str, str]:
    """Write everything for Kubernetes: path -> text."""
    files = {"manifests/00-namespace.yaml": dump(namespace(environment))}
    files |= {f"manifests/10-engine-{run.name}.yaml": dump(*engine_documents(run, environment))
              for run in environment.runs}
    files["manifests/20-balancer.yaml"] = dump(*balancer_documents(environment))
    files["manifests/30-monitoring.yaml"] = dump(*monitoring_documents(environment))
    files["manifests/40-network.yaml"] = dump(*network_documents(environment))
    return files
