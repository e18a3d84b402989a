"""Prometheus, Alertmanager and Grafana in a cluster, or what the Prometheus operator reads in their place."""

from __future__ import annotations

from typing import Any

from optimizer.deploy.cluster.objects import (
    GRAFANA,
    WEBHOOK,
    config_map,
    deployment,
    internal_service,
    meta_of,
    probe,
    small_container,
    small_pod,
)
from optimizer.deploy.dashboard import PROVISIONED_DASHBOARDS, PROVISIONED_DATASOURCE, dashboard_json
from optimizer.deploy.documents import dump
from optimizer.deploy.environment import Environment
from optimizer.deploy.metrics import ALERTMANAGER_PORT, alert_rules, alertmanager_config, labels_of, prometheus_config


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


def _prometheus(environment: Environment) -> list[dict[str, Any]]:
    meta, companion = meta_of(environment, "prometheus", "metrics"), environment.companions["prometheus"]
    data = {"prometheus.yml": dump(prometheus_config(scrape_jobs(environment))),
            "alerts.yml": dump(alert_rules(environment))}
    container = small_container(companion, "prometheus", "http", 9090, probe("/-/ready", "http")) | {
        "args": ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus",
                 "--storage.tsdb.retention.time=30d"],
        "volumeMounts": [{"name": "config", "mountPath": "/etc/prometheus"},
                         {"name": "data", "mountPath": "/prometheus"}]}
    pod = small_pod(companion, container, [{"name": "config", "configMap": {"name": "prometheus"}},
                                      {"name": "data", "emptyDir": {}}])
    return [config_map(meta, data), deployment(environment, meta, pod, 1, {}, data), internal_service(meta, 9090)]


def _alertmanager(environment: Environment) -> list[dict[str, Any]]:
    meta, companion = meta_of(environment, "alertmanager", "alerts"), environment.companions["alertmanager"]
    container = small_container(companion, "alertmanager", "http", ALERTMANAGER_PORT, probe("/-/ready", "http")) | {
        "args": ["--config.file=/etc/alertmanager/alertmanager.yml", "--storage.path=/alertmanager"],
        "volumeMounts": [{"name": "config", "mountPath": "/etc/alertmanager"},
                         {"name": "webhook", "mountPath": "/run/secrets/alert-webhook", "readOnly": True},
                         {"name": "data", "mountPath": "/alertmanager"}]}
    pod = small_pod(companion, container, [{"name": "config", "configMap": {"name": "alertmanager"}},
                                      {"name": "webhook", "secret": {"secretName": WEBHOOK}},
                                      {"name": "data", "emptyDir": {}}])
    data = {"alertmanager.yml": dump(alertmanager_config("/run/secrets/alert-webhook/url"))}
    return [config_map(meta, data), deployment(environment, meta, pod, 1, {}, data),
            internal_service(meta, ALERTMANAGER_PORT)]


def _grafana(environment: Environment) -> list[dict[str, Any]]:
    meta, companion = meta_of(environment, "grafana", "dashboard"), environment.companions["grafana"]
    files = {"datasource.yaml": "provisioning/datasources", "dashboards.yaml": "provisioning/dashboards",
             "dashboard.json": "dashboards"}
    data = {"datasource.yaml": dump(PROVISIONED_DATASOURCE), "dashboards.yaml": dump(PROVISIONED_DASHBOARDS),
            "dashboard.json": dashboard_json(environment)}
    mounts = [{"name": "config", "mountPath": f"/etc/grafana/{folder}/{name}", "subPath": name}
              for name, folder in files.items()]
    password = {"secretKeyRef": {"name": GRAFANA, "key": "password"}}
    container = small_container(companion, "grafana", "http", 3000, probe("/api/health", "http")) | {
        "env": [{"name": "GF_SECURITY_ADMIN_PASSWORD", "valueFrom": password},
                {"name": "GF_USERS_ALLOW_SIGN_UP", "value": "false"},
                {"name": "GF_ANALYTICS_REPORTING_ENABLED", "value": "false"}],
        "volumeMounts": [*mounts, {"name": "data", "mountPath": "/var/lib/grafana"},
                         {"name": "tmp", "mountPath": "/tmp"}]}
    pod = small_pod(companion, container, [{"name": "config", "configMap": {"name": "grafana"}},
                                      {"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}])
    return [config_map(meta, data), deployment(environment, meta, pod, 1, {}, data), internal_service(meta, 3000)]


def operator_documents(environment: Environment) -> list[dict[str, Any]]:
    """Write what the Prometheus operator reads in place of this folder's own Prometheus: what to scrape, the alerts.

    https://prometheus-operator.dev/docs/api-reference/api/: PodMonitor and PrometheusRule of monitoring.coreos.com/v1.
    """
    monitors = [{
        "apiVersion": "monitoring.coreos.com/v1", "kind": "PodMonitor",
        "metadata": meta_of(environment, run.name, "metrics"),
        "spec": {"selector": {"matchLabels": {"app.kubernetes.io/name": run.name}},
                 "podTargetLabels": sorted(labels_of(run)),
                 "podMetricsEndpoints": [{"port": "http", "path": run.serving.metrics_path, "interval": "15s"}]}}
        for run in environment.runs]
    return [*monitors, {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
                        "metadata": meta_of(environment, "promises", "alerts"), "spec": alert_rules(environment)}]
