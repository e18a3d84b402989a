"""What the README says of a cluster: how its objects are applied, and what else has to be there."""

from __future__ import annotations

from collections.abc import Callable

from optimizer.deploy.cluster.engines import OFFER_LABEL, node_selector
from optimizer.deploy.cluster.gateway import GATEWAY
from optimizer.deploy.cluster.hours import LEAD_MINUTES, TIMEZONE
from optimizer.deploy.cluster.objects import API_KEYS, GRAFANA, MODELS, TLS, TOKEN, WEBHOOK
from optimizer.deploy.environment import Environment
from optimizer.deploy.names import dns_name
from optimizer.deploy.nginx import KEY_ADVICE
from optimizer.deploy.places import places_of
from optimizer.deploy.schedule import cycle_hours


def secrets_lines(environment: Environment, companions: bool = True) -> list[str]:
    """Write the commands that make the secrets; none is written into a file."""
    name = environment.name
    lines = [f"kubectl -n {name} create secret generic {TOKEN} --from-file=token         # only for gated checkpoints"]
    if companions:
        lines = [
            f"kubectl -n {name} create secret generic {API_KEYS} --from-file=api_keys   # lines: \"Bearer KEY\" 1;",
            f"kubectl -n {name} create secret tls {TLS} --cert=tls.crt --key=tls.key",
            f"kubectl -n {name} create secret generic {GRAFANA} --from-file=password",
            f"kubectl -n {name} create secret generic {WEBHOOK} --from-file=url         # where alerts are posted to",
            *lines]
    if environment.unnamed:
        keys = " ".join(f"--from-literal={run.name}=CHECKPOINT" for run in environment.unnamed)
        lines.append(f"kubectl -n {name} create configmap {MODELS} {keys}")
    return lines


def nodes_lines(environment: Environment) -> list[str]:
    """Say which nodes engines run on, and which cluster each belongs to."""
    places = places_of(environment)
    lines = []
    if len(places) > 1:
        lines += [f"The plan stands at {len(places)} places: one cluster each, in `places/`. Do the steps in each "
                  "folder. `global/` is the balancer before them (Docker Compose): it sends each cluster its share. "
                  "Its `secrets/` are those of the clusters; the clusters' certificate bears the name `gpumix-node`, "
                  "signed by `secrets/node_ca`; `.env` names the clusters' addresses.", ""]
        if cycle_hours(environment.plan):
            lines += ["In the slot whose first hour is NNN (`schedule.json`), put `global/hours/NNN.conf` in place of "
                      "`global/balancer.conf` and restart that balancer; in slots without a file `balancer.conf` is "
                      "right.", ""]
    lines += ["Engines run on nodes with these labels (GPU Feature Discovery sets nvidia.com/...; set "
              f"{OFFER_LABEL} with `kubectl label node`):", "", "| deployment | place | node labels |", "|---|---|---|"]
    for run in environment.runs:
        place = dns_name(f"{run.node.provider}-{run.node.region}")
        labels = ", ".join(f"{key}={value}" for key, value in node_selector(run).items())
        lines.append(f"| {run.name} | {place} | {labels} |")
    return [*lines, "", KEY_ADVICE, ""]


def beside_lines(environment: Environment, folder: Callable[[str], str]) -> list[str]:
    """Say what a cluster may take beside or instead.

    Args:
        folder: where a part of these lies: `operator`, `hours`, `queues` or `gateway`.
    """
    lines = [f"- The Prometheus operator: {folder('operator')} (PodMonitor, PrometheusRule) in place of the "
             "monitoring; its Prometheus must be let in by the network policies.",
             f"- Kueue: {folder('queues')} holds the GPUs of the plan for its engines. Kueue takes a StatefulSet only "
             "from its creation on, so decide before."]
    if all(run.serving.endpoint_picker for run in environment.runs):
        lines.append(f"- Gateway API: {folder('gateway')} (InferencePool, HTTPRoute) in place of the balancer, on a "
                     f"Gateway named `{GATEWAY}`; label its namespace gpumix/gateway=true, and install an endpoint "
                     "picker NAME-epp for each pool. Keys and TLS are then the Gateway's.")
    if cycle_hours(environment.plan):
        lines.append(f"- KEDA: {folder('hours')} starts replicas {LEAD_MINUTES} minutes before their slot and follows "
                     f"the queue up to the most of the plan. Hours are those of {TIMEZONE}: set your own time zone.")
    return ["Beside it:", "", *lines]


CLAIMS = ("Each replica keeps its checkpoint on a claim of the default storage class; metrics and dashboards lie in "
          "emptyDir volumes: give them a claim to keep them. Pods bear a hash of their configuration, so that a "
          "changed one rolls them out.")


def _kubernetes(environment: Environment) -> list[str]:
    return ["## Start", "", "```sh", "kubectl apply -f manifests/00-namespace.yaml", *secrets_lines(environment),
            "kubectl apply -k manifests/", "```", "", *nodes_lines(environment),
            f"Dashboards: `kubectl -n {environment.name} port-forward service/grafana 3000`. {CLAIMS}", "",
            *beside_lines(environment, lambda part: f"`{part}/`")]


def _kustomize(environment: Environment) -> list[str]:
    parts = {"operator": "`components/prometheus-operator`, as `overlays/operator` takes it"}
    return ["## Start", "", "```sh", "kubectl apply -f base/namespace.yaml", *secrets_lines(environment),
            "kubectl apply -k overlays/plan/", "```", "",
            "`overlays/plan` holds replicas and image tags of the plan; an overlay of your own names the components "
            "that it takes.", "", *nodes_lines(environment), CLAIMS, "",
            *beside_lines(environment, lambda part: parts.get(part, f"`components/{part}`"))]


def _helm(environment: Environment) -> list[str]:
    name = environment.name
    keys = {"operator": "prometheusOperator", "hours": "keda", "queues": "kueue", "gateway": "gateway"}
    return ["## Start", "", "```sh", f"kubectl create namespace {name}", *secrets_lines(environment),
            f"helm upgrade --install {name} chart/ -n {name}", "```", "",
            "The templates are the same for every plan and the values hold all that this one decides: a new plan is "
            "`helm upgrade` with the values of its chart. One release a namespace.", "", *nodes_lines(environment),
            CLAIMS, "", *beside_lines(environment, lambda part: f"`--set {keys[part]}.enabled=true`"), "",
            "`values/` holds the same deployments for the charts of vLLM's production-stack and of llm-d, where their "
            "engine is vLLM. Production-stack's router does not weigh replicas: it is written only where each service "
            "has one deployment."]


def _kserve(environment: Environment) -> list[str]:
    return ["## Start", "", "With KServe 0.20 or newer and its Gateway installed:", "", "```sh",
            "kubectl apply -f kserve/00-namespace.yaml", *secrets_lines(environment, companions=False),
            "kubectl apply -k kserve/", "```", "", *nodes_lines(environment),
            "Keys and TLS are those of KServe's Gateway. Deployments of one service share its requests by weight: as a "
            f"group of LLMInferenceServices, else by an HTTPRoute on the Gateway `{GATEWAY}`. Checkpoints come with "
            "KServe's storage initializer, or on a claim that lives as long as its pod: a LocalModelCache keeps "
            "them. `operator/` holds PodMonitors and alerts for the Prometheus operator."]


STEPS = {"kubernetes": _kubernetes, "kustomize": _kustomize, "helm": _helm, "kserve": _kserve}
TITLES = {"kubernetes": "Kubernetes", "kustomize": "Kustomize", "helm": "Helm", "kserve": "KServe"}
