"""The chart of a plan: templates that are the same for every plan, and values that hold all that it decides."""

from __future__ import annotations

import json
from typing import Any

from optimizer.deploy.cluster.groups import Groups, Objects, groups_of
from optimizer.deploy.cluster.objects import CONFIG_HASH
from optimizer.deploy.cluster.queues import QUEUE_LABEL
from optimizer.deploy.documents import dump
from optimizer.deploy.environment import Environment
from optimizer.deploy.helm.holes import Hole, Path, template_of, values_of
from optimizer.deploy.helm.others import values_of_others

CHART_VERSION = "1.0.0"
"""Of the templates; the plan's own digest is the chart's appVersion."""

POD: Path = ("spec", "template", "spec")
ENGINE: Path = (*POD, "containers", 0)
LABELS = 'dict "app.kubernetes.io/part-of" $.Values.name "app.kubernetes.io/name" $name'
IN_NAMESPACE = 'replace (printf ".%s.svc." $.Values.name) (printf ".%s.svc." $.Release.Namespace)'
"""What turns addresses of the plan's own namespace into those of the release's."""


def _texts(expression: str) -> str:
    """Read files from the values, their addresses moved to the release's namespace."""
    return f"{expression} | toJson | {IN_NAMESPACE} | fromJson"


def _placed(kind: str, component: str) -> list[Hole]:
    """Return the holes of an object's metadata."""
    labels = f'{LABELS} "app.kubernetes.io/component" "{component}"'
    queue = f' | merge (ternary (dict "{QUEUE_LABEL}" $.Values.kueue.queue) dict $.Values.kueue.enabled)'
    return [Hole(kind, ("metadata", "name"), "$name"), Hole(kind, ("metadata", "namespace"), "$.Release.Namespace"),
            Hole(kind, ("metadata", "labels"), labels + (queue if kind == "StatefulSet" else ""))]


def _engine_holes() -> list[Hole]:
    """Return everything in which the engines of two deployments may differ."""
    chosen = 'dict "app.kubernetes.io/name" $name'
    parts = {"image": "image", "command": "command", "env": "env", "ports": "ports", "resources": "resources",
             "startupProbe": "startupProbe", "readinessProbe": "readinessProbe", "livenessProbe": "livenessProbe",
             "volumeMounts": "volumeMounts"}
    pods = ("nodeSelector", "tolerations", "securityContext", "volumes")
    claim: Path = ("spec", "volumeClaimTemplates", 0, "spec")
    stateful = [
        Hole("StatefulSet", ("spec", "replicas"), "$engine.replicas", "replicas"),
        Hole("StatefulSet", ("spec", "serviceName"), "$name"),
        Hole("StatefulSet", ("spec", "selector", "matchLabels"), chosen),
        Hole("StatefulSet", ("spec", "template", "metadata", "labels"), "$engine.podLabels", "podLabels"),
        Hole("StatefulSet", ("spec", "template", "metadata", "annotations"),
             f'dict "{CONFIG_HASH}" (toJson $engine.settings | sha256sum)'),
        Hole("StatefulSet", claim, "$engine.claim", "claim"),
        *(Hole("StatefulSet", (*ENGINE, key), f"$engine.{key}", key) for key in parts),
        *(Hole("StatefulSet", (*POD, key), f"$engine.{key}", key) for key in pods)]
    service = [Hole("Service", ("spec", "selector"), chosen),
               Hole("Service", ("spec", "ports"), "$engine.servicePorts", "servicePorts")]
    budget = [Hole("PodDisruptionBudget", ("spec", "selector", "matchLabels"), chosen)]
    return [*(hole for kind in ("StatefulSet", "Service", "PodDisruptionBudget", "ConfigMap")
              for hole in _placed(kind, "engine")), *stateful, *service, *budget,
            Hole("ConfigMap", ("data",), "$engine.settings", "settings")]


def _engines(groups: Groups) -> tuple[str, dict[str, Any]]:
    """Return the template of all engines, and the values of each."""
    holes = _engine_holes()
    values = {name: {"settings": {}, **values_of(objects, holes)} for name, objects in groups.engines.items()}
    some = next(iter(groups.engines.values()))
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}, "data": {}}
    body = "---\n".join(template_of(one, holes) for one in some if one["kind"] != "ConfigMap")
    return ("{{- range $name, $engine := .Values.engines }}\n---\n" + body
            + "{{- if $engine.settings }}\n---\n" + template_of(config, holes) + "{{- end }}\n{{- end }}\n"), values


def _companions(objects: Objects, group: str) -> tuple[str, dict[str, Any]]:
    """Return the template of some companions, and their values: image, replicas and files of each."""
    texts, values = [], {}
    for name in dict.fromkeys(one["metadata"]["name"] for one in objects):
        mine = [one for one in objects if one["metadata"]["name"] == name]
        own = f".Values.{group}.{name}"
        files = _texts(f"${own}.files")
        holes = [Hole("Deployment", ("spec", "replicas"), f"${own}.replicas", "replicas"),
                 Hole("Deployment", (*ENGINE, "image"), f"${own}.image", "image"),
                 Hole("Deployment", (*ENGINE, "resources"), f"${own}.resources", "resources"),
                 Hole("Deployment", ("spec", "template", "metadata", "annotations"),
                      f'dict "{CONFIG_HASH}" (toJson ({files}) | sha256sum)'),
                 Hole("Deployment", ("spec", "template", "metadata", "labels", "app.kubernetes.io/part-of"),
                      "$.Values.name"),
                 Hole("ConfigMap", ("data",), files, "files"),
                 *([Hole("Service", ("spec", "type"), f"${own}.serviceType", "serviceType")]
                   if name == "balancer" else [])]
        holes += [hole for one in mine for hole in _placed(one["kind"], "x")[1:2]]
        holes += [Hole(one["kind"], ("metadata", "labels", "app.kubernetes.io/part-of"), "$.Values.name")
                  for one in mine]
        values[name] = values_of(mine, holes)
        texts += [template_of(one, holes) for one in mine]
    return "---\n".join(texts), values


