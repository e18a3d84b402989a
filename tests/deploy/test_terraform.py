"""Modules of the plan's nodes: HCL that parses, arguments that the providers have, the nodes of the plan exactly."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml

from optimizer.deploy import Environment, files_of
from optimizer.deploy.following import following
from optimizer.deploy.schedule import nodes_by_hour
from optimizer.deploy.terraform.files import elsewhere
from optimizer.deploy.terraform.groups import CLOUDS
from optimizer.errors import InputError
from tests.deploy.conftest import SHIPPED, Make
from tests.deploy.test_clusters import write

RESOURCES = yaml.safe_load(
    (Path(__file__).parent / "data" / "terraform_resources.yaml").read_text(encoding="utf-8"))
TERRAFORM = shutil.which("terraform")
META = {"lifecycle"}


def bare(value: Any) -> Any:
    """Return parsed HCL without the quotes and marks that the parser keeps."""
    if isinstance(value, dict):
        return {bare(key): bare(one) for key, one in value.items() if key != "__is_block__"}
    if isinstance(value, list):
        return [bare(one) for one in value]
    return value.strip('"') if isinstance(value, str) else value


def resources_in(files: dict[str, str]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return type, name and body of each resource, each held against what its provider knows."""
    found = []
    for path, text in files.items():
        if path.endswith(".tf"):
            parsed = bare(hcl2.load(io.StringIO(text)))
            for one in parsed.get("resource", []):
                ((kind, named),) = one.items()
                ((name, body),) = named.items()
                assert_known(body, RESOURCES[kind], kind)
                found.append((kind, name, body))
    return found


def assert_known(body: dict[str, Any], wanted: dict[str, Any], place: str) -> None:
    """Hold arguments and blocks against their names, and require those without which a provider refuses."""
    blocks = wanted.get("blocks", {})
    unknown = set(body) - set(wanted["arguments"]) - set(blocks) - META
    assert not unknown, f"{place}: {unknown}"
    missing = set(wanted.get("required", ())) - set(body)
    assert not missing, f"{place}: {missing}"
    for name, inner in body.items():
        if name in blocks:
            for one in inner:
                assert_known(one, blocks[name], f"{place}.{name}")


def counts(kind: str, body: dict[str, Any]) -> tuple[int, int]:
    """Return the fewest and the most nodes of a group."""
    if kind == "aws_eks_node_group":
        (scaling,) = body["scaling_config"]
        return scaling["min_size"], scaling["max_size"]
    if kind == "google_container_node_pool":
        if "node_count" in body:
            return body["node_count"], body["node_count"]
        (scaling,) = body["autoscaling"]
        return scaling["total_min_node_count"], scaling["total_max_node_count"]
    return body.get("min_count", body["node_count"]), body.get("max_count", body["node_count"])


def labels(kind: str, body: dict[str, Any]) -> dict[str, str]:
    if kind == "google_container_node_pool":
        return dict(body["node_config"][0]["labels"])
    return dict(body["labels" if kind == "aws_eks_node_group" else "node_labels"])


@pytest.mark.parametrize("name", SHIPPED)
def test_every_node_of_the_clouds_is_made_once(environment: Make, name: str) -> None:
    made = environment(name)
    clouds = [node for node in made.plan.nodes if node.provider in CLOUDS]
    if not clouds:
        with pytest.raises(InputError, match="aws, gcp, azure"):
            files_of(made, "terraform")
        return
    found = resources_in(files_of(made, "terraform"))
    bounds = Counter(counts(kind, body) for kind, _, body in found)
    wanted = Counter((min(nodes_by_hour(made, node.offer_id) or [node.count]), node.count) for node in clouds)
    assert bounds == wanted
    assert len({labels(kind, body)["gpumix-offer"] for kind, _, body in found}) == len(clouds)
    assert {node.offer_id for node in elsewhere(made)} == {
        node.offer_id for node in made.plan.nodes if node.provider not in CLOUDS}


def test_spot_nodes_are_asked_for_as_spot(environment: Make) -> None:
    made = environment("tokyo-own-spot-in-yen")
    found = resources_in(files_of(made, "terraform"))
    spot = {node.offer_id for node in made.plan.nodes if node.kind == "spot"}
    assert spot
    assert {body["priority"] for _, _, body in found} == {"Spot"}
    assert {body["vm_size"] for _, _, body in found} == {
        run.instance_type for run in made.runs if run.node.offer_id in spot}
    assert all(len(body["name"]) <= 12 and body["name"].isalnum() for _, _, body in found)


@pytest.mark.skipif(TERRAFORM is None, reason="needs terraform")
def test_terraform_would_change_no_blank(environment: Make, tmp_path: Path) -> None:
    for name in ("office-day-profile", "tokyo-own-spot-in-yen", "tokyo-cloud-only"):
        write({path: text for path, text in files_of(environment(name), "terraform").items() if path.endswith(".tf")},
              tmp_path / name)
    done = subprocess.run([str(TERRAFORM), "fmt", "-check", "-recursive", "-diff", str(tmp_path)], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_following_the_load_costs_the_starts_ahead(environment: Make) -> None:
    """office-day-profile: two spot nodes of 2.429675 and one of 1.541576 an hour.

    The first kind starts at 8, 9 and 13 (one node each), the second at 10, 14 and 17: 3 x half an hour a day of each,
    365 / 12 days a month. Running all the time, they cost 730 hours each.
    """
    made = environment("office-day-profile")
    found = following(made)
    assert found is not None
    assert found.bound == pytest.approx(found.slots)
    rows = {node.offer_id: node for node in made.plan.nodes if node.kind == "spot"}
    days = 730 / 24
    expected = 0.0
    for offer_id, node in rows.items():
        hours = nodes_by_hour(made, offer_id)
        starts = sum(max(0, after - before) for before, after in zip([hours[-1], *hours], hours, strict=False))
        expected += starts * 0.5 * days * node.usd_per_hour_each
    assert found.ahead == pytest.approx(expected)
    assert found.ahead == pytest.approx(3 * 0.5 * days * (2.429675 + 1.541576), rel=1e-6)
    always = sum(node.count * 730 * node.usd_per_hour_each for node in made.plan.nodes)
    assert found.always == pytest.approx(always, rel=1e-6)
    assert following(replace(made, plan=made.plan.model_copy(update={"periods": ()}))) is None


def test_a_cloud_without_the_machines_name_is_refused(environment: Make) -> None:
    made: Environment = environment("tokyo-cloud-only")
    unnamed = replace(made, runs=tuple(replace(run, instance_type="") for run in made.runs))
    with pytest.raises(InputError, match="instance_type"):
        files_of(unnamed, "terraform")
