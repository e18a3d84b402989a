"""The chart, rendered by Helm itself (helm-python-sdk holds Helm 4): it gives the manifests of the plan, exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from optimizer.deploy import Environment
from optimizer.deploy.cluster.groups import groups_of
from optimizer.deploy.cluster.objects import CONFIG_HASH
from optimizer.deploy.helm.files import chart_of
from optimizer.deploy.places import places_of
from tests.deploy.conftest import SHIPPED, Make
from tests.deploy.published import assert_object, documents
from tests.deploy.test_clusters import write

helm = pytest.importorskip("helm_python", reason="needs helm-python-sdk")
EVERYTHING = {key: {"enabled": True} for key in ("prometheusOperator", "keda", "kueue", "gateway")}


def rendered(folder: Path, namespace: str, values: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Lint strictly, then render; every object is held against its schema."""
    report = helm.chart.lint(str(folder), values, strict=True)
    assert not report["errors"], report
    assert not [one for one in report["messages"] if one["severity"] > 1], report
    with helm.Chart.load(str(folder)) as chart:
        files = chart.render(values=values, name="x", namespace=namespace)
    found = [one for path, text in files.items() if path.endswith(".yaml") for one in documents(text) if one]
    for one in found:
        assert_object(one)
    return found


def plain(objects: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return objects by kind and name, the hashes of configurations left out: Helm reckons its own."""
    found = {}
    for one in objects:
        template = one.get("spec", {}).get("template", {}).get("metadata", {})
        if "annotations" in template:
            kept = {key: value for key, value in template["annotations"].items() if key != CONFIG_HASH}
            template = {**template, "annotations": kept}
            if not kept:
                del template["annotations"]
            spec = {**one["spec"], "template": {**one["spec"]["template"], "metadata": template}}
            one = {**one, "spec": spec}
        found[one["kind"], one["metadata"]["name"]] = one
    assert len(found) == len(objects)
    return found


def wanted(made: Environment, whole: bool) -> list[dict[str, Any]]:
    groups = groups_of(made)
    engines = [one for objects in groups.engines.values() for one in objects]
    extra = [*groups.operator, *groups.hours, *groups.queues, *groups.gateway] if whole else []
    return [*engines, *groups.balancer, *groups.monitoring, *groups.network, *extra]


@pytest.mark.parametrize("name", SHIPPED)
def test_the_chart_gives_the_manifests(environment: Make, name: str, tmp_path: Path) -> None:
    for place, part in places_of(environment(name)).items():
        write(chart_of(part), tmp_path / place)
        assert plain(rendered(tmp_path / place, part.name)) == plain(wanted(part, whole=False))


@pytest.mark.parametrize("name", ["office-day-profile", "tokyo-cloud-only"])
def test_everything_that_may_be_switched_on(environment: Make, name: str, tmp_path: Path) -> None:
    part = next(iter(places_of(environment(name)).values()))
    write(chart_of(part), tmp_path)
    found, expected = plain(rendered(tmp_path, part.name, EVERYTHING)), plain(wanted(part, whole=True))
    for one in expected.values():
        if one["kind"] == "StatefulSet":
            labels = {**one["metadata"]["labels"], "kueue.x-k8s.io/queue-name": "engines"}
            one["metadata"] = {**one["metadata"], "labels": labels}
    assert found == expected


def test_another_namespace_moves_every_address(environment: Make, tmp_path: Path) -> None:
    part = environment("office-day-profile")
    write(chart_of(part), tmp_path)
    found = rendered(tmp_path, "elsewhere", EVERYTHING)
    assert f".{part.name}.svc" not in yaml.safe_dump(found)
    assert ".elsewhere.svc." in yaml.safe_dump(found)
    assert {one["metadata"].get("namespace", "elsewhere") for one in found} == {"elsewhere"}


def test_templates_are_the_same_for_every_plan(environment: Make) -> None:
    first, *others = ({path: text for path, text in chart_of(part).items() if path.startswith("templates/")}
                      for name in ("office-day-profile", "chat-with-documents", "helpdesk-llama3-8b")
                      for part in places_of(environment(name)).values())
    assert all(first == other for other in others)


def test_what_a_plan_decides_can_be_set(environment: Make, tmp_path: Path) -> None:
    made = environment("helpdesk-llama3-8b")
    write(chart_of(made), tmp_path)
    found = plain(rendered(tmp_path, made.name, {"engines": {"chat-1": {"replicas": 7}}}))
    assert found["StatefulSet", "chat-1"]["spec"]["replicas"] == 7
    with pytest.raises(AssertionError, match="want integer"):
        rendered(tmp_path, made.name, {"engines": {"chat-1": {"replicas": "seven"}}})
