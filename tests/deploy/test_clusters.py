"""Everything that is written for a cluster keeps the schemas of what reads it, in the whole of every folder."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from optimizer.deploy import Environment, files_of
from optimizer.deploy.cluster.groups import groups_of
from optimizer.deploy.places import places_of
from optimizer.deploy.pools import standing_in
from optimizer.deploy.schedule import cycle_hours, replicas_by_hour, slots_of
from tests.deploy.conftest import SHIPPED, Make
from tests.deploy.published import assert_compose, assert_kubernetes, assert_nginx

KUBECTL = shutil.which("kubectl")


def objects_in(files: dict[str, str]) -> list[dict[str, Any]]:
    """Return the objects of every manifest of a folder, each held against its schema."""
    return [one for path, text in files.items() if path.endswith(".yaml") and not path.startswith("global/")
            for one in assert_kubernetes(text)]


@pytest.mark.parametrize("name", SHIPPED)
def test_every_object_keeps_its_definition(environment: Make, name: str) -> None:
    made = environment(name)
    for target in ("kubernetes", "kserve"):  # what Kustomize and Helm build is held against the manifests
        found = objects_in(files_of(made, target))
        placed = {one["metadata"]["name"] for one in found
                  if one["kind"] in ("StatefulSet", "LLMInferenceService", "InferenceService")}
        assert placed == {run.name for run in made.runs if target != "kserve" or run not in standing_in(made)}


@pytest.mark.parametrize("name", SHIPPED)
def test_a_plan_over_several_places_has_a_cluster_each(environment: Make, name: str) -> None:
    made = environment(name)
    places = places_of(made)
    files = files_of(made, "kubernetes")
    assert sorted(run.name for part in places.values() for run in part.runs) == sorted(run.name for run in made.runs)
    if len(places) == 1:
        assert not any(path.startswith(("places/", "global/")) for path in files)
        return
    assert_compose(files["global/compose.yaml"])
    servers = assert_nginx(files["global/balancer.conf"])
    assert {server.split(":")[0] for server in servers} <= set(places)
    for service_id in {run.deployment.service_id for run in made.runs}:
        planned = next(one.planned_concurrency for _, one in made.services if one.service_id == service_id)
        parts = [one.planned_concurrency for part in places.values() for _, one in part.services
                 if one.service_id == service_id]
        if planned is not None:
            assert planned <= sum(part or 0 for part in parts) < planned + len(parts)


def test_two_places_share_requests_as_the_plan_says(environment: Make) -> None:
    """survive-provider-loss rents from two providers; the balancer's weights are the shares of their deployments."""
    made = environment("survive-provider-loss")
    first, second = made.runs
    servers = assert_nginx(files_of(made, "helm")["global/balancer.conf"])
    weights = {server.split(":")[0]: int(server.split("weight=")[1].split()[0]) for server in servers}
    assert set(weights) == set(places_of(made))
    shares = [first.deployment.load_fraction, second.deployment.load_fraction]
    total = sum(weights.values())
    assert sorted(weight / total for weight in weights.values()) == pytest.approx(sorted(shares), abs=2e-3)


def scaled(made: Environment) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one["spec"] for one in groups_of(made).hours if one["kind"] == "ScaledObject"}


def hours_asked(trigger: dict[str, str], cycle: int) -> set[int]:
    """Return the hours of the cycle in which a cron trigger is on for the whole hour."""
    def minute(cron: str) -> int:
        days = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
        minutes, hours, _, _, day = cron.split()
        return (0 if day == "*" else 1440 * days.index(day)) + 60 * int(hours) + int(minutes)

    start, end, whole = minute(trigger["start"]), minute(trigger["end"]), 60 * cycle
    return {hour for hour in range(cycle) if (60 * hour - start) % whole + 60 <= (end - start) % whole}


