"""Whole instances: what is least, what is short, what is dropped, and every fault of a file."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpumix_referee.inferno import judge
from gpumix_referee.inferno.check import Placed, faults_of_placement
from gpumix_referee.inferno.options import needs_of
from gpumix_referee.inferno.system import PARTS, read_system
from optimizer.errors import InputError

FOLDER = os.environ.get("GPUMIX_INFERNO_INSTANCES", "")


def model(accelerator: str, alpha: float) -> dict[str, Any]:
    """One request at a time: prefill 0, 11 tokens: 10 x alpha ms, so 100 / alpha requests/s at the most."""
    return {"name": "m", "acc": accelerator, "accCount": 1, "maxBatchSize": 1, "atTokens": 11,
            "decodeParms": {"alpha": alpha, "beta": 0}, "prefillParms": {"gamma": 0, "delta": 0}}


def server(name: str, service_class: str, per_min: float) -> dict[str, Any]:
    return {"name": name, "class": service_class, "model": "m",
            "currentAlloc": {"load": {"arrivalRate": per_min, "AvgInTokens": 5, "AvgOutTokens": 11}}}


SYSTEM: dict[str, Any] = {
    "acceleratorData": {"accelerators": [
        {"name": "slow", "type": "S", "multiplicity": 1, "cost": 100.0},
        {"name": "fast", "type": "F", "multiplicity": 2, "cost": 250.0}]},
    "capacityData": {"count": [{"type": "S", "count": 3}, {"type": "F", "count": 4}]},
    "modelData": {"models": [model("slow", 10.0), model("fast", 4.0)]},
    "serviceClassData": {"serviceClasses": [
        {"name": "gold", "priority": 1, "modelTargets": [{"model": "m", "slo-itl": 12}]},
        {"name": "tin", "priority": 2, "modelTargets": [{"model": "m", "slo-itl": 12}]}]},
    "serverData": {"servers": [server("a", "gold", 600), server("b", "tin", 600)]},
    "optimizerData": {"optimizer": {"unlimited": False}},
}
"""A slow one serves 10 requests/s at the most, less what its queue turns away at 0.999 of that; $1.
A fast one 25 likewise; $2.50, 2 cards. At a ratio of 0.999 M/M/1/11 turns away about 1/12: 9.16 and 22.9 requests/s.
So 10 requests/s need two slow ($2), one fast ($2.50), or one of each."""


def changed(*keys: Any, value: Any) -> dict[str, Any]:
    data = copy.deepcopy(SYSTEM)
    inner: Any = data
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    return data


def written(folder: Path, data: dict[str, Any]) -> Path:
    """Write the six files."""
    for part, (name, _) in PARTS.items():
        if part in data:
            (folder / name).write_text(json.dumps(data[part]), encoding="utf-8")
    return folder


def test_the_cheap_cards_go_as_far_as_they_reach(tmp_path: Path) -> None:
    # four slow ones would be $4, but there are three: two for one server, one fast for the other: $4.50
    found = judge(written(tmp_path, SYSTEM), single=False, shed=False)
    assert (found.status, found.usd_per_hour, found.bound) == ("optimal", 4.5, 4.5)
    assert found.nodes == {"slow": 2, "fast": 1}
    assert [(one.type, one.used, one.stock) for one in found.inventories] == [("F", 2, 4), ("S", 2, 3)]
    rich = changed("capacityData", "count", value=[{"type": "S", "count": 4}, {"type": "F", "count": 4}])
    assert judge(written(tmp_path, rich), single=True, shed=False).usd_per_hour == 4.0


def test_a_mix_may_be_cheaper_than_one_accelerator(tmp_path: Path) -> None:
    # 30 requests/s: one fast (22.9) and one slow (9.16): $3.50; two fast $5; four slow $4, but only three are there
    data = changed("serverData", "servers", value=[server("a", "gold", 1800)])
    path = written(tmp_path, data)
    assert judge(path, single=False, shed=False).usd_per_hour == 3.5
    assert judge(path, single=True, shed=False).usd_per_hour == 5.0


def test_what_is_short_is_named_and_the_lowest_priority_dropped(tmp_path: Path) -> None:
    # two slow cards carry one server; the other needs two cards more
    poor = changed("capacityData", "count", value=[{"type": "S", "count": 2}])
    path = written(tmp_path, poor)
    found = judge(path, single=True, shed=False)
    assert (found.status, found.usd_per_hour, found.servers, found.dropped) == ("infeasible", None, (), ())
    assert sum(one.short for one in found.inventories) == 2
    dropped = judge(path, single=True, shed=True)
    assert (dropped.status, dropped.usd_per_hour, dropped.dropped) == ("optimal", 2.0, ("b",))


def test_a_server_that_nothing_can_serve_says_why(tmp_path: Path) -> None:
    strict = changed("serviceClassData", "serviceClasses", 1, "modelTargets", 0, "slo-itl", value=3)
    found = judge(written(tmp_path, strict), single=False, shed=False)
    assert (found.status, found.impossible) == ("infeasible", {"b": "no accelerator meets its targets"})
    assert judge(tmp_path, single=False, shed=True).dropped == ("b",)


def test_unlimited_accelerators_have_no_stock(tmp_path: Path) -> None:
    data = changed("optimizerData", "optimizer", "unlimited", value=True)
    found = judge(written(tmp_path, data), single=False, shed=False)
    assert (found.usd_per_hour, found.inventories[1].stock) == (4.0, None)


def test_a_throughput_target_replaces_the_arrivals(tmp_path: Path) -> None:
    # 209 tokens/s of 11 tokens: 19 requests/s; slow with a tenth of margin: M/M/1/11 at 0.8991 passes on 8.6
    data = changed("serviceClassData", "serviceClasses", 0, "modelTargets", 0, value={"model": "m", "slo-tps": 209})
    need = needs_of(read_system(written(tmp_path, data)))[0]
    assert need.nano_rps == 19 * 10**9
    assert 8.5e9 < need.options[0].nano_rps < 8.7e9


def test_kept_accelerators_and_fewest_replicas_and_idle_servers(tmp_path: Path) -> None:
    data = changed("serverData", "servers", 0, "minNumReplicas", value=3)
    data["serverData"]["servers"][1] |= {"keepAccelerator": True}
    data["serverData"]["servers"][1]["currentAlloc"]["accelerator"] = "fast"
    data["serverData"]["servers"].append(server("idle", "tin", 0))
    found = judge(written(tmp_path, data), single=False, shed=False)
    assert found.servers == (Placed("a", "slow", 3), Placed("b", "fast", 1))


def test_one_file_holds_the_same(tmp_path: Path) -> None:
    path = tmp_path / "system.json"
    path.write_text(json.dumps({"system": SYSTEM}), encoding="utf-8")
    assert judge(path, single=False, shed=False).usd_per_hour == 4.5


@pytest.mark.parametrize(("data", "key"), [
    (changed("acceleratorData", "accelerators", 0, "cost", value=0), "accelerators.0.cost"),
    (changed("acceleratorData", "accelerators", 0, "multiplicity", value=1.5), "accelerators.0.multiplicity"),
    (changed("capacityData", "count", value=None), "count"),
    (changed("capacityData", "count", 0, "count", value=-1), "count.0.count"),
    (changed("modelData", "models", 0, "acc", value="abacus"), "models"),
    (changed("modelData", "models", 0, "decodeParms", "alpha", value="fast"), "models.0.decodeParms.alpha"),
    (changed("modelData", "models", 0, "perfParms", value={"alpha": 0, "beta": 1, "gamma": 1}),
     "models.0.perfParms.alpha"),
    (changed("serviceClassData", "serviceClasses", 0, value=7), "serviceClasses.0"),
    (changed("serverData", "servers", 1, "name", value="a"), "servers"),
    (changed("serverData", "servers", 1, "currentAlloc", "load", "arrivalRate", value=float("inf")),
     "servers.1.currentAlloc.load.arrivalRate"),
    (changed("optimizerData", "optimizer", "unlimited", value="no"), "optimizer.unlimited"),
])
def test_a_fault_is_named_with_its_place(tmp_path: Path, data: dict[str, Any], key: str) -> None:
    with pytest.raises(InputError) as raised:
        judge(written(tmp_path, data), single=False, shed=False)
    assert [fault.key for fault in raised.value.faults] == [key]


def test_the_later_times_and_a_batch_to_be_chosen(tmp_path: Path) -> None:
    """Times that do not grow with the batch: the most requests together pass on the most, so the ceiling is taken.

    6 tokens of 5 ms and a prefill of 5 ms: 35 ms in service, 4 together: at 0.999 of 114.3 requests/s the queue of 40
    turns about one in 45 away; one alone would be held to 28.5. So 100 requests/s need one replica, at 250 cents.
    """
    data = changed("serverData", "servers", value=[server("a", "gold", 6000)])
    data["serverData"]["servers"][0]["currentAlloc"]["load"]["AvgOutTokens"] = 6
    data["modelData"]["models"] = [
        {"name": "m", "acc": "fast", "maxBatchSize": 4, "perfParms": {"alpha": 5.0, "beta": 0.0, "gamma": 0.0}}]
    found = judge(written(tmp_path, data), single=False, shed=False)
    assert found.servers == (Placed("a", "fast", 1),)
    data["modelData"]["models"][0] |= {"atTokens": 3}  # so the batch is 4 x 3 / 6 = 2: 57 requests/s a replica
    again = judge(written(tmp_path, data), single=False, shed=False)
    assert again.servers == (Placed("a", "fast", 2),)


def test_every_missing_file_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        judge(tmp_path, single=False, shed=False)
    assert len(raised.value.faults) == 5  # all but optimizer-data.json, which may be left out
    with pytest.raises(InputError, match="no such file"):
        judge(tmp_path / "nowhere", single=False, shed=False)


Change = Callable[[list[Placed]], list[Placed]]


@pytest.mark.parametrize(("change", "said"), [
    (lambda placed: placed[1:], "nano-requests/s are carried"),
    (lambda placed: [*placed, Placed("b", "slow", 2)], "cards of 3"),
    (lambda placed: [*placed, Placed("b", "slow", 1)], "on 2 accelerators"),
    (lambda placed: [*placed, Placed("b", "abacus", 1)], "is no option"),
])
def test_the_check_knows_nothing_of_the_solver(tmp_path: Path, change: Change, said: str) -> None:
    system = read_system(written(tmp_path, SYSTEM))
    good = [Placed("a", "slow", 2), Placed("b", "fast", 1)]
    assert faults_of_placement(needs_of(system), system, good, (), True, 4.5) == []
    assert said in "\n".join(faults_of_placement(needs_of(system), system, change(good), (), True, 4.5))
    assert "dropped, yet placed" in faults_of_placement(needs_of(system), system, good, ("b",), True, 4.5)[0]
    assert "cost: 4.4" in faults_of_placement(needs_of(system), system, good, (), True, 4.4)[0]


@pytest.mark.skipif(not FOLDER, reason="GPUMIX_INFERNO_INSTANCES names no folder of instances (small, large)")
@pytest.mark.parametrize("single", [True, False])
def test_every_instance_of_the_folder_is_proven_and_no_dearer_than_what_it_states(single: bool) -> None:
    paths = [path for path in sorted(Path(FOLDER).iterdir()) if path.is_dir()]
    assert paths
    for path in paths:
        found = judge(path, single, shed=False)
        assert (found.status, found.bound) == ("optimal", found.usd_per_hour), path
        stated = json.loads((path / "solution-data.json").read_text(encoding="utf-8"))["allocations"]
        carried = {need.server: {one.accelerator: need.replicas_alone(one) for one in need.options}
                   for need in needs_of(read_system(path))}
        whole = all(carried[name].get(one["accelerator"]) == one["numReplicas"] for name, one in stated.items())
        if whole and len(stated) == len(carried):
            assert found.usd_per_hour <= sum(one["cost"] for one in stated.values()) / 100 + 1e-9, path
