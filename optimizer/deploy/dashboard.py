"""Grafana: one dashboard, a row of panels for each service, with the plan's limits drawn in."""

from __future__ import annotations

import json
from typing import Any

from optimizer.deploy.environment import Environment
from optimizer.deploy.metrics import WINDOW, engines_of, promises, quantile, running_sum, selector
from optimizer.schema.plan import ServicePlan

DATASOURCE = {"type": "prometheus", "uid": "prometheus"}
SCHEMA_VERSION = 39
"""Of Grafana's dashboard model; later versions of Grafana migrate it."""

WIDTH, HEIGHT = 8, 8
"""Of a panel: three stand side by side on the grid of 24."""


def dashboard(environment: Environment) -> dict[str, Any]:
    """Write the dashboard."""
    panels: list[dict[str, Any]] = []
    for name, service in environment.services:
        top = sum(panel["gridPos"]["h"] for panel in panels if panel["gridPos"]["x"] == 0)
        panels.append({"type": "row", "title": name, "collapsed": False, "panels": [],
                       "gridPos": {"x": 0, "y": top, "w": 24, "h": 1}})
        panels += _panels(environment, name, service, top + 1)
    for number, panel in enumerate(panels, start=1):
        panel["id"] = number
    return {
        "uid": environment.name[:40], "title": f"Inference: {environment.plan.problem}", "tags": ["gpumix"],
        "timezone": "browser", "schemaVersion": SCHEMA_VERSION, "version": 1, "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"}, "editable": True, "templating": {"list": []},
        "annotations": {"list": []}, "panels": panels,
    }


def dashboard_json(environment: Environment) -> str:
    """Write the dashboard as a file."""
    return json.dumps(dashboard(environment), indent=2, ensure_ascii=False) + "\n"


def _panels(environment: Environment, name: str, service: ServicePlan, top: int) -> list[dict[str, Any]]:
    """Place the panels of one service in rows of three."""
    found = [*_latencies(environment, name, service), *_loads(environment, name, service)]
    for index, panel in enumerate(found):
        panel["gridPos"] = {"x": WIDTH * (index % 3), "y": top + HEIGHT * (index // 3), "w": WIDTH, "h": HEIGHT}
    return found


def _latencies(environment: Environment, name: str, service: ServicePlan) -> list[dict[str, Any]]:
    by_title: dict[str, tuple[list[tuple[str, str]], float]] = {}
    for engine_id, metrics in engines_of(environment, service.service_id).items():
        for one in promises(service, metrics):
            targets, _ = by_title.setdefault(one.what, ([], one.limit_s))
            labels = selector(name, engine_id)
            targets += [(quantile(share, one.histogram, labels), f"{engine_id} p{share * 100:g}")
                        for share in (0.5, 0.95)]
    return [_panel(what[0].upper() + what[1:], targets, "s", limit) for what, (targets, limit) in by_title.items()]


def _loads(environment: Environment, name: str, service: ServicePlan) -> list[dict[str, Any]]:
    engines = engines_of(environment, service.service_id)
    running = running_sum(environment, name, service.service_id)
    waiting = [(f"sum({metrics.waiting_requests}{selector(name, engine)})", engine)
               for engine, metrics in engines.items() if metrics.waiting_requests]
    tokens = [(f"sum by (deployment) (rate({metrics.output_tokens}{selector(name, engine)}[{WINDOW}]))",
               "{{deployment}}") for engine, metrics in engines.items() if metrics.output_tokens]
    share = [(f"sum by (deployment) ({metrics.running_requests}{selector(name, engine)})", "{{deployment}}")
             for engine, metrics in engines.items() if metrics.running_requests]
    planned = service.planned_concurrency
    replicas = sum(run.deployment.replicas for run in environment.of_service(service.service_id))
    panels = [_panel("Requests in flight", [(running, "in flight")], "short", planned)] if running else []
    panels += [_panel("Requests in flight by deployment", share, "short", None)] if share else []
    panels += [_panel("Requests waiting", waiting, "short", 1)] if waiting else []
    panels += [_panel("Output tokens/s", tokens, "short", None)] if tokens else []
    return [*panels, _panel(f"Replicas that answer, of {replicas}", [(f"sum(up{selector(name)})", "up")],
                            "short", None)]


def _panel(title: str, targets: list[tuple[str, str]], unit: str, limit: float | None) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    custom: dict[str, Any] = {"drawStyle": "line", "fillOpacity": 10}
    if limit is not None:
        steps.append({"color": "red", "value": limit})
        custom["thresholdsStyle"] = {"mode": "line"}
    return {
        "type": "timeseries", "title": title, "datasource": DATASOURCE,
        "targets": [{"refId": chr(ord("A") + index), "expr": expression, "legendFormat": legend,
                     "datasource": DATASOURCE} for index, (expression, legend) in enumerate(targets)],
        "fieldConfig": {"defaults": {"unit": unit, "min": 0, "custom": custom,
                                     "thresholds": {"mode": "absolute", "steps": steps}}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
    }


PROVISIONED_DATASOURCE = {
    "apiVersion": 1,
    "datasources": [{"name": "Prometheus", "uid": "prometheus", "type": "prometheus", "access": "proxy",
                     "url": "http://prometheus:9090", "isDefault": True, "editable": False}],
}

PROVISIONED_DASHBOARDS = {
    "apiVersion": 1,
    "providers": [{"name": "inference", "type": "file", "disableDeletion": True,
                   "options": {"path": "/etc/grafana/dashboards"}}],
}
