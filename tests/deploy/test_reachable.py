"""Engines ask for no key, so each is reached through its gate alone; and no secret stands in a list of processes."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from optimizer.deploy.compose import GATE_PORT
from optimizer.deploy.environment import Environment
from optimizer.deploy.skypilot import FIRST_ENGINE_PORT, SERVICE_PORT
from optimizer.deploy.targets import TARGETS
from optimizer.errors import InputError
from tests.deploy.conftest import SHIPPED, Make

SECRETS = ("HF_TOKEN", "API_KEY")


def documents(files: dict[str, str]) -> list[tuple[str, Any]]:
    """Read every YAML document of an export."""
    return [(path, one) for path, text in files.items() if path.endswith((".yaml", ".yml"))
            for one in yaml.safe_load_all(text) if isinstance(one, dict)]


def compose_opens(files: dict[str, str]) -> None:
    for path, document in documents(files):
        for name, service in (document.get("services") or {}).items():
            if not isinstance(service, dict):
                continue
            assert "network_mode" not in service, path
            assert "privileged" not in service, path
            opened = {str(port).rpartition(":")[2] for port in service.get("ports", ())}
            if name.startswith("engine"):
                assert not opened, f"{path}: {name} publishes {opened}"
            if name == "gate":
                assert opened == {str(GATE_PORT)}
            assert not any(secret in str(service.get("command")) for secret in SECRETS), path


def kubernetes_opens(files: dict[str, str]) -> None:
    found = [one for path, one in documents(files) if "metadata" in one and "manifests/" in path]
    closed = {}
    for one in found:
        if one["kind"] == "NetworkPolicy":
            allowed = [rule["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
                       for ingress in one["spec"]["ingress"] for rule in ingress["from"]]
            closed[one["spec"]["podSelector"]["matchLabels"].get("app.kubernetes.io/component")] = allowed
    assert closed["engine"] == ["balancer", "prometheus"]
    for one in found:
        part = one["metadata"].get("labels", {}).get("app.kubernetes.io/component")
        if one["kind"] == "Service" and part != "load-balancer":
            assert one["spec"].get("type", "ClusterIP") == "ClusterIP", one["metadata"]["name"]
        if one["kind"] in ("Deployment", "StatefulSet"):
            pod = one["spec"]["template"]["spec"]
            assert "hostNetwork" not in pod
            for container in pod["containers"]:
                assert not any("hostPort" in port for port in container["ports"])
                assert not any(secret in str(container.get("command", container.get("args"))) for secret in SECRETS)


def skypilot_opens(files: dict[str, str]) -> None:
    tasks = [(path, one) for path, one in documents(files) if "run" in one]
    assert tasks
    for path, task in tasks:
        assert task["resources"]["ports"] == SERVICE_PORT
        assert "0.0.0.0" not in task["run"], path
        engines = [line for line in task["run"].splitlines() if re.search(rf"\b{FIRST_ENGINE_PORT // 100}\d\d\b", line)]
        assert engines, path
        assert all(" 127.0.0.1 " in line for line in engines), path
        for line in task["run"].splitlines():
            if any(secret in line.replace("HF_TOKEN_PATH", "") for secret in SECRETS):
                assert line.startswith(("case ", "  echo ", "printf ", "unset ")), line  # builtins: no process has them
        gate = files[path.replace(".yaml", ".gate.conf")]
        assert set(re.findall(r"server ([^ ;]+:\d+)", gate)) <= {
            f"127.0.0.1:{FIRST_ENGINE_PORT + number}" for number in range(16)}


OPENS = {"compose": compose_opens, "kubernetes": kubernetes_opens, "skypilot": skypilot_opens}


@pytest.mark.parametrize("target", OPENS)
@pytest.mark.parametrize("name", SHIPPED)
def test_engines_are_reached_through_the_gate_alone(environment: Make, name: str, target: str) -> None:
    OPENS[target](TARGETS[target](environment(name)))


def test_an_engine_that_cannot_be_bound_is_not_exported_beside_a_gate(environment: Make) -> None:
    made: Environment = environment("helpdesk-llama3-8b")
    (run,) = made.runs
    words = tuple(word for word in run.words if word not in ("--host", "{host}"))
    object.__setattr__(run, "words", (*words, "--host=0.0.0.0"))
    with pytest.raises(InputError, match=r"listen: found .*; allowed: flags with \{host\}"):
        TARGETS["skypilot"](made)
