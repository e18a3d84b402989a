"""Every file of every shipped problem keeps the published rules of what reads it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from optimizer.deploy import Environment, files_of
from optimizer.deploy.kubernetes import kubernetes_files
from optimizer.deploy.places import places_of
from optimizer.deploy.pools import standing_in
from optimizer.schema.plan import Period, RunningReplicas
from tests.deploy.conftest import SERVING, SHIPPED, Make
from tests.deploy.published import (
    assert_compose,
    assert_kubernetes,
    assert_nginx,
    documents,
    expressions,
    metrics_in,
)

MONITORED = ("compose", "kubernetes", "skypilot")
"""Targets that bring a Prometheus of their own, each in its own form; others hold the objects of `kubernetes`."""


def monitoring(files: dict[str, str]) -> list[dict[str, str]]:
    """Return the files of Prometheus, Alertmanager and Grafana, of each cluster where there are several."""
    if "balancer/alerts.yml" in files:
        own = {path.rpartition("/")[2]: text for path, text in files.items() if path.startswith("balancer/")}
        return [own]
    return [{key: value for one in documents(text) if one["kind"] == "ConfigMap" for key, value in one["data"].items()}
            for path, text in files.items() if path.endswith("manifests/30-monitoring.yaml")]


def known_metrics(environment: Environment) -> set[str]:
    stated = {name for run in environment.runs for name in run.serving.metrics.model_dump().values() if name}
    return stated | {name.removesuffix("_sum") for name in stated} | {"up"}


@pytest.mark.parametrize("name", SHIPPED)
def test_compose_files_keep_the_compose_specification(environment: Make, name: str) -> None:
    made = environment(name)
    files = files_of(made, "compose")
    for run in made.runs:
        data = assert_compose(files[f"nodes/{run.name}/compose.yaml"])
        engines = [one for key, one in data["services"].items() if key.startswith("engine-")]
        assert len(engines) * run.deployment.nodes == run.deployment.replicas
        assert run.deployment.gpu_count * len(engines) <= run.node.gpu_count
        if run.gpu.vendor == "nvidia":
            reserved = [one["deploy"]["resources"]["reservations"]["devices"][0] for one in engines]
            gpus = [gpu for one in reserved for gpu in one["device_ids"]]
            assert gpus == [str(number) for number in range(run.deployment.gpu_count * len(engines))]
        assert_nginx(files[f"nodes/{run.name}/gate.conf"])
    balancer = assert_compose(files["balancer/compose.yaml"])
    servers = assert_nginx(files["balancer/balancer.conf"])
    nodes = sum(run.deployment.nodes for run in made.runs if run not in standing_in(made))
    assert len({server.split()[0] for server in servers}) == nodes
    hosts = balancer["services"]["balancer"]["extra_hosts"]
    assert len(hosts) == sum(run.deployment.nodes for run in made.runs)
    for data in [documents(text)[0] for path, text in files.items() if path.endswith("compose.yaml")]:
        for service in data["services"].values():
            assert not service["user"].startswith("0"), service["user"]
            assert service["cap_drop"] == ["ALL"]
            assert "healthcheck" in service
            assert service["deploy"]["resources"]["limits"]["memory"]


INTERPOLATED = re.compile(r"(?<![$])[$][{]([A-Z0-9_]+)([^}]*)[}]")


@pytest.mark.parametrize("name", SHIPPED)
def test_every_variable_of_a_compose_file_stands_in_its_example(environment: Make, name: str) -> None:
    """As `docker compose config` would ask: each one is named, and each is used."""
    files = files_of(environment(name), "compose") | {
        f"sky/{path}": text for path, text in files_of(environment(name), "skypilot").items()}
    for path, text in files.items():
        if path.endswith("compose.yaml"):
            asked = {found.group(1) for found in INTERPOLATED.finditer(text)}
            example = files[path.replace("compose.yaml", ".env.example")]
            assert asked == {line.partition("=")[0] for line in example.splitlines()}


@pytest.mark.parametrize("name", SHIPPED)
def test_what_the_manifests_refer_to_is_there_or_asked_for(environment: Make, name: str) -> None:
    files = files_of(environment(name), "kubernetes")
    files = {path: text for path, text in files.items() if not path.startswith("global/")}
    found = [one for path, text in files.items() if path.endswith(".yaml") for one in documents(text)]
    maps = {one["metadata"]["name"] for one in found if one["kind"] == "ConfigMap"}
    services = {one["metadata"]["name"] for one in found if one["kind"] == "Service"}
    text = "".join(text for path, text in files.items() if path.endswith(".yaml"))
    for kind in ("secretKeyRef", "configMapKeyRef", "configMap", "secret"):
        for wanted in re.findall(rf"{kind}:\n +name: (\S+)", text):
            assert wanted in maps or f" {wanted} " in files["README.md"] or f"`{wanted}`" in files["README.md"], wanted
    for host in re.findall(r"([a-z0-9-]+)[.][a-z0-9-]+[.]svc[.]cluster[.]local", text):
        assert host in services or host == "kube-dns"


@pytest.mark.parametrize("name", SHIPPED)
def test_manifests_keep_the_kubernetes_schemas(environment: Make, name: str) -> None:
    for part in places_of(environment(name)).values():
        keeps_the_schemas(part)


def keeps_the_schemas(made: Environment) -> None:
    """Hold the manifests of one cluster against the schemas, and pods against what none of them may do."""
    files = kubernetes_files(made)
    kept = {path: text for path, text in files.items() if path.startswith("manifests/") and "kustom" not in path}
    found = [one for text in kept.values() for one in assert_kubernetes(text)]
    (kustomization,) = documents(files["manifests/kustomization.yaml"])
    assert sorted(f"manifests/{name}" for name in kustomization["resources"]) == sorted(kept)
    kinds = {one["kind"] for one in found}
    assert kinds == {"Namespace", "ConfigMap", "Deployment", "StatefulSet", "Service", "NetworkPolicy",
                     "PodDisruptionBudget"}
    assert len({(one["kind"], one["metadata"]["name"]) for one in found}) == len(found)
    pods = [one["spec"]["template"]["spec"] for one in found if one["kind"] in ("Deployment", "StatefulSet")]
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        for container in pod["containers"]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert {"readinessProbe", "livenessProbe", "resources"} <= set(container)
    sets = [one for one in found if one["kind"] == "StatefulSet"]
    for one in sets:  # checkpoints outlive their pod
        mounted = {mount["name"] for mount in one["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]}
        assert [claim["metadata"]["name"] for claim in one["spec"]["volumeClaimTemplates"]] == ["cache"]
        assert "cache" in mounted
    replicas = {one["metadata"]["name"]: one["spec"]["replicas"] for one in sets}
    assert {run.name: run.deployment.replicas for run in made.runs}.items() <= replicas.items()
    (conf,) = (one["data"]["nginx.conf"] for one in found if "nginx.conf" in one.get("data", {}))
    assert all(server.endswith("resolve") for server in assert_nginx(conf))


@pytest.mark.parametrize("name", SHIPPED)
def test_services_keep_skypilots_schema(environment: Make, name: str) -> None:
    """The constraints of SkyPilot 0.14's task, service and resources schemas that these files rely on."""
    made = environment(name)
    files = files_of(made, "skypilot")
    for run in made.runs:
        (task,) = documents(files[f"services/{run.name}.yaml"])
        assert set(task) <= {"name", "service", "resources", "envs", "secrets", "file_mounts", "setup", "run"}
        assert set(task["service"]) == {"readiness_probe", "replicas", "load_balancing_policy", "tls"}
        assert task["service"]["replicas"] == run.deployment.nodes
        asked = task["resources"]
        for one in asked.get("any_of", [asked]):
            ((_, count),) = one["accelerators"].items()
            assert count == run.node.gpu_count
        supplied = {**task.get("envs", {}), **task["secrets"]}
        assert all(value is None or isinstance(value, str) for value in supplied.values())
        assert set(task["file_mounts"].values()) <= {f"./{path.removeprefix('services/')}" for path in files}
        assert_nginx(files[f"services/{run.name}.gate.conf"])
    assert_compose(files["balancer/compose.yaml"])
    assert assert_nginx(files["balancer/balancer.conf"])


