"""Prometheus: what is scraped, and the alerts on what the plan promises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from optimizer.deploy.environment import EngineRun, Environment
from optimizer.deploy.schedule import replicas_by_hour
from optimizer.schema.plan import ServicePlan
from optimizer.schema.serving import EngineMetrics

INTERVAL_S = 15
WINDOW = "5m"
"""Over which a mean or percentile is taken."""

HOLDS_FOR = "10m"
"""How long a promise must be broken before anybody is woken."""

PERCENTILE = 0.95

ALERTMANAGER_PORT = 9093


@dataclass(frozen=True, slots=True)
class Promise:
    """A latency that the plan promises, and the engine's histogram of it."""

    what: str
    alert: str
    histogram: str
    limit_s: float


def promises(service: ServicePlan, metrics: EngineMetrics) -> list[Promise]:
    """List the limits of a service that an engine's metrics can show: TTFT, TPOT = 1 / speed, whole response."""
    speed = service.target_tokens_per_s
    found = [
        ("time to first token", "TimeToFirstToken", metrics.ttft_seconds,
         None if service.ttft_limit_ms is None else service.ttft_limit_ms / 1000),
        ("time per output token", "TimePerOutputToken", metrics.tpot_seconds, 1 / speed if speed else None),
        ("whole response", "WholeResponse", metrics.e2e_seconds,
         None if service.e2e_limit_ms is None else service.e2e_limit_ms / 1000),
    ]
    return [Promise(what, alert, name, limit) for what, alert, name, limit in found if name and limit]


def selector(service_name: str, engine_id: str | None = None) -> str:
    """Return the labels of one service's series, of one engine where several serve it."""
    engine = f',engine_id="{engine_id}"' if engine_id else ""
    return f'{{service="{service_name}"{engine}}}'


def mean(histogram: str, labels: str) -> str:
    """Return the mean of a histogram over the window."""
    return f"sum(rate({histogram}_sum{labels}[{WINDOW}])) / sum(rate({histogram}_count{labels}[{WINDOW}]))"


def quantile(fraction: float, histogram: str, labels: str) -> str:
    """Return a quantile of a histogram over the window."""
    return f"histogram_quantile({fraction:g}, sum by (le) (rate({histogram}_bucket{labels}[{WINDOW}])))"


def engines_of(environment: Environment, service_id: str) -> dict[str, EngineMetrics]:
    """Return the engines that serve a service, each with its metrics."""
    return {run.deployment.engine_id: run.serving.metrics for run in environment.of_service(service_id)}


def alert_rules(environment: Environment) -> dict[str, Any]:
    """Write the alert rules: one group for each service."""
    return {"groups": [
        {"name": f"{environment.name}-{name}", "interval": "30s", "rules": _rules(environment, name, service)}
        for name, service in environment.services]}


def _rules(environment: Environment, name: str, service: ServicePlan) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = []
    for engine_id, metrics in engines_of(environment, service.service_id).items():
        labels, own = selector(name, engine_id), {"service": name, "engine_id": engine_id}
        for one in promises(service, metrics):
            limit, shown = f"{one.limit_s:.6g}", f"{1000 * one.limit_s:.4g} ms"
            rules += [
                _rule(f"{one.alert}MeanAboveLimit", f"{mean(one.histogram, labels)} > {limit}", "critical", own,
                      f"{name} on {engine_id}: mean {one.what} above the plan's {shown}"),
                _rule(f"{one.alert}P95AboveLimit", f"{quantile(PERCENTILE, one.histogram, labels)} > {limit}",
                      "warning", own,
                      f"{name} on {engine_id}: 95th percentile of the {one.what} above the plan's {shown}"),
            ]
        if metrics.waiting_requests:
            rules.append(_rule(
                "RequestsWait", f"sum({metrics.waiting_requests}{labels}) > 0", "warning", own,
                f"{name} on {engine_id}: requests wait; all sequences of the plan are taken"))
    running = running_sum(environment, name, service.service_id)
    if running and service.planned_concurrency:
        rules.append(_rule(
            "DemandAbovePlan", f"{running} > {service.planned_concurrency}", "warning", {"service": name},
            f"{name}: more than the {service.planned_concurrency} requests in flight planned for"))
    replicas = sum(always_there(environment, run) for run in environment.of_service(service.service_id))
    rules.append(_rule("ReplicasMissing", f"(sum(up{selector(name)}) or vector(0)) < {replicas}", "critical",
                       {"service": name}, f"{name}: fewer than the plan's {replicas} replicas answer", holds_for="2m"))
    return rules


def always_there(environment: Environment, run: EngineRun) -> int:
    """Return how many replicas of a deployment are there in every hour: all but those on nodes that come and go."""
    return min(replicas_by_hour(environment, run.name), default=run.deployment.replicas)


def running_sum(environment: Environment, name: str, service_id: str) -> str:
    """Return the requests in flight of a service over all its engines, nothing where one does not say."""
    engines = engines_of(environment, service_id)
    if not all(metrics.running_requests for metrics in engines.values()):
        return ""
    terms = [f"(sum({metrics.running_requests}{selector(name, engine)}) or vector(0))"
             for engine, metrics in engines.items()]
    return " + ".join(terms)


def _rule(
    alert: str, expression: str, severity: str, labels: dict[str, str], summary: str, holds_for: str = HOLDS_FOR
) -> dict[str, Any]:
    """Write one rule; its name and labels together are its own, or Prometheus would join it with another."""
    return {"alert": alert, "expr": expression, "for": holds_for, "labels": {"severity": severity, **labels},
            "annotations": {"summary": summary}}


def labels_of(run: EngineRun) -> dict[str, str]:
    """Return the labels that every series of a deployment bears."""
    return {"service": run.service_name, "deployment": run.name, "engine_id": run.deployment.engine_id}


def prometheus_config(jobs: list[dict[str, Any]]) -> dict[str, Any]:
    """Write prometheus.yml around the scrape jobs."""
    return {
        "global": {"scrape_interval": f"{INTERVAL_S}s", "evaluation_interval": f"{INTERVAL_S}s"},
        "rule_files": ["/etc/prometheus/alerts.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"alertmanager:{ALERTMANAGER_PORT}"]}]}]},
        "scrape_configs": jobs,
    }


def alertmanager_config(url_file: str) -> dict[str, Any]:
    """Write alertmanager.yml: every alert goes to one webhook, whose address a secret holds.

    While a critical alert of a service is on, its warnings are kept back: they say the same of the same promise.
    """
    return {
        "route": {"receiver": "webhook", "group_by": ["alertname", "service"], "group_wait": "30s",
                  "group_interval": "5m", "repeat_interval": "4h"},
        "receivers": [{"name": "webhook", "webhook_configs": [{"url_file": url_file, "send_resolved": True}]}],
        "inhibit_rules": [{"source_matchers": ["severity = critical"], "target_matchers": ["severity = warning"],
                           "equal": ["service", "engine_id"]}],
    }


def unwatched(environment: Environment) -> list[str]:
    """List in sentences the promises that an engine's metrics cannot show."""
    found = []
    for _, service in environment.services:
        for engine_id, metrics in engines_of(environment, service.service_id).items():
            missing = [what for what, name, limit in (
                ("the time to first token", metrics.ttft_seconds, service.ttft_limit_ms),
                ("the time per output token", metrics.tpot_seconds, service.target_tokens_per_s),
                ("the time of a whole response", metrics.e2e_seconds, service.e2e_limit_ms),
            ) if limit and not name]
            found += [f"{engine_id} exports no histogram of {what}: no alert watches that promise of "
                      f"{service.service_id}." for what in missing]
    return found
