"""KEDA: replicas that follow the hours of the plan, and the queue within the most that the plan has."""

from __future__ import annotations

from typing import Any

from optimizer.deploy.cluster.objects import meta_of
from optimizer.deploy.environment import EngineRun, Environment
from optimizer.deploy.metrics import labels_of
from optimizer.deploy.schedule import cycle_hours, replicas_by_hour, windows

LEAD_MINUTES = 30
"""How much earlier a replica is asked for than it serves: a node comes up and a checkpoint is loaded."""

TIMEZONE = "Etc/UTC"
"""Of the plan's hours; the problem names none."""

CRON_DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


def hours_documents(environment: Environment) -> list[dict[str, Any]]:
    """Write a ScaledObject for each deployment whose replicas change, and let KEDA read Prometheus."""
    found = [scaled for run in environment.runs if (scaled := scaled_object(run, environment))]
    return [*found, _let_in(environment)] if found else []


def scaled_object(run: EngineRun, environment: Environment) -> dict[str, Any] | None:
    """Write what scales one deployment, None where its replicas are the same in every hour.

    The fewest of the cycle always run. A cron trigger for each number above asks for it in its hours; the largest one
    asked for counts. The queue asks for more when more requests are there than the slot was planned for.
    """
    counts = replicas_by_hour(environment, run.name)
    if not counts or min(counts) == max(counts):
        return None
    cycle = cycle_hours(environment.plan)
    crons = [_cron(first, end, count, cycle) for count in sorted(set(counts) - {min(counts)})
             for first, end in windows(counts, count)]
    queue = queue_trigger(run, environment)
    meta = meta_of(environment, run.name, "hours")
    return {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": meta,
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": run.name},
                     "minReplicaCount": min(counts), "maxReplicaCount": max(counts), "cooldownPeriod": 300,
                     "triggers": [*crons, *([queue] if queue else [])]}}


def _cron(first: int, end: int, count: int, cycle: int) -> dict[str, Any]:
    """Ask for replicas from some minutes before the first hour up to the end of the last."""
    start = (60 * first - LEAD_MINUTES) % (60 * cycle)
    return {"type": "cron", "metadata": {"timezone": TIMEZONE, "start": cron_time(start, cycle),
                                         "end": cron_time(60 * end % (60 * cycle), cycle),
                                         "desiredReplicas": str(count)}}


def cron_time(minute: int, cycle: int) -> str:
    """Write a minute of the cycle as cron has it.

    >>> cron_time(9 * 60, 24), cron_time(24 * 60 + 510, 168)
    ('0 9 * * *', '30 8 * * TUE')
    """
    day = CRON_DAYS[minute // 1440] if cycle > 24 else "*"
    return f"{minute % 60} {minute // 60 % 24} * * {day}"


def queue_trigger(run: EngineRun, environment: Environment) -> dict[str, Any] | None:
    """Ask for a replica for each full load of requests in flight or waiting; None where the engine does not say."""
    metrics = run.serving.metrics
    if not metrics.running_requests or not metrics.waiting_requests:
        return None
    chosen = ",".join(f'{key}="{value}"' for key, value in labels_of(run).items())
    query = " + ".join(f"sum({name}{{{chosen}}})" for name in (metrics.running_requests, metrics.waiting_requests))
    return {"type": "prometheus", "metadata": {
        "serverAddress": f"http://prometheus.{environment.name}.svc.cluster.local:9090", "query": query,
        "threshold": str(run.deployment.concurrency_per_replica)}}


def _let_in(environment: Environment) -> dict[str, Any]:
    sources = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "keda"}}}]
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": meta_of(environment, "keda", "network"),
            "spec": {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
                     "policyTypes": ["Ingress"], "ingress": [{"from": sources}]}}
