"""`gpumix export` of a plan by the hour: whichever nodes an hour has, no node is sent more than it carries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from optimizer.deploy.names import dns_name
from tests.cli.conftest import Run

BY_HOUR = {"tokyo-week": ("compose", "kubernetes", "skypilot"), "valley-filling": ("skypilot",),
           "office-day-profile": ("compose", "skypilot")}
"""Problem -> targets; those where a deployment runs in part are the ones that SkyPilot needs files by the hour for."""

Weights = dict[str, float]
"""Deployment -> weight of all its replicas that run, each of them alike."""


def names_of(plan: dict[str, Any]) -> list[str]:
    """Name the deployments as the folders do: the service and a number."""
    counts: dict[str, int] = {}
    found = []
    for one in plan["deployments"]:
        counts[one["service_id"]] = counts.get(one["service_id"], 0) + 1
        found.append(f"{one['service_id']}-{counts[one['service_id']]}")
    return found


def upstream(conf: str, service: str) -> list[tuple[str, int]]:
    """Return (address, weight) of the servers of a service."""
    block = conf.partition(f"upstream service_{service} {{")[2].partition("}\n")[0]
    lines = [line.split() for line in block.splitlines() if line.strip().startswith("server ")]
    return [(words[1], int(words[2].partition("=")[2])) for words in lines]


def sent_over_places(
    out: Path, hour: int, service: str, mine: list[tuple[str, dict[str, Any], int]], plan: dict[str, Any]
) -> Weights:
    """Return the share of each deployment: that of its place by the balancer before all, times that within it."""
    places = {node["offer_id"]: dns_name(f"{node['provider']}-{node['region']}") for node in plan["nodes"]}
    own = out / f"global/hours/{hour:03d}.conf"
    conf = (own if own.exists() else out / "global/balancer.conf").read_text("utf-8")
    among = {address.partition(":")[0]: weight for address, weight in upstream(conf, service)}
    inside: dict[str, Weights] = {}
    for name, one, nodes in mine:
        place = places[one["offer_id"]]
        own_conf = conf_of(out / "places" / place, "kubernetes", hour)
        replicas = nodes * one["replicas"] // one["nodes"]
        inside.setdefault(place, {})[name] = weight_of(own_conf, "kubernetes", service, name, nodes, replicas)
    assert set(among) == set(inside)  # a place where nothing runs gets nothing
    return {name: among[place] / sum(among.values()) * weight / sum(weights.values())
            for place, weights in inside.items() for name, weight in weights.items()}


def conf_of(out: Path, target: str, hour: int) -> str:
    if target == "kubernetes" and not (out / "manifests").is_dir():
        return ""
    if target == "kubernetes":
        maps = [one for one in yaml.safe_load_all((out / "manifests/20-balancer.yaml").read_text("utf-8")) if one]
        return next(one["data"]["nginx.conf"] for one in maps if one["kind"] == "ConfigMap")
    own = out / f"balancer/hours/{hour:03d}.conf"
    return (own if own.exists() else out / "balancer/balancer.conf").read_text("utf-8")


def weight_of(conf: str, target: str, service: str, name: str, nodes: int, replicas: int) -> float:
    """Return the weight of so many nodes of a deployment, as each target spreads its requests."""
    marks = {"compose": f"{name}-node-", "kubernetes": f"{name}.",
             "skypilot": "${ENDPOINT_" + name.upper().replace("-", "_") + "}"}
    found = [weight for address, weight in upstream(conf, service) if address.startswith(marks[target])]
    assert len(set(found)) == 1
    return {"compose": nodes * found[0], "kubernetes": replicas * found[0], "skypilot": found[0]}[target]


def slots(plan: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[tuple[str, dict[str, Any], int]]]]:
    """Yield each slot with (name, deployment, nodes that run)."""
    waits = {one["service_id"] for one in plan["services"] if one["kind"] == "async"}
    for slot in plan["periods"]:
        slot = {**slot, "demand": {one["service_id"]: one["amount"] for one in slot["demand"]
                                   if one["service_id"] not in waits}}
        nodes = {(one["service_id"], one["offer_id"], one["engine_id"]): one["nodes"] for one in slot["running"]}
        yield slot, [(name, one, nodes.get((one["service_id"], one["offer_id"], one["engine_id"]), 0))
                     for name, one in zip(names_of(plan), plan["deployments"], strict=True)]


@pytest.mark.parametrize("problem", BY_HOUR)
def test_no_node_is_sent_more_than_it_carries_in_any_hour(run: Run, problem: str, tmp_path: Path) -> None:
    """What the exported weights send to the nodes of an hour, at that hour's demand, is at most what they carry."""
    plan = json.loads(run("solve", problem, "--format", "json").out)
    for target in BY_HOUR[problem]:
        out = tmp_path / target
        assert run("export", problem, "--to", target, "--out", out).code == 0
        schedule = {hour: one for one in json.loads((out / "schedule.json").read_text("utf-8"))["slots"]
                    for hour in one["hours"]}
        assert sorted(schedule) == list(range(sum(len(one["hours"]) for one in plan["periods"])))
        for slot, running in slots(plan):
            conf = conf_of(out, target, slot["hours"][0])
            for name, one, nodes in running:
                assert schedule[slot["hours"][0]]["replicas"][name] == nodes * one["replicas"] // one["nodes"]
            for service, demand in slot["demand"].items():
                mine = [(name, one, nodes) for name, one, nodes in running if one["service_id"] == service and nodes]
                if (out / "places").is_dir():
                    sent = sent_over_places(out, slot["hours"][0], service, mine, plan)
                else:
                    sent = {name: weight_of(conf, target, service, name, nodes, nodes * one["replicas"] // one["nodes"])
                            for name, one, nodes in mine}
                for name, one, nodes in mine:
                    share = sent[name] / sum(sent.values())
                    # weights are whole numbers of about a thousand together: half of one of them may be lost
                    rounding = (len(sent) + 1) / 1000 * demand
                    assert share * demand <= nodes * one["capacity_per_node"] + rounding, (target, slot["hours"], name)
                    stated = schedule[slot["hours"][0]]["request_share_fraction"][name]
                    assert share == pytest.approx(stated, abs=(len(sent) + 1) / 500)


def test_the_balancer_of_a_week_sends_the_small_node_its_part(run: Run, tmp_path: Path) -> None:
    """Monday 11:00 in tokyo-week: 274 requests on nodes of 280, of which 24 are the rented node's."""
    plan = json.loads(run("solve", "tokyo-week", "--format", "json").out)
    assert run("export", "tokyo-week", "--to", "compose", "--out", tmp_path / "env").code == 0
    slot, running = next((slot, running) for slot, running in slots(plan) if 11 in slot["hours"])
    carried = sum(nodes * one["capacity_per_node"] for _, one, nodes in running)
    assert slot["demand"] == {"support": 274}
    assert carried >= 274 > carried - min(nodes * one["capacity_per_node"] for _, one, nodes in running if nodes)
    guide = (tmp_path / "env/README.md").read_text("utf-8")
    assert "| Mon 11, Mon 14-15 |" in guide