def _listed(group: str) -> str:
    """Return the template of objects that stand whole in the values, moved to the release's namespace."""
    moved = 'merge (dict "metadata" (merge (dict "namespace" $.Release.Namespace) $one.metadata)) $one'
    return (f"{{{{- if .Values.{group}.enabled }}}}\n{{{{- range $one := .Values.{group}.objects }}}}\n---\n"
            f"{{{{ {moved} | toJson | {IN_NAMESPACE} }}}}\n{{{{- end }}}}\n{{{{- end }}}}\n")


def _whole(objects: Objects) -> Objects:
    """Return objects without their namespace, which is the release's; those of the whole cluster never had one."""
    return [{**one, "metadata": {key: value for key, value in one["metadata"].items() if key != "namespace"}}
            for one in objects]


def chart_of(environment: Environment) -> dict[str, str]:
    """Write the chart of one cluster: path inside it -> text."""
    groups, plan = groups_of(environment), environment.plan
    engines, engine_values = _engines(groups)
    balancer, balancer_values = _companions(groups.balancer, "balancing")
    monitoring, monitoring_values = _companions(groups.monitoring, "monitoring")
    optional = {"networkPolicies": groups.network, "prometheusOperator": groups.operator, "keda": groups.hours,
                "gateway": groups.gateway}
    cluster = [one for one in groups.queues if "namespace" not in one["metadata"]]
    local = [one for one in groups.queues if "namespace" in one["metadata"]]
    values: dict[str, Any] = {
        "name": environment.name, "engines": engine_values, "balancing": {"enabled": True, **balancer_values},
        "monitoring": {"enabled": True, **monitoring_values},
        **{name: {"enabled": name == "networkPolicies", "objects": _whole(objects)}
           for name, objects in optional.items()},
        "kueue": {"enabled": False, "queue": local[0]["metadata"]["name"], "objects": _whole(local),
                  "clusterObjects": cluster}}
    queues = _listed("kueue") + ("{{- if .Values.kueue.enabled }}\n{{- range $one := .Values.kueue.clusterObjects }}"
                                 "\n---\n{{ $one | toJson }}\n{{- end }}\n{{- end }}\n")
    return {
        "Chart.yaml": dump({"apiVersion": "v2", "name": environment.name, "version": CHART_VERSION,
                            "type": "application", "appVersion": plan.sha256[:12],
                            "description": "Engines, load balancer and metrics of a gpumix plan",
                            "kubeVersion": ">=1.27.0-0"}),
        "values.yaml": dump(values), "values.schema.json": json.dumps(SCHEMA, indent=1) + "\n",
        "templates/engines.yaml": engines,
        "templates/balancer.yaml": _if("balancing", balancer),
        "templates/monitoring.yaml": _if("monitoring", monitoring),
        **{f"templates/{name.lower()}.yaml": _listed(name) for name in optional},
        "templates/kueue.yaml": queues, "templates/NOTES.txt": NOTES}


def _if(group: str, text: str) -> str:
    return f"{{{{- if .Values.{group}.enabled }}}}\n{text}{{{{- end }}}}\n"


def helm_files(environment: Environment) -> dict[str, str]:
    """Write the chart, and values for other charts where these can serve the plan."""
    return ({f"chart/{path}": text for path, text in chart_of(environment).items()}
            | values_of_others(environment))


_OPTIONAL = {"type": "object", "required": ["enabled", "objects"],
             "properties": {"enabled": {"type": "boolean"}, "objects": {"type": "array"}}}
_ENGINE_VALUES = ("replicas", "image", "command", "env", "ports", "resources", "startupProbe", "readinessProbe",
                  "livenessProbe", "volumeMounts", "nodeSelector", "tolerations", "securityContext", "volumes",
                  "podLabels", "claim", "servicePorts", "settings")
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
    "required": ["name", "engines"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z]([a-z0-9-]*[a-z0-9])?$"},
        "engines": {"type": "object", "minProperties": 1, "additionalProperties": {
            "type": "object", "additionalProperties": False, "required": list(_ENGINE_VALUES),
            "properties": dict.fromkeys(_ENGINE_VALUES, True) | {
                "replicas": {"type": "integer", "minimum": 0}, "image": {"type": "string", "pattern": "[:@]"},
                "command": {"type": "array", "items": {"type": "string"}, "minItems": 1}}}},
        **dict.fromkeys(("networkPolicies", "prometheusOperator", "keda", "gateway", "kueue"), _OPTIONAL),
        **{name: {"type": "object", "required": ["enabled"]} for name in ("balancing", "monitoring")},
        "global": {"type": "object"}},
    "additionalProperties": False}
"""What `helm lint` and `helm install` hold the values against."""

NOTES = """Engines load their checkpoints; it can take half an hour.
  kubectl -n {{ .Release.Namespace }} get statefulsets
{{- if .Values.balancing.enabled }}
Users reach them at the address of
  kubectl -n {{ .Release.Namespace }} get service balancer
{{- end }}
"""