@pytest.mark.parametrize("name", SHIPPED)
def test_skypilot_itself_takes_the_services(environment: Make, name: str) -> None:
    pytest.importorskip("sky", reason="needs skypilot")
    import jsonschema
    from sky.utils import schemas

    for path, text in files_of(environment(name), "skypilot").items():
        if path.startswith("services/") and path.endswith(".yaml") and not path.endswith(".settings.yaml"):
            (task,) = documents(text)
            jsonschema.validate(task, schemas.get_task_schema())
            jsonschema.validate(task["service"], schemas.get_service_schema())
            jsonschema.validate(task["resources"], schemas.get_resources_schema())


@pytest.mark.parametrize("target", MONITORED)
@pytest.mark.parametrize("name", SHIPPED)
def test_alerts_and_panels_read_what_the_engines_export(environment: Make, name: str, target: str) -> None:
    made = environment(name)
    for read in monitoring(files_of(made, target)):
        rules, dashboard = read["alerts.yml"], read["dashboard.json"]
        asked = expressions(rules, dashboard)
        assert asked
        for expression in asked:
            assert metrics_in(expression) <= known_metrics(made), expression
        known = [(rule["alert"], *sorted(rule["labels"].items())) for group in documents(rules)[0]["groups"]
                 for rule in group["rules"]]
        assert len(set(known)) == len(known)  # promtool check rules calls others duplicates
        panels = json.loads(dashboard)["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        cells = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
        assert len(set(cells)) == len(cells)


@pytest.mark.parametrize("target", SERVING)
def test_same_plan_gives_same_bytes(environment: Make, target: str) -> None:
    first, second = (files_of(environment("chat-and-code"), target) for _ in range(2))
    assert first == second
    assert list(first) == sorted(first)


def test_the_alerts_are_on_the_promises_of_the_plan(environment: Make) -> None:
    """Thirty tokens/s are 33.3 ms a token; 4,000 ms to the first one."""
    made = environment("chat-with-documents")
    (data,) = documents(files_of(made, "compose")["balancer/alerts.yml"])
    limits: dict[str, set[str]] = {}
    for rule in (rule for group in data["groups"] for rule in group["rules"]):
        limits.setdefault(rule["alert"], set()).add(rule["expr"].rpartition(" ")[2])
    assert limits["TimeToFirstTokenMeanAboveLimit"] == {"4"}
    assert limits["TimePerOutputTokenP95AboveLimit"] == {"0.0333333"}
    assert limits["ReplicasMissing"] == {str(sum(run.deployment.replicas for run in made.runs))}
    (service,) = made.plan.services
    assert limits["DemandAbovePlan"] == {str(service.planned_concurrency)}


@pytest.mark.parametrize("target", MONITORED)
def test_alerts_reach_somebody(environment: Make, target: str) -> None:
    """Prometheus hands alerts to the folder's own Alertmanager, and that to a webhook of the operator's."""
    files = files_of(environment("chat-with-documents"), target)
    (read,) = monitoring(files)
    ((prometheus,), (manager,)) = (documents(read[f"{name}.yml"]) for name in ("prometheus", "alertmanager"))
    if "balancer/compose.yaml" in files:
        assert "alertmanager" in documents(files["balancer/compose.yaml"])[0]["services"]
    assert prometheus["alerting"]["alertmanagers"] == [{"static_configs": [{"targets": ["alertmanager:9093"]}]}]
    assert manager["receivers"][0]["name"] == manager["route"]["receiver"]
    assert "webhook" in files["README.md"]


def test_nodes_that_come_and_go_are_not_missed(environment: Make) -> None:
    """The replicas of overnight-summaries, of which one node is said to stand all day."""
    made = environment("overnight-summaries")
    (run,) = made.runs
    each = run.deployment.replicas // run.deployment.nodes
    line = RunningReplicas.model_validate({
        **{name: getattr(run.deployment, name) for name in (
            "service_id", "offer_id", "engine_id", "precision", "tp_size", "gpu_count")}, "replicas": each, "nodes": 1})
    day = tuple(
        Period(label="", quarter=None, hours=hours, demand=(), nodes={run.node.offer_id: count}, running=(
            line.model_copy(update={"replicas": each * count, "nodes": count}),))
        for hours, count in ((tuple(range(12)), 1), (tuple(range(12, 24)), run.deployment.nodes)))
    for plan, expected in ((made.plan, f"< {run.deployment.replicas}"),
                           (made.plan.model_copy(update={"periods": day}), f"< {each}")):
        (data,) = documents(files_of(replace(made, plan=plan), "compose")["balancer/alerts.yml"])
        (rule,) = (rule for group in data["groups"] for rule in group["rules"] if rule["alert"] == "ReplicasMissing")
        assert rule["expr"].endswith(expected)


def flags(words: list[Any], flag: str) -> str:
    return str(words[words.index(flag) + 1])


def test_an_engine_gets_every_figure_of_the_plan(environment: Make) -> None:
    """Both plans are of fp8 of a bf16 checkpoint: a GPU of TensorRT-LLM, and replicas of four with vLLM."""
    runs = [run for name in ("overnight-summaries", "measured-curves-llama-70b") for run in environment(name).runs]
    for run in runs:
        words, one = run.command("MODEL"), run.deployment
        if one.engine_id == "vllm":
            assert words[:3] == ["vllm", "serve", "MODEL"]
            assert run.checkpoint == "meta-llama/Llama-3.1-70B-Instruct"
            assert flags(words, "--quantization") == "fp8"
            assert flags(words, "--tensor-parallel-size") == str(one.tp_size)
            assert flags(words, "--max-num-seqs") == str(one.concurrency_per_replica)
            assert flags(words, "--gpu-memory-utilization") == "0.9"
            assert flags(words, "--served-model-name") == "analyst"
        else:  # TensorRT-LLM quantises nothing as it loads
            assert words[:2] == ["trtllm-serve", "MODEL"]
            assert run.checkpoint is None
            assert flags(words, "--max_batch_size") == str(one.concurrency_per_replica)
    assert {run.deployment.engine_id for run in runs} == {"vllm", "tensorrt-llm"}


def test_a_changed_configuration_rolls_its_pods_out_and_no_others(environment: Make) -> None:
    """The balancer's weights change its hash; Grafana, which reads none of them, keeps its own."""
    def hashes(made: Environment) -> dict[str, str]:
        files = files_of(made, "kubernetes")
        found = [one for path in ("manifests/20-balancer.yaml", "manifests/30-monitoring.yaml")
                 for one in documents(files[path]) if one["kind"] == "Deployment"]
        return {one["metadata"]["name"]: one["spec"]["template"]["metadata"]["annotations"]["gpumix/config-sha256"]
                for one in found}

    first, other = hashes(environment("chat-with-documents")), hashes(environment("helpdesk-llama3-8b"))
    assert first == hashes(environment("chat-with-documents"))
    assert first["balancer"] != other["balancer"]
    assert len(set(first.values())) == len(first)


@pytest.mark.parametrize("name", ["chat-with-documents", "documents-by-length"])
def test_the_operators_rules_are_those_of_the_own_prometheus(environment: Make, name: str) -> None:
    made = environment(name)
    files = files_of(made, "kubernetes")
    found = [one for path, text in files.items() if path.endswith("prometheus-operator.yaml")
             for one in documents(text)]
    rules = [one["spec"] for one in found if one["kind"] == "PrometheusRule"]
    assert rules == [documents(read["alerts.yml"])[0] for read in monitoring(files)]
    monitors = {one["metadata"]["name"]: one["spec"] for one in found if one["kind"] == "PodMonitor"}
    for run in made.runs:
        spec = monitors[run.name]
        assert spec["podMetricsEndpoints"][0]["path"] == run.serving.metrics_path
        assert set(spec["podTargetLabels"]) == {"service", "deployment", "engine_id"}