@pytest.mark.parametrize("name", ["office-day-profile", "tokyo-week", "tokyo-own-spot-in-yen", "valley-filling"])
def test_keda_asks_for_the_replicas_of_every_hour(environment: Make, name: str) -> None:
    """The largest number asked for by the triggers that are on is what the plan runs, in each hour of the cycle."""
    made = environment(name)
    cycle = cycle_hours(made.plan)
    assert cycle in (24, 168)
    assert sorted(hour for slot in slots_of(made) for hour in slot.hours) == list(range(cycle))
    found = scaled(made)
    for run in made.runs:
        counts = replicas_by_hour(made, run.name)
        assert max(counts) == run.deployment.replicas
        if min(counts) == max(counts):
            assert run.name not in found
            continue
        spec = found[run.name]
        assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (min(counts), max(counts))
        crons = [one["metadata"] for one in spec["triggers"] if one["type"] == "cron"]
        for hour, count in enumerate(counts):
            asked = [int(one["desiredReplicas"]) for one in crons if hour in hours_asked(one, cycle)]
            assert max([spec["minReplicaCount"], *asked]) == count


@pytest.mark.parametrize("name", SHIPPED)
def test_kueue_holds_what_the_mix_asks_for(environment: Make, name: str) -> None:
    """Each flavor covers the same resources in the same order; quotas add up to the requests of all replicas."""
    made = environment(name)
    objects = groups_of(made).queues
    (queue,) = (one["spec"]["resourceGroups"][0] for one in objects if one["kind"] == "ClusterQueue")
    flavors = {one["metadata"]["name"]: one["spec"]["nodeLabels"] for one in objects if one["kind"] == "ResourceFlavor"}
    assert [one["name"] for one in queue["flavors"]] == list(flavors)
    total = dict.fromkeys(queue["coveredResources"], 0)
    for flavor in queue["flavors"]:
        assert [one["name"] for one in flavor["resources"]] == queue["coveredResources"]
        for one in flavor["resources"]:
            total[one["name"]] += int(str(one["nominalQuota"]).removesuffix("Gi"))
    asked = dict.fromkeys(total, 0)
    for objects in groups_of(made).engines.values():
        spec = next(one["spec"] for one in objects if one["kind"] == "StatefulSet")
        requests = spec["template"]["spec"]["containers"][0]["resources"]["requests"]
        for key, value in requests.items():
            asked[key] += spec["replicas"] * int(str(value).removesuffix("Gi"))
        assert spec["template"]["spec"]["nodeSelector"] in flavors.values()
    assert total == asked


def write(files: dict[str, str], folder: Path) -> None:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")


@pytest.mark.skipif(KUBECTL is None, reason="needs kubectl, which builds kustomizations")
@pytest.mark.parametrize("name", ["office-day-profile", "survive-provider-loss"])
def test_kustomize_builds_every_overlay_and_component(environment: Make, name: str, tmp_path: Path) -> None:
    made = environment(name)
    write(files_of(made, "kustomize"), tmp_path)
    overlays = sorted(tmp_path.rglob("overlays/*"))
    assert overlays
    for overlay in overlays:
        base = overlay.parent.parent
        for components in ([], sorted((base / "components").iterdir())):
            own = overlay / "kustomization.yaml"
            data = yaml.safe_load(own.read_text())
            taken = {*data["components"], *(f"../../components/{one.name}" for one in components)}
            taken -= {"../../components/prometheus-operator"} if "../../components/monitoring" in taken else set()
            own.write_text(yaml.safe_dump({**data, "components": sorted(taken)}))
            command = [str(KUBECTL), "kustomize", str(overlay)]
            built = subprocess.run(command, capture_output=True, text=True, check=True)
            found = objects_in({"built.yaml": built.stdout})
            sets = {one["metadata"]["name"]: one for one in found if one["kind"] == "StatefulSet"}
            replicas = {run.name: run.deployment.replicas for run in made.runs}
            assert {key: one["spec"]["replicas"] for key, one in sets.items()}.items() <= replicas.items()
            labelled = {one["metadata"]["labels"].get("kueue.x-k8s.io/queue-name") for one in sets.values()}
            assert labelled == ({"engines"} if components else {None})
